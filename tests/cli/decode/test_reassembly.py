from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from smpp_esme.cli.decode.reassembly import Gap, Reassembly

STREAM = bytes(range(200))


def started(first: int = 0) -> Reassembly:
    reassembly = Reassembly()
    reassembly.start(first)
    return reassembly


@st.composite
def slices(draw):
    """Pieces of the stream with their offsets: all of it, some of it twice, in any order."""
    cuts = sorted({0, len(STREAM), *draw(st.lists(st.integers(1, len(STREAM) - 1), max_size=20))})
    again = draw(st.lists(st.tuples(st.integers(0, 199), st.integers(1, 60)), max_size=10))
    pieces = [(a, STREAM[a:b]) for a, b in pairwise(cuts)] + [(at, STREAM[at : at + size]) for at, size in again]
    return draw(st.permutations(pieces))


@given(slices(), st.integers(0, 2**32 - 1))
def test_any_order_and_any_repetition_give_the_same_octets(pieces, first):
    reassembly = started(first)
    found = [one for at, octets in pieces for one in reassembly.add((first + at) % 2**32, octets)]
    assert b"".join(found) == STREAM
    assert reassembly.cost == 0


def test_a_stream_without_a_beginning_begins_with_what_is_seen_first():
    reassembly = Reassembly()
    assert reassembly.add(7, b"abc") == [b"abc"]
    assert reassembly.add(5, b"yyabcd") == [b"d"]
    assert reassembly.first == 7


def test_what_comes_early_waits_until_the_hole_is_given_up():
    reassembly = started()
    assert reassembly.add(3, b"defg") == []
    assert reassembly.cost > 4
    assert reassembly.add(10, b"klm") == []
    assert reassembly.give_up() == [Gap(3), b"defg"]
    assert reassembly.give_up() == [Gap(3), b"klm"]
    assert reassembly.give_up() == []
    assert reassembly.cost == 0


def test_what_was_given_up_and_comes_after_all_is_passed_over():
    reassembly = started()
    reassembly.add(3, b"def")
    reassembly.give_up()
    assert reassembly.add(0, b"abcdefgh") == [b"gh"]


def test_octets_that_were_not_captured_are_a_hole_at_once():
    reassembly = started()
    assert reassembly.add(0, b"abc", 4) == [b"abc", Gap(4, cut=True)]
    assert reassembly.add(7, b"hij") == [b"hij"]


def test_octets_that_were_not_captured_may_be_in_a_repetition():
    reassembly = started()
    assert reassembly.add(4, b"ef", 2) == []
    assert reassembly.add(4, b"efgh") == []
    assert reassembly.add(0, b"abcd") == [b"abcd", b"efgh"]


def test_a_keep_alive_carries_nothing():
    reassembly = started(10)
    reassembly.add(10, b"abc")
    assert reassembly.add(12, b"\0") == []
    assert reassembly.cost == 0


def test_an_acknowledgement_tells_of_what_is_lacking():
    reassembly = started()
    assert not reassembly.lacks(100)
    reassembly.add(3, b"def")
    assert not reassembly.lacks(2)
    assert reassembly.lacks(3)
    assert reassembly.lacks(6)
