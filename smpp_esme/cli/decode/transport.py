"""The TCP segments in captured packets, taken apart by dpkt (the extra `pcap`)."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final

import dpkt
import msgspec
from dpkt.ethernet import ETH_TYPE_8021AD, ETH_TYPE_8021Q, ETH_TYPE_IP, ETH_TYPE_IP6, Ethernet, VLANtag8021Q
from dpkt.ip import IP, IP_PROTO_FRAGMENT, IP_PROTO_TCP
from dpkt.ip6 import IP6
from dpkt.loopback import Loopback
from dpkt.sll import SLL
from dpkt.sll2 import SLL2
from dpkt.tcp import TCP, TH_ACK, TH_SYN

if TYPE_CHECKING:
    from collections.abc import Callable

    from smpp_esme.cli.decode.capture import Packet

#: What cooked captures may put between their header and the IP packet.
_VLAN: Final = (ETH_TYPE_8021Q, ETH_TYPE_8021AD)
_LONGEST_802_3: Final = 1500
_NETWORKS: Final[dict[int, type[Any]]] = {ETH_TYPE_IP: IP, ETH_TYPE_IP6: IP6}


class Unreadable(Exception):
    """What may be TCP and cannot be read; the text says why."""


class Peer(msgspec.Struct, frozen=True, order=True):
    """One end of a TCP connection: its address as octets, and its port."""

    host: bytes
    port: int

    def __str__(self) -> str:
        host = ip_address(self.host)
        return f"[{host}]:{self.port}" if host.version == 6 else f"{host}:{self.port}"


class TcpSegment(msgspec.Struct, frozen=True):
    """One TCP segment.

    Attributes:
        time: when it was captured, in nanoseconds since 1970, UTC; None if the file does not say.
        source: who sent it.
        destination: to whom.
        sequence: the sequence number of the first octet, or of the SYN before it.
        acknowledged: what is acknowledged; None without ACK.
        opens: whether it has SYN.
        octets: what was captured of what it carries.
        lacking: how many octets more it had on the wire.
    """

    time: int | None
    source: Peer
    destination: Peer
    sequence: int
    acknowledged: int | None
    opens: bool
    octets: bytes
    lacking: int = 0


def segment_of(packet: Packet) -> TcpSegment | None:
    """The TCP segment in a packet; None if it carries something else.

    Raises:
        Unreadable: it may be TCP, and cannot be read.
    """
    if packet.link not in _LINKS:
        raise Unreadable(f"its link type {packet.link} is not known here")
    try:
        network = _LINKS[packet.link](packet.octets)
        return _segment(packet, network) if isinstance(network, IP | IP6) else None
    except Unreadable:
        raise
    except Exception as error:  # noqa: BLE001 - what dpkt raises at hostile octets, nobody has written down
        raise Unreadable(f"its headers are damaged, or cut short ({type(error).__name__})") from None


def _segment(packet: Packet, network: IP | IP6) -> TcpSegment | None:
    if network.p != IP_PROTO_TCP:
        return None
    if _is_fragment(network):
        raise Unreadable("it is a fragment of an IP packet")
    tcp = network.data
    if not isinstance(tcp, TCP):
        raise Unreadable("its TCP header is damaged, or cut short")
    octets = bytes(tcp.data)
    length = _length(network)
    # With segmentation left to the network card only the length of the packet tells.
    cut = packet.length - len(packet.octets) if length is None else length - (tcp.off << 2) - len(octets)
    return TcpSegment(
        time=packet.time,
        source=Peer(network.src, tcp.sport),
        destination=Peer(network.dst, tcp.dport),
        sequence=tcp.seq,
        acknowledged=tcp.ack if tcp.flags & TH_ACK else None,
        opens=bool(tcp.flags & TH_SYN),
        octets=octets,
        lacking=max(0, cut),
    )


def _is_fragment(network: IP | IP6) -> bool:
    if isinstance(network, IP):
        return bool(network.mf or network.offset)
    fragment = network.extension_hdrs.get(IP_PROTO_FRAGMENT)
    return bool(fragment and (fragment.m_flag or fragment.frag_off))


def _length(network: IP | IP6) -> int | None:
    """How long the IP packet says that its TCP header and data are; None if it does not (segmentation offload)."""
    if isinstance(network, IP):
        return network.len - (network.hl << 2) if network.len else None
    headers = sum(header.length for header in network.all_extension_headers)
    return network.plen - headers if network.plen else None


def _ethernet(octets: bytes) -> Any:
    if (
        int.from_bytes(octets[12:14], "big") <= _LONGEST_802_3
    ):  # a length, not a type: nothing of ours, and many dialects
        return None
    frame = Ethernet(octets)
    kind = frame.vlan_tags[-1].type if hasattr(frame, "vlan_tags") else frame.type
    if isinstance(frame.data, bytes) and kind in _NETWORKS:
        raise Unreadable("its IP header is damaged, or cut short")
    return frame.data


def _loopback(octets: bytes) -> Any:
    return Loopback(octets).data


def _raw(octets: bytes) -> Any:
    return (IP6 if octets[0] >> 4 == 6 else IP)(octets)


def _cooked(kind: type[SLL | SLL2]) -> Callable[[bytes], Any]:
    def network(octets: bytes) -> Any:
        cooked = kind(octets)
        protocol, data = cooked.ethtype, cooked.data
        while protocol in _VLAN:
            tag = VLANtag8021Q(data)
            protocol, data = tag.type, data[tag.__hdr_len__ :]
        found = _NETWORKS.get(protocol)
        return found(data) if found and isinstance(data, bytes) else data

    return network


#: Link types (draft-ietf-opsawg-pcaplinktype), each with what finds the packet behind its header.
_LINKS: Final[dict[int, Callable[[bytes], Any]]] = {
    dpkt.pcap.DLT_NULL: _loopback,
    dpkt.pcap.DLT_EN10MB: _ethernet,
    12: _raw,  # LINKTYPE_RAW has three numbers
    14: _raw,
    101: _raw,
    108: _loopback,
    dpkt.pcap.DLT_LINUX_SLL: _cooked(SLL),
    dpkt.pcap.DLT_IPV4: IP,
    dpkt.pcap.DLT_IPV6: IP6,
    dpkt.pcap.DLT_LINUX_SLL2: _cooked(SLL2),
}
