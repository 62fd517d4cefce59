from __future__ import annotations

import asyncio
from random import Random

import pytest

from smpp_esme.errors import (
    BindRefused,
    ConnectFailed,
    EncodingError,
    InvalidValue,
    LocalProtocolError,
    ResponseTimeout,
    SessionClosed,
)
from smpp_esme.protocol.codec import encode
from smpp_esme.protocol.commands import CommandStatus
from smpp_esme.protocol.pdus import (
    AlertNotification,
    BindTransceiver,
    BindTransceiverResp,
    DeliverSm,
    DeliverSmResp,
    EnquireLink,
    EnquireLinkResp,
    GenericNack,
    Outbind,
    SubmitSm,
    SubmitSmResp,
    Unbind,
    UnbindResp,
)
from smpp_esme.protocol.state import Role, State
from smpp_esme.protocol.timers import Timers
from smpp_esme.session import session as module
from smpp_esme.session.endpoint import Endpoint, parse_url
from smpp_esme.session.session import BURST, Session

PATIENCE = 10.0
SUBMIT = SubmitSm(destination_addr="79161234567", short_message=b"hello")
UNSENDABLE = SubmitSm(destination_addr="7" * 30)
BIND = BindTransceiver(system_id="acme", password="secret")


class Told:
    """An outcome that notes what it is told."""

    def __init__(self):
        self.answers, self.errors = [], []

    def answered(self, response):
        self.answers.append(response)

    def unanswered(self, error):
        self.errors.append(error)


def asking(session, pdu=SUBMIT):
    return asyncio.ensure_future(session.request(pdu))


async def ended(*tasks):
    """The results or exceptions of tasks that must not hang."""
    async with asyncio.timeout(PATIENCE):
        return await asyncio.gather(*tasks, return_exceptions=True)


# The window


async def test_a_request_gives_its_own_response_in_whatever_order_they_come(desk):
    tasks = [asking(desk.session) for _ in range(3)]
    requests = await desk.written()
    desk.bring(*[desk.answer(one, message_id=str(one.sequence_number)) for one in reversed(requests)])
    responses = await ended(*tasks)
    assert [one.message_id for one in responses] == [str(one.sequence_number) for one in requests]


@pytest.mark.parametrize("seed", range(5))
async def test_the_window_is_never_exceeded_and_all_are_answered_in_the_end(desk, seed):
    chance = Random(seed)
    tasks = [asking(desk.session) for _ in range(50)]
    outstanding, most = [], 0
    while not all(task.done() for task in tasks):
        outstanding += await desk.written()
        most = max(most, len(outstanding))
        chance.shuffle(outstanding)
        answered = chance.randint(1, len(outstanding))
        desk.bring(*[desk.answer(one, message_id="1") for one in outstanding[:answered]])
        del outstanding[:answered]
        await desk.turn()
    assert most == 3
    assert all(task.result().message_id == "1" for task in tasks)


async def test_a_start_past_the_window_is_refused_and_nothing_is_sent(desk):
    for _ in range(3):
        desk.session.start(SUBMIT, Told())
    with pytest.raises(LocalProtocolError, match="window of 3 is full"):
        desk.session.start(SUBMIT, Told())
    assert len(await desk.written()) == 3


async def test_requests_leave_in_the_order_in_which_they_waited(desk):
    tasks = [asking(desk.session, SubmitSm(short_message=b"%d" % number)) for number in range(9)]
    texts = []
    while len(texts) < 9:
        requests = await desk.written()
        texts += [one.short_message for one in requests]
        desk.bring(*[desk.answer(one) for one in requests])
    await ended(*tasks)
    assert texts == [b"%d" % number for number in range(9)]


async def test_room_is_told_as_soon_as_there_is_some(bound):
    desk = await bound(window=2)
    assert await desk.session.room() == 2
    tasks = [asking(desk.session), asking(desk.session)]
    requests = await desk.written()
    waiting = asyncio.ensure_future(desk.session.room())
    await desk.turn()
    assert not waiting.done()
    desk.bring(desk.answer(requests[0]))
    assert await ended(waiting) == [1]
    desk.bring(desk.answer(requests[1]))
    await ended(*tasks)


@pytest.mark.parametrize("after", [False, True], ids=["before the wake-up", "after the wake-up"])
async def test_the_room_of_a_waiter_that_was_cancelled_goes_to_the_next(bound, after):
    desk = await bound(window=1)
    first = asking(desk.session)
    [request] = await desk.written()
    cancelled, next_one = asyncio.ensure_future(desk.session.room()), asyncio.ensure_future(desk.session.room())
    await desk.turn()
    if not after:
        cancelled.cancel()
    desk.bring(desk.answer(request))
    if after:
        cancelled.cancel()
    assert (await ended(next_one, first))[0] == 1
    assert cancelled.cancelled()


async def test_the_room_of_a_request_that_could_not_be_written_goes_to_the_next(bound):
    desk = await bound(window=1)
    first = asking(desk.session)
    [request] = await desk.written()
    unsendable, next_one = asking(desk.session, UNSENDABLE), asking(desk.session)
    await desk.turn()
    desk.bring(desk.answer(request))
    [request] = await desk.written()
    desk.bring(desk.answer(request, message_id="2"))
    _, refused, response = await ended(first, unsendable, next_one)
    assert isinstance(refused, EncodingError)
    assert response.message_id == "2"


async def test_a_cancelled_request_that_waits_for_room_never_leaves(bound):
    desk = await bound(window=1)
    first, second = asking(desk.session), asking(desk.session)
    [request] = await desk.written()
    second.cancel()
    desk.bring(desk.answer(request))
    assert await desk.written() == []
    await ended(first, second)
    assert desk.session.connection.outstanding == 0


async def test_a_cancelled_request_that_left_keeps_its_place_until_it_is_answered(bound):
    desk = await bound(window=1)
    task = asking(desk.session)
    [request] = await desk.written()
    task.cancel()
    await desk.turn()
    assert desk.session.connection.room == 0
    desk.bring(desk.answer(request))
    await desk.turn()
    assert desk.session.connection.room == 1
    assert task.cancelled()


# Time


async def test_a_missing_response_is_told_and_the_session_goes_on(bound):
    desk = await bound(window=1, timers=Timers(response=60.0, enquire_link=0.0))
    late, next_one = asking(desk.session), asking(desk.session)
    [request] = await desk.written()
    desk.pass_time(59.0)
    assert await desk.written() == []
    desk.pass_time(61.0)
    [error] = await ended(late)
    assert isinstance(error, ResponseTimeout)
    assert error.seconds == 60.0
    assert "whether the peer acted is unknown" in str(error)
    [second] = await desk.written()
    desk.bring(desk.answer(request, message_id="late"), desk.answer(second, message_id="in time"))
    [response] = await ended(next_one)
    assert response.message_id == "in time"
    assert desk.session.is_bound


async def test_one_timer_serves_all_requests(bound):
    desk = await bound(window=100, timers=Timers(response=0.01))
    tasks = [asking(desk.session) for _ in range(100)]
    assert all(isinstance(error, ResponseTimeout) for error in await ended(*tasks))
    assert desk.session.connection.room == 100


async def test_a_silent_peer_is_probed_and_then_given_up(bound):
    desk = await bound(timers=Timers(enquire_link=0.01, response=0.01))
    task = asking(desk.session)
    async with asyncio.timeout(PATIENCE):
        closed = await desk.session.wait_closed()
    assert [type(one) for one in await desk.written()] == [SubmitSm, EnquireLink]
    assert (closed.reason, closed.orderly) == ("no response to EnquireLink", False)
    assert isinstance((await ended(task))[0], ResponseTimeout | SessionClosed)
    assert desk.wire.ended == "closed"


async def test_a_peer_that_answers_the_probe_is_kept(bound):
    desk = await bound(timers=Timers(enquire_link=0.01, response=5.0))
    for _ in range(3):
        async with asyncio.timeout(PATIENCE):
            await desk.wire.wrote.wait()
        [probe] = await desk.written()
        assert isinstance(probe, EnquireLink)
        desk.bring(desk.answer(probe))
    assert desk.session.is_bound


async def test_who_never_binds_is_shown_out(unbound):
    desk = unbound(role=Role.SMSC, timers=Timers(session_init=0.01))
    async with asyncio.timeout(PATIENCE):
        assert (await desk.session.wait_closed()).reason == "the session was not bound in time"
    await desk.turn()
    assert desk.wire.ended == "closed"


async def test_no_timer_is_left_behind_when_the_session_is_over(desk):
    asking(desk.session).add_done_callback(lambda task: task.exception())
    await desk.turn()
    assert desk.session._timer is not None
    desk.session.abort()
    await desk.turn()
    assert desk.session._timer is None


# The end


ENDINGS = {
    "we abort": lambda desk: desk.session.abort("enough"),
    "the connection is lost": lambda desk: desk.session.connection_lost(ConnectionResetError("reset")),
    "the peer closes": lambda desk: desk.session.connection_lost(None),
    "the peer unbinds": lambda desk: desk.bring(Unbind(77)),
    "the stream breaks": lambda desk: desk.session.data_received(b"\xff" * 16),
}


@pytest.mark.parametrize("ending", ENDINGS)
async def test_every_outstanding_request_is_told_of_the_end_exactly_once(desk, ending):
    outcomes = [Told() for _ in range(3)]
    for outcome in outcomes:
        desk.session.start(SUBMIT, outcome)
    waiting = [asking(desk.session), asyncio.ensure_future(desk.session.room())]
    reader = asyncio.ensure_future(desk.session.requests())
    await desk.turn()
    ENDINGS[ending](desk)
    desk.session.abort("again")
    desk.session.connection_lost(None)
    desk.session.data_received(b"".join(encode(SubmitSmResp(number)) for number in (2, 3, 4)))
    errors = await ended(*waiting, reader)
    errors += [error for outcome in outcomes for error in outcome.errors]
    assert [type(error) for error in errors] == [SessionClosed] * 6
    assert len({str(error) for error in errors}) == 1
    assert not any(outcome.answers for outcome in outcomes)


async def test_a_session_that_is_over_refuses_everything(desk):
    desk.session.abort("enough")
    for attempt in (lambda: desk.session.request(SUBMIT), desk.session.room, desk.session.requests):
        with pytest.raises(SessionClosed, match="enough"):
            async with asyncio.timeout(PATIENCE):
                await attempt()
    with pytest.raises(SessionClosed, match="enough"):
        desk.session.start(SUBMIT, Told())
    await desk.session.unbind()
    assert (await desk.session.wait_closed()).reason == "enough"


async def test_what_came_before_the_end_is_still_given(desk):
    desk.bring(DeliverSm(1), DeliverSm(2), Unbind(3))
    assert [one.sequence_number for one in await desk.session.requests()] == [1, 2]
    with pytest.raises(SessionClosed):
        await desk.session.requests()


async def test_an_answer_after_the_end_is_silently_too_late(desk):
    desk.bring(DeliverSm(1))
    [request] = await desk.session.requests()
    desk.session.abort()
    desk.session.respond(request, DeliverSmResp())
    assert await desk.written() == []


async def test_an_answer_to_something_else_is_refused(desk):
    desk.bring(DeliverSm(1))
    [request] = await desk.session.requests()
    with pytest.raises(LocalProtocolError):
        desk.session.respond(request, SubmitSmResp())


async def test_what_has_no_response_is_never_answered(desk):
    desk.bring(AlertNotification(1))
    [request] = await desk.session.requests()
    desk.session.respond(request, GenericNack(command_status=CommandStatus.ESME_RINVCMDID))
    assert await desk.written() == []


async def test_unbind_lets_what_is_outstanding_be_answered_first(desk):
    task = asking(desk.session)
    [request] = await desk.written()
    leaving = asyncio.ensure_future(desk.session.unbind())
    [unbind] = await desk.written()
    desk.bring(desk.answer(request, message_id="1"), desk.answer(unbind))
    response, _ = await ended(task, leaving)
    assert response.message_id == "1"
    assert (await desk.session.wait_closed()).orderly
    await desk.turn()
    assert desk.wire.ended == "closed"


async def test_once_we_unbind_nothing_more_is_sent(bound):
    desk = await bound(window=1)
    outstanding, waiting = asking(desk.session), asking(desk.session)
    await desk.written()
    leaving = [asyncio.ensure_future(desk.session.unbind()) for _ in range(2)]
    [unbind] = await desk.written()
    assert isinstance(unbind, Unbind)
    with pytest.raises(SessionClosed, match="being ended"):
        desk.session.start(SUBMIT, Told())
    with pytest.raises(SessionClosed, match="being ended"):
        async with asyncio.timeout(PATIENCE):
            await waiting  # it is told before the end
    desk.bring(desk.answer(unbind))
    error, *closed = await ended(outstanding, *leaving)
    assert type(error) is SessionClosed
    assert all(one.orderly and len(one.unanswered) == 1 for one in closed)


async def test_draining_waits_for_every_answer_before_it_unbinds(desk):
    outcomes = [Told(), Told()]
    for outcome in outcomes:
        desk.session.start(SUBMIT, outcome)
    requests = await desk.written()
    leaving = asyncio.ensure_future(desk.session.unbind(drain=True))
    assert await desk.written() == []
    with pytest.raises(SessionClosed, match="being ended"):
        desk.session.start(SUBMIT, Told())
    desk.bring(DeliverSm(9), *(desk.answer(one, message_id="1") for one in requests))
    [receipt] = await desk.session.requests()  # what comes meanwhile is still given, and can be answered
    desk.session.respond(receipt, DeliverSmResp())
    unbind, response = sorted(await desk.written(), key=lambda one: one.command_id)
    assert (type(unbind), type(response)) == (Unbind, DeliverSmResp)
    desk.bring(desk.answer(unbind))
    [closed] = await ended(leaving)
    assert (closed.orderly, closed.unanswered) == (True, [])
    assert all(len(outcome.answers) == 1 for outcome in outcomes)


async def test_draining_hands_back_what_is_not_answered_in_time(desk):
    outcome = Told()
    desk.session.start(SUBMIT, outcome)
    closed = await desk.session.unbind(drain=True, patience=0.05)
    assert [request for request, _ in closed.unanswered] == [SUBMIT]
    assert [type(error) for error in outcome.errors] == [SessionClosed]


async def test_a_request_without_a_response_is_refused_where_one_is_waited_for(unbound):
    desk = unbound(role=Role.SMSC)
    [error] = await ended(desk.session.request(Outbind(system_id="smsc")))
    assert isinstance(error, LocalProtocolError)
    with pytest.raises(LocalProtocolError, match="has no response"):
        desk.session.start(Outbind(system_id="smsc"), Told())
    assert await desk.written() == []


async def test_a_request_without_a_response_is_sent_and_nothing_is_outstanding(unbound):
    desk = unbound(role=Role.SMSC)
    desk.session.send(Outbind(system_id="smsc"))
    [outbind] = await desk.written()
    assert (outbind.system_id, desk.session.connection.outstanding) == ("smsc", 0)
    with pytest.raises(LocalProtocolError, match=r"use request"):
        desk.session.send(EnquireLink())


async def test_a_request_may_have_a_time_of_its_own(desk):
    slow, quick = Told(), Told()
    desk.session.start(SUBMIT, slow)
    desk.session.start(SUBMIT, quick, timeout=0.5)
    desk.pass_time(1.0)
    assert [type(error) for error in quick.errors] == [ResponseTimeout]
    assert slow.errors == []


async def test_the_peer_can_be_held_to_a_version(bound):
    desk = await bound(peer_version=0x33)
    assert desk.session.connection.version == 0x33


async def test_an_unbind_that_is_not_answered_ends_all_the_same(bound):
    desk = await bound(timers=Timers(response=0.01))
    async with asyncio.timeout(PATIENCE):
        await desk.session.unbind()
    assert not (await desk.session.wait_closed()).orderly


async def test_a_cancelled_unbind_ends_at_once(desk):
    leaving = asyncio.ensure_future(desk.session.unbind())
    await desk.written()
    leaving.cancel()
    await ended(leaving)
    assert leaving.cancelled()
    assert (await desk.session.wait_closed()).reason == "closed"
    await desk.turn()
    assert desk.wire.ended == "closed"


async def test_a_peer_that_unbinds_gets_its_answer_and_the_end(desk):
    desk.bring(Unbind(9))
    [response] = await desk.written()
    assert response == UnbindResp(9)
    closed = await desk.session.wait_closed()
    assert (closed.reason, closed.orderly) == ("the peer unbound", True)
    assert desk.wire.ended == "closed"


async def test_both_sides_may_unbind_at_once(desk):
    leaving = asyncio.ensure_future(desk.session.unbind())
    await desk.turn()
    desk.bring(Unbind(9))
    await ended(leaving)
    assert [type(one) for one in await desk.written()] == [Unbind, UnbindResp]
    assert (await desk.session.wait_closed()).orderly


# Reading and writing


async def test_what_is_asked_for_in_one_turn_leaves_in_one_write(bound):
    desk = await bound(window=100)
    tasks = [asking(desk.session) for _ in range(25)]
    desk.bring(*[DeliverSm(number) for number in range(1, 101)], EnquireLink(101))
    for request in await desk.session.requests():
        desk.session.respond(request, DeliverSmResp())
    await desk.turn()
    assert len(desk.wire.writes) == 1
    written = await desk.written()
    assert isinstance(written[0], EnquireLinkResp)
    assert len(written) == 126
    desk.bring(*[desk.answer(one) for one in written if isinstance(one, SubmitSm)])
    await ended(*tasks)


async def test_a_wide_window_does_not_leave_as_a_whole(bound):
    desk = await bound(window=4 * BURST)
    tasks = [asking(desk.session) for _ in range(4 * BURST)]
    await desk.turn()
    assert len(desk.wire.writes) in {4, 5}
    written = await desk.written()
    assert [one.sequence_number for one in written] == list(range(2, 4 * BURST + 2))
    desk.bring(*[desk.answer(one) for one in written])
    await ended(*tasks)


async def test_what_fails_within_a_turn_is_written_no_more_and_all_are_told(bound):
    desk = await bound(window=4 * BURST)
    told = [Told() for _ in range(4 * BURST)]
    write = desk.wire.write

    def fail(data):
        write(data)
        desk.wire.close()  # as a transport does by itself, whose connection_lost comes in the next turn

    desk.wire.write = fail
    desk.wire.writes.clear()
    for one in told:
        desk.session.start(SUBMIT, one)
    assert len(desk.wire.writes) == 1
    desk.session.connection_lost(ConnectionResetError())
    await desk.turn()
    assert [type(error) for one in told for error in one.errors] == [SessionClosed] * len(told)


async def test_nothing_is_written_where_there_is_nothing_to_say(desk):
    desk.bring(SubmitSmResp(55), EnquireLinkResp(56))
    await desk.turn()
    assert desk.wire.writes == []


async def test_enquire_link_is_answered_while_the_reader_is_busy(desk):
    desk.bring(DeliverSm(1))
    [busy_with] = await desk.session.requests()
    desk.bring(DeliverSm(2), EnquireLink(3))
    assert await desk.written() == [EnquireLinkResp(3)]
    desk.session.respond(busy_with, DeliverSmResp())
    assert await desk.written() == [DeliverSmResp(1)]
    assert [one.sequence_number for one in await desk.session.requests()] == [2]


async def test_octets_may_come_one_by_one(desk):
    task = asking(desk.session)
    [request] = await desk.written()
    whole = b"".join(
        encode(one) for one in (EnquireLink(7), desk.answer(request, message_id="42"), DeliverSm(8, short_message=b"x"))
    )
    for octet in whole:
        desk.session.data_received(bytes([octet]))
    assert await desk.written() == [EnquireLinkResp(7)]
    assert (await ended(task))[0].message_id == "42"
    assert [one.short_message for one in await desk.session.requests()] == [b"x"]


async def test_one_malformed_pdu_is_answered_and_counted_and_the_session_goes_on(desk, read_hex):
    malformed = read_hex("bad_short_message_past_the_end")
    desk.session.data_received(malformed + encode(DeliverSm(8)))
    assert [one.sequence_number for one in await desk.session.requests()] == [8]
    assert desk.session.errors == 1
    [answer] = await desk.written()
    assert answer.command_status


async def test_a_cancelled_reader_loses_nothing(desk):
    reader = asyncio.ensure_future(desk.session.requests())
    await desk.turn()
    desk.bring(DeliverSm(1))
    reader.cancel()
    await ended(reader)
    assert [one.sequence_number for one in await desk.session.requests()] == [1]


async def test_reading_stops_while_too_many_requests_wait(desk, monkeypatch):
    monkeypatch.setattr(module, "REQUEST_LIMIT", 3)
    desk.bring(DeliverSm(1), DeliverSm(2))
    assert desk.wire.reading
    desk.bring(DeliverSm(3), DeliverSm(4))
    assert not desk.wire.reading
    assert len(await desk.session.requests()) == 4
    assert desk.wire.reading


@pytest.mark.smsc(window=100)
async def test_reading_stops_and_goes_on_over_a_real_socket(smsc, monkeypatch):
    monkeypatch.setattr(module, "REQUEST_LIMIT", 3)
    session = await Session.connect(parse_url(smsc.url))
    await session.bind(BIND)
    async with asyncio.timeout(PATIENCE):
        deliveries = [
            asyncio.ensure_future(smsc.deliver(str(number), source="79161234567", destination="1234"))
            for number in range(20)
        ]
        taken = []
        while len(taken) < 20:
            for request in await session.requests():
                taken.append(request.short_message)
                session.respond(request, DeliverSmResp())
        await asyncio.gather(*deliveries)
    assert taken == [b"%d" % number for number in range(20)]
    await session.unbind()


async def test_while_the_peer_does_not_read_all_that_waits_is_kept_for_one_write(desk):
    desk.session.pause_writing()
    desk.session.start(SUBMIT, Told())
    desk.bring(EnquireLink(5))
    await desk.turn()
    assert desk.wire.writes == []
    desk.session.resume_writing()
    assert len(desk.wire.writes) == 1
    assert [type(one) for one in await desk.written()] == [EnquireLinkResp, SubmitSm]


async def test_the_end_does_not_wait_for_a_peer_that_does_not_read(desk):
    desk.session.pause_writing()
    desk.session.abort()
    await desk.turn()
    assert desk.wire.ended == "aborted"


async def test_a_peer_that_asks_and_never_reads_is_left(desk, monkeypatch):
    monkeypatch.setattr(module, "UNSENT_LIMIT", 10)
    desk.session.pause_writing()
    desk.bring(*[EnquireLink(number) for number in range(1, 11)])
    await desk.turn()
    assert desk.wire.ended == ""
    desk.bring(EnquireLink(11))
    await desk.turn()
    assert desk.wire.ended == "aborted"
    assert "does not read" in (await desk.session.wait_closed()).reason


# Bind and connect


async def test_a_refused_bind_says_why_and_ends_the_session(unbound):
    desk = unbound()
    binding = asyncio.ensure_future(desk.session.bind(BIND))
    [request] = await desk.written()
    desk.bring(BindTransceiverResp(request.sequence_number, CommandStatus.ESME_RINVPASWD))
    [error] = await ended(binding)
    assert isinstance(error, BindRefused)
    assert error.command_status is CommandStatus.ESME_RINVPASWD
    assert "secret" not in f"{error!r} {error}"
    await desk.turn()
    assert desk.wire.ended == "closed"


async def test_a_nack_is_no_bind_whatever_its_status(unbound):
    desk = unbound()
    binding = asyncio.ensure_future(desk.session.bind(BIND))
    [request] = await desk.written()
    desk.bring(GenericNack(request.sequence_number, CommandStatus.ESME_ROK))
    assert isinstance((await ended(binding))[0], BindRefused)
    assert desk.session.connection.state is State.CLOSED


async def test_a_bind_that_is_not_answered_ends_the_session(unbound):
    desk = unbound(timers=Timers(response=0.01))
    binding = asyncio.ensure_future(desk.session.bind(BIND))
    assert isinstance((await ended(binding))[0], ResponseTimeout)
    assert desk.session.connection.state is State.CLOSED


async def test_a_cancelled_bind_ends_the_session(unbound):
    desk = unbound()
    binding = asyncio.ensure_future(desk.session.bind(BIND))
    await desk.turn()
    binding.cancel()
    await ended(binding)
    assert binding.cancelled()
    assert desk.session.connection.state is State.CLOSED


async def test_a_bind_that_no_pdu_can_carry_ends_the_session_and_hides_the_password(unbound):
    desk = unbound()
    with pytest.raises(EncodingError, match="password") as refused:
        await desk.session.bind(BindTransceiver(system_id="acme", password="far too long"))
    assert "far too long" not in str(refused.value)
    assert desk.session.connection.state is State.CLOSED
    assert await desk.written() == []


async def test_a_port_where_nobody_listens_is_told_without_the_password(unused_tcp_port):
    endpoint = Endpoint(host="127.0.0.1", port=unused_tcp_port, system_id="acme", password="hunter2")
    with pytest.raises(ConnectFailed, match=f"acme@127.0.0.1:{unused_tcp_port}") as failed:
        await Session.connect(endpoint)
    assert "hunter2" not in str(failed.value)


@pytest.mark.parametrize(("host", "port"), [("a" * 64, 2775), ("smsc..example", 2775), ("127.0.0.1", 65536)])
async def test_an_address_that_cannot_be_one_is_told_as_such(host, port):
    with pytest.raises((InvalidValue, ConnectFailed), match=host) as failed:  # the loops differ on which
        await Session.connect(Endpoint(host=host, port=port, password="hunter2"))
    assert "hunter2" not in str(failed.value)


async def test_connecting_takes_no_longer_than_session_init(monkeypatch):
    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", never, raising=False)
    with pytest.raises(ConnectFailed, match=r"no connection within 0\.01 s"):
        await Session.connect(Endpoint(host="127.0.0.1", port=2775), timers=Timers(session_init=0.01))


async def never(*_, **__):
    await asyncio.Event().wait()


async def test_a_session_shows_its_state_and_no_secrets(smsc):
    session = await Session.connect(parse_url(smsc.url))
    await session.bind(BindTransceiver(system_id="demo", password="hunter2"))
    assert "BOUND_TRX" in repr(session)
    assert f"127.0.0.1:{smsc.port}" in repr(session)
    assert "hunter2" not in repr(session)
    await session.unbind()


# TLS
