"""A ledger decides; these tests read its decisions without a database."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme.message.ledger import Ledger, SegmentStanding, Standing
from smpp_esme.message.message import Accepted, Answer, ReceiptFact, Refused, Unanswered
from smpp_esme.message.retry import Retry
from smpp_esme.message.status import VERDICTS, MessageStatus, aggregate, may_move

S = MessageStatus
NOW = datetime(2026, 1, 1, tzinfo=UTC)
RETRY = Retry()
THROTTLED = Refused(0x58, "ESME_RTHROTTLED", "throttled", retryable=True)
INVALID = Refused(0x0B, "ESME_RINVDSTADR", "destination address is invalid", retryable=False)


def ledger_of(*statuses, attempts=1):
    segments = [SegmentStanding(100 + number, number, status) for number, status in enumerate(statuses, 1)]
    return Ledger([Standing(1, "R", aggregate(statuses), attempts, segments)])


def answered(ledger, segment, outcome):
    return ledger.answer(Answer(1, segment, outcome), retry=RETRY, at=NOW)


def fact(status, *, final=True, error=None, hlr=None):
    return ReceiptFact(
        link="main", message_id="x", message_status=status, final=final, error=error, hlr=hlr, received_at=NOW
    )


def steps(ledger):
    return [(move.segment, move.previous, move.status) for move in ledger.moves]


def test_an_accepted_segment_learns_its_message_id():
    ledger = ledger_of(S.SUBMITTING)
    assert answered(ledger, 1, Accepted("0A"))
    assert ledger.segments[101].message_id == "0A"
    assert ledger.messages[1].to is S.SUBMITTED
    assert steps(ledger) == [(None, S.SUBMITTING, S.SUBMITTED)]
    assert ledger.moves[0].detail == {"message_id": "0A", "command_status": 0}


def test_a_throttled_message_is_queued_again_for_later():
    ledger = ledger_of(S.SUBMITTING)
    assert answered(ledger, 1, THROTTLED)
    assert ledger.messages[1].to is S.QUEUED
    assert ledger.messages[1].error == "ESME_RTHROTTLED"
    assert ledger.messages[1].given_back == 0
    assert ledger.notes[1].next_attempt_at == NOW + timedelta(seconds=1)


def test_a_refusal_for_good_fails_the_message_and_says_why():
    ledger = ledger_of(S.SUBMITTING)
    assert answered(ledger, 1, INVALID)
    change = ledger.messages[1]
    assert (change.to, change.error, change.final_at) == (S.FAILED, "ESME_RINVDSTADR", NOW)
    assert ledger.segments[101].command_status == 0x0B


def test_what_was_never_written_costs_no_attempt():
    ledger = ledger_of(S.SUBMITTING)
    assert answered(ledger, 1, Unanswered(written=False))
    assert (ledger.messages[1].to, ledger.messages[1].given_back) == (S.QUEUED, 1)


def test_what_may_have_been_written_is_in_doubt():
    ledger = ledger_of(S.SUBMITTING)
    assert answered(ledger, 1, Unanswered(written=True))
    assert ledger.messages[1].to is S.IN_DOUBT


def test_a_response_that_comes_late_after_all_ends_the_doubt():
    ledger = ledger_of(S.IN_DOUBT)
    assert answered(ledger, 1, Accepted("7"))
    assert ledger.messages[1].to is S.SUBMITTED


def test_a_message_waits_for_the_last_of_its_segments():
    ledger = ledger_of(S.SUBMITTING, S.SUBMITTING)
    answered(ledger, 1, Accepted("1"))
    assert ledger.messages == {}
    answered(ledger, 2, Accepted("2"))
    assert ledger.messages[1].to is S.SUBMITTED
    assert steps(ledger) == [
        (1, S.SUBMITTING, S.SUBMITTED),
        (2, S.SUBMITTING, S.SUBMITTED),
        (None, S.SUBMITTING, S.SUBMITTED),
    ]


def test_only_what_was_refused_for_now_is_sent_again():
    ledger = ledger_of(S.SUBMITTING, S.SUBMITTING)
    answered(ledger, 1, Accepted("1"))
    answered(ledger, 2, THROTTLED)
    assert ledger.segments[101].to is S.SUBMITTED
    assert ledger.segments[102].to is S.QUEUED
    assert ledger.messages[1].to is S.QUEUED


def test_once_a_segment_is_refused_for_good_no_other_is_sent():
    for order in ([THROTTLED, INVALID], [INVALID, THROTTLED]):
        ledger = ledger_of(S.SUBMITTING, S.SUBMITTING)
        for segment, outcome in enumerate(order, 1):
            answered(ledger, segment, outcome)
        assert {change.to for change in ledger.segments.values()} == {S.FAILED}
        assert ledger.messages[1].to is S.FAILED
        assert ledger.messages[1].error in {"ESME_RINVDSTADR", "ESME_RTHROTTLED"}


def test_the_error_of_a_message_is_that_of_the_segment_which_decided():
    ledger = ledger_of(S.SUBMITTED, S.SUBMITTED)
    assert ledger.receipt(1, 1, fact(S.UNDELIVERABLE, error="255"), at=NOW)
    assert ledger.receipt(1, 2, fact(S.DELIVERED, error="000"), at=NOW)
    assert (ledger.messages[1].to, ledger.messages[1].error) == (S.UNDELIVERABLE, "255")


def test_a_repeated_receipt_moves_nothing():
    ledger = ledger_of(S.DELIVERED)
    assert not ledger.receipt(1, 1, fact(S.DELIVERED), at=NOW)
    assert not ledger.receipt(1, 1, fact(S.EXPIRED), at=NOW)
    assert (ledger.segments, ledger.messages, ledger.notes, ledger.moves) == ({}, {}, {}, [])


def test_delivered_after_expired_is_believed_and_both_are_told():
    ledger = ledger_of(S.SUBMITTED)
    assert ledger.receipt(1, 1, fact(S.EXPIRED), at=NOW)
    assert ledger.receipt(1, 1, fact(S.DELIVERED), at=NOW)
    assert ledger.messages[1].to is S.DELIVERED
    assert steps(ledger) == [(None, S.SUBMITTED, S.EXPIRED), (None, S.EXPIRED, S.DELIVERED)]


def test_an_intermediate_notification_is_no_verdict():
    ledger = ledger_of(S.SUBMITTED)
    assert not ledger.receipt(1, 1, fact(S.UNDELIVERABLE, final=False), at=NOW)


def test_an_hlr_record_comes_with_its_receipt():
    ledger = ledger_of(S.SUBMITTED)
    assert ledger.receipt(1, 1, fact(S.DELIVERED, hlr={"mcc": "250"}), at=NOW)
    assert ledger.notes[1].hlr == {"mcc": "250"}


def test_a_fact_about_nobody_changes_nothing():
    ledger = ledger_of(S.SUBMITTING)
    assert not ledger.answer(Answer(2, 1, Accepted("x")), retry=RETRY, at=NOW)
    assert not ledger.answer(Answer(1, 2, Accepted("x")), retry=RETRY, at=NOW)
    assert not ledger.receipt(2, 1, fact(S.DELIVERED), at=NOW)
    assert not ledger.change(2, [1], S.CANCELLED, at=NOW)
    assert ledger.moves == []


segments = st.lists(
    st.sampled_from([S.SUBMITTING, S.IN_DOUBT, S.SUBMITTED, S.QUEUED, S.ACCEPTED, *VERDICTS]),
    min_size=1,
    max_size=4,
)
outcomes = st.sampled_from([Accepted("7"), THROTTLED, INVALID, Unanswered(written=True), Unanswered(written=False)])
answers = st.lists(st.tuples(st.integers(1, 4), outcomes), max_size=12)
receipts = st.lists(st.tuples(st.integers(1, 4), st.sampled_from([S.SUBMITTED, S.ACCEPTED, *VERDICTS])))


def is_legal(ledger, statuses):
    """Whether the net changes are legal moves, and the steps are a chain of legal moves that ends where it stands."""
    before = aggregate(statuses)
    changed = [(was, ledger.segments.get(100 + number)) for number, was in enumerate(statuses, 1)]
    changed.append((before, ledger.messages.get(1)))
    chain = {None: before} | dict(enumerate(statuses, 1))
    for move in ledger.moves:
        if chain[move.segment] is not move.previous or not may_move(move.previous, move.status):
            return False
        chain[move.segment] = move.status
    standing = ledger.standing(1)
    whole = aggregate(segment.status for segment in standing.segments)
    return chain[None] is standing.status is whole and all(
        change is None or may_move(was, change.to) for was, change in changed
    )


@given(segments, answers, st.integers(1, 300))
def test_any_answers_add_up_to_legal_moves(statuses, batch, attempts):
    ledger = ledger_of(*statuses, attempts=attempts)
    for number, outcome in batch:
        answered(ledger, number, outcome)
    assert is_legal(ledger, statuses)


@given(segments, receipts)
def test_any_receipts_add_up_to_legal_moves(statuses, batch):
    ledger = ledger_of(*statuses)
    for number, status in batch:
        ledger.receipt(1, number, fact(status), at=NOW)
    assert is_legal(ledger, statuses)


@pytest.mark.parametrize("status", [one for one in S if one is not S.SUBMITTING])
def test_what_never_left_says_nothing_of_a_segment_that_is_not_being_submitted(status):
    ledger = ledger_of(status, S.SUBMITTING)
    assert not answered(ledger, 1, Unanswered(written=False))
    assert ledger.segments == {}
