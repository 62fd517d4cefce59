"""`smpp-esme decode`: octets in hexadecimal in, an annotated dump of the PDUs in them out."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

if TYPE_CHECKING:
    from smpp_esme.protocol.dump import Dump, Line

#: More hexadecimal than anybody pastes; what is read is bounded all the same.
INPUT_LIMIT: Final = 16 * 1024 * 1024

_COMMENT: Final = re.compile(r"#[^\n]*")
#: What people leave between octets: blanks, colons, commas, 0x.
_BETWEEN: Final = re.compile(r"[\s:,]+(?:0[xX])?|^0[xX]")
_NOT_HEXADECIMAL: Final = re.compile(r"[^0-9a-fA-F]")


def decode(
    hexadecimal: Annotated[
        list[str],
        typer.Argument(
            metavar="HEX...",
            help="Octets in hexadecimal; blanks, colons, 0x and # comments are passed over. - reads standard input.",
        ),
    ],
    *,
    show_password: Annotated[bool, typer.Option("--show-password", help="Show passwords too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of columns.")] = False,
) -> None:
    """Explain the PDUs in a piece of hexadecimal, octet by octet.

    Several PDUs may follow one another, as in a capture. Numbers and texts are shown; passwords only when asked for.
    Leaves with exit status 0 if all octets were read as whole PDUs, else with 1, having said what could not be read.
    """
    from smpp_esme.protocol.dump import dump

    octets = _octets(hexadecimal)
    pieces, left, trouble = split(octets)
    dumps = [(at, dump(piece, show_secrets=show_password)) for at, piece in pieces]
    if as_json:
        typer.echo(json.dumps(_as_json(dumps, trouble), indent=2))
    elif dumps:
        typer.echo("\n\n".join(_text(at, one) for at, one in dumps))
    if trouble:
        typer.echo(f"the last {left} of {len(octets)} octets could not be read: {trouble}", err=True)
    if trouble or not all(one.is_whole for _, one in dumps):
        raise typer.Exit(1)


def split(octets: bytes) -> tuple[list[tuple[int, bytes]], int, str]:
    """The PDUs in a stream by their offsets, how many octets are left over at its end, and why."""
    from smpp_esme.protocol.codec import Framer

    framer = Framer()
    pieces, at = [], 0
    for piece in framer.feed(octets):
        pieces.append((at, piece))
        at += len(piece)
    left = len(octets) - at
    if not left:
        return pieces, 0, ""
    if framer.broken:
        return pieces, left, str(framer.broken)
    return [*pieces, (at, octets[at:])], left, "they are the beginning of a PDU, and its end is missing"


def _octets(hexadecimal: list[str]) -> bytes:
    written = _standard_input() if hexadecimal == ["-"] else "\n".join(hexadecimal)
    if len(written) > INPUT_LIMIT:
        raise _refusal(f"more than {INPUT_LIMIT} characters")
    digits = _BETWEEN.sub("", _COMMENT.sub("", written))
    if wrong := _NOT_HEXADECIMAL.search(digits):
        raise _refusal(f"{wrong.group()!r} is no hexadecimal digit")
    if not digits:
        raise _refusal("there are no octets")
    if len(digits) % 2:
        raise _refusal(f"{len(digits)} hexadecimal digits are no whole octets: one is missing")
    return bytes.fromhex(digits)


def _standard_input() -> str:
    return sys.stdin.buffer.read(INPUT_LIMIT + 1).decode("ascii", "replace")


def _refusal(why: str) -> typer.Exit:
    typer.echo(f"nothing was read: {why}", err=True)
    return typer.Exit(1)


def _text(at: int, dump: Dump) -> str:
    """A PDU in columns: offset, octets, parameter, value, meaning."""
    rows = [f"{dump.name}, at octet {at}"]
    for line in dump.lines:
        first, *more = [line.octets[i : i + 48].rstrip() for i in range(0, len(line.octets), 48)] or [""]
        row = f"  {line.offset:5}  {first:47}  {line.parameter or '?':24} {_shown(line)}"
        rows += [row.rstrip(), *(f"  {'':5}  {octets}" for octets in more)]
    rows += [f"  odd: {oddity}" for oddity in dump.oddities]
    if dump.problem:
        rows.append(f"  unusable: {dump.problem}")
    return "\n".join(rows)


def _shown(line: Line) -> str:
    """Value and meaning; octets stand in their own column already."""
    value = "" if line.value is None or isinstance(line.value, bytes) else repr(line.value)
    return "  ".join(part for part in (value, line.meaning) if part)


def _as_json(dumps: list[tuple[int, Dump]], trouble: str) -> dict[str, Any]:
    return {
        "pdus": [
            {
                "offset": at,
                "name": dump.name,
                "whole": dump.is_whole,
                "problem": dump.problem,
                "oddities": dump.oddities,
                "parameters": [
                    {
                        "offset": line.offset,
                        "octets": line.octets,
                        "parameter": line.parameter or None,
                        "value": line.value.hex() if isinstance(line.value, bytes) else line.value,
                        "meaning": line.meaning,
                    }
                    for line in dump.lines
                ],
            }
            for at, dump in dumps
        ],
        "problem": trouble,
    }
