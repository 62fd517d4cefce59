"""Messages from subscribers: written down before they are answered, whole whatever happens in between."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from smpp_esme.daemon.receive import Receive
from smpp_esme.errors import StoreOutage, StoreUnusable
from smpp_esme.protocol.commands import CommandStatus
from smpp_esme.protocol.pdus import DataSm, DeliverSm
from smpp_esme.protocol.tlvs import TLVS, Tag
from smpp_esme.sms.profile import Profile

OK, AGAIN = CommandStatus.ESME_ROK, CommandStatus.ESME_RX_T_APPN
PROFILE = Profile.named("smsc-centre")
LONG = "Привет, это длинное сообщение. " * 8
FROM = {"source": "79160000001", "destination": "1234"}


def part(sequence, text, *, total=2):
    header = bytes((5, 0, 3, 7, total, sequence))
    return DeliverSm(source_addr="79160000001", esm_class=0x40, short_message=header + text)


def receive(store, **options):
    return Receive(store, "main", PROFILE, **options)


async def take(receiver, *requests):
    await receiver.take(requests, datetime.now(UTC))


async def texts(store):
    return [(one.text, one.missing) for one in await store.inbox.messages()]


@pytest.mark.parametrize("carriage", ["udh8", "udh16", "sar", "payload", "data_sm"])
async def test_a_long_text_is_kept_whole_and_every_segment_taken(start, smsc, store, taken, carriage):
    await start()
    await smsc.deliver(LONG, **FROM, carriage=carriage)
    (message,) = await store.inbox.messages()
    assert (message.text, message.missing, message.link) == (LONG, (), "main")
    assert (message.source_addr, message.destination_addr) == ("79160000001", "1234")
    assert set(taken) == {OK}
    assert await store.inbox.waiting("main") == []


async def test_a_segment_is_on_disk_before_it_is_taken(start, smsc, store, taken, monkeypatch):
    await start()
    keep, seen = store.inbox.keep, []

    async def kept(messages, **options):
        for _ in range(50):
            await asyncio.sleep(0)
        await keep(messages, **options)
        if messages:
            seen.append(([one.text for one in await store.inbox.messages()], list(taken)))

    monkeypatch.setattr(store.inbox, "keep", kept)
    await smsc.deliver("Yes", **FROM)
    assert (seen, taken) == ([(["Yes"], [])], [OK])


async def test_what_could_not_be_written_is_left_with_the_smsc_and_the_daemon_stops_loudly(
    start, smsc, store, taken, monkeypatch
):
    daemon = await start()

    async def fail(*_args, **_options):
        raise StoreUnusable("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(store.inbox, "keep", fail)
        delivering = asyncio.create_task(smsc.deliver("Yes", **FROM))
        with pytest.raises(ExceptionGroup) as ended:
            await daemon.ended()
    assert ended.group_contains(StoreUnusable, match="the disk is full")
    async with asyncio.timeout(20):
        await smsc.until(lambda smsc: not smsc.binds)
    assert taken == [AGAIN]
    await start()
    await delivering
    assert await texts(store) == [("Yes", ())]
    assert taken == [AGAIN, OK]


async def test_a_text_is_whole_though_the_store_was_out_when_its_last_segment_came(
    start, smsc, store, taken, monkeypatch
):
    await start()
    keep, outages = store.inbox.keep, [StoreOutage("database or disk is full")]

    async def kept(messages, **options):
        if messages and outages:
            raise outages.pop()
        await keep(messages, **options)

    monkeypatch.setattr(store.inbox, "keep", kept)
    await smsc.deliver(LONG, **FROM)
    assert await texts(store) == [(LONG, ())]
    assert AGAIN in taken


async def test_segments_that_came_before_a_restart_are_there_after_it(store):
    await take(receive(store), part(2, b"world"))
    assert await texts(store) == []
    reborn = receive(store)
    await reborn.restore()
    await take(reborn, part(1, b"hello "))
    assert await texts(store) == [("hello world", ())]
    assert await store.inbox.waiting("main") == []


async def test_a_data_sm_waits_through_a_restart_as_well(store):
    def segment(sequence, text):
        tlvs = (
            TLVS.tlv(Tag.SAR_MSG_REF_NUM, 1),
            TLVS.tlv(Tag.SAR_TOTAL_SEGMENTS, 2),
            TLVS.tlv(Tag.SAR_SEGMENT_SEQNUM, sequence),
            TLVS.tlv(Tag.MESSAGE_PAYLOAD, text),
        )
        return DataSm(source_addr="79160000001", tlvs=tlvs)

    await take(receive(store), segment(1, b"hello "))
    reborn = receive(store)
    await reborn.restore()
    await take(reborn, segment(2, b"world"))
    assert await texts(store) == [("hello world", ())]


async def test_a_segment_that_comes_twice_is_kept_once(store):
    receiver = receive(store)
    await take(receiver, part(1, b"a"), part(1, b"a"))
    assert len(await store.inbox.waiting("main")) == 1
    await take(receiver, part(2, b"b"), part(2, b"b"))
    await take(receiver, part(1, b"a"))
    assert await texts(store) == [("ab", ())]
    assert await store.inbox.waiting("main") == []


async def test_a_reference_used_again_leaves_the_new_segment_waiting(store):
    receiver = receive(store)
    await take(receiver, part(1, b"old"))
    await take(receiver, part(1, b"new"))
    assert await texts(store) == [("old", (2,))]
    assert len(await store.inbox.waiting("main")) == 1
    reborn = receive(store)
    await reborn.restore()
    await take(reborn, part(2, b"er"))
    assert await texts(store) == [("old", (2,)), ("newer", ())]


async def test_a_message_whose_segments_do_not_come_is_kept_as_it_is(store):
    receiver = receive(store, deadline=60.0)
    await take(receiver, part(2, b"world"))
    now = asyncio.get_running_loop().time()
    await receiver.expire(now + 50)
    assert await texts(store) == []
    await receiver.expire(now + 70)
    assert await texts(store) == [("world", (1,))]
    assert await store.inbox.waiting("main") == []


async def test_what_a_message_brings_beside_its_text_is_kept(store):
    tlv = TLVS.tlv(Tag.USER_MESSAGE_REFERENCE, 0)
    ports = bytes((6, 5, 4, 0x0B, 0x84, 0, 0))
    binary = DeliverSm(
        source_addr="79160000001",
        esm_class=0x40,
        data_coding=4,
        protocol_id=0x7F,
        short_message=ports + b"\x01\x02",
        tlvs=(tlv,),
    )
    await Receive(store, "main", Profile.named("standard")).take([binary], datetime.now(UTC))
    (message,) = await store.inbox.messages()
    assert (message.text, message.octets, message.coding) == ("", b"\x01\x02", "binary")
    assert message.detail == {
        "protocol_id": 0x7F,
        "ports": {"destination": 2948, "source": 0},
        "user_message_reference": 0,
        "elements": [{"identifier": 5, "octets": "0b840000"}],
        "tlvs": [{"tag": 0x0204, "octets": "0000"}],
    }
