from __future__ import annotations

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme.protocol.commands import UNANSWERED, CommandId, CommandStatus, is_response


def test_every_response_stands_at_its_request_plus_the_response_bit():
    for command in CommandId:
        if command.name.endswith("_RESP"):
            assert command == CommandId[command.name.removesuffix("_RESP")] | 0x8000_0000


def test_every_request_has_a_response_but_those_that_the_specification_leaves_unanswered():
    requests = {command for command in CommandId if not is_response(command)}
    answered = {command for command in requests if f"{command.name}_RESP" in CommandId.__members__}
    assert requests - answered == UNANSWERED


def test_generic_nack_counts_as_a_response():
    assert is_response(CommandId.GENERIC_NACK)


def test_a_vendor_status_keeps_its_number():
    status = CommandStatus(0x4FF)
    assert status == 0x4FF
    assert status.name == "VENDOR_0x000004FF"
    assert "vendor" in status.meaning


@given(st.integers(0, 0xFFFF_FFFF))
def test_every_number_on_the_wire_is_a_status_with_a_name_and_a_meaning(number: int):
    status = CommandStatus(number)
    assert status == number
    assert status.name
    assert status.meaning
    assert isinstance(status.retryable, bool)
    assert CommandStatus(status) == status


@pytest.mark.parametrize("number", [-1, 1 << 32, "0", None, 1.5])
def test_what_no_peer_can_send_is_no_status(number: object):
    with pytest.raises(ValueError, match="is not a valid"):
        CommandStatus(number)


def test_statuses_outside_the_tables_are_not_kept_in_memory():
    before = len(CommandStatus._value2member_map_)
    for number in range(0x1000, 0x1100):
        CommandStatus(number)
    assert len(CommandStatus._value2member_map_) == before


def test_a_vendor_status_can_be_copied_and_stored():
    status = CommandStatus(0x4FF)
    assert copy.deepcopy(status) == status
    assert pickle.loads(pickle.dumps(status)).name == status.name


def test_only_what_may_pass_by_itself_is_worth_a_retry():
    assert {status.name for status in CommandStatus if status.retryable} == {
        "ESME_RSYSERR",
        "ESME_RMSGQFUL",
        "ESME_RTHROTTLED",
        "ESME_RX_T_APPN",
        "ESME_RSERTYPUNAVAIL",
    }


def test_no_two_statuses_share_a_number_or_a_meaning():
    assert len(CommandStatus.__members__) == len(CommandStatus) == len({status.meaning for status in CommandStatus})
