"""One text into segments, and segments back into one text.

A text that does not fit one short message is cut into segments, each behind a user data header with the message's
reference, the total and the segment's sequence number (3GPP TS 23.040, 9.2.3.24.1). No cut goes through an escape pair
of the GSM alphabet or through a surrogate pair.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from smpp_esme.errors import InvalidValue
from smpp_esme.protocol.parameters import EsmClass
from smpp_esme.protocol.tlvs import Tag
from smpp_esme.sms import udh
from smpp_esme.sms.alphabet import ESCAPE
from smpp_esme.sms.coding import Coding, capacity, cheapest, coding_of, data_coding_of, decode, encode

if TYPE_CHECKING:
    from smpp_esme.sms.profile import Profile
    from smpp_esme.sms.udh import Concatenation, Element

# The total has one octet (TS 23.040, 9.2.3.24.1).
MOST_SEGMENTS: Final = 255
_UDHI: Final = int(EsmClass.UDHI)


class Segment(msgspec.Struct, frozen=True, gc=False):
    """One short message of a text, as the parameters of a submit_sm.

    Attributes:
        short_message: the user data header, if any, and the text's octets.
        esm_class: UDHI where there is a header.
        data_coding: what the octets are.
        sequence: which segment this is, from 1.
        total: how many there are.
    """

    short_message: bytes
    esm_class: int
    data_coding: int
    sequence: int = 1
    total: int = 1

    def __repr__(self) -> str:
        """Which segment it is and how long; never the text."""
        return (
            f"Segment({self.sequence} of {self.total}, {len(self.short_message)} octets,"
            f" esm_class=0x{self.esm_class:02X}, data_coding=0x{self.data_coding:02X})"
        )


class Segments(msgspec.Struct, frozen=True):
    """A text's segments, in order.

    Attributes:
        coding: the coding that was chosen or asked for.
        data_coding: how this SMSC is told so.
        segments: one or more.
    """

    coding: Coding
    data_coding: int
    segments: tuple[Segment, ...]


def segment(
    text: str, profile: Profile, *, reference: int, coding: Coding | None = None, flash: bool = False
) -> Segments:
    """The text as one short message, or as as many segments as it takes.

    Args:
        text: what the subscriber is to read.
        profile: the SMSC it is for.
        reference: a number that the next message from this source to this destination does not carry; a counter will
            do, for only its low 8 or 16 bits are used.
        coding: the coding to use; None takes the cheapest that carries the text.
        flash: whether to show it at once and not keep it (message class 0).

    Raises:
        EncodingError: the coding, or every coding of the profile, lacks a character of the text.
        InvalidValue: the SMSC does not offer the coding, or the text takes more than 255 segments.
    """
    if coding is None:
        coding, octets = cheapest(text, profile, flash=flash)
    else:
        octets = encode(text, coding)
    return _segments(octets, (), profile, reference=reference, coding=coding, flash=flash)


def segment_octets(
    octets: bytes, profile: Profile, *, reference: int, header: tuple[Element, ...] = (), flash: bool = False
) -> Segments:
    """Binary content as one short message, or as as many segments as it takes, each behind the elements of `header`.

    Raises:
        InvalidValue: the SMSC does not offer binary, the header leaves no room, or 255 segments are too few.
    """
    return _segments(octets, header, profile, reference=reference, coding=Coding.BINARY, flash=flash)


def text_of(
    short_message: bytes, esm_class: int, data_coding: int, profile: Profile
) -> tuple[str, Concatenation | None]:
    """The text in a short message, and where it belongs if it is a segment; it never raises."""
    octets, concatenation = body_of(short_message, esm_class)
    return decode(octets, coding_of(data_coding, profile)), concatenation


def body_of(short_message: bytes, esm_class: int) -> tuple[bytes, Concatenation | None]:
    """The octets behind the user data header, if esm_class announces one, and what it says of concatenation."""
    if not esm_class & _UDHI:
        return short_message, None
    elements, octets = udh.split(short_message)
    return octets, udh.concatenation(elements)


def _segments(
    octets: bytes, header: tuple[Element, ...], profile: Profile, *, reference: int, coding: Coding, flash: bool
) -> Segments:
    data_coding = data_coding_of(coding, profile, flash=flash)
    front = udh.build(header)
    if len(octets) <= capacity(coding, len(front)):
        single = Segment(front + octets, _UDHI if front else 0, data_coding)
        return Segments(coding, data_coding, (single,))
    wide = profile.concatenation == "udh16"
    taken = profile.concatenation_header + max(len(front) - 1, 0)
    pieces = _pieces(octets, coding, capacity(coding, taken))
    fronts = _fronts(header, reference & (0xFFFF if wide else 0xFF), len(pieces), wide=wide)
    segments = tuple(
        Segment(front + piece, _UDHI, data_coding, sequence, len(pieces))
        for sequence, (front, piece) in enumerate(zip(fronts, pieces, strict=True), start=1)
    )
    return Segments(coding, data_coding, segments)


def _pieces(octets: bytes, coding: Coding, room: int) -> list[bytes]:
    if room < 4:
        raise InvalidValue("user data header", "leaves no room for content", "a shorter header")
    if len(octets) > MOST_SEGMENTS * room:
        raise _too_long(-(-len(octets) // room))
    pieces: list[bytes] = []
    start = 0
    while start < len(octets):
        end = start + room
        if end < len(octets):
            end -= _overhang(octets, end, coding)
        pieces.append(octets[start:end])
        start = end
    if len(pieces) > MOST_SEGMENTS:
        raise _too_long(len(pieces))
    return pieces


def _too_long(segments: int) -> InvalidValue:
    return InvalidValue("text", f"takes {segments} segments", f"at most {MOST_SEGMENTS} segments")


def _overhang(octets: bytes, end: int, coding: Coding) -> int:
    """How many octets before `end` begin a pair that ends after it."""
    if coding is Coding.GSM7 and octets[end - 1] == ESCAPE:
        return 1
    # A high surrogate is 0xD800 to 0xDBFF.
    if coding is Coding.UCS2 and octets[end - 2] & 0xFC == 0xD8:
        return 2
    return 0


def _fronts(header: tuple[Element, ...], reference: int, total: int, *, wide: bool) -> list[bytes]:
    return [
        udh.build((udh.Concatenation(reference, total, sequence, wide=wide).element(), *header))
        for sequence in range(1, total + 1)
    ]


class TextPdu(Protocol):
    """What a submit_sm, deliver_sm and data_sm have in common."""

    @property
    def source_addr(self) -> str:
        """Who sent it."""

    @property
    def destination_addr(self) -> str:
        """Whom it is for."""

    @property
    def esm_class(self) -> int:
        """Whether a header precedes the text, among others."""

    @property
    def data_coding(self) -> int:
        """What the octets are."""

    def tlv(self, tag: int, /) -> Any:
        """The value of the first TLV with this tag, or None."""

    def tlv_octets(self, tag: int, /) -> bytes | None:
        """Its octets, or None."""


def octets_of(pdu: TextPdu) -> bytes:
    """The content of a PDU: its short_message or, where that is empty or absent, its message_payload."""
    short_message: bytes = getattr(pdu, "short_message", b"")
    return short_message or pdu.tlv(Tag.MESSAGE_PAYLOAD) or b""


class Joined(msgspec.Struct, frozen=True, kw_only=True):
    """A text as its segments gave it.

    Attributes:
        link: the link it came over.
        source_addr: who sent it.
        destination_addr: whom it was sent to.
        text: the text of the segments there are, in order.
        total: how many segments the text has.
        missing: the sequence numbers that never came.
    """

    link: str
    source_addr: str
    destination_addr: str
    text: str
    total: int = 1
    missing: tuple[int, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every segment came."""
        return not self.missing

    def __repr__(self) -> str:
        """What came and what is missing; never the text or the numbers."""
        return f"Joined({len(self.text)} characters, {self.total} segments, missing={self.missing})"


class Reassembly:
    """Segments that wait for the rest of their text.

    A text is known by link, source, destination, reference and total; its segments come in any order. A segment that
    comes again is ignored, also for `deadline` seconds after its text was complete. A different segment under the same
    sequence number begins another text that reuses the reference. Memory is bounded: past `limit` segments the oldest
    text is handed over as it is. No text is ever dropped.

    Args:
        limit: how many segments may be held.
        deadline: seconds after its first segment when an incomplete text is given up and handed over as it is.
    """

    def __init__(self, *, limit: int = 4096, deadline: float = 300.0) -> None:
        self._limit = limit
        self._deadline = deadline
        # In the order of their deadlines, for all have the same time to live.
        self._texts: dict[_Key, _Text] = {}
        self._held = 0

    def __len__(self) -> int:
        """How many segments are held."""
        return self._held

    def add(self, pdu: TextPdu, profile: Profile, *, link: str, now: float) -> Joined | None:
        """The text that this PDU completes, or None while segments are missing.

        A PDU that is no segment is a complete text. Where a new text begins and there is no room for it, or its
        reference is in use by another, the older text is handed over instead, incomplete.
        """
        octets, found = body_of(octets_of(pdu), pdu.esm_class)
        coding = coding_of(pdu.data_coding, profile)
        # Longer than any short message, so no segment of one: holding it would let a peer fill the memory.
        if found is None or len(octets) > _LONGEST_SEGMENT:
            text = decode(octets, coding)
            return Joined(link=link, source_addr=pdu.source_addr, destination_addr=pdu.destination_addr, text=text)
        key = (link, pdu.source_addr, pdu.destination_addr, found.reference, found.total)
        return self._add(key, found.sequence, (octets, coding), now)

    def expired(self, now: float) -> list[Joined]:
        """The texts whose deadline has passed, incomplete."""
        late = [key for key, text in self._texts.items() if text.since + self._deadline <= now]
        return [joined for key in late if (joined := self._pop(key)) is not None]

    def _add(self, key: _Key, sequence: int, piece: _Piece, now: float) -> Joined | None:
        given_up = None
        text = self._texts.get(key)
        if text is not None and text.pieces.get(sequence, piece) != piece:
            given_up, text = self._pop(key), None
        if text is None:
            text = self._texts[key] = _Text(now, {})
        if sequence in text.pieces:
            return given_up
        text.pieces[sequence] = piece
        self._held += 1
        if len(text.pieces) == key[-1]:
            return self._complete(key, text, now)
        return given_up or self._make_room()

    def _complete(self, key: _Key, text: _Text, now: float) -> Joined:
        # Remembered for a while at the end of the queue, so that a segment that comes again is known.
        self._texts[key] = self._texts.pop(key)
        text.complete, text.since = True, now
        if self._held > self._limit:
            self._pop(key)
        return _joined(key, text.pieces)

    def _make_room(self) -> Joined | None:
        joined = None
        while self._held > self._limit and joined is None:
            joined = self._pop(next(iter(self._texts)))
        return joined

    def _pop(self, key: _Key) -> Joined | None:
        text = self._texts.pop(key)
        self._held -= len(text.pieces)
        return None if text.complete else _joined(key, text.pieces)


_LONGEST_SEGMENT: Final = 255
_Key = tuple[str, str, str, int, int]
_Piece = tuple[bytes, Coding]


class _Text(msgspec.Struct):
    since: float
    pieces: dict[int, _Piece]
    complete: bool = False


def _joined(key: _Key, pieces: dict[int, _Piece]) -> Joined:
    link, source, destination, _, total = key
    missing = tuple(sequence for sequence in range(1, total + 1) if sequence not in pieces)
    text = _text([piece for _, piece in sorted(pieces.items())])
    return Joined(link=link, source_addr=source, destination_addr=destination, text=text, total=total, missing=missing)


def _text(pieces: list[_Piece]) -> str:
    codings = {coding for _, coding in pieces}
    if len(codings) == 1:
        # Joined before decoding: a careless sender's cut through a pair heals.
        return decode(b"".join(octets for octets, _ in pieces), codings.pop())
    return "".join(decode(octets, coding) for octets, coding in pieces)
