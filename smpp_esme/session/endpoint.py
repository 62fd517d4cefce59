"""Where an SMSC listens and how we introduce ourselves, as one URL."""

from __future__ import annotations

from typing import Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

import msgspec

from smpp_esme.errors import InvalidValue
from smpp_esme.protocol.pdus import BindReceiver, BindTransceiver, BindTransmitter, Pdu
from smpp_esme.session.tls import Tls

#: The ports that SMPP is found on (IANA 2775; TLS by custom 3550).
DEFAULT_PORTS: Final = {"smpp": 2775, "smpp+tls": 3550}

#: So much of a port that is none is told back.
_PORT_DIGITS: Final = 10

_FORM: Final = "smpp://system_id:password@host:port, with signs such as / and @ in the account percent-encoded"

#: How a session may be bound, by the word that a person uses.
BINDS: Final[dict[str, type[BindTransceiver | BindTransmitter | BindReceiver]]] = {
    "transceiver": BindTransceiver,
    "transmitter": BindTransmitter,
    "receiver": BindReceiver,
}


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """An SMSC's address and our account there.

    Attributes:
        host: name or address.
        port: TCP port.
        tls: how the connection is encrypted from its first octet; None for not at all.
        system_id: our account, at most 15 characters.
        password: at most 8 characters (SMPP 3.4, 4.1.1).
        system_type: what kind of ESME we are, often empty.
    """

    host: str
    port: int
    tls: Tls | None = None
    system_id: str = ""
    password: str = ""
    system_type: str = ""

    def __repr__(self) -> str:
        return f"Endpoint({self})"

    def __str__(self) -> str:
        """The address without the password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'smpp+tls' if self.tls else 'smpp'}://{self.system_id}@{host}:{self.port}"

    def bind_request(self, how: str = "transceiver") -> Pdu:
        """The bind PDU of this account; `how` is transceiver, transmitter or receiver.

        Raises:
            InvalidValue: `how` is none of them.
        """
        if how not in BINDS:
            raise InvalidValue("bind", f"is {how!r}", f"one of {', '.join(BINDS)}")
        return BINDS[how](system_id=self.system_id, password=self.password, system_type=self.system_type)


def parse_url(url: str) -> Endpoint:
    """The endpoint that a URL names: ``smpp://system_id:password@host:port`` or ``smpp+tls://...``.

    System id and password may be percent-encoded. What `Tls` can be told may follow as a query, such as
    ``?ca=/etc/smsc/ca.pem&server_name=smsc.example``; ``verify=no`` trusts anybody.

    Raises:
        InvalidValue: names the part that is wrong; never shows the password.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        raise InvalidValue("url", "it cannot be read", _FORM) from None
    port = _port(parts)
    if parts.scheme not in DEFAULT_PORTS:
        raise InvalidValue("url", f"the scheme is {parts.scheme!r}", "smpp:// or smpp+tls://")
    if not parts.hostname:
        raise InvalidValue("url", "it names no host", _FORM)
    if parts.path not in ("", "/") or parts.fragment:
        raise InvalidValue("url", "something follows the host and port", _FORM)
    return Endpoint(
        host=parts.hostname,
        port=DEFAULT_PORTS[parts.scheme] if port is None else port,
        tls=_tls(parts.scheme, parts.query),
        system_id=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )


def _port(parts: SplitResult) -> int | None:
    """The port, or None: it is left out."""
    try:
        return parts.port
    except ValueError:
        written = parts.netloc.rpartition("@")[2].rpartition("]")[2].partition(":")[2]
        if parts.path.strip("/"):  # a password with a / in it, of which nothing is repeated
            raise InvalidValue("url", "it cannot be read", _FORM) from None
        is_number = written.isascii() and written.isdigit()
        problem = f"is {written[:_PORT_DIGITS]}" if is_number else "is no number"
        raise InvalidValue("port", problem, "1 to 65535") from None


def _tls(scheme: str, query: str) -> Tls | None:
    if scheme != "smpp+tls":
        if query:
            raise InvalidValue("url", "something follows the host and port", f"{_FORM}; options are for smpp+tls://")
        return None
    options = dict(parse_qsl(query, keep_blank_values=True))
    known = Tls.__struct_fields__
    if not options.keys() <= set(known) or ("=" not in query and query):
        raise InvalidValue("url", "an option is not known", f"options of smpp+tls:// are {', '.join(known)}")
    verify = options.pop("verify", "yes")
    if verify not in {"yes", "no"}:
        raise InvalidValue("url", "verify is neither yes nor no", "smpp+tls://...?verify=yes, or verify=no")
    return Tls(**options, verify=verify == "yes")
