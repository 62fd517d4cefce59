from __future__ import annotations

import asyncio
import contextlib

import pytest

from smpp_esme.daemon.config import DispatchSettings, LinkSettings, Settings
from smpp_esme.daemon.orders import Order
from smpp_esme.daemon.service import Service
from smpp_esme.errors import BindRefused, InvalidValue, StoreOutage
from smpp_esme.message.status import MessageStatus as Status
from smpp_esme.simulator.smsc import Smsc
from smpp_esme.sms.envelope import Sms

TO = "+79161234567"


async def until(smsc, condition):
    async with asyncio.timeout(20):
        await smsc.until(condition)


@pytest.mark.smsc(accounts={"acme": "secret"})
@pytest.mark.parametrize(("password", "refusal"), [("wrong", "ESME_RINVPASWD"), ("", "ESME_RINVPASWD")])
async def test_a_wrong_password_ends_the_service_and_is_tried_once(start, smsc, password, refusal):
    daemon = await start(bound=False, url=f"smpp://acme@127.0.0.1:{smsc.port}", password=password)
    with pytest.raises(ExceptionGroup) as ended:
        await daemon.ended()
    assert ended.group_contains(BindRefused, match=refusal)
    assert smsc.counts.binds_refused == 1


@pytest.mark.smsc(accounts={"acme": "secret"}, receipt_delay=0.01)
async def test_a_wrong_password_of_one_link_leaves_the_others(start, smsc, store, caplog):
    wrong = {"wrong": {"password": "hunter2"}}
    daemon = await start(url=f"smpp://acme@127.0.0.1:{smsc.port}", password="secret", others=wrong)
    await smsc.until(lambda smsc: smsc.counts.binds_refused)
    await daemon.submit(TO, "hello")
    await store.until_final()
    assert daemon.service.gateway.links() == {"main": True, "wrong": False}
    [stopped] = [one for one in caplog.records if one.message == "daemon.link_stopped"]
    assert stopped.link == "wrong"
    assert "ESME_RINVPASWD" in stopped.error
    assert smsc.counts.binds_refused == 1
    await daemon.stopped()


@pytest.mark.smsc(accounts={"acme": "secret"})
async def test_when_no_link_has_a_right_password_the_service_ends(start, smsc):
    daemon = await start(
        bound=False, url=f"smpp://acme@127.0.0.1:{smsc.port}", password="wrong", others={"second": {}, "third": {}}
    )
    with pytest.raises(ExceptionGroup) as ended:
        await daemon.ended()
    assert ended.group_contains(BindRefused, match="ESME_RINVPASWD")
    assert smsc.counts.binds_refused == 3


@pytest.mark.parametrize(("options", "expected"), [({"binds": 3}, 3), ({"bind": "pair"}, 2)])
async def test_several_binds_are_one_link(start, smsc, store, options, expected):
    daemon = await start(**options)
    await smsc.until(lambda smsc: len(smsc.binds) == expected)
    for number in range(20):
        await daemon.submit(TO, f"number {number}")
    found = await store.until_final()
    assert [one.status for one in found] == [Status.DELIVERED] * 20
    assert all(smsc.count(f"number {number}") == 1 for number in range(20))


async def test_a_second_host_is_bound_where_the_first_is_away(start, smsc, store, nobody):
    port = nobody.getsockname()[1]
    daemon = await start(url=f"smpp://demo:secret@127.0.0.1:{port}", hosts=[f"127.0.0.1:{smsc.port}"])
    await daemon.submit(TO, "hello")
    await store.until_final()
    assert smsc.count("hello") == 1


async def called(smsc, port, password):
    """Says outbind as soon as the daemon listens."""
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(ConnectionRefusedError):
                await smsc.outbind("127.0.0.1", port, password=password)
                return
            await asyncio.sleep(0)


@pytest.mark.parametrize("bind", ["transceiver", "receiver"])
async def test_an_smsc_that_calls_is_bound_to(start, smsc, store, unused_tcp_port, bind):
    outbind = {"port": unused_tcp_port, "password": "theirs", "bind": bind}
    daemon = await start(bound=False, binds=0, outbind=outbind)
    await called(smsc, unused_tcp_port, password="mistaken")
    await smsc.outbind("127.0.0.1", unused_tcp_port, password="theirs")
    await until(smsc, lambda smsc: smsc.binds)
    await smsc.deliver(
        "from a subscriber", source="79161234567", destination="12345"
    )  # until it is answered, which is when it is kept
    assert [one.text for one in await store.inbox.messages()] == ["from a subscriber"]
    if bind == "transceiver":
        await daemon.submit(TO, "hello")
        await store.until_final()
    await daemon.stopped()
    assert smsc.counts.binds == 1


async def test_an_smsc_that_is_away_is_waited_for(start, store, nobody):
    port = nobody.getsockname()[1]
    daemon = await start(bound=False, url=f"smpp://demo@127.0.0.1:{port}")
    assert daemon.service.gateway.links() == {"main": False}
    await daemon.submit(TO, "hello")
    nobody.close()
    async with Smsc(port=port, receipt_delay=0.01) as smsc:
        await store.until_final()
        assert smsc.count("hello") == 1
        assert daemon.service.gateway.links() == {"main": True}
        await daemon.stopped()


async def test_what_a_former_life_left_submitting_is_in_doubt_and_not_sent(start, smsc, store, clock):
    daemon = await start(bound=False)
    await daemon.stopped()
    await daemon.submit(TO, "in the air when we died")
    (claimed,) = await store.claim(1, link="main", owner=DispatchSettings().owner, lease_until=clock())
    assert claimed.status is Status.SUBMITTING
    again = await start()
    (message,) = await store.until_all(Status.IN_DOUBT)
    await again.submit(TO, "hello")
    await store.until_all(Status.IN_DOUBT, Status.DELIVERED)
    assert message.reference == claimed.reference
    assert [one.text for one in smsc.received] == ["hello"]


class Failing:
    """A store's `recover` that fails so often before it does its work; for ever, if nothing is said."""

    def __init__(self, store, times=1_000):
        self.recover = store.recover
        self.left = times
        self.failed = asyncio.Event()
        store.recover = self

    async def __call__(self, *args, **options):
        if self.left:
            self.left -= 1
            self.failed.set()
            raise StoreOutage("database or disk is full")
        return await self.recover(*args, **options)


async def test_an_outage_in_its_first_moments_is_outlasted(start, smsc, store, caplog):
    failing = Failing(store, 1)
    daemon = await start()
    assert (failing.left, daemon.running.done()) == (0, False)
    assert [one.loop for one in caplog.records if one.message == "store.outage"] == ["recovery"]
    await daemon.stopped()


async def test_a_stop_in_such_an_outage_is_a_stop(start, smsc, store):
    failing = Failing(store)
    daemon = await start(bound=False)
    await failing.failed.wait()
    await daemon.stopped()
    assert smsc.counts.binds == 0


async def test_what_a_former_life_kept_queued_is_sent(start, smsc, store):
    daemon = await start(bound=False)
    await daemon.stopped()
    await daemon.submit(TO, "kept")
    await start()
    await store.until_final()
    assert smsc.count("kept") == 1


@pytest.mark.smsc(receipt_delay=0.0, latency=0.05)
async def test_a_stop_drains_unbinds_and_forgets_no_answer(start, smsc, store):
    daemon = await start(window=20)
    for number in range(10):
        await daemon.submit(TO, f"number {number}")
    await until(smsc, lambda smsc: smsc.counts.submits == 10)
    await daemon.stopped()
    await until(smsc, lambda smsc: not smsc.binds)
    messages = await store.messages()
    assert {one.status for one in messages} <= {Status.SUBMITTED, Status.DELIVERED}
    assert all(one.segments[0].message_id for one in messages)


async def test_a_stop_before_the_first_bind_is_a_stop(start, nobody):
    daemon = await start(bound=False, url=f"smpp://demo@127.0.0.1:{nobody.getsockname()[1]}")
    await daemon.stopped()
    assert daemon.running.done()


def wider(daemon):
    """The configuration of a daemon with another window."""
    links = {"main": daemon.service._settings.links["main"].model_copy(update={"window": 7})}
    return daemon.service._settings.model_copy(update={"links": links})


async def test_a_reload_that_comes_before_the_loops_run_waits_for_them(start):
    daemon = await start(bound=False, window=2)
    async with asyncio.timeout(20):
        assert await daemon.service.reload(wider(daemon)) == {}
    assert daemon.service._lines["main"].link.window == 7
    await daemon.stopped()


async def test_a_reload_that_comes_after_a_stop_changes_nothing(start):
    daemon = await start(window=2)
    daemon.stop.set()
    reloading = asyncio.create_task(daemon.service.reload(wider(daemon)))
    await daemon.ended()
    late = asyncio.create_task(daemon.service.reload(wider(daemon)))
    await asyncio.sleep(0)
    assert daemon.service._lines["main"].link.window == 2
    for one in (reloading, late):
        assert not one.done()
        one.cancel()


async def test_a_session_that_ends_is_replaced(start, smsc, store):
    daemon = await start()
    await daemon.submit(TO, "first")
    await store.until_final()
    await until(smsc, lambda smsc: smsc.counts.receipts_answered == 1)
    smsc.disconnect()
    await daemon.submit(TO, "second")
    messages = await store.until_final()
    assert [one.status for one in messages] == [Status.DELIVERED, Status.DELIVERED]
    assert smsc.counts.binds == 2


async def test_two_links_keep_their_messages_apart(store):
    async with Smsc(receipt_delay=0.01, seed=1) as one, Smsc("standard", receipt_delay=0.01, seed=1) as two:
        settings = Settings(
            links={
                "one": LinkSettings(url=one.url, profile="smsc-centre"),
                "two": LinkSettings(url=two.url, profile="standard"),
            }
        )
        service, stop = Service(settings, store), asyncio.Event()
        running = asyncio.create_task(service.run(stop))
        # The same seed gives the same message_ids: an id means something within one link only.
        for link in ("one", "two", None):
            await service.gateway.submit(Order(to=TO, content=Sms(f"by {link}"), link=link))
        messages = await store.until_final()
        assert [(message.link, message.status) for message in messages] == [
            ("one", Status.DELIVERED),
            ("two", Status.DELIVERED),
            ("one", Status.DELIVERED),
        ]
        assert {message.segments[0].message_id for message in messages if message.link == "two"} <= {
            message.segments[0].message_id for message in messages if message.link == "one"
        }
        assert [received.text for received in one.received] == ["by one", "by None"]
        assert [received.text for received in two.received] == ["by two"]
        stop.set()
        await running


async def test_a_transmitter_sends_and_a_receiver_reports(store):
    # One account, two sessions: what one submits, the other's deliver_sm report on.
    async with Smsc(receipt_delay=0.01) as smsc:
        links = {"main": LinkSettings(url=smsc.url, profile="smsc-centre", bind="transmitter")}
        service, stop = Service(Settings(links=links), store), asyncio.Event()
        running = asyncio.create_task(service.run(stop))
        await service.gateway.submit(Order(to=TO, content=Sms("hello")))
        await store.until_all(Status.SUBMITTED)
        assert [bind.how for bind in smsc.binds] == ["transmitter"]
        assert smsc.counts.receipts_answered == 0
        stop.set()
        await running


async def test_a_message_for_a_receiver_link_is_refused_at_the_door(start, smsc, store):
    daemon = await start(bind="receiver")
    with pytest.raises(InvalidValue, match="link"):
        await daemon.submit(TO, "hello")
    await daemon.stopped()
    assert store.claims == 0
    assert smsc.counts.submits == 0
