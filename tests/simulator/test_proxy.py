from __future__ import annotations

import asyncio
import itertools
import random
from contextlib import asynccontextmanager
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme.simulator.proxy import FaultProxy, Faults, schedule

PATIENCE = 10.0


class End(asyncio.Protocol):
    """One end of a connection: keeps what it reads, and how it ended."""

    def __init__(self):
        self.reads = []
        self.ended = asyncio.get_running_loop().create_future()
        self.arrived = asyncio.Event()

    @property
    def octets(self):
        return b"".join(self.reads)

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.reads.append(data)
        self.arrived.set()

    def connection_lost(self, exc):
        self.ended.set_result(exc)

    async def until(self, octets):
        """Until just these octets have come, in all."""
        while len(self.octets) < len(octets):
            self.arrived.clear()
            await self.arrived.wait()
        assert self.octets == octets


class Echo(End):
    """Sends back what it reads."""

    def data_received(self, data):
        super().data_received(data)
        self.transport.write(data)


@asynccontextmanager
async def proxied(faults=None, seed=0):
    """A proxy before an echo, and the echo's connections."""
    connections = []

    def accept():
        connections.append(Echo())
        return connections[-1]

    server = await asyncio.get_running_loop().create_server(accept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with asyncio.timeout(PATIENCE), server, FaultProxy(port, faults=faults, seed=seed) as proxy:
        yield proxy, connections


async def opened(proxy):
    _, end = await asyncio.get_running_loop().create_connection(End, "127.0.0.1", proxy.port)
    return end


async def connected(proxy):
    """A connection through the proxy that has been seen to work."""
    end = await opened(proxy)
    end.transport.write(b"hello")
    await end.until(b"hello")
    return end


async def test_octets_pass_both_ways_in_pieces_and_in_order():
    sent = random.Random(1).randbytes(300_000)
    async with proxied(Faults(pieces=7)) as (proxy, connections):
        esme = await connected(proxy)
        esme.transport.write(sent)
        await esme.until(b"hello" + sent)
        esme.transport.close()
        await connections[0].ended
    assert connections[0].octets == b"hello" + sent
    assert len(connections[0].reads) > 1


async def test_a_cut_resets_the_connection_at_both_ends():
    async with proxied() as (proxy, connections):
        esme = await connected(proxy)
        proxy.cut()
        assert isinstance(await esme.ended, ConnectionResetError)
        assert isinstance(await connections[0].ended, ConnectionResetError)
        assert proxy.counts == {"cut": 1, "vanish": 0, "stall": 0}
        await connected(proxy)


async def test_an_smsc_that_vanishes_leaves_the_esme_with_silence():
    async with proxied() as (proxy, connections):
        esme = await connected(proxy)
        proxy.vanish()
        await connections[0].ended
        esme.transport.write(b"anybody there?")
        await connected(proxy)  # the proxy goes on, and has read what was written before
        assert not esme.ended.done()
        assert connections[0].octets == b"hello"
        proxy.cut()
        assert isinstance(await esme.ended, ConnectionResetError)


async def test_what_a_stall_holds_back_comes_later_and_whole():
    async with proxied() as (proxy, connections):
        first, second = await connected(proxy), await connected(proxy)
        proxy.stall()
        first.transport.write(b"held")
        second.transport.write(b"back")
        for _ in range(10):
            await asyncio.sleep(0)
        assert [connection.octets for connection in connections] == [b"hello", b"hello"]
        proxy.flow()
        await first.until(b"hello" + b"held")
        await second.until(b"hello" + b"back")


async def test_an_smsc_that_is_not_there_is_a_connection_that_is_cut():
    async with proxied() as (proxy, _):
        port = proxy._upstream[1]
    async with asyncio.timeout(PATIENCE), FaultProxy(port) as nowhere:
        esme = await opened(nowhere)
        assert isinstance(await esme.ended, ConnectionResetError)


async def test_the_faults_of_a_schedule_come_by_themselves():
    async with proxied(Faults(every=0.001, kinds=("cut",))) as (proxy, _):
        esme = await opened(proxy)
        assert isinstance(await esme.ended, ConnectionResetError)
        assert proxy.counts["cut"] >= 1


@given(st.integers(), st.floats(0.1, 10.0))
def test_a_schedule_follows_from_its_seed_and_keeps_its_average(seed, every):
    faults = Faults(every=every, kinds=("cut", "vanish", "stall"))
    planned = list(itertools.islice(schedule(faults, random.Random(seed)), 1000))
    assert planned == list(itertools.islice(schedule(faults, random.Random(seed)), 1000))
    assert mean(delay for delay, _ in planned) == pytest.approx(every, rel=0.3)
    assert {fault for _, fault in planned} == set(faults.kinds)


def test_without_an_interval_nothing_is_scheduled():
    assert list(schedule(Faults(), random.Random(0))) == []
