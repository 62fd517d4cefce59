"""A doubt ends by a policy or a person, and what may have arrived twice is counted and listed."""

from datetime import timedelta

import pytest

from smpp_esme.errors import StoreUnusable
from smpp_esme.message.doubt import Decision, Resubmit
from smpp_esme.message.message import EXPIRED_UNSENT, REPETITION_CANCELLED, Accepted, Answer, Refused, Unanswered
from smpp_esme.message.retry import Patience, Retry
from smpp_esme.message.status import MessageStatus

S = MessageStatus
RESEND = {"main": Resubmit(policy="resend")}
INVALID = Refused(0x0B, "ESME_RINVDSTADR", "destination address is invalid", retryable=False)
THROTTLED = Refused(0x58, "ESME_RTHROTTLED", "throttled", retryable=True)


@pytest.fixture
def doubtful(store, new, claim, clock):
    """Keeps a message and lets its submit_sm go unanswered."""

    async def kept(policies=None, **fields):
        await store.add([new(**fields)])
        [message] = await claim()
        answers = [Answer(message.id, part.number, Unanswered(written=True)) for part in message.segments]
        [*_, recorded] = await store.record_answers(answers, clock.now, policies=policies)
        return message.reference, recorded

    return kept


async def listed(store):
    return [each.reference for each in await store.duplicates()]


async def test_without_a_policy_it_is_held(store, doubtful, claim):
    reference, recorded = await doubtful()
    assert recorded.status is S.IN_DOUBT
    assert await claim() == []
    assert (await store.message(reference)).duplicates == 0
    assert await listed(store) == []


@pytest.mark.parametrize("parts", [1, 3])
async def test_a_link_that_resends_queues_it_again_and_lists_it(store, doubtful, claim, parts):
    reference, _ = await doubtful(RESEND, parts=parts)
    [again] = await claim()
    assert (again.reference, again.duplicates) == (reference, 1)
    assert {part.status for part in again.segments} == {S.SUBMITTING}
    assert await listed(store) == [reference]
    story = [(event.status, event.detail) for event in await store.events(reference) if event.segment is None]
    assert [status for status, _ in story] == [S.QUEUED, S.SUBMITTING, S.IN_DOUBT, S.QUEUED, S.SUBMITTING]
    assert story[3][1] == {"decided": "policy"}


async def test_only_what_is_in_doubt_of_a_long_message_is_sent_again(store, new, claim, clock):
    await store.add([new(parts=2)])
    [message] = await claim()
    answers = [Answer(message.id, 1, Accepted("1")), Answer(message.id, 2, Unanswered(written=True))]
    await store.record_answers(answers, clock.now, policies=RESEND)
    [again] = await claim()
    assert [part.status for part in again.segments] == [S.SUBMITTED, S.SUBMITTING]


async def test_a_messages_own_policy_goes_before_the_links(store, doubtful):
    _, held = await doubtful(RESEND, resubmit="hold")
    _, resent = await doubtful(None, resubmit="resend")
    assert held.status is S.IN_DOUBT
    assert resent.status is S.IN_DOUBT  # its link is not known here, so nobody may decide for it


@pytest.mark.parametrize(
    ("link", "own", "within", "status"),
    [
        ("hold", None, 60.0, S.IN_DOUBT),
        ("resend", None, 0.0, S.QUEUED),
        ("resend", None, 60.0, S.QUEUED),
        ("resend", None, 5.0, S.IN_DOUBT),  # too late to be there in time
        ("resend_safely", None, 0.0, S.IN_DOUBT),
        ("resend_safely", None, 60.0, S.QUEUED),
        ("resend_safely", None, 5.0, S.IN_DOUBT),
        ("hold", "resend_safely", 60.0, S.QUEUED),
        ("hold", "resend_safely", 0.0, S.IN_DOUBT),
        ("resend", "resend_safely", 0.0, S.IN_DOUBT),
        ("resend", "query", 60.0, S.IN_DOUBT),
        ("resend", "receipt", 60.0, S.IN_DOUBT),
        ("query", "resend", 0.0, S.QUEUED),
        ("receipt", None, 60.0, S.IN_DOUBT),
    ],
)
async def test_what_a_policy_does(doubtful, link, own, within, status):
    _, recorded = await doubtful({"main": Resubmit(policy=link, within=within)}, resubmit=own)
    assert recorded.status is status


async def test_the_second_time_it_is_held(store, doubtful, claim, clock):
    reference, _ = await doubtful(RESEND)
    [again] = await claim()
    await store.record_answers([Answer(again.id, 1, Unanswered(written=True))], clock.now, policies=RESEND)
    kept = await store.message(reference)
    assert (kept.status, kept.duplicates) == (S.IN_DOUBT, 1)


async def test_what_a_dead_daemon_left_follows_the_policy_too(store, new, claim, clock):
    await store.add([new()])
    [left] = await claim()
    assert await store.recover("daemon", clock.now, policies=RESEND) == 1
    assert (await store.message(left.reference)).status is S.QUEUED
    assert await listed(store) == [left.reference]


async def test_a_refusal_of_the_repetition_proves_nothing(store, doubtful, claim, clock):
    reference, _ = await doubtful(RESEND)
    [again] = await claim()
    await store.record_answers([Answer(again.id, 1, INVALID)], clock.now)
    kept = await store.message(reference)
    assert (kept.status, kept.error) == (S.IN_DOUBT, "ESME_RINVDSTADR")


async def test_a_repetition_that_is_throttled_is_tried_again(store, doubtful, claim, clock):
    reference, _ = await doubtful(RESEND)
    [again] = await claim()
    await store.record_answers([Answer(again.id, 1, THROTTLED)], clock.now)
    assert (await store.message(reference)).status is S.QUEUED


@pytest.mark.parametrize("parts", [1, 2])
@pytest.mark.parametrize(
    ("decision", "status", "duplicates"),
    [(Decision.SENT, S.SUBMITTED, 0), (Decision.RESEND, S.QUEUED, 1), (Decision.FAIL, S.FAILED, 0)],
)
async def test_a_person_decides(store, doubtful, clock, parts, decision, status, duplicates):
    reference, _ = await doubtful(parts=parts)
    [resolved] = await store.resolve([reference], decision, clock.now)
    assert (resolved.reference, resolved.moved, resolved.status) == (reference, True, status)
    kept = await store.message(reference)
    assert (kept.status, kept.duplicates) == (status, duplicates)
    assert {part.status for part in kept.segments} == {status}
    assert (await store.events(reference))[-1].detail == {"decided": "operator"}


async def test_what_is_not_in_doubt_is_left_alone_and_what_is_unknown_left_out(store, new, clock):
    message = new()
    await store.add([message])
    [resolved] = await store.resolve([message.reference, "unknown"], Decision.FAIL, clock.now)
    assert (resolved.moved, resolved.status) == (False, S.QUEUED)
    assert (await store.message(message.reference)).status is S.QUEUED


async def test_a_decision_that_is_made_twice_counts_once(store, doubtful, clock):
    reference, _ = await doubtful()
    for moved in (True, False):
        [resolved] = await store.resolve([reference, reference], Decision.RESEND, clock.now)
        assert resolved.moved is moved
    assert (await store.message(reference)).duplicates == 1


async def test_possible_duplicates_come_in_pages(store, doubtful, clock):
    references = [(await doubtful())[0] for _ in range(3)]
    await store.resolve(references, Decision.RESEND, clock.now)
    first = await store.duplicates(limit=2)
    assert [each.reference for each in first] == references[:2]
    assert [each.reference for each in await store.duplicates(after=references[1])] == references[2:]


async def test_a_repetition_whose_time_runs_out_proves_nothing(store, doubtful, clock):
    reference, _ = await doubtful(RESEND, expires_at=clock.now + timedelta(seconds=30))
    clock.pass_(minutes=1)
    await store.open_ends.expire(clock.now)
    kept = await store.message(reference)
    assert (kept.status, kept.error, kept.duplicates) == (S.IN_DOUBT, EXPIRED_UNSENT.name, 1)


async def test_a_repetition_that_is_throttled_once_too_often_proves_nothing(store, doubtful, claim, clock):
    reference, _ = await doubtful(RESEND)
    [again] = await claim()
    retry = Retry(throttled=Patience(attempts=1, shortest=1, longest=1))
    await store.record_answers([Answer(again.id, 1, THROTTLED)], clock.now, retry=retry)
    kept = await store.message(reference)
    assert (kept.status, kept.error) == (S.IN_DOUBT, "ESME_RTHROTTLED")


@pytest.mark.parametrize("parts", [1, 2])
async def test_a_repetition_that_is_cancelled_leaves_the_doubt_about_the_first(
    store, doubtful, claim, clock, receipt, parts
):
    reference, _ = await doubtful(RESEND, parts=parts, destination_addr="79990000000")
    assert await store.open_ends.cancel(reference, clock.now)
    kept = await store.message(reference)
    assert (kept.status, kept.error) == (S.IN_DOUBT, REPETITION_CANCELLED.name)
    assert {part.status for part in kept.segments} == {S.IN_DOUBT}
    assert await claim() == []
    assert not await store.open_ends.cancel(reference, clock.pass_(seconds=1))
    answers = [Answer(kept.id, part.number, Accepted(str(part.number)), 1) for part in kept.segments]
    await store.record_answers(answers, clock.now)
    await store.record_receipts([receipt(str(part.number)) for part in kept.segments], clock.now)
    assert (await store.message(reference)).status is S.DELIVERED


async def test_a_repetition_that_is_under_way_cannot_be_cancelled(store, doubtful, claim, clock):
    reference, _ = await doubtful(RESEND)
    [again] = await claim()
    assert not await store.open_ends.cancel(reference, clock.now)
    assert (await store.message(reference)).status is S.SUBMITTING
    handed_back = Answer(again.id, 1, Unanswered(written=False), again.attempts, again.claimed_at)
    await store.record_answers([handed_back], clock.now)
    assert await store.open_ends.cancel(reference, clock.now)
    assert (await store.message(reference)).status is S.IN_DOUBT


async def test_what_was_cancelled_before_it_was_sent_at_all_is_cancelled(store, new, claim, clock):
    [kept] = await store.add([new()])
    [claimed] = await claim()
    await store.record_answers([Answer(claimed.id, 1, THROTTLED)], clock.now)
    assert await store.open_ends.cancel(kept.reference, clock.now)
    assert (await store.message(kept.reference)).status is S.CANCELLED


@pytest.mark.parametrize("parts", [1, 2])
async def test_a_late_yes_to_the_first_spares_the_repetition(store, doubtful, claim, clock, parts):
    """It is the last moment at which a true duplicate can be spared."""
    reference, _ = await doubtful(RESEND, parts=parts)
    kept = await store.message(reference)
    answers = [Answer(kept.id, part.number, Accepted(f"7.{part.number}"), 1) for part in kept.segments]
    recorded = await store.record_answers(answers, clock.now)
    assert [(each.moved, each.status) for each in recorded] == [(True, S.SUBMITTED)] * parts
    assert await claim() == []
    kept = await store.message(reference)
    assert [part.message_id for part in kept.segments] == [f"7.{part.number}" for part in kept.segments]


async def test_a_late_no_to_the_first_changes_nothing_about_the_repetition(store, doubtful, clock):
    reference, _ = await doubtful(RESEND)
    kept = await store.message(reference)
    await store.record_answers([Answer(kept.id, 1, INVALID, kept.attempts)], clock.now)
    assert (await store.message(reference)).status is S.QUEUED


@pytest.fixture
def ended(store):
    """How doubts ended, one by one."""
    told = []
    store.doubt_watchers.append(lambda counts: told.extend(sorted(counts.elements())))
    return told


async def test_whoever_counts_is_told_how_each_doubt_ended(store, doubtful, clock, receipt, ended):
    reference, _ = await doubtful()
    assert ended == []
    await store.resolve([reference, reference], Decision.SENT, clock.now)
    await store.resolve([reference], Decision.SENT, clock.now)
    assert ended == ["person"]

    late, _ = await doubtful(resubmit="hold", parts=2)
    kept = await store.message(late)
    for number in (1, 2):
        assert ended == ["person"]
        await store.record_answers([Answer(kept.id, number, Accepted(f"l{number}"))], clock.now)
    assert ended.pop() == "late_response"

    told, _ = await doubtful(resubmit="hold")
    number = (await store.message(told)).destination_addr
    fact = receipt("new", source_addr=number, submitted_at=clock.now)
    await store.record_receipts([fact], clock.now)
    await store.open_ends.adopt(["main"], clock.now, attempt=timedelta(minutes=1))
    assert ended == ["person"]  # it has a policy of its own
    [waiting] = await store.limbo()
    await store.open_ends.attach(waiting.id, told, clock.now)
    assert ended == ["person", "person"]
    await doubtful(RESEND)
    assert ended == ["person", "person", "resend"]


async def test_a_receipt_that_fits_counts_as_a_receipt(store, doubtful, clock, receipt, ended):
    reference, _ = await doubtful()
    number = (await store.message(reference)).destination_addr
    await store.record_receipts([receipt("new", source_addr=number, submitted_at=clock.now)], clock.now)
    await store.open_ends.adopt(["main"], clock.now, attempt=timedelta(minutes=1))
    assert ended == ["receipt"]


async def test_a_doubt_that_ends_in_a_transaction_that_fails_did_not_end(store, doubtful, clock, ended, monkeypatch):
    reference, _ = await doubtful()

    def fails(*_):
        raise StoreUnusable("not now")

    monkeypatch.setattr("smpp_esme.store.moves.tell", fails)
    with pytest.raises(StoreUnusable):
        await store.resolve([reference], Decision.SENT, clock.now)
    assert ended == []
