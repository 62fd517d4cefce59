"""An ESME for the simulator's tests: our own session over a real socket, and nothing more."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from smpp_esme.protocol.pdus import RESPONSES, SubmitSm
from smpp_esme.session.endpoint import parse_url
from smpp_esme.session.session import Session
from smpp_esme.sms.segments import segment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from smpp_esme.protocol.pdus import DeliverSm, Pdu
    from smpp_esme.simulator.smsc import Smsc
    from smpp_esme.sms.profile import Profile

PATIENCE = 10.0


class Esme:
    """A bound session that submits, and takes what is delivered."""

    def __init__(self, session: Session) -> None:
        self.session = session

    async def submit(self, text: bytes, to: str = "79161234567", **parameters: Any) -> Pdu:
        """The response to one submit_sm, which asks for a receipt."""
        asked = {"source_addr": "ACME", "registered_delivery": 1} | parameters
        return await self.request(SubmitSm(destination_addr=to, short_message=text, **asked))

    async def request(self, pdu: Pdu) -> Pdu:
        async with asyncio.timeout(PATIENCE):
            return await self.session.request(pdu)

    async def submit_text(self, text: str, profile: Profile, to: str = "79161234567", reference: int = 7) -> list[Pdu]:
        """The responses to a text's segments."""
        return [
            await self.submit(one.short_message, to, esm_class=one.esm_class, data_coding=one.data_coding)
            for one in segment(text, profile, reference=reference).segments
        ]

    async def take(self, count: int = 1, *, status: int = 0) -> list[DeliverSm]:
        """So many deliveries, each answered with this status."""
        taken: list[DeliverSm] = []
        async with asyncio.timeout(PATIENCE):
            while len(taken) < count:
                for request in await self.session.requests():
                    self.session.respond(request, RESPONSES[request.command_id](command_status=status))
                    taken.append(request)
        return taken


@pytest.fixture
async def bind() -> AsyncIterator[Callable[..., Awaitable[Esme]]]:
    """Binds to a simulator: `await bind(smsc)`, `await bind(smsc, how="receiver", system_type="ISO")`."""
    sessions: list[Session] = []

    async def bound(smsc: Smsc, how: str = "transceiver", system_type: str = "", **account: str) -> Esme:
        from msgspec.structs import replace

        endpoint = replace(parse_url(smsc.url), system_type=system_type, **account)
        sessions.append(session := await Session.connect(endpoint))
        await session.bind(endpoint.bind_request(how))
        return Esme(session)

    yield bound
    for session in sessions:
        session.abort("the test is over")
        await session.wait_closed()
