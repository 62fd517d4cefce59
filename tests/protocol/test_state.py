from __future__ import annotations

import itertools

import pytest

from smpp_esme.protocol.commands import CommandId as Id
from smpp_esme.protocol.state import ON_SUCCESS, REQUESTS, Role, State, may_request, next_state

#: Table 2-1 of SMPP 3.4, with what 5.0 adds, once more, as rows to be read aloud: in this state, this side may make
#: these requests.
LEGAL = {
    (State.OPEN, Role.ESME): "bind_receiver bind_transmitter bind_transceiver enquire_link",
    (State.OPEN, Role.SMSC): "outbind enquire_link",
    (State.BOUND_TX, Role.ESME): "unbind enquire_link submit_sm submit_multi data_sm query_sm cancel_sm replace_sm "
    "broadcast_sm query_broadcast_sm cancel_broadcast_sm",
    (State.BOUND_TX, Role.SMSC): "unbind enquire_link",
    (State.BOUND_RX, Role.ESME): "unbind enquire_link",
    (State.BOUND_RX, Role.SMSC): "unbind enquire_link deliver_sm data_sm alert_notification",
    (State.BOUND_TRX, Role.ESME): "unbind enquire_link submit_sm submit_multi data_sm query_sm cancel_sm replace_sm "
    "broadcast_sm query_broadcast_sm cancel_broadcast_sm",
    (State.BOUND_TRX, Role.SMSC): "unbind enquire_link deliver_sm data_sm alert_notification",
    (State.CLOSED, Role.ESME): "",
    (State.CLOSED, Role.SMSC): "",
}


def test_every_state_role_and_command_is_legal_only_where_the_specification_says_so():
    for state, role, command in itertools.product(State, Role, Id):
        legal = command.name.lower() in LEGAL[state, role].split()
        assert may_request(role, state, command) == legal, (state, role, command)


@pytest.mark.parametrize("role", Role)
def test_a_transceiver_may_what_a_transmitter_or_a_receiver_may(role: Role):
    for command in Id:
        either = may_request(role, State.BOUND_TX, command) or may_request(role, State.BOUND_RX, command)
        assert may_request(role, State.BOUND_TRX, command) == either


def test_an_unknown_command_is_legal_nowhere():
    assert not any(may_request(role, state, 0x7777) for role, state in itertools.product(Role, State))


def test_nothing_but_a_successful_bind_or_unbind_response_moves_a_session():
    for state, command in itertools.product(State, Id):
        assert next_state(state, command, ok=False) is state
        if next_state(state, command, ok=True) is not state:
            assert command.name.startswith(("BIND", "UNBIND"))
            assert command.name.endswith("_RESP")


def test_a_bind_response_opens_the_state_of_its_name_and_only_out_of_open():
    for name, bound in (("RECEIVER", "RX"), ("TRANSMITTER", "TX"), ("TRANSCEIVER", "TRX")):
        for state in State:
            expected = State[f"BOUND_{bound}"] if state is State.OPEN else state
            assert next_state(state, Id[f"BIND_{name}_RESP"], ok=True) is expected


def test_every_bound_state_is_left_by_unbind():
    for state in State:
        assert next_state(state, Id.UNBIND_RESP, ok=True) is (State.CLOSED if state.is_bound else state)


def test_every_state_can_be_reached_and_closed_is_the_end():
    assert {State.OPEN, *ON_SUCCESS.values()} == set(State)
    assert not any(state is State.CLOSED for state, _ in ON_SUCCESS)


def test_the_other_end_has_the_other_role():
    assert Role.ESME.peer is Role.SMSC
    assert Role.SMSC.peer is Role.ESME
    assert REQUESTS.keys() == set(Role)
