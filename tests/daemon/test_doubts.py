"""Doubts end by receipts that fit: over real sockets, with a simulator that loses responses."""

import asyncio
from datetime import UTC, datetime

import pytest

from smpp_esme.daemon.doubts import Doubts
from smpp_esme.message.status import MessageStatus as Status

pytestmark = pytest.mark.smsc(receipt_delay=0.2)


async def decided(store, message):
    return [event.detail["decided"] for event in await store.events(message.reference) if "decided" in event.detail]


async def test_a_receipt_ends_the_doubt_of_a_lost_response(start, smsc, store, caplog):
    caplog.set_level("INFO", logger="smpp_esme")
    smsc.script.drop_response(times=3)
    daemon = await start(response_timeout=0.1, in_doubt_receipt=True)
    for number in range(3):
        await daemon.submit(f"+7916123456{number}", f"lost {number}")
    for message in await store.until_all(Status.DELIVERED):
        assert message.duplicates == 0
        assert message.segments[0].message_id
        assert await decided(store, message) == ["receipt"]
    assert [smsc.count(f"lost {number}") for number in range(3)] == [1, 1, 1]
    assert await store.limbo() == []
    assert "doubts.ended_by_receipts" in caplog.messages


async def test_two_to_one_number_stay_in_doubt(start, smsc, store):
    smsc.script.drop_response(times=2)
    daemon = await start(response_timeout=0.1, in_doubt_receipt=True)
    for number in range(2):
        await daemon.submit("+79161234567", f"lost {number}")
    await store.until_all(Status.IN_DOUBT)
    async with asyncio.timeout(20), store._written:
        while len(await store.limbo()) < 2:
            await store._written.wait()
    await Doubts(store, ["main"], attempt=60).round(datetime.now(UTC))
    assert {one.status for one in await store.messages()} == {Status.IN_DOUBT}
    assert len(await store.limbo()) == 2


async def test_a_link_that_does_not_believe_receipts_keeps_its_doubts(start, smsc, store):
    smsc.script.drop_response(times=1)
    daemon = await start(response_timeout=0.1)
    await daemon.submit("+79161234567", "lost")
    await store.until_all(Status.IN_DOUBT)
    await daemon.submit("+79161234568", "after it")
    await store.until_all(Status.IN_DOUBT, Status.DELIVERED)
    assert daemon.service._doubts._links == set()
