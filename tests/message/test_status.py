from itertools import permutations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme.message.status import (
    AGGREGATE_ORDER,
    FINAL,
    MOVES,
    VERDICTS,
    MessageStatus,
    aggregate,
    aggregates,
    is_final,
    may_move,
    of_message_state,
    sources,
)
from smpp_esme.protocol.parameters import MessageState

S = MessageStatus


def test_the_table_speaks_of_every_status_and_of_no_other():
    assert set(MOVES) == set(S)
    assert set(AGGREGATE_ORDER) == set(S)
    assert len(AGGREGATE_ORDER) == len(S)


def test_sources_reads_the_table_backwards():
    for status, to in product(S, S):
        assert (status in sources(to)) == may_move(status, to) == (to in MOVES[status])


def test_no_status_moves_to_itself():
    assert not any(may_move(status, status) for status in S)


def test_a_message_is_sent_again_only_by_a_path_that_leads_through_queued():
    assert sources(S.SUBMITTING) == {S.QUEUED}
    assert sources(S.QUEUED) == {S.SUBMITTING, S.IN_DOUBT}


def test_what_is_final_can_only_be_corrected_by_a_better_verdict():
    for status in FINAL:
        rank = VERDICTS.index(status) if status in VERDICTS else len(VERDICTS)
        assert all(VERDICTS.index(to) > rank for to in MOVES[status])


@pytest.mark.parametrize("status", [S.FAILED, S.CANCELLED, S.DELIVERED])
def test_some_ends_are_never_corrected(status):
    assert MOVES[status] == frozenset()


def test_delivered_is_the_truth_whenever_it_comes():
    for verdict in VERDICTS[:-1]:
        assert may_move(verdict, S.DELIVERED)


@given(st.lists(st.sampled_from(VERDICTS), min_size=1, max_size=4))
def test_receipts_in_any_order_and_repeated_end_in_the_same_status(verdicts):
    ends = set()
    for order in permutations(verdicts):
        status = S.SUBMITTED
        for to in (*order, *order):
            status = to if may_move(status, to) else status
        ends.add(status)
    assert ends == {max(verdicts, key=VERDICTS.index)}


@pytest.mark.parametrize(
    ("statuses", "whole"),
    [
        ([S.DELIVERED, S.DELIVERED], S.DELIVERED),
        ([S.DELIVERED, S.SUBMITTED], S.SUBMITTED),
        ([S.DELIVERED, S.UNDELIVERABLE], S.UNDELIVERABLE),
        ([S.EXPIRED, S.UNDELIVERABLE], S.UNDELIVERABLE),
        ([S.UNKNOWN, S.REJECTED], S.UNKNOWN),
        ([S.UNDELIVERABLE, S.SUBMITTED], S.SUBMITTED),
        ([S.IN_DOUBT, S.SUBMITTED], S.IN_DOUBT),
        ([S.IN_DOUBT, S.QUEUED], S.QUEUED),
        ([S.FAILED, S.SUBMITTED], S.FAILED),
        ([S.FAILED, S.SUBMITTING], S.SUBMITTING),
        ([S.CANCELLED, S.DELIVERED], S.CANCELLED),
    ],
)
def test_a_message_is_what_its_segments_add_up_to(statuses, whole):
    assert aggregate(statuses) is whole
    assert aggregate(reversed(statuses)) is whole


def test_a_message_is_delivered_only_when_every_segment_is():
    for pair in product(S, S):
        assert (aggregate(pair) is S.DELIVERED) == (set(pair) == {S.DELIVERED})


def test_nothing_has_no_status():
    for question in (aggregate, aggregates):
        with pytest.raises(ValueError, match="empty"):
            question([])


@given(st.lists(st.sampled_from(S), min_size=1, max_size=4))
def test_all_any_and_worst_of_the_segments(statuses):
    found = aggregates(statuses)
    assert found.all == (statuses[0] if len(set(statuses)) == 1 else None)
    assert found.worst is aggregate(statuses)
    assert found.any is [one for one in AGGREGATE_ORDER if one in statuses][-1]


def test_one_delivered_segment_of_two_is_any_and_not_all():
    found = aggregates([S.DELIVERED, S.EXPIRED])
    assert (found.all, found.any, found.worst) == (None, S.DELIVERED, S.EXPIRED)


def test_every_state_of_the_smsc_has_a_status_and_only_the_final_ones_are_final():
    unfinished = {MessageState.SCHEDULED, MessageState.ENROUTE, MessageState.ACCEPTED}
    for state in MessageState:
        assert is_final(of_message_state(state)) == (state not in unfinished)
