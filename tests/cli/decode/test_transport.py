from __future__ import annotations

import struct

import dpkt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme.cli.decode.capture import Packet
from smpp_esme.cli.decode.transport import Peer, Unreadable, segment_of

ESME, SMSC = Peer(b"\x0a\0\0\5", 50000), Peer(b"\x0a\0\0\1", 2775)


def packet(octets: bytes, link: int = 1, length: int | None = None) -> Packet:
    return Packet(5, link, octets, len(octets) if length is None else length)


def said(captures, octets=b"hello"):
    (spoken,) = captures.Talk().says(0, octets)
    return spoken


@pytest.mark.parametrize("link", [0, 1, 12, 101, 108, 113, 228, 276])
def test_every_link_type_of_a_host_is_read(captures, link):
    found = segment_of(packet(captures.link_layer(said(captures), link), link))
    assert (found.source, found.destination) == (ESME, SMSC)
    assert (found.sequence, found.acknowledged, found.opens) == (1000, 2**32 - 20, False)
    assert (found.octets, found.lacking, found.time) == (b"hello", 0, 5)


@pytest.mark.parametrize("link", [0, 1, 12, 101, 108, 113, 229, 276])
def test_ipv6_is_read_too(captures, link):
    (spoken,) = captures.Talk(("2001:db8::5", "2001:db8::1")).says(0, b"hello")
    found = segment_of(packet(captures.link_layer(spoken, link), link))
    assert (str(found.source), str(found.destination)) == ("[2001:db8::5]:50000", "[2001:db8::1]:2775")
    assert (found.octets, found.lacking) == (b"hello", 0)


def test_extension_headers_of_ipv6_are_passed_over(captures):
    (spoken,) = captures.Talk(("2001:db8::5", "2001:db8::1")).says(0, b"hello")
    tcp = bytes(spoken.data)
    octets = (
        struct.pack(">IHBB16s16s", 6 << 28, len(tcp) + 8, 0, 64, spoken.src, spoken.dst) + b"\6\0\1\4\0\0\0\0" + tcp
    )
    found = segment_of(packet(octets, 229))
    assert (found.octets, found.lacking) == (b"hello", 0)
    assert segment_of(packet(octets[:-2], 229, len(octets))).lacking == 2


@pytest.mark.parametrize("vlans", [(7,), (7, 8)])
def test_vlan_tags_are_passed_over(captures, vlans):
    assert segment_of(packet(captures.tagged(said(captures), *vlans))).octets == b"hello"
    cooked = struct.pack(">HHH8sH", 4, 1, 6, bytes(8), 0x8100)
    for vlan in vlans[1:]:
        cooked += struct.pack(">HH", vlan, 0x8100)
    assert segment_of(packet(cooked + b"\0\7\x08\0" + bytes(said(captures)), 113)).octets == b"hello"


def test_what_pads_a_short_frame_is_no_data(captures):
    assert segment_of(packet(captures.link_layer(said(captures), 1) + bytes(6))).octets == b"hello"


def test_tcp_options_are_no_data(captures):
    spoken = said(captures)
    spoken.data.opts, spoken.data.off, spoken.len = bytes(8), 7, 20 + 28 + 5
    assert segment_of(packet(bytes(spoken), 101)).octets == b"hello"


def test_data_that_was_not_captured_is_counted(captures):
    octets = captures.link_layer(said(captures), 1)
    found = segment_of(packet(octets[:-3], length=len(octets)))
    assert (found.octets, found.lacking) == (b"he", 3)


def test_a_packet_whose_length_is_left_to_the_network_card_is_read(captures):
    octets = bytearray(bytes(said(captures)))
    octets[2:4] = bytes(2)
    assert segment_of(packet(bytes(octets), 101)).octets == b"hello"
    found = segment_of(packet(bytes(octets[:-3]), 101, len(octets)))
    assert (found.octets, found.lacking) == (b"he", 3)


def test_syn_is_seen(captures):
    syn, syn_ack = (segment_of(packet(bytes(one), 101)) for one in captures.Talk().opened())
    assert (syn.opens, syn.acknowledged, syn.octets) == (True, None, b"")
    assert (syn_ack.opens, syn_ack.acknowledged) == (True, 1001)


def test_what_is_not_tcp_is_passed_over(captures):
    udp = dpkt.ip.IP(src=ESME.host, dst=SMSC.host, p=17, data=dpkt.udp.UDP(sport=1, dport=2, data=b"hi"))
    arp = bytes(12) + b"\x08\x06" + bytes(28)
    spanning_tree = bytes(12) + b"\0\x26" + bytes(38)
    assert segment_of(packet(bytes(udp), 101)) is None
    assert segment_of(packet(bytes(udp)[:22], 101, 30)) is None
    assert segment_of(packet(arp)) is None
    assert segment_of(packet(spanning_tree)) is None


@pytest.mark.parametrize(
    ("cut", "link"), [(10, 1), (20, 1), (40, 1), (3, 101), (30, 101), (0, 101), (17, 113), (2, 113)]
)
def test_headers_that_are_cut_short_are_unreadable(captures, cut, link):
    octets = captures.link_layer(said(captures), link)
    if (cut, link) == (10, 1):
        assert segment_of(packet(octets[:cut], link)) is None
        return
    with pytest.raises(Unreadable, match="damaged, or cut short"):
        segment_of(packet(octets[:cut], link))


def test_fragments_are_unreadable(captures):
    spoken = said(captures)
    spoken.mf = 1
    with pytest.raises(Unreadable, match="fragment"):
        segment_of(packet(bytes(spoken), 101))
    (spoken,) = captures.Talk(("2001:db8::5", "2001:db8::1")).says(0, b"hello")
    tcp = bytes(spoken.data)
    head = struct.pack(">IHBB16s16s", 6 << 28, len(tcp) + 8, 44, 64, spoken.src, spoken.dst)
    with pytest.raises(Unreadable, match="fragment"):
        segment_of(packet(head + b"\6\0\0\1\0\0\0\7" + tcp, 229))
    assert segment_of(packet(head + b"\6\0\0\0\0\0\0\7" + tcp, 229)).octets == b"hello"


def test_a_link_type_that_is_not_known_is_told_of():
    with pytest.raises(Unreadable, match="link type 105 is not known"):
        segment_of(packet(b"\0", 105))


@given(st.sampled_from([0, 1, 12, 101, 108, 113, 228, 229, 276]), st.binary(max_size=120), st.data())
def test_hostile_packets_are_segments_or_nothing_or_unreadable(captures, link, octets, data):
    spoken = bytearray(captures.link_layer(said(captures), link))
    for at in data.draw(st.lists(st.integers(0, len(spoken) - 1), max_size=4)):
        spoken[at] = data.draw(st.integers(0, 255))
    for one in (octets, bytes(spoken)):
        try:
            found = segment_of(packet(one, link))
        except Unreadable:
            continue
        assert found is None or (found.lacking >= 0 and 0 <= found.sequence < 2**32)


def test_packets_in_packets_do_not_lead_to_the_bottom():
    octets = b""
    for _ in range(3000):
        octets = (
            struct.pack(">BBHHHBBH4s4s", 0x45, 0, 0, 0, 0, 64, 4 if octets else 59, 0, ESME.host, SMSC.host) + octets
        )
    try:
        found = segment_of(packet(octets, 101))
    except Unreadable:
        found = None
    assert found is None
