"""Tables for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from smpp_esme.sms.hlr import HlrRecord

_REACHABLE: Final = {True: "yes", False: "no", None: "?"}


def table(title: str, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> Table:
    """A table whose cells are shown as they are: a text may look like markup."""
    made = Table(title=title, title_justify="left", header_style="bold", show_edge=False, pad_edge=False)
    for column in columns:
        made.add_column(column, overflow="fold")
    for row in rows:
        made.add_row(*("" if cell is None else str(cell).replace("[", r"\[") for cell in row))
    return made


def hlr_table(records: Iterable[HlrRecord]) -> Table:
    """What the HLR says of each number."""
    columns = (
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
    return table("HLR records", columns, (_row(record) for record in records))


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
