from __future__ import annotations

import builtins
import gzip

import pytest

from smpp_esme.cli.decode.frames import Frame
from smpp_esme.cli.decode.sources import Sources, octets_of
from smpp_esme.protocol.codec import encode
from smpp_esme.protocol.pdus import BindTransceiver, BindTransceiverResp, EnquireLink, SubmitSm

LINK = encode(EnquireLink(41))
BIND = encode(BindTransceiver(1, system_id="acme"))


def read(*words, port=None):
    """The PDUs and the troubles in these, and which file or connection they are from."""
    return [
        (str(one.place), one.what.octets if isinstance(one.what, Frame) else one.what.problem)
        for one in Sources([str(word) for word in words], port=port).sightings()
    ]


@pytest.mark.parametrize(
    "written",
    [
        LINK,
        LINK.hex().encode(),
        b"# enquire_link\r\n" + LINK.hex(" ").encode() + b"\r\n",
        "# проверка связи\n".encode() + LINK.hex().encode(),
        b"\xef\xbb\xbf" + LINK.hex().encode(),
        LINK.hex(" ").encode("utf-16"),
    ],
    ids=["PDUs", "hexadecimal", "with a comment", "in Russian", "UTF-8 with a mark", "UTF-16"],
)
def test_a_file_is_read_as_what_it_contains(tmp_path, written):
    path = tmp_path / "pdus.bin"
    path.write_bytes(written)
    assert read(path) == [(str(path), LINK)]


@pytest.mark.parametrize("make", ["pcap", "pcapng"])
def test_a_capture_is_known_whatever_its_name(tmp_path, captures, make):
    talk = captures.Talk()
    path = tmp_path / "capture.hex"
    path.write_bytes(getattr(captures, make)([*talk.opened(), *talk.says(0, BIND)]))
    assert read(path) == [("10.0.0.5:50000 > 10.0.0.1:2775", BIND)]


def test_captures_that_continue_one_another_are_read_as_one(tmp_path, captures):
    talk = captures.Talk()
    packets = [*talk.opened(), *talk.says(0, BIND[:20]), *talk.says(0, BIND[20:] + LINK)]
    names = [tmp_path / "1.pcap", tmp_path / "2.pcap"]
    names[0].write_bytes(captures.pcap(packets[:3]))
    names[1].write_bytes(captures.pcap(packets[3:]))
    assert [octets for _, octets in read(*names)] == [BIND, LINK]
    assert [type(octets) for _, octets in read(names[0])] == [bytes]
    assert read(names[0])[0][1] == BIND[:20]


def test_hexadecimal_and_files_may_be_mixed(tmp_path):
    path = tmp_path / "pdus"
    path.write_bytes(BIND)
    words = [LINK.hex()[:10], LINK.hex()[10:], path, LINK.hex()]
    assert read(*words) == [("", LINK), (str(path), BIND), ("", LINK)]


def test_a_file_with_a_name_in_hexadecimal_needs_its_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cafe").write_bytes(LINK)
    assert read("./cafe") == [("./cafe", LINK)]
    assert read("cafe") == [("", b"\xca\xfe")]


def test_a_file_of_pdus_is_read_piece_by_piece(tmp_path):
    pdus = [encode(SubmitSm(number, short_message=b"x" * 200)) for number in range(1, 2001)]
    path = tmp_path / "pdus"
    path.write_bytes(b"".join(pdus))
    assert [octets for _, octets in read(path)] == pdus


def test_a_file_that_is_not_there_costs_only_itself(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert read("missing.pcap", LINK.hex()) == [
        ("", "missing.pcap: No such file or directory; nor is it hexadecimal"),
        ("", LINK),
    ]
    assert read(".")[0][1] == ".: Is a directory; nor is it hexadecimal"


def test_a_compressed_file_says_so(tmp_path):
    path = tmp_path / "capture.pcap.gz"
    path.write_bytes(gzip.compress(LINK))
    assert read(path) == [("", f"{path}: it is compressed: unpack it first")]


def test_a_packet_that_cannot_be_read_is_told_of_by_its_number(tmp_path, captures):
    talk = captures.Talk()
    path = tmp_path / "capture"
    path.write_bytes(captures.pcap([*talk.opened(), captures.link_layer(talk.says(0, b"x")[0], 1)[:30]]))
    problem = "packet 3 could not be read: its IP header is damaged, or cut short"
    assert read(path) == [("", f"{path}: {problem}")]


def test_without_dpkt_a_capture_says_what_to_install(tmp_path, captures, monkeypatch):
    real = builtins.__import__

    def without_dpkt(name, globals_=None, locals_=None, fromlist=(), level=0):
        if name == "smpp_esme.cli.decode" and fromlist and "transport" in fromlist:
            raise ModuleNotFoundError("No module named 'dpkt'", name="dpkt")
        return real(name, globals_, locals_, fromlist, level)

    path = tmp_path / "capture"
    path.write_bytes(captures.pcap([]))
    monkeypatch.setattr(builtins, "__import__", without_dpkt)
    assert read(path) == [("", f"{path}: captures need one package more: pip install 'smpp-esme[pcap]'")]
    assert read(LINK.hex()) == [("", LINK)]


def test_a_port_chooses_streams(tmp_path, captures):
    one, other = captures.Talk(), captures.Talk(ports=(50001, 2776))
    path = tmp_path / "capture"
    path.write_bytes(captures.pcap([*one.opened(), *other.opened(), *one.says(0, BIND), *other.says(0, LINK)]))
    assert [octets for _, octets in read(path)] == [BIND, LINK]
    assert [octets for _, octets in read(path, port=2776)] == [LINK]


def test_interfaces_of_both_kinds_are_one_conversation(tmp_path, captures):
    (syn, _), talk = captures.Talk().opened(), captures.Talk()
    talk.opened()
    response = encode(BindTransceiverResp(1, system_id="SMSC"))
    packets = [syn, *talk.says(0, BIND), *talk.says(1, response)]
    path = tmp_path / "capture"
    path.write_bytes(captures.pcap(packets, link=276))
    assert [octets for _, octets in read(path)] == [BIND, response]


def test_hexadecimal_that_is_wrong_says_where_it_is_wrong():
    with pytest.raises(ValueError, match="'z' is no hexadecimal digit"):
        octets_of("00 z0")
