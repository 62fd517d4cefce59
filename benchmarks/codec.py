"""Our codec beside smpplib's, construct's engine, and a codec written by hand with `struct`.

    python -m benchmarks.codec

The hand-written one is the yardstick: it knows nothing but these three PDUs, and of submit_sm seven parameters.
"""

from __future__ import annotations

import os
import statistics
import struct
import subprocess
import sys
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING

import smpplib.command
import smpplib.consts
import smpplib.smpp

from benchmarks.timing import microseconds
from smpp_esme.protocol import codec, reference
from smpp_esme.protocol.pdus import DeliverSm, SubmitSm, SubmitSmResp
from smpp_esme.protocol.tlvs import TLVS, Tag

if TYPE_CHECKING:
    from collections.abc import Callable

TEXT = b"Your order 1057 is ready; your code: 4815"
RECEIPT = (
    b"id:0489708364 sub:001 dlvrd:001 submit date:2611210830 done date:2611210831 stat:DELIVRD err:000 text:Your order"
)

SUBMIT = {
    "source_addr_ton": 5,
    "source_addr_npi": 0,
    "source_addr": "ACME",
    "dest_addr_ton": 1,
    "dest_addr_npi": 1,
    "destination_addr": "79161234567",
    "registered_delivery": 1,
    "data_coding": 0,
    "short_message": TEXT,
}
DELIVER = codec.encode(
    DeliverSm(
        source_addr_ton=1,
        source_addr_npi=1,
        source_addr="79161234567",
        dest_addr_ton=5,
        destination_addr="ACME",
        esm_class=4,
        short_message=RECEIPT,
        tlvs=(TLVS.tlv(Tag.RECEIPTED_MESSAGE_ID, "1d305b4c"), TLVS.tlv(Tag.MESSAGE_STATE, 2)),
    ),
    7,
)
RESPONSE = codec.encode(SubmitSmResp(message_id="1d305b4c"), 7)

#: Fresh interpreters for the time of one import.
RUNS = 11

HEADER = struct.Struct(">IIII")
ADDRESS = struct.Struct("BB")
TAIL = struct.Struct("BBBBB")


class Submit:
    """A submit_sm, the way one writes it for one PDU: slots, and a method that checks and encodes."""

    __slots__ = ("data_coding", "dest", "destination_addr", "receipt", "short_message", "source", "source_addr")

    def __init__(
        self,
        *,
        source: tuple[int, int],
        source_addr: str,
        dest: tuple[int, int],
        destination_addr: str,
        receipt: int,
        data_coding: int,
        short_message: bytes,
    ) -> None:
        self.source = source
        self.source_addr = source_addr
        self.dest = dest
        self.destination_addr = destination_addr
        self.receipt = receipt
        self.data_coding = data_coding
        self.short_message = short_message

    def encode(self, sequence_number: int) -> bytes:
        """The octets; refuses what does not fit, as ours does, but for the parameters it does not know."""
        source_addr, destination_addr = self.source_addr, self.destination_addr
        if len(source_addr) > 20 or len(destination_addr) > 20 or len(self.short_message) > 254:
            raise ValueError("too long")
        if "\0" in source_addr or "\0" in destination_addr:
            raise ValueError("NUL")
        body = b"".join(
            (
                b"\0",
                ADDRESS.pack(*self.source),
                source_addr.encode("ascii"),
                b"\0",
                ADDRESS.pack(*self.dest),
                destination_addr.encode("ascii"),
                b"\0\0\0\0\0\0",
                TAIL.pack(self.receipt, 0, self.data_coding, 0, len(self.short_message)),
                self.short_message,
            )
        )
        return HEADER.pack(16 + len(body), 4, 0, sequence_number) + body


def submit_by_hand() -> bytes:
    """Build and encode."""
    return Submit(
        source=(5, 0),
        source_addr="ACME",
        dest=(1, 1),
        destination_addr="79161234567",
        receipt=1,
        data_coding=0,
        short_message=TEXT,
    ).encode(7)


def response_by_hand() -> object:
    """submit_sm_resp."""
    _, _, status, sequence = HEADER.unpack_from(RESPONSE)
    return SimpleNamespace(status=status, sequence=sequence, message_id=RESPONSE[16:-1].decode("ascii"))


def deliver_by_hand() -> object:
    """deliver_sm with its TLVs."""
    octets = DELIVER
    _, _, status, sequence = HEADER.unpack_from(octets)
    at = octets.index(0, 16)
    service_type = octets[16:at].decode("ascii")
    source_ton, source_npi = ADDRESS.unpack_from(octets, at + 1)
    end = octets.index(0, at + 3)
    source = octets[at + 3 : end].decode("ascii")
    dest_ton, dest_npi = ADDRESS.unpack_from(octets, end + 1)
    at = octets.index(0, end + 3)
    destination = octets[end + 3 : at].decode("ascii")
    esm_class, protocol_id, priority = struct.unpack_from("BBB", octets, at + 1)
    end = octets.index(0, at + 4)
    schedule = octets[at + 4 : end].decode("ascii")
    at = octets.index(0, end + 1)
    validity = octets[end + 1 : at].decode("ascii")
    registered, replace, coding, default, length = TAIL.unpack_from(octets, at + 1)
    at += 6
    message = octets[at : at + length]
    at += length
    tlvs = []
    while at < len(octets):
        tag, size = struct.unpack_from(">HH", octets, at)
        tlvs.append((tag, octets[at + 4 : at + 4 + size]))
        at += 4 + size
    addresses = (source_ton, source_npi, source, dest_ton, dest_npi, destination)
    options = (esm_class, protocol_id, priority, schedule, validity, registered, replace, coding, default)
    return status, sequence, service_type, addresses, options, message, tlvs


class _Client:
    """As much of smpplib's client as its PDUs ask for."""

    sequence = 7

    def next_sequence(self) -> int:
        return self.sequence


def smpplib_submit() -> bytes:
    """Build and encode, as smpplib's send_message does."""
    pdu = smpplib.smpp.make_pdu("submit_sm", client=_CLIENT, **SUBMIT)
    return pdu.generate()


def smpplib_parse(octets: bytes) -> Callable[[], object]:
    """Parse, as smpplib's read_pdu does."""
    return lambda: smpplib.smpp.parse_pdu(octets, client=_CLIENT, allow_unknown_opt_params=True)


_CLIENT = _Client()
_SUBMIT_CONSTRUCT = dict(
    command_length=0, command_id=4, command_status=0, sequence_number=7, tlvs=[],
    **{name: getattr(SubmitSm(**SUBMIT), name) for name, _ in SubmitSm.layout.fields},
)  # fmt: skip

TABLES: dict[str, dict[str, Callable[[], object]]] = {
    "build and encode submit_sm": {
        "smpp_esme": lambda: codec.encode(SubmitSm(**SUBMIT), 7),
        "by hand": submit_by_hand,
        "smpplib": smpplib_submit,
        "construct": lambda: reference.pdu(SubmitSm).build(_SUBMIT_CONSTRUCT),
    },
    "decode submit_sm_resp": {
        "smpp_esme": lambda: codec.decode(RESPONSE),
        "by hand": response_by_hand,
        "smpplib": smpplib_parse(RESPONSE),
        "construct": lambda: reference.pdu(SubmitSmResp).parse(RESPONSE),
    },
    "decode deliver_sm, two TLVs": {
        "smpp_esme": lambda: codec.decode(DELIVER),
        "by hand": deliver_by_hand,
        "smpplib": smpplib_parse(DELIVER),
        "construct": lambda: reference.pdu(DeliverSm).parse(DELIVER),
    },
}


def import_milliseconds() -> float:
    """What `import smpp_esme.protocol` costs a fresh interpreter: the median of eleven, less that of an empty one."""

    def median(code: str) -> float:
        # -B is how this process may have been told not to keep bytecode: a user's interpreter does keep it.
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        took = []
        for _ in range(RUNS):
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True, env=environment)
            took.append(time.perf_counter() - start)
        return statistics.median(took) * 1000

    return median("import smpp_esme.protocol") - median("pass")


def main() -> None:
    """Print the table."""
    print(f"{'':<30}{'us':>9}{'times ours':>12}")
    for title, contenders in TABLES.items():
        times = microseconds(contenders)
        print(title)
        for name, taken in times.items():
            print(f"  {name:<28}{taken:>9.2f}{taken / times['smpp_esme']:>12.1f}")
    print(f"import of smpp_esme.protocol: {import_milliseconds():.0f} ms")


if __name__ == "__main__":
    main()
