"""The endpoints that are told of events, all of them: their publishers, and what an operator asks and decides."""

from __future__ import annotations

import asyncio
import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from smpp_esme.daemon.metrics import Metrics
from smpp_esme.daemon.publish import Outcome, Publisher, encode
from smpp_esme.errors import ConfigError, StoreUnusable, UnknownEndpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from smpp_esme.daemon.endpoints import WebhookSettings
    from smpp_esme.daemon.publish import Courier
    from smpp_esme.store import Store
    from smpp_esme.store.outbox import DeadLetter

    MakeCourier = Callable[[str, WebhookSettings], AbstractAsyncContextManager[Courier]]

#: The type of the event that only a test sends.
TEST: Final = "webhook.test"


class EndpointState(msgspec.Struct, kw_only=True, frozen=True):
    """How an endpoint stands.

    Attributes:
        name: its name.
        url: where it is, without path and query; empty if it is in no configuration of this daemon.
        events: the types that it is told of.
        event: the last event that it is done with.
        behind: how many events there are after that, wanted or not.
        disabled_at: when it said that it wants no more.
        dead_letters: how many events it could not be told.
        failures: attempts in a row that failed.
        failure: why the last of them did.
    """

    name: str
    url: str = ""
    events: tuple[str, ...] = ()
    event: int
    behind: int
    disabled_at: datetime | None = None
    dead_letters: int = 0
    failures: int = 0
    failure: str = ""


class Webhooks:
    """Tells endpoints of events, each at its own pace: none waits for another.

    Args:
        settings: the endpoints' tables of the configuration, by name.
        store: where the events are.
        courier: makes what delivers to one of them.
        owner: whose deliveries these are, among the daemons that share a store.
        metrics: what counts; by default nobody reads it.

    Raises:
        ConfigError: there are endpoints, and nothing to deliver with.
    """

    def __init__(
        self,
        settings: Mapping[str, WebhookSettings],
        store: Store,
        *,
        courier: MakeCourier | None = None,
        owner: str = "",
        metrics: Metrics | None = None,
    ) -> None:
        self._settings: dict[str, WebhookSettings] = {}
        self._store = store
        self._courier = courier
        self._owner = owner
        self._metrics = metrics or Metrics()
        self._couriers: dict[str, Courier] = {}
        self._publishers: dict[str, Publisher] = {}
        self._served: set[str] = set()
        self._news = asyncio.Event()
        self.change(settings)

    @property
    def names(self) -> Collection[str]:
        """The names of the endpoints, as they are at any time."""
        return self._settings.keys()

    def check(self, settings: Mapping[str, WebhookSettings]) -> None:
        """See that these endpoints could be delivered to.

        Raises:
            ConfigError: what one of them needs cannot be read, or there is nothing to deliver with.
        """
        if settings and self._courier is None:
            raise ConfigError("webhooks", "this program cannot deliver", "smpp-esme run")
        for name, one in settings.items():
            if self._courier and self._settings.get(name) != one:
                self._courier(name, one)

    def change(self, settings: Mapping[str, WebhookSettings]) -> None:
        """Tell these endpoints from now on, and no others.

        One that is new begins with what happens next, one that was there before goes on where it was. What is under way
        to one that is changed or gone ends first, so that it is told once.

        Raises:
            ConfigError: as with `check`.
        """
        self.check(settings)
        changed = [name for name, one in self._settings.items() if settings.get(name) != one]
        self._settings.clear()
        self._settings.update(settings)
        for name in changed:
            if publisher := self._publishers.get(name):
                publisher.leave()
        self._news.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            self._served.clear()
            while True:
                self._news.clear()
                for name in self._settings.keys() - self._served:
                    self._served.add(name)
                    tasks.create_task(self._serve(name), name=f"webhook {name}")
                await self._news.wait()

    async def _serve(self, name: str) -> None:
        """Deliver to one endpoint, by its settings of the time, for as long as it has any."""
        while (settings := self._settings.get(name)) is not None:
            assert self._courier is not None  # noqa: S101 - `check` has seen to it
            meter = self._metrics.webhook(name)
            async with self._courier(name, settings) as courier:
                publisher = Publisher(name, settings, self._store, courier, owner=self._owner, meter=meter)
                self._couriers[name], self._publishers[name] = courier, publisher
                try:
                    await publisher.run()
                finally:
                    del self._couriers[name], self._publishers[name]
        self._served.discard(name)

    async def endpoints(self) -> list[EndpointState]:
        """How each endpoint stands, those that are no longer configured as well.

        Raises:
            StoreUnusable: the database failed.
        """
        end = await self._store.feed.end()
        known = {one.name: one for one in await self._store.outbox.endpoints()}
        states = []
        for name in sorted({*known, *self._settings}):
            settings, publisher, kept = self._settings.get(name), self._publishers.get(name), known.get(name)
            place = max(kept.event if kept else 0, publisher.place if publisher else 0)
            states.append(
                EndpointState(
                    name=name,
                    url=settings.origin if settings else "",
                    events=settings.events if settings else (),
                    event=place,
                    behind=max(0, end - place) if kept else 0,
                    disabled_at=kept.disabled_at if kept else None,
                    dead_letters=kept.dead_letters if kept else 0,
                    failures=publisher.failures if publisher else 0,
                    failure=publisher.failure if publisher else "",
                )
            )
        return states

    async def dead_letters(self, name: str, *, after: int = 0, limit: int = 100) -> list[DeadLetter]:
        """A page of what an endpoint could not be told, oldest first.

        Raises:
            UnknownEndpoint: there is none of that name.
            StoreUnusable: the database failed.
        """
        await self._known(name)
        return await self._store.outbox.dead_letters(name, after=after, limit=limit)

    async def replay(self, name: str, letters: Sequence[int] | None = None) -> int:
        """Have dead letters tried once more, all of them if none is named; how many it concerns.

        Raises:
            UnknownEndpoint: there is none of that name.
            StoreUnusable: the database failed.
        """
        await self._known(name)
        count = await self._store.outbox.replay(name, letters, at=datetime.now(UTC))
        self._wake(name)
        return count

    async def enable(self, name: str) -> None:
        """Tell an endpoint again that said it wants no more, from where it was.

        Raises:
            UnknownEndpoint: there is none of that name.
            StoreUnusable: the database failed.
        """
        await self._known(name)
        await self._store.outbox.enable(name)
        self._wake(name)

    async def test(self, name: str) -> Outcome:
        """Post an event that tells nothing to an endpoint now, once.

        Raises:
            UnknownEndpoint: this daemon delivers to none of that name.
        """
        courier = self._couriers.get(name)
        if courier is None:
            raise UnknownEndpoint(name)
        now = datetime.now(UTC)
        body: dict[str, Any] = {"id": 0, "type": TEST, "timestamp": now, "data": {"endpoint": name}}
        return await courier.take(f"test_{secrets.token_hex(12)}", encode(body), timestamp=int(now.timestamp()))

    async def measure(self) -> None:
        """Set the gauges to how the endpoints stand."""
        found: list[tuple[EndpointState, float]] = []
        try:
            states = {one.name: one for one in await self.endpoints()} if self._settings else {}
            for name, settings in tuple(self._settings.items()):
                if name in states:  # which may be new since
                    found.append((states[name], await self._lag(states[name], settings)))
        except StoreUnusable:
            found = []
        self._metrics.no_webhooks()  # one that is gone must not stand there for ever
        for state, lag in found:
            self._metrics.webhook(state.name).measure(state, lag)

    async def _lag(self, state: EndpointState, settings: WebhookSettings) -> float:
        """How old the first event is that an endpoint has to be told of, in seconds."""
        page = await self._store.feed.page(state.event, settings.selection(), limit=1)
        if not (page.events and state.behind):
            return 0.0
        return max(0.0, (datetime.now(UTC) - page.events[0].timestamp).total_seconds())

    async def _known(self, name: str) -> None:
        if name not in self._settings and name not in {one.name for one in await self._store.outbox.endpoints()}:
            raise UnknownEndpoint(name)

    def _wake(self, name: str) -> None:
        if publisher := self._publishers.get(name):
            publisher.wake()
            self._store.feed.committed(0, 0.0)
