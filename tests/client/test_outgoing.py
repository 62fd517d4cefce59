from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import fields, replace

from smpp_esme import InvalidValue, MtMessage, Profile, Sms
from smpp_esme.client.outgoing import Composer, Parameters, multi_pdus_of, pdus_of
from smpp_esme.errors import SmppError
from smpp_esme.protocol.pdus import DistributionList, SmeAddress
from smpp_esme.protocol.tlvs import TLVS, Tag
from smpp_esme.sms.coding import Coding
from smpp_esme.sms.explain import explain
from smpp_esme.sms.national import Language
from smpp_esme.sms.profile import profile_names
from smpp_esme.sms.received import text_of

NUMBER = "79161234567"
STANDARD = Profile.named("standard")
MOMENT = datetime(2026, 1, 31, 23, 59, 58, tzinfo=timezone(timedelta(hours=3)))


def parameter(name, **parameters):
    [pdu] = pdus_of(MtMessage(NUMBER, "hello", **parameters), STANDARD, 1)
    return getattr(pdu, name)


def test_submit_takes_by_name_what_a_message_has():
    assert set(Parameters.__annotations__) == {one.name for one in fields(MtMessage)} - {"to", "content"}


def test_a_message_says_its_kind_and_nothing_else():
    assert repr(MtMessage(NUMBER, "a secret", source="ACME")) == "MtMessage(sms)"


def test_a_plain_message_asks_for_a_receipt_and_sets_nothing_else():
    [pdu] = pdus_of(MtMessage(NUMBER, "hello"), STANDARD, 1)
    others = {name for name, _ in type(pdu).layout.fields if getattr(pdu, name)}
    assert others == {"dest_addr_ton", "dest_addr_npi", "destination_addr", "registered_delivery", "short_message"}
    assert pdu.registered_delivery == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("registered_delivery", 0x12),
        ("service_type", "CMT"),
        ("protocol_id", 0x7F),
        ("priority_flag", 3),
        ("tlvs", (TLVS.tlv(Tag.USER_MESSAGE_REFERENCE, 7),)),
    ],
)
def test_a_parameter_goes_out_as_it_is_given_on_every_segment(name, value):
    pdus = pdus_of(MtMessage(NUMBER, "я" * 150, **{name: value}), STANDARD, 1)
    assert [getattr(pdu, name) for pdu in pdus] == [value] * 3


def test_replace_if_present_is_a_fact():
    assert parameter("replace_if_present_flag", replace_if_present=True) == 1


def test_a_validity_that_the_smsc_does_not_take_is_refused():
    profile = Profile.named("smsc-centre")
    day = MtMessage(NUMBER, "hello", validity_period=86_400)
    assert pdus_of(day, profile, 1)[0].validity_period == "000001000000000R"
    with pytest.raises(InvalidValue, match="validity_period: is 86401 seconds; up to 86400"):
        pdus_of(replace(day, validity_period=86_401), profile, 1)
    scheduled = replace(day, schedule_delivery_time="990101000000000+", validity_period="990102000000000+")
    assert pdus_of(scheduled, profile, 1)[0].validity_period == "990102000000000+"


@pytest.mark.parametrize("name", ["validity_period", "schedule_delivery_time"])
@pytest.mark.parametrize(
    ("when", "written"),
    [
        (None, ""),
        ("", ""),
        (MOMENT, "260131235958012+"),
        (timedelta(hours=1), "000000010000000R"),
        (90, "000000000130000R"),
        (0.0, "000000000000000R"),
        ("000001000000000R", "000001000000000R"),
    ],
)
def test_a_time_may_be_given_in_many_ways(name, when, written):
    assert parameter(name, **{name: when}) == written


@pytest.mark.parametrize("when", [datetime(2026, 1, 1), -1, timedelta(days=40), "tomorrow"])  # noqa: DTZ001
def test_a_time_that_cannot_be_written_is_refused_by_its_name(when):
    with pytest.raises(InvalidValue) as refused:
        pdus_of(MtMessage(NUMBER, "hello", validity_period=when), STANDARD, 1)
    assert refused.value.field == "validity_period"
    assert refused.value.allowed


def test_a_coding_that_is_asked_for_is_used():
    assert parameter("short_message", coding="ucs2") == "hello".encode("utf-16-be")


@pytest.mark.parametrize(("asked", "octets"), [(True, b"Privet"), (None, "Привет".encode("utf-16-be"))])
def test_a_text_is_transliterated_where_it_is_asked_for(asked, octets):
    [pdu] = pdus_of(MtMessage(NUMBER, "Привет", transliterate=asked), STANDARD, 1)
    assert pdu.short_message == octets


def test_a_text_is_transliterated_though_the_profile_names_ucs2_first():
    profile = replace(STANDARD, auto=(Coding.UCS2, Coding.GSM7))
    composer = Composer(profile)
    [pdu] = composer.pdus_of(MtMessage(NUMBER, "Привет", transliterate=True))
    assert pdu.short_message == b"Privet"
    [pdu] = composer.pdus_of(MtMessage(NUMBER, "Привет"))
    assert pdu.short_message == "Привет".encode("utf-16-be")


def test_a_text_is_written_in_national_tables_where_it_is_asked_for():
    assert len(pdus_of(MtMessage(NUMBER, "ş" * 100), STANDARD, 1)) == 2
    [pdu] = Composer(STANDARD).pdus_of(MtMessage(NUMBER, "ş" * 100, languages=["turkish"]))
    assert (pdu.esm_class, pdu.short_message[:4].hex()) == (0x40, "03250101")
    turkish = replace(STANDARD, languages=(Language.TURKISH,))
    assert len(pdus_of(MtMessage(NUMBER, "ş" * 100, languages=()), turkish, 1)) == 2
    with pytest.raises(InvalidValue, match="language: 'klingon' has no tables"):
        pdus_of(MtMessage(NUMBER, "ş", languages=["klingon"]), STANDARD, 1)


PIECES = ["a", "€", "ж", "ş", "😀", "и\u0306", "ç", "\r\n", "न"]


@given(
    st.text(max_size=200) | st.lists(st.sampled_from(PIECES), max_size=300).map("".join),
    st.sampled_from(profile_names()),
    st.fixed_dictionaries(
        {
            "coding": st.sampled_from([None, None, *Coding]),
            "flash": st.booleans(),
            "transliterate": st.sampled_from([None, True, False]),
            "languages": st.sampled_from([None, (), ("turkish", "hindi")]),
        }
    ),
)
def test_what_is_sent_is_what_explain_tells(text, name, options):
    profile = Profile.named(name)
    message = MtMessage(NUMBER, text, **options)
    languages = options["languages"] and tuple(map(Language, options["languages"]))
    writing = profile.writing(transliterate=options["transliterate"], languages=languages)
    try:
        pdus = Composer(profile).pdus_of(message)
    except SmppError as refused:
        with pytest.raises(type(refused), match=re.escape(str(refused))):
            explain(text, writing, coding=options["coding"], flash=options["flash"])
        return
    told = explain(text, writing, coding=options["coding"], flash=options["flash"])
    assert (len(pdus), {pdu.data_coding for pdu in pdus}) == (told.submits, {told.data_coding})
    sent = [text_of(pdu.short_message, pdu.esm_class, pdu.data_coding, profile)[0] for pdu in pdus]
    assert "".join(sent) == told.text


def test_a_coding_that_nobody_knows_is_refused():
    with pytest.raises(InvalidValue, match="one of gsm7"):
        parameter("short_message", coding="klingon")


@pytest.mark.parametrize(("registered_delivery", "wants"), [(0, False), (1, True), (2, True), (0x10, False)])
def test_whether_a_receipt_is_wanted_stands_in_two_bits(registered_delivery, wants):
    assert MtMessage(NUMBER, Sms("x"), registered_delivery=registered_delivery).wants_receipt == wants


# submit_multi


def multi(profile, *to, text="hello", **parameters):
    return multi_pdus_of(MtMessage("", text, **parameters), to, profile, 1)


@pytest.fixture
def offering():
    """A profile with submit_multi."""
    from msgspec.structs import replace

    return replace(STANDARD, submit_multi=True)


def test_a_message_for_several_goes_out_once(offering):
    [pdu] = multi(offering, "+7 916 123-45-67", "list:staff", source="ACME", priority_flag=2)
    number, staff = pdu.dest_address
    assert number == SmeAddress(dest_addr_ton=1, dest_addr_npi=1, destination_addr=NUMBER)
    assert staff == DistributionList(dl_name="staff")
    assert (pdu.source_addr, pdu.priority_flag, pdu.short_message) == ("ACME", 2, b"hello")
    assert pdu.registered_delivery == 1


def test_a_long_message_for_a_list_alone_is_cut_as_any_other(offering):
    assert len(multi(offering, "list:staff", text="я" * 150)) == 3


@pytest.mark.parametrize(
    ("submit_multi", "to", "field"), [(True, [], "to"), (False, [NUMBER], "to"), (True, ["nobody"], "destination")]
)
def test_what_cannot_be_sent_to_several_is_refused(offering, submit_multi, to, field):
    from msgspec.structs import replace

    with pytest.raises(InvalidValue) as refused:
        multi(replace(offering, submit_multi=submit_multi), *to)
    assert refused.value.field == field


def test_what_utc_is_not_lost():
    assert parameter("validity_period", validity_period=MOMENT.astimezone(UTC)) == "260131205958000+"
