"""A link keeps one session bound, through reconnects, for as long as it runs."""

from __future__ import annotations

import asyncio
import logging
import random
from typing import TYPE_CHECKING, Final

import msgspec

from smpp_esme.errors import BindRefused, ResponseTimeout, SessionClosed
from smpp_esme.protocol.commands import CommandStatus
from smpp_esme.protocol.timers import Timers
from smpp_esme.session.session import Session

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator

    from smpp_esme.session.endpoint import Endpoint

_log = logging.getLogger(__name__)

#: Refusals that no waiting mends: the account is wrong, and trying again only gets it blocked.
FATAL: Final = frozenset({CommandStatus.ESME_RINVPASWD, CommandStatus.ESME_RINVSYSID, CommandStatus.ESME_RINVSYSTYP})


class Backoff(msgspec.Struct, frozen=True, kw_only=True):
    """How long to wait before the next attempt, in seconds.

    Attributes:
        first: after the first failure.
        most: however many have failed.
        factor: from one failure to the next.
    """

    first: float = 0.2
    most: float = 30.0
    factor: float = 2.0

    def delay(self, failures: int, luck: float) -> float:
        """Seconds to wait after so many failures in a row; `luck` in 0..1 spreads ESMEs that fell together."""
        exponent = min(failures - 1, 64)
        return min(self.most, self.first * self.factor**exponent) * (0.5 + luck / 2)


class Link:
    """Keeps one session to one SMSC bound.

    Args:
        name: what messages, logs and metrics call it.
        endpoint: where the SMSC is and who we are there.
        how: transceiver, transmitter or receiver.
        window: how many requests may be outstanding.
        timers: the session's timers.
        backoff: how long to wait between attempts.
        tls: context for ``smpp+tls://``.

    Attributes:
        window: as given.
    """

    def __init__(
        self,
        name: str,
        endpoint: Endpoint,
        *,
        how: str = "transceiver",
        window: int = 10,
        timers: Timers | None = None,
        backoff: Backoff | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.name = name
        self.endpoint = endpoint
        self._bind_request = endpoint.bind_request(how)
        self.window = window
        self._timers = timers or Timers()
        self._backoff = backoff or Backoff()
        self._tls = tls
        self._session: Session | None = None
        self._changed = asyncio.Condition()

    def __repr__(self) -> str:
        return f"<Link {self.name} {self._session or 'unbound'!r}>"

    @property
    def is_bound(self) -> bool:
        """Whether there is a bound session now."""
        return self._session is not None and self._session.is_bound

    async def run(self) -> None:
        """Bind, and bind again whenever the session ends, until cancelled; cancelling unbinds first.

        Raises:
            BindRefused: for a reason that waiting does not mend, such as a wrong password.
        """
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            served = False
            try:
                session = await self._bound()
                begun = loop.time()
                await self._hold(session)
                # An SMSC that binds us and cuts us off at once has not served us: only a session that lasts does.
                served = loop.time() - begun >= self._backoff.most
            except BindRefused as error:
                if error.command_status in FATAL:
                    raise
                _log.warning("link.bind_refused", extra={"link": self.name, "error": str(error)})
            except (SessionClosed, ResponseTimeout) as error:
                _log.warning("link.bind_failed", extra={"link": self.name, "error": str(error)})
            failures = 1 if served else failures + 1
            await asyncio.sleep(self._backoff.delay(failures, random.random()))  # noqa: S311 - spreads load

    async def session(self) -> Session:
        """Wait for the bound session. Cancelling is safe; the wait has no end but the caller's."""
        async with self._changed:
            while not (self._session and self._session.is_bound):
                await self._changed.wait()
            return self._session

    async def sessions(self) -> AsyncIterator[Session]:
        """Each session in turn as it becomes bound, for a loop that reads one until it ends."""
        last = None
        while True:
            async with self._changed:
                while self._session is None or self._session is last:
                    await self._changed.wait()
                last = self._session
            yield last

    async def _bound(self) -> Session:
        session = await Session.connect(self.endpoint, window=self.window, timers=self._timers, tls=self._tls)
        await session.bind(self._bind_request)
        return session

    async def _hold(self, session: Session) -> None:
        """Offer the session until it ends; unbind if we are told to stop first."""
        _log.info("link.bound", extra={"link": self.name, "peer": session.peer})
        try:
            await self._offer(session)
            closed = await session.wait_closed()
            _log.warning("link.lost", extra={"link": self.name, "reason": closed.reason})
        finally:
            if session.is_bound:
                await session.unbind()
                _log.info("link.unbound", extra={"link": self.name})

    async def _offer(self, session: Session) -> None:
        async with self._changed:
            self._session = session
            self._changed.notify_all()
