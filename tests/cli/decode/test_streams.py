from __future__ import annotations

from itertools import count, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme import testing
from smpp_esme.cli.decode import streams as module
from smpp_esme.cli.decode.frames import Frame, Trouble
from smpp_esme.cli.decode.streams import Place, Streams
from smpp_esme.cli.decode.transport import Peer, TcpSegment
from smpp_esme.protocol.codec import encode
from smpp_esme.protocol.pdus import BindTransceiver, BindTransceiverResp, EnquireLink, SubmitSmResp

ESME, SMSC, OTHER = Peer(b"\x0a\0\0\5", 50000), Peer(b"\x0a\0\0\1", 2775), Peer(b"\x0a\0\0\7", 80)
BIND = encode(BindTransceiver(1, system_id="acme"))
BIND_RESP = encode(BindTransceiverResp(1, system_id="SMSC"))
PDUS = testing.pdus([BindTransceiver, BindTransceiverResp, EnquireLink, SubmitSmResp])
LINKS = [encode(EnquireLink(number)) for number in range(1, 200)]


def tcp(sequence, octets=b"", *, source=ESME, to=SMSC, opens=False, acknowledges=None, time=None, lacking=0):
    return TcpSegment(time, source, to, sequence % 2**32, acknowledges, opens, octets, lacking)


def seen(*segments, port=None, streams=None):
    streams = streams or Streams(count(1), port)
    return [one for segment in segments for one in streams.add(segment)] + list(streams.end())


def read_as(sightings):
    return [one.what.octets if isinstance(one.what, Frame) else one.what.problem for one in sightings]


@st.composite
def conversations(draw):
    """PDUs of both sides, and their segments in any slices and any order, some twice; what opens comes first."""
    sides, segments, opening = [], [], []
    for source, to in ((ESME, SMSC), (SMSC, ESME)):
        pdus = [encode(pdu) for pdu in draw(st.lists(PDUS, min_size=1, max_size=3))]
        stream, first = b"".join(pdus), draw(st.integers(0, 2**32 - 1))
        cuts = sorted({0, len(stream), *draw(st.lists(st.integers(0, len(stream)), max_size=10))})
        places = [*pairwise(cuts)]
        places += draw(st.lists(st.sampled_from(places), max_size=5))
        places += [
            (a, min(len(stream), a + draw(st.integers(1, 50))))
            for a, _ in draw(st.lists(st.sampled_from(places), max_size=3))
        ]
        sides.append(pdus)
        opening.append(tcp(first - 1, source=source, to=to, opens=True))
        segments += [tcp(first + a, stream[a:b], source=source, to=to) for a, b in places]
    return sides, [*opening, *draw(st.permutations(segments))]


@given(conversations(), st.sampled_from([None, 2775]))
def test_any_slicing_order_and_repetition_of_segments_gives_the_same_pdus(conversation, port):
    sides, segments = conversation
    found = seen(*segments, port=port)
    assert all(isinstance(one.what, Frame) for one in found)
    for source, pdus in zip((ESME, SMSC), sides, strict=True):
        assert [one.what.octets for one in found if one.place.source == str(source)] == pdus


def test_a_pdu_says_which_way_it_went_and_when():
    bind, response = seen(
        tcp(1, BIND[:9], time=10), tcp(10, BIND[9:], time=30), tcp(7, BIND_RESP, source=SMSC, to=ESME, time=40)
    )
    assert bind.place == Place(1, 0, "10.0.0.5:50000", "10.0.0.1:2775")
    assert str(bind.place) == "10.0.0.5:50000 > 10.0.0.1:2775"
    assert response.place == Place(1, 1, "10.0.0.1:2775", "10.0.0.5:50000")
    assert (bind.time, response.time) == (30, 40)


def test_what_waited_for_a_late_segment_arrived_with_it():
    first, second = seen(tcp(0, opens=True), tcp(17, LINKS[1], time=20), tcp(1, LINKS[0], time=30))
    assert (first.time, second.time) == (30, 30)


def test_other_streams_are_counted_and_not_shown():
    streams = Streams(count(1))
    web = [tcp(at, b"GET / HTTP/1.1\r\n", to=OTHER) for at in range(1, 161, 16)]
    assert read_as(seen(*web, tcp(1, BIND), streams=streams)) == [BIND]
    assert streams.others == 1


def test_a_stream_of_something_else_is_soon_let_go(monkeypatch):
    monkeypatch.setattr(module, "ENOUGH", 100)
    streams = Streams(count(1))
    for at in range(0, 200, 10):
        assert not list(streams.add(tcp(at, b"0123456789", to=OTHER)))
    (stream,) = streams._streams.values()
    assert stream.is_smpp is False
    assert not list(streams.add(tcp(500, b"early", to=OTHER)))
    assert streams._waiting == 0
    assert not list(streams.end())
    assert streams.others == 1


def test_a_port_that_is_not_smpp_may_be_smpp_in_its_next_connection(monkeypatch):
    monkeypatch.setattr(module, "ENOUGH", 10)
    assert read_as(seen(tcp(0, b"something that is no SMPP"), tcp(1000, opens=True), tcp(1001, BIND))) == [BIND]


def test_with_a_port_its_streams_are_smpp_whatever_they_look_like():
    odd = b"\0\0\0\x14\xee\xee\xee\xee\0\0\0\0\0\0\0\x01text"
    assert seen(tcp(0, opens=True), tcp(1, odd)) == []
    assert read_as(seen(tcp(0, opens=True), tcp(1, odd), port=2775)) == [odd]
    assert read_as(seen(tcp(0, opens=True), tcp(1, b"\x16\3\1\2\0\1\0\1"), port=2775)) == [b"\x16\3\1\2\0\1\0\1"]


def test_with_a_port_other_streams_are_not_even_looked_at():
    assert seen(tcp(0, opens=True), tcp(1, BIND), port=80) == []


def test_the_same_ports_again_are_another_stream():
    found = seen(tcp(0, opens=True), tcp(1, BIND), tcp(5000, opens=True), tcp(5001, BIND))
    assert [one.place.stream for one in found] == [1, 2]


def test_a_repeated_syn_opens_nothing():
    found = seen(tcp(0, opens=True), tcp(1, BIND), tcp(0, opens=True), tcp(1 + len(BIND), LINKS[0]))
    assert [one.place.stream for one in found] == [1, 1]


def test_data_may_come_with_the_syn():
    assert read_as(seen(tcp(0, BIND, opens=True), tcp(1 + len(BIND), LINKS[0]))) == [BIND, LINKS[0]]


def test_a_lost_segment_is_told_of_where_it_was():
    found = seen(tcp(0, LINKS[0]), tcp(32, LINKS[2]))
    assert read_as(found) == [LINKS[0], "not in the capture", LINKS[2]]
    assert found[1].what == Trouble("not in the capture", 16, 16)


def test_a_segment_that_was_cut_off_is_told_of_and_the_next_pdu_found():
    found = seen(tcp(0, LINKS[0]), tcp(16, BIND[:20], lacking=len(BIND) - 20 + 16), tcp(32 + len(BIND), LINKS[2]))
    assert read_as(found) == [LINKS[0], BIND[:20], "cut off when the packet was captured", LINKS[2]]


def test_a_segment_that_the_peer_acknowledged_is_not_waited_for_to_the_end():
    streams = Streams(count(1))
    assert len(list(streams.add(tcp(0, LINKS[0])))) == 1
    found = []
    for number, link in enumerate(LINKS[2:180], 2):
        found += list(streams.add(tcp(16 * number, link, time=number)))
        found += list(streams.add(tcp(0, source=SMSC, to=ESME, acknowledges=16 * number + 16, time=number)))
        if found:
            break
    assert number < 180
    assert read_as(found)[:2] == ["not in the capture", LINKS[2]]


def test_a_segment_that_is_only_late_in_the_file_is_waited_for():
    late = [tcp(16 * number, link) for number, link in enumerate(LINKS[:20])]
    late.append(late.pop(1))
    late[10:10] = [tcp(0, source=SMSC, to=ESME, acknowledges=16 * 12)] * 20
    assert read_as(seen(*late)) == LINKS[:20]


@pytest.mark.parametrize("limit", ["MOST_WAITING", "MOST_WAITING_FOR_ONE"])
def test_what_waits_is_bounded(monkeypatch, limit):
    monkeypatch.setattr(module, limit, 2000)
    streams = Streams(count(1))
    found = []
    for number, link in enumerate(LINKS):
        if number != 1:
            found += list(streams.add(tcp(16 * number, link)))
        assert streams._waiting < 2500
        assert streams._waiting == sum(
            side.reassembly.cost for stream in streams._streams.values() for side in stream.sides
        )
    assert read_as(found)[:3] == [LINKS[0], "not in the capture", LINKS[2]]


def test_the_number_of_streams_is_bounded(monkeypatch):
    monkeypatch.setattr(module, "MOST_STREAMS", 10)
    streams = Streams(count(1))
    found = []
    for port in range(1000, 1050):
        found += list(streams.add(tcp(0, BIND[:20], source=Peer(b"\x0a\0\0\5", port))))
        assert len(streams._streams) <= 10
    assert read_as(found) == [BIND[:20]] * 40
    assert len(list(streams.end())) == 10


@given(
    st.lists(
        st.builds(
            tcp,
            st.integers(0, 2**32 - 1) | st.integers(0, 100),
            st.binary(max_size=40) | st.sampled_from(LINKS[:3]),
            source=st.sampled_from([ESME, SMSC, OTHER]),
            to=st.sampled_from([ESME, SMSC]),
            opens=st.booleans(),
            acknowledges=st.none() | st.integers(0, 200),
            lacking=st.integers(0, 2000),
        ),
        max_size=30,
    )
)
def test_hostile_segments_are_only_troubles(segments):
    streams = Streams(count(1), 2775)
    seen(*segments, streams=streams)
    assert streams._waiting == 0
    assert not streams._streams
