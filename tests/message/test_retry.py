from datetime import UTC, datetime, timedelta

import pytest

from smpp_esme.message.message import Refused
from smpp_esme.message.retry import Patience, Retry
from smpp_esme.protocol.commands import CommandStatus

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def refused(status: CommandStatus) -> Refused:
    return Refused(int(status), status.name, status.meaning, status.retryable)


def pauses(retry: Retry, status: CommandStatus, attempts: range) -> list[float | None]:
    times = [retry.next_attempt_at(refused(status), attempts=each, at=NOW) for each in attempts]
    return [None if time is None else (time - NOW).total_seconds() for time in times]


def test_pauses_double_up_to_the_longest_and_then_patience_ends():
    retry = Retry(passing=Patience(attempts=6, shortest=2.0, longest=10.0))
    assert pauses(retry, CommandStatus.ESME_RSYSERR, range(1, 8)) == [2.0, 4.0, 8.0, 10.0, 10.0, None, None]


@pytest.mark.parametrize("status", [CommandStatus.ESME_RTHROTTLED, CommandStatus.ESME_RMSGQFUL])
def test_throttling_is_borne_longer_than_anything_else(status):
    retry = Retry()
    assert retry.throttled.attempts > retry.passing.attempts
    assert pauses(retry, status, range(1, 3)) == [1.0, 2.0]
    assert pauses(retry, status, range(199, 201)) == [30.0, None]


@pytest.mark.parametrize("status", [CommandStatus.ESME_RINVDSTADR, CommandStatus(0x4FF)])
def test_a_refusal_that_is_not_retryable_is_final_at_once(status):
    assert Retry().next_attempt_at(refused(status), attempts=1, at=NOW) is None


def test_an_absurd_number_of_attempts_does_not_overflow():
    patience = Patience(attempts=10**9, shortest=1.0, longest=60.0)
    assert patience.pause(10**8) == 60.0
    assert patience.pause(0) == 1.0


def test_the_next_attempt_is_never_in_the_past():
    for attempts in range(1, 200):
        for status in CommandStatus:
            again = Retry().next_attempt_at(refused(status), attempts=attempts, at=NOW)
            assert again is None or again > NOW
            assert again is None or again <= NOW + timedelta(minutes=5)
