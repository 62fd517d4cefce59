import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme.errors import InvalidValue
from smpp_esme.sms.envelope import (
    COMMENT,
    VOICES,
    Bot,
    Call,
    Hlr,
    Mail,
    Ping,
    Sms,
    Soc,
    Telegram,
    Viber,
    parse,
    split_comment,
    wire_text,
    with_comment,
)
from smpp_esme.sms.profile import Profile

SMSC_CENTRE = Profile.named("smsc-centre")
STANDARD = Profile.named("standard")

# Texts made of what the provider's grammar is made of, to meet every way of misreading it.
TRICKY = st.lists(
    st.sampled_from(
        ["\n", "~~~", "~", "subj:", "voice:", "bot:@", "__MAIL__: ", "__HLR__", "acme_bot", ",", "m3", "a", "я", "€"]
    ),
    max_size=8,
).map("".join)
MESSAGES = st.text(max_size=20) | TRICKY
CONTENTS = st.one_of(
    st.tuples(st.just(Sms), MESSAGES),
    st.tuples(st.just(Mail), MESSAGES, MESSAGES),
    st.tuples(
        st.just(Call),
        MESSAGES,
        st.sampled_from(VOICES),
        st.none() | st.sampled_from(["en", "fr"]),
        st.none() | st.sampled_from(["22,20,5", "0,10,1"]),
    ),
    st.tuples(st.just(Viber), MESSAGES),
    st.tuples(st.just(Soc), MESSAGES),
    st.tuples(st.just(Telegram), st.text(max_size=9) | st.from_regex(r"\A[0-9]{3,9}\Z")),
    st.tuples(st.just(Bot), MESSAGES, st.sampled_from(["acme_bot", "AcmeBot"]) | TRICKY),
    st.just((Hlr,)),
    st.just((Ping,)),
)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (Sms("Hello"), "Hello"),
        (Mail("Hello", "Good day"), "__MAIL__: Hello\nsubj:Good day"),
        (Call("Hello"), "__CALL__: Hello\nvoice:m3"),
        (Call("Bonjour", voice="w", language="fr"), "__CALL__: Bonjour\nvoice:w,fr"),
        (Call("Hello", voice="m2", param="22,20,5"), "__CALL__: Hello\nvoice:m2\n~~~\n22,20,5"),
        (Viber("Hello"), "__VIBER__: Hello"),
        (Soc("Hello"), "__SOC__: Hello"),
        (Telegram("1234"), "__TGM__: 1234"),
        (Bot("Hello", "acme_bot"), "__BOT__: Hello\nbot:@acme_bot"),
        (Hlr(), "__HLR__"),
        (Ping(), "__PING__"),
    ],
)
def test_each_kind_goes_out_as_the_provider_writes_it_and_reads_back(content, text):
    assert content.text() == wire_text(content, SMSC_CENTRE) == text
    assert parse(text) == content


@pytest.mark.parametrize(
    "text",
    [
        "Your order: https://example.com/o/1057?a=b&c=d#e",
        "Look <button name=Open url=https://example.com/>",
        "See <file https://example.com/price.pdf>",
        "{menu: [Press 1 or 2]\n1: one\n2: two}",
    ],
    ids=["a link", "a Viber button", "a Viber file", "a voice menu"],
)
@pytest.mark.parametrize("kind", [Sms, Viber, Soc, Call])
def test_links_and_macros_go_out_as_they_are(kind, text):
    assert text in wire_text(kind(text), SMSC_CENTRE)
    assert parse(wire_text(kind(text), SMSC_CENTRE)) == kind(text)


@pytest.mark.parametrize("profile", [STANDARD, SMSC_CENTRE])
def test_an_empty_text_is_read_and_not_sent(profile):
    assert parse("") == Sms("")
    with pytest.raises(InvalidValue, match="message: is empty"):
        wire_text(Sms(""), profile)


@pytest.mark.parametrize("param", ["0,10,1", "99,3600,9", "10,20,5", "35,20,5"])
def test_a_call_waits_repeats_and_tries_as_often_as_the_provider_allows(param):
    assert Call("a", param=param).text().endswith(f"\n~~~\n{param}")


def test_a_comment_follows_the_text_and_is_left_out_when_it_is_read():
    text = wire_text(Mail("Hello", "Good day"), SMSC_CENTRE, comment="order 17\nsecond line")
    assert text == "__MAIL__: Hello\nsubj:Good day\n~~~\norder 17\nsecond line"
    assert split_comment(text) == ("__MAIL__: Hello\nsubj:Good day", "order 17\nsecond line")
    assert parse(text) == Mail("Hello", "Good day")
    assert split_comment("Hello") == ("Hello", None)
    assert split_comment("Hello\n~~~\n") == ("Hello", "")


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: Mail("a\nsubj:b", "c"), "message"),
        (lambda: Mail("a", "b\nsubj:c"), "subject"),
        (lambda: Mail("a", "b\nc"), "subject"),
        (lambda: Mail("a", "b\u2028c"), "subject"),
        (lambda: Mail("", "b"), "message"),
        (lambda: Mail("a\n~~~\nb", "c"), "message"),
        (lambda: Mail("a\n~~~", "c"), "message"),  # with the line of the subject it makes a separator
        (lambda: Viber("a\n~~~\nb"), "message"),
        (lambda: Soc(""), "message"),
        (lambda: Call("a\nvoice:w"), "message"),
        (lambda: Call("a\n~~~"), "message"),
        (lambda: Call("a", voice="m5"), "voice"),
        (lambda: Call("a", voice="m3,en"), "voice"),
        (lambda: Call("a", language="FR"), "language"),
        (lambda: Call("a", language="fr\n"), "language"),
        (lambda: Call("a", param="22"), "param"),
        (lambda: Call("a", param="22,9,5"), "param"),
        (lambda: Call("a", param="22,3601,5"), "param"),
        (lambda: Call("a", param="22,20,0"), "param"),
        (lambda: Call("a", param="100,20,5"), "param"),
        (lambda: Bot("a", "@acme_bot"), "bot_name"),
        (lambda: Bot("a", "acme\nbot"), "bot_name"),
        (lambda: Bot("a\nbot:@b", "acme_bot"), "message"),
    ],
)
def test_a_value_that_could_be_misread_is_refused_by_its_field(make, field):
    with pytest.raises(InvalidValue) as caught:
        make()
    assert caught.value.field == field
    assert caught.value.allowed


@pytest.mark.parametrize(
    "code",
    [
        "",
        "123",
        "123456789",
        "12a4",
        "1234 ",
        "1234\n",
        " 1234",
        "-1234",
        "\u0661\u0662\u0663\u0664",
        "\uff11\uff12\uff13\uff14",
        "1234\n~~~\nx",
    ],
)
def test_telegram_takes_4_to_8_digits_and_nothing_else(code):
    with pytest.raises(InvalidValue, match="4 to 8 digits and nothing else"):
        Telegram(code)


@pytest.mark.parametrize(
    ("text", "comment"),
    [("a\n~~~", "b"), ("a\n~~~\nb", "c"), ("a", "b\n~~~\nc"), ("a", "~~~\nb"), ("a", "b\n~~~\n")],
)
def test_a_comment_that_could_end_elsewhere_is_refused(text, comment):
    with pytest.raises(InvalidValue) as caught:
        with_comment(text, comment)
    assert caught.value.field == "comment"


def test_a_comment_that_holds_the_envelopes_separator_is_refused():
    with pytest.raises(InvalidValue, match="comment"):
        wire_text(Mail("a", "b"), SMSC_CENTRE, comment="c\nsubj:d")


@pytest.mark.parametrize("content", [Call("a"), Hlr(), Ping()])
def test_kinds_that_have_no_place_for_a_comment_refuse_one(content):
    with pytest.raises(InvalidValue, match="comment"):
        wire_text(content, SMSC_CENTRE, comment="x")


@pytest.mark.parametrize("text", ["__HLR__", " __HLR__\n", "__PING__", "__MAIL__: a\nsubj:b", "__TGM__:1", "a\n~~~\nb"])
def test_a_plain_text_that_smsc_centre_would_take_for_more_is_refused_there_only(text):
    with pytest.raises(InvalidValue) as caught:
        wire_text(Sms(text), SMSC_CENTRE)
    assert caught.value.field == "message"
    assert wire_text(Sms(text), STANDARD) == text


def test_an_smsc_without_envelopes_or_lookups_is_not_sent_any():
    for content in (Mail("a", "b"), Viber("a"), Telegram("1234"), Hlr(), Ping()):
        with pytest.raises(InvalidValue) as caught:
            wire_text(content, STANDARD)
        assert caught.value.field == "kind"
    with pytest.raises(InvalidValue, match="comment"):
        wire_text(Sms("a"), STANDARD, comment="b")


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("__MAIL__: a", "subject"),
        ("__CALL__: a", "voice"),
        ("__CALL__: a\nvoice:x", "voice"),
        ("__CALL__: a\nvoice:m,", "language"),
        ("__CALL__: a\nvoice:m\n~~~\nx", "param"),
        ("__BOT__: a", "bot_name"),
        ("__TGM__: 12", "code"),
        ("__VIBER__: ", "message"),
    ],
)
def test_an_envelope_that_breaks_a_rule_is_refused_when_it_is_read(text, field):
    with pytest.raises(InvalidValue) as caught:
        parse(text)
    assert caught.value.field == field


@pytest.mark.parametrize("text", ["", "__MAIL__", "__MAIL__:x", "__HLR__ ", "__NEW__: a", "\n__HLR__"])
def test_what_is_no_envelope_is_a_plain_text(text):
    assert parse(text) == Sms(text)


def test_no_repr_shows_what_is_said():
    assert repr(Mail("secret", "secret")) == "Mail(28 characters)"
    assert repr(Telegram("1234")) == "Telegram(13 characters)"


@given(CONTENTS, st.none() | MESSAGES)
def test_whatever_is_accepted_has_one_reading(fields, comment):
    try:
        content = fields[0](*fields[1:])
        text = wire_text(content, SMSC_CENTRE, comment=comment)
    except InvalidValue:
        return
    assert parse(text) == content
    assert parse(content.text()) == content
    if comment is not None:
        assert split_comment(text) == (content.text(), comment)
        assert text.rpartition(COMMENT)[2] == comment


@given(MESSAGES)
def test_any_text_is_read_or_refused(text):
    try:
        content = parse(text)
    except InvalidValue:
        return
    body, tail = split_comment(text)
    assert content.text() in {body, f"{body}{COMMENT}{tail}"}


@pytest.mark.parametrize("voice", ["m", "m2", "m3", "m4", "w", "w2", "w3", "w4"])
@pytest.mark.parametrize("language", [None, "en", "fr", "de"])
def test_a_call_has_the_voices_and_languages_of_the_provider(voice, language):
    said = voice if language is None else f"{voice},{language}"
    assert Call("a", voice, language).text() == f"__CALL__: a\nvoice:{said}"
    assert parse(f"__CALL__: a\nvoice:{said}") == Call("a", voice, language)


@pytest.mark.parametrize("code", ["1234", "00000000", "48151623"])
def test_telegram_takes_a_code_of_4_to_8_digits(code):
    assert wire_text(Telegram(code), SMSC_CENTRE) == f"__TGM__: {code}"
