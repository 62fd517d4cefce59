"""Two connections joined by a wire that a test holds in its hands: time and octets move when the test says so."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from smpp_esme import testing
from smpp_esme.errors import EncodingError, LocalProtocolError, MalformedPdu
from smpp_esme.protocol.codec import Framer, decode, encode
from smpp_esme.protocol.commands import UNANSWERED, CommandStatus
from smpp_esme.protocol.connection import Connection
from smpp_esme.protocol.events import (
    Closed,
    Event,
    PeerErred,
    RequestReceived,
    ResponseLate,
    ResponseMissing,
    ResponseReceived,
    StateChanged,
    Unsolicited,
)
from smpp_esme.protocol.pdus import (
    PDUS,
    RESPONSES,
    AlertNotification,
    BindReceiver,
    BindReceiverResp,
    BindTransceiver,
    BindTransceiverResp,
    BindTransmitter,
    BroadcastSm,
    CancelBroadcastSm,
    DataSmResp,
    DeliverSm,
    DeliverSmResp,
    EnquireLink,
    EnquireLinkResp,
    GenericNack,
    Outbind,
    Pdu,
    QueryBroadcastSm,
    SubmitSm,
    SubmitSmResp,
    Unbind,
    UnbindResp,
)
from smpp_esme.protocol.state import BINDS, Role, State, may_request
from smpp_esme.protocol.timers import Timers
from smpp_esme.protocol.tlvs import TLVS, Tag
from smpp_esme.protocol.wire import SMPP_5_0

if TYPE_CHECKING:
    from collections.abc import Callable

OFF = Timers(session_init=0, enquire_link=0, inactivity=0, response=0)
BIND_FOR = {State.BOUND_TX: BindTransmitter, State.BOUND_RX: BindReceiver, State.BOUND_TRX: BindTransceiver}


class ConnectionPair:
    """An ESME and an SMSC, and the wire between them."""

    def __init__(self, *, window: int = 10, timers: Timers | None = None, peer_version: int | None = None) -> None:
        self.now = 0.0
        self.ends = {
            role: Connection(role, self.now, window=window, timers=timers, peer_version=peer_version) for role in Role
        }
        self.esme, self.smsc = self.ends[Role.ESME], self.ends[Role.SMSC]

    def carry(self) -> None:
        """All that waits, both ways, until both are silent."""
        while any(self.carry_from(role) for role in Role):
            pass

    def carry_from(self, role: Role) -> bool:
        octets = self.ends[role].data_to_send()
        self.ends[role.peer].receive_data(octets, self.now)
        return bool(octets)

    def bound(self, state: State = State.BOUND_TRX) -> ConnectionPair:
        if state is State.CLOSED:
            self.bound().esme.unbind(self.now)
            self.carry()
        elif state is not State.OPEN:
            self.esme.request(BIND_FOR[state](system_id="acme"), self.now)
            self.carry()
            (received,) = self.smsc.events_received()
            self.smsc.respond(received.request, RESPONSES[received.request.command_id](system_id="SMSC"))
            self.carry()
        for end in self.ends.values():
            end.events_received()
        return self


def wrote(connection: Connection) -> list[Pdu]:
    """What a connection wants written, read."""
    return [decode(frame) for frame in Framer().feed(connection.data_to_send())]


def kinds(connection: Connection) -> list[type[Event]]:
    return [type(event) for event in connection.events_received()]


# A session from its beginning to its end


def test_a_bind_that_is_answered_binds_both_ends():
    pair = ConnectionPair()
    pair.esme.request(BindTransceiver(system_id="acme"), 0, "the bind")
    pair.carry()
    (received,) = pair.smsc.events_received()
    assert received == RequestReceived(BindTransceiver(1, system_id="acme"))
    pair.smsc.respond(received.request, BindTransceiverResp(system_id="SMSC"))
    pair.carry()
    assert pair.smsc.events_received() == [StateChanged(State.BOUND_TRX)]
    answered, moved = pair.esme.events_received()
    assert (answered.response, answered.context) == (BindTransceiverResp(1, system_id="SMSC"), "the bind")
    assert moved == StateChanged(State.BOUND_TRX)


def test_a_refused_bind_leaves_both_ends_open():
    pair = ConnectionPair()
    pair.esme.request(BindTransceiver(password="wrong"), 0)
    pair.carry()
    (received,) = pair.smsc.events_received()
    pair.smsc.respond(received.request, BindTransceiverResp(command_status=CommandStatus.ESME_RINVPASWD))
    pair.carry()
    assert pair.esme.state is pair.smsc.state is State.OPEN
    (answered,) = pair.esme.events_received()
    assert answered.response.status is CommandStatus.ESME_RINVPASWD


def test_a_request_comes_back_with_its_response_and_its_context():
    pair = ConnectionPair().bound()
    context = object()
    number = pair.esme.request(SubmitSm(short_message=b"hi"), 0, context)
    assert number == 2
    assert pair.esme.outstanding == 1
    pair.carry()
    (received,) = pair.smsc.events_received()
    assert received.request == SubmitSm(2, short_message=b"hi")
    pair.smsc.respond(received.request, SubmitSmResp(message_id="7"))
    pair.carry()
    (answered,) = pair.esme.events_received()
    assert answered.request.short_message == b"hi"
    assert answered.response == SubmitSmResp(2, message_id="7")
    assert answered.context is context
    assert pair.esme.outstanding == 0


def test_responses_may_come_in_any_order():
    pair = ConnectionPair().bound()
    for text in (b"1", b"2", b"3"):
        pair.esme.request(SubmitSm(short_message=text), 0, text)
    pair.carry()
    for received in reversed(pair.smsc.events_received()):
        pair.smsc.respond(received.request, SubmitSmResp(message_id=received.request.short_message.decode()))
    pair.carry()
    answers = pair.esme.events_received()
    assert [(one.context, one.response.message_id) for one in answers] == [(b"3", "3"), (b"2", "2"), (b"1", "1")]


def test_both_ends_number_their_requests_by_themselves():
    pair = ConnectionPair().bound()
    pair.esme.request(SubmitSm(), 0, "mt")
    pair.smsc.request(DeliverSm(), 0, "mo")
    pair.smsc.request(DeliverSm(), 0, "mo")
    pair.carry()
    for end, response in ((pair.esme, DeliverSmResp()), (pair.smsc, SubmitSmResp())):
        for received in end.events_received():
            end.respond(received.request, response)
    pair.carry()
    assert [one.context for one in pair.esme.events_received()] == ["mt"]
    assert [one.context for one in pair.smsc.events_received()] == ["mo", "mo"]


@pytest.mark.parametrize("role", Role)
def test_an_unbind_by_either_side_is_answered_and_closes_both_in_order(role: Role):
    pair = ConnectionPair().bound()
    pair.ends[role].unbind(0)
    assert pair.ends[role].room == 0
    pair.carry()
    assert pair.esme.state is pair.smsc.state is State.CLOSED
    answered, closed = pair.ends[role].events_received()
    assert (type(answered.request), answered.response) == (Unbind, UnbindResp(answered.response.sequence_number))
    assert closed == Closed("unbound", orderly=True, unanswered=[])
    assert pair.ends[role.peer].events_received() == [Closed("the peer unbound", orderly=True, unanswered=[])]


def test_deliveries_still_come_while_unbinding_and_can_be_answered():
    pair = ConnectionPair().bound()
    pair.smsc.request(DeliverSm(short_message=b"late"), 0)
    pair.esme.unbind(0)
    pair.carry_from(Role.SMSC)
    (received,) = pair.esme.events_received()
    pair.esme.respond(received.request, DeliverSmResp())
    assert [type(pdu) for pdu in wrote(pair.esme)] == [Unbind, DeliverSmResp]


@pytest.mark.parametrize("refusal", [UnbindResp(command_status=CommandStatus.ESME_RSYSERR), GenericNack(0, 3)])
def test_a_session_whose_unbind_is_refused_is_over_all_the_same(refusal: Pdu):
    pair = ConnectionPair().bound()
    pair.esme.unbind(0)
    (unbind,) = wrote(pair.esme)
    pair.esme.receive_data(encode(refusal, unbind.sequence_number), 0)
    assert pair.esme.state is State.CLOSED
    answered, closed = pair.esme.events_received()
    assert answered.response.command_status == refusal.command_status
    assert not closed.orderly


def test_an_unbind_that_is_made_like_any_request_ends_the_session_like_unbind():
    pair = ConnectionPair().bound()
    pair.esme.request(Unbind(), 0, "context")
    assert pair.esme.room == 0
    with pytest.raises(LocalProtocolError, match="after unbind"):
        pair.esme.request(SubmitSm(), 0)
    pair.carry()
    answered, closed = pair.esme.events_received()
    assert (type(answered.response), answered.context) == (UnbindResp, "context")
    assert closed == Closed("unbound", orderly=True, unanswered=[])


@pytest.mark.parametrize("pdu", [Unbind(), EnquireLink()])
def test_whoever_asks_what_the_connection_asks_by_itself_is_told_how_it_ended(pdu: Pdu):
    pair = ConnectionPair(timers=Timers(enquire_link=0, response=10)).bound()
    pair.esme.request(pdu, 0, "answered")
    pair.carry()
    assert pair.esme.events_received()[0].context == "answered"
    for end in ("timer", "eof"):
        pair = ConnectionPair(timers=Timers(enquire_link=0, response=10)).bound()
        pair.esme.request(pdu, 0, end)
        pair.esme.handle_timer(10) if end == "timer" else pair.esme.receive_eof()
        *missing, closed = pair.esme.events_received()
        told = [event.context for event in missing] + [context for _, context in closed.unanswered]
        assert told == [end]


def test_an_unbind_may_wait_until_the_window_is_drained():
    pair = ConnectionPair().bound()
    for context in "ab":
        pair.esme.request(SubmitSm(), 0, context)
    pair.esme.unbind(0, drain=True)
    assert pair.esme.room == 0
    with pytest.raises(LocalProtocolError, match="after unbind"):
        pair.esme.request(SubmitSm(), 0)
    pair.carry()
    for received in pair.smsc.events_received():
        assert pair.esme.state is State.BOUND_TRX
        pair.smsc.respond(received.request, SubmitSmResp())
        pair.carry()
    assert kinds(pair.esme) == [ResponseReceived, ResponseReceived, ResponseReceived, Closed]
    assert kinds(pair.smsc) == [Closed]


def test_an_unbind_does_not_wait_for_what_is_never_answered_nor_for_nothing():
    pair = ConnectionPair(timers=Timers(response=10)).bound()
    pair.esme.request(SubmitSm(), 0)
    pair.esme.unbind(1, drain=True)
    assert [type(pdu) for pdu in wrote(pair.esme)] == [SubmitSm]
    pair.esme.handle_timer(10)
    assert [type(pdu) for pdu in wrote(pair.esme)] == [Unbind]
    assert kinds(pair.esme) == [ResponseMissing]
    pair = ConnectionPair().bound()
    pair.esme.unbind(0, drain=True)
    assert [type(pdu) for pdu in wrote(pair.esme)] == [Unbind]


def test_a_session_that_ends_while_it_is_drained_hands_back_the_rest():
    pair = ConnectionPair().bound()
    pair.esme.request(SubmitSm(), 0, "context")
    pair.esme.unbind(0, drain=True)
    pair.esme.receive_data(encode(Unbind(1)), 0)
    (closed,) = pair.esme.events_received()
    assert [context for _, context in closed.unanswered] == ["context"]
    assert [type(pdu) for pdu in wrote(pair.esme)] == [SubmitSm, UnbindResp]


def test_only_a_bound_session_can_be_drained_and_only_once():
    with pytest.raises(LocalProtocolError):
        ConnectionPair().esme.unbind(0, drain=True)
    pair = ConnectionPair().bound()
    pair.esme.request(SubmitSm(), 0)
    pair.esme.unbind(0, drain=True)
    with pytest.raises(LocalProtocolError):
        pair.esme.unbind(0)


def test_nothing_more_is_asked_after_unbind():
    pair = ConnectionPair().bound()
    pair.esme.unbind(0)
    with pytest.raises(LocalProtocolError, match="after unbind"):
        pair.esme.request(SubmitSm(), 0)


# What is legal when


def every_request() -> list[type[Pdu]]:
    return [record for record in PDUS.values() if not record().is_response]


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("role", Role)
def test_a_request_goes_out_only_where_the_matrix_allows_it(role: Role, state: State, sendable: Callable[..., Pdu]):
    for record in every_request():
        connection = ConnectionPair(timers=OFF, peer_version=SMPP_5_0).bound(state).ends[role]
        if may_request(role, state, record.command_id):
            assert connection.request(sendable(record), 0)
            assert [type(pdu) for pdu in wrote(connection)] == [record]
        else:
            with pytest.raises(LocalProtocolError, match="nothing was sent"):
                connection.request(sendable(record), 0)
            assert connection.data_to_send() == b""
            assert connection.outstanding == 0


@pytest.mark.parametrize("state", [state for state in State if state is not State.CLOSED])
@pytest.mark.parametrize("role", Role)
def test_a_request_that_comes_out_of_place_is_refused_and_the_session_goes_on(
    role: Role, state: State, sendable: Callable[..., Pdu]
):
    for record in every_request():
        connection = ConnectionPair(timers=OFF).bound(state).ends[role]
        connection.receive_data(encode(sendable(record), 99), 0)
        events, answers = connection.events_received(), wrote(connection)
        if may_request(role.peer, state, record.command_id):
            assert all(answer.command_status == 0 for answer in answers)
            continue
        assert connection.state is state
        assert events == []
        if record.command_id in UNANSWERED:
            assert answers == []
        else:
            again = record.command_id in BINDS and role is Role.SMSC
            status = CommandStatus.ESME_RALYBND if again else CommandStatus.ESME_RINVBNDSTS
            assert answers == [RESPONSES[record.command_id](99, status)]


@pytest.mark.parametrize("role", Role)
def test_a_response_is_no_request(role: Role):
    pair = ConnectionPair().bound()
    for record in PDUS.values():
        if record().is_response:
            with pytest.raises(LocalProtocolError):
                pair.ends[role].request(record(), 0)


def test_only_its_own_response_or_a_nack_answers_a_request():
    pair = ConnectionPair().bound()
    pair.esme.request(SubmitSm(), 0)
    pair.carry()
    (received,) = pair.smsc.events_received()
    with pytest.raises(LocalProtocolError, match="DataSmResp does not answer SubmitSm"):
        pair.smsc.respond(received.request, DataSmResp())
    pair.smsc.respond(received.request, GenericNack(command_status=CommandStatus.ESME_RINVCMDID))
    pair.carry()
    (answered,) = pair.esme.events_received()
    assert answered.response == GenericNack(2, CommandStatus.ESME_RINVCMDID)


def test_a_closed_session_neither_asks_nor_answers_nor_listens():
    pair = ConnectionPair().bound()
    pair.smsc.request(DeliverSm(), 0)
    pair.carry()
    (received,) = pair.esme.events_received()
    pair.esme.close("enough")
    pair.esme.events_received()
    for call in (
        lambda: pair.esme.request(SubmitSm(), 0),
        lambda: pair.esme.respond(received.request, DeliverSmResp()),
        lambda: pair.esme.unbind(0),
    ):
        with pytest.raises(LocalProtocolError):
            call()
    pair.esme.receive_data(encode(DeliverSm(8)) + bytes(100), 1)
    pair.esme.receive_eof()
    pair.esme.close("again")
    pair.esme.handle_timer(1e9)
    assert pair.esme.events_received() == []
    assert pair.esme.data_to_send() == b""
    assert pair.esme.next_deadline() is None


# A bind under way


def test_of_two_binds_that_come_at_once_the_owner_sees_one_and_the_other_is_refused():
    pair = ConnectionPair()
    pair.smsc.receive_data(encode(BindTransceiver(1)) + encode(BindReceiver(2)), 0)
    (received,) = pair.smsc.events_received()
    assert received.request == BindTransceiver(1)
    assert wrote(pair.smsc) == [BindReceiverResp(2, CommandStatus.ESME_RALYBND)]
    pair.smsc.respond(received.request, BindTransceiverResp())
    assert pair.smsc.events_received() == [StateChanged(State.BOUND_TRX)]


def test_after_a_refused_bind_another_may_come():
    pair = ConnectionPair()
    for number in (1, 2):
        pair.smsc.receive_data(encode(BindTransceiver(number)), 0)
        (received,) = pair.smsc.events_received()
        pair.smsc.respond(received.request, BindTransceiverResp(command_status=CommandStatus.ESME_RBINDFAIL))
    assert [pdu.sequence_number for pdu in wrote(pair.smsc)] == [1, 2]


@pytest.mark.parametrize("end", ["refused", "nacked", "missed"])
def test_a_second_bind_waits_for_the_first_to_end(end: str):
    pair = ConnectionPair(timers=Timers(session_init=0, response=10))
    pair.esme.request(BindTransceiver(), 0)
    with pytest.raises(LocalProtocolError, match="a bind waits for its response already"):
        pair.esme.request(BindReceiver(), 0)
    match end:
        case "refused":
            pair.esme.receive_data(encode(BindTransceiverResp(1, 13)), 0)
        case "nacked":
            pair.esme.receive_data(encode(GenericNack(1, 3)), 0)
        case "missed":
            pair.esme.handle_timer(10)
    assert pair.esme.request(BindReceiver(), 10) == 2


def test_a_bind_that_does_not_fit_is_not_under_way():
    pair = ConnectionPair()
    with pytest.raises(EncodingError):
        pair.esme.request(BindTransceiver(password="nine-octets"), 0)
    assert pair.esme.request(BindTransceiver(), 0)


def test_an_esme_that_is_called_binds_as_a_receiver():
    pair = ConnectionPair()
    pair.smsc.request(Outbind(system_id="smsc"), 0)
    pair.carry()
    (called,) = pair.esme.events_received()
    assert called.request.system_id == "smsc"
    assert pair.bound(State.BOUND_RX).smsc.state is State.BOUND_RX


# The version in force


@pytest.mark.parametrize(
    ("bind", "told", "version"),
    [
        (0x34, None, 0x34),
        (0x34, 0x34, 0x34),
        (0x34, 0x50, 0x34),
        (0x34, 0x33, 0x33),
        (0x33, 0x34, 0x33),
        (0x00, None, 0x00),
        (0x50, 0x50, 0x50),
        (0x50, 0x34, 0x34),
        (0x50, None, 0x34),
    ],
)
def test_both_ends_agree_on_the_lower_version(bind: int, told: int | None, version: int):
    pair = ConnectionPair()
    pair.esme.request(BindTransceiver(interface_version=bind), 0)
    pair.carry()
    (received,) = pair.smsc.events_received()
    tlvs = () if told is None else (TLVS.tlv(Tag.SC_INTERFACE_VERSION, told),)
    pair.smsc.respond(received.request, BindTransceiverResp(tlvs=tlvs))
    answer = decode(Framer().feed(octets := pair.smsc.data_to_send())[0])
    pair.esme.receive_data(octets, 0)
    assert pair.esme.version == pair.smsc.version == version
    assert answer.tlv(Tag.SC_INTERFACE_VERSION) == (told if bind >= 0x34 else None)


def test_a_version_that_is_given_stands_whatever_the_peer_says():
    pair = ConnectionPair(peer_version=0x33).bound()
    assert pair.esme.version == pair.smsc.version == 0x33


def test_no_tlv_goes_to_a_peer_that_knows_none():
    pair = ConnectionPair(peer_version=0x33).bound()
    with pytest.raises(EncodingError, match=r"SubmitSm\.tlvs: the peer knows no TLVs.* user_message_reference"):
        pair.esme.request(SubmitSm(tlvs=(TLVS.tlv(Tag.USER_MESSAGE_REFERENCE, 1),)), 0)
    assert pair.esme.outstanding == 0
    pair.esme.receive_data(encode(DeliverSm(5)), 0)
    (received,) = pair.esme.events_received()
    pair.esme.respond(received.request, DeliverSmResp(tlvs=(TLVS.tlv(Tag.DELIVERY_FAILURE_REASON, 1),)))
    assert wrote(pair.esme) == [DeliverSmResp(5)]


def test_255_octets_of_text_go_to_a_peer_of_5_0_only():
    longest = SubmitSm(short_message=bytes(255))
    assert ConnectionPair(peer_version=0x50).bound().esme.request(longest, 0)
    with pytest.raises(EncodingError, match="0 to 254 octets"):
        ConnectionPair().bound().esme.request(longest, 0)


@pytest.mark.parametrize("record", [BroadcastSm, QueryBroadcastSm, CancelBroadcastSm])
def test_a_broadcast_goes_to_a_peer_of_5_0_only(record: type[Pdu]):
    assert ConnectionPair(peer_version=SMPP_5_0).bound().esme.request(record(), 0)
    earlier = ConnectionPair().bound().esme
    with pytest.raises(LocalProtocolError, match=f"{record.__name__} is of SMPP 5.0, .* nothing was sent"):
        earlier.request(record(), 0)
    assert (earlier.outstanding, earlier.data_to_send()) == (0, b"")


# The window


def test_a_full_window_refuses_and_an_answer_makes_room():
    pair = ConnectionPair(window=2).bound()
    pair.esme.request(SubmitSm(), 0)
    pair.esme.request(SubmitSm(), 0)
    assert pair.esme.room == 0
    with pytest.raises(LocalProtocolError, match="window of 2 is full"):
        pair.esme.request(SubmitSm(), 0)
    pair.carry()
    first, _ = pair.smsc.events_received()
    pair.smsc.respond(first.request, SubmitSmResp())
    pair.carry()
    assert pair.esme.room == 1


def test_probe_and_unbind_pass_a_full_window_and_a_probe_takes_no_room():
    pair = ConnectionPair(window=1, timers=Timers(enquire_link=5, response=100)).bound()
    pair.esme.request(SubmitSm(), 0)
    pair.esme.handle_timer(5)
    pair.carry_from(Role.ESME)
    (received,) = pair.smsc.events_received()
    pair.smsc.data_to_send()  # the answer to the probe is lost
    pair.smsc.respond(received.request, SubmitSmResp())
    pair.carry_from(Role.SMSC)
    assert (pair.esme.outstanding, pair.esme.room) == (1, 1)
    pair.esme.request(SubmitSm(), 5)
    pair.esme.unbind(5)


def test_what_has_no_response_neither_waits_for_room_nor_takes_any():
    pair = ConnectionPair(window=1).bound()
    pair.smsc.request(DeliverSm(), 0)
    for _ in range(3):
        pair.smsc.request(AlertNotification(), 0)
    assert (pair.smsc.outstanding, pair.smsc.room) == (1, 0)


@pytest.mark.parametrize(
    ("role", "state", "pdu"),
    [
        (Role.ESME, State.BOUND_TRX, SubmitSm(source_addr="a" * 21)),
        (Role.SMSC, State.BOUND_TRX, AlertNotification(esme_addr="a" * 65)),
        (Role.SMSC, State.OPEN, Outbind(system_id="a" * 16)),
    ],
)
def test_a_request_that_does_not_fit_leaves_nothing_behind(role: Role, state: State, pdu: Pdu):
    connection = ConnectionPair().bound(state).ends[role]
    with pytest.raises(EncodingError):
        connection.request(pdu, 0)
    assert (connection.outstanding, connection.room) == (0, 10)
    assert connection.data_to_send() == b""
    connection.handle_timer(15)
    assert connection.events_received() == []


def test_a_response_nobody_waits_for_is_unsolicited():
    pair = ConnectionPair().bound()
    pair.esme.receive_data(encode(SubmitSmResp(77, message_id="1")), 0)
    assert pair.esme.events_received() == [Unsolicited(SubmitSmResp(77, message_id="1"))]


def test_a_response_of_another_operation_leaves_the_request_waiting():
    pair = ConnectionPair().bound()
    number = pair.esme.request(SubmitSm(), 0)
    pair.esme.receive_data(encode(DataSmResp(number)), 0)
    assert kinds(pair.esme) == [Unsolicited]
    assert pair.esme.outstanding == 1


def test_a_second_response_to_one_request_is_unsolicited():
    pair = ConnectionPair().bound()
    number = pair.esme.request(SubmitSm(), 0)
    pair.esme.receive_data(encode(SubmitSmResp(number)) * 2, 0)
    assert kinds(pair.esme) == [ResponseReceived, Unsolicited]


def test_a_nack_with_the_number_of_a_request_answers_it():
    pair = ConnectionPair().bound()
    number = pair.esme.request(SubmitSm(), 0, "context")
    pair.esme.request(SubmitSm(), 0)
    pair.esme.receive_data(encode(GenericNack(number, CommandStatus.ESME_RINVCMDID)), 0)
    (answered,) = pair.esme.events_received()
    assert (answered.context, type(answered.response)) == ("context", GenericNack)


def test_a_nack_numbered_zero_answers_a_request_only_if_just_one_waits():
    pair = ConnectionPair().bound()
    pair.esme.request(SubmitSm(), 0, "first")
    pair.esme.request(SubmitSm(), 0, "second")
    nack = encode(GenericNack(0, CommandStatus.ESME_RINVCMDLEN))
    pair.esme.receive_data(nack, 0)
    assert kinds(pair.esme) == [Unsolicited]
    pair.esme.receive_data(encode(SubmitSmResp(2)) + nack, 0)
    assert [event.context for event in pair.esme.events_received()] == ["first", "second"]


def test_a_nack_is_never_nacked():
    pair = ConnectionPair().bound()
    pair.esme.receive_data(encode(GenericNack(0, 3)) + encode(GenericNack(99, 3)), 0)
    assert pair.esme.data_to_send() == b""


# Mistakes of the peer's


def test_one_malformed_pdu_is_refused_and_the_session_goes_on(read_hex: Callable[[str], bytes]):
    pair = ConnectionPair().bound()
    good = encode(SubmitSm(33, short_message=b"hi"))
    pair.smsc.receive_data(read_hex("bad_short_message_past_the_end") + good, 0)
    erred, received = pair.smsc.events_received()
    assert isinstance(erred.error, MalformedPdu)
    assert received.request.short_message == b"hi"
    assert wrote(pair.smsc) == [SubmitSmResp(32, CommandStatus.ESME_RINVCMDLEN)]


def test_an_unknown_command_is_nacked_under_its_number(read_hex: Callable[[str], bytes]):
    pair = ConnectionPair().bound()
    pair.smsc.receive_data(read_hex("bad_unknown_command"), 0)
    assert kinds(pair.smsc) == [PeerErred]
    assert wrote(pair.smsc) == [GenericNack(30, CommandStatus.ESME_RINVCMDID)]


def test_an_unknown_response_is_reported_and_never_answered(read_hex: Callable[[str], bytes]):
    pair = ConnectionPair().bound()
    pair.smsc.receive_data(read_hex("bad_unknown_response"), 0)
    assert kinds(pair.smsc) == [PeerErred]
    assert pair.smsc.data_to_send() == b""


def test_a_broken_stream_ends_the_session_after_what_came_before_it():
    pair = ConnectionPair().bound()
    pair.esme.request(SubmitSm(), 0, "unanswered")
    pair.esme.receive_data(encode(DeliverSm(1)) + b"GET / HTTP/1.1\r\n\r\n", 0)
    received, erred, closed = pair.esme.events_received()
    assert type(received) is RequestReceived
    assert "command_length 1195725856" in str(erred.error)
    assert not closed.orderly
    assert [context for _, context in closed.unanswered] == ["unanswered"]


@given(st.lists(testing.pdus(), max_size=6), st.lists(st.integers(1, 40), max_size=30))
def test_events_are_independent_of_slicing(pdus: list[Pdu], lengths: list[int]):
    octets = b"".join(map(encode, pdus))
    whole, sliced = ConnectionPair(timers=OFF).bound().esme, ConnectionPair(timers=OFF).bound().esme
    whole.receive_data(octets, 0)
    for length in lengths:
        sliced.receive_data(octets[:length], 0)
        octets = octets[length:]
    sliced.receive_data(octets, 0)
    assert repr(sliced.events_received()) == repr(whole.events_received())
    assert sorted(map(encode, wrote(sliced))) == sorted(map(encode, wrote(whole)))


# Time


def test_a_session_that_is_never_bound_is_closed():
    pair = ConnectionPair(timers=Timers(session_init=30))
    assert pair.smsc.next_deadline() == 30
    pair.smsc.handle_timer(29)
    assert pair.smsc.events_received() == []
    pair.smsc.handle_timer(30)
    (closed,) = pair.smsc.events_received()
    assert closed.reason == "the session was not bound in time"


def test_silence_is_probed_and_then_fatal():
    pair = ConnectionPair(timers=Timers(enquire_link=30, response=10)).bound()
    assert pair.esme.next_deadline() == 30
    pair.esme.handle_timer(30)
    assert wrote(pair.esme) == [EnquireLink(2)]
    assert pair.esme.next_deadline() == 40
    pair.esme.handle_timer(39)
    assert pair.esme.events_received() == []
    pair.esme.handle_timer(40)
    assert pair.esme.events_received() == [Closed("no response to EnquireLink", orderly=False, unanswered=[])]


@pytest.mark.parametrize("answer", [EnquireLinkResp(), EnquireLinkResp(0, 8), GenericNack(0, 3)])
def test_any_answer_to_a_probe_is_a_sign_of_life_and_no_event(answer: Pdu):
    pair = ConnectionPair(timers=Timers(enquire_link=30, response=10)).bound()
    pair.esme.handle_timer(30)
    (probe,) = wrote(pair.esme)
    pair.esme.receive_data(encode(answer, probe.sequence_number), 35)
    assert pair.esme.events_received() == []
    assert (pair.esme.outstanding, pair.esme.next_deadline()) == (0, 65)


def test_a_probe_is_answered_at_once_and_before_all_else_that_waits():
    pair = ConnectionPair().bound()
    pair.smsc.request(DeliverSm(), 0)
    pair.smsc.receive_data(encode(EnquireLink(5)), 0)
    assert [type(pdu) for pdu in wrote(pair.smsc)] == [EnquireLinkResp, DeliverSm]


def test_a_probe_before_the_bind_is_answered():
    pair = ConnectionPair()
    pair.smsc.receive_data(encode(EnquireLink(5)), 0)
    assert wrote(pair.smsc) == [EnquireLinkResp(5)]


def test_a_missing_response_is_an_event_and_the_session_goes_on():
    pair = ConnectionPair(timers=Timers(enquire_link=0, response=10)).bound()
    pair.esme.request(SubmitSm(short_message=b"1"), 0, "first")
    pair.esme.request(SubmitSm(short_message=b"2"), 4, "second")
    assert pair.esme.next_deadline() == 10
    pair.esme.handle_timer(10)
    (missing,) = pair.esme.events_received()
    assert type(missing) is ResponseMissing
    assert (missing.request.short_message, missing.context) == (b"1", "first")
    assert (pair.esme.state, pair.esme.outstanding, pair.esme.next_deadline()) == (State.BOUND_TRX, 1, 14)


def test_a_request_may_have_a_time_of_its_own():
    pair = ConnectionPair(timers=Timers(enquire_link=0, response=10)).bound()
    pair.esme.request(SubmitSm(), 0, "as all")
    pair.esme.request(SubmitSm(), 0, "short", timeout=3)
    pair.esme.request(SubmitSm(), 0, "long", timeout=30)
    pair.esme.request(SubmitSm(), 0, "for ever", timeout=0)
    missing = {}
    while (deadline := pair.esme.next_deadline()) is not None:
        pair.esme.handle_timer(deadline)
        missing |= {event.context: deadline for event in pair.esme.events_received()}
    assert missing == {"short": 3, "as all": 10, "long": 30}
    assert pair.esme.outstanding == 1


def test_a_nack_that_comes_too_late_is_told_with_its_context():
    pair = ConnectionPair(timers=Timers(enquire_link=0, response=10)).bound()
    number = pair.esme.request(SubmitSm(), 0, "mine")
    pair.esme.handle_timer(10)
    nack = GenericNack(number, CommandStatus.ESME_RINVCMDLEN)
    pair.esme.receive_data(encode(nack), 11)
    missing, late = pair.esme.events_received()
    assert late == ResponseLate(missing.request, nack, "mine")


def test_a_response_that_comes_too_late_is_told_with_its_context_and_only_once():
    pair = ConnectionPair(timers=Timers(enquire_link=0, response=10)).bound()
    number = pair.esme.request(SubmitSm(), 0)
    pair.esme.handle_timer(10)
    late = SubmitSmResp(number, message_id="late")
    pair.esme.receive_data(encode(late) * 2, 11)
    missing, found, again = pair.esme.events_received()
    assert isinstance(missing, ResponseMissing)
    assert found == ResponseLate(missing.request, late, missing.context)
    assert again == Unsolicited(late)


def test_an_unbind_that_is_not_answered_closes_the_session():
    pair = ConnectionPair(timers=Timers(response=10)).bound()
    pair.esme.request(SubmitSm(), 0, "context")
    pair.esme.unbind(1)
    pair.esme.handle_timer(11)
    missing, closed = pair.esme.events_received()
    assert missing.context == "context"
    assert closed == Closed("no response to Unbind", orderly=False, unanswered=[])


def test_a_session_that_does_nothing_is_closed_though_it_is_alive():
    pair = ConnectionPair(timers=Timers(enquire_link=10, inactivity=25)).bound()
    for now in (10, 20):
        pair.now = now
        pair.esme.handle_timer(now)
        pair.carry()
    pair.smsc.handle_timer(25)
    (closed,) = pair.smsc.events_received()
    assert closed.reason == "no operation for too long"


def test_timers_that_are_off_never_go_off():
    pair = ConnectionPair(timers=OFF).bound()
    pair.esme.request(SubmitSm(), 0)
    assert pair.esme.next_deadline() is None
    pair.esme.handle_timer(1e9)
    assert pair.esme.events_received() == []
    assert pair.esme.outstanding == 1


# Nothing is lost


@pytest.mark.parametrize("end", ["close", "eof", "unbind"])
def test_what_was_never_answered_is_handed_back_oldest_first(end: str):
    pair = ConnectionPair().bound()
    for context in "abc":
        pair.esme.request(SubmitSm(short_message=context.encode()), 0, context)
    match end:
        case "close":
            pair.esme.close("enough")
        case "eof":
            pair.esme.receive_eof()
        case "unbind":
            pair.esme.receive_data(encode(Unbind(1)), 0)
    (closed,) = pair.esme.events_received()
    assert [(request.short_message, context) for request, context in closed.unanswered] == [
        (b"a", "a"),
        (b"b", "b"),
        (b"c", "c"),
    ]
    assert closed.orderly == (end == "unbind")


def test_neither_a_connection_nor_its_events_show_texts_numbers_or_passwords():
    pair = ConnectionPair(timers=Timers(response=1))
    secret = "QZXQZX"
    pair.esme.request(BindTransceiver(password=secret), 0)
    pair.carry()
    (received,) = pair.smsc.events_received()
    assert secret not in repr(received)
    pair.smsc.respond(received.request, BindTransceiverResp())
    pair.carry()
    pair.esme.request(SubmitSm(source_addr=secret, short_message=secret.encode()), 0)
    pair.esme.request(SubmitSm(destination_addr=secret), 1)
    pair.carry()
    pair.esme.handle_timer(1)
    pair.esme.close("enough")
    for end in (pair.esme, pair.smsc):
        assert secret not in repr(end)
        assert secret not in repr(end.events_received())


class Session(RuleBasedStateMachine):
    """Two ends, a slow wire and a clock, in any order of events: each request must end exactly once."""

    def __init__(self) -> None:
        super().__init__()
        timers = Timers(session_init=0, enquire_link=7, inactivity=0, response=5)
        self.pair = ConnectionPair(window=4, timers=timers).bound()
        self.wires: dict[Role, bytearray] = {role: bytearray() for role in Role}
        self.contexts = itertools.count()
        self.asked: dict[Role, list[int]] = {role: [] for role in Role}
        self.ended: dict[Role, list[int]] = {role: [] for role in Role}
        self.to_answer: dict[Role, list[Pdu]] = {role: [] for role in Role}
        self.closed: set[Role] = set()

    roles = st.sampled_from(Role)

    def note(self, role: Role) -> None:
        for event in self.pair.ends[role].events_received():
            assert role not in self.closed, f"{event} after Closed"
            match event:
                case RequestReceived():
                    self.to_answer[role].append(event.request)
                case ResponseReceived(request=request) | ResponseMissing(request=request):
                    if not isinstance(request, Unbind):
                        self.ended[role].append(event.context)
                case Closed():
                    self.ended[role] += [context for _, context in event.unanswered]
                    self.closed.add(role)

    def is_open(self, role: Role) -> bool:
        return role not in self.closed

    @rule(role=roles, count=st.integers(1, 3))
    def ask(self, role: Role, count: int) -> None:
        end = self.pair.ends[role]
        for _ in range(min(count, end.room)):
            if self.is_open(role):
                context = next(self.contexts)
                pdu = SubmitSm() if role is Role.ESME else DeliverSm()
                end.request(pdu, self.pair.now, context, timeout=context % 9 if context % 3 else None)
                self.asked[role].append(context)

    @rule(role=roles, which=st.integers(0, 3), status=st.sampled_from([0, 0, 0x58, 0x4FF]), nack=st.booleans())
    def answer(self, role: Role, which: int, status: int, nack: bool) -> None:
        waiting = self.to_answer[role]
        if self.is_open(role) and waiting:
            request = waiting.pop(which % len(waiting))
            answer = GenericNack if nack and status else RESPONSES[request.command_id]
            self.pair.ends[role].respond(request, answer(command_status=status))

    @rule(role=roles)
    def write(self, role: Role) -> None:
        self.wires[role] += self.pair.ends[role].data_to_send()

    @rule(role=roles, length=st.integers(1, 90))
    def read(self, role: Role, length: int) -> None:
        wire = self.wires[role.peer]
        octets, self.wires[role.peer] = bytes(wire[:length]), wire[length:]
        self.pair.ends[role].receive_data(octets, self.pair.now)
        self.note(role)

    @rule(role=roles)
    def read_all(self, role: Role) -> None:
        self.write(role.peer)
        self.read(role, 1_000_000)

    @rule(seconds=st.integers(1, 4))
    def wait(self, seconds: int) -> None:
        self.pair.now += seconds
        for role, end in self.pair.ends.items():
            deadline = end.next_deadline()
            if deadline is not None and deadline <= self.pair.now:
                end.handle_timer(self.pair.now)
            self.note(role)

    @rule(role=roles, drain=st.booleans())
    @precondition(lambda self: len(self.asked[Role.ESME]) > 8)
    def unbind(self, role: Role, drain: bool) -> None:
        end = self.pair.ends[role]
        if self.is_open(role) and not end._leaving:
            end.unbind(self.pair.now, drain=drain)

    @rule(role=roles)
    @precondition(lambda self: len(self.asked[Role.SMSC]) > 8)
    def lose_the_connection(self, role: Role) -> None:
        self.wires[role.peer].clear()
        self.pair.ends[role].receive_eof()
        self.note(role)

    @invariant()
    def the_window_holds(self) -> None:
        for end in self.pair.ends.values():
            assert 0 <= end.room <= 4
            assert end.outstanding <= 4 + 2

    @invariant()
    def nothing_ends_twice_and_nothing_unasked_ends(self) -> None:
        for role in Role:
            assert len(set(self.ended[role])) == len(self.ended[role])
            assert set(self.ended[role]) <= set(self.asked[role])

    def teardown(self) -> None:
        for role, end in self.pair.ends.items():
            end.close("the test is over")
            self.note(role)
            assert sorted(self.ended[role]) == self.asked[role]
            assert role in self.closed


TestSession = Session.TestCase
TestSession.settings = settings(max_examples=settings.default.max_examples // 2, stateful_step_count=60)


def test_a_window_is_filled_and_emptied_again_and_again():
    pair = ConnectionPair(window=3).bound()
    answered = 0
    for number in range(200):
        pair.esme.request(SubmitSm(), number)
        if not pair.esme.room:
            pair.carry()
            for received in pair.smsc.events_received():
                pair.smsc.respond(received.request, SubmitSmResp(message_id="1"))
            pair.carry()
            answered += len(pair.esme.events_received())
    assert answered + pair.esme.outstanding == 200
