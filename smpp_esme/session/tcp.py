"""The TCP connection under a session: how it is made, and how it notices that the other end is gone."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final, TypeVar

from smpp_esme.errors import ConnectFailed, InvalidValue
from smpp_esme.session import tls as tls_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from smpp_esme.protocol.timers import Timers
    from smpp_esme.session.endpoint import Endpoint

P = TypeVar("P", bound=asyncio.BaseProtocol)

#: Seconds that written octets may stay unacknowledged, at least: a short response timer is no word on the network.
_SHORTEST_USER_TIMEOUT: Final = 5.0
#: Seconds of silence on the wire before the kernel probes, seconds between its probes, and how many it makes.
_KEEPALIVE: Final = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4}


async def connect(
    protocol: Callable[[], P], endpoint: Endpoint, timers: Timers, context: ssl.SSLContext | None = None
) -> P:
    """Open a TCP connection, and TLS on it where the endpoint asks for that.

    Where the host's name has several addresses, they are tried in turn, each for its share of the time that is left.

    Args:
        protocol: makes the protocol.
        endpoint: where to.
        timers: connecting may take as long as session_init.
        context: for TLS, instead of what `endpoint.tls` says.

    Raises:
        ConnectFailed: nobody listens there, or not in time, or TLS failed; a sentence that says which.
        InvalidValue: no address can have this host or port, or a file that `endpoint.tls` names cannot be used.
    """
    if endpoint.tls and context is None:
        context = endpoint.tls.context()
    try:
        async with asyncio.timeout(timers.session_init or None) as limit:
            transport, made = await _opened(protocol, endpoint, context if endpoint.tls else None, limit.when())
    except TimeoutError as error:
        raise ConnectFailed(f"{endpoint}: no connection within {timers.session_init:g} s") from error
    except OSError as error:
        raise ConnectFailed(f"{endpoint}: {_said(error, during_tls=endpoint.tls is not None)}") from error
    except (ValueError, OverflowError):  # what the socket module says of names and ports that no address has
        raise InvalidValue("endpoint", f"{endpoint} cannot be one", "a host, and a port from 1 to 65535") from None
    tune(transport.get_extra_info("socket"), timers)
    return made


async def _opened(
    protocol: Callable[[], P], endpoint: Endpoint, context: ssl.SSLContext | None, until: float | None
) -> tuple[asyncio.Transport, P]:
    """A connection to the first of the host's addresses that answers; the last one's error if none does."""
    loop = asyncio.get_running_loop()
    name = endpoint.tls.name_for(endpoint.host) if endpoint.tls else None
    *others, last = await _addresses(endpoint.host)
    for place, address in enumerate(others):
        share = None if until is None else (until - loop.time()) / (len(others) - place + 1)
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(share):
                return await loop.create_connection(protocol, address, endpoint.port, ssl=context, server_hostname=name)
    return await loop.create_connection(protocol, last, endpoint.port, ssl=context, server_hostname=name)


async def _addresses(host: str) -> list[str]:
    """The addresses of a name, in the order in which to try them; an address is its own."""
    try:
        ip_address(host)
    except ValueError:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
        return list(dict.fromkeys(str(place[0]) for *_, place in found))
    return [host]


def tune(connection: Any, timers: Timers) -> None:
    """Set what keeps a connection quick, and lets a dead one be noticed; what a platform does not have is left out.

    TCP_NODELAY: without it a window's last PDU waits for an acknowledgement that the peer delays by 40 ms.
    TCP_USER_TIMEOUT: written octets that nobody acknowledges for as long as a response may take end the connection,
    where TCP alone would go on for a quarter of an hour. Keepalive finds a dead peer while nothing is written.
    """
    if connection is None or connection.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE.items():
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    if timers.response and hasattr(socket, "TCP_USER_TIMEOUT"):
        milliseconds = int(max(timers.response, _SHORTEST_USER_TIMEOUT) * 1000)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)


def cause(error: Exception | None, *, tls: bool) -> str:
    """Why the connection is gone; `tls` if it was encrypted and the peer had not let us in yet."""
    if isinstance(error, ssl.SSLError):
        return f"the connection was lost: {tls_settings.explain(error)}"
    hint = "; behind TLS, the peer may want a client certificate that it trusts" if tls else ""
    return (f"the connection was lost: {error}" if error else "the peer closed the connection") + hint


def _said(error: OSError, *, during_tls: bool) -> str:
    if isinstance(error, ssl.SSLError):
        return tls_settings.explain(error)
    if during_tls and isinstance(error, ConnectionResetError | ConnectionAbortedError):
        return "the connection was cut during the TLS handshake; the SMSC may not speak TLS on this port"
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)  # asyncio's own words have the address once more
    return error.strerror or str(error)
