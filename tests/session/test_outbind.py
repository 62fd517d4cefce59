from __future__ import annotations

import asyncio

import pytest

from smpp_esme.errors import ConnectFailed, SessionClosed
from smpp_esme.protocol.pdus import DeliverSmResp, EnquireLink, Outbind
from smpp_esme.protocol.state import Role
from smpp_esme.protocol.timers import Timers
from smpp_esme.session import events
from smpp_esme.session.endpoint import Endpoint
from smpp_esme.session.link import Link
from smpp_esme.session.outbind import LIMIT
from smpp_esme.session.plan import Plan, Waiting
from smpp_esme.session.session import Session

PATIENCE = 10.0


@pytest.fixture
def link(unused_tcp_port):
    """A link that waits to be called, and calls nobody."""
    waiting = Waiting(port=unused_tcp_port, system_id="smsc-simulator", password="hunter2")
    endpoint = Endpoint(host="nowhere.invalid", port=1, system_id="demo", password="secret")
    return Link("main", Plan(endpoints=(endpoint,), binds=0, outbind=waiting, timers=Timers(session_init=0.5)))


async def listening(link):
    """The running link, once its port can be called."""
    task, called = asyncio.ensure_future(link.run()), None
    while called is None:
        try:
            _, called = await asyncio.open_connection("127.0.0.1", link.plan.outbind.port)
        except OSError:
            await asyncio.sleep(0)
    called.close()
    return task


async def until(watch, kind, said=""):
    async with asyncio.timeout(PATIENCE):
        async for event in watch:
            if isinstance(event, kind) and said in str(event):
                return event
    raise AssertionError(f"the link ended without {kind.__name__}")


async def call(link, *pdus):
    """Whoever connects and says this."""
    loop = asyncio.get_running_loop()
    _, session = await loop.create_connection(lambda: Session(Role.SMSC), "127.0.0.1", link.plan.outbind.port)
    for pdu in pdus:
        session.send(pdu)
    return session


async def test_an_smsc_that_calls_is_bound_and_delivers(link, smsc):
    watch = link.events()
    task = await listening(link)
    await smsc.outbind("127.0.0.1", link.plan.outbind.port, password="hunter2")
    assert (await until(watch, events.Bound)).bind == "outbind"
    assert [bind.how for bind in smsc.binds] == ["receiver"]
    delivering = asyncio.ensure_future(smsc.deliver("hello", source="79161234567", destination="1234"))
    async with asyncio.timeout(PATIENCE):
        session, [request] = await link.requests()
        assert request.short_message == b"hello"
        session.respond(request, DeliverSmResp())
        await delivering
        await link.drain()
        await task
    assert session.closed.orderly


@pytest.mark.parametrize(
    "said", [Outbind(system_id="smsc-simulator", password="guess"), Outbind(system_id="somebody", password="hunter2")]
)
async def test_a_stranger_is_never_sent_our_account(link, said):
    watch = link.events()
    task = await listening(link)
    stranger = await call(link, said)
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(SessionClosed):
            await stranger.requests()
        assert await until(watch, events.Unreachable, said="not the SMSC that is waited for")
    assert not link.is_bound
    await link.drain()
    await task


async def test_who_calls_and_says_nothing_is_left_in_time(link):
    task = await listening(link)
    silent = await call(link)
    async with asyncio.timeout(PATIENCE):
        assert (await silent.request(EnquireLink())).command_status == 0
        await silent.wait_closed()
    assert not link.is_bound
    await link.drain()
    await task


async def test_only_so_many_may_call_at_a_time(link):
    task = await listening(link)
    async with asyncio.timeout(PATIENCE):
        callers = [await call(link) for _ in range(LIMIT + 5)]
        done, _ = await asyncio.wait(
            [asyncio.ensure_future(one.wait_closed()) for one in callers], return_when=asyncio.FIRST_COMPLETED
        )
        assert done
        await link.drain()
        await asyncio.gather(*(one.wait_closed() for one in callers))
    await task


async def test_a_port_that_cannot_be_had_ends_the_link(link, unused_tcp_port):
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", link.plan.outbind.port)
    with pytest.raises(ConnectFailed, match="outbind cannot be waited for at 127"):
        await link.run()
    server.close()


async def test_cancelling_ends_what_was_called(link, smsc):
    watch = link.events()
    task = await listening(link)
    await smsc.outbind("127.0.0.1", link.plan.outbind.port, password="hunter2")
    await until(watch, events.Bound)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(PATIENCE):
        await smsc.until(lambda smsc: not smsc.binds)
    assert (await until(watch, events.Unbound)).unanswered == 0


def test_a_waiting_place_shows_no_secret():
    assert "hunter2" not in repr(Waiting(port=1, password="hunter2"))
