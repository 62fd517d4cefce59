"""What `decode` prints of a PDU: a tree, one line, or JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from smpp_esme.cli.decode.conversation import Relations
from smpp_esme.cli.decode.streams import Place
from smpp_esme.cli.terminal import plain
from smpp_esme.protocol.dump import Dump

if TYPE_CHECKING:
    from smpp_esme.cli.decode.conversation import Asked, Mention
    from smpp_esme.cli.decode.frames import Trouble
    from smpp_esme.protocol.dump import Line

#: The parameters that one line has room for.
_SUMMARY: Final = (
    "system_id",
    "source_addr",
    "destination_addr",
    "message_id",
    "receipted_message_id",
    "short_message",
    "message_payload",
)
_OCTETS_A_ROW: Final = 16


class Entry(msgspec.Struct, frozen=True):
    """A PDU with all that is known of it.

    Attributes:
        number: which PDU this is, from 1.
        dump: its parameters.
        offset: where it begins in its stream.
        place: which way it went.
        time: when it was seen, in nanoseconds since 1970; None if nobody can say.
        relations: what it has to do with other PDUs.
    """

    number: int
    dump: Dump
    offset: int
    place: Place
    time: int | None
    relations: Relations


class Printout(Protocol):
    """One way to print."""

    def pdu(self, entry: Entry) -> str:
        """A PDU."""

    def trouble(self, trouble: Trouble, place: Place) -> str:
        """Something that could not be read."""

    def unanswered(self, request: Asked) -> str:
        """A request that no response was seen to."""


class Tree:
    """Every parameter of a PDU in columns: offset, octets, parameter, value, meaning."""

    def pdu(self, entry: Entry) -> str:
        """A PDU and an empty line."""
        dump = entry.dump
        rows = [f"PDU {entry.number}: {dump.name}, at octet {entry.offset}{_of(entry.place)}{_at(entry.time)}"]
        for line in dump.lines:
            octets = line.octets.split(" ")
            first, *more = [" ".join(octets[i : i + _OCTETS_A_ROW]) for i in range(0, len(octets), _OCTETS_A_ROW)]
            row = f"  {line.offset:5}  {first:47}  {line.parameter or '?':24} {_shown(line)}"
            rows += [row.rstrip(), *(f"  {'':5}  {one}" for one in more)]
        rows += [f"  odd: {oddity}" for oddity in dump.oddities]
        if dump.problem:
            rows.append(f"  unusable: {dump.problem}")
        rows += [f"  {sentence}" for sentence in sentences(entry.relations)]
        return "\n".join([*rows, ""])

    def trouble(self, trouble: Trouble, place: Place) -> str:
        """A line and an empty line."""
        return f"! {told(trouble, place)}\n"

    def unanswered(self, request: Asked) -> str:
        """A line."""
        return f"PDU {request.pdu}: no response to {request.name}, sequence_number {request.sequence_number}"


class Summary(Tree):
    """One line a PDU."""

    def pdu(self, entry: Entry) -> str:
        """A line: number, time and direction, operation, sequence_number, status, what it is about."""
        dump = entry.dump
        values = {line.parameter: line for line in reversed(dump.lines)}
        parts = [f"{entry.number:6}", _clock(entry.time), str(entry.place), f"{dump.name:20}"]
        if "sequence_number" in values:
            parts.append(f"sequence_number {values['sequence_number'].value!r}")
        if "command_status" in values and (dump.name.endswith("_resp") or dump.name == "generic_nack"):
            parts.append(values["command_status"].meaning.partition(":")[0])
        parts += [f"{name} {_said(values[name])}" for name in _SUMMARY if name in values and values[name].value]
        parts += [f"odd: {oddity}" for oddity in dump.oddities]
        if dump.problem:
            parts.append(f"unusable: {dump.problem}")
        return "  ".join(part for part in [*parts, *sentences(entry.relations)] if part)

    def trouble(self, trouble: Trouble, place: Place) -> str:
        """A line."""
        return f"     !  {told(trouble, place)}"


class JsonLines:
    """One JSON object a line; its `kind` says what it is about."""

    def pdu(self, entry: Entry) -> str:
        """A PDU."""
        dump, relations = entry.dump, entry.relations
        return _json(
            "pdu",
            pdu=entry.number,
            time=_iso(entry.time),
            **_where(entry.place),
            offset=entry.offset,
            name=dump.name,
            whole=dump.is_whole,
            problem=dump.problem,
            oddities=dump.oddities,
            parameters=[_parameter(line) for line in dump.lines],
            answers=_mention(relations.answers),
            answered_by=_mention(relations.answered_by),
            submission=_mention(relations.submission),
            receipted_by=_mention(relations.receipted_by),
            receipt=_receipt(relations),
        )

    def trouble(self, trouble: Trouble, place: Place) -> str:
        """Something that could not be read."""
        return _json("trouble", **_where(place), offset=trouble.offset, octets=trouble.octets, problem=trouble.problem)

    def unanswered(self, request: Asked) -> str:
        """A request that no response was seen to."""
        return _json("unanswered", pdu=request.pdu, name=request.name, sequence_number=request.sequence_number)


def told(trouble: Trouble, place: Place) -> str:
    """A trouble as a sentence."""
    if trouble.offset is None:
        return plain(trouble.problem)
    return f"octets {trouble.offset} to {trouble.offset + trouble.octets - 1}{_of(place)}: {trouble.problem}"


def sentences(relations: Relations) -> list[str]:
    """What a PDU has to do with others, in words."""
    found = []
    if relations.answers:
        found.append(f"answers PDU {_ago(relations.answers)}")
    if relations.answered_by:
        found.append(f"answered by PDU {relations.answered_by.pdu}")
    if relations.receipted_by:
        found.append(f"receipted by PDU {relations.receipted_by.pdu}")
    if receipt := relations.receipt:
        state = receipt.message_state.name if receipt.message_state is not None else "of no known state"
        about = f"for PDU {_ago(relations.submission)}" if relations.submission else "for no submission seen here"
        found.append(f"receipt {about}: message_id {receipt.message_id!r}, {state}")
    return found


def _ago(mention: Mention) -> str:
    return str(mention.pdu) if mention.seconds is None else f"{mention.pdu} after {mention.seconds:.6f} s"


def _of(place: Place) -> str:
    return f" of {plain(str(place))}" if place.source else ""


def _moment(time: int | None) -> datetime | None:
    try:
        return None if time is None else datetime.fromtimestamp(time // 1000 / 1e6, UTC)
    except (ValueError, OverflowError, OSError):  # a year that no calendar has
        return None


def _at(time: int | None) -> str:
    moment = _moment(time)
    return f", {moment:%Y-%m-%d %H:%M:%S.%f} UTC" if moment else ""


def _clock(time: int | None) -> str:
    moment = _moment(time)
    return f"{moment:%H:%M:%S.%f}" if moment else ""


def _iso(time: int | None) -> str | None:
    moment = _moment(time)
    return moment.isoformat() if moment else None


def _shown(line: Line) -> str:
    """Value and meaning; octets stand in their own column already."""
    value = "" if line.value is None or isinstance(line.value, bytes) else repr(line.value)
    return "  ".join(part for part in (value, line.meaning) if part)


def _said(line: Line) -> str:
    """The meaning of octets, the value of anything else."""
    return line.meaning or "?" if isinstance(line.value, bytes) else repr(line.value)


def _json(kind: str, **fields: Any) -> str:
    return json.dumps({"kind": kind, **fields})


def _where(place: Place) -> dict[str, Any]:
    return {"stream": place.stream or None, "source": place.source or None, "destination": place.destination or None}


def _parameter(line: Line) -> dict[str, Any]:
    return {
        "offset": line.offset,
        "octets": line.octets,
        "parameter": line.parameter or None,
        "value": line.value.hex() if isinstance(line.value, bytes) else line.value,
        "meaning": line.meaning,
    }


def _mention(mention: Mention | None) -> dict[str, Any] | None:
    return {"pdu": mention.pdu, "seconds": mention.seconds} if mention else None


def _receipt(relations: Relations) -> dict[str, Any] | None:
    if (receipt := relations.receipt) is None:
        return None
    state = receipt.message_state.name if receipt.message_state is not None else None
    return {"message_id": receipt.message_id, "message_state": state, "error": receipt.error}
