"""Receipts in limbo end doubts, on both databases: where they fit, and only there."""

from datetime import timedelta

import pytest

from smpp_esme.message.message import Accepted, Answer, Unanswered
from smpp_esme.message.status import MessageStatus
from smpp_esme.store import evidence

S = MessageStatus
ATTEMPT = timedelta(minutes=1)


@pytest.fixture
def doubtful(store, new, claim, clock):
    """Keeps a message and lets its submit_sm go unanswered."""

    async def kept(*unanswered, **fields):
        await store.add([new(**fields)])
        [message] = await claim()
        outcomes = [
            Unanswered(written=True) if not unanswered or part.number in unanswered else Accepted(f"known{part.number}")
            for part in message.segments
        ]
        answers = [Answer(message.id, number, outcome) for number, outcome in enumerate(outcomes, 1)]
        await store.record_answers(answers, clock.now)
        return message

    return kept


@pytest.fixture
def reported(store, receipt, clock):
    """Lets a receipt come in for a message to a number."""

    async def came(message_id, number, status=S.DELIVERED, **fields):
        fields = {"submitted_at": clock.now, "source_addr": number} | fields
        [recorded] = await store.record_receipts([receipt(message_id, status, **fields)], clock.now)
        assert recorded.reference is None

    return came


async def adopted(store, clock):
    return await store.open_ends.adopt(["main"], clock.now, attempt=ATTEMPT)


async def test_a_receipt_that_fits_ends_the_doubt_and_the_history_says_so(store, doubtful, reported, clock):
    message = await doubtful()
    await reported("AA", message.destination_addr)
    assert await adopted(store, clock) == [message.reference]
    kept = await store.message(message.reference)
    assert (kept.status, kept.segments[0].message_id) == (S.DELIVERED, "AA")
    story = [(event.previous, event.status, event.detail) for event in await store.events(message.reference)][-2:]
    assert story == [
        (S.IN_DOUBT, S.SUBMITTED, {"message_id": "AA", "decided": "receipt"}),
        (S.SUBMITTED, S.DELIVERED, {}),
    ]
    assert await store.limbo() == []
    assert await adopted(store, clock) == []


@pytest.mark.parametrize("prefix", ["", "+", "00"])
@pytest.mark.parametrize("as_submitted", [False, True])
async def test_the_number_may_be_written_otherwise_and_stand_elsewhere(
    store, doubtful, reported, clock, prefix, as_submitted
):
    message = await doubtful()
    number = prefix + message.destination_addr
    addresses = {"source_addr": "ACME", "destination_addr": number} if as_submitted else {"source_addr": number}
    await reported("AA", number, **addresses)
    assert await adopted(store, clock) == [message.reference]


async def test_later_receipts_of_an_adopted_id_find_their_message(store, doubtful, reported, receipt, clock):
    message = await doubtful()
    await reported("AA", message.destination_addr, S.ACCEPTED, final=False)
    await adopted(store, clock)
    assert (await store.message(message.reference)).status is S.ACCEPTED
    [recorded] = await store.record_receipts([receipt("AA", source_addr=message.destination_addr)], clock.now)
    assert (recorded.reference, recorded.status) == (message.reference, S.DELIVERED)


async def test_a_receipt_that_comes_while_another_of_its_id_is_judged_is_taken_too(store, doubtful, reported, clock):
    message = await doubtful()
    await reported("AA", message.destination_addr, S.SUBMITTED, final=False)
    write = store.open_ends._write

    async def late(change, *args, **options):
        store.open_ends._write = write
        await reported("AA", message.destination_addr)
        await reported("BB", message.destination_addr)  # nobody's that is in doubt any more
        return await write(change, *args, **options)

    store.open_ends._write = late
    assert await adopted(store, clock) == [message.reference]
    assert (await store.message(message.reference)).status is S.DELIVERED
    assert [one.fact.message_id for one in await store.limbo()] == ["BB"]


async def test_two_messages_to_one_number_leave_it_in_limbo_and_both_in_doubt(store, doubtful, reported, clock):
    messages = [await doubtful(destination_addr="79161234567") for _ in range(2)]
    await reported("AA", "79161234567")
    assert await adopted(store, clock) == []
    assert {(await store.message(one.reference)).status for one in messages} == {S.IN_DOUBT}
    assert len(await store.limbo()) == 1


@pytest.mark.parametrize("answered", [False, True])
async def test_a_message_that_is_on_its_way_stands_in_between(
    store, new, claim, doubtful, reported, clock, receipt, answered
):
    message = await doubtful(destination_addr="79161234567")
    await store.add([new(destination_addr="79161234567")])
    [other] = await claim()
    if answered:
        await store.record_answers([Answer(other.id, 1, Accepted("other"))], clock.now)
    await reported("AA", "79161234567")
    assert await adopted(store, clock) == []
    if answered:  # once it has its own receipt, the other can be nobody else's
        await store.record_receipts([receipt("other", source_addr="79161234567")], clock.now)
        assert await adopted(store, clock) == [message.reference]


async def test_a_link_of_which_that_is_not_wanted_is_left_alone(store, doubtful, reported, clock):
    message = await doubtful()
    await reported("AA", message.destination_addr)
    assert await store.open_ends.adopt(["other"], clock.now, attempt=ATTEMPT) == []
    assert await store.open_ends.adopt([], clock.now, attempt=ATTEMPT) == []


async def test_only_what_is_in_doubt_of_a_long_message_is_looked_for(store, doubtful, reported, receipt, clock):
    message = await doubtful(2, parts=3)
    number = message.destination_addr
    await reported("AA", number)
    assert await adopted(store, clock) == []  # it may be the first segment's, in a form that nobody knows
    await store.record_receipts([receipt(f"known{each}", source_addr=number) for each in (1, 3)], clock.now)
    assert await adopted(store, clock) == [message.reference]
    assert (await store.message(message.reference)).status is S.DELIVERED


async def test_a_dismissed_receipt_ends_no_doubt(store, doubtful, reported, clock):
    message = await doubtful()
    await reported("AA", message.destination_addr)
    await store.open_ends.dismiss([(await store.limbo())[0].id], clock.now)
    assert await adopted(store, clock) == []


async def test_a_doubt_that_has_ended_meanwhile_is_not_ended_again(store, doubtful, reported, clock, monkeypatch):
    message = await doubtful()
    await reported("AA", message.destination_addr)
    search = evidence.find

    def too_late(*args, **options):
        found = search(*args, **options)
        store.found = found[0]
        return found

    monkeypatch.setattr(evidence, "find", too_late)
    await adopted(store, clock)
    assert await store._write(evidence.adopt, store.found, at=clock.now) == []
    assert len(await store.events(message.reference)) == 5


async def test_a_search_goes_on_beyond_its_first_step(store, new, claim, receipt, clock, monkeypatch):
    monkeypatch.setattr(evidence, "STEP", 2)
    await store.add([new() for _ in range(5)])
    messages = await claim()
    await store.record_answers([Answer(each.id, 1, Unanswered(written=True)) for each in messages], clock.now)
    facts = [receipt(f"id{each.id}", source_addr=each.destination_addr, submitted_at=clock.now) for each in messages]
    await store.record_receipts(facts, clock.now)
    assert await adopted(store, clock) == [each.reference for each in messages]
    assert (await store.counts())[S.DELIVERED] == 5


@pytest.mark.parametrize(
    ("own", "links", "ends"),
    [
        (None, ["main"], True),
        ("receipt", ["main"], True),
        ("query", ["main"], True),
        ("hold", ["main"], False),
        (None, [], False),
        ("query", [], False),
        ("receipt", [], True),
    ],
)
async def test_a_messages_own_policy_says_whether_a_receipt_is_believed(
    store, doubtful, reported, clock, own, links, ends
):
    message = await doubtful(resubmit=own)
    await reported("AA", message.destination_addr)
    ended = await store.open_ends.adopt(links, clock.now, attempt=ATTEMPT)
    assert ended == ([message.reference] if ends else [])


async def test_one_that_is_left_to_a_person_stands_in_the_way_of_another(store, doubtful, reported, clock):
    held = await doubtful(resubmit="hold")
    await doubtful(destination_addr=held.destination_addr)
    await reported("AA", held.destination_addr)
    assert await adopted(store, clock) == []
