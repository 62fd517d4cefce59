"""Every PDU that we encode is dissected by tshark to the same values.

Wireshark's dissector is a reading of SMPP that owes nothing to ours. What it is known not to read is left out here by
name, each with its reason; everything else must agree, parameter by parameter and in the order of the wire. Hundreds of
PDUs go into one capture, for starting tshark takes longer than dissecting them.
"""

from __future__ import annotations

import re
import struct
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from xml.etree import ElementTree as ET

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from smpp_esme import testing
from smpp_esme.protocol.codec import decode, encode
from smpp_esme.protocol.commands import CommandId, CommandStatus, is_response
from smpp_esme.protocol.composites import Several
from smpp_esme.protocol.parameters import EsmClass
from smpp_esme.protocol.pdus import (
    PDUS,
    DataSm,
    DistributionList,
    Pdu,
    SmeAddress,
    SubmitSm,
    SubmitSmResp,
    UnsuccessSme,
)
from smpp_esme.protocol.structures import MsValidity
from smpp_esme.protocol.tlvs import TLVS, Tag, Tlv
from smpp_esme.protocol.wire import parameters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from xml.etree.ElementTree import Element

    from smpp_esme.protocol.wire import WireType

pytestmark = pytest.mark.interop

GOLDEN = Path(__file__).parents[2] / "fixtures" / "pdus"
PORT = 2775
EACH = 25

#: TLVs that tshark misreads, or cannot be asked for.
LEFT_OUT: dict[Tag, str] = {
    Tag.BROADCAST_REP_NUM: "takes its two octets for one and loses step with what follows (SMPP 5.0, 4.8.4.13)",
    Tag.BROADCAST_END_TIME: "reads on past its 16 octets for a NUL, which it does not have",
    Tag.MS_VALIDITY: "takes the first of the four octets that 5.0 allows for all; the one octet of 3.4 is compared",
}

#: TLVs of which PDML shows where they stand and how long they are, but not what they hold.
WITHOUT_VALUE = {Tag.CALLBACK_NUM, Tag.CALLBACK_NUM_ATAG}

#: Operations that have no optional parameters in the specification, so tshark looks for none.
WITHOUT_TLVS = {
    CommandId.BIND_RECEIVER, CommandId.BIND_TRANSMITTER, CommandId.BIND_TRANSCEIVER, CommandId.OUTBIND,
    CommandId.UNBIND, CommandId.UNBIND_RESP, CommandId.ENQUIRE_LINK, CommandId.ENQUIRE_LINK_RESP,
    CommandId.GENERIC_NACK, CommandId.QUERY_SM, CommandId.QUERY_SM_RESP, CommandId.CANCEL_SM, CommandId.CANCEL_SM_RESP,
    CommandId.REPLACE_SM_RESP, CommandId.CANCEL_BROADCAST_SM_RESP,
}  # fmt: skip

#: Golden PDUs that it misreads.
GOLDEN_LEFT_OUT = {
    "broadcast_sm": "has a broadcast_rep_num",
    "query_broadcast_sm_resp": "has a broadcast_end_time",
}

#: What tshark calls differently, or shows bit by bit.
NAMES = (
    (re.compile(r"esm\.submit\..*"), "esm_class"),
    (re.compile(r"regdel\..*"), "registered_delivery"),
    (re.compile(r"(schedule_delivery_time|validity_period)_r"), r"\1"),
    (re.compile(r"message"), "short_message"),
)

#: What tshark may write of a text though XML cannot hold it; values are taken from the hexadecimal beside it.
NO_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

#: Parameters that tshark has another name for.
TLV_NAMES = {"dest_port": "destination_port"}


class Read(NamedTuple):
    """A PDU as it was read.

    Attributes:
        header: command_length, command_id, command_status, sequence_number.
        parameters: name and value in wire order, those of a list's elements one by one. Empty ones are left out, for
            tshark shows some of these and not others.
        tlvs: tag, name (None where it is no parameter of SMPP), and octets; only their number for `WITHOUT_VALUE`.
    """

    header: tuple[int, int, int, int]
    parameters: list[tuple[str, int | str | bytes]]
    tlvs: list[tuple[int, str | None, bytes | int]]


# What we mean


def meant(pdu: Pdu) -> Read:
    """What tshark should say of a PDU that we encoded; of a refusal it reads the header only."""
    header = (len(encode(pdu)), pdu.command_id, pdu.command_status, pdu.sequence_number)
    if pdu.command_status:
        return Read(header, [], [])
    tlvs = [] if pdu.command_id in WITHOUT_TLVS else [meant_tlv(tlv) for tlv in pdu.tlvs]
    return Read(header, [(name, value) for name, value in flat(pdu) if value not in ("", b"")], tlvs)


def meant_tlv(tlv: Tlv) -> tuple[int, str | None, bytes | int]:
    name = TLVS.name(tlv.tag) if TLVS.knows(tlv.tag) else None
    return tlv.tag, name, len(tlv.octets) if tlv.tag in WITHOUT_VALUE else tlv.octets


def flat(record: Any) -> Iterator[tuple[str, Any]]:
    for name, wire_type in parameters(type(record)):
        value = getattr(record, name)
        if isinstance(wire_type, Several):
            for element in value:
                yield from flat(element)
        else:
            yield name, value


def types_of(records: Iterable[type[Any]]) -> Iterator[tuple[str, WireType]]:
    for record in records:
        yield from parameters(record)


TYPES = dict(types_of([*PDUS.values(), SmeAddress, DistributionList, UnsuccessSme]))


# What tshark says


def capture(segments: Iterable[bytes]) -> bytes:
    """A pcap file of one TCP stream over IPv4, a packet for each segment."""
    packets = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 0x40000, 101)]
    at = 1
    for number, segment in enumerate(segments):
        addresses = bytes((192, 0, 2, 1)), bytes((192, 0, 2, 2))
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40 + len(segment), number & 0xFFFF, 0, 64, 6, 0, *addresses)
        tcp = struct.pack(">HHIIBBHHH", 50_000, PORT, at, 1, 0x50, 0x18, 0xFFFF, 0, 0)
        size = len(ip) + len(tcp) + len(segment)
        packets += [struct.pack("<IIII", number, 0, size, size), ip, tcp, segment]
        at += len(segment)
    return b"".join(packets)


@pytest.fixture(scope="module")
def dissect(foreign_program, tmp_path_factory) -> Callable[[Iterable[bytes]], list[Read]]:
    """Gives what tshark reads in these TCP segments, PDU by PDU; a malformed one fails the test."""
    tshark = foreign_program("tshark")
    file = tmp_path_factory.mktemp("tshark") / "pdus.pcap"

    def reads(segments: Iterable[bytes]) -> list[Read]:
        file.write_bytes(capture(segments))
        command = [tshark, "-n", "-r", str(file), "-d", f"tcp.port=={PORT},smpp", "-T", "pdml"]
        ran = subprocess.run(command, capture_output=True, check=False, timeout=60)
        assert ran.returncode == 0, ran.stderr.decode()
        packets = ET.fromstring(NO_XML.sub("?", ran.stdout.decode("utf-8", "replace"))).findall("packet")
        for packet in packets:
            check_packet(packet)
        return [read_pdu(pdu) for packet in packets for pdu in packet.findall("proto[@name='smpp']")]

    return reads


def check_packet(packet: Element) -> None:
    malformed = packet.findall(".//proto[@name='_ws.malformed']")
    errors = packet.findall(".//field[@name='_ws.malformed.expert']")
    described = [pdu.get("showname") for pdu in packet.findall("proto[@name='smpp']")]
    assert not malformed + errors, f"malformed to tshark: {described}"


def read_pdu(pdu: Element) -> Read:
    header = [number(pdu, name) for name in ("command_length", "command_id", "command_status", "sequence_number")]
    read: list[tuple[str, int | str | bytes]] = []
    last = None
    for field in mandatory(pdu):
        name = name_of(field)
        # The bits of an octet are fields of their own at the same place.
        if name in TYPES and last != (name, field.get("pos")) and (octets := octets_of(field)) not in (b"", None):
            last = name, field.get("pos")
            if (value := TYPES[name].from_octets(octets)) not in ("", b""):
                read.append((name, value))
    return Read(tuple(header), read, [read_tlv(tlv) for tlv in pdu.iter("field") if name_of(tlv) == "opt_param"])


def mandatory(parent: Element) -> Iterator[Element]:
    """The fields that do not belong to a TLV, a list's too."""
    for field in parent.findall("field"):
        if name_of(field) != "opt_params":
            yield field
            yield from mandatory(field)


def read_tlv(tlv: Element) -> tuple[int, str | None, bytes | int]:
    tag, length = number(tlv, "opt_param_tag"), number(tlv, "opt_param_len")
    name = re.match(r"Optional parameter: (\w+)", tlv.get("showname", ""))[1]
    named = None if name.startswith("0x") else TLV_NAMES.get(name, name)
    if tag in WITHOUT_VALUE:
        return tag, named, length
    value, start = b"", int(tlv.get("pos")) + 4
    # A structure is shown part by part, sometimes with the whole of it beside its first part.
    places = {}
    for field in tlv:
        if name_of(field) not in {"opt_param_tag", "opt_param_len"} and (octets := octets_of(field)):
            places[int(field.get("pos"))] = max(places.get(int(field.get("pos")), b""), octets, key=len)
    for place, octets in sorted(places.items()):
        if place == start + len(value):
            value += octets
    assert len(value) == length, f"{name} shows {len(value)} octets of {length}"
    return tag, named, value


def name_of(field: Element) -> str:
    """The name that SMPP has for it."""
    name = (field.get("name") or "").removeprefix("smpp.")
    for pattern, ours in NAMES:
        if pattern.fullmatch(name):
            return pattern.sub(ours, name)
    return name


def octets_of(field: Element) -> bytes | None:
    octets = field.get("unmaskedvalue") or field.get("value")
    return None if octets is None else bytes.fromhex(octets)


def number(parent: Element, name: str) -> int:
    """A number by its name; tshark does not show the command_status of a request, which is unused."""
    field = parent.find(f"field[@name='smpp.{name}']")
    return 0 if field is None else int(field.get("value"), 16)


# What is compared


def comparable(pdu: Pdu) -> bool:
    return not any(
        tlv.tag in LEFT_OUT and not (tlv.tag == Tag.MS_VALIDITY and len(tlv.octets) == 1) for tlv in pdu.tlvs
    )


def tlv_strategy() -> st.SearchStrategy[Tlv]:
    known = testing.tlv(*(tag for tag in Tag if tag not in LEFT_OUT))
    short = st.integers(0, 255).map(lambda behaviour: TLVS.tlv(Tag.MS_VALIDITY, MsValidity(behaviour)))
    vendors = st.builds(Tlv, st.integers(0x1400, 0x3FFF), st.binary(min_size=1, max_size=40))
    return known | short | vendors


def pdus_of(record: type[Pdu]) -> st.SearchStrategy[Pdu]:
    """PDUs of one class that tshark knows for such.

    A response with a command_status that SMPP 3.4 keeps for itself (5.1.3) and gives no meaning is no PDU to it.
    """
    chosen: dict[str, st.SearchStrategy[Any]] = {"tlvs": st.lists(tlv_strategy(), max_size=4).map(tuple)}
    if is_response(record.command_id):
        refusals = st.sampled_from(sorted(CommandStatus)) | st.integers(0x400, 0xFFFF_FFFF)
        chosen["command_status"] = st.just(CommandStatus.ESME_ROK) | refusals
    return testing.pdu(record, **chosen)


def with_header(pdu: Pdu) -> Pdu:
    """tshark goes into user data, so where esm_class says that a header is there, one must be."""
    if not getattr(pdu, "esm_class", 0) & EsmClass.UDHI:
        return pdu
    header = bytes((5, 0, 3, pdu.sequence_number & 0xFF, 2, 1))
    tlvs = tuple(Tlv(tlv.tag, header + tlv.octets) if tlv.tag == Tag.MESSAGE_PAYLOAD else tlv for tlv in pdu.tlvs)
    text = {"short_message": header + pdu.short_message[:248]} if hasattr(pdu, "short_message") else {}
    return msgspec.structs.replace(pdu, tlvs=tlvs, **text)


def examples(pdus: st.SearchStrategy[Pdu], count: int) -> list[Pdu]:
    """PDUs as hypothesis makes them, the same ones every time: a dissector's quirk must not show up out of the blue."""
    made: list[Pdu] = []

    @settings(
        max_examples=count,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(pdus)
    def keep(pdu: Pdu) -> None:
        made.append(with_header(pdu))

    keep()
    return made


def golden() -> dict[str, bytes]:
    """The PDUs of fixtures/pdus that are as the specification has them."""
    return {
        path.stem: bytes.fromhex(re.sub(r"#.*", "", path.read_text("utf-8")))
        for path in sorted(GOLDEN.glob("*.hex"))
        if not path.stem.startswith(("bad_", "odd_"))
    }


def assert_same(read: list[Read], pdus: list[Pdu]) -> None:
    assert len(read) == len(pdus)
    for one, pdu in zip(read, pdus, strict=True):
        assert one == meant(pdu), f"{type(pdu).__name__} {encode(pdu).hex()}"


def test_tshark_reads_what_we_encode(dissect):
    pdus = [pdu for record in PDUS.values() for pdu in examples(pdus_of(record), EACH)]
    assert len(pdus) > len(PDUS) * EACH // 2
    assert_same(dissect(encode(pdu) for pdu in pdus), pdus)


def test_tshark_reads_the_golden_pdus_as_we_do(dissect):
    octets = {name: octets for name, octets in golden().items() if name not in GOLDEN_LEFT_OUT}
    assert len(octets) > 40
    assert_same(dissect(octets.values()), [decode(one) for one in octets.values()])


def test_the_golden_pdus_left_out_are_those_with_what_tshark_misreads():
    pdus = {name: decode(octets) for name, octets in golden().items()}
    assert {name for name, pdu in pdus.items() if not comparable(pdu)} == GOLDEN_LEFT_OUT.keys()


def test_every_tlv_is_compared_but_for_those_left_out(dissect):
    tags = [tag for tag in Tag if tag not in LEFT_OUT]
    pdus = [pdu for tag in tags for pdu in examples(testing.pdu(DataSm, tlvs=ending(testing.tlv(tag))), 5)]
    assert {pdu.tlvs[0].tag for pdu in pdus} == set(tags)
    assert_same(dissect(encode(pdu) for pdu in pdus), pdus)


def ending(tlv: st.SearchStrategy[Tlv]) -> st.SearchStrategy[tuple[Tlv, ...]]:
    """Something behind it shows whether the dissector has kept step."""
    return st.tuples(tlv, st.just(Tlv(0x1400, b"end")))


def test_every_status_of_the_specification_is_read(dissect):
    pdus = [SubmitSmResp(1, status) for status in CommandStatus]
    assert_same(dissect(encode(pdu) for pdu in pdus), pdus)


def test_pdus_that_share_a_segment_or_span_several_are_read(dissect):
    pdus = [SubmitSm(number, short_message=b"x" * number) for number in range(1, 255)]
    stream = b"".join(encode(pdu) for pdu in pdus)
    segments = (stream[at : at + 1000] for at in range(0, len(stream), 1000))
    assert_same(dissect(segments), pdus)


def test_a_long_message_payload_is_read(dissect):
    # A PDU of more than 65,536 octets is none to tshark, though the longest payload makes one.
    pdu = DataSm(1, tlvs=(TLVS.tlv(Tag.MESSAGE_PAYLOAD, bytes(range(250)) * 262),))
    octets = encode(pdu)
    assert 65_500 < len(octets) <= 65_536
    assert_same(dissect(octets[at : at + 1400] for at in range(0, len(octets), 1400)), [pdu])


def test_a_wrong_value_is_noticed(dissect):
    [read] = dissect([encode(SubmitSm(1, destination_addr="994501234567", data_coding=8))])
    assert read != meant(SubmitSm(1, destination_addr="994501234567", data_coding=4))
    assert read != meant(SubmitSm(1, destination_addr="994501234568", data_coding=8))


def test_a_malformed_pdu_is_noticed(dissect):
    octets = (GOLDEN / "bad_short_message_past_the_end.hex").read_text("utf-8")
    with pytest.raises(AssertionError, match="malformed to tshark"):
        dissect([bytes.fromhex(re.sub(r"#.*", "", octets))])
