"""When a message goes out at the earliest, and when nobody tries any more: over real sockets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from smpp_esme.daemon.gateway import Gateway
from smpp_esme.daemon.orders import Order
from smpp_esme.daemon.routing import Outlet, Router
from smpp_esme.errors import InvalidValue
from smpp_esme.message.status import MessageStatus as Status
from smpp_esme.sms.envelope import Sms
from smpp_esme.sms.profile import Profile
from smpp_esme.sms.times import moment_of

TO = "+79161234567"


async def test_a_scheduled_message_waits_for_its_time(start, smsc, store, clock):
    daemon = await start()
    at = datetime.now(UTC) + timedelta(hours=1)
    later = await daemon.submit(TO, "later", schedule_delivery_time=at)
    await daemon.submit("+79161234568", "now")
    await store.until(lambda found: found[1].status is Status.DELIVERED)
    assert (await store.message(later.reference)).status is Status.QUEUED
    clock.pass_(hours=1)
    daemon.wake()
    await store.until_final()
    assert [smsc.count("now"), smsc.count("later")] == [1, 1]


async def test_the_smsc_is_told_what_is_left_of_the_validity(start, smsc, store):
    daemon = await start()
    await daemon.submit(TO, "hello", validity_period=3600.0)
    await daemon.submit("+79161234568", "for ever")
    await store.until_final()
    first, second = sorted(smsc.submit_sms, key=lambda one: one.destination_addr)
    now = datetime.now(UTC)
    left = (moment_of(first.validity_period, now) - now).total_seconds()
    assert 3000 < left <= 3600
    assert second.validity_period == ""


async def test_what_was_not_submitted_in_time_never_is(start, smsc, store, clock, nobody):
    daemon = await start(bound=False, url=f"smpp://x@127.0.0.1:{nobody.getsockname()[1]}")
    message = await daemon.submit(TO, "never", validity_period=60.0)
    await daemon.service._upkeep.round(message.expires_at - timedelta(seconds=1))
    assert (await store.message(message.reference)).status is Status.QUEUED
    await daemon.service._upkeep.round(message.expires_at)
    found = await store.message(message.reference)
    assert (found.status, found.error) == (Status.FAILED, "EXPIRED")
    assert found.error_meaning
    assert (await store.events(message.reference))[-1].detail["error"] == "EXPIRED"
    await daemon.stopped()
    second = await start()
    await second.submit("+79161234568", "hello")
    await store.until_final()
    assert [smsc.count("never"), smsc.count("hello")] == [0, 1]


async def test_what_expires_between_claim_and_submit_is_not_sent(start, smsc, store):
    daemon = await start(bound=False)
    await daemon.stopped()
    message = await daemon.submit(TO, "never", validity_period=1.0)

    def expire(connection):
        connection.exec_driver_sql("UPDATE message SET expires_at = created_at")

    await store._write(expire)
    daemon = await start()
    await store.until_final()
    assert (await store.message(message.reference)).error == "EXPIRED"
    assert smsc.count("never") == 0


@pytest.fixture
def gateway(store):
    outlet = Outlet(link="main", profile=Profile.named("smsc-centre"), source_addr="DEMO", is_bound=lambda: True)
    return Gateway(store, Router([outlet]), lambda: None)


@pytest.mark.parametrize(
    ("times", "field"),
    [
        ({"validity_period": 0.5}, "validity_period"),
        ({"validity_period": 86_401.0}, "validity_period"),  # the provider takes a day at most
        ({"validity_period": float("nan")}, "validity_period"),
        ({"schedule_delivery_time": datetime(2100, 1, 1, tzinfo=UTC)}, "schedule_delivery_time"),
        ({"schedule_delivery_time": datetime(2026, 1, 1)}, "schedule_delivery_time"),  # noqa: DTZ001 - of no zone
    ],
)
async def test_a_time_that_cannot_be_kept_is_named(gateway, times, field):
    with pytest.raises(InvalidValue) as error:
        await gateway.submit(Order(to=TO, content=Sms("hello"), **times))
    assert error.value.field == field
    assert await gateway.messages() == []


async def test_the_validity_begins_when_delivering_does(gateway):
    at = datetime.now(UTC) + timedelta(days=30)
    order = Order(to=TO, content=Sms("hello"), schedule_delivery_time=at, validity_period=60.0)
    message = await gateway.submit(order)
    assert (message.next_attempt_at, message.expires_at) == (at, at + timedelta(seconds=60))
    past = Order(to=TO, content=Sms("hello"), schedule_delivery_time=datetime(2026, 1, 1, tzinfo=UTC))
    message = await gateway.submit(past)
    assert message.next_attempt_at == message.created_at
