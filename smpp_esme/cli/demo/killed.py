"""The second half of the demo: the daemon is killed half way through a batch, and started again."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import msgspec

from smpp_esme.cli.demo.everything import wait_for_finals
from smpp_esme.cli.demo.processes import DemoFailed, wait_until_bound
from smpp_esme.cli.tables import show_table

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from rich.console import Console

    from smpp_esme.cli.demo.processes import Http, Process

#: Messages a request. The batch goes in while the daemon works on it, so the kill hits both ends.
_PIECE: Final = 100
_PREFIX: Final = "Numbered message "
_PATIENCE: Final = 60.0
#: Seconds that receipts have to end doubts.
_EVIDENCE: Final = 5.0


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the batch, by the daemon's word and by the simulator's count.

    Attributes:
        accepted: messages that the daemon promised to deliver.
        statuses: how many stand where.
        lost: numbers of messages that the daemon knows nothing of, or calls delivered though they never came.
        twice: numbers of messages that came more than once.
        silent: of those, the ones that the daemon does not report in doubt.
        doubtful: messages in doubt that had arrived, and that had not.
    """

    accepted: int
    statuses: dict[str, int]
    lost: list[int]
    twice: list[int]
    silent: list[int]
    doubtful: tuple[int, int]

    @property
    def holds(self) -> bool:
        """Whether nothing was lost and nothing was sent twice in silence."""
        return not self.lost and not self.silent


async def kill_half_way(console: Console, process: Process, daemon: Http, smsc: Http, *, messages: int) -> bool:
    """Submit a batch, kill the daemon when half of it has arrived, start it again, and settle the accounts."""
    before = (await smsc.get("/counts"))["submits"]
    posting = asyncio.create_task(_post(daemon, messages), name="posting")
    await _half_way(process, smsc, posting, before + messages // 2)
    status = await process.kill()
    console.print(f"killed the daemon (pid {process.pid}, SIGKILL, status {status}) with half of {messages} submitted")
    await process.start()
    await wait_until_bound(process, daemon)
    console.print(f"started it again (pid {process.pid})")
    references = await posting
    outcome = await _settle(console, daemon, smsc, references)
    _show(console, outcome)
    return outcome.holds


async def _half_way(process: Process, smsc: Http, posting: asyncio.Task[Any], submits: int) -> None:
    """Wait until the simulator has so many submits.

    Raises:
        DemoFailed: it never will.
    """
    try:
        async with asyncio.timeout(_PATIENCE):
            while (await smsc.get("/counts"))["submits"] < submits:
                process.check()
                if posting.done():
                    posting.result()  # what stopped it is told here, or nobody would ever hear of it
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise DemoFailed(f"half of the batch was not submitted within {_PATIENCE:g} s; see {process.log}") from None


def _text(number: int) -> str:
    return f"{_PREFIX}{number}"


async def _post(daemon: Http, messages: int) -> dict[str, int]:
    """Hand all messages in, in pieces; the number that each reference stands for."""
    references: dict[str, int] = {}
    for start in range(0, messages, _PIECE):
        numbers = range(start, min(start + _PIECE, messages))
        # The last three digits never name one of the simulator's special handsets.
        orders = [{"to": f"+7926{number:05d}55", "text": _text(number)} for number in numbers]
        kept = await daemon.post_until_kept("/v1/batches", {"messages": orders}, key=f"numbered-{start}")
        references |= zip((one["reference"] for one in kept["messages"]), numbers, strict=True)
    return references


async def _settle(console: Console, daemon: Http, smsc: Http, references: dict[str, int]) -> Outcome:
    """Wait until every message is final or in doubt, then compare with what the simulator received."""
    found: dict[str, Any] = {}

    async def settled() -> list[Any]:
        found.clear()
        found.update(await _all(daemon))
        mine = [found[reference] for reference in references if reference in found]
        return [one | {"final_at": one["final_at"] or one["status"] == "IN_DOUBT" or None} for one in mine]

    await wait_for_finals(console, "numbered messages", settled)
    await _evidence(console, settled)
    arrived: dict[str, int] = await smsc.get("/submits", prefix=_PREFIX)
    times = {number: arrived.get(_text(number), 0) for number in references.values()}
    status = {number: found[reference]["status"] for reference, number in references.items() if reference in found}
    doubtful = [number for number in status if status[number] == "IN_DOUBT"]
    twice = [number for number, count in times.items() if count > 1]
    return Outcome(
        accepted=len(references),
        statuses=dict(Counter(status.values())),
        lost=[n for n, count in times.items() if n not in status or (status[n] == "DELIVERED" and not count)],
        twice=twice,
        silent=[number for number in twice if number not in doubtful],
        doubtful=(sum(times[number] > 0 for number in doubtful), sum(times[number] == 0 for number in doubtful)),
    )


async def _evidence(console: Console, states: Callable[[], Awaitable[list[Any]]]) -> None:
    """Give the receipts of what is in doubt a while to come in: they end the doubt."""
    doubtful = left = sum(one["status"] == "IN_DOUBT" for one in await states())
    deadline = asyncio.get_running_loop().time() + _EVIDENCE
    while left and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(0.2)
        left = sum(one["status"] == "IN_DOUBT" for one in await states())
    console.print(f"{doubtful} were in doubt after the kill; receipts ended the doubt about {doubtful - left} of them")


async def _all(daemon: Http) -> dict[str, Any]:
    """Every message that the daemon keeps, by reference."""
    found: dict[str, Any] = {}
    after: dict[str, str] = {}
    while page := (await daemon.get("/v1/messages", limit=1000, **after))["messages"]:
        found |= {one["reference"]: one for one in page}
        after = {"after": page[-1]["reference"]}
    return found


def _show(console: Console, outcome: Outcome) -> None:
    rows = [("accepted", outcome.accepted), *sorted(outcome.statuses.items())]
    arrived, absent = outcome.doubtful
    rows += [
        ("in doubt, and had arrived", arrived),
        ("in doubt, and had not", absent),
        ("lost", len(outcome.lost)),
        ("received twice", len(outcome.twice)),
        ("received twice in silence", len(outcome.silent)),
    ]
    show_table(console, "Numbered messages", ("what", "how many"), rows)
    console.print()
    verdict = "[green]yes[/]" if outcome.holds else "[red]NO [/]"
    console.print(
        f"{verdict}  every numbered message final or reported in doubt, none lost, none sent twice in silence"
    )
