from __future__ import annotations

import asyncio
import contextlib

import pytest

import smpp_esme
from smpp_esme import (
    InDoubt,
    InvalidValue,
    MtMessage,
    Refused,
    ResponseTimeout,
    SessionClosed,
    SubmitRefused,
    Submitted,
    Timers,
)

NUMBER, SILENT = "79161234567", "79161234007"
LONG = "я" * 150


def texts(*given):
    return [MtMessage(NUMBER, text) for text in given]


async def collected(esme, messages):
    return [outcome async for outcome in esme.submit_many(messages)]


async def collected_until(error, esme, messages):
    """The outcomes that came before this error."""
    outcomes = []

    async def collect():
        async for outcome in esme.submit_many(messages):
            outcomes.append(outcome)  # noqa: PERF401 - a comprehension would lose them with the error

    with pytest.raises(error):
        await collect()
    return outcomes


async def test_every_message_has_one_outcome_and_arrives(smsc, esme):
    messages = texts(*(f"number {number}" for number in range(300)))
    outcomes = await collected(esme, messages)
    assert {id(outcome.message) for outcome in outcomes} == {id(message) for message in messages}
    assert len(outcomes) == 300
    assert {type(outcome) for outcome in outcomes} == {Submitted}
    assert sorted(one.text for one in smsc.inbox(NUMBER)) == sorted(message.content for message in messages)


async def test_no_messages_have_no_outcomes(esme):
    assert await collected(esme, []) == []


async def test_the_segments_of_long_texts_stay_in_order_and_whole(smsc, esme):
    outcomes = await collected(esme, texts(*(f"{number} {LONG}" for number in range(40)), "short"))
    assert sorted(len(outcome.message_ids) for outcome in outcomes) == [1] + [3] * 40
    assert {one.text for one in smsc.inbox(NUMBER)} == {outcome.message.content for outcome in outcomes}


async def test_a_submitted_message_has_its_receipt(esme):
    [submitted] = await collected(esme, texts(LONG))
    assert (await submitted.receipt(timeout=10)).stat == "DELIVRD"
    assert submitted.is_final


async def test_what_is_refused_says_why_and_the_rest_goes_on(smsc, esme):
    smsc.script.refuse("ESME_RMSGQFUL", when=lambda pdu: pdu.short_message == b"two")
    outcomes = await collected(esme, [*texts("one", "two"), MtMessage("nobody", "three"), *texts("four")])
    refused = {outcome.message.content: outcome.error for outcome in outcomes if isinstance(outcome, Refused)}
    assert sorted(refused) == ["three", "two"]
    assert isinstance(refused["two"], SubmitRefused)
    assert refused["two"].retryable
    assert isinstance(refused["three"], InvalidValue)
    assert sorted(one.text for one in smsc.inbox(NUMBER)) == ["four", "one"]
    assert NUMBER not in repr(outcomes)


async def test_a_refused_segment_ends_its_message_and_tells_what_was_accepted(smsc, esme):
    smsc.script.refuse("ESME_RMSGQFUL", after=1, times=1)
    [refused] = await collected(esme, texts(LONG))
    assert isinstance(refused, Refused)
    assert len(refused.message_ids) == 1
    assert smsc.counts.submits == 2


async def test_what_is_not_answered_is_in_doubt(smsc):
    smsc.script.drop_response(times=1)
    async with smpp_esme.connect(smsc.url, timers=Timers(response=0.1)) as esme:
        outcomes = await collected(esme, texts("one", "two"))
    doubtful = [outcome for outcome in outcomes if isinstance(outcome, InDoubt)]
    assert [outcome.message.content for outcome in doubtful] == ["one"]
    assert isinstance(doubtful[0].error, ResponseTimeout)
    assert len(outcomes) == 2


async def test_it_reads_one_window_ahead_of_the_outcomes(smsc):
    read = 0

    def counting():
        nonlocal read
        for number in range(50):
            read += 1
            yield MtMessage(NUMBER, f"number {number}")

    async with smpp_esme.connect(smsc.url, window=5) as esme:
        taken = 0
        async for _ in esme.submit_many(counting()):
            assert read - taken <= 5
            taken += 1
    assert taken == read == 50


async def test_messages_may_come_one_by_one_from_an_asynchronous_iterable(smsc, esme):
    async def slowly():
        for number in range(5):
            await asyncio.sleep(0)
            yield MtMessage(NUMBER, f"number {number}", client_reference=number)

    outcomes = await collected(esme, slowly())
    assert sorted(outcome.message.client_reference for outcome in outcomes) == list(range(5))
    assert [task for task in asyncio.all_tasks() if task.get_name() == "smpp_esme.submit_many"] == []


async def test_an_outcome_does_not_wait_for_the_next_message(smsc, esme):
    given, first = asyncio.Event(), asyncio.Event()

    async def two():
        yield MtMessage(NUMBER, "one")
        first.set()
        await given.wait()
        yield MtMessage(NUMBER, "two")

    outcomes = esme.submit_many(two())
    assert (await anext(outcomes)).message.content == "one"
    assert first.is_set()
    given.set()
    assert (await anext(outcomes)).message.content == "two"
    with pytest.raises(StopAsyncIteration):
        await anext(outcomes)


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_what_the_messages_raise_comes_out_after_the_outcomes(esme, asynchronous):
    def failing():
        yield MtMessage(NUMBER, "one")
        raise ZeroDivisionError

    async def failing_later():
        for message in failing():
            yield message

    outcomes = await collected_until(ZeroDivisionError, esme, failing_later() if asynchronous else failing())
    assert [type(outcome) for outcome in outcomes] == [Submitted]


async def test_what_is_no_message_is_said_to_be_none(esme):
    with pytest.raises(TypeError, match="MtMessage, not str"):
        await collected(esme, ["hello"])


async def test_a_cut_leaves_what_was_sent_in_doubt_and_the_rest_goes_over_the_next_session(smsc, quick):
    smsc.script.close_after(10)
    async with smpp_esme.connect(smsc.url, window=20, **quick) as esme:
        outcomes = await collected(esme, texts(*map(str, range(100))))
    assert len(outcomes) == 100
    doubtful = [outcome for outcome in outcomes if isinstance(outcome, InDoubt)]
    assert 0 < len(doubtful) <= 20
    assert {type(outcome.error) for outcome in doubtful} == {SessionClosed}
    submitted = {outcome.message.content for outcome in outcomes if isinstance(outcome, Submitted)}
    assert len(submitted) == 100 - len(doubtful)
    assert submitted <= {one.text for one in smsc.inbox(NUMBER)}


async def test_a_text_whose_session_is_cut_between_segments_goes_on_over_the_next(connected, quick):
    seen = []

    def answer(own, request):
        seen.append(own.session)
        own.respond(request, message_id=str(len(seen)))
        if len(seen) == 1:
            asyncio.get_running_loop().call_soon(own.session.abort, "cut")

    esme, _ = await connected(answer, **quick)
    [outcome] = await collected(esme, texts(LONG))
    if isinstance(outcome, Submitted):
        assert outcome.message_ids == ("1", "2", "3")
        assert len(set(seen)) == 2
    else:  # the second segment was on its way when the session was cut
        assert isinstance(outcome, InDoubt)
        assert outcome.message_ids == ("1",)


async def test_the_end_of_the_esme_leaves_the_rest_unread_and_tells_what_was_not_sent(smsc):
    read = []

    def counting():
        for number in range(1000):
            read.append(number)
            yield MtMessage(NUMBER, f"number {number}")

    async with smpp_esme.connect(smsc.url, window=5) as esme:
        many = esme.submit_many(counting())
        outcomes = [await anext(many)]

    async def rest():
        async for outcome in many:
            outcomes.append(outcome)  # noqa: PERF401 - a comprehension would lose them with the error

    with pytest.raises(SessionClosed):
        await rest()
    assert len(outcomes) == len(read) < 1000


async def test_a_throughput_holds_for_a_bulk_run(smsc):
    async with smpp_esme.connect(smsc.url, throughput=100) as esme:
        began = asyncio.get_running_loop().time()
        outcomes = await collected(esme, texts(*map(str, range(40))))
        assert asyncio.get_running_loop().time() - began > 0.25  # 40 at 100 a second, but for the first 10
    assert {type(outcome) for outcome in outcomes} == {Submitted}


async def test_a_single_submit_overtakes_a_bulk_run(smsc):
    async with smpp_esme.connect(smsc.url, throughput=50, window=5) as esme:
        run = asyncio.ensure_future(collected(esme, texts(*map(str, range(40)))))
        await smsc.until(lambda smsc: smsc.counts.submits >= 5)
        await esme.submit(NUMBER, "single")
        assert not run.done()
        await run
    arrived = [one.text for one in smsc.inbox(NUMBER)]
    assert arrived.index("single") < 15


async def test_leaving_the_loop_early_stops_reading_and_sending(smsc, esme):
    async with contextlib.aclosing(esme.submit_many(texts(*map(str, range(1000))))) as outcomes:
        async for _ in outcomes:
            break
    submitted = await esme.submit(NUMBER, "the session goes on")
    assert submitted.message_ids
    assert smsc.counts.submits <= 201


async def test_cancelling_stops_it_and_the_session_goes_on(smsc):
    smsc.script.delay(3600.0, times=1)

    async def endless():
        yield MtMessage(NUMBER, "never answered")
        await asyncio.Event().wait()

    # What is never answered would be waited for at the end.
    async with smpp_esme.connect(smsc.url, profile=smsc.profile, drain=0.0) as esme:
        task = asyncio.ensure_future(collected(esme, endless()))
        await smsc.until(lambda smsc: smsc.counts.submits == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await esme.submit(NUMBER, "hello")
        assert esme._correlation._expected == 0


async def test_two_runs_and_single_submits_share_one_window(smsc):
    async with smpp_esme.connect(smsc.url, window=3) as esme:
        runs = [collected(esme, texts(*(f"{run} {number}" for number in range(50)))) for run in "ab"]
        *outcomes, single = await asyncio.gather(*runs, esme.submit(NUMBER, "single"))
    assert [len(one) for one in outcomes] == [50, 50]
    assert len(smsc.inbox(NUMBER)) == 101
    assert single.message_ids


async def test_every_place_that_an_answer_frees_is_taken_at_once(smsc):
    async with smpp_esme.connect(smsc.url, profile=smsc.profile, window=100, drain=0.0) as esme:
        smsc.script.delay(3600.0, after=5, times=100)  # five are answered, fewer than a batch, and then nobody is
        running = asyncio.ensure_future(collected(esme, texts(*(f"number {number}" for number in range(200)))))
        async with asyncio.timeout(20):
            await smsc.until(lambda smsc: smsc.counts.submits == 105)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("to", {"to": 79161234567}),
        ("to", {"to": None}),
        ("content", {"content": None}),
        ("content", {"content": b"bytes"}),
        ("source", {"source": 5}),
        ("SubmitSm.priority_flag", {"priority_flag": "high"}),
        ("SubmitSm.service_type", {"service_type": 7}),
        ("validity_period", {"validity_period": b"1"}),
        ("languages", {"languages": 5}),
        ("tlvs", {"tlvs": [1]}),
    ],
)
async def test_a_value_of_the_wrong_type_is_named_and_costs_no_other_its_outcome(smsc, esme, field, wrong):
    given = [
        MtMessage(NUMBER, "before"),
        MtMessage(**({"to": NUMBER, "content": "x"} | wrong)),
        MtMessage(NUMBER, "behind"),
    ]
    outcomes = await collected(esme, given)
    refused = [one for one in outcomes if isinstance(one, Refused)]
    assert [one.error.field for one in refused] == [field]
    assert [received.text for received in smsc.received] == ["before", "behind"]
