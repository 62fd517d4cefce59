from __future__ import annotations

import pytest

from smpp_esme.protocol import events
from smpp_esme.protocol.events import Closed, Event, ResponseReceived, StateChanged
from smpp_esme.protocol.pdus import SubmitSm, SubmitSmResp
from smpp_esme.protocol.state import State


def test_every_event_is_an_event():
    classes = [
        value for value in vars(events).values() if isinstance(value, type) and value.__module__ == events.__name__
    ]
    assert len(classes) == 9
    assert all(issubclass(value, Event) for value in classes)


def test_an_event_cannot_be_changed():
    with pytest.raises(AttributeError):
        StateChanged(State.BOUND_TX).state = State.CLOSED  # type: ignore[misc]  # that is the point


def test_events_are_told_apart_by_their_fields():
    match ResponseReceived(SubmitSm(1), SubmitSmResp(1, message_id="7"), "context"):
        case ResponseReceived(response=SubmitSmResp(message_id=message_id), context=context):
            assert (message_id, context) == ("7", "context")
        case _:
            pytest.fail("not matched")
    assert Closed("why", orderly=True, unanswered=[]) != Closed("why", orderly=False, unanswered=[])
