from __future__ import annotations

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme.cli.decode import capture as module
from smpp_esme.cli.decode.capture import Packet, is_capture, packets
from smpp_esme.cli.decode.frames import Trouble

MORNING = 1_795_261_141
SECTION, INTERFACE, SIMPLE, PACKET = 0x0A0D0D0A, 1, 3, 6


def read(octets: bytes) -> list[Packet | Trouble]:
    return list(packets(io.BytesIO(octets)))


def section(captures, order="<"):
    return captures.block(order, SECTION, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1))


def interface(captures, order="<", link=1, snaplen=0, options=b""):
    return captures.block(order, INTERFACE, struct.pack(f"{order}HHI", link, 0, snaplen) + options)


def packet(captures, octets, *, order="<", index=0, time=0, length=None, captured=None):
    head = (index, time >> 32, time & 0xFFFFFFFF, len(octets) if captured is None else captured)
    fields = struct.pack(f"{order}IIIII", *head, len(octets) if length is None else length)
    return captures.block(order, PACKET, fields + octets)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("nano", [True, False])
def test_a_pcap_file_is_read_in_either_byte_order_and_resolution(captures, order, nano):
    octets = captures.pcap([b"one", b"12345"], link=101, order=order, nano=nano, snaplen=4)
    assert is_capture(octets)
    assert read(octets) == [
        Packet(MORNING * 10**9, 101, b"one", 3),
        Packet(MORNING * 10**9 + 10**6, 101, b"1234", 5),
    ]


def test_the_modified_pcap_of_old_is_read_too(captures):
    octets = struct.pack("<IHHiIIIIIIIIHBB", 0xA1B2CD34, 2, 4, 0, 0, 99, 1, 5, 6, 2, 2, 0, 0, 0, 0) + b"hi"
    assert read(octets) == [Packet(5 * 10**9 + 6000, 1, b"hi", 2)]


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_pcapng_file_is_read_in_either_byte_order(captures, order):
    octets = section(captures, order) + interface(captures, order) + packet(captures, b"hello", order=order, time=7)
    assert is_capture(octets)
    assert read(octets) == [Packet(7000, 1, b"hello", 5)]


def test_what_dpkt_writes_as_pcapng_is_read(captures):
    (syn, *_) = captures.Talk().opened()
    (found,) = read(captures.pcapng([syn]))
    assert found == Packet(MORNING * 10**9, 1, captures.link_layer(syn, 1), 54)


def test_every_interface_has_its_link_type_and_its_clock(captures):
    binary = struct.pack("<HHB3x", 9, 1, 0x80 | 10) + struct.pack("<HHq", 14, 8, 100) + struct.pack("<HH", 0, 0)
    octets = (
        section(captures)
        + interface(captures, link=1, options=struct.pack("<HHB3x", 9, 1, 9))
        + interface(captures, link=113, options=binary)
        + packet(captures, b"a", time=5, length=9)
        + packet(captures, b"b", index=1, time=2048)
    )
    assert read(octets) == [Packet(5, 1, b"a", 9), Packet(102 * 10**9, 113, b"b", 1)]


def test_a_new_section_has_interfaces_and_a_byte_order_of_its_own(captures):
    octets = b"".join(
        section(captures, order) + interface(captures, order, link=link) + packet(captures, b"x", order=order)
        for order, link in (("<", 1), (">", 101))
    )
    assert [found.link for found in read(octets)] == [1, 101]


def test_a_simple_packet_has_no_time_and_the_snaplen_of_the_interface(captures):
    octets = section(captures) + interface(captures, snaplen=2) + captures.block("<", SIMPLE, b"\5\0\0\0outer")
    assert read(octets) == [Packet(None, 1, b"ou", 5)]


def test_blocks_of_other_kinds_are_passed_over(captures):
    octets = section(captures) + captures.block("<", 0xBAD, b"anything") + interface(captures)
    assert read(octets + captures.block("<", 5, b"") + packet(captures, b"x")) == [Packet(0, 1, b"x", 1)]


@pytest.mark.parametrize("make", ["pcap", "pcapng"])
def test_a_capture_that_ends_in_a_packet_gives_what_comes_before(captures, make):
    whole = getattr(captures, make)(captures.Talk().opened())
    (first, _) = read(whole)
    for cut in (1, 5, 20, 40):
        assert read(whole[:-cut]) == [first, Trouble("the capture ends in the middle of a packet")]


def test_a_damaged_length_ends_the_reading(captures):
    octets = captures.pcap([b"one", b"two"])
    damaged = octets[:51] + b"\xff\xff\xff\xff" + octets[55:]
    found = read(damaged)
    assert len(found) == 2
    assert found[1] == Trouble("packet 2 claims 4294967295 octets: the capture is damaged from there on")


@pytest.mark.parametrize("length", [0, 8, 13, 2**32 - 4])
def test_a_damaged_block_ends_the_reading(captures, length):
    octets = section(captures) + interface(captures) + packet(captures, b"x") + struct.pack("<II", 6, length)
    assert read(octets)[1] == Trouble(f"block 4 claims {length} octets: the capture is damaged from there on")


def test_a_block_that_is_wrong_in_itself_costs_that_block(captures):
    blocks = [
        packet(captures, b"x", index=1),
        packet(captures, b"x", captured=9),
        captures.block("<", PACKET, b"short"),
        captures.block("<", INTERFACE, b""),
        packet(captures, b"whole"),
    ]
    octets = section(captures) + interface(captures) + b"".join(blocks)
    assert [found.problem for found in read(octets)[:-1]] == [
        "block 3 is too short, or names an interface that is not there",
        "block 4 is shorter than the packet in it",
        "block 5 is too short, or names an interface that is not there",
        "block 6 is too short, or names an interface that is not there",
    ]
    assert read(octets)[-1] == Packet(0, 1, b"whole", 5)


def test_interfaces_are_bounded(captures, monkeypatch):
    monkeypatch.setattr(module, "INTERFACE_LIMIT", 1)
    assert read(section(captures) + interface(captures) * 2) == [Trouble("block 3 is one interface too many")]


@given(st.sampled_from([*module._PCAP, module._PCAPNG]), st.binary(max_size=200), st.data())
def test_hostile_octets_are_packets_or_troubles(captures, magic, octets, data):
    found = read(magic + octets)
    whole = bytearray(
        captures.pcapng([b"one", b"two"]) if data.draw(st.booleans()) else captures.pcap([b"one", b"two"])
    )
    for at in data.draw(st.lists(st.integers(4, len(whole) - 1), max_size=5)):
        whole[at] = data.draw(st.integers(0, 255))
    assert all(isinstance(one, Packet | Trouble) for one in [*found, *read(bytes(whole))])


@pytest.mark.parametrize("head", [b"", b"\0\0\0\x10", b"0000", b"\x0a\x0d\x0d"])
def test_other_files_are_no_captures(head):
    assert not is_capture(head)


def test_only_a_capture_is_read_as_one():
    assert read(b"something") == [Trouble("this is no capture")]
