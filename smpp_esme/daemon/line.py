"""One link at work: its sessions, what feeds them, and what takes in what they bring."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec

from smpp_esme.daemon.announce import Announcer
from smpp_esme.daemon.collect import Collect
from smpp_esme.daemon.dispatch import Dispatch
from smpp_esme.daemon.endurance import enduring
from smpp_esme.daemon.inquiry import Inquiry
from smpp_esme.daemon.links import Observer
from smpp_esme.daemon.routing import Outlet
from smpp_esme.daemon.rules import Guarded
from smpp_esme.errors import BindRefused, InvalidValue
from smpp_esme.protocol.commands import CommandStatus
from smpp_esme.session.link import Link
from smpp_esme.session.pacing import Pacing

if TYPE_CHECKING:
    from collections.abc import Callable

    from smpp_esme.daemon.accounts import LinkSettings
    from smpp_esme.daemon.answers import Answers
    from smpp_esme.daemon.config import DispatchSettings
    from smpp_esme.daemon.metrics import Metrics
    from smpp_esme.session.events import Watch
    from smpp_esme.session.plan import Plan
    from smpp_esme.store import Store


class Line:
    """Serves one link of the configuration.

    Args:
        name: the link's.
        settings: the link's.
        store: where messages live.
        answers: where the SMSC's answers go.
        metrics: what is measured.
        dispatching: how messages are claimed.
        orphaned: called when a receipt had to be kept in limbo.

    Attributes:
        link: what keeps it bound.
        meter: what counts.
        settings: those in force.
    """

    def __init__(
        self,
        name: str,
        settings: LinkSettings,
        store: Store,
        answers: Answers,
        *,
        metrics: Metrics,
        dispatching: DispatchSettings,
        orphaned: Callable[[], None],
    ) -> None:
        self.settings = settings
        pacing = Pacing(settings.throughput, asyncio.get_running_loop().time(), settings.adaptation())
        self.link = Link(name, settings.plan(), pacing=pacing)
        self.meter = metrics.link(name)
        self._profile = settings.bound_profile()
        self._rules = Guarded(name, settings.provider_rules())
        self._dispatch = Dispatch(
            store,
            self.link,
            answers,
            rules=self._rules,
            meter=self.meter,
            owner=dispatching.owner,
            lease=dispatching.lease,
            batch=dispatching.batch,
        )
        self._collect = Collect(store, self.link, self._profile, meter=self.meter, orphaned=orphaned)
        self._inquiry = Inquiry(store, self.link, **_asking(settings), tracing=self.meter.tracing)
        self._observer = Observer(self.link)
        self._announcer = Announcer(store, name)
        self._dispatching: asyncio.Task[None] | None = None

    def outlet(self) -> Outlet:
        """What the gateway needs to know of it."""
        return Outlet(
            link=self.link.name,
            profile=self._profile,
            source_addr=self.settings.source_addr,
            is_bound=lambda: self.link.is_bound,
            can_submit=lambda: self.link.can_submit,
            submits=_submits(self.settings),
            inquiry=self._inquiry,
            state=lambda: self._observer.state(asyncio.get_running_loop().time()),
        )

    def wake(self) -> None:
        """There is something in the queue."""
        self._dispatch.wake()

    async def run(self) -> None:
        """Serve until the link ends; cancelling unbinds first.

        Raises:
            BindRefused, InvalidValue: the account is wrong.
            Exception: a loop died; all were stopped.
        """
        try:
            await self._serve()
        finally:
            await self._announcer.finish()

    async def _serve(self) -> None:
        async with asyncio.TaskGroup() as loops:
            # Before the link, so that nothing that happens to it is missed.
            loops.create_task(self._watch(self.link.events()))
            if _submits(self.settings):
                self._dispatching = loops.create_task(enduring("dispatch", self._dispatch.run), name="dispatch")
            if _collects(self.settings):
                loops.create_task(enduring("collect", self._collect.run), name="collect")
            asking = loops.create_task(enduring("inquiry", self._inquiry.run), name="inquiry")
            announcing = loops.create_task(enduring("link events", self._announcer.run), name="link events")
            error = await self._keep()
            asking.cancel()
            announcing.cancel()
        if error is not None:
            raise error

    async def drain(self, patience: float) -> None:
        """Claim nothing more, and wait for what is outstanding, for so many seconds at most."""
        self._dispatch.stop()
        if self._dispatching is not None and self._dispatch.is_bound:
            await asyncio.wait([self._dispatching], timeout=patience)

    # Other settings

    def can_become(self, settings: LinkSettings) -> bool:
        """Whether `change` will do; if not, another line must take its place."""
        kinds = [(_submits(each), _collects(each)) for each in (self.settings, settings)]
        return kinds[0] == kinds[1] and not self.link.has_ended

    async def change(self, settings: LinkSettings, dispatching: DispatchSettings) -> None:
        """Go over to other settings, without submitting any less meanwhile.

        Raises:
            BindRefused, ConnectFailed, ResponseTimeout, InvalidValue: the SMSC cannot be bound to by them; the sessions
                there are stay, and so do all settings of this link.
        """
        self._dispatch.change(lease=dispatching.lease, batch=dispatching.batch)
        plan = settings.plan()
        if msgspec.structs.replace(plan, window=self.link.plan.window) != self.link.plan:
            await self._rebind(plan, dispatching.drain)
        profile = settings.bound_profile()
        self.link.adjust(window=settings.window, throughput=settings.throughput, adaptation=settings.adaptation())
        self._rules.change(settings.provider_rules())
        self._collect.change(profile)
        self._inquiry.change(**_asking(settings))
        self.settings, self._profile = settings, profile

    async def _rebind(self, plan: Plan, drain: float) -> None:
        """Bind by the new plan before the old sessions are left, where the SMSC allows that."""
        try:
            await self.link.rebind(plan, overlap=self.link.is_bound, drain=drain)
        except BindRefused as error:
            if error.command_status != CommandStatus.ESME_RALYBND:
                raise
            # It knows the account, and lets it be bound only so often.
            await self.link.rebind(plan, overlap=False, drain=drain)

    # Inside

    async def _keep(self) -> BindRefused | InvalidValue | None:
        try:
            await self.link.run()
        except (BindRefused, InvalidValue) as error:
            return error
        return None

    async def _watch(self, watch: Watch) -> None:
        """Count and remember what happens to the link, until it ends."""
        async for event in watch:
            self.meter.event(event)
            self._observer.event(event)
            self._announcer.event(event)


def _asking(settings: LinkSettings) -> dict[str, Any]:
    """What the SMSC is asked about, and how long it may take."""
    doubts = settings.resubmit().asks
    return {"after": settings.query_after, "patience": settings.response_timeout, "doubts": doubts}


def _submits(settings: LinkSettings) -> bool:
    return settings.bind != "receiver"


def _collects(settings: LinkSettings) -> bool:
    return settings.bind != "transmitter"
