from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme.client.probe import Asked, Findings, probe, profile_of, utc_offset
from smpp_esme.errors import BindRefused, ConfigError
from smpp_esme.session.endpoint import parse_url
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
