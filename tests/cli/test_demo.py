from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from smpp_esme.cli.demo import everything, killed, story, texts
from smpp_esme.cli.demo.killed import Outcome
from smpp_esme.cli.demo.processes import DemoFailed, Http, Process, port_near
from smpp_esme.cli.main import commands
from smpp_esme.simulator.control import control
from smpp_esme.sms.compose import compose
from smpp_esme.sms.content import KINDS, content_from
from smpp_esme.sms.profile import Profile
from smpp_esme.web.bodies import Submit

CENTRE = Profile.named("smsc-centre")


# What it sends


def composed(item):
    return compose(item.content, item.to, source="DEMO", profile=CENTRE, reference=1, comment=item.comment)


@pytest.mark.parametrize("item", texts.ITEMS, ids=lambda item: item.label)
def test_every_item_is_a_body_that_the_daemon_takes(item):
    order = Submit.model_validate(item.body()).to_order()
    assert (order.to, order.content, order.comment) == (item.to, item.content, item.comment)
    assert composed(item).segments.segments


def test_the_items_cover_every_kind_and_every_coding():
    assert {item.content.kind for item in texts.ITEMS} == set(KINDS)
    assert {composed(item).segments.data_coding for item in texts.ITEMS} >= {0x00, 0x04, 0x08}
    assert any(item.comment for item in texts.ITEMS)
    assert len({item.to for item in texts.ITEMS}) == len(texts.ITEMS)


def test_the_euro_sign_would_be_cut_in_two_by_a_sender_that_only_counts():
    segments = composed(next(item for item in texts.ITEMS if item.content.text() == texts.EURO_ON_THE_EDGE)).segments
    assert texts.EURO_ON_THE_EDGE.index("€") == 152
    assert len(segments.segments) == 3
    # The user data header takes six octets; 152 septets and no escape are left in the first segment.
    assert len(segments.segments[0].short_message) - 6 == 152
    assert segments.segments[1].short_message[6:8] == b"\x1b\x65"


def test_the_emoji_would_be_cut_in_two_by_a_sender_that_only_counts():
    segments = composed(next(item for item in texts.ITEMS if item.content.text() == texts.EMOJI_ON_THE_EDGE)).segments
    assert texts.EMOJI_ON_THE_EDGE.index("\N{SHOPPING BAGS}") == 66
    assert len(segments.segments) == 3
    assert len(segments.segments[0].short_message) - 6 == 132
    assert segments.segments[1].short_message[6:10].decode("utf-16-be") == "\N{SHOPPING BAGS}"


def test_ten_numbers_are_looked_up_of_every_fate():
    from smpp_esme.simulator.handsets import Handsets

    handsets = Handsets()
    conditions = {handsets.condition(number.lstrip("+")).name for number in texts.LOOKUPS}
    assert len(set(texts.LOOKUPS)) == 10
    assert conditions >= {"ABSENT", "UNKNOWN", "PORTED", "ROAMING"}


def test_a_content_survives_the_way_over_http():
    for item in texts.ITEMS:
        if content := item.body().get("content"):
            assert content_from(content) == item.content


# What it makes of what became of it


def outcome(**fields):
    held = {"accepted": 2, "statuses": {}, "lost": [], "twice": [], "silent": [], "doubtful": (0, 0)}
    return Outcome(**(held | fields))


def test_the_outcome_holds_unless_something_is_lost_or_twice_in_silence():
    assert outcome().holds
    assert outcome(twice=[7], doubtful=(1, 0)).holds
    assert not outcome(lost=[7]).holds
    assert not outcome(twice=[7], silent=[7]).holds


class Answers:
    """One of the two HTTP interfaces, with answers that are known beforehand."""

    base = "http://nowhere"

    def __init__(self, answers):
        self.answers = answers

    async def get(self, path, **query):
        answer = self.answers[path]
        return answer(**query) if callable(answer) else answer


def stored(reference, status, final=True):
    return {"reference": reference, "status": status, "final_at": "2026-01-01T00:00:00Z" if final else None}


@pytest.mark.parametrize(
    ("status", "came", "lost", "silent", "doubtful"),
    [
        ("DELIVERED", 1, [], [], (0, 0)),
        ("DELIVERED", 0, [0], [], (0, 0)),
        ("DELIVERED", 2, [], [0], (0, 0)),
        ("FAILED", 0, [], [], (0, 0)),
        ("UNDELIVERABLE", 1, [], [], (0, 0)),
        ("IN_DOUBT", 0, [], [], (0, 1)),
        ("IN_DOUBT", 1, [], [], (1, 0)),
        ("IN_DOUBT", 2, [], [], (1, 0)),
    ],
)
async def test_the_accounts_are_settled_by_the_simulators_count(monkeypatch, status, came, lost, silent, doubtful):
    monkeypatch.setattr(killed, "_EVIDENCE", 0.05)  # no receipt will come
    one = stored("A", status, final=status != "IN_DOUBT")
    daemon = Answers({"/v1/messages": lambda limit, after=None: {"messages": [] if after else [one]}})
    smsc = Answers({"/submits": lambda prefix: {f"{prefix}0": came} if came else {}})
    settled = await killed._settle(Console(file=StringIO()), daemon, smsc, {"A": 0})
    assert (settled.lost, settled.silent, settled.doubtful) == (lost, silent, doubtful)
    assert settled.twice == ([0] if came > 1 else [])
    assert settled.accepted == 1


async def test_a_message_that_the_daemon_has_forgotten_is_lost():
    daemon = Answers(
        {"/v1/messages": lambda limit, after=None: {"messages": [] if after else [stored("B", "DELIVERED")]}}
    )
    smsc = Answers({"/submits": lambda prefix: {f"{prefix}0": 1, f"{prefix}1": 1}})
    settled = await killed._settle(Console(file=StringIO()), daemon, smsc, {"A": 0, "B": 1})
    assert settled.lost == [0]
    assert not settled.holds


async def test_waiting_for_finals_has_an_end(monkeypatch):
    monkeypatch.setattr(everything, "_PATIENCE", 0.01)

    async def never():
        return [stored("A", "QUEUED", final=False)]

    with pytest.raises(DemoFailed, match="not all final"):
        await everything.wait_for_finals(Console(file=StringIO()), "receipts", never)


async def test_a_posting_that_fails_ends_the_demo_and_is_told(monkeypatch):
    """Nothing more arrives then, and whoever waits for half of it would wait for ever."""

    async def fail(*_):
        raise DemoFailed("POST: 422")

    class Running:
        def check(self):
            pass

    monkeypatch.setattr(killed, "_post", fail)
    smsc = Answers({"/counts": {"submits": 0}})
    async with asyncio.timeout(10):
        with pytest.raises(DemoFailed, match="POST: 422"):
            await killed.kill_half_way(Console(file=StringIO()), Running(), None, smsc, messages=20)


async def test_a_batch_that_is_never_half_submitted_ends_the_demo(monkeypatch):
    async def done(*_):
        return {}

    class Running:
        log = Path("daemon.log")

        def check(self):
            pass

    monkeypatch.setattr(killed, "_post", done)
    monkeypatch.setattr(killed, "_PATIENCE", 0.05)
    smsc = Answers({"/counts": {"submits": 0}})
    with pytest.raises(DemoFailed, match="half of the batch was not submitted"):
        await killed.kill_half_way(Console(file=StringIO()), Running(), None, smsc, messages=20)


async def test_texts_at_the_handsets_are_compared_character_for_character():
    inboxes = {
        f"/inbox/{item.to.lstrip('+')}": [{"text": item.content.text(), "comment": item.comment}]
        for item in texts.ITEMS
    }
    shown = StringIO()
    assert await everything._all_arrived(Console(file=shown), Answers(inboxes))
    wrong = inboxes | {f"/inbox/{texts.ITEMS[0].to.lstrip('+')}": [{"text": "Hell0", "comment": None}]}
    assert not await everything._all_arrived(Console(file=shown), Answers(wrong))
    assert f"not as it was sent: {texts.ITEMS[0].label}" in shown.getvalue()
    twice = inboxes | {
        f"/inbox/{texts.ITEMS[1].to.lstrip('+')}": inboxes[f"/inbox/{texts.ITEMS[1].to.lstrip('+')}"] * 2
    }
    assert not await everything._all_arrived(Console(file=shown), Answers(twice))


# Processes and their HTTP interfaces


async def test_a_process_that_ended_is_told_with_the_end_of_its_log(tmp_path):
    process = Process("the daemon", ["run", "-c", "missing.toml"], tmp_path / "daemon.log")
    assert process.pid == 0
    await process.start()
    await asyncio.to_thread(process._process.wait)
    with pytest.raises(DemoFailed, match=r"the daemon ended with status 1:\nsmpp-esme: missing\.toml: No such file"):
        process.check()
    assert await process.stop() == 1


async def test_what_a_process_said_in_a_former_life_does_not_count(tmp_path):
    log = tmp_path / "daemon.log"
    log.write_text('"daemon.started" but somebody else answers at our port\n')
    process = Process("the daemon", ["run", "-c", "missing.toml"], log)
    await process.start()
    with pytest.raises(DemoFailed, match="the daemon ended with status 1"):
        await process.until_logged("daemon.started")
    assert await process.stop() == 1


async def test_a_process_that_never_ran_needs_no_stop(tmp_path):
    assert await Process("nobody", [], tmp_path / "log").stop() == 0


async def test_http_gives_json_and_tells_refusals(smsc):
    async with control(smsc) as url, Http(url) as http:
        assert (await http.get("/counts"))["submits"] == 0
        with pytest.raises(DemoFailed, match="400"):
            await http.post("/deliver", {"text": 5})


async def test_a_wanted_port_is_given_if_it_is_free_and_another_if_not():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        other = port_near(port)
    assert other != port
    assert port_near(port) == port


# The command


async def test_without_its_configuration_it_says_where_it_looked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DemoFailed, match=r"there is no examples/demo\.toml: run this in the repository"):
        await story.tell(Path("examples/demo.toml"), keep=False, messages=20)
    assert not list(tmp_path.iterdir())


def test_it_begins_with_an_empty_database_and_leaves_other_files_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "demo.toml").touch()
    folder = tmp_path / "demo-data"
    folder.mkdir()
    old = ["smpp-esme.sqlite3", "smpp-esme.sqlite3-wal", "smpp-esme.sqlite3-shm", "daemon.log"]
    for name in [*old, "notes.txt"]:
        (folder / name).touch()
    story._prepare(Path("demo.toml"))
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]


async def test_whatever_goes_wrong_nothing_is_left_running(tmp_path):
    process = Process("the simulator", ["simulate", "--port", "0"], tmp_path / "log")

    async def fails():
        async with story._running(process, keep=True):
            raise DemoFailed("something")

    with pytest.raises(DemoFailed, match="something"):
        await fails()
    assert process._process.returncode == -9
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, 0)
        pytest.fail("it still runs")


@pytest.mark.parametrize("arguments", [["--messages", "1"], ["--messages", "many"], ["--nonsense"]])
def test_wrong_arguments_are_refused(arguments):
    assert CliRunner().invoke(commands, ["demo", *arguments]).exit_code == 2
