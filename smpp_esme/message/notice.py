"""What the outside is told of an event: all that somebody needs who does not have the store at hand.

A notice is made from rows that never change, so it reads the same however often it is told: over the event stream, page
by page, or to a webhook for the third time.
"""

from __future__ import annotations

from base64 import b64encode
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from smpp_esme.errors import InvalidValue
from smpp_esme.message.status import MessageStatus

if TYPE_CHECKING:
    from collections.abc import Iterable

    from smpp_esme.message.received import Received

#: What the event of a message that came has in place of a status.
RECEIVED: Final = "RECEIVED"

#: What events of links have in its place; none of them is the word for a status.
LINK_STATES: Final = ("BOUND", "LOST", "REFUSED", "UNREACHABLE", "SLOWED", "STOPPED")

_MESSAGE: Final = "message"
_SEGMENT: Final = "segment"
_LINK: Final = "link"

#: Every type of event: of a message of ours as a whole, of a subscriber's, of one segment among several, and of a link.
TYPES: Final = (
    *(f"{_MESSAGE}.{status.lower()}" for status in MessageStatus),
    f"{_MESSAGE}.{RECEIVED.lower()}",
    *(f"{_SEGMENT}.{status.lower()}" for status in MessageStatus),
    *(f"{_LINK}.{state.lower()}" for state in LINK_STATES),
)


class StatusData(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """A message of ours, or one of its segments, has another status.

    Attributes:
        reference: the message's.
        client_reference: the caller's own name for it.
        kind: what it is: `sms`, `hlr`, or the name of an envelope.
        link: the link it goes out on.
        source: who sends it.
        to: whom it is for.
        status: the status now.
        previous: the status before; not there for a message that is new.
        segment: the segment's number, if this is about one of several.
        message_id: the SMSC's, with its response.
        command_status: of the response.
        error: of the refusal or the receipt, in a word or a number.
        error_meaning: the same for a person.
        done_at: when the SMSC says that it happened.
        vendor: what the SMSC's own TLVs said, by their names in the profile.
        decided: who ended a doubt, if it was not a fact; or why it went to another link.
        from_link: the link on which it was queued before, if it went to another.
        to_link: the link on which it is queued from then on.
        record: the HLR record, with the answer to a lookup.
    """

    reference: str
    client_reference: str | None = None
    kind: str
    link: str
    source: str
    to: str
    status: MessageStatus
    previous: MessageStatus | None = None
    segment: int | None = None
    message_id: str | None = None
    command_status: int | None = None
    error: str | None = None
    error_meaning: str | None = None
    done_at: str | None = None
    vendor: dict[str, Any] | None = None
    decided: str | None = None
    from_link: str | None = None
    to_link: str | None = None
    record: dict[str, Any] | None = None

    def __repr__(self) -> str:  # never a number
        return f"<StatusData {self.reference} {self.status}>"


class ReceivedData(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """A message from a subscriber.

    Attributes:
        reference: ours.
        link: the link it came over.
        source: who sent it.
        to: whom it was sent to.
        text: what it says; of an incomplete message the segments that came.
        octets: what a binary message says, in base64; not there for a text.
        coding: how the text stood in the octets.
        data_coding: the parameter that said so.
        esm_class: as it came.
        segments: how many it has.
        missing: the numbers of those that did not come in time.
        detail: what else came.
    """

    reference: str
    link: str
    source: str
    to: str
    text: str
    octets: str | None = None
    coding: str
    data_coding: int
    esm_class: int
    segments: int
    missing: tuple[int, ...]
    detail: dict[str, Any]

    @classmethod
    def of(cls, message: Received) -> ReceivedData:
        """What is told of a message that came."""
        return cls(
            reference=message.reference,
            link=message.link,
            source=message.source_addr,
            to=message.destination_addr,
            text=message.text,
            octets=None if message.octets is None else b64encode(message.octets).decode(),
            coding=message.coding,
            data_coding=message.data_coding,
            esm_class=message.esm_class,
            segments=message.segments,
            missing=message.missing,
            detail=message.detail,
        )

    def __repr__(self) -> str:  # never the text, never a number
        return f"<ReceivedData {self.reference}>"


class StatusEvent(msgspec.Struct, kw_only=True, frozen=True):
    """What is told when a message, or one of its segments, has another status.

    Attributes:
        id: growing with time, never given out twice; where to go on from.
        type: what happened.
        timestamp: when we learned of it.
        data: the facts.
    """

    id: int
    type: str
    timestamp: datetime
    data: StatusData


class ReceivedEvent(msgspec.Struct, kw_only=True, frozen=True):
    """What is told when a message from a subscriber is whole, or given up.

    Attributes:
        id: growing with time, never given out twice; where to go on from.
        type: always `message.received`.
        timestamp: when it was.
        data: the message.
    """

    id: int
    type: str
    timestamp: datetime
    data: ReceivedData


class LinkData(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """What happened to a link.

    Attributes:
        link: its name.
        bind: which of its binds, such as "transceiver 1"; not there for the link as a whole.
        endpoint: where, and as whom; never with the password.
        reason: what the SMSC, or the network, said.
        rate: submit_sm a second from now on, if the SMSC made us slower; 0 for no limit.
        count: how often it happened since it was last told: a link that comes and goes is told of now and then.
    """

    link: str
    bind: str = ""
    endpoint: str = ""
    reason: str = ""
    rate: float | None = None
    count: int = 1


class LinkNotice(msgspec.Struct, kw_only=True, frozen=True):
    """What is told when a link was bound, lost, refused, could not be reached, was made slower, or has ended.

    Attributes:
        id: growing with time, never given out twice; where to go on from.
        type: what happened.
        timestamp: when; the last time, if it stands for several.
        data: the facts.
    """

    id: int
    type: str
    timestamp: datetime
    data: LinkData


class LinkFact(msgspec.Struct, kw_only=True, frozen=True):
    """Something that happened to a link, to be kept as an event.

    Attributes:
        state: one of `LINK_STATES`.
        at: when.
        data: the facts.
    """

    state: str
    at: datetime
    data: LinkData


Notice = StatusEvent | ReceivedEvent | LinkNotice


def subject(event: Notice) -> str:
    """What an event is about: events of one thing keep their order."""
    return event.data.link if isinstance(event, LinkNotice) else event.data.reference


def type_of(status: str, *, segment: int | None) -> str:
    """The type of an event."""
    if status in LINK_STATES:
        return f"{_LINK}.{status.lower()}"
    return f"{_MESSAGE if segment is None else _SEGMENT}.{status.lower()}"


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Which events somebody wants; make it with `of`.

    Attributes:
        statuses: of messages as a whole, "RECEIVED" among them for subscribers', and `LINK_STATES`.
        segments: of segments.
        reference: only of this message.
        link: only of this link, and of messages on it.
    """

    statuses: frozenset[str]
    segments: frozenset[str]
    reference: str | None = None
    link: str | None = None

    @classmethod
    def of(cls, types: Iterable[str] = (), *, reference: str | None = None, link: str | None = None) -> Selection:
        """The selection of these types; of all of them if none is named.

        Args:
            types: each one of `TYPES`, or `message.*`, `segment.*`, `link.*` or `*`.
            reference: only of this message.
            link: only of this link, and of messages on it.

        Raises:
            InvalidValue: there is no such type.
        """
        wanted = {one for word in types for one in _meant(word)} or set(TYPES)
        statuses: dict[str, set[str]] = {_MESSAGE: set(), _SEGMENT: set(), _LINK: set()}
        for one in wanted:
            of, _, status = one.partition(".")
            statuses[of].add(status.upper())
        return cls(
            statuses=frozenset(statuses[_MESSAGE] | statuses[_LINK]),
            segments=frozenset(statuses[_SEGMENT]),
            reference=reference,
            link=link,
        )


#: Every event there is.
EVERYTHING: Final = Selection.of()


def _meant(word: str) -> list[str]:
    beginning = word.removesuffix("*")
    if word in {"*", f"{_MESSAGE}.*", f"{_SEGMENT}.*", f"{_LINK}.*"}:
        return [one for one in TYPES if one.startswith(beginning)]
    if word not in TYPES:
        raise InvalidValue("type", "is no type of event", f"one of {', '.join(TYPES)}, message.*, segment.*, link.*, *")
    return [word]
