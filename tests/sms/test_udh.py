import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme.errors import InvalidValue
from smpp_esme.sms import udh
from smpp_esme.sms.udh import Concatenation, Element

ELEMENTS = st.lists(st.builds(Element, st.integers(0, 255), st.binary(max_size=10)), min_size=1, max_size=8).map(tuple)


def test_an_8_bit_reference_is_read():
    elements, text = udh.split(bytes.fromhex("0500030c0201 6869"))
    assert udh.concatenation(elements) == Concatenation(12, 2, 1)
    assert text == b"hi"


def test_a_16_bit_reference_is_read():
    elements, text = udh.split(bytes.fromhex("060804012c0302 6869"))
    assert udh.concatenation(elements) == Concatenation(300, 3, 2, wide=True)
    assert text == b"hi"


def test_elements_that_are_not_understood_are_kept():
    elements, text = udh.split(bytes.fromhex("0b 05040b8423f0 0003420201 68"))
    assert elements[0] == Element(0x05, bytes.fromhex("0b8423f0"))
    assert udh.concatenation(elements) == Concatenation(0x42, 2, 1)
    assert text == b"h"


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        ("0400020201", "two octets are no 8-bit concatenation"),
        ("0408020201", "two octets are no 16-bit concatenation"),
        ("0500034200 01", "no segments at all"),
        ("0500034202 00", "sequence begins with 1"),
        ("0500034202 03", "sequence beyond total"),
        ("050803420201", "an 8-bit reference under the identifier of 16 bits"),
        ("0401020201", "another element"),
        ("00", "a header of no elements"),
    ],
)
def test_an_element_that_makes_no_sense_says_nothing_of_concatenation(octets, why):
    elements, text = udh.split(bytes.fromhex(octets))
    assert udh.concatenation(elements) is None, why
    assert text == b""


def test_the_last_element_that_makes_sense_counts():
    elements, _ = udh.split(bytes.fromhex("0f 0003010201 0003020202 0003030209"))
    assert udh.concatenation(elements) == Concatenation(2, 2, 2)


def test_an_element_that_ends_beyond_the_header_ends_the_reading():
    elements, text = udh.split(bytes.fromhex("07 010161 05096263 64"))
    assert elements == (Element(1, b"a"),)
    assert text == b"d"


@pytest.mark.parametrize("octets", [b"", b"\x05", b"\xffabc"])
def test_a_header_longer_than_the_octets_is_text(octets):
    assert udh.split(octets) == ((), octets)


def test_no_elements_are_no_header():
    assert udh.build(()) == b""


def test_a_header_leaves_room_for_text():
    with pytest.raises(InvalidValue, match="140"):
        udh.build((Element(0x24, b"x" * 100), Element(0x25, b"x" * 40)))


@given(ELEMENTS, st.binary(max_size=140))
def test_what_is_built_is_split_again(elements, text):
    assert udh.split(udh.build(elements) + text) == (elements, text)


@given(st.binary(max_size=255))
def test_any_octets_split(octets):
    elements, text = udh.split(octets)
    assert octets.endswith(text)
    found = udh.concatenation(elements)
    assert found is None or 1 <= found.sequence <= found.total


@given(st.integers(0, 0xFFFF), st.integers(1, 255), st.booleans(), st.data())
def test_a_concatenation_is_the_same_after_a_round_trip(reference, total, wide, data):
    written = Concatenation(reference if wide else reference & 0xFF, total, data.draw(st.integers(1, total)), wide=wide)
    elements, _ = udh.split(udh.build((written.element(),)))
    assert udh.concatenation(elements) == written
