"""The application over a gateway and a store on disk; asked in process, unless a test wants a socket."""

from __future__ import annotations

import secrets
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from smpp_esme.daemon.gateway import Gateway
from smpp_esme.daemon.routing import Outlet, Router
from smpp_esme.message.message import Message, Segment, new_reference
from smpp_esme.sms.profile import Profile
from smpp_esme.store import Store
from smpp_esme.web.app import create_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from fastapi import FastAPI

BODY_LIMIT = 65_536


@pytest.fixture
def path(tmp_path: Path, sqlite_template: Path) -> Path:
    return Path(shutil.copy(sqlite_template, tmp_path))


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    async with await Store.open(f"sqlite:///{path}", synchronous="NORMAL") as opened:
        yield opened


@pytest.fixture
def bound() -> dict[str, bool]:
    """Which links are bound, for a test to change."""
    return {"main": True, "plain": False}


@pytest.fixture
def gateway(store: Store, bound: dict[str, bool]) -> Gateway:
    outlets = [
        Outlet(
            link="main",
            profile=Profile.named("smsc-centre"),
            source_addr="DEMO",
            is_bound=lambda: bound["main"],
        ),
        Outlet(link="plain", profile=Profile.named("standard"), source_addr="", is_bound=lambda: bound["plain"]),
    ]
    return Gateway(store, Router(outlets), lambda: None)


@pytest.fixture
def app(gateway: Gateway) -> FastAPI:
    return create_app(gateway, body_limit=BODY_LIMIT)


class Client(httpx2.AsyncClient):
    """A client whose answers are checked for what holds of each: JSON, and a problem where it is an error."""

    async def request(self, *args: Any, **options: Any) -> httpx2.Response:
        answer = await super().request(*args, **options)
        assert answer.status_code < 500 or answer.status_code == 503, answer.text
        if answer.status_code >= 400 and answer.url.path != "/readyz":  # whose 503 is an answer as good as 200
            assert answer.headers["content-type"] == "application/problem+json"
            problem = answer.json()
            assert problem["status"] == answer.status_code
            assert problem["type"] == "about:blank"
            assert problem["title"]
            assert problem["detail"]
            assert len(answer.content) < 2000
        else:
            assert answer.headers["content-type"] == "application/json"
        return answer


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[Client]:
    # An exception that nobody expected is raised here, into the test.
    transport = httpx2.ASGITransport(app, raise_app_exceptions=True)
    async with Client(transport=transport, base_url="http://daemon") as opened:
        yield opened


@pytest.fixture
def new_on() -> Callable[[str], Message]:
    """Makes a message for a link that need not be there."""

    def made(link: str) -> Message:
        return Message(
            reference=new_reference(time.time_ns(), secrets.randbits(80)),
            destination_addr="79161234567",
            text="hello",
            link=link,
            created_at=datetime.now(UTC),
            segments=[Segment(number=1, short_message=b"hello")],
        )

    return made
