"""Messages from subscribers, on both databases."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from smpp_esme.errors import UnknownReference
from smpp_esme.message.message import new_reference
from smpp_esme.message.received import HeldSegment, Received, SegmentKey
from smpp_esme.store import Store

KEY = SegmentKey("main", "79160000001", "1234", "udh8", 7, 2)


@pytest.fixture
def came(clock):
    def message(number=0, **fields):
        values = {
            "reference": new_reference(1_767_225_600_000_000_000, number),
            "link": "main",
            "source_addr": "79160000001",
            "destination_addr": "1234",
            "text": "Да",
            "coding": "ucs2",
            "data_coding": 8,
            "received_at": clock.now,
        }
        return Received(**(values | fields))

    return message


def kept(message):
    return replace(message, id=0)


async def test_a_message_comes_back_as_it_was_kept(store, came):
    full = came(
        1,
        source_addr_ton=1,
        source_addr_npi=1,
        dest_addr_ton=3,
        dest_addr_npi=8,
        text="",
        octets=b"\x00\xff",
        esm_class=0x40,
        segments=3,
        missing=(1, 3),
        detail={"ports": {"destination": 2948, "source": 0}},
    )
    await store.inbox.keep([came(0), full])
    assert [kept(one) for one in await store.inbox.messages()] == [came(0), full]
    assert kept(await store.inbox.message(full.reference)) == full


async def test_what_no_database_can_keep_is_replaced(store, came):
    await store.inbox.keep([came(text="a\0b\ud83d", source_addr="7\0")])
    (found,) = await store.inbox.messages()
    assert (found.text, found.source_addr) == ("a\ufffdb\ufffd", "7\ufffd")


async def test_messages_are_paged_in_the_order_in_which_they_came(store, came):
    await store.inbox.keep([came(number) for number in range(5)])
    first = await store.inbox.messages(limit=2)
    rest = await store.inbox.messages(after=first[-1].reference)
    assert [one.reference for one in first + rest] == [came(number).reference for number in range(5)]


async def test_an_unknown_reference_is_told(store, came):
    with pytest.raises(UnknownReference):
        await store.inbox.message("nobody")
    with pytest.raises(UnknownReference):
        await store.inbox.messages(after="nobody")


async def test_segments_wait_until_their_message_is_cleared(store, came, clock):
    other = replace(KEY, reference=8)
    segments = [HeldSegment(KEY, b"\x00one", clock.now), HeldSegment(other, b"two", clock.now)]
    await store.inbox.keep([], held=segments)
    assert await store.inbox.waiting("main") == segments
    assert await store.inbox.waiting("another") == []
    await store.inbox.keep([came()], cleared=[KEY])
    assert await store.inbox.waiting("main") == segments[1:]


async def test_a_key_used_again_waits_with_the_new_segment_alone(store, came, clock):
    old, new = HeldSegment(KEY, b"old", clock.now), HeldSegment(KEY, b"new", clock.now)
    await store.inbox.keep([], held=[old])
    await store.inbox.keep([came()], held=[new], cleared=[KEY])
    assert await store.inbox.waiting("main") == [new]


async def test_more_segments_than_a_page_holds_all_come_back(store, clock):
    segments = [HeldSegment(replace(KEY, reference=number), b"x", clock.now) for number in range(2500)]
    await store.inbox.keep([], held=segments)
    assert await store.inbox.waiting("main") == segments


async def test_neither_message_nor_segment_shows_text_or_number(came, clock):
    shown = repr(came()) + repr(HeldSegment(KEY, b"secret", clock.now)) + repr(KEY)
    assert "79160000001" not in shown
    assert "1234" not in shown
    assert "Да" not in shown
    assert "secret" not in shown


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_what_waits_is_there_after_a_restart(url, clock):
    segment = HeldSegment(KEY, b"one", clock.now)
    async with await Store.open(url, now=clock) as store:
        await store.inbox.keep([], held=[segment])
    async with await Store.open(url, now=clock) as store:
        assert await store.inbox.waiting("main") == [segment]


async def test_what_is_kept_again_after_a_commit_that_nobody_knows_of_is_there_once(store, came):
    message, held = came(1), HeldSegment(KEY, b"pdu", came().received_at)
    for _ in range(2):
        await store.inbox.keep([message], held=[held])
    assert [kept(one) for one in await store.inbox.messages()] == [message]
    page = await store.feed.page(0)
    assert [one.type for one in page.events] == ["message.received"]
