from __future__ import annotations

import asyncio

import pytest

from smpp_esme import LocalProtocolError, MoMessage, Profile, Receipt
from smpp_esme.client import subscribers
from smpp_esme.client.subscribers import Subscribers
from smpp_esme.protocol.commands import CommandStatus
from smpp_esme.protocol.parameters import EsmClass
from smpp_esme.protocol.pdus import DeliverSm
from smpp_esme.sms.segments import segment

NUMBER = "79161234567"
STANDARD = Profile.named("standard")
TEXT = "длинный текст " * 10
OK, LATER = CommandStatus.ESME_ROK, CommandStatus.ESME_RX_T_APPN


def segments(text=TEXT, reference=7, source=NUMBER):
    """The deliver_sm PDUs of a text, numbered from 1."""
    return [
        DeliverSm(
            sequence_number=number,
            source_addr=source,
            destination_addr="1234",
            esm_class=one.esm_class,
            data_coding=one.data_coding,
            short_message=one.short_message,
        )
        for number, one in enumerate(segment(text, STANDARD, reference=reference).segments, start=1)
    ]


class Session:
    """Notes the answers that it is given: sequence_number and status."""

    def __init__(self):
        self.answers = []

    def respond(self, request, response):
        self.answers.append((request.sequence_number, response.command_status))


class Body:
    """Reads messages, and is done with one when the test says so."""

    def __init__(self):
        self.session = Session()
        self.read = []
        self.subscribers = Subscribers(STANDARD, self.read.append)

    def take(self, *pdus):
        for pdu in pdus:
            assert self.subscribers.take(self.session, pdu) is None

    def end(self, status=OK):
        self.read[-1].answer(status)

    @property
    def texts(self):
        return [one.value.text for one in self.read]

    @property
    def answers(self):
        taken, self.session.answers = self.session.answers, []
        return sorted(taken)


@pytest.fixture
async def body():
    made = Body()
    yield made
    made.subscribers.end()


def now():
    return asyncio.get_running_loop().time()


async def test_a_message_of_one_pdu_is_the_callers(body):
    message = body.subscribers.take(body.session, DeliverSm(source_addr=NUMBER, short_message=b"hello"))
    assert (message.text, message.source_addr) == ("hello", NUMBER)
    assert body.answers == body.read == []


@pytest.mark.parametrize("status", [OK, LATER])
async def test_all_segments_are_answered_for_what_became_of_the_message(body, status):
    body.take(*reversed(segments()))
    assert body.texts == [TEXT]
    assert body.answers == []
    body.end(status)
    assert body.answers == [(1, status), (2, status), (3, status)]


async def test_a_segment_that_waits_too_long_is_left_to_the_smsc_and_what_it_said_is_kept(body):
    one, two, three = segments()
    body.take(one)
    body.subscribers.tick(now() + subscribers.HOLD - 1)
    assert body.answers == []
    body.subscribers.tick(now() + subscribers.HOLD + 1)
    assert body.answers == [(1, LATER)]
    body.take(two, three)
    assert body.texts == [TEXT]
    body.end()
    assert body.answers == [(2, OK), (3, OK)]
    body.take(one)
    assert body.answers == [(1, OK)]
    assert len(body.read) == 1


async def test_a_segment_that_comes_again_while_its_body_runs_is_answered_with_the_others(body):
    one, two, three = segments()
    body.take(one)
    body.subscribers.tick(now() + subscribers.HOLD + 1)
    body.take(two, three, one)
    assert body.answers == [(1, LATER)]
    body.end()
    assert body.answers == [(1, OK), (2, OK), (3, OK)]


async def test_a_message_whose_body_raised_is_read_again_when_its_segments_come_again(body):
    body.take(*segments())
    body.end(LATER)
    assert len(body.answers) == 3
    body.take(*segments())
    assert body.texts == [TEXT, TEXT]
    assert body.answers == []
    body.end()
    assert body.answers == [(1, OK), (2, OK), (3, OK)]


async def test_what_does_not_come_whole_is_handed_over_with_what_is_missing(body):
    one, _, three = segments()
    body.take(one, three)
    body.subscribers.tick(now() + subscribers.DEADLINE + 1)
    [incomplete] = body.read
    assert incomplete.value.missing == (2,)
    body.end()
    body.take(one)
    assert (1, OK) in body.answers
    assert len(body.read) == 1


async def test_another_message_under_the_same_reference_is_another_message(body):
    other = "другой текст, но тоже длинный " * 5
    body.take(*segments())
    body.end()
    body.take(*segments(other))
    assert body.texts == [TEXT, other]
    body.end()
    assert [status for _, status in body.answers] == [OK] * 6


async def test_a_reference_that_is_used_again_too_soon_hands_over_what_there_was(body):
    other = "другой текст, но тоже длинный " * 5
    body.take(segments()[0], *segments(other))
    assert [one.value.is_complete for one in body.read] == [False, True]
    assert body.texts[1] == other


async def test_texts_of_different_subscribers_do_not_mix(body):
    pairs = zip(segments(), segments(source="79167654321"), strict=True)
    body.take(*(one for pair in pairs for one in pair))
    assert [one.value.source_addr for one in body.read] == [NUMBER, "79167654321"]


async def test_when_nobody_reads_any_more_what_is_not_whole_is_left_to_the_smsc(body):
    body.take(*segments()[:2])
    body.subscribers.close()
    assert body.answers == [(1, LATER), (2, LATER)]
    body.take(*segments())
    assert body.texts == [TEXT]


async def test_what_has_ended_is_forgotten_in_time_and_is_never_too_much(body, monkeypatch):
    monkeypatch.setattr(subscribers, "REMEMBERED", 3)
    for reference in range(10):
        body.take(*segments(reference=reference))
        body.end()
    body.subscribers.tick(now())
    assert len(body.subscribers) == 3
    body.subscribers.tick(now() + subscribers.DEADLINE + 1)
    assert len(body.subscribers) == 0


# Through the client


def delivering(*pdus):
    def answer(own, request):
        for pdu in pdus:
            own.deliver(pdu)
        own.respond(request, message_id="1")

    return answer


async def test_a_message_is_answered_when_the_body_is_done_with_it(connected):
    esme, own = await connected(delivering(DeliverSm(source_addr=NUMBER, short_message=b"hello")))
    async with asyncio.timeout(10), esme.messages() as messages:
        await esme.submit(NUMBER, "now")
        async for message in messages:
            assert isinstance(message, MoMessage)
            assert message.text == "hello"
            assert own.answers == []
            break
    await esme.submit(NUMBER, "to see the answer out")
    assert own.answers[0].command_status == OK


async def test_a_message_whose_body_raises_is_left_to_the_smsc(connected):
    esme, own = await connected(delivering(DeliverSm(source_addr=NUMBER, short_message=b"hello")))

    async def failing():
        async with esme.messages() as messages:
            await esme.submit(NUMBER, "now")
            async for _ in messages:
                _ = 1 / 0

    with pytest.raises(ZeroDivisionError):
        await failing()
    await esme.submit(NUMBER, "to see the answer out")
    assert own.answers[0].command_status == LATER


async def test_a_long_message_is_read_whole(connected):
    esme, own = await connected(delivering(*segments()))
    async with asyncio.timeout(10), esme.messages() as messages:
        await esme.submit(NUMBER, "now")
        assert (await anext(messages)).text == TEXT
    await esme.submit(NUMBER, "to see the answer out")
    assert [one.command_status for one in own.answers[:3]] == [OK] * 3


async def test_one_loop_may_read_both_receipts_and_messages(connected):
    receipt = DeliverSm(
        source_addr=NUMBER, esm_class=EsmClass.DELIVERY_RECEIPT, short_message=b"id:1 stat:DELIVRD err:000"
    )
    esme, _ = await connected(delivering(receipt, DeliverSm(source_addr=NUMBER, short_message=b"hello")))
    async with asyncio.timeout(10), esme.deliveries() as deliveries:
        await esme.submit(NUMBER, "now")
        assert [type(await anext(deliveries)) for _ in range(2)] == [Receipt, MoMessage]


@pytest.mark.parametrize(("first", "second"), [("receipts", "deliveries"), ("deliveries", "messages")])
async def test_what_is_read_already_is_read_by_no_second_loop(connected, first, second):
    esme, _ = await connected(delivering())
    async with getattr(esme, first)():
        with pytest.raises(LocalProtocolError, match="reader already"):
            async with getattr(esme, second)():
                pytest.fail("two loops read")


async def test_receipts_and_messages_may_be_read_by_two_loops(connected):
    esme, _ = await connected(delivering())
    async with esme.receipts(), esme.messages():
        assert await esme.submit(NUMBER, "hello")


async def test_a_mistake_with_one_delivery_is_told_and_costs_that_one_alone(connected, monkeypatch):
    told = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context["exception"]))
    esme, own = await connected(delivering(DeliverSm(source_addr=NUMBER, short_message=b"hello")))
    monkeypatch.setattr("smpp_esme.client.inbox.receipts.parse", lambda *_: 1 / 0)
    assert await esme.submit(NUMBER, "one")
    monkeypatch.undo()
    assert await esme.submit(NUMBER, "two")
    assert [type(error) for error in told] == [ZeroDivisionError]
    assert own.answers[0].command_status == LATER
