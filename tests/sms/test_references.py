import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme.errors import InvalidValue
from smpp_esme.sms.references import References


def test_each_pair_counts_by_itself():
    references = References(250)
    assert [references.next("ACME", "1") for _ in range(3)] == [250, 251, 252]
    assert [references.next("ACME", "2") for _ in range(2)] == [253, 254]
    assert references.next("OTHER", "1") == 255
    assert references.next("ACME", "1") == 253


def test_256_messages_to_one_number_all_differ_in_eight_bits_whatever_else_is_sent():
    references = References(7)
    given_out = []
    for number in range(256):
        given_out.append(references.next("ACME", "1") & 0xFF)
        for other in range(number % 5):
            references.next("ACME", f"other {other}")
    assert len(set(given_out)) == 256


def test_the_pairs_that_are_remembered_are_bounded_and_the_oldest_goes_first():
    references = References(0, limit=2)
    for destination in ("1", "2", "1", "3"):
        references.next("ACME", destination)
    assert len(references) == 2
    assert references.next("ACME", "1") == 2  # counted on: it was used after "2"
    assert references.next("ACME", "2") != 1  # forgotten, and does not begin where it began


def test_a_run_begun_by_the_clock_goes_on_behind_the_run_before():
    noon = 1_795_262_400
    before = References(noon)
    last = [before.next("ACME", "1") for _ in range(40)][-1]
    assert References(noon + 60).next("ACME", "1") > last


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 6)), max_size=80), st.integers(1, 4))
def test_a_pair_never_gets_the_reference_it_had_before(calls, limit):
    references = References(0, limit=limit)
    had = {}
    for source, destination in calls:
        reference = references.next(source, str(destination))
        assert reference > had.get((source, destination), -1)
        had[source, destination] = reference
        assert len(references) <= limit


def test_it_shows_no_numbers():
    references = References(0)
    references.next("ACME", "79161234567")
    assert repr(references) == "<References of 1 pairs>"


def test_no_pair_at_all_cannot_be_remembered():
    with pytest.raises(InvalidValue, match="limit: is 0; 1 or more"):
        References(0, limit=0)
