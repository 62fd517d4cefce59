"""The first half of the demo: one of everything, and what became of it."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from smpp_esme.cli.demo.processes import DemoFailed
from smpp_esme.cli.demo.texts import ITEMS, LOOKUPS
from smpp_esme.cli.tables import show_hlr_records, show_table
from smpp_esme.sms.hlr import HlrRecord

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from rich.console import Console

    from smpp_esme.cli.demo.processes import Http

_PATIENCE: Final = 60.0
_COLUMNS: Final = (
    "reference",
    "what",
    "to",
    "kind",
    "data_coding",
    "segments",
    "message_ids",
    "status",
    "error",
    "seconds to final",
)


async def send_everything(console: Console, daemon: Http, smsc: Http) -> bool:
    """Submit one of everything, wait for the receipts, show the tables; whether all was as it should be."""
    kept = [await daemon.post("/v1/messages", item.body()) for item in ITEMS]
    looked_up = (await daemon.post("/v1/lookups", {"to": LOOKUPS}))["lookups"]

    async def finals() -> list[Any]:
        paths = [f"/v1/messages/{one['reference']}" for one in (*kept, *looked_up)]
        return await asyncio.gather(*(daemon.get(path) for path in paths))

    final = await wait_for_finals(console, "receipts", finals)
    show_table(console, "Messages", _COLUMNS, _rows(final[: len(kept)]))
    lookups = [await daemon.get(f"/v1/lookups/{one['reference']}") for one in looked_up]
    records = [msgspec.convert(one["record"], HlrRecord) for one in lookups if one["record"]]
    console.print()
    show_hlr_records(console, records)
    console.print()
    arrived = await _all_arrived(console, smsc)
    delivered = all(one["status"] == "DELIVERED" for one in final[: len(kept)])
    _say(console, f"{len(kept)} messages of every kind delivered", holds=delivered)
    _say(console, f"{len(LOOKUPS)} numbers looked up, each with its record", holds=len(records) == len(LOOKUPS))
    return arrived and delivered and len(records) == len(LOOKUPS)


async def wait_for_finals(console: Console, what: str, states: Callable[[], Awaitable[Sequence[Any]]]) -> Sequence[Any]:
    """Ask until every message has its final status, and show how far it is.

    Raises:
        DemoFailed: it takes too long.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    try:
        with Progress(*columns, console=console) as progress:
            task = progress.add_task(what, total=None)
            async with asyncio.timeout(_PATIENCE):
                while True:
                    found = await states()
                    done = sum(one["final_at"] is not None for one in found)
                    progress.update(task, completed=done, total=len(found))
                    if done == len(found):
                        return found
                    await asyncio.sleep(0.1)
    except TimeoutError:
        raise DemoFailed(f"{what}: not all final within {_PATIENCE:g} s") from None


def _rows(messages: Sequence[Any]) -> list[tuple[object, ...]]:
    return [
        (
            one["reference"],
            item.label,
            one["to"],
            one["kind"],
            f"0x{one['data_coding']:02X}",
            one["segments"],
            " ".join(one["message_ids"]),
            one["status"],
            one["error"],
            f"{_moment(one['final_at']) - _moment(one['created_at']):.2f}",
        )
        for item, one in zip(ITEMS, messages, strict=True)
    ]


def _moment(written: str) -> float:
    return datetime.fromisoformat(written).timestamp()


async def _all_arrived(console: Console, smsc: Http) -> bool:
    """Compare what each handset got with what was sent, character for character."""
    wrong = []
    for item in ITEMS:
        inbox = await smsc.get(f"/inbox/{item.to.lstrip('+')}")
        wrong += [item.label] if [(one["text"], one["comment"]) for one in inbox] != [_expected(item)] else []
    for label in wrong:
        console.print(f"  not as it was sent: {label}")
    _say(console, f"{len(ITEMS)} texts at their handsets, identical character for character", holds=not wrong)
    return not wrong


def _expected(item: Any) -> tuple[str, str | None]:
    return item.content.text(), item.comment


def _say(console: Console, fact: str, *, holds: bool) -> None:
    console.print(f"{'[green]yes[/]' if holds else '[red]NO [/]'}  {fact}")
