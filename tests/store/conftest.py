"""What the store's tests share: a clock that is set by hand, and stores on real files."""

from __future__ import annotations

import itertools
import shutil
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from smpp_esme.message.message import Message, ReceiptFact, Segment, new_reference
from smpp_esme.message.status import MessageStatus
from smpp_esme.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

START = datetime(2026, 1, 1, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **duration: float) -> datetime:
        self.now += timedelta(**duration)
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "messages.sqlite3"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """Names an empty database, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{request.getfixturevalue('path')}"
    return request.getfixturevalue("postgres_url")


@pytest.fixture
def made(request: pytest.FixtureRequest, url: str) -> str:
    """Names a database with our tables in it: a copy, where a new one would be the same."""
    if url.startswith("sqlite"):
        shutil.copy(request.getfixturevalue("sqlite_template"), request.getfixturevalue("path"))
    return url


@pytest.fixture
async def store(made: str, clock: Clock) -> AsyncIterator[Store]:
    async with await Store.open(made, now=clock) as opened:
        yield opened


@pytest.fixture
def new(clock: Clock) -> Callable[..., Message]:
    """Makes a message that is not kept yet; `parts` is how many segments it has."""
    numbers = itertools.count()

    def message(*, parts: int = 1, **fields: Any) -> Message:
        number = next(numbers)
        values = {
            "reference": new_reference(1_767_225_600_000_000_000, number),
            "source_addr": "ACME",
            "destination_addr": f"7999{number:07}",
            "text": "Привет, € and 😀",
            "link": "main",
            "created_at": clock.now,
            "segments": [Segment(number=each, short_message=bytes(range(each))) for each in range(1, parts + 1)],
        }
        return Message(**(values | fields))

    return message


@pytest.fixture
def receipt(clock: Clock) -> Callable[..., ReceiptFact]:
    """Makes a receipt that is delivered for the given message_id."""

    def fact(message_id: str, status: MessageStatus = MessageStatus.DELIVERED, **fields: Any) -> ReceiptFact:
        values = {
            "link": "main",
            "message_id": message_id,
            "message_status": status,
            "source_addr": "79990000000",
            "destination_addr": "ACME",
            "raw": f"id:{message_id} stat:{status}".encode("utf-8", "replace"),
            "received_at": clock.now,
        }
        return ReceiptFact(**(values | fields))

    return fact


@pytest.fixture
def claim(store: Store, clock: Clock) -> Callable[..., Any]:
    """Claims for the owner "daemon", for a minute."""

    async def claimed(limit: int = 100, *, link: str = "main", owner: str = "daemon") -> list[Message]:
        until = clock.now + timedelta(minutes=1)
        return await store.claim(limit, link=link, owner=owner, lease_until=until)

    return claimed
