from __future__ import annotations

import asyncio
from collections import deque
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from smpp_esme.cli.demo.texts import ITEMS
from smpp_esme.daemon.answers import Answers
from smpp_esme.daemon.dispatch import Dispatch, submit_sm
from smpp_esme.daemon.metrics import Metrics
from smpp_esme.daemon.orders import Order
from smpp_esme.daemon.rules import Guarded
from smpp_esme.errors import SessionClosed, StoreOutage, StoreUnusable
from smpp_esme.message.message import Accepted, Answer, Message, Segment, Unanswered
from smpp_esme.message.retry import Retry
from smpp_esme.message.status import MessageStatus as Status
from smpp_esme.protocol.commands import CommandStatus
from smpp_esme.protocol.pdus import GenericNack, SubmitSmResp
from smpp_esme.protocol.tlvs import Tag
from smpp_esme.session.guards import Rules
from smpp_esme.session.pacing import Pacing
from smpp_esme.session.turns import Turns
from smpp_esme.sms.binary import Binary
from smpp_esme.sms.content import OctetContent
from smpp_esme.sms.envelope import Sms
from smpp_esme.sms.profile import Profile
from smpp_esme.sms.segments import segment

TO = "+79161234567"
LONG = "x" * 300  # two segments
LONGER = "x" * 450  # three


async def arrived(smsc, count):
    async with asyncio.timeout(20):
        await smsc.until(lambda smsc: smsc.counts.submits >= count)


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.label)
async def test_every_kind_is_delivered_as_it_was_written(start, smsc, store, item):
    daemon = await start()
    await daemon.submit(item.to, item.content, comment=item.comment)
    (message,) = await store.until_final()
    assert message.status is Status.DELIVERED
    (received,) = smsc.inbox(item.to.lstrip("+"))
    if isinstance(item.content, OctetContent):
        assert isinstance(received.content, Binary)  # octets arrive, whatever wrote them
    else:
        assert (received.text, received.comment, received.content) == (item.content.text(), item.comment, item.content)
    assert [one.message_id for one in message.segments] == list(received.message_ids)
    assert (message.hlr is not None) == (message.kind in {"hlr", "ping"})


async def test_a_batch_far_beyond_the_window_is_delivered_each_once(start, smsc, store):
    daemon = await start(window=7, dispatch={"batch": 5})
    for number in range(60):
        await daemon.submit(TO, f"number {number}")
    messages = await store.until_final()
    assert {one.status for one in messages} == {Status.DELIVERED}
    assert all(smsc.count(f"number {number}") == 1 for number in range(60))
    assert {one.attempts for one in messages} == {1}


async def test_the_most_urgent_goes_first(start, smsc, store):
    daemon = await start(bound=False, window=1)
    orders = [Order(to=TO, content=Sms(f"priority {priority}"), priority=priority) for priority in (0, 3, 1, 2)]
    await daemon.service.gateway.submit_batch(orders)
    await store.until_final()
    assert [one.text for one in smsc.received] == [f"priority {priority}" for priority in (3, 2, 1, 0)]
    assert [one.priority_flag for one in smsc.submit_sms] == [3, 2, 1, 0]


async def test_a_throttled_message_goes_out_again_when_it_is_due(start, smsc, store, clock):
    smsc.script.refuse("ESME_RTHROTTLED", times=2)
    daemon = await start()
    await daemon.submit(TO, "hello")
    (message,) = await store.until(lambda found: found[0].status is Status.QUEUED and found[0].attempts == 1)
    assert message.next_attempt_at > clock()
    assert message.segments[0].command_status == CommandStatus.ESME_RTHROTTLED
    clock.pass_(minutes=1)
    daemon.wake()
    (message,) = await store.until_final()
    assert (message.status, message.attempts) == (Status.DELIVERED, 3)
    assert smsc.count("hello") == 1


async def test_a_permanent_refusal_is_told_by_name_and_meaning(start, smsc, store, clock):
    smsc.script.refuse("ESME_RINVDSTADR")
    daemon = await start()
    await daemon.submit(TO, "hello")
    (message,) = await store.until_final()
    assert message.status is Status.FAILED
    assert message.error == "ESME_RINVDSTADR"
    assert message.error_meaning == CommandStatus.ESME_RINVDSTADR.meaning
    clock.pass_(days=1)
    await daemon.submit("+79161234568", "another")
    await store.until_final()
    assert smsc.counts.submits == 2


async def test_a_vendors_refusal_keeps_its_number(start, smsc, store):
    smsc.script.refuse(0x4FF)
    daemon = await start()
    await daemon.submit(TO, "hello")
    (message,) = await store.until_final()
    assert (message.status, message.segments[0].command_status) == (Status.FAILED, 0x4FF)
    assert "4FF" in message.error


async def test_a_message_is_failed_by_one_refused_segment_and_the_others_are_not_sent_again(start, smsc, store, clock):
    smsc.script.refuse("ESME_RINVDSTADR", after=1, times=1)
    daemon = await start()
    await daemon.submit(TO, LONGER)
    (message,) = await store.until(
        lambda found: [one.status for one in found[0].segments] == [Status.DELIVERED, Status.FAILED, Status.DELIVERED]
    )
    assert (message.status, message.error) == (Status.FAILED, "ESME_RINVDSTADR")
    clock.pass_(days=1)
    await daemon.submit("+79161234568", "another")
    await store.until_final()
    assert smsc.counts.submits == 4


async def test_only_the_throttled_segment_of_a_message_goes_out_again(start, smsc, store, clock):
    smsc.script.refuse("ESME_RTHROTTLED", after=1, times=1)
    daemon = await start()
    await daemon.submit(TO, LONGER)
    await store.until(lambda found: found[0].status is Status.QUEUED and smsc.counts.submits == 3)
    clock.pass_(minutes=1)
    daemon.wake()
    (message,) = await store.until_final()
    assert message.status is Status.DELIVERED
    assert smsc.counts.submits == 4
    assert smsc.count(LONGER) == 1


async def test_a_lost_response_puts_the_message_in_doubt_and_it_is_never_sent_again(start, smsc, store, clock):
    smsc.script.drop_response(times=1)
    daemon = await start(response_timeout=0.1)
    await daemon.submit(TO, "lost")
    (message,) = await store.until_all(Status.IN_DOUBT)
    assert message.final_at is None
    clock.pass_(days=30)
    await daemon.submit(TO, "after it")
    await store.until_all(Status.IN_DOUBT, Status.DELIVERED)
    await daemon.stopped()
    await start()  # a restart does not send it either
    await daemon.submit(TO, "after the restart")
    await store.until_all(Status.IN_DOUBT, Status.DELIVERED)
    assert [smsc.count(text) for text in ("lost", "after it", "after the restart")] == [1, 1, 1]


async def test_a_late_response_ends_the_doubt_and_makes_no_second_message(start, smsc, store):
    smsc.script.delay(0.3, times=1)
    daemon = await start(response_timeout=0.1)
    await daemon.submit(TO, "late")
    await store.until_all(Status.IN_DOUBT)
    await store.until_all(Status.DELIVERED)
    assert smsc.count("late") == 1


async def test_a_late_refusal_ends_the_doubt_too(start, smsc, store):
    smsc.script.delay(0.3, times=1).refuse("ESME_RINVDSTADR", times=1)
    daemon = await start(response_timeout=0.1)
    await daemon.submit(TO, "late")
    await store.until_all(Status.IN_DOUBT)
    (message,) = await store.until_all(Status.FAILED)
    assert message.error == "ESME_RINVDSTADR"


async def test_after_a_cut_what_was_written_is_in_doubt_and_what_was_not_goes_out_once(start, smsc, store):
    smsc.script.drop_response(times=5)
    daemon = await start(window=5)
    for number in range(12):
        await daemon.submit(f"+7916000{number:02}99", f"number {number}")
    await arrived(smsc, 5)
    smsc.disconnect()
    messages = await store.until_all(Status.IN_DOUBT, Status.DELIVERED)
    assert [one.status for one in messages] == [Status.IN_DOUBT] * 5 + [Status.DELIVERED] * 7
    assert [smsc.count(f"number {number}") for number in range(12)] == [1] * 12


async def test_segments_that_were_never_written_go_out_on_the_next_session(start, smsc, store):
    smsc.script.drop_response(times=2)
    daemon = await start(window=2)
    await daemon.submit(TO, LONGER)  # two segments fill the window, the third is claimed and waits
    await arrived(smsc, 2)
    smsc.disconnect()
    (message,) = await store.until(lambda found: found[0].segments[2].status is Status.DELIVERED)
    assert [one.status for one in message.segments] == [Status.IN_DOUBT, Status.IN_DOUBT, Status.DELIVERED]
    assert message.status is Status.IN_DOUBT
    assert smsc.counts.submits == 3
    assert smsc.count(LONGER) == 1


async def test_a_cut_in_the_middle_of_the_answers_loses_and_doubles_nothing(start, smsc, store):
    smsc.script.close_after(20)
    daemon = await start(window=8)
    for number in range(50):
        await daemon.submit(f"+7916000{number:02}99", f"number {number}")
    messages = await store.until_all(Status.IN_DOUBT, Status.DELIVERED)
    for number, message in enumerate(messages):
        came = smsc.count(f"number {number}")
        assert came == 1 or (came == 0 and message.status is Status.IN_DOUBT)
    in_doubt = [one for one in messages if one.status is Status.IN_DOUBT]
    assert 1 <= len(in_doubt) <= 8
    assert smsc.counts.binds == 2


async def test_a_message_kept_while_nothing_is_bound_waits_for_the_next_session(start, smsc, store):
    daemon = await start(bound=False)
    await daemon.submit(TO, "before the bind")
    await store.until_final()
    assert smsc.count("before the bind") == 1


async def test_a_stop_claims_nothing_more_and_waits_for_what_is_outstanding(start, smsc, store):
    smsc.script.delay(0.5)  # the stop comes before the first answer
    daemon = await start(window=3)
    await daemon.service.gateway.submit_batch([Order(to=TO, content=Sms(f"number {number}")) for number in range(9)])
    await arrived(smsc, 3)
    await daemon.stopped()
    messages = await store.messages()
    assert [one.status for one in messages[3:]] == [Status.QUEUED] * 6
    assert {one.status for one in messages[:3]} <= {Status.SUBMITTED, Status.DELIVERED}
    assert smsc.counts.submits == 3


async def test_a_stop_without_a_session_does_not_wait_for_one(start, store, nobody):
    daemon = await start(bound=False, url=f"smpp://demo@127.0.0.1:{nobody.getsockname()[1]}")
    await daemon.submit(TO, "hello")
    await daemon.stopped()
    (message,) = await store.messages()
    assert message.status is Status.QUEUED


async def test_what_is_never_answered_is_in_doubt_after_a_stop_that_could_wait_no_longer(start, smsc, store):
    smsc.script.drop_response()
    daemon = await start(dispatch={"drain": 0.05}, response_timeout=0.2)
    await daemon.submit(TO, "hello")
    await arrived(smsc, 1)
    await daemon.stopped()
    (message,) = await store.messages()
    assert message.status is Status.IN_DOUBT


async def test_a_message_that_no_pdu_can_carry_fails_and_stops_nobody_behind_it(start, smsc, store):
    daemon = await start(bound=False)
    (await daemon.submit(TO, "fine"))
    unsendable = Message(
        reference="0" * 26,
        destination_addr="7" * 25,  # 20 characters is what destination_addr holds
        text="x",
        link="main",
        priority=3,
        created_at=store._now(),
        segments=[Segment(number=1, short_message=b"x")],
    )
    await store.add([unsendable])
    found = {one.reference: one for one in await store.until_final()}
    failed = found.pop("0" * 26)
    assert (failed.status, failed.error) == (Status.FAILED, "UNSENDABLE")
    assert "destination_addr" in failed.error_meaning
    assert [one.status for one in found.values()] == [Status.DELIVERED]


async def test_a_segment_in_doubt_is_not_handed_back_with_those_that_never_left(start, smsc, store):
    def message(number, parts):
        segments = [Segment(number=each, short_message=b"%d of %d" % (each, number)) for each in range(1, parts + 1)]
        fields = {"reference": f"{number:026}", "destination_addr": TO[1:], "text": "x", "link": "main"}
        return Message(created_at=store._now(), segments=segments, **fields)

    # The first segment went unanswered, the second never left; another message goes before it now.
    await store.add([message(2, 2)])
    lease = {"owner": "daemon", "lease_until": store._now()}
    [claimed] = await store.claim(1, link="main", **lease)
    outcomes = [Unanswered(written=True), Unanswered(written=False)]
    answers = [Answer(claimed.id, number, outcome) for number, outcome in enumerate(outcomes, 1)]
    await store.record_answers(answers, store._now())
    await store.add([replace(message(1, 3), priority=3)])
    # With that the session ends, and what waits for room in its window is handed back.
    smsc.script.close("before", times=1)
    daemon = await start(window=2)
    await store.until(lambda found: not {one.status for one in found} & {Status.QUEUED, Status.SUBMITTING})
    await daemon.stopped()
    left = [request.short_message for request in smsc.submit_sms]
    assert (left.count(b"1 of 2"), left.count(b"2 of 2")) == (0, 1)


async def test_a_generic_nack_is_a_refusal_unless_it_says_ok(store):
    class Told:
        def __init__(self):
            self.waiting = []
            self.put = self.waiting.append
            self.rules = Guarded("main", Rules())
            self.meter = Metrics().link("main")
            self.clock = lambda: 0.0

        def ended(self):
            pass

        def heard(self):
            pass

    from smpp_esme.daemon.dispatch import _Submitted

    told = Told()
    outcome = _Submitted(
        told,
        told,
        SimpleNamespace(id=1, destination_addr=TO, text="hello", attempts=1, claimed_at=None),
        1,
    )
    outcome.answered(GenericNack(command_status=CommandStatus.ESME_RINVCMDID))
    outcome.answered(GenericNack())
    outcome.answered(SubmitSmResp(message_id="855"))
    refused, silent, accepted = [one.outcome for one in told.waiting]
    assert (refused.name, refused.retryable) == ("ESME_RINVCMDID", False)
    assert silent == Unanswered(written=True)
    assert accepted == Accepted("855")


async def test_every_parameter_of_a_message_is_in_its_submit_sm(start, smsc, store):
    from smpp_esme.sms.coding import Coding

    daemon = await start()
    await daemon.submit(TO, "hello", source="ACME", flash=True, priority=2, coding=Coding.GSM7)
    (message,) = await store.until_final()
    (pdu,) = smsc.submit_sms
    assert (pdu.source_addr_ton, pdu.source_addr_npi, pdu.source_addr) == (5, 1, "ACME")
    assert (pdu.dest_addr_ton, pdu.dest_addr_npi, pdu.destination_addr) == (1, 1, "79161234567")
    assert (pdu.priority_flag, pdu.registered_delivery, pdu.data_coding) == (2, 1, 0x10)
    assert pdu.short_message == b"hello"
    again = submit_sm(message, message.segments[0])
    assert replace(again, sequence_number=pdu.sequence_number) == pdu


@pytest.mark.parametrize(("concatenation", "submitted"), [("sar", 2), ("payload", 1)])
async def test_a_long_text_goes_out_as_the_profile_concatenates(
    start, smsc, store, tmp_path, *, concatenation, submitted
):
    profile = tmp_path / "acme.toml"
    profile.write_text(f'like = "standard"\nname = "acme"\nconcatenation = "{concatenation}"\n')
    daemon = await start(profile=str(profile))
    await daemon.submit(TO, LONG)
    (message,) = await store.until_final()
    assert (message.status, len(message.segments)) == (Status.DELIVERED, submitted)
    assert [one.text for one in smsc.inbox("79161234567")] == [LONG]
    expected = segment(LONG, Profile.of(str(profile)), reference=next_reference(smsc.submit_sms)).segments
    assert [(one.short_message, one.tlvs) for one in smsc.submit_sms] == [
        (one.short_message, one.tlvs) for one in expected
    ]


def next_reference(submit_sms):
    return submit_sms[0].tlv(Tag.SAR_MSG_REF_NUM) or 0


# The provider's rules


async def test_a_repeat_is_refused_before_the_wire_and_says_why(start, smsc, store):
    daemon = await start(rules={"repeat": "refuse"})
    for _ in range(2):
        await daemon.submit(TO, "hello")
    found = await store.until_all(Status.DELIVERED, Status.FAILED)
    assert sorted(one.status for one in found) == [Status.DELIVERED, Status.FAILED]
    [refused] = [one for one in found if one.status is Status.FAILED]
    assert refused.segments[0].error == "AGAINST_THE_RULES"
    assert "the same text went to this number" in refused.segments[0].error_meaning
    assert smsc.count("hello") == 1


async def test_a_repeat_may_pass_and_is_told_in_the_log(start, smsc, store, caplog):
    caplog.set_level("INFO")
    daemon = await start(rules={"repeat": "pass"})
    for _ in range(2):
        await daemon.submit(TO, "hello")
    await store.until_final()
    assert smsc.count("hello") == 2
    [told] = [one for one in caplog.records if one.message == "dispatch.rule"]
    assert told.action == "pass"
    assert "79161234567" not in str(vars(told))


def guarded(**rules):
    return Guarded("main", Rules(repeat_within=60.0, segments_within=60.0, **rules))


def a_message(text="hello", segments=1):
    return SimpleNamespace(id=1, destination_addr="79161234567", text=text, segments=[None] * segments)


FULL_SPEED = Pacing(0, 0.0).state(0.0)


def test_what_is_delayed_is_tried_again_as_if_it_were_throttled():
    rules = guarded(repeat="delay")
    assert rules.refusal(a_message(), 0.0, FULL_SPEED) is None
    held = rules.refusal(a_message(), 1.0, FULL_SPEED)
    assert (held.name, held.retryable) == ("HELD_BACK", True)
    assert Retry().next_attempt_at(held, attempts=1, at=datetime.now(UTC)) is not None
    assert rules.refusal(a_message(), 60.0, FULL_SPEED) is None


def test_a_message_that_did_not_arrive_is_no_repeat_of_itself():
    rules = guarded(repeat="refuse")
    rules.refusal(a_message(), 0.0, FULL_SPEED)
    rules.forget(a_message())
    assert rules.refusal(a_message(), 1.0, FULL_SPEED) is None


def test_segments_that_would_take_too_long_do_not_begin():
    slow = Pacing(1, 0.0).state(0.0)
    refused = guarded().refusal(a_message(segments=70), 0.0, slow)
    assert (refused.name, refused.retryable) == ("AGAINST_THE_RULES", False)
    assert guarded().lateness(61.0).name == "AGAINST_THE_RULES"
    assert guarded().lateness(59.0) is None


# Answers


async def test_an_answer_survives_a_store_that_fails_once(store):
    answers = Answers(store)

    async def fail():
        raise StoreUnusable("the disk is full")

    store.before_answers = fail
    answers.put(Answer(1, 1, Accepted("1")))
    with pytest.raises(StoreUnusable):
        await answers.flush()
    store.before_answers = None
    assert len(answers._waiting) == 1
    await answers.flush()
    assert not answers._waiting


async def test_an_outage_of_the_store_is_outlasted_and_no_answer_is_forgotten(start, smsc, store, caplog):
    daemon = await start()
    outages = [StoreOutage("database or disk is full")] * 2

    async def fail():
        if outages:
            raise outages.pop()

    store.before_answers = fail
    await daemon.submit(TO, "hello")
    (message,) = await store.until_final()
    assert (message.status, smsc.count("hello"), outages) == (Status.DELIVERED, 1, [])
    assert [one.loop for one in caplog.records if one.message == "store.outage"] == ["answers"] * 2


async def test_answers_that_come_at_once_are_one_transaction(store):
    answers, writes = Answers(store), []

    async def note():
        writes.append(len(answers._waiting))

    store.before_answers = note
    for number in range(100):
        answers.put(Answer(number, 1, Accepted(str(number))))
    await answers.flush()
    assert writes == [0]


async def test_a_daemon_whose_store_fails_ends_loudly_and_the_message_is_in_doubt(start, smsc, store, url):
    daemon = await start()

    async def fail():
        raise StoreUnusable("the disk is full")

    store.before_answers = fail
    await daemon.submit(TO, "hello")
    with pytest.raises((ExceptionGroup, StoreUnusable)):
        await daemon.ended()
    store.before_answers = None
    await start()
    await store.until_all(Status.IN_DOUBT)
    assert smsc.count("hello") == 1


# Pacing, on a clock that nobody waits for


class VirtualLoop(asyncio.SelectorEventLoop):
    """Its clock stands still while anything is ready, and jumps when all wait."""

    def __init__(self):
        super().__init__()
        self.now = 0.0
        select = self._selector.select

        def jump(timeout):
            self.now += timeout or 0.0
            return select(0)

        self._selector.select = jump

    def time(self):
        return self.now


class Queue:
    """A store's queue in memory."""

    def __init__(self, count, parts=1):
        segments = range(1, parts + 1)
        self.waiting = deque(
            Message(
                id=number,
                reference=str(number),
                destination_addr="79161234567",
                text="x",
                link="main",
                created_at=None,
                segments=[Segment(number=n, short_message=b"x", status=Status.SUBMITTING) for n in segments],
            )
            for number in range(count)
        )
        self.claimed = []

    async def claim(self, limit, **_):
        self.claimed.append(limit)
        return [self.waiting.popleft() for _ in range(min(limit, len(self.waiting)))]

    async def record_answers(self, batch, at, **_):
        pass


class Wire:
    """A session that answers everything, and notes when it was asked."""

    def __init__(self, loop, last, done):
        self.loop, self.last, self.done, self.times = loop, last, done, []
        self.connection = SimpleNamespace(room=1000, window=1000)

    def start(self, pdu, outcome):
        self.times.append(self.loop.time())
        self.loop.call_soon(outcome.answered, SubmitSmResp(message_id="1"))
        if len(self.times) == self.last:
            self.done.set()


class Bound:
    """A link with one session."""

    name = "main"
    window = 1_000_000
    has_ended = False

    def __init__(self, session, pacing):
        self.pacing = pacing
        self.given = Turns(pacing)
        self.turns = self.given.take
        self.given.add(session)


def paced(throughput, messages, parts=1):
    """When each of these segments left, in seconds, and how many messages each claim asked for."""

    async def run():
        loop, done = asyncio.get_running_loop(), asyncio.Event()
        queue, session = Queue(messages, parts), Wire(loop, messages * parts, done)
        pacing = Pacing(throughput, loop.time())
        dispatch = Dispatch(queue, Bound(session, pacing), Answers(queue), owner="me", lease=60, batch=500)
        running = loop.create_task(dispatch.run())
        await done.wait()
        dispatch.stop()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return session.times, queue.claimed

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(run())


@pytest.mark.parametrize(
    ("throughput", "messages", "parts"), [(10, 100, 1), (0.5, 10, 1), (20, 30, 3), (1000, 3000, 1)]
)
def test_no_second_sees_more_segments_than_the_throughput(throughput, messages, parts):
    times, claimed = paced(throughput, messages, parts)
    burst = max(1, throughput // 10)
    for first, last in zip(times, times[int(throughput + burst) :], strict=False):
        assert last - first >= 1 - 1e-9
    # And none is wasted: what should have left has left.
    assert times[-1] == pytest.approx((len(times) - burst) / throughput, rel=0.05, abs=1 / throughput)
    # No more is claimed than may leave within a second: what is claimed in vain is in doubt after a crash.
    assert max(claimed) <= max(1, throughput)


def test_what_cannot_leave_in_the_first_half_of_its_lease_is_handed_back():
    async def run():
        loop = asyncio.get_running_loop()
        session, pacing, answers = Wire(loop, 0, asyncio.Event()), Pacing(0.02, loop.time()), []
        sink = SimpleNamespace(put=answers.append, room=lambda: asyncio.sleep(0))
        dispatch = Dispatch(Queue(1, parts=3), Bound(session, pacing), sink, owner="me", lease=120, batch=500)
        running = loop.create_task(dispatch.run())
        await asyncio.sleep(1000)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return session.times, [answer.segment for answer in answers if answer.outcome == Unanswered(written=False)]

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        times, handed_back = runner.run(run())
    assert times == pytest.approx([0, 50])
    assert sorted(handed_back) == [3]


def test_without_a_throughput_nothing_waits():
    times, claimed = paced(0, 5000)
    assert times[-1] == 0.0
    assert max(claimed) == 500


async def test_a_session_that_ends_while_a_message_waits_its_turn_hands_it_back(store):
    class Ends(Wire):
        def start(self, pdu, outcome):
            if self not in link.given.sessions:
                raise SessionClosed("the session is over")
            super().start(pdu, outcome)
            link.given.remove(self)

    queue = Queue(1, parts=3)
    session = Ends(asyncio.get_running_loop(), 99, asyncio.Event())
    answers = Answers(queue)
    link = Bound(session, Pacing(0, 0.0))
    dispatch = Dispatch(queue, link, answers, owner="me", lease=60, batch=500)
    with pytest.raises(SessionClosed):
        await dispatch._submit_some()
    await asyncio.sleep(0)
    outcomes = {answer.segment: answer.outcome for answer in answers._waiting}
    assert outcomes == {1: Accepted("1"), 2: Unanswered(written=False), 3: Unanswered(written=False)}


async def test_a_claim_that_is_cancelled_is_handed_back_and_not_in_doubt(start, store, monkeypatch):
    daemon = await start(bound=False, url="smpp://demo:secret@127.0.0.1:1")  # nobody there: nothing is claimed yet
    await daemon.submit(TO, "hello")
    claim, claimed, go = store.claim, asyncio.Event(), asyncio.Event()

    async def held(*args, **options):
        found = await claim(*args, **options)
        claimed.set()
        await go.wait()
        return found

    monkeypatch.setattr(store, "claim", held)
    answers = Answers(store)
    link = Bound(Wire(asyncio.get_running_loop(), 0, asyncio.Event()), Pacing(0, 0.0))
    dispatch = Dispatch(store, link, answers, owner="me", lease=60, batch=500)
    running = asyncio.create_task(dispatch.run())
    async with asyncio.timeout(20):
        await claimed.wait()
        running.cancel()
        await asyncio.sleep(0)
        assert not running.done()  # it waits for the store, which will end what it has begun
        go.set()
        with pytest.raises(asyncio.CancelledError):
            await running
    await answers.flush()
    (message,) = await store.messages()
    assert (message.status, message.attempts) == (Status.QUEUED, 0)


async def test_an_smsc_that_answers_nothing_of_a_window_is_left_and_bound_again(start, smsc, store):
    smsc.script.drop_response(times=3)  # a window, and what goes out between the two timeouts
    daemon = await start(window=2, response_timeout=0.5)
    for number in range(12):
        await daemon.submit(TO, f"number {number}")
    found = await store.until_all(Status.IN_DOUBT, Status.DELIVERED)
    assert [one.status for one in found].count(Status.IN_DOUBT) >= 2
    assert smsc.counts.binds >= 2
    assert all(smsc.count(f"number {number}") <= 1 for number in range(12))


async def test_after_a_throttled_response_nothing_leaves_for_a_moment():
    pacing = Pacing(0, 0.0)
    pacing.hold(5.0)
    assert pacing.delay(4.0) == 1.0
    assert pacing.delay(5.0) == 0.0


def handed_back_when(started, count):
    """When each message came back that was claimed and could not leave; `started` is told of the link at each start."""

    async def run():
        loop, came_back = asyncio.get_running_loop(), {}

        class Told(Wire):
            def start(self, pdu, outcome):
                super().start(pdu, outcome)
                started(link, self)

        def put(answer):
            if answer.outcome == Unanswered(written=False):
                came_back[answer.message] = loop.time()

        session = Told(loop, 0, asyncio.Event())
        link = Bound(session, Pacing(0, loop.time()))
        sink = SimpleNamespace(put=put, room=lambda: asyncio.sleep(0))
        dispatch = Dispatch(Queue(count), link, sink, owner="me", lease=60, batch=5)
        running = loop.create_task(dispatch.run())
        await asyncio.sleep(1000)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return len(session.times), came_back

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(run())


def test_what_was_claimed_ahead_of_a_session_that_ends_is_handed_back_before_anybody_doubts_it():
    def ends(link, session):
        if len(session.times) == 5:
            link.given.remove(session)

    left, came_back = handed_back_when(ends, 20)
    assert left == 5
    assert sorted(came_back) == [5, 6, 7, 8, 9]
    assert max(came_back.values()) <= 30


def test_what_is_held_up_by_a_refusal_is_handed_back_before_anybody_doubts_it():
    left, came_back = handed_back_when(lambda link, _: link.pacing.hold(500.0), 10)
    assert left >= 1
    assert came_back
    assert max(came_back.values()) <= 30
