"""The API against its own OpenAPI description: schemathesis makes requests from it, right ones and wrong ones."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from smpp_esme.daemon.gateway import Gateway
from smpp_esme.daemon.routing import Outlet, Router
from smpp_esme.sms.profile import Profile
from smpp_esme.store import Store
from smpp_esme.web.app import create_app
from smpp_esme.web.server import listen, serve

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
REQUESTS = 30
BODY_LIMIT = 65_536


@pytest.fixture(scope="module")
def url(tmp_path_factory) -> Iterator[str]:
    """The application behind uvicorn, in a thread: schemathesis asks it as any client would."""
    listener = listen("127.0.0.1", 0)
    path = tmp_path_factory.mktemp("contract") / "messages.sqlite3"
    running: dict[str, asyncio.Task[None]] = {}
    begun = threading.Event()

    async def run() -> None:
        async with await Store.open(f"sqlite:///{path}", synchronous="NORMAL") as store:
            outlet = Outlet(
                link="main", profile=Profile.named("smsc-centre"), source_addr="DEMO", is_bound=lambda: True
            )
            app = create_app(Gateway(store, Router([outlet]), lambda: None), body_limit=BODY_LIMIT)
            running["serving"] = asyncio.create_task(serve(app, listener))
            begun.set()
            await asyncio.wait([running["serving"]])

    thread = threading.Thread(target=asyncio.run, args=[run()])
    thread.start()
    assert begun.wait(30)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    running["serving"].get_loop().call_soon_threadsafe(running["serving"].cancel)
    thread.join(30)
    assert not thread.is_alive()


# The description needs no gateway behind it.
SCHEMA = schemathesis.openapi.from_dict(create_app(None, body_limit=BODY_LIMIT).openapi())
OPERATIONS = [found.ok() for found in SCHEMA.get_all_operations()]


def cases():
    """Right requests to every operation, and wrong ones where there is anything to get wrong."""
    for operation in OPERATIONS:
        yield pytest.param(operation, GenerationMode.POSITIVE, id=f"{operation.label}, right")
        if operation.body or operation.query or operation.path_parameters:
            yield pytest.param(operation, GenerationMode.NEGATIVE, id=f"{operation.label}, wrong")


# The server runs in a thread beside, and whoever uses `random` there is taken for a strategy.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module")
@pytest.mark.parametrize(("operation", "mode"), list(cases()))
def test_the_api_answers_as_its_description_says(operation, mode, url):
    @settings(max_examples=REQUESTS, deadline=None, suppress_health_check=list(HealthCheck))
    @given(operation.as_strategy(generation_mode=mode))
    def answers_so(case):
        answers.append(case.call_and_validate(base_url=url, checks=CHECKS).status_code)

    answers = []
    answers_so()
    assert answers
    assert max(answers) < 500
