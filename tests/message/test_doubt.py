"""Nothing is sent again that nobody allowed, nor when it could arrive twice after all."""

from datetime import UTC, datetime, timedelta

import pytest

from smpp_esme.message.doubt import Decision, Resubmit
from smpp_esme.message.status import MessageStatus, may_move

CLAIMED = datetime(2026, 1, 1, tzinfo=UTC)
REFUSES_REPETITIONS = 60.0


def allows(policy, own=None, *, within=0.0, after=1.0, resent=0):
    at = CLAIMED + timedelta(seconds=after)
    return Resubmit(policy=policy, within=within).allows(own, claimed_at=CLAIMED, resent=resent, at=at)


@pytest.mark.parametrize(
    ("policy", "own", "again"),
    [
        ("hold", None, False),
        ("resend", None, True),
        ("resend", "hold", False),
        ("hold", "resend", True),
    ],
)
def test_the_messages_own_policy_goes_before_the_links(policy, own, again):
    assert allows(policy, own) is again


def test_once_is_enough():
    assert allows("resend", resent=1) is False


@pytest.mark.parametrize(("after", "again"), [(1, True), (49, True), (50, False), (61, False)])
def test_where_repetitions_are_refused_it_is_sent_again_only_while_they_are(after, again):
    assert allows("resend", within=REFUSES_REPETITIONS, after=after) is again


def test_nothing_is_sent_again_unless_somebody_says_so():
    assert Resubmit().allows(None, claimed_at=CLAIMED, resent=0, at=CLAIMED) is False


@pytest.mark.parametrize("decision", Decision)
def test_every_decision_is_a_legal_move(decision):
    assert may_move(MessageStatus.IN_DOUBT, decision.status)
