"""What a caller orders, and what it becomes: a message to keep, with its times and keys."""

from __future__ import annotations

import hashlib
import secrets
import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import msgspec

from smpp_esme.errors import InvalidValue
from smpp_esme.message import wish
from smpp_esme.message.doubt import Policy
from smpp_esme.message.message import Message, Segment, new_reference
from smpp_esme.protocol import tlvs
from smpp_esme.protocol.parameters import RegisteredDelivery
from smpp_esme.sms.coding import Coding
from smpp_esme.sms.content import Content
from smpp_esme.sms.envelope import COMMENT, Sms
from smpp_esme.sms.national import Language

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smpp_esme.daemon.routing import Choice
    from smpp_esme.sms.compose import Composed
    from smpp_esme.sms.profile import Profile
    from smpp_esme.sms.shortcut import Shortcut

#: How far ahead a message may be scheduled.
_FARTHEST: Final = timedelta(days=366)
#: A relative validity_period of SMPP goes no farther.
_LONGEST_VALIDITY: Final = 31 * 86_400.0
#: What a person may call a message: enough for any key of any database.
_REFERENCE_LIMIT: Final = 128


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller wants delivered.

    Attributes:
        to: whom it is for, as a person writes it.
        content: what to deliver.
        source: who sends it; None takes the link's own.
        comment: a note for the sender's own records at the provider.
        client_reference: the caller's name for it; a second message of the same caller's with the same is not kept.
        coding: the coding to use; None takes the cheapest that carries the text.
        flash: whether to show it at once and not keep it.
        transliterate: whether a text that would go as UCS2 goes in Latin letters, if all of it can; None leaves it to
            the link's profile.
        languages: in whose national tables it may be written where that saves a segment; None leaves it to the link's
            profile.
        priority: 0 to 3, the higher the sooner.
        link: the link to use; None goes by the routes, and without any takes the first one.
        pinned: whether it is to stay on its link even if that cannot submit and others could; None is to stay if `link`
            is given, unless a route says otherwise.
        resubmit: its own `Policy`, if it comes in doubt; None leaves it to the link.
        schedule_delivery_time: not submitted before this; None, or a time that has passed, is at once.
        validity_period: seconds after which nobody is to try any more, from then; None leaves it to the SMSC.
    """

    to: str
    content: Content
    source: str | None = None
    comment: str | None = None
    client_reference: str | None = None
    coding: Coding | None = None
    flash: bool = False
    transliterate: bool | None = None
    languages: tuple[Language, ...] | None = None
    priority: int = 0
    link: str | None = None
    pinned: bool | None = None
    resubmit: str | None = None
    schedule_delivery_time: datetime | None = None
    validity_period: float | None = None

    def __repr__(self) -> str:
        """Its kind; never the text or the number."""
        return f"Order({self.content.kind})"


def kept(composed: Composed, order: Order, choice: Choice, now: datetime, *, caller: str = "") -> Message:
    """The message that a caller's order becomes."""
    return Message(
        reference=new_reference(time.time_ns(), secrets.randbits(80)),
        caller=caller,
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
        link=choice.outlet.link,
        pinned=choice.pinned,
        resubmit=order.resubmit,
        created_at=now,
        next_attempt_at=_begin(order, now),
        expires_at=_end(order, now),
        wish=_wish(composed, order),
        segments=segments_of(composed),
    )


def segments_of(composed: Composed) -> list[Segment]:
    """The segments of a message that is composed so, none of them sent."""
    return [
        Segment(
            number=one.sequence,
            esm_class=one.esm_class,
            short_message=one.short_message,
            tlvs=tlvs.to_octets(one.tlvs),
        )
        for one in composed.segments.segments
    ]


def _wish(composed: Composed, order: Order) -> str:
    """What it takes, beside the message itself, to compose it anew."""
    comment = order.comment
    written = order.content.text() if comment is None else f"{order.content.text()}{COMMENT}{comment}"
    return wish.to_words(
        wish.Wish(
            source=order.source,
            comment=None if comment is None else len(comment),
            coding=order.coding,
            flash=order.flash,
            transliterate=order.transliterate,
            languages=order.languages,
            text=None if written == composed.text else written,
        )
    )


def kept_plain(order: Order, choice: Choice, shortcut: Shortcut, now: datetime, *, caller: str = "") -> Message | None:
    """The same, the short way; None if `compose` has to be asked first.

    Raises:
        InvalidValue: as `compose` does.
    """
    if not _is_plain(order) or "\0" in (text := order.content.text()):
        return None
    source = choice.outlet.source_addr if order.source is None else order.source
    pdu = shortcut.submit_sm(order.to, text, source, RegisteredDelivery.RECEIPT)
    if pdu is None:
        return None
    return Message(
        reference=new_reference(time.time_ns(), secrets.randbits(80)),
        caller=caller,
        client_reference=order.client_reference,
        kind=order.content.kind,
        source_addr=pdu.source_addr,
        source_addr_ton=pdu.source_addr_ton,
        source_addr_npi=pdu.source_addr_npi,
        destination_addr=pdu.destination_addr,
        dest_addr_ton=pdu.dest_addr_ton,
        dest_addr_npi=pdu.dest_addr_npi,
        text=text,
        data_coding=pdu.data_coding,
        priority=order.priority,
        link=choice.outlet.link,
        pinned=choice.pinned,
        resubmit=order.resubmit,
        created_at=now,
        next_attempt_at=_begin(order, now),
        expires_at=_end(order, now),
        wish=wish.to_words(wish.Wish(source=order.source)),
        segments=[Segment(number=1, short_message=pdu.short_message)],
    )


def _is_plain(order: Order) -> bool:
    """Whether it is a text with nothing said about how to write it."""
    return (
        type(order.content) is Sms
        and order.comment is None
        and order.coding is None
        and order.transliterate is None
        and order.languages is None
        and not order.flash
    )


def _begin(order: Order, now: datetime) -> datetime:
    return now if order.schedule_delivery_time is None else max(now, order.schedule_delivery_time)


def _end(order: Order, now: datetime) -> datetime | None:
    return None if order.validity_period is None else _begin(order, now) + timedelta(seconds=order.validity_period)


def check_times(order: Order, profile: Profile, now: datetime) -> None:
    """Refuse times that could not be kept to.

    Raises:
        InvalidValue: one is too far ahead, or too long.
    """
    at, validity = order.schedule_delivery_time, order.validity_period
    if at is None and validity is None:
        return
    if at is not None and at.tzinfo is None:
        raise InvalidValue("schedule_delivery_time", "has no time zone", "an aware datetime")
    if at is not None and at - now > _FARTHEST:
        raise InvalidValue("schedule_delivery_time", "is too far ahead", f"within {_FARTHEST.days} days")
    longest = min(profile.longest_validity or _LONGEST_VALIDITY, _LONGEST_VALIDITY)
    if validity is not None and not 1 <= validity <= longest:
        raise InvalidValue("validity_period", f"is {validity:g} seconds", f"1 to {longest:g} with this link")


def digest(orders: Sequence[Order]) -> str:
    """Of the whole request, so that a longer or shorter one under the same key is seen to be another."""
    return hashlib.sha256(msgspec.json.encode(orders)).hexdigest()


def mark(messages: Sequence[Message], key: str, digest: str) -> None:
    """Give each message of a request a key of its own, which no other request of its caller can be taken for."""
    for number, message in enumerate(messages):
        message.idempotency_key = f"{key}#{number}"
        message.idempotency_digest = digest


def check_policy(policy: str | None) -> None:
    """Refuse a policy that there is not.

    Raises:
        InvalidValue: names those that there are.
    """
    if policy is not None and policy not in set(Policy):
        raise InvalidValue("resubmit", f"is {policy!r}", f"one of {', '.join(Policy)}")


def check_name(field: str, name: str | None) -> None:
    """Refuse what a person cannot call a message.

    Raises:
        InvalidValue: it is too long, or cannot be printed.
    """
    if name is not None and not (0 < len(name) <= _REFERENCE_LIMIT and name.isprintable()):
        raise InvalidValue(field, f"has {len(name)} characters", f"1 to {_REFERENCE_LIMIT} printable characters")
