from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme.errors import InvalidValue
from smpp_esme.message.message import Message, ReceiptFact, Segment, new_reference, reference_number
from smpp_esme.message.status import MessageStatus

NOW = datetime(2026, 1, 1, tzinfo=UTC)
random_bits = st.integers(0, 2**80 - 1)
instants = st.integers(0, 2**48 * 1_000_000 - 1)


@given(instants, random_bits, instants, random_bits)
def test_references_sort_by_the_millisecond_in_which_they_were_made(one, its_bits, other, others_bits):
    first, second = new_reference(one, its_bits), new_reference(other, others_bits)
    if one // 1_000_000 != other // 1_000_000:
        assert (first < second) == (one < other)
    else:
        assert (first == second) == (its_bits == others_bits)


@given(instants, random_bits)
def test_a_reference_is_26_letters_and_digits_that_cannot_be_mistaken(now_ns, bits):
    reference = new_reference(now_ns, bits)
    assert len(reference) == 26
    assert not set(reference) - set("0123456789ABCDEFGHJKMNPQRSTVWXYZ")


@given(instants, random_bits)
def test_the_number_of_a_reference_is_what_it_was_made_of(now_ns, bits):
    assert reference_number(new_reference(now_ns, bits)) == now_ns // 1_000_000 << 80 | bits


@pytest.mark.parametrize("reference", ["", "R", "0" * 25, "0" * 27, "8" + "0" * 25, "+" * 26, "U" * 26, "-" + "0" * 25])
def test_what_is_no_reference_has_no_number(reference):
    with pytest.raises(InvalidValue, match="reference"):
        reference_number(reference)


@pytest.mark.parametrize("bits", [-1, 2**80])
def test_random_bits_outside_their_range_are_refused(bits):
    with pytest.raises(InvalidValue, match="random_bits"):
        new_reference(0, bits)


def test_neither_text_nor_number_appears_in_a_repr():
    segment = Segment(number=1, short_message=b"top secret")
    message = Message(
        reference="R",
        source_addr="SENDER",
        destination_addr="79991234567",
        text="top secret",
        link="main",
        created_at=NOW,
        segments=[segment],
    )
    fact = ReceiptFact(
        link="main",
        message_id="7",
        source_addr="79991234567",
        message_status=MessageStatus.DELIVERED,
        raw=b"id:7 text:top secret",
        received_at=NOW,
    )
    told = f"{message!r} {segment!r} {fact!r}"
    assert "secret" not in told
    assert "7999" not in told
    assert "SENDER" not in told
    assert "R" in repr(message)
