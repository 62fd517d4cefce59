"""The database moves along the same table as the code, whatever comes."""

import asyncio
import tempfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from smpp_esme.errors import StoreUnusable
from smpp_esme.message.doubt import Decision, Resubmit
from smpp_esme.message.ledger import Change, Ledger, SegmentStanding, Standing
from smpp_esme.message.message import Accepted, Answer, Message, ReceiptFact, Refused, Segment, Unanswered
from smpp_esme.message.status import VERDICTS, MessageStatus, aggregate, may_move
from smpp_esme.store import Store, collect, dispatch, moves

S = MessageStatus
START = datetime(2026, 1, 1, tzinfo=UTC)


def force(connection, message, status, to):
    """Put a message where no rule would, and decide against the table, as if the code were wrong."""
    connection.exec_driver_sql(f"UPDATE message SET status = '{status}' WHERE id = {message.id}")
    connection.exec_driver_sql(f"UPDATE segment SET status = '{status}' WHERE message = {message.id}")
    found = f"SELECT id FROM segment WHERE message = {message.id} ORDER BY number"
    segments = connection.exec_driver_sql(found).scalars().all() or [None]
    ledger = Ledger(
        [Standing(message.id, "", status, 0, [SegmentStanding(key, n, status) for n, key in enumerate(segments, 1)])]
    )
    ledger.messages[message.id] = Change(to=to)
    ledger.segments |= {key: Change(to=to) for key in segments if key is not None}
    return ledger


@pytest.mark.parametrize("parts", [1, 2])
async def test_a_move_that_the_table_forbids_changes_nothing(store, new, parts):
    for status, to in product(S, S):
        [message] = await store.add([new(parts=parts)])
        ledger = await store._write(force, message, status, to)
        if may_move(status, to):
            await store._write(moves.write, ledger)
        else:
            with pytest.raises(StoreUnusable, match=f"0 of {parts}"):
                await store._write(moves.write, ledger)
        kept = await store.message(message.reference)
        expected = to if may_move(status, to) else status
        assert {kept.status, *(segment.status for segment in kept.segments)} == {expected}


class AnyTraffic(RuleBasedStateMachine):
    """Messages come, are claimed, answered, receipted, handed back and recovered, in any order."""

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.runner = asyncio.Runner()
        self.now = START
        path = Path(self.folder.name) / "messages.sqlite3"
        opening = Store.open(f"sqlite:///{path}", now=lambda: self.now, synchronous="NORMAL", readers=1)
        self.store = self.runner.run(opening)
        self.added: list[str] = []
        self.claimed: list[Message] = []

    def teardown(self):
        self.runner.run(self.store.close())
        self.runner.close()
        self.folder.cleanup()

    @rule(parts=st.lists(st.integers(1, 3), min_size=1, max_size=3), priority=st.integers(0, 3))
    def add(self, parts, priority):
        messages = [
            Message(
                reference=f"{len(self.added) + place:06}",
                destination_addr="79991234567",
                text="x",
                link="main",
                priority=priority,
                created_at=self.now,
                segments=[Segment(number=number, short_message=b"x") for number in range(1, count + 1)],
            )
            for place, count in enumerate(parts)
        ]
        self.added += [each.reference for each in self.runner.run(self.store.add(messages))]

    @rule(limit=st.integers(1, 4))
    def claim(self, limit):
        until = self.now + timedelta(seconds=30)
        claiming = self.store.claim(limit, link="main", owner="daemon", lease_until=until)
        self.claimed += self.runner.run(claiming)

    @precondition(lambda self: self.claimed)
    @rule(data=st.data())
    def answer(self, data):
        outcomes = st.one_of(
            st.integers(0, 9).map(lambda number: Accepted(str(number))),
            st.just(Refused(0x58, "ESME_RTHROTTLED", "throttled", retryable=True)),
            st.just(Refused(0x0B, "ESME_RINVDSTADR", "invalid", retryable=False)),
            st.booleans().map(lambda written: Unanswered(written=written)),
        )
        targets = st.sampled_from(self.claimed)
        batch = data.draw(st.lists(st.tuples(targets, st.integers(1, 3), outcomes), max_size=4))
        answers = [Answer(message.id, number, outcome) for message, number, outcome in batch]
        self.runner.run(self.store.record_answers(answers, self.now))

    @rule(batch=st.lists(st.tuples(st.integers(0, 9), st.sampled_from([S.SUBMITTED, S.ACCEPTED, *VERDICTS]))))
    def receipts(self, batch):
        facts = [
            ReceiptFact(
                link="main",
                message_id=str(number),
                forms=(str(9 - number),),
                source_addr="79991234567",
                message_status=status,
                received_at=self.now,
            )
            for number, status in batch
        ]
        self.runner.run(self.store.record_receipts(facts, self.now))

    @rule()
    def hand_back(self):
        answers = [
            Answer(message.id, part.number, Unanswered(written=False))
            for message in self.claimed
            for part in message.segments
        ]
        self.runner.run(self.store.record_answers(answers, self.now))

    @rule(policy=st.sampled_from(["hold", "resend"]))
    def recover(self, policy):
        policies = {"main": Resubmit(policy=policy)}
        self.runner.run(self.store.recover("daemon", self.now, policies=policies))

    @rule(decision=st.sampled_from(Decision))
    def resolve(self, decision):
        self.runner.run(self.store.resolve(self.added, decision, self.now))

    @rule(seconds=st.integers(0, 60))
    def time_passes(self, seconds):
        self.now += timedelta(seconds=seconds)

    @invariant()
    def no_message_is_lost(self):
        kept = self.runner.run(self.store.messages(limit=1000))
        assert [each.reference for each in kept] == self.added
        counts = Counter(message.status for message in kept)
        assert self.runner.run(self.store.counts()) == {status: counts[status] for status in S}

    @invariant()
    def a_message_is_what_its_segments_add_up_to_and_what_its_history_says(self):
        for message in self.runner.run(self.store.messages(limit=1000)):
            assert message.status is aggregate(part.status for part in message.segments)
            stands = {None: None}
            for event in self.runner.run(self.store.events(message.reference)):
                assert event.previous is stands.get(event.segment, S.QUEUED)
                assert event.previous is None or may_move(event.previous, event.status)
                stands[event.segment] = event.status
            assert stands[None] is message.status
            assert message.attempts >= 0


TestAnyTraffic = AnyTraffic.TestCase
TestAnyTraffic.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)


def places(connection, standings):
    """Put messages where no rule would."""
    for key, status in standings:
        connection.exec_driver_sql(
            f"UPDATE message SET status = '{status}', claimed_at = 0, message_id = 'M{key}', message_id_key = 'm{key}'"
            f" WHERE id = {key}"
        )


def story(connection, messages, *, without):
    """All that is kept of some messages, but for what is each one's own."""
    own = {"id", "reference", "destination_addr", *without}
    keys = ", ".join(str(each.id) for each in messages)
    rows = connection.exec_driver_sql(f"SELECT * FROM message WHERE id IN ({keys}) ORDER BY id").mappings()
    events = connection.exec_driver_sql(
        f"SELECT message, segment, at, previous, status, detail FROM event WHERE message IN ({keys}) ORDER BY id"
    ).all()
    history = {each.id: [] for each in messages}
    for key, *step in events:
        history[key].append(step)
    kept = [{name: value for name, value in row.items() if name not in own} for row in rows]
    return list(zip(kept, history.values(), strict=True))


LEARNED = (
    {},
    {"error": "001", "error_meaning": "absent", "vendor": {"cost": "1"}, "done_at": START},
    {"hlr": {"mcc": "250"}},
)


async def test_the_short_way_of_a_receipt_is_that_of_the_ledger(store, new, receipt, clock, monkeypatch):
    """Nearly every receipt needs no ledger; whatever it says, wherever its message stands, the outcome is the same."""
    cases = list(product(S, [*VERDICTS, S.ACCEPTED, S.SUBMITTED], [True, False], LEARNED))
    ways = []
    for short in (True, False):
        if not short:
            monkeypatch.setattr(collect, "_report", lambda *_: set())
        messages = await store.add([new() for _ in cases])
        await store._write(places, [(each.id, status) for each, (status, *_) in zip(messages, cases, strict=True)])
        facts = [
            receipt(f"M{message.id}", to, final=final, source_addr=message.destination_addr, **learned)
            for message, (_, to, final, learned) in zip(messages, cases, strict=True)
        ]
        recorded = await store.record_receipts(facts, clock.now)
        told = [(each.reference is not None, each.moved, each.status) for each in recorded]
        without = {"message_id", "message_id_key"}
        ways.append((told, await store._read(story, messages, without=without)))
    assert ways[0] == ways[1]
    assert {moved for _, moved, _ in ways[0][0]} == {True, False}


async def test_the_short_way_of_an_answer_is_that_of_the_ledger(store, new, clock, monkeypatch):
    refused = Refused(8, "ESME_RSYSERR", "system error", retryable=False)
    outcomes = [Accepted("07"), Accepted(""), Accepted('"\\\u20ac'), Unanswered(written=True), refused]
    cases = list(product(S, outcomes, [1, 2]))
    ways = []
    for short in (True, False):
        if not short:
            monkeypatch.setattr(dispatch, "_accept", lambda *_: {})
        messages = await store.add([new() for _ in cases])
        await store._write(places, [(each.id, status) for each, (status, *_) in zip(messages, cases, strict=True)])
        answers = [
            Answer(message.id, number, outcome) for message, (_, outcome, number) in zip(messages, cases, strict=True)
        ]
        recorded = await store.record_answers([*answers, answers[0]], clock.now)
        recorded += await store.record_answers(answers[:20], clock.now)
        told = [(each.reference is not None, each.moved, each.status) for each in recorded]
        ways.append((told, await store._read(story, messages, without=())))
    assert {moved for _, moved, _ in ways[0][0]} == {True, False}
    for _, rows in ways:
        for row, _ in rows:
            if row["message_id"] and row["message_id"].startswith("M"):
                row["message_id"] = row["message_id_key"] = "before"
    assert ways[0] == ways[1]
    assert {row["message_id_key"] for row, _ in ways[0][1]} == {"before", "7", "", '"\\\u20ac'}
