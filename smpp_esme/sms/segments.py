"""One text into segments.

A text that does not fit one short message is cut into segments that carry the message's reference, their total and
their sequence number: each behind a user data header (3GPP TS 23.040, 9.2.3.24.1), or in TLVs (SMPP 3.4, 5.3.2.22 to
5.3.2.24). Some SMSCs want it whole, in message_payload, and cut it themselves. `cuts` says where.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

import msgspec

from smpp_esme.errors import InvalidValue
from smpp_esme.protocol.parameters import EsmClass
from smpp_esme.protocol.tlvs import TLVS, Tag, Tlv
from smpp_esme.sms import udh
from smpp_esme.sms.choice import Choice, choose, cuts_of, room
from smpp_esme.sms.coding import Coding, data_coding_of
from smpp_esme.sms.cuts import readable_cuts
from smpp_esme.sms.national import DEFAULT, Shifts, shifts_of
from smpp_esme.sms.septets import fill_bits, pack
from smpp_esme.sms.udh import Element

if TYPE_CHECKING:
    from smpp_esme.sms.profile import Profile

# The total has one octet (TS 23.040, 9.2.3.24.1).
MOST_SEGMENTS: Final = 255
_UDHI: Final = int(EsmClass.UDHI)
_UNITS: Final = {Coding.GSM7: "septets", Coding.UCS2: "octets, two a UTF-16 unit"}


class Segment(msgspec.Struct, frozen=True, gc=False):
    """One short message of a text, as the parameters of a submit_sm.

    Attributes:
        short_message: the user data header, if any, and the text's octets; empty where they stand in a TLV.
        esm_class: UDHI where there is a header.
        data_coding: what the octets are.
        sequence: which segment this is, from 1.
        total: how many there are.
        tlvs: the SAR TLVs, or message_payload, where the profile wants them.
    """

    short_message: bytes
    esm_class: int
    data_coding: int
    sequence: int = 1
    total: int = 1
    tlvs: tuple[Tlv, ...] = ()

    def __repr__(self) -> str:
        """Which segment it is and how long; never the text."""
        return (
            f"Segment({self.sequence} of {self.total}, {len(self.short_message)} octets,"
            f" esm_class=0x{self.esm_class:02X}, data_coding=0x{self.data_coding:02X})"
        )


class Segments(msgspec.Struct, frozen=True, kw_only=True):
    """A text's segments, in order.

    Attributes:
        text: the text that they carry, transliterated if it was; "" for octets.
        coding: the coding that was chosen or asked for.
        shifts: the national tables that it is written by.
        data_coding: how this SMSC is told so.
        segments: one or more.
    """

    text: str
    coding: Coding
    shifts: Shifts = DEFAULT
    data_coding: int
    segments: tuple[Segment, ...]

    def __repr__(self) -> str:
        """How many there are and in what coding; never the text."""
        return f"Segments({self.coding}, {list(self.segments)})"


def segment(
    text: str,
    profile: Profile,
    *,
    reference: int,
    coding: Coding | None = None,
    flash: bool = False,
    header: tuple[Element, ...] = (),
) -> Segments:
    """The text as one short message, or as as many segments as it takes.

    Args:
        text: what the subscriber is to read.
        profile: the SMSC it is for.
        reference: a number that the messages before it, from this source to this destination, did not carry; only its
            low 8 or 16 bits are used. `References` counts them.
        coding: the coding to use; None takes the cheapest that carries the text.
        flash: whether to show it at once and not keep it (message class 0).
        header: information elements that every segment is to have, such as ports.

    Raises:
        EncodingError: the coding, or every coding of the profile, lacks a character of the text.
        InvalidValue: the SMSC does not offer the coding, the header leaves no room or names national tables, or the
            text takes more than 255 segments.
    """
    if header and shifts_of(header) != DEFAULT:
        raise InvalidValue("header", "names national tables", "none: the profile's languages choose them")
    choice = choose(text, profile, coding=coding, flash=flash, header=udh.length(header))
    return _segments(choice, header, profile, reference=reference, flash=flash)


def segment_octets(
    octets: bytes, profile: Profile, *, reference: int, header: tuple[Element, ...] = (), flash: bool = False
) -> Segments:
    """Binary content as one short message, or as as many segments as it takes, each behind the elements of `header`.

    Raises:
        InvalidValue: the SMSC does not offer binary, the header leaves no room, or 255 segments are too few.
    """
    choice = Choice("", Coding.BINARY, DEFAULT, octets, cuts_of(octets, Coding.BINARY, profile, udh.length(header)))
    return _segments(choice, header, profile, reference=reference, flash=flash)


def _segments(
    choice: Choice, header: tuple[Element, ...], profile: Profile, *, reference: int, flash: bool
) -> Segments:
    header += choice.shifts.elements()
    check_length(choice, profile, udh.length(header))
    wide = profile.concatenation == "udh16"
    writer = _Writer(
        header=header,
        reference=reference & (0xFFFF if wide else 0xFF),
        wide=wide,
        packed=profile.packed and choice.coding is Coding.GSM7,
        data_coding=data_coding_of(choice.coding, profile, flash=flash),
    )
    return Segments(
        text=choice.text,
        coding=choice.coding,
        shifts=choice.shifts,
        data_coding=writer.data_coding,
        segments=tuple(_written(choice, profile, writer)),
    )


def _written(choice: Choice, profile: Profile, writer: _Writer) -> list[Segment]:
    if choice.segments == 1:
        return [writer.segment(choice.octets)]
    if profile.concatenation == "payload":
        whole = writer.segment(choice.octets)
        payload = TLVS.tlv(Tag.MESSAGE_PAYLOAD, whole.short_message)
        return [msgspec.structs.replace(whole, short_message=b"", tlvs=(payload,))]
    ends = readable_cuts(choice, room(choice.coding, profile, udh.length(writer.header), concatenated=True))
    pieces = [choice.octets[start:end] for start, end in pairwise((0, *ends))]
    return _in_tlvs(pieces, writer) if profile.concatenation == "sar" else _behind_headers(pieces, writer)


class _Writer(msgspec.Struct, frozen=True, kw_only=True):
    """What all segments of a message have in common."""

    header: tuple[Element, ...]
    reference: int
    wide: bool
    packed: bool
    data_coding: int

    def segment(self, piece: bytes, sequence: int = 1, total: int = 1, tlvs: tuple[Tlv, ...] = ()) -> Segment:
        """A segment with no more of a header than all have."""
        body = self.body(udh.build(self.header), piece)
        return Segment(body, _UDHI if self.header else 0, self.data_coding, sequence, total, tlvs)

    def body(self, front: bytes, piece: bytes) -> bytes:
        """The piece behind this header, packed if the SMSC wants it so."""
        return front + (pack(piece, fill_bits(len(front))) if self.packed else piece)


def _behind_headers(pieces: list[bytes], writer: _Writer) -> list[Segment]:
    total = len(pieces)
    first = udh.Concatenation(writer.reference, total, 1, wide=writer.wide).element()
    front = bytearray(udh.build((first, *writer.header)))
    # The sequence number ends the first element.
    place = 2 + len(first.data)
    segments = []
    for sequence, piece in enumerate(pieces, start=1):
        front[place] = sequence
        segments.append(Segment(writer.body(bytes(front), piece), _UDHI, writer.data_coding, sequence, total))
    return segments


def _in_tlvs(pieces: list[bytes], writer: _Writer) -> list[Segment]:
    # The SMSC makes a header of them; with no more than eight bits of reference it can make the shorter one, for which
    # there is room.
    number = TLVS.tlv(Tag.SAR_MSG_REF_NUM, writer.reference)
    total = TLVS.tlv(Tag.SAR_TOTAL_SEGMENTS, len(pieces))
    return [
        writer.segment(piece, sequence, len(pieces), (number, total, TLVS.tlv(Tag.SAR_SEGMENT_SEQNUM, sequence)))
        for sequence, piece in enumerate(pieces, start=1)
    ]


def check_length(choice: Choice, profile: Profile, header: int) -> None:
    """Refuse what takes more than 255 segments behind elements of so many octets.

    Raises:
        InvalidValue: it does; says how long it may be.
    """
    if choice.segments > MOST_SEGMENTS:
        most = MOST_SEGMENTS * room(choice.coding, profile, header, concatenated=True)
        allowed = f"at most {MOST_SEGMENTS} segments: {most} {_UNITS.get(choice.coding, 'octets')}"
        raise InvalidValue("text", f"takes {choice.segments} segments", allowed)
