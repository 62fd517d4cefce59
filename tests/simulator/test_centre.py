"""The engine alone: no socket, no event loop, time by hand; whatever the script and whatever the PDUs."""

from __future__ import annotations

import heapq
from itertools import count
from random import Random
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smpp_esme import testing
from smpp_esme.errors import SessionClosed
from smpp_esme.protocol import codec
from smpp_esme.protocol.parameters import MessageState
from smpp_esme.protocol.pdus import (
    BindTransceiver,
    CancelSm,
    DataSm,
    DeliverSmResp,
    QuerySm,
    ReplaceSm,
    SubmitMulti,
    SubmitSm,
)
from smpp_esme.protocol.state import State
from smpp_esme.simulator import rules
from smpp_esme.simulator.agenda import Agenda
from smpp_esme.simulator.bind import Bind
from smpp_esme.simulator.centre import Centre
from smpp_esme.simulator.forms import DIALECTS, STATS
from smpp_esme.simulator.handsets import Handsets
from smpp_esme.simulator.limits import Guards, Limits
from smpp_esme.simulator.malformed import MALFORMED
from smpp_esme.simulator.records import Journal
from smpp_esme.simulator.script import Script
from smpp_esme.simulator.settings import Settings
from smpp_esme.simulator.virtual_time import EPOCH
from smpp_esme.sms.profile import Profile

DAY = 86_400.0


class HandLoop:
    """Time that passes when the test says so."""

    def __init__(self):
        self._now = 0.0
        self._due = []
        self._order = count()

    def time(self):
        return self._now

    def call_soon(self, callback):
        return self.call_at(self._now, callback)

    def call_at(self, when, callback):
        handle = SimpleNamespace(cancelled=False)
        handle.cancel = lambda: setattr(handle, "cancelled", True)
        heapq.heappush(self._due, (when, next(self._order), callback, handle))
        return handle

    def pass_until(self, until):
        while self._due and self._due[0][0] <= until:
            self._now, _, callback, handle = heapq.heappop(self._due)
            if not handle.cancelled:
                callback()
        self._now = until


class Ear:
    """A session that writes down what it is told, as octets; and answers deliveries as its seed says."""

    peer = "the test"

    def __init__(self, loop, seed):
        self.connection = SimpleNamespace(state=State.BOUND_TRX, room=10, version=0x34)
        self.wire = self
        self.told = []
        self.answers = []
        self._loop = loop
        self._random = Random(seed)

    def respond(self, request, response):
        if self.connection.state is not State.CLOSED:
            self.told.append(codec.encode(response, request.sequence_number))
            self.answers.append((request.sequence_number, response))

    def start(self, pdu, outcome):
        if self.connection.state is State.CLOSED:
            raise SessionClosed("it is over")
        self.told.append(codec.encode(pdu, 1))
        status = self._random.choice([0, 0, 0, 0x14, 0x65])
        answer = DeliverSmResp(command_status=status)
        self._loop.call_at(self._loop.time() + 0.01, lambda: outcome.answered(answer))

    def write(self, octets):
        self.told.append(bytes(octets))

    def flush(self):
        self.told.append(b"flush")

    def hang_up(self):
        self.connection.state = State.CLOSED

    def silence(self, seconds):
        self.told.append(b"silence %f" % seconds)


def centre_of(loop, script, *, seed=0, **behaviour):
    journal = Journal()
    settings_ = Settings(seed=seed, retry_delay=30.0, epoch=EPOCH, **behaviour)
    return journal, Centre(Agenda(loop), journal, Handsets(), script, settings=settings_, changed=lambda: None)


def bound(loop, centre, profile="smsc-centre", system_id="demo"):
    bind = Bind(Ear(loop, 1), BindTransceiver(system_id=system_id), Profile.named(profile))
    centre.fates.join(bind)
    return bind


_SECONDS = st.floats(0, 100)
_STATES = st.sampled_from([state.name for state in STATS])
_STATUS = st.sampled_from(["ESME_RTHROTTLED", "ESME_RMSGQFUL", 0x400])
_IDS = st.sampled_from(["same", "decimal", "padded", "hex", "upper hex", "padded hex", "uuid", "lettered"])
_COMMON = {
    "to": st.sampled_from(["", "7", "7916"]),
    "after": st.sampled_from([0, 0, 0, 1]),
    "times": st.sampled_from([None, None, 1]),
    "chance": st.sampled_from([1.0, 1.0, 0.5]),
}
_OWN = {
    rules.Refuse: {"status": _STATUS},
    rules.Nack: {"status": _STATUS},
    rules.Delay: {"seconds": _SECONDS},
    rules.DropResponse: {},
    rules.Close: {"where": st.sampled_from(["before", "instead", "within", "behind"])},
    rules.Malform: {"kind": st.sampled_from(list(MALFORMED))},
    rules.Silence: {"seconds": _SECONDS},
    rules.ReceiptFirst: {},
    rules.ReceiptTwice: {},
    rules.ReceiptNever: {},
    rules.ReceiptLate: {"seconds": _SECONDS, "spread": _SECONDS},
    rules.ReceiptElsewhere: {},
    rules.Intermediate: {"state": _STATES, "esm_class": st.integers(0, 255)},
    rules.Outcome: {"state": _STATES, "error": st.integers(0, 0xFFFF)},
    rules.Reply: {"text": st.text(max_size=400)},
    rules.ReceiptIds: {"form": _IDS, "tlv": st.none() | _IDS},
    rules.ReceiptForms: {
        "dialect": st.none() | st.sampled_from(list(DIALECTS)),
        "carrier": st.none() | st.sampled_from(["short_message", "message_payload", "data_sm", "tlvs"]),
        "tlvs": st.none() | st.booleans(),
        "data_coding": st.none() | st.integers(0, 255),
    },
}
SCRIPTS = st.lists(st.one_of([st.builds(rule, **_COMMON, **own) for rule, own in _OWN.items()]), max_size=5)
_NUMBER = st.sampled_from(["79161234567", "79161234001", "79161234006", "79161234007", "not a number", ""])
_ASKS = st.sampled_from([0, 1, 0x10, 0x11, 2, 3])
_OCTETS = st.binary(max_size=160) | st.sampled_from([b"__HLR__", b"\x05\x00\x03\x01\x02\x01x", b"hello"])
REQUESTS = st.lists(
    st.one_of(
        testing.pdu(SubmitSm, destination_addr=_NUMBER, registered_delivery=_ASKS, short_message=_OCTETS),
        testing.pdu(SubmitSm, destination_addr=_NUMBER, registered_delivery=_ASKS, short_message=_OCTETS),
        testing.pdu(DataSm, destination_addr=_NUMBER, registered_delivery=_ASKS),
        testing.pdu(QuerySm),
        testing.pdu(CancelSm),
        testing.pdu(ReplaceSm),
        testing.pdu(SubmitMulti),
    ),
    max_size=8,
)
BEHAVIOURS = st.fixed_dictionaries(
    {
        "latency": st.sampled_from([0.0, 0.5]),
        "response_ids": _IDS.filter(lambda form: form != "same"),
        "limits": st.sampled_from([Limits(), Limits(throughput=3, window=2, queue=3)]),
        "guards": st.sampled_from([Guards(), Guards(repeat_within=60, flood=2, segments_within=60, sender=True)]),
    }
)


def story(script, requests, behaviour):
    """What an account is told, and what is counted, of one run through days."""
    loop = HandLoop()
    journal, centre = centre_of(loop, Script(script).seeded(3), **behaviour)
    binds = [bound(loop, centre), bound(loop, centre)]
    for number, request in enumerate(requests):
        centre.answer(binds[number % 2], request)
        loop.pass_until(loop.time() + 0.3)
    loop.pass_until(loop.time() + 3 * DAY)
    return binds, journal


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(SCRIPTS, REQUESTS, BEHAVIOURS)
def test_no_script_and_no_pdu_brings_it_down_and_the_seed_decides_all(script, requests, behaviour):
    binds, journal = story(script, requests, behaviour)
    again, repeated = story(script, requests, behaviour)
    assert [bind.session.told for bind in binds] == [bind.session.told for bind in again]
    assert repeated.counts == journal.counts
    submits = [one for one in requests if isinstance(one, SubmitSm | DataSm)]
    assert journal.counts.submits == len(submits)
    assert journal.counts.refused + journal.counts.messages <= len(submits)
    assert sum(bind.unanswered for bind in binds) == 0
    # Nobody is answered twice.
    for bind, asked in zip(binds, (requests[::2], requests[1::2]), strict=True):
        assert len(bind.session.answers) <= len(asked)


@given(REQUESTS)
def test_without_a_script_every_request_has_its_one_answer(requests):
    [first, second], journal = story([], requests, {})
    for bind, asked in ((first, requests[::2]), (second, requests[1::2])):
        assert [number for number, _ in bind.session.answers] == [one.sequence_number for one in asked]
    accepted = journal.counts.submits - journal.counts.refused
    assert journal.counts.receipts <= 2 * accepted


def test_a_message_has_its_receipt_when_its_time_has_come():
    loop = HandLoop()
    journal, centre = centre_of(loop, Script(), receipt_delay=100.0)
    bind = bound(loop, centre)
    centre.answer(bind, SubmitSm(destination_addr="79161234567", registered_delivery=1, short_message=b"hello"))
    [(_, response)] = bind.session.answers
    loop.pass_until(49.0)
    assert journal.counts.receipts == 0
    loop.pass_until(151.0)
    assert b"id:" + response.message_id.encode() in bind.session.told[-1]


def test_a_delivery_that_is_put_off_comes_again_until_it_is_taken():
    loop = HandLoop()
    journal, centre = centre_of(loop, Script())
    bind = bound(loop, centre)
    statuses = iter([0x14, 0x14, 0])
    bind.session._random = SimpleNamespace(choice=lambda _: next(statuses))
    centre.answer(bind, SubmitSm(destination_addr="79161234567", registered_delivery=1, short_message=b"hello"))
    loop.pass_until(DAY)
    assert (journal.counts.receipts_repeated, journal.counts.receipts_answered) == (2, 1)


@pytest.mark.parametrize("error", [0, 0xFFFF])
def test_every_error_can_be_reported_and_asked_for(error):
    loop = HandLoop()
    _, centre = centre_of(loop, Script().outcome("UNDELIV", error))
    bind = bound(loop, centre)
    centre.answer(bind, SubmitSm(destination_addr="79161234567", registered_delivery=1, short_message=b"hello"))
    loop.pass_until(DAY)
    centre.answer(bind, QuerySm(message_id=bind.session.answers[0][1].message_id))
    response = bind.session.answers[-1][1]
    assert (response.message_state, response.error_code) == (MessageState.UNDELIVERABLE, error & 0xFF)
