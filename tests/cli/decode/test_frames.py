from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme import testing
from smpp_esme.cli.decode.frames import Frame, Splitter, Trouble, header_in
from smpp_esme.protocol.codec import encode
from smpp_esme.protocol.pdus import BindTransceiver, EnquireLink, GenericNack, SubmitSm, SubmitSmResp

PDUS = [
    encode(BindTransceiver(1, system_id="acme")),
    encode(SubmitSm(2, short_message=b"hi")),
    encode(SubmitSmResp(2, message_id="7")),
]
STREAM = b"".join(PDUS)
NO_PDU = "no PDU begins there"


def split(*pieces: bytes | int, in_step: bool = True) -> list[Frame | Trouble]:
    """What comes out; a number is a loss of so many octets."""
    splitter, done = Splitter(in_step=in_step), []
    for piece in pieces:
        done += splitter.gap(piece, "lost") if isinstance(piece, int) else splitter.feed(piece)
    return done + splitter.end()


def frames(*pdus: bytes, at: int = 0) -> list[Frame]:
    done = []
    for pdu in pdus:
        done.append(Frame(at, pdu))
        at += len(pdu)
    return done


@given(st.lists(testing.pdus(), min_size=1, max_size=5), st.lists(st.integers(0, 500)), st.booleans())
def test_any_slicing_gives_the_same_pdus(pdus, cuts, in_step):
    octets = [encode(pdu) for pdu in pdus]
    stream = b"".join(octets)
    places = sorted({0, len(stream), *(cut % len(stream) for cut in cuts)})
    assert split(*(stream[a:b] for a, b in pairwise(places)), in_step=in_step) == frames(*octets)


@pytest.mark.parametrize("in_step", [True, False])
def test_nothing_is_nothing(in_step):
    assert split(in_step=in_step) == []


def test_a_stream_seen_from_the_middle_of_a_pdu_begins_with_the_next():
    cut = len(PDUS[0]) - 5
    assert split(PDUS[0][5:], *PDUS[1:], in_step=False) == [Trouble(NO_PDU, 0, cut), *frames(*PDUS[1:], at=cut)]


def test_rubbish_between_pdus_is_told_of_and_passed_over():
    rubbish = b"\xff" * 40
    found = split(PDUS[0] + rubbish + PDUS[1])
    assert found == [
        *frames(PDUS[0]),
        Trouble(f"command_length {2**32 - 1} is outside 16..70000 octets", len(PDUS[0]), 40),
        *frames(PDUS[1], at=len(PDUS[0]) + 40),
    ]


@given(st.data())
def test_a_hole_inside_a_pdu_costs_that_pdu_alone(data):
    """However it is cut, and where no header can be found by its looks: the middle PDU's successor is unknown."""
    odd = b"\0\0\0\x14\xee\xee\xee\xee\0\0\0\0\0\0\0\x01text"
    start = len(PDUS[0])
    from_, to = sorted((data.draw(st.integers(4, len(PDUS[1]))), data.draw(st.integers(4, len(PDUS[1])))))
    found = split(PDUS[0], PDUS[1][:from_], *([to - from_] if to > from_ else []), PDUS[1][to:] + odd)
    assert found[-1] == Frame(start + len(PDUS[1]), odd)
    if to > from_:
        begun = [Frame(start, PDUS[1][:from_])] if from_ < len(PDUS[1]) else [Frame(start, PDUS[1])]
        assert found == [*frames(PDUS[0]), *begun, Trouble("lost", start + from_, to - from_), found[-1]]


def test_holes_one_behind_another_are_followed_too():
    assert split(PDUS[1][:20], 5, PDUS[1][25:30], 3, PDUS[1][33:] + PDUS[2]) == [
        Frame(0, PDUS[1][:20]),
        Trouble("lost", 20, 5),
        Trouble("lost", 30, 3),
        *frames(PDUS[2], at=len(PDUS[1])),
    ]


def test_a_hole_past_the_end_of_a_pdu_is_followed_by_a_search():
    lost = len(PDUS[1]) - 20 + 7
    found = split(PDUS[1][:20], lost, PDUS[0][7:] + PDUS[2])
    assert found == [
        Frame(0, PDUS[1][:20]),
        Trouble("lost", 20, lost),
        Trouble("no PDU begins there, after the loss", 20 + lost, len(PDUS[0]) - 7),
        *frames(PDUS[2], at=20 + lost + len(PDUS[0]) - 7),
    ]


def test_a_hole_between_pdus_is_a_hole_and_nothing_else():
    assert split(PDUS[0], len(PDUS[1]), PDUS[2]) == [
        *frames(PDUS[0]),
        Trouble("lost", len(PDUS[0]), len(PDUS[1])),
        *frames(PDUS[2], at=len(PDUS[0]) + len(PDUS[1])),
    ]


def test_the_end_of_a_pdu_may_be_lost_for_good():
    assert split(PDUS[1][:20], 5) == [
        Frame(0, PDUS[1][:20]),
        Trouble("lost", 20, 5),
        Trouble("the end of a PDU is missing", 25, len(PDUS[1]) - 25),
    ]


@pytest.mark.parametrize("octets", [PDUS[1][:3], PDUS[1][:20]], ids=["not even its length", "not all of it"])
def test_what_is_left_at_the_end_is_the_beginning_of_a_pdu(octets):
    assert split(octets) == [Frame(0, octets)]


@pytest.mark.parametrize("pdu", [*PDUS, encode(EnquireLink(1)), encode(GenericNack(0, 3))])
def test_a_header_is_known_by_its_looks(pdu):
    assert header_in(b"\0\0\0" + pdu) == 3


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        bytes(100),
        b"\xff" * 100,
        b"GET / HTTP/1.1\r\nHost: smsc.example\r\n\r\n",
        b"\0\0\0\x0f\0\0\0\x04\0\0\0\0\0\0\0\1",
        b"\0\1\x20\0\0\0\0\x04\0\0\0\0\0\0\0\1",
        b"\0\0\0\x10\0\0\0\x0a\0\0\0\0\0\0\0\1",
        b"\0\0\0\x10\0\0\0\x15\0\0\0\1\0\0\0\1",
        b"\0\0\0\x10\0\0\0\x15\0\0\0\0\x80\0\0\1",
        b"\0\0\0\x10\0\0\0\x15\0\0\0\0\0\0\0",
    ],
    ids=[
        "nothing", "zeros", "ones", "HTTP", "too short", "too long", "no operation", "a request with a status",
        "a sequence number out of range", "not all of it",
    ],
)  # fmt: skip
def test_other_octets_are_no_header(octets):
    assert header_in(octets) == -1


@given(st.lists(st.binary(max_size=60) | st.integers(1, 100) | st.sampled_from(PDUS), max_size=12), st.booleans())
def test_every_octet_is_in_a_pdu_or_in_a_trouble_once(pieces, in_step):
    total = sum(piece if isinstance(piece, int) else len(piece) for piece in pieces)
    at = 0
    for one in split(*pieces, in_step=in_step):
        size = len(one.octets) if isinstance(one, Frame) else one.octets
        if isinstance(one, Frame) or one.problem != "the end of a PDU is missing":
            # the tail of a PDU with a hole belongs to it, and to no entry
            assert one.offset >= at
            at = one.offset + size
    assert at <= total


def test_a_hostile_stream_takes_linear_time_and_bounded_memory():
    def seconds(octets: bytes, size: int) -> float:
        splitter, start = Splitter(in_step=True), time.process_time()
        for at in range(0, len(octets), size):
            splitter.feed(octets[at : at + size])
        assert len(splitter._kept) <= 80_000
        return time.process_time() - start

    broken = (encode(EnquireLink(1)) + b"\xff\xff") * 20_000
    promising = b"\0\1\0\0\0\0\0\x04" * 50_000
    for octets in (broken, promising, bytes(400_000)):
        assert seconds(octets, 65_536) < 5
        assert seconds(octets[:100_000], 1) < 5
