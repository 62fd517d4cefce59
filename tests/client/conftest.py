"""A bound ESME, and an SMSC whose answers are the test's own."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

import smpp_esme
from smpp_esme.errors import SessionClosed
from smpp_esme.protocol.pdus import BindTransceiver, BindTransceiverResp, SubmitSmResp
from smpp_esme.protocol.state import Role
from smpp_esme.session.plan import Backoff
from smpp_esme.session.session import Session


@pytest.fixture
async def esme(smsc):
    async with smpp_esme.connect(smsc.url, profile=smsc.profile) as bound:
        yield bound


@pytest.fixture
def quick():
    """Binds again at once."""
    return {"backoff": Backoff(first=0.001, most=0.01)}


class Own:
    """An SMSC that binds whoever comes and hands every other request to the test."""

    def __init__(self, answer):
        self.answer = answer
        self.answers = []
        self.session = None

    async def serve(self, session):
        self.session = session
        with contextlib.suppress(SessionClosed):
            while True:
                for request in await session.requests():
                    if isinstance(request, BindTransceiver):
                        session.respond(request, BindTransceiverResp())
                    else:
                        self.answer(self, request)

    def respond(self, request, **parameters):
        self.session.respond(request, SubmitSmResp(**parameters))

    def deliver(self, pdu):
        self.session.start(pdu, self)

    def answered(self, response):
        self.answers.append(response)

    def unanswered(self, error):
        self.answers.append(error)


@pytest.fixture
async def connected():
    """Connects to an SMSC that answers so: `esme, own = await connected(answer)`."""
    loop = asyncio.get_running_loop()
    async with contextlib.AsyncExitStack() as stack:

        async def connect(answer, **options):
            own, tasks = Own(answer), []
            server = await loop.create_server(
                lambda: Session(Role.SMSC, on_open=lambda session: tasks.append(loop.create_task(own.serve(session)))),
                "127.0.0.1",
                0,
            )
            stack.push_async_callback(lambda: asyncio.gather(*tasks))
            stack.callback(server.close)
            url = f"smpp://acme:secret@127.0.0.1:{server.sockets[0].getsockname()[1]}"
            return await stack.enter_async_context(smpp_esme.connect(url, **options)), own

        yield connect
