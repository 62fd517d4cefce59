from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme import testing
from smpp_esme.protocol.codec import encode
from smpp_esme.protocol.composites import Composite, Flagged, Several
from smpp_esme.protocol.dump import Line, dump, text_guess
from smpp_esme.protocol.layout import HEADER
from smpp_esme.protocol.pdus import (
    BindTransceiver,
    DeliverSm,
    Outbind,
    Pdu,
    SubmitMulti,
    SubmitMultiResp,
    SubmitSm,
    SubmitSmResp,
)
from smpp_esme.protocol.tlvs import TLVS, Tlv
from smpp_esme.protocol.wire import Record, UInt

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
    if len(lines) > 4 + len(pdu.tlvs) or not pdu.layout.fields:
        expected = [pair for name, wire_type in pdu.layout.fields for pair in flat(name, wire_type, getattr(pdu, name))]
        shown = [(line.parameter, line.value) for line in lines[4:]]
        assert shown == [*expected, *((TLVS.name(tlv.tag), plain(tlv)) for tlv in pdu.tlvs)]


def flat(name: str, wire_type: Any, value: Any) -> list[tuple[str, Any]]:
    """A parameter as a dump has it: the elements of a list one after another."""
    match wire_type:
        case Several():
            return [
                (wire_type.count, len(value)),
                *(pair for one in value for pair in flat("", wire_type.element, one)),
            ]
        case Flagged():
            ((flag, kind),) = [pair for pair in wire_type.kinds.items() if pair[1].record is type(value)]
            return [(wire_type.flag, flag), *flat("", kind, value)]
        case Composite():
            return [(part, getattr(value, part)) for part, _ in wire_type.fields]
    return [(name, value)]


def plain(tlv: Tlv) -> Any:
    """The value of a TLV as a dump has it: a structure's are its octets."""
    value = TLVS.value(tlv)
    return tlv.octets if isinstance(value, Record) else value


@given(
    st.binary(max_size=60)
    | st.builds(lambda record, body: HEADER.pack(16 + len(body), record.command_id, 0, 1) + body,
                st.sampled_from([BindTransceiver, Outbind, SubmitMulti, SubmitMultiResp, SubmitSm]),
                st.binary(max_size=60))
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


def test_a_list_is_shown_parameter_by_parameter(read_hex: Callable[[str], bytes]):
    lines = dump(read_hex("submit_multi")).lines
    start = next(at for at, line in enumerate(lines) if line.parameter == "number_of_dests")
    assert [(line.offset, line.parameter, line.value, line.meaning) for line in lines[start : start + 7]] == [
        (24, "number_of_dests", 2, ""),
        (25, "dest_flag", 1, "SME_ADDRESS"),
        (26, "dest_addr_ton", 1, "INTERNATIONAL"),
        (27, "dest_addr_npi", 1, "ISDN"),
        (28, "destination_addr", "79991234567", ""),
        (40, "dest_flag", 2, "DISTRIBUTION_LIST"),
        (41, "dl_name", "staff", ""),
    ]
    lines = dump(read_hex("submit_multi_resp")).lines
    assert [line.meaning for line in lines if line.parameter == "error_status_code"] == [
        "ESME_RINVDSTADR: destination address is invalid",
        "VENDOR_0x000004FF: vendor's own status",
    ]


def test_a_list_that_ends_early_is_shown_to_its_end(read_hex: Callable[[str], bytes]):
    found = dump(read_hex("odd_no_unsuccess_too_high"))
    assert found.lines[-1] == Line(41, "37 39", "destination_addr", "79", "runs past the end")
    assert found.oddities == ("unsuccess_sme runs past the end",)


def test_a_structured_tlv_shows_its_octets_and_says_what_they_are(read_hex: Callable[[str], bytes]):
    line = of(dump(read_hex("broadcast_sm")).lines, "broadcast_frequency_interval")
    assert (line.octets, line.value) == ("06 05 00 03 09 00 1f", b"\x09\x00\x1f")
    assert line.meaning == "unit MINUTES, number 31"


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
        ("bad_dest_flag", "37 39 39 39 31", "dest_address at offset 24: dest_flag 3 is unknown"),
    ],
)
def test_what_could_not_be_read_is_shown_as_nobodys(
    name: str, left: str, problem: str, read_hex: Callable[[str], bytes]
):
    found = dump(read_hex(name))
    assert not found.is_whole
    assert (found.lines[-1].parameter, found.lines[-1].octets[: len(left)]) == ("", left)
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
