from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme import testing
from smpp_esme.protocol.codec import encode
from smpp_esme.protocol.dump import Line, dump, meaning, text_guess
from smpp_esme.protocol.layout import HEADER
from smpp_esme.protocol.pdus import BindTransceiver, DeliverSm, Outbind, Pdu, SubmitSm, SubmitSmResp
from smpp_esme.protocol.tlvs import TLVS, Tlv
from smpp_esme.protocol.wire import UInt

if TYPE_CHECKING:
    from collections.abc import Callable


def octets_of(lines: tuple[Line, ...]) -> bytes:
    return b"".join(bytes.fromhex(line.octets) for line in lines)


def of(lines: tuple[Line, ...], parameter: str) -> Line:
    (line,) = [line for line in lines if line.parameter == parameter]
    return line


@given(testing.pdus())
def test_every_octet_stands_on_one_line_under_its_offset(pdu: Pdu):
    octets = encode(pdu)
    found = dump(octets, show_secrets=True)
    assert octets_of(found.lines) == octets
    for line in found.lines:
        assert octets[line.offset :].startswith(bytes.fromhex(line.octets))
    assert found.is_whole


@given(testing.pdus())
def test_every_parameter_has_the_value_that_the_codec_reads(pdu: Pdu):
    lines = dump(encode(pdu), show_secrets=True).lines
    shown = {line.parameter: line.value for line in reversed(lines)}  # the mandatory ones go before TLVs of that name
    if len(lines) > 4 + len(pdu.tlvs) or not pdu.layout.fields:
        assert [shown[name] for name, _ in pdu.layout.fields] == [getattr(pdu, name) for name, _ in pdu.layout.fields]
        tail = lines[4 + len(pdu.layout.fields) :]
        assert [line.value for line in tail] == [TLVS.value(tlv) for tlv in pdu.tlvs]
        assert [line.parameter for line in tail] == [TLVS.name(tlv.tag) for tlv in pdu.tlvs]


@given(
    st.binary(max_size=60)
    | st.builds(lambda record, body: HEADER.pack(16 + len(body), record.command_id, 0, 1) + body,
                st.sampled_from([BindTransceiver, Outbind, SubmitSm, SubmitSmResp]), st.binary(max_size=60))
)  # fmt: skip
def test_hostile_octets_are_shown_to_the_last_one(octets: bytes):
    found = dump(octets, show_secrets=True)
    assert octets_of(found.lines) == octets


def test_a_password_is_hidden_even_in_a_bind_that_is_cut_short():
    octets = encode(BindTransceiver(1, system_id="acme", password="QZXQZX", system_type="ISO"))
    for end in range(len(octets) + 1):
        shown = repr(dump(octets[:end]))
        assert "Q" not in shown
        assert b"Q".hex() not in shown


def test_a_password_is_shown_when_that_is_asked_for():
    octets = encode(Outbind(1, password="hunter2"))
    assert of(dump(octets).lines, "password") == Line(17, ".. .. .. .. .. .. .. ..", "password", None, "hidden")
    assert of(dump(octets, show_secrets=True).lines, "password").value == "hunter2"


def test_the_header_says_what_it_means():
    lines = dump(encode(SubmitSmResp(7, 0x58))).lines
    assert [(line.parameter, line.value, line.meaning) for line in lines] == [
        ("command_length", 16, ""),
        ("command_id", 0x80000004, "submit_sm_resp"),
        ("command_status", 0x58, "ESME_RTHROTTLED: throttled: the allowed message rate was exceeded"),
        ("sequence_number", 7, ""),
    ]


@pytest.mark.parametrize(
    ("parameter", "value", "says"),
    [
        ("source_addr_ton", 5, "ALPHANUMERIC"),
        ("dest_addr_npi", 1, "ISDN"),
        ("dest_addr_npi", 2, "reserved"),
        ("esm_class", 0x00, "DEFAULT"),
        ("esm_class", 0x43, "STORE_AND_FORWARD|UDHI"),
        ("esm_class", 0x04, "DELIVERY_RECEIPT"),
        ("esm_class", 0x18, "CONVERSATION_ABORT"),
        ("esm_class", 0x3C, "0x3C"),
        ("registered_delivery", 0x11, "RECEIPT|INTERMEDIATE_NOTIFICATION"),
        ("message_state", 2, "DELIVERED"),
        ("message_state", 77, "reserved"),
        ("interface_version", 0x34, "SMPP 3.4"),
        ("network_error_code", b"\3\0\5", "GSM error 5"),
        ("network_error_code", b"\7\1\0", "network 7 error 256"),
        ("network_error_code", b"\3", ""),
        ("command_status", 0x4FF, "VENDOR_0x000004FF: vendor's own status"),
        ("priority_flag", 1, ""),
    ],
)
def test_a_value_says_what_it_means(parameter: str, value: object, says: str):
    told = meaning(parameter, value)
    assert set(told.split("|")) == set(says.split("|"))


@given(st.integers(0, 255))
def test_every_octet_of_every_parameter_has_a_meaning_or_none(octet: int):
    for parameter in ("esm_class", "registered_delivery", "message_state", "source_addr_ton", "interface_version"):
        assert isinstance(meaning(parameter, octet), str)


def test_a_ucs2_text_is_shown_behind_its_user_data_header(read_hex: Callable[[str], bytes]):
    lines = dump(read_hex("submit_sm_ucs2_segment")).lines
    assert of(lines, "short_message").meaning == "UCS2? 'Привет'"


def test_a_text_of_eight_bits_is_shown(read_hex: Callable[[str], bytes]):
    assert of(dump(read_hex("deliver_sm_mo")).lines, "short_message").meaning == "ISO-8859-1? 'Grüße'"
    assert of(dump(read_hex("data_sm")).lines, "message_payload").meaning == "UCS2? 'Да'"


def test_flash_ucs2_is_ucs2_and_a_text_cannot_command_a_terminal():
    assert text_guess("Да".encode("utf-16-be"), 0x18) == "UCS2? 'Да'"
    assert "\x1b" not in text_guess(b"\x1b[2J", 0)
    assert text_guess(b"\xd8", 8) == "UCS2? '\ufffd'"


def test_tlvs_are_named_and_unknown_ones_marked(read_hex: Callable[[str], bytes]):
    lines = dump(read_hex("deliver_sm_receipt")).lines
    assert of(lines, "receipted_message_id").value == "855469"
    assert of(lines, "message_state") == Line(lines[-2].offset, "04 27 00 01 02", "message_state", 2, "DELIVERED")
    assert of(dump(read_hex("deliver_sm_unknown_tlvs")).lines, "0x1400").meaning == "unknown tag"


def test_a_vendors_tlv_is_named_by_the_vendors_table():
    octets = encode(DeliverSm(1, tlvs=(Tlv(0x1422, b"\0\7"),)))
    assert of(dump(octets, table=TLVS.extend({0x1422: ("price", UInt(2))})).lines, "price").value == 7


@pytest.mark.parametrize(
    ("name", "left", "problem"),
    [
        ("odd_stray_nul", "00", ""),
        ("odd_truncated_tlv", "00 1e 00 41 31 32 33 00", ""),
        ("bad_short_message_past_the_end", "10 68 69", "short_message at offset 43 runs past the end"),
        ("bad_no_end_of_source_addr", "41 43 4d 45", "source_addr at offset 19 runs past the end"),
        ("bad_unknown_command", "00", "unknown command_id"),
    ],
)
def test_what_could_not_be_read_is_shown_as_nobodys(
    name: str, left: str, problem: str, read_hex: Callable[[str], bytes]
):
    found = dump(read_hex(name))
    assert not found.is_whole
    assert (found.lines[-1].parameter, found.lines[-1].octets) == ("", left)
    assert found.problem.startswith(problem)
    assert found.problem or found.oddities


def test_a_response_that_ends_early_is_whole_and_odd(read_hex: Callable[[str], bytes]):
    found = dump(read_hex("odd_message_id_without_nul"))
    assert found.is_whole
    assert found.oddities == ("message_id runs past the end",)
    assert of(found.lines, "message_id").value == "855469"


def test_a_length_that_does_not_fit_is_a_problem():
    octets = encode(SubmitSm(1))
    assert dump(octets + b"\0").problem == f"command_length {len(octets)} where {len(octets) + 1} octets are there"
    assert dump(octets[:7]).problem == "7 octets are too few for a header"


def test_a_text_is_read_as_the_caller_reads_it(read_hex: Callable[[str], bytes]):
    asked = []

    def reading(octets: bytes, esm_class: int, data_coding: int) -> str:
        asked.append((octets[:1], esm_class, data_coding))
        return "what it says"

    for name, parameter in (("submit_sm_ucs2_segment", "short_message"), ("data_sm", "message_payload")):
        assert of(dump(read_hex(name), reading=reading).lines, parameter).meaning == "what it says"
    assert asked == [(b"\x05", 0x40, 8), (b"\x04", 0, 8)]


def test_a_password_that_is_too_long_is_hidden_too():
    head = HEADER.pack(16 + 31, BindTransceiver.command_id, 0, 1)
    for password in (b"Q" * 20 + b"\0", b"Q" * 21):
        shown = repr(dump(head + b"acme\0" + password + b"\0\0\x34\0\0"))
        assert "Q" not in shown
        assert "51" not in shown
