"""What is told of a link: over a real socket, and never a secret."""

import asyncio

import pytest

from smpp_esme.daemon.gateway import Gateway
from smpp_esme.daemon.routing import Router

SECRET = "secret"


@pytest.mark.smsc(accounts={"acme": SECRET})
async def test_a_bound_link_tells_its_sessions_and_its_pace(start, smsc):
    daemon = await start(url=f"smpp://acme:{SECRET}@127.0.0.1:{smsc.port}", binds=2, throughput=50.0, window=7)
    await smsc.until(lambda smsc: len(smsc.binds) == 2)
    [state] = daemon.service.gateway.link_states()
    assert (state.name, state.endpoints, state.bind) == ("main", [f"127.0.0.1:{smsc.port}"], "transceiver")
    assert [(one.state, one.outstanding) for one in state.sessions] == [("BOUND_TRX", 0)] * state.wanted
    assert (state.wanted, state.window, state.pace, state.ceiling) == (2, 7, 50.0, 50.0)
    assert state.last_error is None
    assert state.bound_at is not None
    assert SECRET not in repr(state)


async def test_what_went_wrong_last_is_told_with_its_time(start, smsc):
    daemon = await start()
    smsc.disconnect()
    async with asyncio.timeout(20):
        await smsc.until(lambda smsc: smsc.counts.binds == 2)
    [state] = daemon.service.gateway.link_states()
    assert state.last_error
    assert state.last_error_at is not None


async def test_a_link_that_nobody_looks_after_is_left_out(store):
    assert Gateway(store, Router([]), lambda: None).link_states() == []
