"""The only door: whoever has a message to deliver, or a question about one, comes here.

Nothing is answered before the store has it: what `submit` returns is on disk.
"""

from __future__ import annotations

import hashlib
import itertools
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec

from smpp_esme.errors import InvalidValue
from smpp_esme.message.message import Message, Segment, new_reference
from smpp_esme.sms.coding import Coding
from smpp_esme.sms.compose import Composed, compose
from smpp_esme.sms.envelope import Content, Hlr, Ping
from smpp_esme.sms.profile import Profile

if TYPE_CHECKING:
    from smpp_esme.message.status import MessageStatus
    from smpp_esme.store import Store

#: How many messages one call may bring.
BATCH_LIMIT: Final = 10_000
#: What a person may call a message: enough for any key of any database.
_REFERENCE_LIMIT: Final = 128
#: A field of a message by the name that it has in an order.
_FIELDS: Final = {"destination": "to"}


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """A link, as far as composing a message for it goes.

    Attributes:
        link: its name.
        profile: its SMSC's, as bound.
        source_addr: who sends, where the caller does not say.
        is_bound: whether the link has a bound session now.
        submits: whether messages may go out on it; a receiver's only come in.
    """

    link: str
    profile: Profile
    source_addr: str
    is_bound: Callable[[], bool]
    submits: bool = True


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller wants delivered.

    Attributes:
        to: whom it is for, as a person writes it.
        content: what to deliver.
        source: who sends it; None takes the link's own.
        comment: a note for the sender's own records at the provider.
        client_reference: the caller's name for it; a second message with the same is not kept.
        coding: the coding to use; None takes the cheapest that carries the text.
        flash: whether to show it at once and not keep it.
        priority: 0 to 3, the higher the sooner.
        link: the link to use; None takes the only or the first one.
    """

    to: str
    content: Content
    source: str | None = None
    comment: str | None = None
    client_reference: str | None = None
    coding: Coding | None = None
    flash: bool = False
    priority: int = 0
    link: str | None = None

    def __repr__(self) -> str:
        """Its kind; never the text or the number."""
        return f"Order({self.content.kind})"


class Gateway:
    """Takes orders and answers questions; the store remembers, dispatch delivers.

    Args:
        store: where messages live.
        routes: the links, the default one first.
        wake: called when there is something new to dispatch.
    """

    def __init__(self, store: Store, routes: Sequence[Route], wake: Callable[[], None]) -> None:
        self._store = store
        self._routes = {route.link: route for route in routes}
        self._default = next((route.link for route in routes if route.submits), None)
        self._wake = wake
        self._references = itertools.count(secrets.randbelow(0x10000))

    async def submit(self, order: Order, *, key: str | None = None) -> Message:
        """Keep a message for delivery; `key` makes a repeated request harmless.

        Returns:
            The message as kept: on disk, and queued unless the key or the client_reference is known already.
            Cancelling may or may not leave it kept; ask again under the same key.

        Raises:
            InvalidValue, EncodingError: it cannot be delivered as it is; nothing was kept.
        """
        return (await self.submit_batch([order], key=key))[0]

    async def submit_batch(self, orders: Sequence[Order], *, key: str | None = None) -> list[Message]:
        """Keep several messages in one transaction: all of them, or none.

        Raises:
            InvalidValue, EncodingError: one of them cannot be delivered; nothing was kept. `field` names it by number
                where there are several.
        """
        return await self._keep(orders, key, "messages.{number}.{field}" if len(orders) > 1 else "{field}")

    async def lookup(
        self, msisdns: Sequence[str], *, ping: bool = False, link: str | None = None, key: str | None = None
    ) -> list[Message]:
        """Keep an HLR lookup, or a Ping-SMS, for each number.

        Raises:
            InvalidValue: a number cannot be looked up; nothing was kept.
        """
        content = Ping() if ping else Hlr()
        # A sender's name means nothing to an HLR.
        orders = [Order(to=msisdn, content=content, source="", link=link) for msisdn in msisdns]
        return await self._keep(orders, key, "{field}.{number}")

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

    async def counts(self) -> Mapping[MessageStatus, int]:
        """How many messages stand at each status."""
        return await self._store.counts()

    def links(self) -> dict[str, bool]:
        """The links, and whether each is bound."""
        return {name: route.is_bound() for name, route in self._routes.items()}

    async def _keep(self, orders: Sequence[Order], key: str | None, where: str) -> list[Message]:
        """Keep a request's orders; `where` says how an error names the field of one of them."""
        if not 1 <= len(orders) <= BATCH_LIMIT:
            raise InvalidValue("messages", f"there are {len(orders)}", f"1 to {BATCH_LIMIT}")
        _check_name("Idempotency-Key", key)
        now = datetime.now(UTC)
        messages = []
        for number, order in enumerate(orders):
            try:
                messages.append(self._message(order, now))
            except InvalidValue as error:
                field = where.format(number=number, field=_FIELDS.get(error.field, error.field))
                raise InvalidValue(field, error.problem, error.allowed) from error
        if key:
            _mark(messages, key, _digest(orders))
        kept = await self._store.add(messages)
        self._wake()
        return kept

    def _message(self, order: Order, now: datetime) -> Message:
        route = self._route(order.link)
        _check_name("client_reference", order.client_reference)
        if order.priority not in range(4):
            raise InvalidValue("priority", f"is {order.priority}", "0 to 3")
        composed = compose(
            order.content,
            order.to,
            source=route.source_addr if order.source is None else order.source,
            profile=route.profile,
            reference=next(self._references),
            comment=order.comment,
            coding=order.coding,
            flash=order.flash,
        )
        if "\0" in composed.text:  # SMPP would carry it, the store cannot keep it
            raise InvalidValue("text", "holds U+0000", "any other character")
        return _kept(composed, order, route, now)

    def _route(self, link: str | None) -> Route:
        route = self._routes.get(link or self._default or "")
        if route is None or not route.submits:
            known = ", ".join(route.link for route in self._routes.values() if route.submits)
            raise InvalidValue("link", f"no message can go out on {link!r}", f"one of {known}" if known else "none")
        return route


def _kept(composed: Composed, order: Order, route: Route, now: datetime) -> Message:
    return Message(
        reference=new_reference(time.time_ns(), secrets.randbits(80)),
        client_reference=order.client_reference,
        kind=composed.kind,
        source_addr=composed.source.addr,
        source_addr_ton=composed.source.ton,
        source_addr_npi=composed.source.npi,
        destination_addr=composed.destination.addr,
        dest_addr_ton=composed.destination.ton,
        dest_addr_npi=composed.destination.npi,
        text=composed.text,
        data_coding=composed.segments.data_coding,
        priority=order.priority,
        link=route.link,
        created_at=now,
        segments=[
            Segment(number=one.sequence, esm_class=one.esm_class, short_message=one.short_message)
            for one in composed.segments.segments
        ],
    )


def _digest(orders: Sequence[Order]) -> str:
    """Of the whole request, so that a longer or shorter one under the same key is seen to be another."""
    return hashlib.sha256(msgspec.json.encode(orders)).hexdigest()


def _mark(messages: Sequence[Message], key: str, digest: str) -> None:
    """Give each message of a request a key of its own, which no other request's key can be taken for."""
    for number, message in enumerate(messages):
        message.idempotency_key = f"{key}#{number}"
        message.idempotency_digest = digest


def _check_name(field: str, name: str | None) -> None:
    if name is not None and not (0 < len(name) <= _REFERENCE_LIMIT and name.isprintable()):
        raise InvalidValue(field, f"has {len(name)} characters", f"1 to {_REFERENCE_LIMIT} printable characters")
