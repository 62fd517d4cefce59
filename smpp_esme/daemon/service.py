"""The daemon's loops, their owner, and how they stop."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from smpp_esme.daemon.collect import Collect
from smpp_esme.daemon.dispatch import Answers, Dispatch
from smpp_esme.daemon.gateway import Gateway, Route
from smpp_esme.session.link import Link
from smpp_esme.session.pacing import Pacing

if TYPE_CHECKING:
    from smpp_esme.daemon.config import LinkSettings, Settings
    from smpp_esme.store import Store

_log = logging.getLogger(__name__)

#: Whose claims these are: one daemon owns one SQLite file.
OWNER: Final = "smpp-esme"


class Service:
    """One running daemon: for each link a session, a dispatch and a collect, over one store.

    Args:
        settings: the configuration.
        store: open, and this daemon's own.

    Attributes:
        gateway: the door for whoever has something to deliver.
    """

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._answers = Answers(store)
        self._links: list[Link] = []
        self._dispatches: list[Dispatch] = []
        self._collects: list[Collect] = []
        routes = [self._route(name, link) for name, link in settings.links.items()]
        self.gateway = Gateway(store, routes, self._wake)

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop`, then drain: claim no more, wait for what is outstanding, unbind, write the last answers.

        Raises:
            BindRefused: an account is wrong; everything else is waited out.
            Exception: a loop died; all were stopped, and what the store has committed stands.
        """
        in_doubt = await self._store.recover(OWNER, datetime.now(UTC))
        if in_doubt:
            _log.warning("daemon.recovered", extra={"in_doubt": in_doubt})
        try:
            async with asyncio.TaskGroup() as loops:
                links = [loops.create_task(link.run(), name=f"link {link.name}") for link in self._links]
                dispatching = {loops.create_task(one.run(), name="dispatch"): one for one in self._dispatches}
                others = [loops.create_task(one.run(), name="collect") for one in self._collects]
                others.append(loops.create_task(self._answers.run(), name="answers"))
                await stop.wait()
                await self._drain(dispatching)
                for task in (*links, *dispatching, *others):
                    task.cancel()
        finally:
            await self._answers.flush()

    def _route(self, name: str, settings: LinkSettings) -> Route:
        """Make a link's loops, and tell the gateway what it needs to know of them."""
        link = Link(name, settings.endpoint(), how=settings.bind, window=settings.window, timers=settings.timers())
        profile = settings.bound_profile()
        pacing = Pacing(settings.throughput, asyncio.get_running_loop().time())
        dispatch = Dispatch(
            self._store,
            link,
            self._answers,
            pacing,
            owner=OWNER,
            lease=self._settings.dispatch.lease,
            batch=self._settings.dispatch.batch,
        )
        self._links.append(link)
        if settings.bind != "receiver":
            self._dispatches.append(dispatch)
        if settings.bind != "transmitter":
            self._collects.append(Collect(self._store, link, profile))
        return Route(
            link=name,
            profile=profile,
            source_addr=settings.source_addr,
            is_bound=lambda: link.is_bound,
            submits=settings.bind != "receiver",
        )

    def _wake(self) -> None:
        for dispatch in self._dispatches:
            dispatch.wake()

    async def _drain(self, dispatching: dict[asyncio.Task[None], Dispatch]) -> None:
        """Let outstanding requests be answered, for as long as the configuration allows."""
        for dispatch in self._dispatches:
            dispatch.stop()
        if bound := [task for task, dispatch in dispatching.items() if dispatch.is_bound]:
            await asyncio.wait(bound, timeout=self._settings.dispatch.drain)
