"""No submit_sm that may have left leaves again, unless the message is listed as a possible duplicate."""

import asyncio
import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from smpp_esme.message.doubt import Decision, Resubmit
from smpp_esme.message.message import Accepted, Answer, Message, ReceiptFact, Refused, Segment, Unanswered
from smpp_esme.message.status import MessageStatus
from smpp_esme.store import Store

S = MessageStatus
START = datetime(2026, 1, 1, tzinfo=UTC)
THROTTLED = Refused(0x58, "ESME_RTHROTTLED", "throttled", retryable=True)
INVALID = Refused(0x0B, "ESME_RINVDSTADR", "invalid", retryable=False)
TO = "79991234567"

OUTCOMES = st.sampled_from(["taken", "throttled", "invalid", "unanswered", "unsent", "unsent"])


class OneDaemon(RuleBasedStateMachine):
    """One daemon that tells the store the truth about what it claimed, each thing once, until it is killed."""

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.runner = asyncio.Runner()
        self.now = START
        path = Path(self.folder.name) / "messages.sqlite3"
        shutil.copy(self.template, path)
        opening = Store.open(f"sqlite:///{path}", now=lambda: self.now, synchronous="NORMAL", readers=1)
        self.store = self.runner.run(opening)
        self.numbers = count()
        self.pending: list[tuple[Message, int]] = []
        #: Segments that the SMSC may have: by the message's key and their number.
        self.left: set[tuple[int, int]] = set()
        self.given: list[str] = []

    def teardown(self):
        self.runner.run(self.store.close())
        self.runner.close()
        self.folder.cleanup()

    @rule(parts=st.lists(st.integers(1, 3), min_size=1, max_size=3))
    def add(self, parts):
        messages = [
            Message(
                reference=f"{next(self.numbers):06}",
                destination_addr=TO,
                text="x",
                link="main",
                resubmit="resend" if len(parts) == 3 and parts_of == 3 else None,
                created_at=self.now,
                segments=[Segment(number=number, short_message=b"x") for number in range(1, parts_of + 1)],
            )
            for parts_of in parts
        ]
        self.runner.run(self.store.add(messages))

    @rule(limit=st.integers(1, 4))
    def claim(self, limit):
        until = self.now + timedelta(seconds=30)
        for message in self.runner.run(self.store.claim(limit, link="main", owner="daemon", lease_until=until)):
            going = [part.number for part in message.segments if part.status is S.SUBMITTING]
            assert message.duplicates or not {(message.id, number) for number in going} & self.left
            self.pending += [(message, number) for number in going]

    @precondition(lambda self: self.pending)
    @rule(data=st.data(), policy=st.sampled_from(["hold", "hold", "resend"]))
    def answer(self, data, policy):
        places = data.draw(st.lists(st.integers(0, len(self.pending) - 1), unique=True, min_size=1, max_size=5))
        answers = [self.answer_to(*self.pending[place], data.draw(OUTCOMES)) for place in places]
        self.pending = [one for place, one in enumerate(self.pending) if place not in places]
        policies = {"main": Resubmit(policy=policy)}
        self.runner.run(self.store.record_answers(answers, self.now, policies=policies))
        if data.draw(st.booleans()):  # the store failed, for all that the daemon knew
            self.runner.run(self.store.record_answers(answers, self.now, policies=policies))

    def answer_to(self, message, number, what):
        if what in {"taken", "unanswered"}:
            self.left.add((message.id, number))
        outcome = {
            "throttled": THROTTLED,
            "invalid": INVALID,
            "unanswered": Unanswered(written=True),
            "unsent": Unanswered(written=False),
        }.get(what)
        if outcome is None:
            self.given.append(f"id{len(self.given)}")
            outcome = Accepted(self.given[-1])
        return Answer(message.id, number, outcome, message.attempts, message.claimed_at)

    @precondition(lambda self: self.given)
    @rule(data=st.data(), status=st.sampled_from([S.SUBMITTED, S.DELIVERED, S.UNDELIVERABLE]), is_known=st.booleans())
    def receipt(self, data, status, is_known):
        fact = ReceiptFact(
            link="main",
            message_id=data.draw(st.sampled_from(self.given)) if is_known else f"id{len(self.given)}",
            source_addr=TO,
            message_status=status,
            submitted_at=self.now,
            received_at=self.now,
        )
        self.runner.run(self.store.record_receipts([fact], self.now))
        self.runner.run(self.store.open_ends.adopt(["main"], self.now, attempt=timedelta(seconds=30)))

    @rule(policy=st.sampled_from(["hold", "resend"]))
    def die(self, policy):
        """What it had in hand may have left, or not."""
        self.left.update((message.id, number) for message, number in self.pending)
        self.pending = []
        self.runner.run(self.store.recover("daemon", self.now, policies={"main": Resubmit(policy=policy)}))

    @rule(data=st.data(), decision=st.sampled_from(Decision))
    def decide(self, data, decision):
        references = [one.reference for one in self.runner.run(self.store.messages(status=S.IN_DOUBT, limit=100))]
        if references:
            chosen = data.draw(st.sampled_from(references))
            self.runner.run(self.store.resolve([chosen], decision, self.now))

    @rule(seconds=st.integers(-3600, 3600))
    def clock_is_stepped(self, seconds):
        self.now += timedelta(seconds=seconds)

    @invariant()
    def what_left_is_not_queued_in_silence(self):
        for message in self.runner.run(self.store.messages(limit=1000)):
            unsent = {part.number for part in message.segments if part.status is S.QUEUED}
            if not message.duplicates:
                assert {(message.id, number) for number in unsent} & self.left == set()


@pytest.fixture(autouse=True, scope="module")
def template(sqlite_template):
    OneDaemon.template = sqlite_template


TestOneDaemon = OneDaemon.TestCase
TestOneDaemon.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
