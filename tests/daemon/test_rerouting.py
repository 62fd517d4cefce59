"""Two SMSCs, one of which goes away: what waits for it goes to the other, composed anew, once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from smpp_esme.daemon.config import Settings
from smpp_esme.daemon.orders import Order
from smpp_esme.daemon.rerouting import Rerouting, Why, made_for
from smpp_esme.daemon.routes import RouteSettings
from smpp_esme.daemon.routing import Outlet, Router
from smpp_esme.errors import EncodingError, InvalidValue
from smpp_esme.message.status import MessageStatus as Status
from smpp_esme.simulator.smsc import Smsc
from smpp_esme.sms.binary import Binary
from smpp_esme.sms.coding import Coding
from smpp_esme.sms.compose import compose
from smpp_esme.sms.envelope import Call, Hlr, Mail, Sms
from smpp_esme.sms.profile import Profile
from smpp_esme.sms.references import References
from smpp_esme.sms.wap import WapPush
from smpp_esme.store import Store
from smpp_esme.store.seal import Vault

TO = "+79161234567"
CENTRE, STANDARD = Profile.named("smsc-centre"), Profile.named("standard")
ROUTES = {"all": {"links": ["main", "spare"], "failover_after": 300}}


@pytest.fixture
async def spare():
    async with Smsc(receipt_delay=0.01) as other:
        yield other


async def look(daemon, ahead=0.0):
    """What the daemon does by itself when so many seconds have passed."""
    now = asyncio.get_running_loop().time() + ahead
    await daemon.service.gateway.rerouting.round(datetime.now(UTC), now)


async def able(daemon, **links):
    """Wait until the links can submit, or not."""
    async with asyncio.timeout(20):
        while True:
            if {name: daemon.service._lines[name].link.can_submit for name in links} == links:
                return
            await asyncio.sleep(0.01)


@pytest.mark.smsc(receipt_delay=0.01)
async def test_traffic_fails_over_and_every_message_goes_once(start, smsc, spare, store, caplog):
    daemon = await start(routes=ROUTES, throughput=50, others={"spare": {"url": spare.url, "throughput": 0.0}})
    await able(daemon, main=True, spare=True)
    orders = [Order(to=TO, content=Sms(f"number {number}")) for number in range(200)]
    await daemon.service.gateway.submit_batch(orders)
    await smsc.until(lambda smsc: smsc.counts.submits > 5)
    await smsc.close()
    await able(daemon, main=False)
    await daemon.submit(TO, "while it is away")
    await look(daemon, 299)
    assert (await store.messages(limit=1000))[-2].link == "main"
    await look(daemon, 301)
    found = await store.until(
        lambda found: (
            not {Status.QUEUED, Status.SUBMITTING, Status.SUBMITTED}
            & {one.status for one in found if one.link == "spare" or one.status is not Status.SUBMITTED}
        )
    )
    by_link = {name: sum(one.link == name for one in found) for name in ("main", "spare")}
    assert by_link["spare"] > 100
    assert len(found) == 201
    for one in found:
        sent = smsc.count(one.text), spare.count(one.text)
        if one.link == "spare":
            assert (one.status, sent) == (Status.DELIVERED, (0, 1))
        elif one.status is Status.IN_DOUBT:
            assert sent[1] == 0
        else:
            assert sent == (1, 0)
    assert not any(one.duplicates for one in found)
    [told] = [one for one in caplog.records if one.message == "reroute.moved"]
    assert (told.link, told.messages, told.decided) == ("main", by_link["spare"] - 1, "failover")


@pytest.mark.smsc(receipt_delay=0.01)
async def test_new_messages_go_to_the_preferred_link_once_it_is_back_and_moved_ones_stay(start, spare, store, nobody):
    port = nobody.getsockname()[1]
    away = f"smpp://demo:secret@127.0.0.1:{port}"
    daemon = await start(
        bound=False, url=away, routes=ROUTES, others={"spare": {"url": spare.url, "throughput": 0.001}}
    )
    await able(daemon, main=False, spare=True)
    pinned = await daemon.submit(TO, "pinned", link="main")
    prefers = await daemon.submit(TO, "prefers", link="main", pinned=False)
    assert (pinned.link, prefers.link) == ("main", "spare")
    nobody.close()
    async with Smsc(port=port, receipt_delay=0.01):
        await able(daemon, main=True)
        assert (await daemon.submit(TO, "back")).link == "main"
        await look(daemon, 1000)
        assert (await store.message(prefers.reference)).link == "spare"
        await store.until(lambda found: [one.status for one in found if one.link == "main"] == [Status.DELIVERED] * 2)


async def test_what_cannot_be_moved_stays_and_it_is_told_why(start, smsc, spare, store, caplog):
    await smsc.close()
    routes = ROUTES | {"patient": {"prefixes": ["49"], "links": ["main", "spare"], "failover_after": 0}}
    routes["alone"] = {"prefixes": ["44"], "links": ["main"]}
    plain = {"url": spare.url, "profile": "standard", "throughput": 0.001}
    daemon = await start(bound=False, routes=routes, others={"spare": plain})
    await able(daemon, main=False, spare=True)
    gateway = daemon.service.gateway
    # They are taken as if main could submit.
    gateway._router = Router(
        [replace(one, can_submit=lambda: True) for one in gateway._router.outlets.values()], gateway._router.routes
    )
    kept = {
        Why.PINNED: await daemon.submit(TO, "pinned", link="main"),
        Why.UNFIT: await daemon.submit(TO, "with a comment", comment="for the provider"),
        Why.NOT_YET: await daemon.submit("+4917112345", "patient"),
        Why.NO_LINK: await daemon.submit("+4479112345", "alone"),
        None: await daemon.submit(TO, "goes"),
    }
    await look(daemon)
    await look(daemon, 301)
    links = {why: (await store.message(one.reference)).link for why, one in kept.items()}
    assert links == dict.fromkeys(kept, "main") | {None: "spare"}
    assert gateway.rerouting.left == {"main": dict.fromkeys([Why.PINNED, Why.UNFIT, Why.NOT_YET, Why.NO_LINK], 1)}
    [told] = [one for one in caplog.records if one.message == "reroute.left"]
    assert told.messages == {"pinned": 1, "unfit": 1, "not_yet": 1, "no_link": 1}
    [main, _] = gateway.link_states()
    assert (main.left["unfit"], main.unable_for > 0) == (1, True)
    exposed = await daemon.service._metrics.exposition()
    assert 'smpp_esme_left_messages{link="main",why="unfit"} 1.0' in exposed.decode()
    assert 'smpp_esme_rerouted_total{decided="failover",link="main",to_link="spare"} 1.0' in exposed.decode()
    await look(daemon, 302)
    assert len([one for one in caplog.records if one.message == "reroute.left"]) == 1


async def test_a_link_that_is_removed_leaves_its_queue_to_the_routes(start, smsc, spare, store):
    fast = {"url": spare.url, "throughput": 0.0}
    daemon = await start(routes=ROUTES, throughput=0.001, dispatch={"drain": 0.1}, others={"spare": fast})
    await able(daemon, main=True, spare=True)
    for number in range(5):
        await daemon.submit(TO, f"number {number}")
    before = daemon.service._settings
    links = {"spare": before.links["spare"]}
    after = Settings(links=links, routes={"new": RouteSettings(links=("spare",))}, dispatch=before.dispatch)
    await daemon.service.reload(after)
    assert daemon.service.gateway.routes() == {"new": "spare"}
    await store.until(lambda found: not any(one.status is Status.SUBMITTING for one in found))
    await look(daemon, 1000)
    await spare.until(lambda spare: sum(spare.count(f"number {number}") for number in range(5)) >= 4)
    found = await store.until(lambda found: all(one.status is not Status.QUEUED for one in found))
    moved = [one for one in found if one.link == "spare"]
    assert len(moved) >= 4  # one may have left on the old link
    [event] = [one for one in await store.events(moved[-1].reference) if "from_link" in one.detail]
    assert event.detail == {"from_link": "main", "to_link": "spare", "decided": "stranded"}


async def test_without_routes_nothing_moves_by_itself(start, smsc, spare, store):
    await smsc.close()
    daemon = await start(bound=False, others={"spare": {"url": spare.url}})
    await able(daemon, main=False, spare=True)
    kept = await daemon.submit(TO, "stays")
    await look(daemon)
    await look(daemon, 10_000)
    assert (await store.message(kept.reference)).link == "main"
    assert await store.census(["spare"])
    done = await daemon.service.gateway.reroute("main", "spare")
    assert (done.moved, done.left, done.after) == (1, {}, None)
    await spare.until(lambda spare: spare.count("stays"))


# By hand, and what is composed anew


@pytest.fixture
def rerouting(store):
    def made(**routes):
        outlets = [
            Outlet(link=name, profile=profile, source_addr=name.upper(), is_bound=lambda: True)
            for name, profile in (("a", CENTRE), ("b", STANDARD))
        ]
        return Rerouting(store, Router(outlets, {name: RouteSettings(**one) for name, one in routes.items()}), list)

    return made


@pytest.fixture
def keep(store):
    """Keeps an order as a gateway would that has a link of that name with that profile."""
    from smpp_esme.daemon.gateway import Gateway

    async def kept(content, *, link="old", profile=CENTRE, **options):
        outlet = Outlet(link=link, profile=profile, source_addr="OLD", is_bound=lambda: True)
        options = {"pinned": False} | options
        content = Sms(content) if isinstance(content, str) else content
        return await Gateway(store, Router([outlet]), list).submit(Order(to=TO, content=content, **options))

    return kept


async def test_by_hand_everything_moves_but_what_must_not(rerouting, keep, store, clock):
    made = rerouting()
    kept = await keep("hello")
    pinned = await keep("pinned", pinned=True)
    await keep(Mail("text", "subject"))
    done = await made.by_hand("old", "b")
    assert (done.moved, done.left) == (1, {Why.PINNED: 1, Why.UNFIT: 1})
    assert (await store.message(kept.reference)).source_addr == "B"
    done = await made.by_hand("old", "b", pinned=True)
    assert (done.moved, (await store.message(pinned.reference)).link) == (1, "b")
    done = await made.by_hand("old", "a")
    assert (done.moved, done.left) == (1, {})


async def test_by_hand_in_steps(rerouting, keep):
    made = rerouting()
    for number in range(5):
        await keep(f"number {number}")
    first = await made.by_hand("old", "a", limit=2)
    second = await made.by_hand("old", "a", limit=2, after=first.after)
    third = await made.by_hand("old", "a", limit=2, after=second.after)
    assert [one.moved for one in (first, second, third)] == [2, 2, 1]
    assert third.after is None


async def test_by_hand_without_a_target_the_routes_say_where_to(rerouting, keep):
    kept = await keep("hello")
    done = await rerouting().by_hand("old", None)
    assert done.left == {Why.NO_ROUTE: 1}
    done = await rerouting(all={"links": ["b"]}).by_hand("old", None)
    assert (done.moved, done.left) == (1, {})
    assert kept.link == "old"


@pytest.mark.parametrize("to", ["old", "nowhere"])
async def test_a_link_that_is_none_is_no_target(rerouting, to):
    with pytest.raises(InvalidValue) as refused:
        await rerouting().by_hand("old", to)
    assert refused.value.field == "to"


async def test_what_an_older_version_kept_is_not_guessed_at(rerouting, keep, store):
    kept = await keep("hello")
    await store._write(lambda connection: connection.exec_driver_sql("UPDATE message SET wish = NULL"))
    done = await rerouting().by_hand("old", "a")
    assert (done.moved, done.left) == (0, {Why.UNKNOWN: 1})
    assert kept.link == "old"


PROFILES = {name: Profile.named(name) for name in ("smsc-centre", "standard", "vodafone-uk", "webcom")}


@pytest.mark.parametrize("before", PROFILES)
@pytest.mark.parametrize("after", PROFILES)
@pytest.mark.parametrize(
    ("content", "options"),
    [
        (Sms("hello"), {}),
        (Sms("Привет, мир! " * 12), {}),
        (Sms("[brackets] and {braces} ~ €"), {}),
        (Sms("Привет"), {"transliterate": True}),
        (Sms("ş" * 100), {"source": "+4917112345"}),
        (Sms("hello"), {"comment": "a note"}),
        (Sms("hello"), {"coding": Coding.UCS2, "flash": True}),
        (Mail("text", "subject"), {}),
        (Call("read", "w2", "en", "22,20,5"), {}),
        (Hlr(), {"source": ""}),
        (Binary(b"\x01\x02" * 100), {}),
        (WapPush("text", "http://a.example"), {}),
        (Sms("__MAIL__: no mail\n~~~\n"), {}),
    ],
)
async def test_a_message_is_as_the_other_link_would_have_made_it(content, options, before, after):
    """Whatever it was on the first link, on the second it is what it would have been had it come there."""
    from smpp_esme.daemon.orders import kept
    from smpp_esme.daemon.routing import Choice

    order = Order(to=TO, content=content, **options)

    def made(profile):
        writing = PROFILES[profile].writing(transliterate=order.transliterate, languages=order.languages)
        outlet = Outlet(link=profile, profile=PROFILES[profile], source_addr="LINK", is_bound=lambda: True)
        source = "LINK" if order.source is None else order.source
        composed = compose(
            content,
            TO,
            source=source,
            profile=writing,
            reference=7,
            comment=order.comment,
            coding=order.coding,
            flash=order.flash,
        )
        return outlet, kept(composed, order, Choice(outlet), datetime.now(UTC))

    try:
        _, first = made(before)
    except (InvalidValue, EncodingError):
        return
    try:
        outlet, wanted = made(after)
    except (InvalidValue, EncodingError):
        outlet = Outlet(link=after, profile=PROFILES[after], source_addr="LINK", is_bound=lambda: True)
        with pytest.raises((InvalidValue, EncodingError)):
            made_for(outlet, first, first.wish, references=References(7), at=datetime.now(UTC))
        return
    found = made_for(outlet, first, first.wish, references=References(7), at=datetime.now(UTC))
    own = {
        "reference": "",
        "created_at": wanted.created_at,
        "next_attempt_at": wanted.next_attempt_at,
        "kind": first.kind,
    }
    assert replace(found, **own) == replace(wanted, **own)
    # And back again.
    try:
        outlet, wanted = made(before)
    except (InvalidValue, EncodingError):
        return
    back = made_for(outlet, found, found.wish, references=References(7), at=datetime.now(UTC))
    assert replace(back, **own) == replace(wanted, **own)


async def test_a_validity_that_the_other_smsc_does_not_take_keeps_a_message(rerouting, keep):
    await keep("hello", profile=STANDARD, validity_period=2 * 86_400.0)
    assert CENTRE.longest_validity == 86_400.0
    done = await rerouting().by_hand("old", "a")
    assert done.left == {Why.UNFIT: 1}
    assert (await rerouting().by_hand("old", "b")).moved == 1


@pytest.mark.parametrize("kind", ["encrypted", "hashed"])
async def test_sealed_texts_go_as_well_and_stay_sealed(url, clock, kind):
    from smpp_esme.daemon.gateway import Gateway

    latin = Profile.named("standard").writing(transliterate=True)
    vault = Vault(kind, [bytes(32)])
    async with await Store.open(url, now=clock, vault=vault) as store:
        outlets = [
            Outlet(link="a", profile=latin, source_addr="A", is_bound=lambda: True),
            Outlet(link="b", profile=STANDARD, source_addr="B", is_bound=lambda: True),
        ]
        gateway = Gateway(store, Router(outlets), list)
        short = await gateway.submit(Order(to=TO, content=Sms("Привет")))
        long = await gateway.submit(Order(to=TO, content=Sms("Привет, мир! " * 20)))
        assert (short.text, long.text[:6]) == ("Privet", "Privet")
        done = await gateway.reroute("a", "b")
        assert (done.moved, done.left) == (2, {})
        found = await store.message(short.reference)
        assert (found.text, found.link) == ("Привет", "b")
        assert found.segments[0].short_message == "Привет".encode("utf-16-be")
        assert len((await store.message(long.reference)).segments) == 4
        rows = await store._read(
            lambda connection: connection.exec_driver_sql(
                "SELECT text, wish, sealed, short_message FROM message"
            ).fetchall()
        )
        assert all(row.sealed.startswith("~" if kind == "hashed" else vault.names[0][0]) for row in rows)
        assert not any(word in repr(rows) for word in ("Привет", "Privet", "041f"))
        back = await gateway.reroute("b", "a")
        assert back.moved == 2
        assert (await store.message(short.reference)).text == "Privet"
        plain = await store._read(
            lambda connection: connection.exec_driver_sql("SELECT wish FROM message").scalars().all()
        )
        assert not any("Привет" in words or "u041f" in words for words in plain)
