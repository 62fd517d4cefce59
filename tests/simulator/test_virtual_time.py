from __future__ import annotations

import asyncio
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme.client import connect
from smpp_esme.errors import ConnectFailed, SessionClosed
from smpp_esme.protocol.pdus import EnquireLink
from smpp_esme.protocol.timers import Timers
from smpp_esme.session.endpoint import parse_url
from smpp_esme.session.session import Session
from smpp_esme.simulator.smsc import Smsc
from smpp_esme.simulator.virtual_time import EPOCH, run

DAY = 86_400.0
PATIENT = Timers(enquire_link=3600.0, inactivity=0.0)


@pytest.mark.smsc(receipt_delay=3 * DAY, timers=PATIENT)
async def test_a_receipt_after_three_days_takes_no_time(virtual_time, smsc):
    began = time.monotonic()
    async with connect(smsc.url, profile="smsc-centre", timers=PATIENT) as esme:
        submission = await esme.submit("+79161234567", "hello")
        receipt = await submission.receipt(timeout=5 * DAY)
    assert 1.5 * DAY <= virtual_time.time() <= 4.5 * DAY
    assert 1.5 * DAY <= (receipt.done_date.timestamp() - EPOCH) <= 4.5 * DAY
    assert time.monotonic() - began < 10


async def test_tests_without_it_run_in_real_time():
    began = time.monotonic()
    await asyncio.sleep(0.01)
    assert time.monotonic() - began >= 0.01


def test_time_passes_only_while_all_wait():
    async def main():
        loop = asyncio.get_running_loop()
        began = loop.time()
        for _ in range(1000):
            await asyncio.sleep(0)
        stood_still = loop.time() == began
        await asyncio.gather(asyncio.sleep(40 * DAY), asyncio.sleep(2 * DAY))
        return stood_still, loop.time()

    stood_still, now = run(main())
    assert stood_still
    assert now == pytest.approx(40 * DAY)


def test_timers_go_off_in_order():
    async def main():
        loop, order = asyncio.get_running_loop(), []
        for seconds in (3 * DAY, 1e-6, 5.0, DAY):
            loop.call_later(seconds, order.append, seconds)
        await asyncio.sleep(4 * DAY)
        return order

    assert run(main()) == [1e-6, 5.0, DAY, 3 * DAY]


def test_a_wait_that_nothing_can_end_is_an_error():
    async def main():
        await asyncio.get_running_loop().create_future()

    with pytest.raises(RuntimeError, match="nothing will ever happen"):
        run(main())


def test_time_stands_still_for_a_thread():
    async def main():
        loop, released = asyncio.get_running_loop(), threading.Event()
        loop.call_later(DAY, released.set)  # would be at once, were time to jump
        waited = await loop.run_in_executor(None, released.wait, 0.05)
        return waited, loop.time()

    assert run(main()) == (False, 0.0)


async def echo(reader, writer):
    while octets := await reader.read(100_000):
        writer.write(octets)
        await writer.drain()
    writer.close()


def test_streams_run_unchanged_and_a_slow_reader_slows_the_writer():
    async def main():
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        octets = bytes(range(256)) * 4000
        for start in range(0, len(octets), 50_000):
            writer.write(octets[start : start + 50_000])
        buffered = writer.transport.get_write_buffer_size()
        came = await asyncio.gather(reader.readexactly(len(octets)), writer.drain())
        writer.close()
        await asyncio.sleep(1)  # for the other end too
        return buffered, came[0] == octets, server.get_loop().network.connections

    assert run(main()) == (1_024_000, True, [])


@given(st.lists(st.binary(min_size=1, max_size=50), min_size=1), st.integers(1, 7))
def test_octets_arrive_in_order_however_they_are_sliced(pieces, size):
    async def main():
        network = asyncio.get_running_loop().network
        network.latency, network.slices = 0.1, lambda length: min(length, size)
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0.03)
        whole = b"".join(pieces)
        came = await reader.readexactly(len(whole))
        writer.close()
        await asyncio.sleep(1)
        return came == whole

    assert run(main())


def test_what_was_written_arrives_before_the_end_and_not_behind_an_abort():
    async def main(*, aborts):
        received = []

        async def take(reader, writer):
            try:
                received.append(await reader.read())
            except ConnectionResetError:
                received.append("reset")
            writer.close()

        server = await asyncio.start_server(take, "127.0.0.1", 0)
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"last words")
        if aborts:
            writer.transport.abort()
        else:
            writer.close()
        await asyncio.sleep(1)
        return received

    assert run(main(aborts=False)) == [b"last words"]
    assert run(main(aborts=True)) == ["reset"]


def test_a_port_is_taken_once_and_free_again():
    async def main():
        server = await asyncio.start_server(echo, "127.0.0.1", 2775)
        with pytest.raises(OSError, match="taken"):
            await asyncio.start_server(echo, "127.0.0.1", 2775)
        server.close()
        await server.wait_closed()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", 2775)
        await asyncio.start_server(echo, "127.0.0.1", 2775)
        _, writer = await asyncio.open_connection("localhost", 2775)
        writer.close()
        await asyncio.sleep(1)

    run(main())


def test_tls_is_refused_and_says_so():
    async def main():
        with pytest.raises(ValueError, match="real time"):
            await asyncio.open_connection("127.0.0.1", 2775, ssl=True)

    run(main())


async def bound(smsc, timers=PATIENT):
    session = await Session.connect(parse_url(smsc.url), timers=timers)
    await session.bind(parse_url(smsc.url).bind_request())
    return session


async def test_a_connection_that_the_network_cuts_is_lost_on_both_ends(virtual_time, smsc):
    session = await bound(smsc)
    virtual_time.network.cut()
    with pytest.raises(SessionClosed):
        await session.request(EnquireLink())
    await smsc.until(lambda smsc: not smsc.binds)


async def test_silence_is_found_by_enquire_link(virtual_time, smsc):
    session = await bound(smsc, Timers(enquire_link=30.0, response=10.0))
    virtual_time.network.connections[0].silent = True
    assert not (await session.wait_closed()).orderly
    assert virtual_time.time() == pytest.approx(40.0)
    assert len(smsc.binds) == 1  # it has heard nothing of the end


async def test_an_smsc_that_cannot_be_reached_lets_nobody_wait_for_ever(virtual_time, smsc):
    virtual_time.network.reachable = False
    with pytest.raises(ConnectFailed):
        await Session.connect(parse_url(smsc.url))
    assert virtual_time.time() == pytest.approx(Timers().session_init)


def test_the_same_test_runs_the_same_way_every_time():
    async def main():
        told = []
        async with Smsc(seed=7, receipt_delay=10.0) as smsc, connect(smsc.url, profile="smsc-centre") as esme:
            for number in range(20):
                await esme.submit(f"+7916123456{number % 10}", f"text {number}")
            async with esme.receipts() as receipts:
                while len(told) < 20:
                    told.append(((await anext(receipts)).raw, asyncio.get_running_loop().time()))
        return told

    assert run(main()) == run(main())


def test_a_wait_without_a_deadline_beside_a_session_that_probes_ends_with_an_error():
    async def forever():
        asyncio.get_running_loop().limit = 3600.0
        async with Smsc() as smsc, connect(smsc.url) as esme:
            submission = await esme.submit("79161230007", "hello")
            await submission.receipt()

    with pytest.raises(RuntimeError, match=r"3600 s of virtual time have passed, and these still wait: .*Task"):
        run(forever())
