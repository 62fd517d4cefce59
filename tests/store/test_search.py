"""Messages are found by what is known of them, page by page, at a bounded cost."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme.errors import UnknownReference
from smpp_esme.message.message import Message, Segment
from smpp_esme.message.status import MessageStatus
from smpp_esme.message.wanted import Wanted
from smpp_esme.store import search

S = MessageStatus


@pytest.fixture
async def kept(store, new, clock):
    """Twelve messages, one a minute, on two links by turns; every third is for one subscriber."""
    messages = []
    for number in range(12):
        destination = "79161234567" if number % 3 == 0 else f"7999000{number:04}"
        link = ("main", "other")[number % 2]
        fields = {"destination_addr": destination, "link": link, "client_reference": f"order {number}"}
        messages += await store.add([new(created_at=clock.pass_(minutes=1), **fields)])
    return messages


async def pages(store, limit=100, **wanted):
    """The references on each page."""
    found, after = [], None
    while True:
        page, after = await store.search(Wanted(**wanted), after=after, limit=limit)
        found.append([each.client_reference for each in page])
        if after is None:
            return found


def numbered(*numbers):
    return [f"order {number}" for number in numbers]


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        ({}, range(12)),
        ({"link": "other"}, range(1, 12, 2)),
        ({"link": "nowhere"}, ()),
        ({"destination_addr": "+79161234567"}, range(0, 12, 3)),
        ({"destination_addr": "0079161234567", "link": "main"}, (0, 6)),
        ({"destination_addr": "ACME"}, ()),
        ({"client_reference": "order 5"}, (5,)),
        ({"client_reference": "order 5", "link": "main"}, ()),
        ({"client_reference": "order"}, ()),
        ({"status": S.QUEUED, "link": "main"}, range(0, 12, 2)),
        ({"status": S.FAILED}, ()),
        ({"link": "\0", "client_reference": "\0", "destination_addr": "\0"}, ()),
    ],
)
@pytest.mark.parametrize("limit", [1, 5, 100])
async def test_what_is_looked_for_is_found_in_order(store, kept, wanted, numbers, limit):
    found = await pages(store, limit, **wanted)
    assert [each for page in found for each in page] == numbered(*numbers)
    assert all(len(page) <= limit for page in found)


@pytest.mark.parametrize("span", [1, 3, 50_000])
async def test_a_span_of_time_ends_before_until(store, kept, monkeypatch, span):
    monkeypatch.setattr(search, "SPAN", span)
    since, until = kept[3].created_at, kept[7].created_at
    found = await pages(store, since=since, until=until)
    assert [each for page in found for each in page] == numbered(3, 4, 5, 6)
    assert [each for page in await pages(store, since=until) for each in page] == numbered(*range(7, 12))


async def test_no_page_looks_at_more_than_so_many(store, kept, monkeypatch):
    monkeypatch.setattr(search, "SPAN", 4)
    assert await pages(store, destination_addr="79161234567", link="main") == [
        numbered(0), numbered(6), [], []
    ]  # fmt: skip


async def test_an_unknown_after_is_said_to_be_one(store, kept):
    with pytest.raises(UnknownReference):
        await store.search(Wanted(), after="nobody")


@pytest.mark.parametrize("at", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
async def test_no_time_is_too_long_ago_or_too_far_ahead(store, kept, at):
    assert sum(map(len, await pages(store, since=at))) == (12 if at.year == 1 else 0)
    assert sum(map(len, await pages(store, until=at))) == (0 if at.year == 1 else 12)


@given(st.text(max_size=12))
def test_a_subscriber_is_a_number_or_a_name(written):
    assert written in Wanted(destination_addr=written).numbers() or written.lstrip("+0").isdigit()


def test_a_filter_reads_a_message_as_the_database_does():
    now = datetime(2026, 1, 1, tzinfo=UTC)
    message = Message(
        reference="A", destination_addr="79161234567", text="", link="main", created_at=now,
        segments=[Segment(number=1, short_message=b"")],
    )  # fmt: skip
    assert Wanted(since=now, until=now + timedelta(seconds=1), destination_addr="+79161234567").includes(message)
    assert not Wanted(until=now).includes(message)
    assert not Wanted(status=S.FAILED).includes(message)


async def test_a_client_reference_names_one_message_of_each_caller(store, new):
    kept = [(await store.add([new(caller=caller, client_reference="order")]))[0] for caller in ("", "shop", "bank")]
    wanted = Wanted(client_reference="order")
    found, after = await store.search(wanted, limit=2)
    assert [each.reference for each in found] == [each.reference for each in kept[:2]]
    found, after = await store.search(wanted, after=after, limit=2)
    assert ([each.reference for each in found], after) == ([kept[2].reference], None)
