from __future__ import annotations

import asyncio
import contextlib

import msgspec
import pytest

import smpp_esme
from smpp_esme import (
    AgainstTheRules,
    Call,
    InvalidValue,
    MtMessage,
    Profile,
    Refused,
    Sms,
    Soc,
    SubmitRefused,
    Submitted,
    Timers,
)
from smpp_esme.session.events import RuleBroken

NUMBER, OTHER = "79161234567", "79031234567"
LONG = "x" * 400
STRICT = msgspec.structs.replace(
    Profile.named("standard"), duplicates_refused_for=60.0, flood_limit=3, flood_gap=30.0, segments_within=60.0
)
REFUSE = {"repeat": "refuse", "flood": "refuse", "segments": "refuse"}
DELAY = {"repeat": "delay", "flood": "delay", "segments": "delay"}


@pytest.fixture
def connected(virtual_time, smsc):
    def connect(rules, **options):
        return smpp_esme.connect(smsc.url, profile=STRICT, rules=rules, **options)

    return connect


async def told(watch):
    async for event in watch:
        if isinstance(event, RuleBroken):
            return event
    raise AssertionError("nothing was told")


async def test_a_repeat_is_refused_before_the_wire_and_the_reason_told(smsc, connected):
    async with connected(REFUSE) as esme:
        watch = esme.events()
        await esme.submit(NUMBER, "hello")
        with pytest.raises(AgainstTheRules, match="the same text went to this number 0 s ago"):
            await esme.submit("+7 916 123-45-67", "hello")
        event = await told(watch)
        assert (event.action, NUMBER in event.reason, "hello" in event.reason) == ("refuse", False, False)
        await esme.submit(OTHER, "hello")
        await esme.submit(NUMBER, "hello again")
    assert smsc.counts.submits == 3


async def test_a_repeat_waits_until_it_is_none(virtual_time, smsc, connected):
    async with connected(DELAY) as esme:
        began = virtual_time.time()
        await esme.submit(NUMBER, "hello")
        watch = esme.events()
        await esme.submit(NUMBER, "hello")
        assert 60 <= virtual_time.time() - began < 61
        assert (await told(watch)).action == "delay"
    assert smsc.counts.submits == 2


async def test_by_default_a_repeat_goes_and_is_told_of(smsc, connected):
    async with connected({}) as esme:
        watch = esme.events()
        for _ in range(2):
            await esme.submit(NUMBER, "hello")
        assert (await told(watch)).action == "pass"
    assert smsc.counts.submits == 2


async def test_contents_of_another_kind_or_with_other_fields_are_no_repeats(smsc, virtual_time):
    profile = msgspec.structs.replace(Profile.named("smsc-centre"), duplicates_refused_for=60.0)
    async with smpp_esme.connect(smsc.url, profile=profile, rules=REFUSE) as esme:
        for content in ("a", Call("a"), Soc("a"), Soc("b")):
            await esme.submit(NUMBER, content)
        with pytest.raises(AgainstTheRules):
            await esme.submit(NUMBER, Soc("b"))
        with pytest.raises(AgainstTheRules):
            await esme.submit(NUMBER, Sms("a"))


async def test_what_the_smsc_refused_may_be_tried_again(smsc, connected):
    smsc.script.refuse("ESME_RSYSERR", times=1)
    async with connected(REFUSE) as esme:
        with pytest.raises(SubmitRefused):
            await esme.submit(NUMBER, "hello")
        await esme.submit(NUMBER, "hello")


async def test_what_is_cancelled_while_it_is_held_does_not_count(smsc, connected):
    async with connected(DELAY) as esme:
        await esme.submit(NUMBER, "hello")
        held = asyncio.ensure_future(esme.submit(NUMBER, "hello"))
        await asyncio.sleep(30)
        held.cancel()
        with pytest.raises(asyncio.CancelledError):
            await held
        await asyncio.sleep(31)
        await asyncio.wait_for(esme.submit(NUMBER, "hello"), 1)
    assert smsc.counts.submits == 2


async def test_a_flood_is_refused_until_there_was_a_gap(smsc, connected):
    async with connected(REFUSE) as esme:
        for number in range(3):
            await esme.submit(NUMBER, f"text {number}")
        with pytest.raises(AgainstTheRules, match="3 messages went to this number"):
            await esme.submit(NUMBER, "one more")
        await asyncio.sleep(31)
        await esme.submit(NUMBER, "one more")


async def test_segments_that_cannot_leave_in_time_are_not_begun(smsc, connected):
    async with connected({}, throughput=0.01) as esme:
        with pytest.raises(AgainstTheRules, match="3 segments would take 200 s"):
            await esme.submit(NUMBER, LONG)
        [outcome] = [one async for one in esme.submit_many([MtMessage(NUMBER, LONG)])]
        assert isinstance(outcome.error, AgainstTheRules)
    assert smsc.counts.submits == 0


@pytest.mark.parametrize("bulk", [False, True])
async def test_segments_that_have_become_late_do_not_follow(smsc, connected, bulk):
    smsc.script.delay(61.0, times=1)
    async with connected({}, timers=Timers(response=120.0)) as esme:
        if bulk:
            [outcome] = [one async for one in esme.submit_many([MtMessage(NUMBER, LONG)])]
            assert (type(outcome), len(outcome.message_ids)) == (Refused, 1)
            assert isinstance(outcome.error, AgainstTheRules)
        else:
            with pytest.raises(AgainstTheRules, match="its first segment left 61 s ago"):
                await esme.submit(NUMBER, LONG)
        await esme.submit(OTHER, "the turn was given back")
    assert smsc.counts.submits == 2


def texts(*written):
    return [MtMessage(NUMBER, text, client_reference=at) for at, text in enumerate(written)]


async def test_many_with_repeats_that_are_refused(smsc, connected):
    async with connected(REFUSE) as esme:
        outcomes = {one.message.client_reference: one async for one in esme.submit_many(texts("a", "b", "a", "a"))}
    assert [type(outcomes[at]) for at in range(4)] == [Submitted, Submitted, Refused, Refused]
    assert isinstance(outcomes[2].error, AgainstTheRules)
    assert smsc.counts.submits == 2


async def test_many_with_repeats_that_wait_hold_up_nobody_else(virtual_time, smsc, connected):
    async with connected(DELAY | {"flood": "pass"}) as esme:
        began, ended = virtual_time.time(), []
        async for outcome in esme.submit_many(texts("a", "a", "a", "b")):
            assert isinstance(outcome, Submitted)
            ended.append((outcome.message.client_reference, round(virtual_time.time() - began)))
    assert [seconds for _, seconds in ended] == [0, 0, 60, 120]
    assert {reference for reference, _ in ended[:2]} == {0, 3}


async def test_of_many_what_the_smsc_refused_may_be_tried_again(smsc, connected):
    smsc.script.refuse("ESME_RSYSERR", times=1)
    async with connected(REFUSE) as esme:
        assert [type(one) async for one in esme.submit_many(texts("a"))] == [Refused]
        assert [type(one) async for one in esme.submit_many(texts("a"))] == [Submitted]


async def test_leaving_the_loop_forgets_what_is_held(smsc, connected):
    async with connected(DELAY) as esme:
        outcomes = esme.submit_many(texts("a", "a"))
        async for _ in outcomes:
            break
        await outcomes.aclose()
        await asyncio.sleep(120)
    assert smsc.counts.submits == 1


async def test_what_is_held_when_the_esme_is_closed_was_not_submitted(smsc, connected):
    async with connected(DELAY) as esme:
        outcomes = esme.submit_many(texts("a", "a"))
        await anext(outcomes)
    [refused] = [one async for one in outcomes_of(outcomes)]
    assert isinstance(refused, Refused)
    assert smsc.counts.submits == 1


async def outcomes_of(outcomes):
    try:
        async for one in outcomes:
            yield one
    except smpp_esme.SessionClosed:
        pass


@pytest.mark.parametrize(("rules", "field"), [({"repeats": "pass"}, "rules"), ({"repeat": "wait"}, "rules.repeat")])
async def test_a_rule_that_is_none_is_refused(smsc, rules, field):
    with pytest.raises(InvalidValue) as refused:
        async with smpp_esme.connect(smsc.url, rules=rules):
            pytest.fail("connected")
    assert refused.value.field == field


async def test_what_was_never_sent_is_no_repeat(smsc, connected):
    messages = [MtMessage(number, "hello") for number in (NUMBER, OTHER)]
    async with connected(REFUSE, throughput=1) as esme:
        async with contextlib.aclosing(esme.submit_many(messages)) as outcomes:
            assert isinstance(await anext(outcomes), Submitted)
        assert smsc.counts.submits == 1  # the pace held the second back
        with pytest.raises(AgainstTheRules):
            await esme.submit(NUMBER, "hello")
        await esme.submit(OTHER, "hello")
