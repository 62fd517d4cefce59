from __future__ import annotations

import asyncio
import contextlib
import logging

import pytest
from msgspec.structs import replace

from smpp_esme.errors import BindRefused, EncodingError
from smpp_esme.protocol.commands import CommandStatus
from smpp_esme.protocol.pdus import RESPONSES
from smpp_esme.protocol.state import Role
from smpp_esme.protocol.timers import Timers
from smpp_esme.session.endpoint import Endpoint, parse_url
from smpp_esme.session.link import FATAL, Backoff, Link
from smpp_esme.session.session import Session
from smpp_esme.simulator.smsc import Smsc

PATIENCE = 10.0


class Waits:
    """A backoff that notes how many failures in a row it was asked about, and gives the same wait for all of them."""

    def __init__(self, seconds=0.0, most=0.0):
        self.seconds = seconds
        self.most = most
        self.failures = []
        self.asked = asyncio.Event()

    def delay(self, failures, luck):
        assert 0 <= luck < 1
        self.failures.append(failures)
        self.asked.set()
        return self.seconds


class Door:
    """An SMSC that answers binds with these statuses in turn, None with silence, and lets in whoever comes after."""

    def __init__(self, *statuses):
        self.statuses = list(statuses)
        self.sessions = []
        self.tasks = []
        self.asked = asyncio.Event()

    async def __aenter__(self):
        loop = asyncio.get_running_loop()
        self.server = await loop.create_server(self.made, "127.0.0.1", 0)
        self.endpoint = Endpoint(host="127.0.0.1", port=self.server.sockets[0].getsockname()[1], system_id="acme")
        return self

    async def __aexit__(self, *_):
        self.server.close()
        for session in self.sessions:
            session.abort()
        await asyncio.gather(*self.tasks)
        await self.server.wait_closed()

    def made(self):
        return Session(Role.SMSC, on_open=lambda session: self.tasks.append(asyncio.ensure_future(self.serve(session))))

    async def serve(self, session):
        self.sessions.append(session)
        [bind] = await session.requests()
        self.asked.set()
        status = self.statuses.pop(0) if self.statuses else CommandStatus.ESME_ROK
        if status is not None:
            session.respond(bind, RESPONSES[bind.command_id](command_status=status))
        if status:
            session.abort()
        await session.wait_closed()


@contextlib.asynccontextmanager
async def running(link):
    """The link's run, as a task that is cancelled in the end, if it has not ended before."""
    task = asyncio.ensure_future(link.run())
    try:
        async with asyncio.timeout(PATIENCE):
            yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, BindRefused, EncodingError):
            await task


def link_to(smsc, **options):
    return Link("main", parse_url(smsc.url), backoff=Waits(), **options)


# Bound


@pytest.mark.parametrize("how", ["transceiver", "transmitter", "receiver"])
async def test_a_link_binds_as_it_is_told(smsc, how):
    link = link_to(smsc, how=how)
    assert not link.is_bound
    async with running(link):
        session = await link.session()
        assert link.is_bound
        assert session.is_bound
        assert [bind.how for bind in smsc.binds] == [how]


async def test_whoever_waits_gets_the_session_before_and_after_it_is_bound(smsc):
    link = link_to(smsc)
    early = [asyncio.ensure_future(link.session()) for _ in range(3)]
    async with running(link):
        assert len({*await asyncio.gather(*early), await link.session()}) == 1


async def test_cancelling_who_waits_for_a_session_harms_nobody(smsc):
    link = link_to(smsc)
    waiting = asyncio.ensure_future(link.session())
    await asyncio.sleep(0)
    waiting.cancel()
    async with running(link):
        assert (await link.session()).is_bound
    assert waiting.cancelled()


async def test_cancelling_a_link_unbinds(smsc):
    link = link_to(smsc)
    async with running(link) as task:
        session = await link.session()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await session.wait_closed()).orderly
        await smsc.until(lambda smsc: not smsc.binds)
    assert not link.is_bound


async def test_cancelling_a_link_that_binds_leaves_nothing_open():
    async with Door(None) as door:
        link = Link("main", door.endpoint)
        async with running(link) as task:
            await door.asked.wait()
            task.cancel()
            assert not (await door.sessions[0].wait_closed()).orderly
    assert not link.is_bound


async def test_cancelling_a_link_that_waits_to_try_again_ends_it_at_once(unused_tcp_port):
    waits = Waits(3600.0)
    link = Link("main", Endpoint(host="127.0.0.1", port=unused_tcp_port), backoff=waits)
    async with running(link) as task:
        await waits.asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


# Bound again


async def test_a_link_that_is_cut_binds_again_and_gives_each_session_once(smsc):
    link = link_to(smsc)
    seen = []
    async with running(link):
        async for session in link.sessions():
            seen.append(session)
            assert session.is_bound
            if len(seen) == 5:
                break
            smsc.disconnect()
        assert smsc.counts.binds == 5
    assert len(set(seen)) == 5
    assert [session.connection.state.is_bound for session in seen[:4]] == [False] * 4


async def test_a_session_that_ended_is_not_given_to_those_who_come_later(smsc):
    link = link_to(smsc)
    async with running(link):
        first = await link.session()
        smsc.disconnect()
        await first.wait_closed()
        second = await link.session()
        assert second is not first
        assert second.is_bound


async def test_several_readers_each_see_each_session(smsc):
    link = link_to(smsc)

    async def two():
        seen = []
        async for session in link.sessions():
            seen.append(session)
            if len(seen) == 2:
                return seen
            await session.wait_closed()
        return seen

    async with running(link):
        readers = [asyncio.ensure_future(two()) for _ in range(3)]
        await link.session()
        smsc.disconnect()
        first, *others = await asyncio.gather(*readers)
        assert others == [first, first]


async def test_a_link_waits_for_an_smsc_that_is_not_there_yet(unused_tcp_port, caplog):
    waits = Waits()
    endpoint = Endpoint(host="127.0.0.1", port=unused_tcp_port, system_id="acme", password="hunter2")
    link = Link("main", endpoint, backoff=waits)
    with caplog.at_level(logging.INFO):
        async with running(link):
            await waits.asked.wait()
            async with Smsc(port=unused_tcp_port):
                assert (await link.session()).is_bound
    assert waits.failures[0] == 1
    assert "link.bind_failed" in caplog.messages
    assert "link.bound" in caplog.messages
    assert "hunter2" not in caplog.text + str([vars(record) for record in caplog.records])


# Refused


@pytest.mark.parametrize("status", sorted(FATAL))
async def test_a_refusal_that_no_waiting_mends_ends_the_link(status):
    waits = Waits()
    async with Door(status) as door:
        link = Link("main", door.endpoint, backoff=waits)
        async with running(link) as task:
            with pytest.raises(BindRefused) as refused:
                await task
    assert refused.value.command_status is status
    assert waits.failures == []
    assert len(door.sessions) == 1


@pytest.mark.smsc(accounts={"acme": "secret"})
async def test_a_wrong_password_is_tried_once_only(smsc):
    link = Link("main", replace(parse_url(smsc.url), password="wrong"), backoff=Waits())
    async with running(link) as task:
        with pytest.raises(BindRefused, match="ESME_RINVPASWD"):
            await task
    assert smsc.counts.binds_refused == 1


async def test_an_account_that_no_bind_can_carry_ends_the_link(smsc):
    link = Link("main", replace(parse_url(smsc.url), password="far too long"), backoff=Waits())
    async with running(link) as task:
        with pytest.raises(EncodingError, match="password"):
            await task


async def test_a_bind_that_is_not_answered_is_tried_again():
    waits = Waits()
    async with Door(None) as door:
        link = Link("main", door.endpoint, backoff=waits, timers=Timers(response=0.1))
        async with running(link):
            assert (await link.session()).is_bound
    assert waits.failures[0] == 1


async def test_other_refusals_are_waited_out_and_then_forgotten():
    waits = Waits()
    async with Door(CommandStatus.ESME_RBINDFAIL, CommandStatus.ESME_RALYBND) as door:
        link = Link("main", door.endpoint, backoff=waits)
        async with running(link):
            session = await link.session()
            assert waits.failures == [1, 2]
            door.sessions[-1].abort()
            await session.wait_closed()
            await link.session()
            assert waits.failures == [1, 2, 1]


async def test_an_smsc_that_binds_and_cuts_at_once_is_waited_out_longer_and_longer(smsc):
    waits = Waits(most=3600.0)
    link = Link("main", parse_url(smsc.url), backoff=waits)
    async with running(link):
        async for _ in link.sessions():
            if len(waits.failures) == 3:
                break
            smsc.disconnect()
    assert waits.failures == [1, 2, 3]


# Backing off


def test_the_wait_doubles_up_to_the_most():
    backoff = Backoff(first=0.2, most=30.0, factor=2.0)
    waits = [backoff.delay(failures, 1.0) for failures in range(1, 12)]
    assert waits == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0, 30.0])


def test_luck_spreads_the_wait_over_its_upper_half():
    backoff = Backoff(first=2.0)
    assert [backoff.delay(1, luck) for luck in (0.0, 0.5, 1.0)] == [1.0, 1.5, 2.0]


def test_a_wait_stays_a_number_however_many_have_failed():
    assert Backoff().delay(10**9, 1.0) == 30.0


async def test_a_link_shows_its_name_and_state_and_no_secrets():
    link = Link("main", Endpoint(host="smsc", port=2775, system_id="acme", password="hunter2"))
    assert "main" in repr(link)
    assert "unbound" in repr(link)
    assert "hunter2" not in repr(link)
