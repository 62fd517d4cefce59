from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme import testing
from smpp_esme.protocol import reference
from smpp_esme.protocol.wire import SMPP_5_0, CString, Octets, Privacy, Text, UInt, joined

if TYPE_CHECKING:
    from smpp_esme.protocol.wire import WireType

WIRE_TYPES: list[WireType] = [
    UInt(1),
    UInt(2),
    UInt(4),
    CString(1),
    CString(16),
    CString(17, exact=True),
    Octets(254),
    Octets(255, least=2),
    Octets(254, limit_5_0=255),
]


each_wire_type = pytest.mark.parametrize(
    "wire_type", WIRE_TYPES, ids=lambda wire_type: f"{type(wire_type).__name__}-{wire_type.limit}"
)


@each_wire_type
@given(data=st.data())
def test_what_a_wire_type_can_hold_has_no_problem_and_comes_back(wire_type: WireType, data: st.DataObject):
    value = data.draw(testing.values(wire_type))
    assert wire_type.problem(value) is None
    octets = reference.parameter(wire_type).build(value)
    assert wire_type.read(octets, 0) == (value, len(octets))
    assert wire_type.from_octets(wire_type.to_octets(value)) == value


@each_wire_type
@given(data=st.data(), before=st.binary(max_size=5), after=st.binary(max_size=5))
def test_reading_begins_and_ends_where_construct_says(
    wire_type: WireType, data: st.DataObject, before: bytes, after: bytes
):
    octets = reference.parameter(wire_type).build(data.draw(testing.values(wire_type)))
    value, end = wire_type.read(before + octets + after, len(before))
    assert (value, end) == (reference.parameter(wire_type).parse(octets), len(before) + len(octets))


@each_wire_type
@given(data=st.data())
def test_a_value_that_is_cut_short_is_an_index_error(wire_type: WireType, data: st.DataObject):
    octets = reference.parameter(wire_type).build(data.draw(testing.values(wire_type)))
    with pytest.raises(IndexError):
        wire_type.read(octets[:-1], 0)


@each_wire_type
@given(octets=st.binary(max_size=300))
def test_a_tlv_may_hold_anything(wire_type: WireType, octets: bytes):
    assert type(wire_type.from_octets(octets)) is type(wire_type.default)


@each_wire_type
def test_the_default_can_be_sent(wire_type: WireType):
    if not vars(wire_type).get("least"):
        assert wire_type.problem(wire_type.default) is None


@pytest.mark.parametrize(
    ("wire_type", "value", "problem"),
    [
        (UInt(1), 256, "out of range"),
        (UInt(2), -1, "out of range"),
        (UInt(4), 1 << 32, "out of range"),
        (UInt(1), "1", "out of range"),
        (UInt(1), None, "out of range"),
        (UInt(1), 1.0, "out of range"),
        (Text(6), "12345", "5 characters"),
        (Text(6), "1234567", "7 characters"),
        (Text(5, least=1), "", "0 characters"),
        (Text(6), "12345\0", "cannot be sent"),
        (Text(6), "12345é", "cannot be sent"),
        (Text(6), b"123456", "not a string"),
        (CString(6), "sixsix", "6 characters"),
        (CString(6), "\0", "cannot carry"),
        (CString(6), "é", "cannot carry"),
        (CString(6), b"abc", "not a string"),
        (CString(6), None, "not a string"),
        (CString(17, exact=True), "2" * 15, "15 characters"),
        (CString(17, exact=True), "2" * 17, "17 characters"),
        (Octets(254), bytes(255), "255 octets"),
        (Octets(23, least=2), b"1", "1 octets"),
        (Octets(254), "text", "not bytes"),
        (Octets(254), bytearray(1), "not bytes"),
    ],
)
def test_a_value_that_does_not_fit_is_told_what_would(wire_type: WireType, value: Any, problem: str):
    found = wire_type.problem(value)
    assert found is not None
    said, allowed = found
    assert problem in said
    assert allowed


def test_what_5_0_allows_is_no_problem_to_5_0():
    assert Octets(254, limit_5_0=255).problem(bytes(255), SMPP_5_0) is None
    assert Octets(254, limit_5_0=255).problem(bytes(256), SMPP_5_0) == ("256 octets", "0 to 255 octets")


@given(st.text(st.characters(min_codepoint=1, max_codepoint=127), min_size=1, max_size=5), st.booleans())
def test_a_text_is_read_with_a_nul_and_without_one(text: str, nul: bool):
    digits = Text(5, least=1)
    assert digits.problem(text) is None
    assert digits.to_octets(text) == text.encode()
    assert digits.from_octets(text.encode() + b"\0" * nul) == text


def test_a_zero_that_is_no_octets_is_read_either_way():
    alert = UInt(1, zero_is_empty=True)
    assert [alert.to_octets(value) for value in (0, 1)] == [b"", b"\1"]
    assert [alert.from_octets(octets) for octets in (b"", b"\0", b"\1")] == [0, 0, 1]


def test_neighbouring_strings_share_one_join():
    pieces = [("text", "a"), ("text", "b"), ("octets", "c"), ("text", "d")]
    assert joined(pieces) == "''.join((a, b,)).encode('latin-1') + c + ''.join((d,)).encode('latin-1')"
    assert joined([]) == "b''"


def test_a_private_value_is_not_quoted_in_its_problem():
    for privacy in (Privacy.PERSONAL, Privacy.SECRET):
        assert "hunter2" not in str(CString(4, privacy=privacy).problem("hunter2"))


def test_a_value_without_end_is_quoted_in_part():
    said, _ = CString(6).problem("a" * 100_000) or ("", "")
    assert len(said) < 200


@pytest.mark.parametrize(
    ("octets", "value"), [(b"", 0), (b"\2", 2), (b"\0\2", 2), (b"\0\0\0\2", 2), (bytes(100) + b"\2", 2)]
)
def test_an_integer_of_another_width_keeps_its_value(octets: bytes, value: int):
    assert UInt(1).from_octets(octets) == value


@pytest.mark.parametrize("octets", [b"ABC0", b"ABC0\0", b"ABC0\0\0\0"])
def test_a_string_tlv_is_read_with_its_nul_without_it_and_padded(octets: bytes):
    assert CString(65).from_octets(octets) == "ABC0"
