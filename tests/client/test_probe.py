from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme.client.probe import Asked, Findings, probe, profile_of, utc_offset
from smpp_esme.errors import BindRefused, ConfigError, SessionClosed
from smpp_esme.protocol.parameters import EsmClass
from smpp_esme.protocol.pdus import RESPONSES, BindTransceiver, DeliverSm, QuerySm, SubmitSm
from smpp_esme.protocol.state import Role
from smpp_esme.protocol.timers import Timers
from smpp_esme.session.endpoint import parse_url
from smpp_esme.session.outcome import Awaited
from smpp_esme.session.session import Session
from smpp_esme.sms import profile as profiles
from smpp_esme.sms.message_id import Form
from smpp_esme.sms.profile import Profile, source

TO = "79161234567"
STANDARD = Profile.named("standard")


async def found(smsc, **asked) -> Findings:
    return await probe(parse_url(smsc.url), STANDARD, Asked(**asked))


@pytest.mark.smsc(profile="standard")
async def test_without_a_number_nothing_is_submitted(smsc):
    findings = await found(smsc)
    assert findings.bind.interface_version == 0x34
    assert findings.bind.system_id == "smsc-simulator"
    assert findings.bind.tlvs == ("sc_interface_version",)
    assert findings.enquire_link.status == "ESME_ROK"
    assert findings.submit_sm is findings.receipt is findings.limit is None
    assert smsc.counts.submits == 0


@pytest.mark.smsc(profile="standard", receipt_delay=0.01)
async def test_one_message_shows_how_receipts_are_written(smsc):
    findings = await found(smsc, to=TO)
    assert findings.submit_sm.status == "ESME_ROK"
    assert findings.submit_sm.message_id == smsc.received[0].message_ids[0]
    assert findings.query_sm.status
    seen = findings.receipt
    assert (seen.operation, seen.state, seen.form, seen.by_text) == ("deliver_sm", "DELIVERED", Form.LITERAL, False)
    assert seen.utc_offset == "+00:00"
    assert smsc.counts.submits == 1


@pytest.mark.smsc(profile="standard", receipt_delay=0.01)
async def test_an_id_in_another_form_is_seen_as_such(smsc):
    smsc.script.receipt_ids("hex")
    assert (await found(smsc, to=TO)).receipt.form is Form.DECIMAL_HEX


@pytest.mark.smsc(profile="standard")
async def test_a_refusal_is_a_finding(smsc):
    smsc.script.refuse("ESME_RINVSRCADR")
    findings = await found(smsc, to=TO)
    assert findings.submit_sm.status == "ESME_RINVSRCADR"
    assert findings.query_sm is findings.receipt is None


@pytest.mark.smsc(profile="standard")
async def test_a_receipt_that_does_not_come_is_not_waited_for_beyond_the_patience(smsc):
    smsc.script.receipt_never()
    findings = await found(smsc, to="79160000000", wait=0.01)
    assert findings.submit_sm.status == "ESME_ROK"
    assert findings.receipt is None


@pytest.mark.smsc(profile="standard", receipt_delay=0.01)
async def test_a_limit_is_found_by_the_first_refusal(smsc):
    smsc.script.refuse("ESME_RTHROTTLED", after=31)
    limit = (await found(smsc, to=TO, limit=500)).limit
    assert (limit.taken, limit.status) == (30, "ESME_RTHROTTLED")  # and one to see its receipt


@pytest.mark.smsc(profile="standard", receipt_delay=0.01)
async def test_no_more_is_submitted_than_was_asked_for(smsc):
    limit = (await found(smsc, to=TO, limit=120)).limit
    assert (limit.taken, limit.status) == (120, "")
    assert smsc.counts.submits == 121


class Own:
    """An SMSC that leaves these requests unanswered, and cuts the connection at that one."""

    def __init__(self, unanswered=(), cut_at=None):
        self.unanswered, self.cut_at = unanswered, cut_at

    async def serve(self, session):
        with contextlib.suppress(SessionClosed):
            while True:
                for request in await session.requests():
                    self.take(session, request)

    def take(self, session, request):
        if isinstance(request, self.cut_at or ()):
            session.abort()
        elif not isinstance(request, self.unanswered):
            session.respond(request, RESPONSES[request.command_id](**self.parameters(request)))
        if isinstance(request, SubmitSm) and not session.closed:
            receipt = b"id:1 sub:001 dlvrd:001 submit date:2601010000 done date:2601010000 stat:DELIVRD err:000 text:"
            session.start(DeliverSm(esm_class=EsmClass.DELIVERY_RECEIPT, short_message=receipt), Awaited())

    def parameters(self, request):
        return {BindTransceiver: {"system_id": "own"}, SubmitSm: {"message_id": "1"}}.get(type(request), {})


@pytest.fixture
async def probed():
    """Probes such an SMSC: `await probed(cut_at=QuerySm)`."""
    loop, tasks, servers = asyncio.get_running_loop(), [], []

    async def ask(**options):
        own = Own(**options)
        opened = lambda session: tasks.append(loop.create_task(own.serve(session)))  # noqa: E731 - it is named
        servers.append(await loop.create_server(lambda: Session(Role.SMSC, on_open=opened), "127.0.0.1", 0))
        endpoint = parse_url(f"smpp://acme:secret@127.0.0.1:{servers[0].sockets[0].getsockname()[1]}")
        return await probe(endpoint, STANDARD, Asked(to=TO), timers=Timers(response=0.1, enquire_link=0))

    yield ask
    for server in servers:
        server.close()
    await asyncio.gather(*tasks)


async def test_a_request_that_is_not_answered_is_a_finding(probed):
    findings = await probed(unanswered=(QuerySm,))
    assert findings.query_sm.status == "no response"
    assert findings.submit_sm.status == "ESME_ROK"
    assert findings.receipt.state == "DELIVERED"
    assert findings.ended == ""


@pytest.mark.parametrize("at", [SubmitSm, QuerySm])
async def test_a_session_that_the_smsc_ends_leaves_what_was_found(probed, at):
    findings = await probed(cut_at=at)
    assert findings.bind.system_id == "own"
    assert "closed" in findings.ended
    assert findings.submit_sm.status == ("session closed" if at is SubmitSm else "ESME_ROK")


@pytest.mark.smsc(profile="standard", receipt_delay=0.01)
async def test_a_limit_test_that_ends_the_session_tells_how_far_it_came(smsc):
    smsc.script.close("before", after=41)
    findings = await found(smsc, to=TO, limit=100)
    assert findings.receipt.state == "DELIVERED"
    assert (findings.limit.taken, findings.limit.status) == (40, "session closed")
    assert findings.ended


@pytest.mark.smsc(profile="standard", accounts={"acme": "secret"})
async def test_a_wrong_password_is_told(smsc):
    with pytest.raises(BindRefused, match="ESME_RINVPASWD"):
        await probe(parse_url(f"smpp://acme:wrong@127.0.0.1:{smsc.port}"), STANDARD, Asked())


NOW = datetime(2026, 11, 21, 12, 0, 30, tzinfo=UTC)


@given(st.integers(-14 * 4, 14 * 4), st.integers(-240, 240))
def test_the_zone_of_a_fresh_date_is_told_to_the_quarter_of_an_hour(quarters, seconds):
    hours, minutes = divmod(abs(quarters) * 15, 60)
    told = f"{'-' if quarters < 0 else '+'}{hours:02}:{minutes:02}"
    written = NOW + timedelta(minutes=15 * quarters, seconds=seconds)
    assert utc_offset(written, STANDARD, NOW) == told
    # Whatever zone the profile took it for.
    moscow = Profile.named("smsc-centre")
    assert utc_offset(written - timedelta(hours=3), moscow, NOW) == told


@pytest.mark.parametrize(
    "written",
    [None, NOW - timedelta(days=3), NOW + timedelta(hours=15), NOW + timedelta(minutes=7)],
    ids=["none", "an old date", "no such zone", "between two zones"],
)
def test_a_date_that_fits_no_zone_tells_none(written):
    assert utc_offset(written, STANDARD, NOW) is None


@pytest.mark.smsc(profile="standard", receipt_delay=0.01)
@pytest.mark.parametrize("base", ["standard", "smsc-centre"])
async def test_what_was_found_goes_into_a_profile_that_can_be_read(smsc, base):
    smsc.script.receipt_ids("hex")
    findings = await found(smsc, to=TO)
    read = profiles.read(profile_of(findings, source(base), "acme").encode())
    assert (read.name, read.message_ids, read.receipt_utc_offset) == ("acme", "decimal-hex", "+00:00")
    assert read.receipts_by_text is False
    assert read.envelopes == Profile.named(base).envelopes
    assert read.system_types == Profile.named(base).system_types


@pytest.mark.smsc(profile="standard")
async def test_a_profile_of_a_name_that_is_none_is_refused(smsc):
    findings = await found(smsc)
    with pytest.raises(ConfigError, match="name"):
        profile_of(findings, source("standard"), "Not A Name")
