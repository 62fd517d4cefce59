from __future__ import annotations

import hashlib
import re
import sqlite3
from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from smpp_esme.daemon import gateway as gateways
from smpp_esme.daemon.config import LinkSettings, Settings
from smpp_esme.daemon.gateway import Gateway
from smpp_esme.daemon.orders import Order
from smpp_esme.daemon.routing import Outlet, Router
from smpp_esme.daemon.service import Service
from smpp_esme.errors import InvalidValue, UnknownReference
from smpp_esme.message.status import MessageStatus
from smpp_esme.sms.coding import Coding
from smpp_esme.sms.envelope import Call, Hlr, Mail, Ping, Sms, Soc, Viber
from smpp_esme.sms.national import Language
from smpp_esme.sms.profile import Profile

TO = "+7 916 123-45-67"
CENTRE = Profile.named("smsc-centre")


@pytest.fixture
def woken():
    return []


@pytest.fixture
def gateway(store, woken):
    outlets = [
        Outlet(link="main", profile=CENTRE, source_addr="DEMO", is_bound=lambda: True),
        Outlet(link="plain", profile=Profile.named("standard"), source_addr="", is_bound=lambda: False),
    ]
    return Gateway(store, Router(outlets), lambda: woken.append(True))


def order(text="hello", **fields):
    return Order(**({"to": TO, "content": Sms(text)} | fields))


async def references(gateway):
    return [one.reference for one in await gateway.messages()]


async def test_what_was_submitted_is_on_disk_queued_and_dispatch_is_woken(gateway, woken, url):
    kept = await gateway.submit(order(client_reference="order 1057", priority=2))
    assert woken == [True, True]  # to claim in the same transaction, and after it
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as another_process:
        rows = another_process.execute("select reference, status, link, priority, client_reference from message")
        assert rows.fetchall() == [(kept.reference, "QUEUED", "main", 2, "order 1057")]
    found = await gateway.message(kept.reference)
    assert (found.destination_addr, found.source_addr, found.text) == ("79161234567", "DEMO", "hello")


async def test_a_repeat_under_the_same_key_gets_the_same_message(gateway):
    first = await gateway.submit(order(), key="k")
    again = await gateway.submit(order(), key="k")
    assert again.reference == first.reference
    assert await references(gateway) == [first.reference]


@pytest.mark.parametrize(
    "other",
    [
        {"text": "bye"},
        {"to": "+79161234568"},
        {"source": "OTHER"},
        {"comment": "for our records"},
        {"client_reference": "other"},
        {"coding": Coding.UCS2},
        {"flash": True},
        {"transliterate": True},
        {"languages": (Language.TURKISH,)},
        {"priority": 1},
        {"link": "plain"},
        {"content": Viber("hello")},
    ],
)
async def test_another_request_under_the_same_key_is_refused_and_not_kept(gateway, other):
    first = await gateway.submit(order(), key="k")
    with pytest.raises(InvalidValue, match="use a new key") as refused:
        await gateway.submit(order(**other), key="k")
    assert refused.value.field == "Idempotency-Key"
    assert await references(gateway) == [first.reference]


async def test_kinds_with_the_same_fields_are_not_the_same_request(gateway):
    await gateway.submit(order(content=Viber("hello")), key="k")
    with pytest.raises(InvalidValue, match="Idempotency-Key"):
        await gateway.submit(order(content=Soc("hello")), key="k")


async def test_a_batch_repeated_under_its_key_is_kept_once(gateway):
    batch = [order(f"number {number}") for number in range(3)]
    first = await gateway.submit_batch(batch, key="k")
    again = await gateway.submit_batch(batch, key="k")
    assert [one.reference for one in again] == [one.reference for one in first]
    assert len(await references(gateway)) == 3


@pytest.mark.parametrize("size", [1, 2, 4])
async def test_a_shorter_or_longer_batch_under_the_same_key_is_refused(gateway, size):
    batch = [order(f"number {number}") for number in range(4)]
    await gateway.submit_batch(batch[:3], key="k")
    with pytest.raises(InvalidValue, match="Idempotency-Key"):
        await gateway.submit_batch(batch[:size], key="k")
    assert len(await references(gateway)) == 3


async def test_a_batch_after_a_single_message_under_the_same_key_is_refused(gateway):
    await gateway.submit(order("number 0"), key="k")
    with pytest.raises(InvalidValue, match="Idempotency-Key"):
        await gateway.submit_batch([order("number 0"), order("number 1")], key="k")
    assert len(await references(gateway)) == 1


@pytest.mark.parametrize("key", ["k#0", "k#1", "k#", "K"])
async def test_a_key_that_resembles_another_is_another(gateway, key):
    await gateway.submit_batch([order("number 0"), order("number 1")], key="k")
    await gateway.submit(order(), key=key)
    assert len(await references(gateway)) == 3


async def test_without_a_key_the_same_text_is_two_messages(gateway):
    first, second = await gateway.submit(order()), await gateway.submit(order())
    assert first.reference != second.reference


async def test_a_client_reference_is_kept_once(gateway):
    first = await gateway.submit(order(client_reference="order 1057"))
    again = await gateway.submit(order("another text", client_reference="order 1057"))
    assert again.reference == first.reference
    assert again.text == "hello"
    one, two = await gateway.submit_batch([order(client_reference="x"), order(client_reference="x")])
    assert one.reference == two.reference
    assert len(await references(gateway)) == 2


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"to": "not a number"}, "to"),
        ({"to": ""}, "to"),
        ({"to": "0" * 11}, "to"),
        ({"to": "7" * 16}, "to"),
        ({"source": "a sender's name"}, "source"),
        ({"text": "x" * 40_000}, "text"),
        ({"text": "nothing\0"}, "text"),
        ({"text": "\ud800"}, "text"),
        ({"text": "Привет", "coding": Coding.GSM7}, "text"),
        ({"text": "__HLR__"}, "message"),
        ({"comment": "\n~~~\n"}, "comment"),
        ({"comment": "half \ud800"}, "text"),
        ({"content": Call("hi"), "comment": "x"}, "comment"),
        ({"priority": 4}, "priority"),
        ({"priority": -1}, "priority"),
        ({"link": "nowhere"}, "link"),
        ({"link": "plain", "content": Mail("a", "b")}, "kind"),
        ({"client_reference": ""}, "client_reference"),
        ({"resubmit": "perhaps"}, "resubmit"),
        ({"client_reference": "x" * 129}, "client_reference"),
        ({"client_reference": "two\nlines"}, "client_reference"),
    ],
)
async def test_a_wrong_field_is_named_and_nothing_is_kept(gateway, woken, wrong, field):
    with pytest.raises(InvalidValue) as refused:
        await gateway.submit(order(**wrong), key="k")
    assert refused.value.field == field
    assert refused.value.allowed
    # In a batch one wrong message takes the others with it, and is named by its place.
    with pytest.raises(InvalidValue) as refused:
        await gateway.submit_batch([order("fine"), order(**wrong), order("fine too")], key="k")
    assert refused.value.field == f"messages.1.{field}"
    assert refused.value.allowed
    assert await references(gateway) == []
    assert not woken
    # The key is free for the request that is right.
    await gateway.submit(order(), key="k")


@pytest.mark.parametrize("key", ["", "x" * 129, "line\n", "nul\0"])
async def test_a_key_that_cannot_be_kept_is_refused(gateway, key):
    with pytest.raises(InvalidValue) as refused:
        await gateway.submit(order(), key=key)
    assert refused.value.field == "Idempotency-Key"
    assert await references(gateway) == []


async def test_a_batch_is_neither_empty_nor_endless(gateway, monkeypatch):
    monkeypatch.setattr(gateways, "BATCH_LIMIT", 2)
    for size in (0, 3):
        with pytest.raises(InvalidValue) as refused:
            await gateway.submit_batch([order()] * size)
        assert refused.value.field == "messages"
        assert "1 to 2" in refused.value.allowed


async def test_no_source_is_not_the_empty_source(gateway):
    links_own = await gateway.submit(order(source=None))
    left_to_the_smsc = await gateway.submit(order(source=""))
    assert (links_own.source_addr, left_to_the_smsc.source_addr) == ("DEMO", "")


async def test_a_lookup_is_a_message_for_each_number_and_names_no_sender(gateway):
    looked_up = await gateway.lookup(["+79161234567", "79161234568"])
    assert [(one.kind, one.destination_addr, one.source_addr) for one in looked_up] == [
        ("hlr", "79161234567", ""),
        ("hlr", "79161234568", ""),
    ]
    pinged = await gateway.lookup(["+79161234567"], ping=True)
    assert pinged[0].kind == "ping"


async def test_a_wrong_number_of_a_lookup_is_named_by_its_place_and_nothing_is_kept(gateway):
    for numbers, field in ((["7916123456a"], "to.0"), (["79161234567", ""], "to.1")):
        with pytest.raises(InvalidValue) as refused:
            await gateway.lookup(numbers)
        assert refused.value.field == field
    assert await references(gateway) == []


async def test_a_lookup_is_repeated_under_its_key_and_is_no_message(gateway):
    first = await gateway.lookup(["79161234567"], key="k")
    assert (await gateway.lookup(["79161234567"], key="k"))[0].reference == first[0].reference
    for other in (
        gateway.lookup(["79161234567"], ping=True, key="k"),
        gateway.submit(order(content=Hlr()), key="k"),
        gateway.submit(order(content=Ping()), key="k"),
    ):
        with pytest.raises(InvalidValue, match="Idempotency-Key"):
            await other


async def test_a_link_that_offers_no_lookups_is_told_so(gateway):
    with pytest.raises(InvalidValue, match="a profile with lookups"):
        await gateway.lookup(["79161234567"], link="plain")


async def test_segments_of_two_messages_never_share_a_reference_by_turns(gateway):
    text = "x" * 200
    kept = [await gateway.submit(order(text)) for _ in range(3)]
    # The reference stands behind UDHL, IEI and IEDL (TS 23.040, 9.2.3.24.1).
    numbers = [one.segments[0].short_message[3] for one in kept]
    assert numbers[1] == (numbers[0] + 1) % 256
    assert numbers[2] == (numbers[0] + 2) % 256
    assert [len(one.segments) for one in kept] == [2, 2, 2]


async def test_an_unknown_reference_is_said_to_be_one(gateway):
    with pytest.raises(UnknownReference):
        await gateway.message("01ARZ3NDEKTSV4RRFFQ69G5FAV")
    with pytest.raises(UnknownReference):
        await gateway.messages(after="01ARZ3NDEKTSV4RRFFQ69G5FAV")


async def test_messages_come_in_pages_in_the_order_in_which_they_were_kept(gateway):
    kept = [one.reference for one in await gateway.submit_batch([order(str(number)) for number in range(5)])]
    first = await gateway.messages(limit=2)
    second = await gateway.messages(limit=2, after=first[-1].reference)
    last = await gateway.messages(limit=2, after=second[-1].reference)
    assert [one.reference for page in (first, second, last) for one in page] == kept
    assert await gateway.messages(status=MessageStatus.DELIVERED) == []
    assert len(await gateway.messages(status=MessageStatus.QUEUED)) == 5
    assert (await gateway.counts())[MessageStatus.QUEUED] == 5


async def test_links_are_told_with_whether_they_are_bound(gateway):
    assert gateway.links() == {"main": True, "plain": False}


async def test_the_profile_is_the_one_that_the_bind_makes_it(store):
    # Bound with system_type "ISO", smsc-centre takes data_coding 0 for ISO-8859-1: GSM 7-bit has no number left.
    link = LinkSettings(url="smpp://me@h", profile="smsc-centre")
    for system_type, text, data_coding in (("", "hi", 0), ("", "Reçu", 0x04), ("ISO", "Reçu", 0x00)):
        settings = Settings(links={"main": link.model_copy(update={"system_type": system_type})})
        kept = await Service(settings, store).gateway.submit(order(text))
        assert kept.data_coding == data_coding
        assert kept.segments[0].short_message == (b"Re\xe7u" if text != "hi" else b"hi")


async def test_nothing_that_was_handed_in_is_in_a_repr(gateway):
    wanted = order("a secret text", source="SENDER")
    kept = await gateway.submit(wanted)
    for shown in (repr(wanted), repr(kept), repr(kept.segments)):
        assert "secret" not in shown
        assert wanted.to[-10:] not in shown


async def test_the_digest_tells_nothing_of_the_text(gateway):
    kept = await gateway.submit(order(), key="k")
    assert len(kept.idempotency_digest) == hashlib.sha256().digest_size * 2


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text(st.characters(), max_size=300) | st.text("€[]~|\\^\0\ud800ёx\n", max_size=300),
    to=st.text(max_size=20) | st.just(TO),
    comment=st.none() | st.text(st.characters(), max_size=20),
    coding=st.sampled_from([None, *Coding]),
)
async def test_any_order_is_kept_or_refused_by_field(gateway, text, to, comment, coding):
    before = await references(gateway)
    wanted = order(text, to=to, comment=comment, coding=coding)
    kept, wrong = None, None
    try:
        kept = await gateway.submit(wanted)
    except InvalidValue as error:
        wrong = error.field
    if kept is None:
        assert wrong in {"to", "text", "message", "comment", "coding"}
        assert await references(gateway) == before
    else:
        assert replace(kept, id=0).text.startswith(text)
        assert (await gateway.message(kept.reference)).text == kept.text


@pytest.mark.parametrize(("asked", "text"), [(True, "privet"), (False, "привет"), (None, "привет")])
async def test_a_text_is_transliterated_where_it_is_asked_for(gateway, asked, text):
    kept = await gateway.submit(order(text="привет", transliterate=asked))
    assert kept.text == text


async def test_a_text_is_written_in_national_tables_where_it_is_asked_for(gateway):
    kept = await gateway.submit(order(text="ş" * 100, languages=(Language.TURKISH,)))
    assert [one.short_message[:4].hex() for one in kept.segments] == ["03250101"]
    assert len((await gateway.submit(order(text="ş" * 100))).segments) == 2


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.lists(st.sampled_from(["a", "€", "ж", "ş", "😀", "и\u0306", "ç", "\r\n"]), min_size=1, max_size=300).map(
        "".join
    ),
    link=st.sampled_from(["main", "plain"]),
    coding=st.sampled_from([None, *Coding]),
    flash=st.booleans(),
    transliterate=st.booleans(),
    languages=st.sampled_from([None, (Language.TURKISH,)]),
)
async def test_what_is_kept_is_what_explain_tells(gateway, text, link, coding, flash, transliterate, languages):
    options = {"coding": coding, "flash": flash, "transliterate": transliterate, "languages": languages}
    wanted = order(text, link=link, **options)
    try:
        told, _ = gateway.explain(text, wanted)
    except InvalidValue as refused:
        with pytest.raises(InvalidValue, match=re.escape(str(refused))):
            await gateway.submit(wanted)
        return
    kept = await gateway.submit(wanted)
    assert (kept.text, kept.data_coding, len(kept.segments)) == (told.text, told.data_coding, told.submits)
