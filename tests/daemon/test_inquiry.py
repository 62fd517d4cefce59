"""What the SMSC says when it is asked, and what it takes back: over real sockets."""

from datetime import UTC, datetime, timedelta

import pytest

from smpp_esme.daemon.inquiry import _state
from smpp_esme.errors import SessionClosed, UnknownReference
from smpp_esme.message.status import MessageStatus as Status
from smpp_esme.protocol.commands import CommandStatus
from smpp_esme.protocol.parameters import MessageState
from smpp_esme.protocol.pdus import GenericNack, QuerySmResp

TO = "+79161234567"
LONG = "x" * 300  # two segments

on_the_way = pytest.mark.smsc(receipt_delay=3600.0)
settled = pytest.mark.smsc(receipt_delay=0.0)


@pytest.fixture
async def submitted(start, smsc, store):
    """A daemon, and a message that the SMSC has and sends no receipt of."""

    async def made(text="hello", **link):
        smsc.script.receipt_never()
        daemon = await start(**link)
        message = await daemon.submit(TO, text)
        await store.until_all(Status.SUBMITTED)
        return daemon, message.reference

    return made


async def decided(store, reference):
    return {event.detail["decided"] for event in await store.events(reference) if "decided" in event.detail}


@settled
@pytest.mark.parametrize("text", ["hello", LONG])
async def test_a_verdict_whose_receipt_never_came_is_asked_for(submitted, store, text):
    daemon, reference = await submitted(text)
    message, replies = await daemon.service.gateway.query(reference)
    assert message.status is Status.DELIVERED
    assert [one.segment for one in replies] == [1, 2][: len(message.segments)]
    assert {(one.command_status, one.message_state) for one in replies} == {("ESME_ROK", "DELIVERED")}
    assert await decided(store, reference) == {"query_sm"}
    assert (await store.events(reference))[-1].status is Status.DELIVERED


@on_the_way
async def test_a_message_that_is_on_its_way_stays_where_it_is(submitted, store):
    daemon, reference = await submitted()
    message, [reply] = await daemon.service.gateway.query(reference)
    assert (message.status, reply.message_state) == (Status.SUBMITTED, "ENROUTE")
    assert await decided(store, reference) == set()


@pytest.mark.smsc(receipt_delay=0.0, keep=1)
async def test_what_the_smsc_does_not_know_stays_where_it_is(submitted, store):
    daemon, reference = await submitted()
    await daemon.submit(TO, "the only one that it keeps")
    await store.until(lambda found: len(found) == 2 and found[1].status is Status.SUBMITTED)
    message, [reply] = await daemon.service.gateway.query(reference)
    assert (message.status, reply.command_status) == (Status.SUBMITTED, "ESME_RQUERYFAIL")


@settled
async def test_what_is_overdue_is_asked_about_once(submitted, store):
    daemon, reference = await submitted(query_after=60.0)
    inquiry = daemon.service._lines["main"]._inquiry
    now = datetime.now(UTC)
    await inquiry.round(now)
    assert (await store.message(reference)).status is Status.SUBMITTED
    await inquiry.round(now + timedelta(days=4))  # the SMSC has forgotten it, and it is not asked
    assert (await store.message(reference)).status is Status.SUBMITTED


@settled
async def test_what_is_overdue_gets_its_verdict(submitted, store):
    daemon, reference = await submitted(query_after=60.0)
    inquiry = daemon.service._lines["main"]._inquiry
    await inquiry.round(datetime.now(UTC) + timedelta(seconds=90))
    assert (await store.message(reference)).status is Status.DELIVERED
    assert await decided(store, reference) == {"query_sm"}


@on_the_way
async def test_what_the_smsc_has_is_taken_back_by_it(submitted, store, smsc):
    daemon, reference = await submitted(LONG)
    message, replies = await daemon.service.gateway.cancel(reference)
    assert message.status is Status.DELETED
    assert [one.command_status for one in replies] == ["ESME_ROK", "ESME_ROK"]
    assert await decided(store, reference) == {"cancel_sm"}
    message, replies = await daemon.service.gateway.cancel(reference)
    assert (message.status, replies) == (Status.DELETED, [])


@settled
async def test_what_is_delivered_is_not_taken_back(submitted, store):
    daemon, reference = await submitted()
    message, [reply] = await daemon.service.gateway.cancel(reference)
    assert (message.status, reply.command_status) == (Status.SUBMITTED, "ESME_RCANCELFAIL")


async def test_what_is_queued_is_taken_back_and_never_sent(start, smsc, store, nobody):
    daemon = await start(bound=False, url=f"smpp://x@127.0.0.1:{nobody.getsockname()[1]}")
    kept = await daemon.submit(TO, "never")
    message, replies = await daemon.service.gateway.cancel(kept.reference)
    assert (message.status, replies) == (Status.CANCELLED, [])
    await daemon.stopped()
    second = await start()
    await second.submit(TO, "hello")
    await store.until_final()
    assert [smsc.count("never"), smsc.count("hello")] == [0, 1]


async def test_nothing_is_asked_of_a_link_that_is_not_bound(submitted, smsc):
    daemon, reference = await submitted()
    await daemon.stopped()
    with pytest.raises(SessionClosed, match="main is not bound"):
        await daemon.service.gateway.query(reference)
    with pytest.raises(SessionClosed, match="main is not bound"):
        await daemon.service.gateway.cancel(reference)


async def test_an_unknown_message_is_said_to_be_one(submitted):
    daemon, _ = await submitted()
    for ask in (daemon.service.gateway.query, daemon.service.gateway.cancel):
        with pytest.raises(UnknownReference):
            await ask("nobody")


@pytest.mark.parametrize(
    ("response", "state"),
    [
        (QuerySmResp(message_state=2), MessageState.DELIVERED),
        (QuerySmResp(message_state=MessageState.UNKNOWN), None),
        (QuerySmResp(message_state=200), None),
        (QuerySmResp(message_state=2, command_status=CommandStatus.ESME_RQUERYFAIL), None),
        (GenericNack(), None),
    ],
)
def test_what_an_answer_says(response, state):
    assert _state(response) is state


@settled
async def test_an_id_that_no_query_can_carry_keeps_nobody_from_being_asked_about(submitted, store, monkeypatch):
    daemon, odd = await submitted()
    even = (await daemon.submit(TO, "another")).reference
    await store.until_all(Status.SUBMITTED)
    inquiry = daemon.service._lines["main"]._inquiry
    found = [await store.message(reference) for reference in (odd, even)]
    found[0].segments[0].message_id = "\u00e9"

    async def overdue(*_args, **_options):
        return found, found[-1].id

    monkeypatch.setattr(inquiry._store.open_ends, "overdue", overdue)
    await inquiry.round(datetime.now(UTC))
    assert (await store.message(odd)).status is Status.SUBMITTED
    assert (await store.message(even)).status is Status.DELIVERED


@settled
@pytest.mark.parametrize(
    ("policy", "own", "asked"),
    [("query", None, True), ("hold", "query", True), ("hold", None, False), ("query", "hold", False)],
)
async def test_of_a_message_in_doubt_the_segments_with_an_id_are_asked_about(start, smsc, store, policy, own, asked):
    smsc.script.receipt_never()
    smsc.script.drop_response(times=1)
    daemon = await start(response_timeout=0.3, in_doubt=policy)
    kept = await daemon.submit(TO, LONG, resubmit=own)
    await store.until_all(Status.IN_DOUBT)
    inquiry, now = daemon.service._lines["main"]._inquiry, datetime.now(UTC)
    await inquiry.doubts(now)
    message = await store.message(kept.reference)
    assert message.status is Status.IN_DOUBT
    assert [one.status for one in message.segments] == [
        Status.IN_DOUBT,
        Status.DELIVERED if asked else Status.SUBMITTED,
    ]


@on_the_way
async def test_what_is_in_doubt_is_asked_about_now_and_then(start, smsc, store):
    smsc.script.drop_response(times=1)
    daemon = await start(response_timeout=0.3, in_doubt="query")
    await daemon.submit(TO, LONG)
    await store.until_all(Status.IN_DOUBT)
    inquiry, now, asked = daemon.service._lines["main"]._inquiry, datetime.now(UTC), []
    query = inquiry.query

    async def counted(message):
        asked.append(message.reference)
        return await query(message)

    inquiry.query = counted
    for seconds in (0, 15, 290, 301, 316):
        await inquiry.doubts(now + timedelta(seconds=seconds))
    assert len(asked) == 2
