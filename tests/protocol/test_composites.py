from __future__ import annotations

from typing import Annotated, Any

import construct
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme import testing
from smpp_esme.protocol import reference
from smpp_esme.protocol.composites import Composite, Flagged, Several
from smpp_esme.protocol.pdus import DistributionList, SmeAddress, UnsuccessSme
from smpp_esme.protocol.wire import SMPP_5_0, Octets, Record, UInt


class Pair(Record, frozen=True, gc=False):
    """What no PDU has in a list yet: octets and an integer of two octets."""

    octets: Annotated[bytes, Octets(3, least=1)] = b""
    number: Annotated[int, UInt(2)] = 0


DESTINATION = Flagged("dest_flag", {1: SmeAddress, 2: DistributionList})
TYPES = {
    "composite": Composite(UnsuccessSme),
    "pair": Composite(Pair),
    "flagged": DESTINATION,
    "several": Several(DESTINATION, count="number_of_dests", limit=254, limit_5_0=255, least=1),
    "several composites": Several(Composite(Pair), count="count"),
}
each_type = pytest.mark.parametrize("wire_type", TYPES.values(), ids=TYPES)


@each_type
@given(data=st.data(), before=st.binary(max_size=5), after=st.binary(max_size=5))
def test_reading_begins_and_ends_where_construct_says(wire_type: Any, data: st.DataObject, before: bytes, after: bytes):
    value = data.draw(testing.values(wire_type))
    assert wire_type.problem(value) is None
    octets = reference.parameter(wire_type).build(value)
    assert reference.parameter(wire_type).parse(octets) == value
    assert wire_type.read(before + octets + after, len(before)) == (value, len(before) + len(octets))


@each_type
@given(data=st.data())
def test_a_value_that_is_cut_short_is_an_index_error(wire_type: Any, data: st.DataObject):
    octets = reference.parameter(wire_type).build(data.draw(testing.values(wire_type)))
    for end in range(len(octets)):
        with pytest.raises(IndexError):
            wire_type.read(octets[:end], 0)


@given(st.binary(max_size=60))
def test_a_list_of_any_octets_has_the_elements_that_are_whole(octets: bytes):
    for name in ("several", "several composites"):
        several = TYPES[name]
        value = several.from_octets(octets)
        if value:
            assert octets[1:].startswith(reference.parameter(several).build(value)[1:])


def test_a_list_of_octets_is_what_was_built():
    several = TYPES["several"]
    value = (SmeAddress(1, 1, "79"), DistributionList("staff"))
    octets = bytes.fromhex("02 01 01 01 37 39 00 02 73 74 61 66 66 00")
    assert several.from_octets(octets) == value
    assert reference.parameter(several).build(value) == octets


def test_a_flag_of_nothing_is_a_value_error_and_to_construct_an_error():
    with pytest.raises(ValueError, match="dest_flag 3 is unknown"):
        DESTINATION.read(b"\3\0", 0)
    with pytest.raises(construct.ConstructError):
        reference.parameter(DESTINATION).parse(b"\3\0")


@pytest.mark.parametrize(
    ("name", "value", "problem", "allowed"),
    [
        ("composite", None, "NoneType is none", "a UnsuccessSme"),
        ("composite", SmeAddress(), "SmeAddress is none", "a UnsuccessSme"),
        ("composite", UnsuccessSme(dest_addr_npi=-1), "dest_addr_npi: -1 is out of range", "an integer from 0 to 255"),
        ("flagged", UnsuccessSme(), "UnsuccessSme is none", "SmeAddress or DistributionList"),
        ("several", (), "there are 0", "1 to 254"),
        ("several", (SmeAddress(),) * 255, "there are 255", "1 to 254"),
        ("several", [SmeAddress()], "list is no tuple", "a tuple"),
        ("several composites", (Pair(b"1"), Pair()), "[1] octets: 0 octets", "1 to 3 octets"),
    ],
)
def test_a_value_that_does_not_fit_is_told_what_would(name: str, value: Any, problem: str, allowed: str):
    assert TYPES[name].problem(value) == (problem, allowed)


def test_5_0_takes_one_more():
    assert TYPES["several"].problem((SmeAddress(),) * 255, SMPP_5_0) is None
    assert TYPES["several"].problem((SmeAddress(),) * 256, SMPP_5_0) == ("there are 256", "1 to 255")
