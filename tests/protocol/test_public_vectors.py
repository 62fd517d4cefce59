"""PDUs from public test suites, where they are at hand: each decodes as it is described, and canonical ones come back.

They are looked for in the file pdus.json of ../shared/vectors beside the repository, or of the folder that the
environment variable SMPP_ESME_VECTORS names.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final

import pytest

from smpp_esme.errors import EncodingError, MalformedPdu
from smpp_esme.protocol.codec import decode, encode
from smpp_esme.protocol.meanings import command_name
from smpp_esme.protocol.pdus import DistributionList, Pdu, SmeAddress

FOLDER: Final = Path(os.environ.get("SMPP_ESME_VECTORS") or Path(__file__).parents[3] / "shared" / "vectors")
FILE: Final = FOLDER / "pdus.json"
VECTORS: Final[list[dict[str, Any]]] = json.loads(FILE.read_text()) if FILE.is_file() else []

pytestmark = pytest.mark.skipif(
    not VECTORS, reason=f"{FILE.name} is not in {FOLDER}: SMPP_ESME_VECTORS names its folder"
)

#: The vectors' words for our parameters.
NAMES: Final = {
    "s_ton": "source_addr_ton",
    "s_npi": "source_addr_npi",
    "source": "source_addr",
    "d_ton": "dest_addr_ton",
    "d_npi": "dest_addr_npi",
    "dest": "destination_addr",
    "e_ton": "esme_addr_ton",
    "e_npi": "esme_addr_npi",
    "esme": "esme_addr",
    "priority": "priority_flag",
    "sched": "schedule_delivery_time",
    "validity": "validity_period",
    "reg_del": "registered_delivery",
    "replace": "replace_if_present_flag",
    "def_msg_id": "sm_default_msg_id",
    "state": "message_state",
}
#: What says something of the vector and not of a parameter, and what is looked at by itself.
APART: Final = {
    "len",
    "hex",
    "cmd",
    "st",
    "seq",
    "sources",
    "decode_error",
    "tlv",
    "sm",
    "sm_length",
    "dests",
    "unsuccess",  # codespell:ignore unsuccess
}

#: What no patience can read, and why.
UNREADABLE: Final = {
    "0000001000000110000000000a342ee7": "unknown command_id",
    "0000001080000110000000000a342ee7": "unknown command_id",
    "00000039000000050000000000000001000101393939393139393134353933000000363436340000000000000000080010c1e1e9edf3faf1"
    "fc": "short_message at offset 48 runs past the end of 57 octets",
    "00000010000000040000000000000000": "service_type at offset 16 runs past the end of 16 octets",
}

#: What is read and reported as odd; it does not come back as it was.
ODD: Final = {
    "0000001b8000000900000000000000015453493735383800021000": "3 stray octets after the last parameter",
    "00000011000000060000000000000000ff": "1 stray octets after the last parameter",
    "0000001180000004000000000a342ee139": "message_id runs past the end",
    "0000001080000004000000000a342ee1": "message_id is missing",
    "00000010800000050000000000116ac7": "message_id is missing",
    "00000010800001030000000000116ac7": "message_id is missing",
}
ODD_BY_THE_WAY: Final = {
    "TLV receipted_message_id declares 65 octets and 5 are there",
    "service_type: 'smscsim' has 7 characters, where at most 5 is allowed",
    "password: the value has 9 characters, where at most 8 is allowed",
}
#: A refusal with an empty body is written without one, as SMPP 3.4, 4.4.2 wants it.
REFUSED_WITH_EMPTY_BODY: Final = {"0000001180000009000000530000000100"}


def described(vector: dict[str, Any]) -> str:
    return f"{vector['cmd']}-{vector['seq']}-{vector['len']}"


readable = [vector for vector in VECTORS if vector["hex"] not in UNREADABLE]
each_readable = pytest.mark.parametrize("vector", readable, ids=described)


def test_all_of_them_are_there():
    assert len(VECTORS) == 163
    assert {vector["hex"] for vector in VECTORS} >= UNREADABLE.keys() | ODD.keys() | REFUSED_WITH_EMPTY_BODY


@pytest.mark.parametrize(("octets", "problem"), UNREADABLE.items())
def test_what_cannot_be_read_is_reported(octets: str, problem: str):
    with pytest.raises(MalformedPdu) as malformed:
        decode(bytes.fromhex(octets))
    assert malformed.value.problem == problem


@each_readable
def test_a_vector_decodes_as_it_is_described(vector: dict[str, Any]):
    pdu = decode(bytes.fromhex(vector["hex"]))
    assert command_name(pdu.command_id) == vector["cmd"]
    assert (pdu.command_status, pdu.sequence_number) == (vector["st"], vector["seq"])
    for word, value in vector.items():
        if word not in APART:
            assert getattr(pdu, NAMES.get(word, word)) == value, word
    assert_same_content(pdu, vector)


def assert_same_content(pdu: Pdu, vector: dict[str, Any]) -> None:
    if "sm" in vector:
        assert pdu.short_message.hex() == vector["sm"]
        assert len(pdu.short_message) == vector["sm_length"]
    if "decode_error" not in vector:
        assert [[f"{tlv.tag:04x}", tlv.octets.hex()] for tlv in pdu.tlvs] == vector.get("tlv", [])
    if "dests" in vector:
        assert pdu.dest_address == tuple(
            SmeAddress(*one[1:]) if one[0] == 1 else DistributionList(one[1]) for one in vector["dests"]
        )
    if "unsuccess" in vector:  # codespell:ignore unsuccess
        told = [[one.dest_addr_ton, one.dest_addr_npi, one.destination_addr, one.error_status_code]
                for one in pdu.unsuccess_sme]  # fmt: skip
        assert told == vector["unsuccess"]  # codespell:ignore unsuccess


@each_readable
def test_a_vector_is_odd_only_where_it_is_known_to_be(vector: dict[str, Any]):
    oddities = decode(bytes.fromhex(vector["hex"])).oddities
    if vector["hex"] in ODD:
        assert oddities == (ODD[vector["hex"]],)
    else:
        assert set(oddities) <= ODD_BY_THE_WAY
    assert oddities or "decode_error" not in vector


@each_readable
def test_a_canonical_vector_is_written_as_it_came(vector: dict[str, Any]):
    octets = bytes.fromhex(vector["hex"])
    pdu = decode(octets)
    if pdu.oddities and "declares" not in pdu.oddities[0] and vector["hex"] not in ODD:
        with pytest.raises(EncodingError):  # longer than SMPP allows: read, but not sent
            encode(pdu)
    elif pdu.oddities:
        assert encode(pdu) != octets
    elif vector["hex"] in REFUSED_WITH_EMPTY_BODY:
        assert encode(pdu) == b"\0\0\0\x10" + octets[4:16]
    else:
        assert encode(pdu) == octets
