from __future__ import annotations

import ssl
import subprocess
from contextlib import nullcontext, suppress

import pytest

from smpp_esme import simulator
from smpp_esme.errors import ConfigError, ConnectFailed, SessionClosed
from smpp_esme.protocol.commands import CommandStatus
from smpp_esme.protocol.parameters import MessageState
from smpp_esme.session.endpoint import parse_url
from smpp_esme.session.session import Session
from smpp_esme.simulator.personality import Personality, Tls, personality_names
from smpp_esme.sms import receipt as reader
from smpp_esme.sms.profile import Profile

WHOLE = """
profile = "standard"
port = 0
accounts = {acme = "secret"}
receipt_delay = 0.0
seed = 5
window = 3
response_ids = "hex"
timers = {enquire_link = 10.0}
limits = {throughput = 2}
guards = {digits = true}
receipts = {dialect = "minimal"}

[handsets]
suffixes = {}
numbers = {79161234001 = "roaming"}

[[rule]]
verb = "outcome"
state = "EXPIRED"
chance = 0.5
"""


@pytest.mark.parametrize("name", personality_names())
async def test_every_shipped_personality_takes_a_message_and_reports_on_it(virtual_time, bind, name):
    async with simulator.run(name) as smsc:
        esme = await bind(smsc)
        message_id = (await esme.submit(b"hello")).message_id
        receipt = reader.parse((await esme.take(2 if name == "careless" else 1))[-1], Profile.named("standard"))
        assert (receipt.message_id, receipt.message_state) == (message_id, MessageState.DELIVERED)
        await esme.session.unbind()


async def test_smsc_centre_has_its_own_rules(virtual_time, bind):
    async with simulator.run("smsc-centre") as smsc:
        esme = await bind(smsc)
        statuses = [(await esme.submit(text)).command_status for text in (b"hello", b"hello")]
        assert statuses == [CommandStatus.ESME_ROK, CommandStatus.ESME_RSUBMITFAIL]
        many = [(await esme.submit(b"%d" % number, f"7916123{number:04}")).command_status for number in range(120)]
        assert many.count(CommandStatus.ESME_RTHROTTLED) == 120 - 98


async def test_a_file_says_all_there_is_to_say(tmp_path, virtual_time, bind):
    (tmp_path / "acme.toml").write_text(WHOLE)
    async with simulator.run(tmp_path / "acme.toml", window=7) as smsc:
        assert smsc.url.startswith("smpp://acme:secret@127.0.0.1:")
        assert smsc.profile.name == "standard"
        assert [smsc.handsets.condition(number) for number in ("79161234001", "79161234002")] == ["roaming", "present"]
        esme = await bind(smsc)
        assert (await esme.submit(b"1", "none")).command_status == CommandStatus.ESME_RINVDSTADR
        sent = [(await esme.submit(b"%d" % number)).command_status for number in range(2)]
        assert sent == [CommandStatus.ESME_ROK, CommandStatus.ESME_RTHROTTLED]
        [first] = await esme.take()
        assert first.short_message.endswith((b"stat:DELIVRD", b"stat:EXPIRED"))
        await esme.session.unbind()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("port = 70000", "port"),
        ("colour = 1", "colour"),
        ("[[rule]]\nverb = 'dance'", "dance"),
        ("[[rule]]\nverb = 'refuse'\nstatus = 'ESME_NONSENSE'", "ESME_NONSENSE"),
        ("limits = {throughput = 0}", "throughput"),
        ("limits = {throttled = 'ESME_NONSENSE'}", "ESME_NONSENSE"),
        ("receipts = {dialect = 'dutch'}", "dutch"),
        ("= 1", "TOML"),
    ],
)
def test_a_wrong_file_is_refused_and_says_where(tmp_path, text, said):
    (tmp_path / "wrong.toml").write_text(text)
    with pytest.raises(ConfigError, match=said if said != "TOML" else "wrong.toml"):
        Personality.load(tmp_path / "wrong.toml")


def test_a_file_that_is_not_there_is_refused_with_the_names_that_are():
    with pytest.raises(ConfigError, match="smsc-centre"):
        Personality.load("nobody")


def test_a_certificate_that_is_not_there_is_refused(tmp_path):
    (tmp_path / "tls.toml").write_text("tls = {certificate = 'missing.pem'}")
    with pytest.raises(ConfigError, match="tls"):
        simulator.run(tmp_path / "tls.toml")


@pytest.fixture
def certificate(tmp_path, foreign_program):
    made = tmp_path / "server.pem"
    command = (
        f"{foreign_program('openssl')} req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1"
        f" -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout {made} -out {tmp_path / 'ca.pem'}"
    )
    subprocess.run(command.split(), check=True, capture_output=True)
    made.write_text(made.read_text() + (tmp_path / "ca.pem").read_text())
    return made


async def test_it_listens_with_tls_and_a_client_that_trusts_it_binds(tmp_path, certificate):
    async with simulator.run(Personality(tls=Tls(certificate=str(certificate)), host="localhost", port=0)) as smsc:
        assert smsc.url.startswith("smpp+tls://demo:secret@localhost:")
        with pytest.raises(ConnectFailed):
            await Session.connect(parse_url(smsc.url))
        trusting = ssl.create_default_context(cafile=tmp_path / "ca.pem")
        session = await Session.connect(parse_url(smsc.url), tls=trusting)
        await session.bind(parse_url(smsc.url).bind_request())
        assert smsc.counts.binds == 1
        await session.unbind()


async def test_a_client_without_a_certificate_is_refused_where_one_is_asked_for(tmp_path, certificate):
    tls = Tls(certificate=str(certificate), clients=str(tmp_path / "ca.pem"))
    async with simulator.run(Personality(tls=tls, host="localhost", port=0)) as smsc:
        trusting = ssl.create_default_context(cafile=tmp_path / "ca.pem")
        for shown, bound in ((False, 0), (True, 1)):
            if shown:
                trusting.load_cert_chain(certificate)
            with suppress(SessionClosed) if not shown else nullcontext():
                session = await Session.connect(parse_url(smsc.url), tls=trusting)
                await session.bind(parse_url(smsc.url).bind_request())
            assert smsc.counts.binds == bound
        await session.unbind()
