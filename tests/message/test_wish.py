import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme.errors import EncodingError, InvalidValue
from smpp_esme.message import wish
from smpp_esme.message.wish import Wish
from smpp_esme.sms.binary import Binary, BinaryHex
from smpp_esme.sms.coding import Coding
from smpp_esme.sms.compose import compose
from smpp_esme.sms.envelope import COMMENT, Bot, Call, Hlr, Mail, Ping, Sms, Soc, Telegram, Viber
from smpp_esme.sms.national import Language
from smpp_esme.sms.profile import Profile
from smpp_esme.sms.wap import WapPush

CENTRE, STANDARD = Profile.named("smsc-centre"), Profile.named("standard")

CONTENTS = [
    Sms("Привет"),
    Mail("one\ntwo", "subject"),
    Call("read me", "w2", "en", "22,20,5"),
    Call("read me"),
    Viber("hello"),
    Soc("hello"),
    Telegram("481516"),
    Bot("hello", "acme_help_bot"),
    Hlr(),
    Ping(),
    Binary(b"\x01\x02\x03", b"\x06\x05\x04\x15\x8a\x00\x00"),
    Binary(b"octets"),
    BinaryHex("00414243"),
    WapPush("Your parcel", "https://www.example.com/p/1057"),
]


def composed(content, profile=CENTRE, **options):
    return compose(content, "79161234567", source="ACME", profile=profile, reference=7, **options)


@pytest.mark.parametrize("content", CONTENTS, ids=repr)
def test_what_is_kept_is_enough_to_compose_the_same_again(content):
    first = composed(content)
    made, comment = Wish().content(content.kind, first.text)
    again = composed(made, comment=comment)
    assert (again.segments, again.destination, again.text) == (first.segments, first.destination, first.text)


@given(
    text=st.text(st.sampled_from("aж€~_\n:ş") | st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200),
    comment=st.none() | st.text(max_size=20),
    profile=st.sampled_from([CENTRE, STANDARD]),
    transliterate=st.booleans(),
)
def test_any_text_and_its_comment_come_back_whole(text, comment, profile, transliterate):
    profile = profile.writing(transliterate=transliterate)
    try:
        first = composed(Sms(text), profile, comment=comment)
    except (InvalidValue, EncodingError):
        return
    whole = text if comment is None else f"{text}{COMMENT}{comment}"
    kept = Wish(
        comment=None if comment is None else len(comment),
        text=None if whole == first.text else whole,
        transliterate=transliterate,
    )
    assert wish.from_words(wish.to_words(kept)) == kept
    assert kept.content("sms", first.text) == (Sms(text), comment)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("mail", "no envelope"),
        ("hlr", "__PING__"),
        ("viber", "__SOC__: hello"),
        ("binary", "hmac-sha256:ab"),
        ("x", "y"),
    ],
)
def test_a_text_that_is_not_of_its_kind_is_refused(kind, text):
    with pytest.raises(InvalidValue):
        Wish().content(kind, text)


def test_most_wishes_are_the_same_few_characters():
    assert wish.to_words(Wish()) == "{}"
    full = Wish(
        source="ACME", comment=0, coding=Coding.UCS2, flash=True, transliterate=False, languages=(Language.TURKISH,)
    )
    assert wish.from_words(wish.to_words(full)) == full
    for words in ("", "nonsense", "[]", '{"coding": "none"}'):
        with pytest.raises(InvalidValue):
            wish.from_words(words)


def test_no_text_and_no_number_is_in_its_repr():
    assert "secret" not in repr(Wish(text="secret", source="79161234567"))
