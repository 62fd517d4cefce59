from __future__ import annotations

import re

import pytest

from smpp_esme.sms.binary import Binary, BinaryHex
from smpp_esme.sms.compose import compose
from smpp_esme.sms.content import KINDS
from smpp_esme.sms.envelope import Bot, Call, Hlr, Mail, Ping, Sms, Soc, Telegram, Viber
from smpp_esme.sms.profile import Profile
from smpp_esme.sms.wap import WapPush

NUMBER = "79161234567"
ABSENT, SILENT = "79161234001", "79161234007"
STANDARD = pytest.mark.smsc(profile="standard", accounts={"acme": "secret"})
CENTRE = pytest.mark.smsc(profile="smsc-centre", accounts={"acme": "secret"})


@STANDARD
def test_a_message_is_submitted_and_its_message_ids_are_printed(command, elsewhere):
    outcome = command("send", "--url", elsewhere.url, "--source", "ACME", "+7 916 123-45-67", "я" * 100)
    [received] = elsewhere.inbox(NUMBER)
    assert (received.text, received.source_addr) == ("я" * 100, "ACME")
    assert outcome == (0, "".join(f"submitted {message_id}\n" for message_id in received.message_ids), "")
    assert len(received.message_ids) == 2


@STANDARD
def test_the_url_may_come_from_the_environment(command, elsewhere):
    outcome = command("send", NUMBER, "hello", SMPP_URL=elsewhere.url)
    assert outcome.code == 0
    assert elsewhere.count("hello") == 1


@CENTRE
def test_options_reach_the_smsc(command, elsewhere):
    outcome = command(
        *("send", "--url", elsewhere.url, "--profile", "smsc-centre", "--system-type", "ISO"),
        *("--comment", "order 17", "--flash", NUMBER, "caffè `"),
    )
    [received] = elsewhere.received
    assert outcome.code == 0
    assert (received.text, received.comment, received.data_coding) == ("caffè `", "order 17", 0x10)


@CENTRE
@pytest.mark.parametrize(
    ("words", "content"),
    [
        (("--kind", "sms", "hello"), Sms("hello")),
        (("--kind", "mail", "--field", "subject=a=b", "hello"), Mail("hello", "a=b")),
        (
            ("--kind", "call", "--field", "voice=w", "--field", "param=22,20,5", "hello"),
            Call("hello", "w", None, "22,20,5"),
        ),
        (("--kind", "viber", "hello"), Viber("hello")),
        (("--kind", "soc", "hello"), Soc("hello")),
        (("--kind", "tgm", "4815"), Telegram("4815")),
        (("--kind", "bot", "--field", "bot_name=acme_bot", "hello"), Bot("hello", "acme_bot")),
        (("--kind", "hlr"), Hlr()),
        (("--kind", "ping"), Ping()),
        (("--kind", "binary", "AQID"), Binary(b"\1\2\3")),
        (("--kind", "binary-hex", "0605040B8423F001"), BinaryHex("0605040B8423F001")),
        (
            ("--kind", "wap-push", "--field", "url=https://example.com/", "--field", "action=signal-high", "hello"),
            WapPush("hello", "https://example.com/", "signal-high"),
        ),
    ],
    ids=lambda one: one[1] if isinstance(one, tuple) else "",
)
def test_every_kind_can_be_sent(command, elsewhere, words, content):
    outcome = command("send", "--url", elsewhere.url, "--profile", "smsc-centre", NUMBER, *words)
    assert outcome.err == ""
    [pdu] = elsewhere.submit_sms
    [expected] = compose(content, NUMBER, source="", profile=Profile.named("smsc-centre"), reference=1).pdus()
    assert (pdu.short_message, pdu.esm_class, pdu.data_coding) == (
        expected.short_message,
        expected.esm_class,
        expected.data_coding,
    )


@STANDARD
def test_a_text_may_go_in_latin_letters(command, elsewhere):
    assert command("send", "--url", elsewhere.url, "--transliterate", NUMBER, "привет").code == 0
    assert elsewhere.received[0].text == "privet"


@STANDARD
def test_a_text_may_go_in_a_coding_and_in_national_tables(command, elsewhere):
    assert command("send", "--url", elsewhere.url, "--language", "turkish", NUMBER, "ş" * 100).code == 0
    assert command("send", "--url", elsewhere.url, "--coding", "ucs2", NUMBER, "hello").code == 0
    turkish, wide = elsewhere.submit_sms
    assert (turkish.short_message[:4].hex(), wide.short_message) == ("03250101", "hello".encode("utf-16-be"))


def test_the_help_names_every_kind(command):
    told = " ".join(command("send", "--help").out.split())
    assert [kind for kind in KINDS if not re.search(rf"[ (]{kind}[ ,.]", told)] == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--kind", "fax", "hello"), "kind: is not known; one of sms, mail"),
        (("--kind", "mail", "hello"), "subject: is missing"),
        (("--kind", "mail", "--field", "subject", "hello"), "'subject' is no NAME=VALUE"),
        (("--kind", "mail", "--field", "subjct=x", "hello"), "subjct: is no field of mail; message, subject"),
        (("--kind", "hlr", "hello"), "text: is no field of hlr; no field"),
        (("--kind", "tgm", "12"), "code: is no confirmation code; 4 to 8 digits"),
        ((), "message: is missing"),
    ],
)
def test_a_content_that_is_none_is_refused_before_anybody_is_called(command, words, told):
    outcome = command("send", "--url", "smpp://nobody@127.0.0.1:1", NUMBER, *words)
    assert outcome.code != 0
    assert outcome.out == ""
    assert told in " ".join(outcome.err.replace("│", "").split())


@STANDARD
def test_waiting_shows_that_it_was_delivered(command, elsewhere):
    outcome = command("send", "--url", elsewhere.url, "--wait", "10", NUMBER, "hello")
    [message_id] = elsewhere.received[0].message_ids
    assert outcome == (0, f"submitted {message_id}\nDELIVRD {message_id}\n", "")


@STANDARD
def test_a_receipt_without_a_text_is_shown_by_its_state(command, elsewhere, monkeypatch):
    monkeypatch.setattr("smpp_esme.simulator.receipts._appendix_b", lambda *_, **__: b"")
    outcome = command("send", "--url", elsewhere.url, "--wait", "10", NUMBER, "hello")
    assert outcome.code == 0
    assert outcome.out.splitlines()[1] == f"DELIVERED {elsewhere.received[0].message_ids[0]}"


@STANDARD
def test_an_undelivered_message_is_a_failure(command, elsewhere):
    outcome = command("send", "--url", elsewhere.url, "--wait", "10", ABSENT, "hello")
    [message_id] = elsewhere.received[0].message_ids
    assert outcome == (1, f"submitted {message_id}\nEXPIRED {message_id} error 006\n", "")


@STANDARD
def test_a_receipt_that_does_not_come_is_a_failure_and_the_message_stays_submitted(command, elsewhere):
    outcome = command("send", "--url", elsewhere.url, "--wait", "0.1", SILENT, "hello")
    assert outcome.code == 1
    assert outcome.out.startswith("submitted ")
    assert outcome.err == "smpp-esme: no receipt within 0.1 s; the message stays submitted\n"


@STANDARD
def test_a_refusal_is_one_line_and_a_failure(command, elsewhere):
    elsewhere.script.refuse("ESME_RTHROTTLED")
    outcome = command("send", "--url", elsewhere.url, NUMBER, "hello")
    assert (outcome.code, outcome.out) == (1, "")
    assert re.fullmatch(r"smpp-esme: submit_sm was refused: ESME_RTHROTTLED .*\n", outcome.err)


@STANDARD
def test_a_cut_is_one_line_and_a_failure(command, elsewhere):
    elsewhere.script.close_after(1)
    outcome = command("send", "--url", elsewhere.url, NUMBER, "hello")
    assert (outcome.code, outcome.out) == (1, "")
    assert re.fullmatch(r"smpp-esme: the peer closed the connection\n", outcome.err)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nobody", "hello"], "destination: has 'n' at 0"),
        ([NUMBER, "hello", "--source", "much too long for a name"], "source: has 24 characters"),
        ([NUMBER, "hello", "--comment", "x"], "comment: is not offered by profile standard"),
        ([NUMBER, "hello", "--profile", "nobody-s"], "profile: there is none named 'nobody-s'; one of "),
    ],
)
@STANDARD
def test_what_cannot_be_sent_is_said_in_one_line_and_nothing_is_sent(command, elsewhere, words, said):
    outcome = command("send", "--url", elsewhere.url, *words)
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.startswith(f"smpp-esme: {said}")
    assert outcome.err.count("\n") == 1
    assert not elsewhere.submit_sms


@STANDARD
@pytest.mark.parametrize(
    ("account", "said"),
    [
        ("acme:hunter2", "ESME_RINVPASWD"),
        ("nobody:hunter2", "ESME_RINVSYSID"),
        ("acme:hunter2hunter2", "password: the value has 14 characters; at most 8"),
        ("acme:h%C3%BCnter2hunter2", "password: the value holds a character"),
    ],
)
def test_a_wrong_account_is_said_in_one_line_without_the_password(command, elsewhere, account, said):
    outcome = command("send", "--url", elsewhere.url.replace("acme:secret", account), NUMBER, "hello")
    assert (outcome.code, outcome.out) == (1, "")
    assert said in outcome.err
    assert outcome.err.count("\n") == 1
    assert "hunter2" not in outcome.err
    assert "nter2" not in outcome.err


@pytest.mark.parametrize(
    "url",
    [
        "http://acme:hunter2@127.0.0.1:2775",
        "smpp://acme:hunter2@",
        "smpp://acme:hunter2@smsc:port",
        "smpp://acme:hun/ter2@smsc",
        "smpp://acme:hunter2@smsc/path",
        f"smpp://acme:hunter2@{'a' * 64}:2775",
        "smpp://acme:hunter2@127.0.0.1:1",
    ],
)
def test_a_wrong_url_is_said_in_one_line_without_the_password(command, url):
    outcome = command("send", "--url", url, NUMBER, "hello")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.startswith("smpp-esme: ")
    assert outcome.err.count("\n") == 1
    assert "hunter2" not in outcome.err
    assert "ter2" not in outcome.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "Missing argument"),
        ([NUMBER, "hello"], "Missing option '--url' (env var: 'SMPP_URL')"),
        ([NUMBER, "hello", "--url", "smpp://smsc", "--wait", "0"], "--wait"),
        ([NUMBER, "hello", "--url", "smpp://smsc", "--loud"], "--loud"),
    ],
)
def test_a_wrong_command_is_explained(command, words, said):
    outcome = command("send", *words)
    assert (outcome.code, outcome.out) == (2, "")
    assert said in outcome.err
    assert "smpp-esme send -h" in outcome.err


@STANDARD
@pytest.mark.smsc(response_ids="hex")
def test_what_the_smsc_says_cannot_command_the_terminal(command, elsewhere, monkeypatch):
    monkeypatch.setattr("smpp_esme.simulator.centre.write_id", lambda *_: "1\x1b[2J\n2")
    outcome = command("send", "--url", elsewhere.url, "--wait", "10", NUMBER, "hello")
    assert outcome.out.splitlines()[0] == r"submitted 1\x1b[2J\n2"
    assert "\x1b" not in outcome.out
