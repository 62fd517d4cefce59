"""Captures that the tests make themselves: TCP connections between an ESME and an SMSC, packet by packet."""

from __future__ import annotations

import io
import struct
from ipaddress import ip_address
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import dpkt
import pytest
import typer
from dpkt.ethernet import Ethernet, VLANtag8021Q
from dpkt.ip import IP
from dpkt.ip6 import IP6
from dpkt.tcp import TCP, TH_ACK, TH_PUSH, TH_SYN
from typer.testing import CliRunner

from smpp_esme.cli.decode import decode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from click.testing import Result

ESME, SMSC = 0, 1
#: 21 November 2026, 11:39:01 UTC.
NOON = 1_795_261_141


class Talk:
    """A TCP connection: gives the IP packets that its two ends send; their times go on by a millisecond a packet."""

    def __init__(self, hosts=("10.0.0.5", "10.0.0.1"), ports=(50000, 2775), first=(1000, 2**32 - 20)):
        self.hosts = [ip_address(host).packed for host in hosts]
        self.ports = ports
        self.next = list(first)

    def opened(self):
        return [self._packet(ESME, TH_SYN), self._packet(SMSC, TH_SYN | TH_ACK)]

    def says(self, side: int, *pieces: bytes):
        return [self._packet(side, TH_PUSH | TH_ACK, piece) for piece in pieces]

    def loses(self, side: int, octets: int):
        """Octets that went past the capture."""
        self.next[side] = (self.next[side] + octets) % 2**32

    def _packet(self, side: int, flags: int, data: bytes = b""):
        source, destination = (side, 1 - side)
        tcp = TCP(
            sport=self.ports[source], dport=self.ports[destination], seq=self.next[side], ack=self.next[1 - side],
            flags=flags, data=data,
        )  # fmt: skip
        self.loses(side, len(data) + bool(flags & TH_SYN))
        if len(self.hosts[0]) == 16:
            return IP6(src=self.hosts[source], dst=self.hosts[destination], nxt=6, p=6, plen=len(tcp), data=tcp)
        return IP(src=self.hosts[source], dst=self.hosts[destination], p=6, data=tcp)


def link_layer(packet: Any, link: int) -> bytes:
    kind = 0x86DD if isinstance(packet, IP6) else 0x0800
    heads = {
        0: struct.pack("<I", 30 if isinstance(packet, IP6) else 2),
        1: bytes(12) + struct.pack(">H", kind),
        12: b"",
        101: b"",
        108: struct.pack(">I", 24 if isinstance(packet, IP6) else 2),
        113: struct.pack(">HHH8sH", 4, 1, 6, bytes(8), kind),
        228: b"",
        229: b"",
        276: struct.pack(">HHiHBB8s", kind, 0, 3, 1, 4, 6, bytes(8)),
    }
    return heads[link] + bytes(packet)


def tagged(packet: Any, *vlans: int) -> bytes:
    """An Ethernet frame with VLAN tags."""
    return bytes(Ethernet(type=0x0800, vlan_tags=[VLANtag8021Q(id=vlan) for vlan in vlans], data=packet))


def pcap(
    packets: Iterable[Any], *, link: int = 1, order: str = "<", nano: bool = False, snaplen: int = 262144, start=NOON
) -> bytes:
    """A pcap file, with a millisecond from packet to packet."""
    magic, fraction = (0xA1B23C4D, 10**6) if nano else (0xA1B2C3D4, 10**3)
    written = [struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, snaplen, link)]
    for number, packet in enumerate(packets):
        octets = packet if isinstance(packet, bytes) else link_layer(packet, link)
        moment = (start + number // 1000, number % 1000 * fraction)
        captured = octets[:snaplen]
        written += [struct.pack(f"{order}IIII", *moment, len(captured), len(octets)), captured]
    return b"".join(written)


def pcapng(packets: Iterable[Any], *, link: int = 1) -> bytes:
    """A pcapng file as dpkt writes it."""
    file = io.BytesIO()
    writer = dpkt.pcapng.Writer(file, linktype=link)
    for number, packet in enumerate(packets):
        writer.writepkt_time(link_layer(packet, link), NOON + number / 1000)
    return file.getvalue()


def block(order: str, kind: int, body: bytes) -> bytes:
    """A block of a pcapng file."""
    body += bytes(-len(body) % 4)
    size = struct.pack(f"{order}I", len(body) + 12)
    return struct.pack(f"{order}I", kind) + size + body + size


@pytest.fixture(scope="session")
def captures() -> SimpleNamespace:
    """All of the above, for tests that write captures."""
    return SimpleNamespace(
        Talk=Talk, link_layer=link_layer, tagged=tagged, pcap=pcap, pcapng=pcapng, block=block, noon=NOON
    )


@pytest.fixture(scope="session")
def run() -> Callable[..., Result]:
    """Runs the command on these arguments: `run("-", "--json", stdin=capture)`."""

    def invoke(*arguments: str, stdin: str | bytes | None = None) -> Result:
        app = typer.Typer()
        app.command()(decode)
        result = CliRunner().invoke(app, arguments, input=stdin)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return invoke
