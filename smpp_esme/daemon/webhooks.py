"""The endpoints that are told of events, all of them: their publishers, and what an operator asks and decides."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from smpp_esme.daemon.metrics import Metrics
from smpp_esme.daemon.publish import Outcome, Publisher, encode
from smpp_esme.errors import ConfigError, StoreUnusable, UnknownEndpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
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
        if settings and courier is None:
            raise ConfigError("webhooks", "this program cannot deliver", "smpp-esme run")
        self._settings = settings
        self._store = store
        self._courier = courier
        self._owner = owner
        self._metrics = metrics or Metrics()
        self._couriers: dict[str, Courier] = {}
        self._publishers: dict[str, Publisher] = {}

    async def run(self) -> None:
        """Deliver until cancelled."""
        if self._courier is None:
            return
        async with AsyncExitStack() as couriers, asyncio.TaskGroup() as publishers:
            for name, settings in self._settings.items():
                courier = self._couriers[name] = await couriers.enter_async_context(self._courier(name, settings))
                meter = self._metrics.webhook(name)
                publisher = Publisher(name, settings, self._store, courier, owner=self._owner, meter=meter)
                self._publishers[name] = publisher
                publishers.create_task(publisher.run(), name=f"webhook {name}")

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
        if not self._settings:
            return
        try:
            states = {one.name: one for one in await self.endpoints()}
            for name, settings in self._settings.items():
                page = await self._store.feed.page(states[name].event, settings.selection(), limit=1)
                oldest = page.events[0].timestamp if page.events and states[name].behind else None
                lag = (datetime.now(UTC) - oldest).total_seconds() if oldest else 0.0
                self._metrics.webhook(name).measure(states[name], max(0.0, lag))
        except StoreUnusable:
            self._metrics.no_webhooks()

    async def _known(self, name: str) -> None:
        if name not in self._settings and name not in {one.name for one in await self._store.outbox.endpoints()}:
            raise UnknownEndpoint(name)

    def _wake(self, name: str) -> None:
        if publisher := self._publishers.get(name):
            publisher.wake()
            self._store.feed.committed(0, 0.0)
