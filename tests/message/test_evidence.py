"""A receipt of an unknown id ends a doubt only where nothing else explains it."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme.message.evidence import CLOCKS, Awaiting, Match, Orphan, matches, significant, spellings

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
ATTEMPT = timedelta(minutes=1)
WHO = ("main", "79990000000")


def doubt(message=1, number=1, *, claimed_at=NOW, in_doubt=True):
    return Awaiting(message=message, number=number, claimed_at=claimed_at, in_doubt=in_doubt)


def orphan(id=1, message_id="A", *, submitted_at=NOW, received_at=NOW + timedelta(seconds=5)):  # noqa: A002 - its name
    return Orphan(id=id, message_id=message_id, submitted_at=submitted_at, received_at=received_at)


def found(segments, orphans, who=WHO):
    return matches({WHO: segments}, {who: orphans}, ATTEMPT)


def test_one_message_and_one_receipt_belong_together():
    assert found([doubt()], [orphan()]) == [Match(message=1, number=1, message_id="A", receipts=(1,))]


def test_all_receipts_of_the_id_come_along_in_their_order():
    [match] = found([doubt()], [orphan(7), orphan(3), orphan(5)])
    assert match.receipts == (3, 5, 7)


@pytest.mark.parametrize(
    ("segments", "orphans"),
    [
        ([doubt(1), doubt(2)], [orphan()]),
        ([doubt(1), doubt(2)], [orphan(1, "A"), orphan(2, "B")]),
        ([doubt()], [orphan(1, "A"), orphan(2, "B")]),
        ([doubt(1), doubt(2, in_doubt=False)], [orphan()]),
        ([doubt(in_doubt=False)], [orphan()]),
        ([doubt()], [orphan(message_id="")]),
        ([doubt()], [orphan(submitted_at=None)]),
        ([doubt()], []),
        ([], [orphan()]),
    ],
    ids=[
        "two messages",
        "two messages and two receipts",
        "two ids",
        "another message waits for its receipt",
        "a message that is not in doubt",
        "no id",
        "no submit date",
        "no receipt",
        "no message",
    ],
)
def test_what_is_ambiguous_stays_as_it_is(segments, orphans):
    assert found(segments, orphans) == []


@pytest.mark.parametrize(
    ("off", "fits"),
    [
        (-CLOCKS, True),
        (-CLOCKS - timedelta(seconds=1), False),
        (ATTEMPT + CLOCKS, True),
        (ATTEMPT + CLOCKS + timedelta(seconds=1), False),
    ],
)
def test_the_smsc_must_say_that_it_was_submitted_while_we_were_submitting(off, fits):
    assert bool(found([doubt()], [orphan(submitted_at=NOW + off, received_at=NOW + timedelta(hours=1))])) is fits


def test_a_receipt_that_came_before_is_somebody_elses():
    assert found([doubt()], [orphan(received_at=NOW - timedelta(hours=1))]) == []


def test_messages_of_different_times_do_not_stand_in_each_others_way():
    later = NOW + timedelta(hours=1)
    pairs = found(
        [doubt(1), doubt(2, claimed_at=later)],
        [orphan(1, "A"), orphan(2, "B", submitted_at=later, received_at=later)],
    )
    assert [(each.message, each.message_id) for each in pairs] == [(1, "A"), (2, "B")]


def test_a_long_message_has_as_many_ids_as_segments_in_doubt_or_stays():
    segments = [doubt(number=number) for number in (2, 1)]
    assert found(segments, [orphan(1, "A")]) == []
    pairs = found(segments, [orphan(1, "A"), orphan(2, "B")])
    assert [(each.number, each.message_id) for each in pairs] == [(1, "A"), (2, "B")]


def test_a_receipt_of_another_link_is_nobodys():
    assert found([doubt()], [orphan()], who=("other", WHO[1])) == []


@pytest.mark.parametrize("number", ["79990000000", "+79990000000", "0079990000000"])
def test_a_number_is_the_same_however_it_is_written(number):
    assert significant(number) == "79990000000"
    assert number in spellings(number)


def test_a_sender_without_digits_has_no_spelling():
    assert spellings("+0") == ()


_moments = st.integers(-600, 600).map(lambda seconds: NOW + timedelta(seconds=seconds))
_segments = st.builds(doubt, st.integers(1, 4), st.integers(1, 3), claimed_at=_moments, in_doubt=st.booleans())
_orphans = st.builds(
    orphan, st.integers(1, 9), st.sampled_from("ABC"), submitted_at=st.none() | _moments, received_at=_moments
)


@given(
    st.lists(_segments, max_size=6, unique_by=lambda one: (one.message, one.number)),
    st.lists(_orphans, max_size=6, unique_by=lambda one: one.id),
)
def test_no_receipt_and_no_segment_is_given_away_twice_and_only_doubts_end(segments, orphans):
    pairs = found(segments, orphans)
    given_away = [each for pair in pairs for each in pair.receipts]
    assert len(given_away) == len(set(given_away))
    ended = [(pair.message, pair.number) for pair in pairs]
    assert len(ended) == len(set(ended))
    assert set(ended) <= {(one.message, one.number) for one in segments if one.in_doubt}
