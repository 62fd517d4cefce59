"""The command on whole captures, from the file to the screen."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smpp_esme.protocol.codec import encode
from smpp_esme.protocol.commands import CommandId
from smpp_esme.protocol.pdus import (
    BindTransceiver,
    BindTransceiverResp,
    DeliverSm,
    DeliverSmResp,
    EnquireLink,
    SubmitSm,
    SubmitSmResp,
    Unbind,
    UnbindResp,
)
from smpp_esme.protocol.tlvs import TLVS, Tag

ESME, SMSC = 0, 1
RECEIPT = b"id:0123 sub:001 dlvrd:001 submit date:2611211139 done date:2611211139 stat:DELIVRD err:000 text:Hello"
SESSION = [
    (ESME, BindTransceiver(1, system_id="acme", password="hunter2", system_type="ISO")),
    (SMSC, BindTransceiverResp(1, system_id="SMSC")),
    (ESME, SubmitSm(2, source_addr_ton=5, source_addr="ACME", dest_addr_ton=1, dest_addr_npi=1,
                    destination_addr="79991234567", registered_delivery=1, short_message=b"Hello")),
    (ESME, SubmitSm(3, source_addr_ton=5, source_addr="ACME", dest_addr_ton=1, dest_addr_npi=1,
                    destination_addr="79997654321", data_coding=8, short_message="Привет".encode("utf-16-be"))),
    (SMSC, SubmitSmResp(2, message_id="7B")),
    (SMSC, SubmitSmResp(3, 0x58)),
    (SMSC, DeliverSm(1, source_addr="79991234567", destination_addr="ACME", esm_class=4, short_message=RECEIPT,
                     tlvs=(TLVS.tlv(Tag.RECEIPTED_MESSAGE_ID, "123"), TLVS.tlv(Tag.MESSAGE_STATE, 2)))),
    (ESME, DeliverSmResp(1)),
    (SMSC, EnquireLink(2)),
    (ESME, Unbind(4)),
    (SMSC, UnbindResp(4)),
]  # fmt: skip


@pytest.fixture(scope="session")
def session(captures):
    """A session from bind to unbind as packets, one PDU each."""
    talk = captures.Talk()
    return [*talk.opened(), *(packet for side, pdu in SESSION for packet in talk.says(side, encode(pdu)))]


def lines(result):
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_the_capture_under_fixtures_is_this_session(captures, session, request):
    committed = request.config.rootpath / "fixtures" / "captures" / "session.pcap"
    assert committed.read_bytes() == captures.pcap(session)


def test_a_session_is_told_in_one_line_a_pdu(run, captures, session):
    result = run("--summary", "-", stdin=captures.pcap(session))
    assert result.exit_code == 0
    assert result.stderr == ""
    out, back = "10.0.0.5:50000 > 10.0.0.1:2775", "10.0.0.1:2775 > 10.0.0.5:50000"
    told = [re.sub(r"  +", "  ", line.strip()) for line in result.stdout.splitlines()]
    assert [line.split("  ") for line in told] == [
        ["1", "11:39:01.002000", out, "bind_transceiver", "sequence_number 1", "system_id 'acme'"],
        ["2", "11:39:01.003000", back, "bind_transceiver_resp", "sequence_number 1", "ESME_ROK", "system_id 'SMSC'",
         "answers PDU 1 after 0.001000 s"],
        ["3", "11:39:01.004000", out, "submit_sm", "sequence_number 2", "source_addr 'ACME'",
         "destination_addr '79991234567'", "short_message gsm7: 'Hello'"],
        ["4", "11:39:01.005000", out, "submit_sm", "sequence_number 3", "source_addr 'ACME'",
         "destination_addr '79997654321'", "short_message ucs2: 'Привет'"],
        ["5", "11:39:01.006000", back, "submit_sm_resp", "sequence_number 2", "ESME_ROK", "message_id '7B'",
         "answers PDU 3 after 0.002000 s"],
        ["6", "11:39:01.007000", back, "submit_sm_resp", "sequence_number 3", "ESME_RTHROTTLED",
         "answers PDU 4 after 0.002000 s"],
        ["7", "11:39:01.008000", back, "deliver_sm", "sequence_number 1", "source_addr '79991234567'",
         "destination_addr 'ACME'", "receipted_message_id '123'", f"short_message gsm7: {RECEIPT.decode()!r}",
         "receipt for PDU 3 after 0.004000 s: message_id '123', DELIVERED"],
        ["8", "11:39:01.009000", out, "deliver_sm_resp", "sequence_number 1", "ESME_ROK",
         "answers PDU 7 after 0.001000 s"],
        ["9", "11:39:01.010000", back, "enquire_link", "sequence_number 2"],
        ["10", "11:39:01.011000", out, "unbind", "sequence_number 4"],
        ["11", "11:39:01.012000", back, "unbind_resp", "sequence_number 4", "ESME_ROK",
         "answers PDU 10 after 0.001000 s"],
        ["PDU 9: no response to enquire_link, sequence_number 2"],
    ]  # fmt: skip


def test_the_tree_says_where_and_when_and_what_belongs_together(run, captures, session):
    told = run("-", stdin=captures.pcapng(session)).stdout
    at = sum(len(encode(pdu)) for side, pdu in SESSION[:6] if side == SMSC)
    assert (
        f"PDU 7: deliver_sm, at octet {at} of 10.0.0.1:2775 > 10.0.0.5:50000, 2026-11-21 11:39:01.008000 UTC\n" in told
    )
    assert "  receipt for PDU 3 after 0.004000 s: message_id '123', DELIVERED\n" in told
    assert "  answers PDU 3 after 0.002000 s\n" in told


def test_json_says_the_same_one_object_a_line(run, captures, session):
    *pdus, unanswered = lines(run("--json", "-", stdin=captures.pcap(session)))
    assert [pdu["kind"] for pdu in pdus] == ["pdu"] * len(SESSION)
    assert unanswered == {"kind": "unanswered", "pdu": 9, "name": "enquire_link", "sequence_number": 2}
    receipt = pdus[6]
    assert (receipt["time"], receipt["stream"]) == ("2026-11-21T11:39:01.008000+00:00", 1)
    assert (receipt["source"], receipt["destination"]) == ("10.0.0.1:2775", "10.0.0.5:50000")
    assert receipt["submission"] == {"pdu": 3, "seconds": 0.004}
    assert receipt["receipt"] == {"message_id": "123", "message_state": "DELIVERED", "error": "000"}
    assert pdus[4]["answers"] == {"pdu": 3, "seconds": 0.002}


@pytest.mark.parametrize("way", [(), ("--summary",), ("--json",)])
def test_a_password_in_a_capture_is_shown_only_when_asked_for(run, captures, session, way):
    assert "hunter2" not in run(*way, "-", stdin=captures.pcap(session)).output
    cut = captures.pcap(session, snaplen=54 + 16 + 9)
    for capture in (captures.pcap(session), cut):
        hidden = run(*way, "-", stdin=capture).output
        assert "hunt" not in hidden
        assert b"hunt".hex(" ") not in hidden
    shown = run(*way, "--show-password", "-", stdin=captures.pcap(session)).output
    assert ("hunter2" in shown) == (way != ("--summary",))


def test_a_profile_says_how_texts_are_read(run, tmp_path):
    octets = encode(SubmitSm(1, data_coding=0, short_message="é".encode("latin-1")))
    assert "gsm7: 'Ù'" not in run(octets.hex()).stdout
    profile = tmp_path / "odd.toml"
    profile.write_text('name = "odd"\nauto = ["latin1"]\n[data_coding]\nlatin1 = 0\n')
    assert "latin1: 'é'" in run("--profile", str(profile), octets.hex()).stdout


def test_a_lost_packet_is_told_of_in_its_place(run, captures, session):
    result = run("--summary", "-", stdin=captures.pcap([*session[:4], *session[5:]]))
    assert result.exit_code == 1
    before, lost = (len(encode(pdu)) for pdu in (SESSION[0][1], SESSION[2][1]))
    place = "10.0.0.5:50000 > 10.0.0.1:2775"
    assert f"octets {before} to {before + lost - 1} of {place}: not in the capture\n" in result.stdout
    assert "unbind_resp" in result.stdout
    assert "PDUs 10, of these not whole 0; other losses 1" in result.stderr


def test_packets_that_were_cut_short_lose_their_ends_and_nothing_more(run, captures, session):
    found = lines(run("--json", "-", stdin=captures.pcap(session, snaplen=54 + 30)))
    assert [one["name"] for one in found if one["kind"] == "pdu"] == [
        CommandId(pdu.command_id).name.lower() for _, pdu in SESSION
    ]
    assert {one["problem"] for one in found if one["kind"] == "trouble"} == {"cut off when the packet was captured"}


def test_a_capture_that_ends_early_gives_what_is_there(run, captures, session):
    result = run("--summary", "-", stdin=captures.pcap(session)[:-10])
    assert result.exit_code == 1
    assert "the capture ends in the middle of a packet" in result.stdout
    assert "  unbind  " in result.stdout


def test_a_capture_without_smpp_says_so(run, captures):
    talk = captures.Talk(ports=(50000, 80))
    result = run("-", stdin=captures.pcap([*talk.opened(), *talk.says(0, b"GET / HTTP/1.1\r\n\r\n")]))
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "there are no PDUs" in result.stderr
    assert "something else than SMPP: 1" in result.stderr


def test_other_streams_do_not_count_as_a_loss(run, captures, session):
    talk = captures.Talk(ports=(50000, 80))
    other = [*talk.opened(), *talk.says(0, b"GET / HTTP/1.1\r\n\r\n")]
    assert run("-", stdin=captures.pcap([*session, *other])).exit_code == 0


def test_an_impossible_time_is_no_time(run, captures, session):
    octets = bytearray(captures.pcapng(session))
    at = octets.index(captures.link_layer(session[2], 1)) - 16
    octets[at : at + 8] = b"\xff" * 8
    result = run("-", stdin=bytes(octets))
    assert "PDU 1: bind_transceiver, at octet 0 of 10.0.0.5:50000 > 10.0.0.1:2775\n" in result.stdout


def test_a_port_out_of_range_is_refused(run):
    assert run("--port", "70000", "00").exit_code == 2


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_hostile_captures_are_read_without_a_traceback(run, captures, session, data):
    make = data.draw(st.sampled_from([captures.pcap, captures.pcapng]))
    octets = bytearray(make(session[: data.draw(st.integers(1, 6))]))
    for at in data.draw(st.lists(st.integers(0, len(octets) - 1), max_size=6)):
        octets[at] = data.draw(st.integers(0, 255))
    octets = octets[: data.draw(st.integers(0, len(octets)))] + data.draw(st.binary(max_size=60))
    way = data.draw(st.sampled_from([(), ("--summary",), ("--json",), ("--port", "2775")]))
    assert run(*way, "-", stdin=bytes(octets)).exit_code in {0, 1}


@given(st.binary(max_size=300), st.sampled_from(["", "0a0d0d0a", "a1b2c3d4", "d4c3b2a1", "00000010"]))
def test_hostile_octets_are_read_without_a_traceback(run, octets, magic):
    for way in ((), ("--summary",), ("--json",)):
        assert run(*way, "-", stdin=bytes.fromhex(magic) + octets).exit_code in {0, 1}
