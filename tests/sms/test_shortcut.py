from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from smpp_esme.errors import InvalidValue
from smpp_esme.sms.compose import compose
from smpp_esme.sms.envelope import Sms
from smpp_esme.sms.profile import Profile, profile_names
from smpp_esme.sms.shortcut import Shortcut

PROFILES = [Profile.named(name) for name in profile_names()]
NUMBERS = st.sampled_from(["79161234567", "+7 916 123-45-67", "0916", "", "nobody", "7" * 16, " 7916 "])
SOURCES = st.sampled_from(["", "ACME", "1234", "+79161234567", ".", "a name that is too long"])
TEXTS = st.one_of(
    st.text(max_size=200),
    st.text("abc@€_~Ж", max_size=170),
    st.sampled_from(["", "__HLR__", "__MAIL__: x", "a\n~~~\nb", "a" * 160, "a" * 161, "é" * 140, "é" * 141]),
)


def pdus_or_error(make):
    try:
        return make()
    except InvalidValue as error:
        return str(error)


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
@pytest.mark.parametrize("changed", [{}, {"packed": True}, {"transliterate": True}, {"user_data": 100}], ids=str)
@given(text=TEXTS, to=NUMBERS, source=SOURCES)
def test_the_short_way_leads_to_the_same_pdu(profile, changed, text, to, source):
    profile = replace(profile, **changed)
    shortcut = Shortcut(profile)
    short = pdus_or_error(lambda: shortcut.submit_sm(to, text, source, 1))
    if short is None:
        return
    long = pdus_or_error(lambda: compose(Sms(text), to, source=source, profile=profile, reference=1).pdus())
    assert long == (short if isinstance(short, str) else [short])


def test_a_plain_text_goes_the_short_way():
    assert Shortcut(Profile.named("standard")).submit_sm("79161234567", "hello", "ACME", 1) is not None


def test_a_text_of_several_segments_does_not():
    assert Shortcut(Profile.named("standard")).submit_sm("79161234567", "a" * 161, "ACME", 1) is None


def test_few_sources_are_remembered():
    shortcut = Shortcut(Profile.named("standard"))
    for number in range(2000):
        shortcut.submit_sm("79161234567", "hello", f"{number}", 1)
    assert len(shortcut._sources) <= 256
