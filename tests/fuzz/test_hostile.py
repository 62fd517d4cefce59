"""Octets of a broken or hostile peer: nothing but our own errors comes out, and nothing of ours is lost over them.

`make hostile` tries 100,000 of each; `make fuzz` beside it lets coverage choose them.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from smpp_esme import testing
from smpp_esme.errors import EncodingError, MalformedPdu
from smpp_esme.protocol import Connection, Framer, Role, State, decode, encode
from smpp_esme.protocol.events import Closed, RequestReceived, ResponseMissing, ResponseReceived
from smpp_esme.protocol.layout import HEADER
from smpp_esme.protocol.pdus import (
    PDUS,
    RESPONSES,
    BindReceiver,
    BindTransceiver,
    BindTransmitter,
    DataSm,
    DeliverSm,
    GenericNack,
    SubmitSm,
)
from smpp_esme.protocol.state import may_request
from smpp_esme.protocol.tlvs import to_octets
from smpp_esme.protocol.wire import SMPP_5_0

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hypothesis.strategies import SearchStrategy

    from smpp_esme.protocol.events import Event

LIMIT = 1024
#: Long after every deadline.
LATER = 1e6
BIND_FOR = {State.BOUND_TX: BindTransmitter, State.BOUND_RX: BindReceiver, State.BOUND_TRX: BindTransceiver}
GOLDEN = [
    octets
    for path in sorted((Path(__file__).parents[2] / "fixtures" / "pdus").glob("*.hex"))
    if len(octets := bytes.fromhex(re.sub(r"#.*", "", path.read_text("utf-8")))) <= LIMIT
]


def changed(octets: bytes, changes: list[tuple[int, int]]) -> bytes:
    """The octets with some of them replaced."""
    copy = bytearray(octets)
    for at, octet in changes:
        copy[at % len(copy)] = octet
    return bytes(copy)


def headed(command_id: int, command_status: int, sequence_number: int, body: bytes, lie: int) -> bytes:
    """A body behind a header, whose command_length may lie."""
    return HEADER.pack(max(0, HEADER.size + len(body) + lie), command_id, command_status, sequence_number) + body


def streams() -> SearchStrategy[bytes]:
    """Golden PDUs, the same with octets changed, any body behind any header, and noise, one after another."""
    golden = st.sampled_from(GOLDEN)
    places = st.tuples(st.integers(0, LIMIT), st.integers(0, 255))
    bodies = st.binary(max_size=60) | st.text(st.sampled_from("\0\1\4a"), max_size=60).map(str.encode)
    numbers = st.integers(0, 3) | st.integers(0, 0xFFFF_FFFF)
    made = st.builds(
        headed,
        st.sampled_from(sorted(PDUS)) | st.integers(0, 0xFFFF_FFFF),
        testing.statuses(),
        numbers,
        bodies,
        st.sampled_from((0, 0, 0, 0, -1, 1, -17, 2 * LIMIT)),
    )
    one = golden | st.builds(changed, golden, st.lists(places, max_size=3)) | made | st.binary(max_size=40)
    return st.lists(one, max_size=4).map(b"".join)


def slices(octets: bytes, sizes: list[int]) -> Iterator[bytes]:
    """The octets in slices of these sizes, over and over."""
    at = number = 0
    while at < len(octets):
        size = sizes[number % len(sizes)]
        yield octets[at : at + size]
        at, number = at + size, number + 1


a_slicing = st.lists(st.integers(1, 64), min_size=1, max_size=4)


@given(streams(), a_slicing)
def test_hostile_octets_are_framed_alike_in_any_slices_and_read_or_refused(octets: bytes, sizes: list[int]):
    whole, sliced = Framer(LIMIT), Framer(LIMIT)
    frames = whole.feed(octets)
    assert [frame for piece in slices(octets, sizes) for frame in sliced.feed(piece)] == frames
    assert str(sliced.broken) == str(whole.broken)
    for frame in (*frames, octets):
        try:
            pdu = decode(frame)
        except MalformedPdu:
            continue
        assert pdu.oddities or frame.endswith(to_octets(pdu.tlvs))
        try:
            again = encode(pdu, version=SMPP_5_0)
        except EncodingError:
            assert pdu.oddities
        else:
            assert encode(decode(again), version=SMPP_5_0) == again


def connection(role: Role, state: State) -> Connection:
    """One end of a session in this state, with requests outstanding if it may make any."""
    end = Connection(role, 0, limit=LIMIT)
    if state in BIND_FOR:
        bind = BIND_FOR[state](1, system_id="acme")
        if role is Role.ESME:
            end.request(bind, 0)
            end.receive_data(encode(RESPONSES[bind.command_id](1)), 0)
        else:
            end.receive_data(encode(bind), 0)
            end.respond(bind, RESPONSES[bind.command_id](1))
    elif state is State.CLOSED:
        end.close("over")
    assert end.state is state
    end.events_received()
    end.data_to_send()
    return end


def answer(end: Connection) -> list[Event]:
    """What happened; every request among it is answered while that can be."""
    events = end.events_received()
    for event in events:
        repr(event)
        if isinstance(event, RequestReceived) and end.state is not State.CLOSED:
            end.respond(event.request, RESPONSES.get(event.request.command_id, GenericNack)())
    return events


@given(streams(), a_slicing, st.sampled_from(Role), st.sampled_from(State))
def test_hostile_octets_leave_a_connection_in_order(octets: bytes, sizes: list[int], role: Role, state: State):
    end = connection(role, state)
    asked = [pdu for pdu in (SubmitSm(), DeliverSm(), DataSm()) if may_request(role, state, pdu.command_id)]
    for pdu in asked:
        end.request(pdu, 0, pdu)
    end.data_to_send()
    events, written = [], b""
    for piece in slices(octets, sizes):
        end.receive_data(piece, 1)
        events += answer(end)
        written += end.data_to_send()
    end.handle_timer(LATER)
    events += answer(end)
    end.receive_eof()
    events += end.events_received()
    assert (end.state, end.outstanding, end.next_deadline()) == (State.CLOSED, 0, None)
    # What was asked ends once: answered, given up, or handed back.
    ended = [event.context for event in events if isinstance(event, ResponseReceived | ResponseMissing)]
    ended += [context for event in events if isinstance(event, Closed) for _, context in event.unanswered]
    assert sorted(map(repr, ended)) == sorted(map(repr, asked))
    # What was written is in order, and no more than what came: nobody can make us talk for nothing.
    answers = Framer().feed(written)
    assert b"".join(answers) == written
    assert not any(decode(frame).oddities for frame in answers)
    assert len(answers) <= len(Framer(LIMIT).feed(octets)) + 1
