"""HTTP connections read by httptools, of the extra `speed`: a request costs half of what it does with h11.

httptools by itself knows no bound for a request's head.
"""

from __future__ import annotations

from typing import Final

from httptools import HttpParserError, HttpParserUpgrade
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from smpp_esme.web.connections import Patient, PatientH11

#: Octets that a request's head may have, and its trailers with it; h11 has the same limit by itself.
HEAD_LIMIT: Final = 65_536


class PatientHttpTools(Patient, HttpToolsProtocol):  # type: ignore[misc]  # both are uvicorn's
    """A connection as `Patient` has it, read by httptools."""

    _head = 0  # octets of address and headers, trailers among them
    _untold = 0  # octets that the parser keeps, and has told nothing of
    _told = False

    def _feed(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        self._told = False
        try:
            self.parser.feed_data(data)
            self._untold = 0 if self._told else self._untold + len(data)
            if self._untold > HEAD_LIMIT:
                self._refuse()
        except HttpParserUpgrade as offer:
            self._hand_over(data[offer.args[0] :])
        except HttpParserError:
            self._refuse()

    def _refuse(self) -> None:
        self.send_400_response("Invalid HTTP request received.")

    def _hand_over(self, rest: bytes) -> None:
        """An offer to speak another protocol, which a client may make with any request: h11 reads past it.

        httptools would leave out the request's body.
        """
        self.connections.discard(self)
        if self.cycle is not None and not self.cycle.response_complete:
            self.transport.close()  # what is being answered cannot go over to another reader
            return
        another = type("PatientH11", (PatientH11,), {"patience": self.patience})(
            self.config, self.server_state, self.app_state
        )
        head = [b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())]
        head += [b"%b: %b" % each for each in self.headers]
        self._unwatch()
        self.transport.set_protocol(another)
        another.connection_made(self.transport)
        another.data_received(b"\r\n".join([*head, b"", rest]))

    def on_message_begin(self) -> None:
        """A request begins."""
        self._told = True
        self._head = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """A part of its address."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer."""
        self._told = True
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Its head has come."""
        if not self.parser.should_upgrade():
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of its body."""
        self._told = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """It has come to its end."""
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def _count(self, octets: int) -> None:
        self._head += octets
        if self._head > HEAD_LIMIT:
            raise ValueError("the head is too long")  # which the parser takes for an error of the request's
