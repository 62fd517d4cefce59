"""Hostile octets, chosen by coverage (`make fuzz`): whatever comes in, nothing but our own errors comes out.

    python tests/fuzz/fuzz_protocol.py --corpus FOLDER [libFuzzer's own flags]

FOLDER is created if need be, the PDUs of fixtures/pdus are put into it, and what is found to reach new code is kept
there. An input that breaks a promise is written where -artifact_prefix says, and the process ends with an error; give
that file as the only argument to see the traceback again.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["smpp_esme"]):
    from smpp_esme.errors import EncodingError, MalformedPdu
    from smpp_esme.protocol import codec
    from smpp_esme.protocol.connection import Connection
    from smpp_esme.protocol.dump import dump
    from smpp_esme.protocol.events import RequestReceived
    from smpp_esme.protocol.pdus import (
        PDUS,
        RESPONSES,
        BindReceiver,
        BindTransceiver,
        BindTransmitter,
        DataSm,
        DeliverSm,
        GenericNack,
        Pdu,
        SubmitSm,
        Unbind,
    )
    from smpp_esme.protocol.state import Role, State, may_request
    from smpp_esme.protocol.timers import Timers
    from smpp_esme.protocol.tlvs import TLVS, read, to_octets
    from smpp_esme.sms import receipt
    from smpp_esme.sms.profile import Profile, profile_names

FIXTURES = Path(__file__).parents[2] / "fixtures" / "pdus"
LIMIT = 1024
PROFILES = [Profile.named(name) for name in profile_names()]
#: Both ends, open and bound each way; an input's last octet chooses, for all of them at once would be slow.
ENDS = [(role, bind) for role in Role for bind in (None, BindTransmitter, BindReceiver, BindTransceiver)]
#: Long after every deadline.
LATER = 1e6


def fuzz(octets: bytes) -> None:
    """One input, through everything that reads what a peer sent."""
    for frame in {*check_framing(octets), octets}:
        check_pdu(frame)
    check_tlvs(octets)
    check_receipt(DeliverSm(esm_class=octets[0] if octets else 0, short_message=octets[1:]))
    check_connection(connection(*ENDS[(octets or b"\0")[-1] % len(ENDS)]), octets)


def check_framing(octets: bytes) -> list[bytes]:
    """Any slicing of the stream gives the same PDUs, and the same end."""
    whole = codec.Framer(LIMIT)
    frames = whole.feed(octets)
    for size in (1, 1 + octets[-1] if octets else 7):
        sliced = codec.Framer(LIMIT)
        again = [frame for piece in pieces(octets, size) for frame in sliced.feed(piece)]
        assert again == frames
        assert str(sliced.broken) == str(whole.broken)
    return frames


def check_pdu(frame: bytes) -> None:
    """It is decoded or refused; what was decoded is encoded or refused, and then stays what it is."""
    problem = dump(frame).problem
    try:
        pdu = codec.decode(frame)
    except MalformedPdu:
        assert problem
        return
    assert not problem
    repr(pdu)
    check_tlvs(to_octets(pdu.tlvs))
    if isinstance(pdu, DeliverSm | DataSm):
        check_receipt(pdu)
    try:
        again = codec.encode(pdu, version=0x50)
    except EncodingError:
        return
    assert codec.encode(codec.decode(again), version=0x50) == again


def check_tlvs(octets: bytes) -> None:
    """Every TLV has a value, and goes back out as it came."""
    tlvs, oddities = read(octets, 0)
    assert oddities or to_octets(tlvs) == octets
    for tlv in tlvs:
        repr((tlv, TLVS.value(tlv)))


def check_receipt(pdu: DeliverSm | DataSm) -> None:
    """Whatever the text says, it is a receipt or it is none."""
    for profile in PROFILES:
        repr(receipt.parse(pdu, profile))


def connection(role: Role, bind: type[Pdu] | None) -> Connection:
    """One end of a session, open or bound, that waits for responses if it may ask for anything."""
    ends = {one: Connection(one, 0, timers=Timers(), limit=LIMIT) for one in Role}
    if bind:
        ends[Role.ESME].request(bind(system_id="acme"), 0)
        ends[Role.SMSC].receive_data(ends[Role.ESME].data_to_send(), 0)
        answer(ends[Role.SMSC])
        ends[Role.ESME].receive_data(ends[Role.SMSC].data_to_send(), 0)
    end = ends[role]
    for request in (SubmitSm(), DeliverSm(), DataSm()):
        if may_request(role, end.state, request.command_id):
            end.request(request, 0, "mine")
    end.events_received()
    end.data_to_send()
    return end


def answer(end: Connection) -> None:
    """Answer every request that has come."""
    for event in end.events_received():
        repr(event)
        if isinstance(event, RequestReceived) and end.state is not State.CLOSED:
            response = RESPONSES.get(event.request.command_id, GenericNack)
            end.respond(event.request, response())


def check_connection(end: Connection, octets: bytes) -> None:
    """A session takes the octets in slices, and ends in order; what it sends can be read."""
    for piece in pieces(octets, 1 + len(octets) // 3):
        end.receive_data(piece, 1)
        answer(end)
    if may_request(end.role, end.state, Unbind.command_id) and octets and octets[-1] & 8:
        end.unbind(1, drain=True)
    end.handle_timer(LATER)
    answer(end)
    end.receive_eof()
    assert end.state is State.CLOSED
    assert end.outstanding == 0
    for frame in codec.Framer().feed(end.data_to_send()):
        codec.decode(frame)


def pieces(octets: bytes, size: int) -> list[bytes]:
    """The octets in slices of one size."""
    return [octets[at : at + size] for at in range(0, len(octets), size)]


def seed(corpus: Path) -> None:
    """Put the golden PDUs into the corpus; longer streams libFuzzer makes of them by itself."""
    corpus.mkdir(parents=True, exist_ok=True)
    for path in FIXTURES.glob("*.hex"):
        (corpus / path.stem).write_bytes(bytes.fromhex(re.sub(r"#.*", "", path.read_text("utf-8"))))


def main() -> None:
    arguments = sys.argv[1:]
    if arguments[:1] == ["--corpus"]:
        corpus = Path(arguments[1])
        seed(corpus)
        arguments = [str(corpus), f"-max_len={LIMIT}", *arguments[2:]]
    # Layouts are compiled when first used, where atheris does not look by itself.
    for record in PDUS.values():
        atheris.instrument_func(record.layout.decode)
        atheris.instrument_func(record.layout.encode)
    atheris.Setup([sys.argv[0], *arguments], fuzz)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
