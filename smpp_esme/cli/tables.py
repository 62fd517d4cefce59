"""Tables for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.table import Table
from rich.text import Text

from smpp_esme.cli.terminal import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console

    from smpp_esme.sms.hlr import HlrRecord

#: So few columns fit any screen.
_NARROW: Final = 3
#: No table is wider, in characters.
_WIDEST: Final = 10_000
HLR_COLUMNS: Final = (
    "MSISDN",
    "reachable",
    "IMSI",
    "MSC",
    "MCC",
    "MNC",
    "country",
    "operator",
    "roaming country",
    "roaming operator",
    "error",
    "meaning",
)
_REACHABLE: Final = {True: "yes", False: "no", None: "?"}


def show_table(console: Console, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table, or a block of lines for each row where the screen is too narrow for one."""
    cells = [["" if cell is None else plain(str(cell)) for cell in row] for row in rows]
    made = Table(title=title, title_justify="left", header_style="bold", show_edge=False, pad_edge=False)
    for column in columns:
        made.add_column(column, overflow="fold")
    for row in cells:
        made.add_row(*(Text(cell) for cell in row))  # a Text is shown as it is: a name may look like markup
    wanted = console.measure(made, options=console.options.update(max_width=_WIDEST)).maximum
    if wanted <= console.width or len(columns) <= _NARROW:
        console.print(made)
        return
    console.print(title, style="italic")
    for row in cells:
        console.print()
        for column, cell in zip(columns, row, strict=True):
            if cell:
                console.print(Text(f"  {column:<17} {cell}"))


def show_hlr_records(console: Console, records: Iterable[HlrRecord]) -> None:
    """Print what the HLR says of each number."""
    show_table(console, "HLR records", HLR_COLUMNS, [_row(record) for record in records])


def _row(record: HlrRecord) -> tuple[object, ...]:
    return (
        record.msisdn,
        _REACHABLE[record.reachable],
        record.imsi,
        record.msc,
        record.mcc,
        record.mnc,
        record.country,
        record.operator,
        record.roaming_country,
        record.roaming_operator,
        record.error,
        record.error_meaning,
    )
