"""The only door: whoever has a message to deliver, or a question about one, comes here.

Nothing is answered before the store has it: what `submit` returns is on disk.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec

from smpp_esme.daemon.events import Events
from smpp_esme.daemon.orders import Order, check_name, check_policy, check_times, digest, kept, kept_plain, mark
from smpp_esme.daemon.rerouting import Rerouting
from smpp_esme.daemon.webhooks import Webhooks
from smpp_esme.errors import InvalidValue, SessionClosed, StoreUnusable, UnknownLink
from smpp_esme.message.status import is_final
from smpp_esme.sms.compose import compose
from smpp_esme.sms.envelope import Hlr, Ping
from smpp_esme.sms.explain import Explanation, explain
from smpp_esme.sms.shortcut import Shortcut
from smpp_esme.store.reroute import BEGINNING, STEP, Place

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from smpp_esme.daemon.inquiry import Inquiry, Reply
    from smpp_esme.daemon.links import LinkState
    from smpp_esme.daemon.metrics import Metrics
    from smpp_esme.daemon.rerouting import Rerouted
    from smpp_esme.daemon.routing import Choice, Router
    from smpp_esme.daemon.tracing import Tracing
    from smpp_esme.message.doubt import Decision, Resolved
    from smpp_esme.message.message import Attached, LimboReceipt, Message
    from smpp_esme.message.received import Received
    from smpp_esme.message.status import MessageStatus
    from smpp_esme.message.wanted import Wanted
    from smpp_esme.store import Store
    from smpp_esme.store.backlog import Census

#: Seconds that the store may take to write what shows that it can; and for which the result is good.
_PROBE: Final = 2.0
_PROBED_FOR: Final = 0.5
#: How many messages one call may bring.
BATCH_LIMIT: Final = 10_000
#: A field of a message by the name that it has in an order.
_FIELDS: Final = {"destination": "to"}


class Gateway:
    """Takes orders and answers questions; the store remembers, dispatch delivers.

    Args:
        store: where messages live.
        router: the links there are, and what chooses among them.
        wake: called when there is something new to dispatch.
        webhooks: who is told of events; by default nobody.
        tracing: what traces the messages that are kept, if anything does.
        metrics: what is measured of messages that go to other links; by default nobody reads it.

    Attributes:
        events: what happened, for whoever asks or follows.
        webhooks: who is told of it.
        rerouting: what moves messages from one link's queue to another's.
    """

    def __init__(
        self,
        store: Store,
        router: Router,
        wake: Callable[[], None],
        webhooks: Webhooks | None = None,
        *,
        tracing: Tracing | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self._store = store
        self._tracing = tracing
        self._router = router
        self._shortcuts = _shortcuts(router)
        self._wake = wake
        self._stopping = False
        self._probed: tuple[float, str | None] = (float("-inf"), None)
        self.events = Events(store.feed)
        self.webhooks = webhooks or Webhooks({}, store)
        self.rerouting = Rerouting(store, router, wake, metrics)

    def change(self, router: Router) -> None:
        """Choose by this router from now on; what is kept stays as it is."""
        self._router = router
        self.rerouting.change(router)
        self._shortcuts = _shortcuts(router)

    async def submit(self, order: Order, *, key: str | None = None, caller: str = "") -> Message:
        """Keep a message for delivery; `key` makes a request that the same caller repeats harmless.

        Returns:
            The message as kept: on disk, and queued unless the key or the client_reference is known already.
            Cancelling may or may not leave it kept; ask again under the same key.

        Raises:
            InvalidValue, EncodingError: it cannot be delivered as it is; nothing was kept.
        """
        return (await self.submit_batch([order], key=key, caller=caller))[0]

    async def submit_batch(self, orders: Sequence[Order], *, key: str | None = None, caller: str = "") -> list[Message]:
        """Keep several messages in one transaction: all of them, or none.

        Raises:
            InvalidValue, EncodingError: one of them cannot be delivered; nothing was kept. `field` names it by number
                where there are several.
        """
        where = "messages.{number}.{field}" if len(orders) > 1 else "{field}"
        return await self._keep(orders, where, key=key, caller=caller)

    async def lookup(
        self,
        msisdns: Sequence[str],
        *,
        ping: bool = False,
        link: str | None = None,
        key: str | None = None,
        caller: str = "",
    ) -> list[Message]:
        """Keep an HLR lookup, or a Ping-SMS, for each number.

        Raises:
            InvalidValue: a number cannot be looked up; nothing was kept.
        """
        content = Ping() if ping else Hlr()
        # A sender's name means nothing to an HLR.
        orders = [Order(to=msisdn, content=content, source="", link=link) for msisdn in msisdns]
        return await self._keep(orders, "{field}.{number}", key=key, caller=caller)

    async def message(self, reference: str) -> Message:
        """What is known of a message.

        Raises:
            UnknownReference: there is none.
        """
        return await self._store.message(reference)

    async def messages(
        self, *, status: MessageStatus | None = None, after: str | None = None, limit: int = 100
    ) -> list[Message]:
        """A page of messages in the order in which they were kept.

        Args:
            status: only those that stand there.
            after: the last reference of the page before.
            limit: how many at most, up to 1,000.

        Raises:
            UnknownReference: `after` is none.
        """
        return await self._store.messages(status=status, after=after, limit=limit)

    async def search(
        self, wanted: Wanted, *, after: str | None = None, limit: int = 100
    ) -> tuple[list[Message], str | None]:
        """A page of the messages that are looked for, and the `after` of the next; None at the end.

        Args:
            wanted: which.
            after: what came with the page before.
            limit: how many at most, up to 1,000; fewer, or none, may come with more behind them.

        Raises:
            UnknownReference: `after` is none.
        """
        return await self._store.search(wanted, after=after, limit=limit)

    def explain(self, text: str, order: Order) -> tuple[Explanation, Choice]:
        """What a text becomes if it is submitted with these options, and where it would go; nothing is kept.

        Args:
            text: what the subscriber is to read.
            order: the options; with "" for `to` it is to nobody yet, and only routes for every number are looked at.

        Raises:
            InvalidValue, EncodingError: as `submit` would.
        """
        try:
            choice = self._router.choose(order)
        except InvalidValue as error:
            raise InvalidValue(_FIELDS.get(error.field, error.field), error.problem, error.allowed) from error
        explained = explain(
            text,
            choice.outlet.profile.writing(transliterate=order.transliterate, languages=order.languages),
            comment=order.comment,
            coding=order.coding,
            flash=order.flash,
        )
        return explained, choice

    async def duplicates(self, *, after: str | None = None, limit: int = 100) -> list[Message]:
        """A page of the messages that were sent again in doubt, and so may have arrived twice.

        Args:
            after: the last reference of the page before.
            limit: how many at most, up to 1,000.

        Raises:
            UnknownReference: `after` is none.
        """
        return await self._store.duplicates(after=after, limit=limit)

    async def received(self, *, after: str | None = None, limit: int = 100) -> list[Received]:
        """A page of messages from subscribers, in the order in which they were kept.

        Args:
            after: the last reference of the page before.
            limit: how many at most, up to 1,000.

        Raises:
            UnknownReference: `after` is none.
        """
        return await self._store.inbox.messages(after=after, limit=limit)

    async def received_message(self, reference: str) -> Received:
        """One message from a subscriber.

        Raises:
            UnknownReference: there is none.
        """
        return await self._store.inbox.message(reference)

    async def resolve(self, references: Sequence[str], decision: Decision) -> list[Resolved]:
        """Decide about messages in doubt; one that is not in doubt stays as it is, one that is unknown is left out."""
        resolved = await self._store.resolve(references, decision, datetime.now(UTC))
        self._wake()
        return resolved

    async def query(self, reference: str) -> tuple[Message, list[Reply]]:
        """Ask the SMSC what has become of a message, as far as its ids are known and no verdict has come.

        Returns:
            The message as it stands then, and what the SMSC said of each segment that it was asked about.

        Raises:
            UnknownReference: there is no such message.
            SessionClosed, ResponseTimeout: the SMSC cannot be asked just now.
        """
        message = await self._store.message(reference)
        replies = await self._inquiry(message.link).query(message)
        return await self._store.message(reference), replies

    async def cancel(self, reference: str) -> tuple[Message, list[Reply]]:
        """Take a message back: what is still queued is CANCELLED, what the SMSC has it is asked for by cancel_sm.

        Returns:
            The message as it stands then, and how the SMSC answered for each segment that it was asked for.

        Raises:
            UnknownReference: there is no such message.
            SessionClosed, ResponseTimeout: the SMSC cannot be asked just now; what was queued is cancelled.
        """
        await self._store.open_ends.cancel(reference, datetime.now(UTC))
        message = await self._store.message(reference)
        replies = (
            await self._inquiry(message.link).cancel(message)
            if any(one.message_id and not is_final(one.status) for one in message.segments)
            else []
        )
        return await self._store.message(reference), replies

    async def limbo(
        self, *, link: str | None = None, dismissed: bool = False, after: int = 0, limit: int = 100
    ) -> list[LimboReceipt]:
        """A page of the receipts that belong to no message, oldest first.

        Args:
            link: only those that came in on this link.
            dismissed: whether those are among them for which nobody waits any more.
            after: the last id of the page before.
            limit: how many at most, up to 1,000.
        """
        return await self._store.limbo(limit, after=after, link=link, dismissed=dismissed)

    async def attach(self, receipt: int, reference: str) -> Attached:
        """Give a receipt in limbo to a message.

        Raises:
            UnknownReference: there is no such receipt, or no such message.
        """
        return await self._store.open_ends.attach(receipt, reference, datetime.now(UTC))

    async def dismiss(self, receipts: Sequence[int]) -> int:
        """Say of receipts in limbo that nobody waits for them; of how many that is new."""
        return await self._store.open_ends.dismiss(receipts, datetime.now(UTC))

    async def counts(self) -> Mapping[MessageStatus, int]:
        """How many messages stand at each status."""
        return await self._store.counts()

    async def census(self) -> Census:
        """How many messages stand at each status, and what waits beside them."""
        return await self._store.census(list(self._router.outlets))

    def links(self) -> dict[str, bool]:
        """The links, and whether each is bound."""
        return {name: one.is_bound() for name, one in self._router.outlets.items()}

    def routes(self) -> dict[str, str | None]:
        """By route the link that would take a message now, or None: none of its links can submit."""
        return self._router.state()

    def link_states(self) -> list[LinkState]:
        """How each link is, as far as that is known."""
        now = asyncio.get_running_loop().time()
        return [
            msgspec.structs.replace(
                one.state(), unable_for=self.rerouting.unable_for(name, now), left=self.rerouting.left.get(name, {})
            )
            for name, one in self._router.outlets.items()
            if one.state
        ]

    async def reroute(
        self, link: str, to: str | None, *, pinned: bool = False, after: str | None = None, limit: int = STEP
    ) -> Rerouted:
        """Move what is queued for a link, whether it is there or not, to another link's queue, some of it at a time.

        Args:
            link: which.
            to: the link to move it to; None goes by the routes.
            pinned: whether messages that are to stay on their link are moved as well.
            after: the place that came with the answer before.
            limit: how many messages are looked at.

        Raises:
            InvalidValue: `to` is no link that messages can go out on, or `after` is no place.
            UnknownLink: there is no such link, and nothing is queued for it.
        """
        place = BEGINNING if after is None else Place.read(after)
        # Whoever goes on may have emptied the queue.
        if after is None and link not in {*self._router.outlets, *await self._store.reroute.stranded([])}:
            raise UnknownLink(link)
        return await self.rerouting.by_hand(link, to, pinned=pinned, after=place, limit=limit)

    async def readiness(self) -> list[str]:
        """Why no message could be taken and sent just now, one sentence a reason; none if it could."""
        reasons = []
        if self._stopping:
            reasons.append("the daemon is stopping")
        submitting = [one for one in self._router.outlets.values() if one.submits]
        if submitting and not any(one.is_bound() for one in submitting):
            reasons.append("no link is bound that messages could go out on")
        if trouble := await self._trouble():
            reasons.append(f"the store cannot be used: {trouble}")
        return reasons

    async def _trouble(self) -> str | None:
        """Why nothing could be kept now; asked of the disk itself, but no more often than it is good for."""
        now = asyncio.get_running_loop().time()
        if now < self._probed[0]:
            return self._probed[1]
        trouble = None
        try:
            async with asyncio.timeout(_PROBE):
                await self._store.probe()
        except StoreUnusable as error:
            trouble = str(error)
        except TimeoutError:
            trouble = f"it did not answer within {_PROBE:g} s"
        self._probed = (now + _PROBED_FOR, trouble)
        return trouble

    def stop(self) -> None:
        """Say from now on that the daemon is not ready; what still comes is kept all the same."""
        self._stopping = True
        self.events.stop()

    def _inquiry(self, link: str) -> Inquiry:
        outlet = self._router.outlets.get(link)
        if outlet is None or outlet.inquiry is None:
            raise SessionClosed(f"there is no link {link}")
        return outlet.inquiry

    async def _keep(self, orders: Sequence[Order], where: str, *, key: str | None, caller: str) -> list[Message]:
        """Keep a request's orders; `where` says how an error names the field of one of them."""
        if not 1 <= len(orders) <= BATCH_LIMIT:
            raise InvalidValue("messages", f"there are {len(orders)}", f"1 to {BATCH_LIMIT}")
        check_name("Idempotency-Key", key)
        now = datetime.now(UTC)
        messages = []
        for number, order in enumerate(orders):
            try:
                messages.append(self._message(order, now, caller))
            except InvalidValue as error:
                field = where.format(number=number, field=_FIELDS.get(error.field, error.field))
                raise InvalidValue(field, error.problem, error.allowed) from error
        if key:
            mark(messages, key, digest(orders))
        self._wake()  # so that they are claimed in the transaction that keeps them, where others are waiting for one
        stored = await self._store.add(messages)
        if self._tracing:
            self._tracing.accepted(messages, stored)
        self._wake()
        return stored

    def _message(self, order: Order, now: datetime, caller: str) -> Message:
        choice = self._router.choose(order)
        outlet = choice.outlet
        check_name("client_reference", order.client_reference)
        check_policy(order.resubmit)
        if order.priority not in range(4):
            raise InvalidValue("priority", f"is {order.priority}", "0 to 3")
        check_times(order, outlet.profile, now)
        if plain := kept_plain(order, choice, self._shortcuts[outlet.link], now, caller=caller):
            return plain
        composed = compose(
            order.content,
            order.to,
            source=outlet.source_addr if order.source is None else order.source,
            profile=outlet.profile.writing(transliterate=order.transliterate, languages=order.languages),
            reference=self.rerouting.references,
            comment=order.comment,
            coding=order.coding,
            flash=order.flash,
        )
        if "\0" in composed.text:  # SMPP would carry it, the store cannot keep it
            raise InvalidValue("text", "holds U+0000", "any other character")
        return kept(composed, order, choice, now, caller=caller)


def _shortcuts(router: Router) -> dict[str, Shortcut]:
    """The short way of plain texts by link."""
    return {name: Shortcut(outlet.profile) for name, outlet in router.outlets.items()}
