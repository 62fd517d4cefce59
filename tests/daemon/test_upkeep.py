"""What a round of upkeep does, and that it says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from smpp_esme.daemon.config import RetentionSettings
from smpp_esme.daemon.upkeep import Upkeep
from smpp_esme.errors import UnknownReference
from smpp_esme.message.doubt import Resubmit
from smpp_esme.message.message import Answer, Message, ReceiptFact, Refused, Segment, Unanswered, new_reference
from smpp_esme.message.received import Received
from smpp_esme.message.status import MessageStatus

REFUSED = Refused(0x0B, "ESME_RINVDSTADR", "destination address is invalid", retryable=False)


@pytest.fixture
def upkeep(store):
    def made(*, policies=None, endpoints=(), **retention):
        settings = RetentionSettings(**retention)
        return Upkeep(store, ["main"], policies=policies or {}, retention=settings, endpoints=endpoints)

    return made


async def kept(store, reference="A", link="main"):
    segments = [Segment(number=1, short_message=b"hello")]
    message = Message(
        reference=reference,
        destination_addr="79991234567",
        text="hello",
        link=link,
        created_at=datetime.now(UTC),
        segments=segments,
    )
    await store.add([message])


async def failed(store):
    await kept(store)
    now = datetime.now(UTC)
    [claimed] = await store.claim(1, link="main", owner="another", lease_until=now)
    await store.record_answers([Answer(claimed.id, 1, REFUSED)], now)


@pytest.mark.parametrize(("policy", "status"), [("hold", MessageStatus.IN_DOUBT), ("resend", MessageStatus.QUEUED)])
async def test_what_outlived_its_lease_follows_its_links_policy(store, upkeep, caplog, policy, status):
    await kept(store)
    lease_until = datetime.now(UTC) + timedelta(minutes=1)
    await store.claim(1, link="main", owner="another", lease_until=lease_until)
    rounds = upkeep(policies={"main": Resubmit(policy=policy)})
    await rounds.round(lease_until - timedelta(seconds=1))
    assert (await store.message("A")).status is MessageStatus.SUBMITTING
    await rounds.round(lease_until)
    assert (await store.message("A")).status is status
    assert "upkeep.leases_ran_out" in caplog.messages


async def test_a_clock_that_is_set_back_keeps_nobody_waiting(store, upkeep, caplog):
    await kept(store)
    rounds, kept_at = upkeep(), datetime.now(UTC)
    await rounds.round(kept_at, 100.0)
    await rounds.round(kept_at + timedelta(seconds=15), 115.0)
    assert "upkeep.clock_set_back" not in caplog.messages
    set_back = kept_at - timedelta(hours=1)
    await rounds.round(set_back, 130.0)
    assert "upkeep.clock_set_back" in caplog.messages
    assert (await store.message("A")).next_attempt_at == set_back


async def test_what_was_claimed_when_the_clock_was_set_back_is_hastened_when_it_is_queued_again(store, upkeep):
    await kept(store)
    rounds, now = upkeep(), datetime.now(UTC)
    [claimed] = await store.claim(1, link="main", owner="another", lease_until=now + timedelta(minutes=1))
    await rounds.round(now, 100.0)
    set_back = now - timedelta(hours=1)
    await rounds.round(set_back, 115.0)
    await store.record_answers([Answer(claimed.id, 1, Unanswered(written=False), claimed.attempts)], set_back)
    assert (await store.message("A")).next_attempt_at > set_back
    await rounds.round(set_back + timedelta(seconds=15), 130.0)
    assert (await store.message("A")).next_attempt_at == set_back + timedelta(seconds=15)


async def test_a_round_ends_in_time_however_much_is_old_and_the_next_goes_on(store, upkeep, monkeypatch):
    monkeypatch.setattr("smpp_esme.daemon.upkeep._TURN", 0.0)
    steps = []

    async def delete_old(before, *, after, **_):
        steps.append(after)
        return {0: 200, 200: 400, 400: None}[after]

    monkeypatch.setattr(store.housekeeping, "delete_old", delete_old)
    rounds = upkeep(messages=1)
    for _ in range(4):
        await rounds.round(datetime.now(UTC))
    assert steps == [0, 200, 400, 0]


async def test_a_link_that_is_no_more_is_told_of_once(store, upkeep, caplog):
    await kept(store, link="old")
    rounds = upkeep()
    for _ in range(2):
        await rounds.round(datetime.now(UTC))
    told = [record for record in caplog.records if record.message == "upkeep.no_such_link"]
    assert [(record.link, record.queued) for record in told] == [("old", 1)]


async def test_what_came_in_goes_when_its_time_is_over(store, upkeep):
    at = datetime.now(UTC)
    fact = ReceiptFact(link="main", message_id="1", message_status=MessageStatus.DELIVERED, raw=b"id:1", received_at=at)
    await store.record_receipts([fact], at)
    came = Received(
        reference=new_reference(0, 1),
        link="main",
        source_addr="7",
        destination_addr="1234",
        text="STOP",
        coding="gsm",
        data_coding=0,
        received_at=at,
    )
    await store.inbox.keep([came])
    rounds = upkeep(received=1, limbo=2)
    await rounds.round(at + timedelta(days=1.5))
    assert (len(await store.inbox.messages()), len(await store.limbo(10))) == (0, 1)
    await rounds.round(at + timedelta(days=2.5))
    assert await store.limbo(10) == []


async def test_without_a_setting_everything_is_kept(store, upkeep):
    await failed(store)
    await upkeep().round(datetime.now(UTC) + timedelta(days=36_500))
    assert (await store.message("A")).text == "hello"


async def test_what_an_endpoint_of_ours_was_not_told_stays_and_lost_dead_letters_are_told_of(store, upkeep, caplog):
    await failed(store)
    at = datetime.now(UTC) + timedelta(days=3)
    await store.outbox.claim("shop", owner="us", start=0, at=at, until=at)
    rounds = upkeep(events=1, messages=2, endpoints=(endpoints := {"shop"}))
    await rounds.round(at)
    events = await store.events("A")
    assert events
    endpoints.clear()
    await store.outbox.bury("shop", events[-1].id, attempts=1, reason="HTTP 500", at=at)
    await rounds.round(at)
    with pytest.raises(UnknownReference):
        await store.message("A")
    [told] = [record for record in caplog.records if record.message == "upkeep.dead_letters_deleted"]
    assert told.dead_letters == 1


async def test_texts_go_first_and_messages_later(store, upkeep):
    await failed(store)
    rounds = upkeep(texts=1, messages=2)
    await rounds.round(datetime.now(UTC) + timedelta(days=1, seconds=1))
    assert (await store.message("A")).text == ""
    await rounds.round(datetime.now(UTC) + timedelta(days=2, seconds=1))
    with pytest.raises(UnknownReference):
        await store.message("A")
