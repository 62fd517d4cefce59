"""Takes one event to one endpoint, once, over HTTP."""

from __future__ import annotations

import os
import ssl
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import aiohttp

from smpp_esme.daemon import signing
from smpp_esme.daemon.publish import Outcome, retry_after
from smpp_esme.errors import ConfigError

if TYPE_CHECKING:
    from types import TracebackType

    from smpp_esme.daemon.endpoints import WebhookSettings

#: So much of an answer is read, so that the connection can be used again; nobody looks at it.
_READ: Final = 1 << 16


class Courier:
    """Posts to one endpoint; an async context manager.

    Redirects are not followed, cookies not kept, proxies of the environment not used, and answers not unpacked.

    Args:
        name: the endpoint's.
        settings: its table of the configuration.

    Raises:
        ConfigError: the authorities to trust cannot be read.
    """

    def __init__(self, name: str, settings: WebhookSettings) -> None:
        self._url = settings.url
        self._keys = settings.keys()
        self._timeout = settings.timeout
        self._connections = settings.concurrency
        self._tls = _trusting(name, settings.ca) if settings.url.startswith("https:") else True
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._connections + 1, ssl=self._tls),  # one for replays and tests
            timeout=aiohttp.ClientTimeout(total=self._timeout),
            headers={"content-type": "application/json", "user-agent": f"smpp-esme/{version('smpp-esme')}"},
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session:
            await self._session.close()

    async def take(self, name: str, body: bytes, *, timestamp: int) -> Outcome:
        """Post an event.

        Args:
            name: its identifier.
            body: what is posted.
            timestamp: now, in seconds since 1970.

        Returns:
            What came of it; no failure of the network is an exception. Cancelled, nobody knows.
        """
        if self._session is None:
            raise AssertionError("a courier is used within its context")
        headers = signing.headers(self._keys, name=name, timestamp=timestamp, body=body)
        try:
            async with self._session.post(self._url, data=body, headers=headers, allow_redirects=False) as answer:
                return await _outcome(answer, timestamp)
        except TimeoutError:
            return Outcome(reason=f"no answer within {self._timeout:g} seconds")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Outcome(reason=_told(error))


async def _outcome(answer: aiohttp.ClientResponse, now: int) -> Outcome:
    await answer.content.read(_READ)
    if not answer.content.at_eof():
        answer.close()
    reason = "redirects are not followed" if 300 <= answer.status < 400 else ""
    return Outcome(
        status=answer.status,
        reason=f"HTTP {answer.status}" + (f": {reason}" if reason else ""),
        retry_after=retry_after(answer.headers.get("retry-after", ""), now),
    )


def _told(error: Exception) -> str:
    """What went wrong, in words that repeat nothing of the address."""
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "the host's name cannot be resolved"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return "the host's certificate is not trusted"
    if isinstance(error, aiohttp.ClientSSLError):
        return "TLS failed"
    if isinstance(error, aiohttp.ClientConnectorError):
        # Its own words: asyncio's name the address.
        return f"cannot connect: {os.strerror(error.errno) if error.errno else type(error.os_error).__name__}"
    return f"the connection failed ({type(error).__name__})"


def _trusting(name: str, authorities: str) -> ssl.SSLContext:
    path = Path(authorities)
    try:
        if not authorities:
            return ssl.create_default_context()
        if path.is_dir():
            return ssl.create_default_context(capath=path)
        return ssl.create_default_context(cafile=path)
    except (OSError, ssl.SSLError) as error:
        problem = error.strerror or "cannot be used"
        raise ConfigError(f"webhooks.{name}.ca", problem, "a PEM file, or a folder of them") from error
