"""The daemon's loops, their owner, how they change, and how they stop."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from smpp_esme.daemon.answers import Answers
from smpp_esme.daemon.doubts import Doubts
from smpp_esme.daemon.endurance import enduring, until_first
from smpp_esme.daemon.gateway import Gateway
from smpp_esme.daemon.line import Line
from smpp_esme.daemon.metrics import Metrics, measure_store
from smpp_esme.daemon.routing import Router
from smpp_esme.daemon.upkeep import Upkeep
from smpp_esme.daemon.webhooks import Webhooks
from smpp_esme.errors import BindRefused, InvalidValue, ResponseTimeout, SessionClosed

if TYPE_CHECKING:
    from smpp_esme.daemon.accounts import LinkSettings
    from smpp_esme.daemon.config import Settings
    from smpp_esme.daemon.webhooks import MakeCourier
    from smpp_esme.store import Store

_log = logging.getLogger(__name__)


class Service:
    """One running daemon: for each link a session, a dispatch and a collect, over one store.

    Args:
        settings: the configuration.
        store: open, and this daemon's own.
        metrics: what is measured of it; by default nobody reads it.
        courier: makes what delivers to an endpoint.

    Attributes:
        gateway: the door for whoever has something to deliver.
    """

    def __init__(
        self, settings: Settings, store: Store, metrics: Metrics | None = None, courier: MakeCourier | None = None
    ) -> None:
        self._settings = settings
        self._store = store
        self._metrics = metrics or Metrics()
        self._policies = {name: link.resubmit() for name, link in settings.links.items()}
        self._answers = Answers(store, self._policies, self._metrics.tracing)
        self._judged = {name for name, policy in self._policies.items() if policy.believes}
        self._doubts = Doubts(store, self._judged, attempt=settings.dispatch.lease)
        self._lines = {name: self._line(name, link) for name, link in settings.links.items()}
        self._tasks = asyncio.TaskGroup()
        self._serving: dict[Line, asyncio.Task[None]] = {}
        #: Set while there are loops that another configuration can be told.
        self._can_reload = asyncio.Event()
        self._reloading: asyncio.Task[dict[str, Exception]] | None = None
        self._webhooks = Webhooks(
            settings.webhooks, store, courier=courier, owner=settings.dispatch.owner, metrics=self._metrics
        )
        self._upkeep = Upkeep(
            store,
            self._lines,
            policies=self._policies,
            retention=settings.retention,
            endpoints=self._webhooks.names,
        )
        self.gateway = Gateway(
            store, self._router(), self._wake, self._webhooks, tracing=self._metrics.tracing, metrics=self._metrics
        )
        store.watch_commits(self._metrics.committed)
        store.doubt_watchers.append(self._metrics.doubts_ended)
        self._metrics.before(self._measure)

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop`, then drain: claim no more, wait for what is outstanding, unbind, write the last answers.

        Raises:
            BindRefused, InvalidValue: no link is left, for no account is right; everything else is waited out.
            Exception: a loop died, and not of an outage of the store, which it outlasts; all were stopped, and what the
                store has committed stands.
        """
        await until_first("recovery", enduring("recovery", self._recover), stop.wait())
        if stop.is_set():
            return
        try:
            async with asyncio.TaskGroup() as self._tasks:
                for line in self._lines.values():
                    self._serve(line)
                others = [
                    self._tasks.create_task(enduring("answers", self._answers.run), name="answers"),
                    self._tasks.create_task(enduring("upkeep", self._upkeep.run), name="upkeep"),
                    self._tasks.create_task(enduring("doubts", self._doubts.run), name="doubts"),
                    self._tasks.create_task(enduring("reroute", self.gateway.rerouting.run), name="reroute"),
                    self._tasks.create_task(enduring("webhooks", self._webhooks.run), name="webhooks"),
                ]
                self._can_reload.set()
                await stop.wait()
                self._can_reload.clear()
                self.gateway.stop()
                await self._leave_off()
                await asyncio.gather(*(line.drain(self._settings.dispatch.drain) for line in self._serving))
                for task in (*self._serving.values(), *others):
                    task.cancel()
        finally:
            await self._answers.flush()

    async def _recover(self) -> None:
        in_doubt = await self._store.recover(self._settings.dispatch.owner, datetime.now(UTC), policies=self._policies)
        if in_doubt:
            _log.warning("daemon.recovered", extra={"in_doubt": in_doubt})

    # Another configuration

    def check(self, settings: Settings) -> None:
        """See that another configuration could be gone over to.

        Raises:
            ConfigError: what an endpoint needs cannot be read.
        """
        self._webhooks.check(settings.webhooks)

    async def reload(self, settings: Settings) -> dict[str, Exception]:
        """Go over to another configuration while everything goes on; what only a start can change is not looked at.

        A link whose account or binds have changed is bound anew before it leaves its old sessions. One that is new is
        bound, one that is gone takes no messages any more and is drained; what is queued for it stays queued. Call
        `check` before.

        Call it once at a time. Before the loops of `run` have begun it waits for them; a stop cancels it, and one that
        comes after that does nothing until it is cancelled. Cancelled, some of it has been done.

        Returns:
            The links whose new settings the SMSC does not accept, each with what it said: they go on as they were.
        """
        await self._can_reload.wait()
        self._reloading = self._tasks.create_task(self._reload(settings), name="reload")
        return await self._reloading

    async def _reload(self, settings: Settings) -> dict[str, Exception]:
        for name in self._lines.keys() - settings.links.keys():
            self._tasks.create_task(self._end(self._lines.pop(name)), name=f"end {name}")
        self._settings = settings
        self._upkeep.retention = settings.retention
        self._webhooks.change(settings.webhooks)
        self._doubts.change(attempt=settings.dispatch.lease)
        changes = [self._change(name, link) for name, link in settings.links.items()]
        self._route()  # what is gone is gone, whatever the others still wait for
        refused = dict(filter(None, await asyncio.gather(*changes)))
        self._route()
        self._wake()
        return refused

    async def _change(self, name: str, settings: LinkSettings) -> tuple[str, Exception] | None:
        """Have a link go by these settings; if it cannot, why."""
        line = self._lines.get(name)
        if line is not None and not line.can_become(settings):
            await self._end(line)
            line = None
        if line is None:
            self._lines[name] = line = self._line(name, settings)
            self._serve(line)
        else:
            try:
                await line.change(settings, self._settings.dispatch)
            except (BindRefused, InvalidValue, ResponseTimeout, SessionClosed) as error:
                return name, error
        self._policies[name] = policy = settings.resubmit()
        (self._judged.add if policy.believes else self._judged.discard)(name)
        return None

    async def _leave_off(self) -> None:
        """Reload no further: what it is at may take longer than a stop is given."""
        if self._reloading is not None and not self._reloading.done():
            self._reloading.cancel()
            await asyncio.wait([self._reloading])

    def _route(self) -> None:
        """Have messages go by the links and the routes that there are."""
        self.gateway.change(self._router())

    def _router(self) -> Router:
        """What chooses among the links there are, in the order of the configuration."""
        settings = self._settings
        outlets = [self._lines[name].outlet() for name in settings.links if name in self._lines]
        return Router(outlets, settings.routes, refuses=settings.routing.unmatched == "refuse")

    async def _end(self, line: Line) -> None:
        """Drain a link, unbind it, and forget it."""
        await line.drain(self._settings.dispatch.drain)
        if task := self._serving.pop(line, None):
            task.cancel()
            await asyncio.wait([task])
        line.meter.gone()

    # Inside

    def _line(self, name: str, settings: LinkSettings) -> Line:
        return Line(
            name,
            settings,
            self._store,
            self._answers,
            metrics=self._metrics,
            dispatching=self._settings.dispatch,
            orphaned=self._doubts.stir,
        )

    def _serve(self, line: Line) -> None:
        self._serving[line] = self._tasks.create_task(self._keep(line), name=f"link {line.link.name}")

    async def _keep(self, line: Line) -> None:
        """Serve a link. One that cannot be bound is left alone while there are others: their messages still go."""
        try:
            await line.run()
        except (BindRefused, InvalidValue) as error:
            if all(one.link.has_ended for one in self._serving):
                raise
            _log.error("daemon.link_stopped", extra={"link": line.link.name, "error": str(error)})

    async def _measure(self) -> None:
        """Set the gauges, now that somebody fetches them."""
        loop = asyncio.get_running_loop()
        for line in self._lines.values():
            line.meter.measure(line.link, loop.time())
        await measure_store(self._metrics, self._store, list(self._lines), datetime.now(UTC))
        await self._webhooks.measure()
        self.gateway.rerouting.measure()
        self._metrics.ready.set(not await self.gateway.readiness())

    def _wake(self) -> None:
        for line in self._lines.values():
            line.wake()
