"""HTTP connections read by httptools, of the extra `speed`: a request costs half of what it does with h11.

httptools by itself knows no bound for a request's head.
"""

from __future__ import annotations

from typing import Final

from httptools import HttpParserError, HttpParserUpgrade
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from smpp_esme.web.connections import Patient, PatientH11

#: Octets of a head, or of trailers, for whose end is waited; h11 has the same limit by itself.
HEAD_LIMIT: Final = 65_536


class PatientHttpTools(Patient, HttpToolsProtocol):  # type: ignore[misc]  # both are uvicorn's
    """A connection as `Patient` has it, read by httptools."""

    _untold = 0  # octets that came since the parser last told of a head, or of a part or the end of a body

    def _feed(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        self._untold += len(data)
        try:
            self.parser.feed_data(data)
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

    def on_headers_complete(self) -> None:
        """A request's head has come."""
        self._untold = 0
        if not self.parser.should_upgrade():
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of its body."""
        self._untold = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """It has come to its end."""
        self._untold = 0
        if not self.parser.should_upgrade():
            super().on_message_complete()
