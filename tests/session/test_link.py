from __future__ import annotations

import asyncio
import contextlib
import logging

import pytest
from msgspec.structs import replace

from smpp_esme.errors import (
    BindRefused,
    ConnectFailed,
    EncodingError,
    InvalidValue,
    ResponseTimeout,
    SessionClosed,
    SmppError,
)
from smpp_esme.protocol.commands import CommandStatus
from smpp_esme.protocol.pdus import RESPONSES, DeliverSm, DeliverSmResp, QuerySm, QuerySmResp, SubmitSm, SubmitSmResp
from smpp_esme.protocol.state import Role
from smpp_esme.protocol.timers import Timers
from smpp_esme.session import events
from smpp_esme.session.endpoint import Endpoint, parse_url
from smpp_esme.session.link import Link
from smpp_esme.session.pacing import Pacing
from smpp_esme.session.plan import FATAL, Backoff, Plan
from smpp_esme.session.session import Session
from smpp_esme.simulator.smsc import Smsc

PATIENCE = 10.0


class Waits:
    """A backoff that notes how many failures in a row it was asked about, and gives the same wait for all of them."""

    def __init__(self, seconds=0.0):
        self.seconds = seconds
        self.failures = []
        self.held = 0
        self.asked = asyncio.Event()

    def delay(self, failures, luck):
        assert 0 <= luck < 1
        self.failures.append(failures)
        self.asked.set()
        return self.seconds

    def held_delay(self, luck):
        self.held += 1
        return self.seconds


class Door:
    """An SMSC that answers binds with these statuses in turn, None with silence, and lets in whoever comes after."""

    def __init__(self, *statuses):
        self.statuses = list(statuses)
        self.sessions = []
        self.binds = []
        self.bound = []
        self.tasks = []
        self.asked = asyncio.Event()
        self.refuse = ""

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
        with contextlib.suppress(SessionClosed):
            await self.admit(session)
        await session.wait_closed()

    async def admit(self, session):
        [bind] = await session.requests()
        self.binds.append(bind)
        self.asked.set()
        status = self.statuses.pop(0) if self.statuses else CommandStatus.ESME_ROK
        if type(bind).__name__ == self.refuse:
            status = CommandStatus.ESME_RBINDFAIL
        if status is not None:
            session.respond(bind, RESPONSES[bind.command_id](command_status=status))
        if status:
            session.abort()
        elif status is not None:
            self.bound.append(session)


def link_to(*endpoints, tls=None, pacing=None, **options):
    """A link to doors, endpoints, or a simulator."""
    places = tuple(parse_url(one.url) if isinstance(one, Smsc) else getattr(one, "endpoint", one) for one in endpoints)
    options = {"backoff": Waits(), "lasting": 0.0} | options
    return Link("main", Plan(endpoints=places, **options), tls=tls, pacing=pacing)


@contextlib.asynccontextmanager
async def running(link, **options):
    """The link's run, as a task that is cancelled in the end, if it has not ended before."""
    task = asyncio.ensure_future(link.run(**options))
    try:
        async with asyncio.timeout(PATIENCE):
            yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, SmppError):
            await task


async def until(watch, kind, **fields):
    """The next event of this kind in which these fields are so."""
    async for event in watch:
        if isinstance(event, kind) and all(getattr(event, name) == value for name, value in fields.items()):
            return event
    raise AssertionError(f"the link ended without {kind.__name__}")


class Told:
    """An outcome that notes what it is told."""

    def __init__(self):
        self.answers, self.errors = [], []

    def answered(self, response):
        self.answers.append(response)

    def unanswered(self, error):
        self.errors.append(error)

    def late(self, response):
        raise AssertionError("nothing here comes late")


SUBMIT = SubmitSm(destination_addr="79161234567", short_message=b"hello")


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
        link = link_to(door)
        async with running(link) as task:
            await door.asked.wait()
            task.cancel()
            assert not (await door.sessions[0].wait_closed()).orderly
    assert not link.is_bound


async def test_cancelling_a_link_that_waits_to_try_again_ends_it_at_once(unused_tcp_port):
    waits = Waits(3600.0)
    link = link_to(Endpoint(host="127.0.0.1", port=unused_tcp_port), backoff=waits)
    async with running(link) as task:
        await waits.asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_link_that_is_cancelled_unbinds_and_has_lost_nothing(smsc):
    link = link_to(smsc)
    watch = link.events()
    async with running(link):
        await until(watch, events.Bound)
    told = [type(event) async for event in watch]
    assert events.Unbound in told
    assert events.Lost not in told


# Bound again


async def test_a_link_that_is_cut_binds_again(smsc):
    link = link_to(smsc)
    watch = link.events()
    seen = []
    async with running(link):
        for number in range(1, 6):
            await until(watch, events.Bound)
            seen.append(await link.session())
            assert smsc.counts.binds == number
            smsc.disconnect()
            lost = await until(watch, events.Lost)
            assert (lost.bind, lost.unanswered) == ("transceiver 1", 0)
    assert len(set(seen)) == 5


async def test_a_session_that_ended_is_not_given_to_those_who_come_later(smsc):
    link = link_to(smsc)
    async with running(link):
        first = await link.session()
        smsc.disconnect()
        await first.wait_closed()
        second = await link.session()
        assert second is not first
        assert second.is_bound


async def test_a_link_waits_for_an_smsc_that_is_not_there_yet(unused_tcp_port, caplog):
    waits = Waits()
    endpoint = Endpoint(host="127.0.0.1", port=unused_tcp_port, system_id="acme", password="hunter2")
    link = link_to(endpoint, backoff=waits)
    with caplog.at_level(logging.DEBUG):
        async with running(link):
            await waits.asked.wait()
            async with Smsc(port=unused_tcp_port):
                assert (await link.session()).is_bound
    assert waits.failures[0] == 1
    assert {"link.connecting", "link.bind_failed", "link.waiting", "link.bound"} <= set(caplog.messages)
    assert "hunter2" not in caplog.text + str([vars(record) for record in caplog.records])


# Refused


@pytest.mark.parametrize("status", sorted(FATAL))
async def test_a_refusal_that_no_waiting_mends_ends_the_link(status):
    waits = Waits()
    async with Door(status) as door:
        link = link_to(door, backoff=waits)
        async with running(link) as task:
            with pytest.raises(BindRefused) as refused:
                await task
    assert refused.value.command_status is status
    assert waits.failures == []
    assert len(door.sessions) == 1


@pytest.mark.smsc(accounts={"acme": "secret"})
async def test_a_wrong_password_is_tried_once_only(smsc):
    link = link_to(replace(parse_url(smsc.url), password="wrong"))
    async with running(link) as task:
        with pytest.raises(BindRefused, match="ESME_RINVPASWD"):
            await task
    assert smsc.counts.binds_refused == 1


async def test_an_account_that_no_bind_can_carry_ends_the_link(smsc):
    link = link_to(replace(parse_url(smsc.url), password="far too long"))
    async with running(link) as task:
        with pytest.raises(EncodingError, match="password"):
            await task


async def test_a_bind_that_is_not_answered_is_tried_again():
    waits = Waits()
    async with Door(None) as door:
        link = link_to(door, backoff=waits, timers=Timers(response=0.1))
        async with running(link):
            assert (await link.session()).is_bound
    assert waits.failures[0] == 1


async def test_other_refusals_are_waited_out_and_then_forgotten():
    waits = Waits()
    async with Door(CommandStatus.ESME_RBINDFAIL, CommandStatus.ESME_RSYSERR) as door:
        link = link_to(door, backoff=waits)
        async with running(link):
            session = await link.session()
            assert waits.failures == [1, 2]
            door.sessions[-1].abort()
            await session.wait_closed()
            await link.session()
            assert waits.failures == [1, 2, 1]
    assert waits.held == 0


async def test_already_bound_waits_for_the_peer_s_own_timer():
    waits = Waits()
    async with Door(CommandStatus.ESME_RALYBND, CommandStatus.ESME_RALYBND, CommandStatus.ESME_RSYSERR) as door:
        link = link_to(door, backoff=waits)
        async with running(link):
            await link.session()
    assert (waits.held, waits.failures) == (2, [3])


def test_the_wait_for_the_peer_s_timer_does_not_grow():
    backoff = Backoff(already_bound=60.0)
    assert [backoff.held_delay(luck) for luck in (0.0, 0.5, 1.0)] == [30.0, 45.0, 60.0]


async def test_an_smsc_that_binds_and_cuts_at_once_is_waited_out_longer_and_longer(smsc):
    waits = Waits()
    link = link_to(smsc, backoff=waits, lasting=3600.0)
    watch = link.events()
    async with running(link):
        for _ in range(3):
            await until(watch, events.Bound)
            smsc.disconnect()
        await until(watch, events.Waiting, failures=3)
    assert waits.failures == [1, 2, 3]


@pytest.mark.parametrize(
    ("answers", "error"), [((CommandStatus.ESME_RBINDFAIL,) * 2, BindRefused), ((None, None), ResponseTimeout)]
)
async def test_a_link_that_may_try_so_often_gives_up_with_the_last_error(answers, error):
    async with Door(*answers) as door:
        link = link_to(door, timers=Timers(response=0.05))
        async with running(link, attempts=2) as task:
            with pytest.raises(error):
                await task
    assert len(door.sessions) == 2


async def test_attempts_are_limited_before_the_first_bind_only():
    async with Door() as door:
        link = link_to(door)
        watch = link.events()
        async with running(link, attempts=1):
            await until(watch, events.Bound)
            door.statuses = [CommandStatus.ESME_RBINDFAIL] * 3
            door.sessions[-1].abort()
            await until(watch, events.Bound)
    assert len(door.sessions) == 5


@pytest.mark.parametrize("refused_first", [False, True])
async def test_a_bind_too_many_is_tried_again_and_leaves_the_others(refused_first):
    statuses = [CommandStatus.ESME_ROK, CommandStatus.ESME_ROK, CommandStatus.ESME_RALYBND]
    async with Door(*(reversed(statuses) if refused_first else statuses)) as door:
        link = link_to(door, binds=3)
        watch = link.events()
        async with running(link, attempts=1) as task:
            for _ in range(3):
                await until(watch, events.Bound)
            assert not task.done()
    assert len(door.sessions) == 4


async def test_a_link_of_which_no_bind_is_let_in_gives_up_when_all_have_tried_so_often():
    async with Door(*[CommandStatus.ESME_RBINDFAIL] * 20) as door:
        link = link_to(door, binds=3)
        async with running(link, attempts=2) as task:
            with pytest.raises(BindRefused, match="ESME_RBINDFAIL"):
                await task
    assert len(door.sessions) >= 6


async def test_a_pair_of_which_one_is_not_let_in_is_no_pair():
    async with Door() as door:
        door.refuse = "BindReceiver"
        link = link_to(door, how="pair")
        with pytest.raises(BindRefused, match="BindReceiver"):
            async with asyncio.timeout(PATIENCE), link.serving(attempts=1):
                raise AssertionError("the body began")


async def test_who_waits_is_told_when_the_link_ends():
    async with Door(CommandStatus.ESME_RINVPASWD) as door:
        link = link_to(door)
        waiting = [asyncio.ensure_future(one) for one in (link.session(), link.turns(), link.requests())]
        await asyncio.sleep(0)
        async with running(link) as task:
            with pytest.raises(BindRefused):
                await task
        for one in (*waiting, link.session(), link.turns(), link.requests()):
            with pytest.raises(SessionClosed, match="ESME_RINVPASWD"):
                await one
    assert link.has_ended


# Several endpoints


async def test_the_first_endpoint_that_lets_us_in_is_taken(unused_tcp_port):
    waits = Waits()
    async with Door(CommandStatus.ESME_RSYSERR) as second, Door() as third:
        link = link_to(Endpoint(host="127.0.0.1", port=unused_tcp_port), second, third, backoff=waits)
        watch = link.events()
        async with running(link):
            bound = await until(watch, events.Bound)
            assert bound.endpoint == str(third.endpoint)
            assert not bound.preferred
    assert waits.failures == []  # only a whole round that came to nothing is waited for


async def test_after_a_loss_the_preferred_endpoint_is_tried_first():
    async with Door() as first, Door() as second:
        link = link_to(first, second)
        watch = link.events()
        async with running(link):
            assert (await until(watch, events.Bound)).preferred
            first.statuses = [CommandStatus.ESME_RSYSERR]
            first.bound[0].abort()
            assert (await until(watch, events.Bound)).endpoint == str(second.endpoint)
            second.bound[0].abort()
            assert (await until(watch, events.Bound)).endpoint == str(first.endpoint)


async def test_an_endpoint_that_cuts_us_off_at_once_makes_room_for_the_next():
    async with Door() as first, Door() as second:
        link = link_to(first, second, lasting=3600.0)
        watch = link.events()
        async with running(link):
            assert (await until(watch, events.Bound)).preferred
            first.bound[0].abort()
            assert not (await until(watch, events.Bound)).preferred


async def test_a_link_returns_to_the_preferred_endpoint_before_it_leaves_the_other():
    async with Door(CommandStatus.ESME_RSYSERR, CommandStatus.ESME_RSYSERR) as first, Door() as second:
        link = link_to(first, second, return_after=0.02)
        watch = link.events()
        async with running(link):
            former = await link.session()
            outcome = Told()
            former.start(SUBMIT, outcome)
            await until(watch, events.Bound, preferred=True)
            assert former.is_bound  # what is outstanding there may still be answered
            [request] = await second.bound[0].requests()
            assert (await link.turns())[0] is not former
            second.bound[0].respond(request, RESPONSES[request.command_id](message_id="1"))
            assert (await until(watch, events.Unbound)).unanswered == 0
    assert [one.message_id for one in outcome.answers] == ["1"]
    assert len(first.sessions) == 3


async def test_a_loss_is_seen_to_at_once_though_a_preferred_endpoint_does_not_answer():
    async with Door(CommandStatus.ESME_RSYSERR) as first, Door() as second:
        link = link_to(first, second, return_after=0.02, lasting=3600.0)
        watch = link.events()
        async with running(link):
            await until(watch, events.Bound)
            first.statuses = [None]
            first.asked.clear()
            await first.asked.wait()  # the way back is being tried, and hangs
            second.bound[0].abort()
            await until(watch, events.Lost)
            assert (await until(watch, events.Bound)).preferred  # it answers the next bind


async def test_a_preferred_endpoint_that_refuses_us_for_good_does_not_end_a_link_that_is_bound():
    async with Door(CommandStatus.ESME_RSYSERR, CommandStatus.ESME_RINVPASWD) as first, Door() as second:
        link = link_to(first, second, return_after=0.02)
        watch = link.events()
        async with running(link) as task:
            refused = await until(watch, events.Refused, command_status=CommandStatus.ESME_RINVPASWD)
            assert not refused.final
            assert link.is_bound
            assert (await until(watch, events.Bound)).preferred
            assert not task.done()


# Several binds


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"binds": 3}, ["transceiver"] * 3),
        ({"how": "pair"}, ["receiver", "transmitter"]),
        ({"how": "pair", "binds": 2}, ["receiver", "receiver", "transmitter", "transmitter"]),
    ],
)
async def test_a_link_keeps_as_many_sessions_as_it_is_told(smsc, options, expected):
    link = link_to(smsc, **options)
    watch = link.events()
    async with running(link):
        for _ in expected:
            await until(watch, events.Bound)
        assert sorted(bind.how for bind in smsc.binds) == expected
        session, count = await link.turns(5)
        assert count == 5
        assert session.connection.state.name in {"BOUND_TX", "BOUND_TRX"}


async def test_one_session_that_is_lost_leaves_the_others():
    async with Door() as door:
        link = link_to(door, binds=2)
        watch = link.events()
        async with running(link):
            for _ in range(2):
                await until(watch, events.Bound)
            door.bound[0].abort()
            await until(watch, events.Lost)
            assert link.is_bound
            await until(watch, events.Bound)
            assert len(link.sessions) == 2


async def test_a_final_refusal_of_one_bind_ends_them_all():
    async with Door() as door:
        link = link_to(door, binds=2)
        watch = link.events()
        async with running(link) as task:
            for _ in range(2):
                await until(watch, events.Bound)
            door.statuses = [CommandStatus.ESME_RINVPASWD]
            door.bound[0].abort()
            with pytest.raises(BindRefused, match="ESME_RINVPASWD"):
                await task
            assert (await until(watch, events.Stopped)).error
            assert not link.is_bound


async def test_requests_go_to_the_sessions_with_room_and_segments_stay_together():
    async with Door() as door:
        link = link_to(door, binds=2, window=2)
        watch = link.events()
        async with running(link):
            for _ in range(2):
                await until(watch, events.Bound)
            used = [session for session, _ in [await start(link) for _ in range(4)]]
            assert sorted(map(used.count, link.sessions)) == [2, 2]
            waiting = asyncio.ensure_future(link.turns(on=link.sessions[0]))
            await asyncio.sleep(0)
            other = next(one for one in door.bound if one is not peer_of(link.sessions[0], door))
            await answer(other)
            assert (await link.turns())[0] is link.sessions[1]
            assert not waiting.done()
            await answer(peer_of(link.sessions[0], door))
            assert (await waiting)[0] is link.sessions[0]


async def start(link, outcome=None):
    session, count = await link.turns()
    session.start(SUBMIT, outcome or Told())
    return session, count


def peer_of(session, door):
    """The door's end of a session."""
    address = session._transport.get_extra_info("sockname")
    return next(one for one in door.bound if one._transport.get_extra_info("peername") == address)


async def answer(peer, count=1):
    answered = 0
    while answered < count:
        for request in await peer.requests():
            peer.respond(request, RESPONSES[request.command_id](message_id="1"))
            answered += 1


async def test_what_all_sessions_bring_comes_in_one_stream_and_each_gets_its_own_answer():
    async with Door() as door:
        link = link_to(door, binds=2)
        watch = link.events()
        async with running(link):
            for _ in range(2):
                await until(watch, events.Bound)
            asked = [
                asyncio.ensure_future(peer.request(DeliverSm(short_message=b"%d" % number)))
                for number, peer in enumerate(door.bound * 3)
            ]
            texts = []
            while len(texts) < 6:
                session, requests = await link.requests()
                for request in requests:
                    texts.append(request.short_message)
                    session.respond(request, DeliverSmResp(command_status=int(request.short_message)))
            assert [one.command_status for one in await asyncio.gather(*asked)] == list(range(6))
    assert sorted(texts) == [b"%d" % number for number in range(6)]


async def test_a_refusal_that_says_slower_slows_all_sessions_down_and_says_so():
    async with Door() as door:
        link = link_to(door, binds=2, window=5, pacing=Pacing(100, 0.0))
        watch = link.events()
        async with running(link):
            for _ in range(2):
                await until(watch, events.Bound)
            await start(link)
            peer, requests = await first_asked(door)
            for request in requests:
                peer.respond(request, SubmitSmResp(command_status=CommandStatus.ESME_RTHROTTLED))
            slowed = await until(watch, events.Slowed)
            assert (slowed.reason, slowed.rate) == ("ESME_RTHROTTLED", 50.0)
            pace = link.pacing.state(asyncio.get_running_loop().time())
            assert (pace.rate, pace.ceiling, pace.reason) == (50.0, 100, "ESME_RTHROTTLED")
            assert 0 < pace.held <= 1


async def test_a_refusal_of_something_else_is_no_reason_to_be_slower():
    async with Door() as door, asyncio.timeout(PATIENCE), link_to(door, pacing=Pacing(100, 0.0)).serving() as link:
        asking = asyncio.ensure_future(link.request(QuerySm(message_id="1"), paced=False))
        peer, [request] = await first_asked(door)
        peer.respond(request, QuerySmResp(command_status=CommandStatus.ESME_RTHROTTLED))
        assert (await asking).command_status == CommandStatus.ESME_RTHROTTLED
        assert link.pacing.state(asyncio.get_running_loop().time()).reason == ""


async def first_asked(door):
    """Whichever of the door's sessions is asked for something, and what."""
    asked = {asyncio.ensure_future(peer.requests()): peer for peer in door.bound}
    done, pending = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    [task] = done
    return asked[task], await task


# Ending


async def test_serving_begins_bound_and_ends_drained():
    async with Door() as door:
        outcome = Told()
        async with asyncio.timeout(PATIENCE), link_to(door).serving() as link:
            await start(link, outcome)
            answering = asyncio.ensure_future(answer(door.bound[0]))
        await answering
    assert len(outcome.answers) == 1
    assert link.unanswered == []
    assert (await door.sessions[0].wait_closed()).orderly


async def test_what_is_not_answered_when_the_drain_is_over_is_handed_back():
    async with Door() as door:
        outcome = Told()
        async with asyncio.timeout(PATIENCE), link_to(door).serving(drain=0.05) as link:
            await start(link, outcome)
    assert link.unanswered == [(SUBMIT, outcome)]
    assert [type(error) for error in outcome.errors] == [SessionClosed]


async def test_of_what_was_handed_back_only_so_much_is_kept(monkeypatch):
    monkeypatch.setattr("smpp_esme.session.link.UNANSWERED_LIMIT", 2)
    async with Door() as door:
        outcomes = [Told() for _ in range(5)]
        async with asyncio.timeout(PATIENCE), link_to(door).serving(drain=0.01) as link:
            for outcome in outcomes[:4]:
                await start(link, outcome)
                await link.rebind(link.plan, drain=0.01)
            await start(link, outcomes[4])
    assert [outcome for _, outcome in link.unanswered] == outcomes[2:]  # two, and all that the last one left


async def test_a_link_that_runs_again_hands_back_what_was_of_this_run():
    async with Door() as door, asyncio.timeout(PATIENCE):
        link = link_to(door)
        for outcome in (Told(), Told()):
            async with link.serving(drain=0.01):
                await start(link, outcome)
            assert link.unanswered == [(SUBMIT, outcome)]


async def test_serving_says_why_it_cannot_begin(unused_tcp_port):
    with pytest.raises(ConnectFailed, match=str(unused_tcp_port)):
        async with link_to(Endpoint(host="127.0.0.1", port=unused_tcp_port)).serving(attempts=1):
            pytest.fail("nobody is there")


async def test_a_link_that_ends_in_the_body_says_why_at_its_end():
    async with Door() as door:

        async def body():
            async with asyncio.timeout(PATIENCE), link_to(door).serving() as link:
                door.statuses = [CommandStatus.ESME_RINVPASWD]
                door.bound[0].abort()
                await link.requests()

        with pytest.raises(BindRefused, match="ESME_RINVPASWD"):
            await body()


async def test_a_drain_does_not_wait_for_a_connection_that_is_being_made():
    async with Door(None) as door:
        link = link_to(door)
        async with running(link) as task:
            await door.asked.wait()
            await link.drain()
            await task
    assert not link.is_bound


async def test_a_link_can_run_again(smsc):
    link = link_to(smsc)
    for number in (1, 2):
        async with asyncio.timeout(PATIENCE), link.serving():
            assert smsc.counts.binds == number


# Another plan


async def test_a_link_goes_over_to_another_plan_without_a_gap():
    async with Door() as old, Door() as new, asyncio.timeout(PATIENCE), link_to(old).serving() as link:
        former, _ = await start(link)
        rebinding = asyncio.ensure_future(link.rebind(replace(link.plan, endpoints=(new.endpoint,), binds=2)))
        watch = link.events()
        await until(watch, events.Draining)
        assert sum(one is not former for one in link.sessions) == 2
        assert (await link.turns())[0] is not former
        await answer(old.bound[0])
        await rebinding
        assert former.closed.orderly
        assert [one.peer for one in link.sessions] == [f"127.0.0.1:{new.endpoint.port}"] * 2
        new.bound[0].abort()  # and it is kept from then on
        await until(watch, events.Lost)
        await until(watch, events.Bound)


@pytest.mark.parametrize("status", [CommandStatus.ESME_RINVPASWD, CommandStatus.ESME_RALYBND])
async def test_a_plan_that_does_not_work_leaves_the_old_one_as_it_was(status):
    door, patience = Door(CommandStatus.ESME_ROK, status), asyncio.timeout(PATIENCE)
    async with Door() as old, door as new, patience, link_to(old).serving() as link:
        session = await link.session()
        with pytest.raises(BindRefused, match=status.name):
            await link.rebind(replace(link.plan, endpoints=(new.endpoint,), binds=2))
        assert link.sessions == [session]
        assert session.is_bound
        assert link.plan.endpoints == (old.endpoint,)
        for one in new.sessions:  # none of the new ones stays open
            await one.wait_closed()


async def test_where_an_account_is_bound_once_only_the_old_session_ends_first():
    async with Door() as door, asyncio.timeout(PATIENCE), link_to(door).serving() as link:
        former = await link.session()
        await link.rebind(replace(link.plan, window=7), overlap=False)
        assert former.closed.orderly
        assert (await link.session()).connection.room == 7


async def test_a_link_that_does_not_run_takes_another_plan_for_when_it_does(smsc):
    link = link_to(Endpoint(host="nowhere.invalid", port=1))
    await link.rebind(replace(link.plan, endpoints=(parse_url(smsc.url),)))
    async with asyncio.timeout(PATIENCE), link.serving():
        assert smsc.counts.binds == 1


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


@pytest.mark.parametrize(
    ("wrong", "field"), [({"endpoints": ()}, "endpoints"), ({"how": "sideways"}, "bind"), ({"binds": 0}, "binds")]
)
def test_a_plan_that_cannot_be_is_refused(wrong, field):
    with pytest.raises(InvalidValue) as refused:
        Plan(**{"endpoints": (Endpoint(host="smsc", port=1),)} | wrong)
    assert refused.value.field == field


async def test_a_link_shows_its_name_and_state_and_no_secrets():
    link = link_to(Endpoint(host="smsc", port=2775, system_id="acme", password="hunter2"))
    assert "main" in repr(link)
    assert "unbound" in repr(link)
    assert "hunter2" not in repr(link)
