from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import msgspec
import pytest

from smpp_esme import CommandRefused, InvalidValue, Profile, Replacement
from smpp_esme.client.operations import cancel_of, queried, query_of, replace_of
from smpp_esme.protocol.commands import CommandStatus
from smpp_esme.protocol.parameters import MessageState
from smpp_esme.protocol.pdus import (
    RESPONSES,
    CancelSm,
    CancelSmResp,
    DataSm,
    GenericNack,
    QuerySm,
    QuerySmResp,
    ReplaceSm,
    ReplaceSmResp,
)
from smpp_esme.session.outcome import Awaited

NUMBER = "79161234567"
STANDARD = Profile.named("standard")
MULTI = msgspec.structs.replace(STANDARD, submit_multi=True)


def answering(response):
    requests = []

    def answer(own, request):
        requests.append(request)
        own.session.respond(request, response)

    return answer, requests


async def test_a_message_can_be_asked_after(connected):
    answer, requests = answering(
        QuerySmResp(message_id="7", final_date="260131235958000+", message_state=2, error_code=3)
    )
    esme, _ = await connected(answer)
    told = await esme.query("7", source="ACME")
    assert (told.message_id, told.message_state, told.error_code) == ("7", MessageState.DELIVERED, 3)
    assert told.final_date == datetime(2026, 1, 31, 23, 59, 58, tzinfo=UTC)
    [request] = requests
    assert isinstance(request, QuerySm)
    assert (request.message_id, request.source_addr, request.source_addr_ton) == ("7", "ACME", 5)


@pytest.mark.parametrize("final_date", ["", "not yet"])
def test_an_answer_without_a_date_or_with_a_state_nobody_knows_is_read(final_date):
    told = queried(QuerySmResp(message_id="7", final_date=final_date, message_state=99))
    assert (told.final_date, told.message_state) == (None, None)


ASKED = {
    "query": lambda esme: esme.query("7"),
    "cancel": lambda esme: esme.cancel("7"),
    "replace": lambda esme: esme.replace("7", "new"),
    "request": lambda esme: esme.request(DataSm(destination_addr=NUMBER)),
    "submit_multi": lambda esme: esme.submit_multi([NUMBER], "hello"),
}


class Kept:
    """Answers nothing, and keeps what was asked."""

    def __init__(self):
        self.requests = []
        self._came = asyncio.Event()

    def __call__(self, own, request):
        self.requests.append(request)
        self._came.set()

    async def asked(self, count):
        async with asyncio.timeout(10):
            while len(self.requests) < count:
                self._came.clear()
                await self._came.wait()
        return self.requests[count - 1]


@pytest.mark.parametrize("operation", ASKED)
async def test_a_cancelled_call_that_has_left_leaves_the_session_as_it_was(connected, operation):
    kept = Kept()
    esme, own = await connected(kept, window=1, drain=0.0, profile=MULTI)
    call = asyncio.ensure_future(ASKED[operation](esme))
    await kept.asked(1)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    following = asyncio.ensure_future(esme.query("8"))  # has no room until the first is answered
    own.session.respond(kept.requests[0], RESPONSES[kept.requests[0].command_id]())
    await kept.asked(2)
    own.session.respond(kept.requests[1], QuerySmResp(message_id="8", message_state=2))
    assert (await following).message_id == "8"
    assert esme.is_bound


@pytest.mark.parametrize("operation", ASKED)
async def test_a_cancelled_call_that_has_not_left_never_leaves_and_gives_its_turn_to_the_next(connected, operation):
    kept = Kept()
    esme, own = await connected(kept, window=1, drain=0.0, profile=MULTI)
    first = asyncio.ensure_future(esme.query("1"))
    await kept.asked(1)
    call = asyncio.ensure_future(ASKED[operation](esme))
    await asyncio.sleep(0)
    last = asyncio.ensure_future(esme.query("2"))
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    for at, waiting in enumerate((first, last)):
        await kept.asked(at + 1)
        own.session.respond(kept.requests[at], QuerySmResp(message_id=kept.requests[at].message_id, message_state=2))
        await waiting
    assert [one.message_id for one in kept.requests] == ["1", "2"]


@pytest.mark.parametrize("operation", ASKED)
async def test_a_call_that_is_cancelled_as_its_turn_comes_gives_it_to_the_next(connected, operation):
    kept = Kept()
    esme, own = await connected(kept, window=1, drain=0.0, profile=MULTI)
    first = Awaited()
    esme._link.sessions[0].start(QuerySm(message_id="1"), first)
    call = asyncio.ensure_future(ASKED[operation](esme))
    await asyncio.sleep(0)
    last = asyncio.ensure_future(esme.query("2"))
    await asyncio.sleep(0)
    first.add_done_callback(lambda _: call.cancel())  # runs when the call's turn has come, and before it goes on
    await kept.asked(1)
    own.session.respond(kept.requests[0], QuerySmResp(message_id="1", message_state=2))
    await first
    with pytest.raises(asyncio.CancelledError):
        await call
    await kept.asked(2)
    own.session.respond(kept.requests[1], QuerySmResp(message_id="2", message_state=2))
    assert (await last).message_id == "2"
    assert [one.message_id for one in kept.requests] == ["1", "2"]


async def test_a_message_can_be_cancelled(connected):
    answer, requests = answering(CancelSmResp())
    esme, _ = await connected(answer)
    await esme.cancel("7", source="ACME")
    await esme.cancel(to=NUMBER, service_type="CMT")
    assert [type(one) for one in requests] == [CancelSm, CancelSm]
    assert [(one.message_id, one.destination_addr, one.service_type) for one in requests] == [
        ("7", "", ""),
        ("", NUMBER, "CMT"),
    ]


async def test_a_message_can_be_replaced(connected):
    answer, requests = answering(ReplaceSmResp())
    esme, _ = await connected(answer)
    await esme.replace("7", "new")
    await esme.replace("7", Replacement(text="новый", coding="ucs2", validity_period=60, registered_delivery=0))
    assert [type(one) for one in requests] == [ReplaceSm, ReplaceSm]
    assert [one.short_message for one in requests] == [b"new", "новый".encode("utf-16-be")]
    assert [(one.validity_period, one.registered_delivery) for one in requests] == [("", 1), ("000000000100000R", 0)]


async def test_a_validity_that_the_smsc_does_not_take_is_refused_in_a_replacement_too(connected):
    answer, requests = answering(ReplaceSmResp())
    esme, _ = await connected(answer, profile="smsc-centre")
    with pytest.raises(InvalidValue, match="validity_period: is 90000 seconds; up to 86400"):
        await esme.replace("7", Replacement(text="new", validity_period=90_000))
    assert requests == []


@pytest.mark.parametrize(
    "response",
    [
        QuerySmResp(command_status=CommandStatus.ESME_RQUERYFAIL),
        GenericNack(command_status=CommandStatus.ESME_RINVCMDID),
        GenericNack(),
    ],
)
async def test_a_refusal_says_what_was_refused(connected, response):
    esme, _ = await connected(answering(response)[0])
    with pytest.raises(CommandRefused, match="query_sm was refused") as refused:
        await esme.query("7")
    assert refused.value.command_status == response.command_status


@pytest.mark.parametrize(
    ("build", "field"),
    [
        (lambda: query_of("7", "a name that is too long", STANDARD), "source"),
        (lambda: cancel_of("", STANDARD, source="", to="", service_type=""), "message_id"),
        (lambda: replace_of("7", Replacement(text="a" * 161), STANDARD), "text"),
        (lambda: replace_of("7", Replacement(text="я"), STANDARD), "text"),
        (lambda: replace_of("7", Replacement(text="a", coding="klingon"), STANDARD), "coding"),
    ],
)
def test_what_cannot_be_asked_names_the_field(build, field):
    with pytest.raises(InvalidValue) as refused:
        build()
    assert refused.value.field == field


def test_a_replacement_is_written_as_the_smsc_wants_texts():
    packed = msgspec.structs.replace(STANDARD, packed=True, languages=("turkish",))
    assert replace_of("7", Replacement(text="Hello"), packed).short_message == bytes.fromhex("C8329BFD06")
    with pytest.raises(InvalidValue, match="only characters of the GSM 7-bit default alphabet"):
        replace_of("7", Replacement(text="ş"), packed)
    whole = msgspec.structs.replace(STANDARD, concatenation="payload")
    with pytest.raises(InvalidValue, match="at most 160 octets"):
        replace_of("7", Replacement(text="a" * 161), whole)


def test_a_replacement_does_not_show_its_text():
    assert "secret" not in repr(Replacement(text="a secret"))


async def test_any_request_may_be_sent_and_its_refusal_is_a_response(connected):
    esme, _ = await connected(answering(GenericNack(command_status=CommandStatus.ESME_RINVCMDID))[0])
    response = await esme.request(QuerySm(message_id="7"))
    assert isinstance(response, GenericNack)
