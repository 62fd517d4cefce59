"""What a store promises, told by its own methods."""

import asyncio
from datetime import timedelta

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smpp_esme.errors import InvalidValue, StoreUnusable, UnknownReference
from smpp_esme.message.message import Accepted, Answer, Refused, Segment, Unanswered
from smpp_esme.message.retry import Patience, Retry
from smpp_esme.message.status import MessageStatus
from smpp_esme.store import Store

S = MessageStatus
THROTTLED = Refused(0x58, "ESME_RTHROTTLED", "throttled", retryable=True)
INVALID = Refused(0x0B, "ESME_RINVDSTADR", "destination address is invalid", retryable=False)


def accepted(message, *ids):
    return [Answer(message.id, number, Accepted(each)) for number, each in enumerate(ids, 1)]


def handed_back(message):
    """That none of its segments was written."""
    return [Answer(message.id, part.number, Unanswered(written=False)) for part in message.segments]


async def submitted(store, claim, clock, message, *ids):
    """Bring a new message to SUBMITTED with these message_ids."""
    await store.add([message])
    [claimed] = await claim()
    await store.record_answers(accepted(claimed, *(ids or ("7",))), clock.now)
    return claimed


async def story(store, reference):
    return [(event.segment, event.previous, event.status) for event in await store.events(reference)]


# --- kept ---------------------------------------------------------------------------------------------------------


async def test_what_is_kept_is_read_back_as_it_was(store, new, clock):
    message = new(
        parts=3,
        client_reference="order 17",
        idempotency_key="key",
        idempotency_digest="digest",
        kind="viber",
        data_coding=8,
        priority=2,
        created_at=clock.now + timedelta(microseconds=1),
    )
    [kept] = await store.add([message])
    assert kept.id > 0
    assert await store.message(message.reference) == kept
    given_back = msgspec.structs.replace(kept, id=0, next_attempt_at=None)
    assert given_back == message


async def test_what_is_kept_outlives_the_store(url, new):
    message = new()
    async with await Store.open(url) as store:
        await store.add([message])
    async with await Store.open(url) as store:
        assert (await store.message(message.reference)).text == message.text
        assert (await store.counts())[S.QUEUED] == 1


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=50),
    octets=st.lists(st.tuples(st.binary(max_size=140), st.binary(max_size=300)), min_size=1, max_size=4),
    source=st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=11),
)
async def test_any_text_and_any_octets_are_read_back_unchanged(store, new, text, octets, source):
    parts = [Segment(number=number, short_message=each, tlvs=tlvs) for number, (each, tlvs) in enumerate(octets, 1)]
    message = new(text=text, source_addr=source, segments=parts)
    # `new` starts again with each example's first call, so the reference must differ for each.
    message.reference = f"{len(await store.messages(limit=1000)):05}"
    await store.add([message])
    kept = await store.message(message.reference)
    assert (kept.text, kept.source_addr) == (text, source)
    assert [(part.short_message, part.tlvs) for part in kept.segments] == octets


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"text": "a\0b"}, "text"),
        ({"text": "\ud83d"}, "text"),
        ({"priority": 4}, "priority"),
        ({"segments": []}, "segments"),
        ({"segments": [Segment(number=2, short_message=b"")]}, "segments"),
        ({"status": S.DELIVERED}, "status"),
    ],
)
async def test_what_could_not_be_kept_truthfully_is_refused_and_so_is_its_batch(store, new, fields, named):
    with pytest.raises(InvalidValue, match=named):
        await store.add([new(), new(**fields)])
    assert sum((await store.counts()).values()) == 0


async def test_a_time_without_a_zone_is_refused(store, new, clock):
    with pytest.raises(InvalidValue, match="time zone"):
        await store.add([new(created_at=clock.now.replace(tzinfo=None))])


async def test_nothing_to_do_is_nothing_done(store, clock, claim):
    assert await store.add([]) == []
    assert await store.record_answers([], clock.now) == []
    assert await store.record_receipts([], clock.now) == []
    assert await claim() == []


# --- once ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("keys", [{"client_reference": "17"}, {"idempotency_key": "k", "idempotency_digest": "d"}])
async def test_a_message_handed_in_twice_is_kept_once(store, new, keys):
    first = new(**keys)
    [kept] = await store.add([first])
    again = await store.add([new(**keys), new()])
    assert again[0] == kept
    assert again[1].reference != first.reference
    assert (await store.counts())[S.QUEUED] == 2


async def test_a_repeat_that_is_known_by_both_its_keys_is_one_message(store, new):
    keys = {"client_reference": "17", "idempotency_key": "k", "idempotency_digest": "d"}
    [kept] = await store.add([new(parts=2, **keys)])
    assert await store.add([new(parts=2, **keys), new(parts=2, **keys)]) == [kept, kept]


async def test_repeats_within_one_batch_are_kept_once(store, new):
    first, second, other = await store.add(
        [new(client_reference="17"), new(client_reference="17"), new(client_reference="18")]
    )
    assert first == second
    assert other != first
    assert (await store.counts())[S.QUEUED] == 2


@pytest.mark.parametrize("keys", [{"client_reference": "17"}, {"idempotency_key": "k", "idempotency_digest": "d"}])
async def test_keys_are_each_callers_own(store, new, keys):
    callers = ["", "shop", "bank"]
    kept = [(await store.add([new(caller=caller, **keys)]))[0] for caller in callers]
    assert len({each.reference for each in kept}) == 3
    together = await store.add([new(caller=caller, **keys) for caller in (*callers, "club", "club")])
    assert [each.reference for each in together[:3]] == [each.reference for each in kept]
    assert [each.caller for each in together] == [*callers, "club", "club"]
    assert together[3].reference == together[4].reference
    assert len({each.reference for each in together}) == 4


async def test_another_callers_key_may_stand_for_something_else(store, new):
    for caller, digest in (("shop", "one"), ("bank", "other")):
        await store.add([new(caller=caller, idempotency_key="k", idempotency_digest=digest)])
    with pytest.raises(InvalidValue, match="Idempotency-Key"):
        await store.add([new(caller="bank", idempotency_key="k", idempotency_digest="one")])


async def test_an_idempotency_key_cannot_be_used_for_something_else(store, new):
    await store.add([new(idempotency_key="k", idempotency_digest="one")])
    with pytest.raises(InvalidValue, match="Idempotency-Key"):
        await store.add([new(), new(idempotency_key="k", idempotency_digest="other")])
    assert (await store.counts())[S.QUEUED] == 1


async def test_messages_without_a_key_are_never_taken_for_each_other(store, new):
    one, other = await store.add([new(text="same"), new(text="same")])
    assert one.id != other.id


async def test_a_repeat_shows_what_became_of_the_first(store, new, claim, clock):
    await submitted(store, claim, clock, new(client_reference="17"))
    [known] = await store.add([new(client_reference="17")])
    assert known.status is S.SUBMITTED


# --- claimed ------------------------------------------------------------------------------------------------------


async def test_a_claimed_message_is_submitting_and_cannot_be_claimed_again(store, new, claim):
    [kept] = await store.add([new(parts=2)])
    [claimed] = await claim()
    assert (claimed.reference, claimed.status, claimed.attempts) == (kept.reference, S.SUBMITTING, 1)
    assert {part.status for part in claimed.segments} == {S.SUBMITTING}
    assert await store.message(kept.reference) == claimed
    assert await claim() == []


async def test_the_most_urgent_goes_first_and_then_the_oldest(store, new, claim, clock):
    low = await store.add([new(), new()])
    clock.pass_(seconds=1)
    high = await store.add([new(priority=1), new(priority=3)])
    order = [each.reference for each in (high[1], high[0], *low)]
    assert [each.reference for each in await claim(3)] == order[:3]
    assert [each.reference for each in await claim(3)] == order[3:]


async def test_a_claim_takes_only_what_goes_out_on_its_link(store, new, claim):
    await store.add([new(link="other")])
    assert await claim() == []
    assert len(await claim(link="other")) == 1


async def test_a_message_is_not_claimed_before_it_is_due(store, new, claim, clock):
    await store.add([new(next_attempt_at=clock.now + timedelta(hours=1), priority=3), new()])
    assert len(await claim()) == 1
    assert await claim() == []
    clock.pass_(hours=1)
    assert len(await claim()) == 1


async def test_two_dispatchers_never_get_the_same_message(store, new, claim):
    await store.add([new() for _ in range(50)])
    batches = await asyncio.gather(*[claim(7, owner=f"dispatcher {each}") for each in range(10)])
    taken = [message.reference for batch in batches for message in batch]
    assert len(taken) == len(set(taken)) == 50


# --- answered -----------------------------------------------------------------------------------------------------


async def test_an_accepted_message_keeps_the_ids_of_its_segments(store, new, claim, clock):
    await store.add([new(parts=2)])
    [claimed] = await claim()
    at = clock.pass_(seconds=1)
    recorded = await store.record_answers(accepted(claimed, "1A", "1B"), at)
    assert [each.moved for each in recorded] == [True, True]
    assert {each.status for each in recorded} == {S.SUBMITTED}
    kept = await store.message(claimed.reference)
    assert (kept.status, kept.submitted_at) == (S.SUBMITTED, at)
    assert [(part.message_id, part.submitted_at) for part in kept.segments] == [("1A", at), ("1B", at)]


async def test_every_change_of_status_is_in_the_history(store, new, claim, clock, receipt):
    message = await submitted(store, claim, clock, new(), "7")
    await store.record_receipts([receipt("7", S.EXPIRED, error="11"), receipt("7", error="000")], clock.now)
    events = await store.events(message.reference)
    assert [(event.segment, event.previous, event.status) for event in events] == [
        (None, None, S.QUEUED),
        (None, S.QUEUED, S.SUBMITTING),
        (None, S.SUBMITTING, S.SUBMITTED),
        (None, S.SUBMITTED, S.EXPIRED),
        (None, S.EXPIRED, S.DELIVERED),
    ]
    assert [event.id for event in events] == sorted(event.id for event in events)
    assert events[2].detail["message_id"] == "7"
    assert events[3].detail == {"error": "11"}


async def test_the_segments_of_a_long_message_have_their_own_history(store, new, claim, clock):
    message = await submitted(store, claim, clock, new(parts=2), "1", "2")
    assert await story(store, message.reference) == [
        (None, None, S.QUEUED),
        (1, S.QUEUED, S.SUBMITTING),
        (2, S.QUEUED, S.SUBMITTING),
        (None, S.QUEUED, S.SUBMITTING),
        (1, S.SUBMITTING, S.SUBMITTED),
        (2, S.SUBMITTING, S.SUBMITTED),
        (None, S.SUBMITTING, S.SUBMITTED),
    ]


async def test_a_throttled_message_waits_and_is_then_claimed_again(store, new, claim, clock):
    await store.add([new()])
    [claimed] = await claim()
    [recorded] = await store.record_answers([Answer(claimed.id, 1, THROTTLED)], clock.now)
    assert (recorded.moved, recorded.status) == (True, S.QUEUED)
    assert await claim() == []
    clock.pass_(seconds=0.999)
    assert await claim() == []
    clock.pass_(seconds=0.001)
    [again] = await claim()
    assert (again.attempts, again.error) == (2, "ESME_RTHROTTLED")
    await store.record_answers(accepted(again, "7"), clock.now)
    kept = await store.message(again.reference)
    assert (kept.status, kept.error) == (S.SUBMITTED, None)


async def test_when_patience_ends_the_message_fails(store, new, claim, clock):
    await store.add([new()])
    [claimed] = await claim()
    retry = Retry(throttled=Patience(attempts=1, shortest=1, longest=1))
    [recorded] = await store.record_answers([Answer(claimed.id, 1, THROTTLED)], clock.now, retry=retry)
    assert recorded.status is S.FAILED
    kept = await store.message(claimed.reference)
    assert (kept.error, kept.final_at) == ("ESME_RTHROTTLED", clock.now)


async def test_only_the_segments_that_were_not_accepted_are_sent_again(store, new, claim, clock):
    await store.add([new(parts=2)])
    [claimed] = await claim()
    await store.record_answers([*accepted(claimed, "7"), Answer(claimed.id, 2, THROTTLED)], clock.now)
    clock.pass_(minutes=1)
    [again] = await claim()
    assert [part.status for part in again.segments] == [S.SUBMITTED, S.SUBMITTING]
    assert again.segments[0].message_id == "7"


async def test_a_refused_segment_ends_the_whole_message(store, new, claim, clock):
    await store.add([new(parts=2)])
    [claimed] = await claim()
    await store.record_answers([Answer(claimed.id, 1, THROTTLED), Answer(claimed.id, 2, INVALID)], clock.now)
    kept = await store.message(claimed.reference)
    assert [part.status for part in kept.segments] == [S.FAILED, S.FAILED]
    assert (kept.status, kept.segments[1].command_status) == (S.FAILED, 0x0B)
    clock.pass_(hours=1)
    assert await claim() == []


async def test_an_answer_that_comes_twice_moves_nothing(store, new, claim, clock):
    message = await submitted(store, claim, clock, new(), "7")
    [repeated] = await store.record_answers(accepted(message, "8"), clock.now)
    assert (repeated.moved, repeated.status) == (False, S.SUBMITTED)
    assert (await store.message(message.reference)).segments[0].message_id == "7"


async def test_an_answer_to_nobody_is_reported_and_stops_no_other(store, new, claim, clock):
    await store.add([new()])
    [claimed] = await claim()
    unknown, known = await store.record_answers([Answer(999, 1, Accepted("x")), *accepted(claimed, "7")], clock.now)
    assert (unknown.reference, unknown.moved, unknown.status) == (None, False, None)
    assert known.moved


async def test_hostile_words_in_an_answer_are_kept_without_harm(store, new, claim, clock):
    await store.add([new(), new()])
    one, other = await claim()
    await store.record_answers(
        [Answer(one.id, 1, Accepted("a\0\ud83d")), Answer(other.id, 1, Refused(1, "\0", "\udfff", retryable=False))],
        clock.now,
    )
    assert (await store.message(one.reference)).segments[0].message_id == "a\ufffd\ufffd"
    assert (await store.message(other.reference)).error == "\ufffd"


# --- in doubt -----------------------------------------------------------------------------------------------------


async def test_what_was_never_written_is_queued_again_and_costs_no_attempt(store, new, claim, clock):
    await store.add([new(), new(parts=2)])
    one, other = await claim()
    await store.record_answers(handed_back(one) + handed_back(other), clock.now)
    again = await claim()
    assert [each.reference for each in again] == [one.reference, other.reference]
    assert {each.attempts for each in again} == {1}


async def test_what_was_written_and_not_answered_is_in_doubt_and_not_sent_again(store, new, claim, clock):
    await store.add([new()])
    [claimed] = await claim()
    await store.record_answers([Answer(claimed.id, 1, Unanswered(written=True))], clock.now)
    clock.pass_(days=1)
    assert await claim() == []
    assert [each.reference for each in await store.messages(status=S.IN_DOUBT)] == [claimed.reference]


async def test_a_message_that_is_handed_back_twice_is_queued_once(store, new, claim, clock):
    await store.add([new(parts=2)])
    [claimed] = await claim()
    recorded = await store.record_answers(handed_back(claimed) * 2, clock.now)
    assert [each.moved for each in recorded] == [True, True, False, False]
    assert (await store.message(claimed.reference)).status is S.QUEUED


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (Unanswered(written=False), S.SUBMITTING),
        (Unanswered(written=True), S.SUBMITTING),
        (INVALID, S.SUBMITTING),
        (Accepted("7"), S.SUBMITTED),
    ],
)
async def test_of_an_attempt_that_is_past_only_an_acceptance_counts(store, new, claim, clock, outcome, status):
    await store.add([new()])
    [first] = await claim()
    await store.record_answers([Answer(first.id, 1, THROTTLED, first.attempts)], clock.now)
    clock.pass_(seconds=1)
    [second] = await claim(owner="another")
    assert second.attempts > first.attempts
    await store.record_answers([Answer(first.id, 1, outcome, first.attempts)], clock.now)
    assert (await store.message(first.reference)).status is status


async def test_handing_back_does_not_touch_what_was_answered_meanwhile(store, new, claim, clock):
    message = await submitted(store, claim, clock, new())
    [recorded] = await store.record_answers(handed_back(message), clock.now)
    assert not recorded.moved
    assert (await store.message(message.reference)).status is S.SUBMITTED


async def test_after_a_crash_whatever_we_had_claimed_is_in_doubt(store, new, claim, clock):
    await store.add([new() for _ in range(1203)])
    mine = await claim(1201)
    [other] = await claim(1, owner="another daemon")
    assert await store.recover("daemon", clock.now) == 1201
    counts = await store.counts()
    assert (counts[S.IN_DOUBT], counts[S.SUBMITTING], counts[S.QUEUED]) == (1201, 1, 1)
    assert (await store.message(other.reference)).status is S.SUBMITTING
    assert (await story(store, mine[0].reference))[-1] == (None, S.SUBMITTING, S.IN_DOUBT)


async def test_a_lease_that_ran_out_is_recovered_for_anybody(store, new, claim, clock):
    await store.add([new()])
    await claim(owner="another daemon")
    assert await store.recover("daemon", clock.pass_(seconds=59)) == 0
    assert await store.recover("daemon", clock.pass_(seconds=1)) == 1


async def test_a_half_answered_message_is_in_doubt_only_where_no_answer_came(store, new, claim, clock):
    await store.add([new(parts=2)])
    [claimed] = await claim()
    await store.record_answers(accepted(claimed, "7"), clock.now)
    await store.recover("daemon", clock.now)
    kept = await store.message(claimed.reference)
    assert [part.status for part in kept.segments] == [S.SUBMITTED, S.IN_DOUBT]
    assert kept.status is S.IN_DOUBT


async def test_a_late_response_ends_the_doubt(store, new, claim, clock):
    await store.add([new()])
    [claimed] = await claim()
    await store.recover("daemon", clock.now)
    [recorded] = await store.record_answers(accepted(claimed, "7"), clock.now)
    assert (recorded.moved, recorded.status) == (True, S.SUBMITTED)


# --- asked --------------------------------------------------------------------------------------------------------


async def test_a_reference_that_nobody_knows_is_an_error(store):
    for question in (store.message("R"), store.events("R"), store.messages(after="R")):
        with pytest.raises(UnknownReference, match="R"):
            await question


async def test_pages_follow_each_other_without_gaps(store, new):
    kept = [each.reference for each in await store.add([new() for _ in range(25)])]
    seen: list[str] = []
    while page := await store.messages(after=seen[-1] if seen else None, limit=10):
        seen += [each.reference for each in page]
    assert seen == kept


async def test_counts_speak_of_every_status(store, new, claim):
    await store.add([new() for _ in range(3)])
    await claim(1)
    counts = await store.counts()
    assert set(counts) == set(S)
    assert (counts[S.QUEUED], counts[S.SUBMITTING], counts[S.DELIVERED]) == (2, 1, 0)


async def test_many_questions_at_once_are_all_answered(store, new):
    kept = await store.add([new() for _ in range(40)])
    found = await asyncio.gather(*[store.message(each.reference) for each in kept])
    assert found == kept


# --- closed and cancelled -----------------------------------------------------------------------------------------


async def test_a_closed_store_says_so(url, new):
    store = await Store.open(url)
    await store.close()
    await store.close()
    for call in (store.add([new()]), store.counts()):
        with pytest.raises(StoreUnusable, match="closed"):
            await call


async def test_a_write_that_is_cancelled_is_committed_whole_or_not_at_all(store, new):
    for turns in range(30):
        writing = asyncio.create_task(store.add([new(parts=3) for _ in range(5)]))  # noqa: RUF006 - awaited below
        for _ in range(turns):
            await asyncio.sleep(0)
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
    kept = await store.messages(limit=1000)
    assert len(kept) % 5 == 0
    assert all(len(each.segments) == 3 for each in kept)
    assert await store.add([new()])


async def test_a_write_that_is_cancelled_before_its_turn_writes_nothing(store, new):
    first = asyncio.create_task(store.add([new() for _ in range(500)]))  # noqa: RUF006 - awaited below
    second = asyncio.create_task(store.add([new()]))
    await asyncio.sleep(0)
    second.cancel()
    await first
    with pytest.raises(asyncio.CancelledError):
        await second
    assert (await store.counts())[S.QUEUED] == 500


async def test_closing_waits_for_a_write_whose_caller_has_gone(url, new):
    store = await Store.open(url)
    writing = asyncio.create_task(store.add([new() for _ in range(500)]))  # noqa: RUF006 - awaited below
    for _ in range(3):  # its transaction has begun
        await asyncio.sleep(0)
    writing.cancel()
    await store.close()
    with pytest.raises(asyncio.CancelledError):
        await writing
    async with await Store.open(url) as again:
        assert (await again.counts())[S.QUEUED] == 500


async def test_a_write_that_fails_leaves_nothing_behind_and_the_store_goes_on(store, new):
    message = new()
    await store.add([message])
    twin = new(reference=message.reference)
    with pytest.raises(InvalidValue, match="reference"):
        await store.add([new(), twin])
    assert (await store.counts())[S.QUEUED] == 1
    assert await store.add([new()])


@pytest.mark.parametrize("parts", [1, 2])
async def test_a_hand_back_that_is_recorded_again_spares_the_claim_that_came_meanwhile(store, new, claim, clock, parts):
    await store.add([new(parts=parts)])
    [first] = await claim()
    late = [
        Answer(first.id, part.number, Unanswered(written=False), first.attempts, first.claimed_at)
        for part in first.segments
    ]
    await store.record_answers(late, clock.now)
    clock.pass_(seconds=1)
    [second] = await claim(owner="another")
    assert second.attempts == first.attempts
    # The commit was not confirmed, or its caller was cancelled: he hands it back once more.
    recorded = await store.record_answers(late, clock.now)
    assert {each.moved for each in recorded} == {False}
    assert (await store.message(first.reference)).status is S.SUBMITTING
    assert await claim() == []


async def test_what_is_kept_while_a_claim_waits_is_claimed_in_the_same_transaction(store, new, clock):
    commits = []
    await store.add([new()])
    store.watch_commits(lambda *told: commits.append(told))
    message = new(created_at=clock.now + timedelta(seconds=1))
    begun = asyncio.create_task(store.probe())
    await asyncio.sleep(0)
    claiming = asyncio.create_task(
        store.claim(10, link="main", owner="me", lease_until=clock.now + timedelta(minutes=1))
    )
    await asyncio.sleep(0)
    adding = asyncio.create_task(store.add([message]))
    clock.now += timedelta(seconds=1)
    claimed, [kept], _ = await asyncio.gather(claiming, adding, begun)
    assert kept.reference in [one.reference for one in claimed]
    assert len(commits) == 2
