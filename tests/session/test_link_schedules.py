"""A link alone, with binds that come and go, pairs and other plans, through whatever can be done to it and its SMSC.

However they are treated: every submit ends, once, as submitted, refused or in doubt; every receipt that the SMSC has
reaches the user, and is told twice only if the SMSC sent it twice; nothing waits without a timer (in virtual time that
is an error by itself); no task is left over.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from smpp_esme.errors import SmppError
from smpp_esme.protocol.pdus import RESPONSES, SubmitSm
from smpp_esme.protocol.timers import Timers
from smpp_esme.session.endpoint import parse_url
from smpp_esme.session.link import Link
from smpp_esme.session.pacing import Pacing
from smpp_esme.session.plan import Plan
from smpp_esme.simulator.script import Script
from smpp_esme.simulator.smsc import Smsc
from smpp_esme.simulator.virtual_time import run

#: In CI so many schedules are tried, elsewhere enough to notice what is plainly wrong.
SCHEDULES = 2_000 if os.environ.get("THOROUGH") == "1" else 100
#: Virtual seconds for which things may go on once nothing disturbs them any more.
PATIENCE = 3_600.0
TO = "79161234567"


class Told:
    """One submit: it must end exactly once, and can be told late only after that."""

    def __init__(self):
        self.ended = []
        self.over = asyncio.Event()

    def answered(self, response):
        self.end(response.message_id if not response.command_status else response.status)

    def unanswered(self, error):
        assert isinstance(error, SmppError)
        self.end("in doubt")

    def end(self, how):
        self.ended.append(how)
        self.over.set()

    def late(self, response):
        assert self.ended == ["in doubt"]


class Story:
    """A link, its SMSC, and everybody who uses the link."""

    def __init__(self, smsc, plan, throughput):
        self.smsc = smsc
        self.link = Link("main", plan, pacing=Pacing(throughput, 0.0))
        self.network = asyncio.get_running_loop().network
        self.submits = []
        self.never_left = 0
        self.seen = Counter()

    # What the users do

    async def submit(self, number, lane):
        told = Told()
        pdu = SubmitSm(
            source_addr="ACME", destination_addr=TO, registered_delivery=1, short_message=b"message %d" % number
        )
        try:
            session, _ = await self.link.turns(lane=lane)
            session.start(pdu, told)
        except SmppError:
            self.never_left += 1
        else:
            self.submits.append(told)

    async def read(self):
        while True:
            session, requests = await self.link.requests()
            for request in requests:
                self.seen[re.search(rb"id:(\S+)", request.short_message)[1].decode()] += 1
                session.respond(request, RESPONSES[request.command_id]())

    # What happens to them

    def cut(self, _):
        self.network.cut()

    def disconnect(self, _):
        self.smsc.disconnect()

    def unreachable(self, _):
        self.network.reachable = False

    def reachable(self, _):
        self.network.reachable = True

    def latency(self, seconds):
        self.network.latency = seconds / 10

    def slices(self, octets):
        self.network.slices = lambda arrived: min(arrived, int(octets) + 1)

    def script(self, verb, *given, **named):
        return lambda seconds: getattr(self.smsc.script, verb)(
            *(one(seconds) if callable(one) else one for one in given), **named
        )

    @property
    def disturbances(self):
        some = {"times": 2}
        return {
            "cut": self.cut,
            "disconnect": self.disconnect,
            "unreachable": self.unreachable,
            "reachable": self.reachable,
            "latency": self.latency,
            "slices": self.slices,
            "throttle": self.script("refuse", "ESME_RTHROTTLED", times=3),
            "refuse": self.script("refuse", "ESME_RINVDSTADR", **some),
            "nack": self.script("nack", **some),
            "slow": self.script("delay", lambda seconds: seconds * 3, **some),
            "unanswered": self.script("drop_response", **some),
            "closed instead": self.script("close", "instead", times=1),
            "closed before": self.script("close", "before", times=1),
            "closed within": self.script("close", "within", times=1),
            "closed behind": self.script("close", "behind", times=1),
            "silence": self.script("silence", lambda seconds: seconds * 10, times=1),
            "early receipt": self.script("receipt_first", **some),
            "late receipt": self.script("receipt_late", lambda seconds: seconds * 20, **some),
            "receipt elsewhere": self.script("receipt_elsewhere", **some),
            "already bound": self.script("refuse_bind", "ESME_RALYBND", times=1),
            "no bind": self.script("refuse_bind", "ESME_RSYSERR", times=2),
            "bind unanswered": self.script("ignore_bind", times=1),
            "split": self.script("split_writes", 7, times=1),
            "silent session": self.script("fall_silent", lambda seconds: seconds, times=1),
            "unbound": self.script("unbind", lambda seconds: seconds, times=1),
        }

    def calm(self):
        """Nothing disturbs them any more."""
        self.smsc.script.clear()
        self.network.latency, self.network.slices, self.network.reachable = 0.0, None, True


DISTURBANCES = sorted(
    {
        "cut",
        "disconnect",
        "unreachable",
        "reachable",
        "latency",
        "slices",
        "throttle",
        "refuse",
        "nack",
        "slow",
        "unanswered",
        "closed instead",
        "closed before",
        "closed within",
        "closed behind",
        "silence",
        "early receipt",
        "late receipt",
        "receipt elsewhere",
        "already bound",
        "no bind",
        "bind unanswered",
        "split",
        "silent session",
        "unbound",
    }
)

STEPS = st.lists(
    st.tuples(st.just("submit"), st.integers(1, 8), st.integers(0, 3))
    | st.tuples(st.sampled_from(DISTURBANCES), st.floats(0.0, 9.0), st.floats(0.0, 3.0))
    | st.tuples(st.just("wait"), st.floats(0.0, 30.0), st.just(0.0))
    | st.tuples(st.just("cancel"), st.integers(0, 50), st.just(0.0))
    | st.tuples(st.just("rebind"), st.integers(1, 3), st.booleans()),
    min_size=5,
    max_size=40,
)
PLANS = st.fixed_dictionaries(
    {
        "how": st.sampled_from(["transceiver", "transceiver", "pair"]),
        "binds": st.integers(1, 3),
        "window": st.sampled_from([1, 3, 10]),
    }
)


async def lived(story, steps):
    """Everybody does what the steps say; afterwards all is calm, and everything must come to its end."""
    users, rebinding = [], []
    for number, (what, amount, more) in enumerate(steps):
        match what:
            case "submit":
                users += [asyncio.ensure_future(story.submit(100 * number + one, more)) for one in range(amount)]
            case "wait":
                await asyncio.sleep(amount)
            case "cancel":
                for user in users[amount : amount + 1]:
                    user.cancel()
            case "rebind":
                plan = replace(story.link.plan, binds=amount)
                rebinding.append(asyncio.ensure_future(story.link.rebind(plan, overlap=more)))
            case _:
                story.disturbances[what](amount)
                await asyncio.sleep(more)
    story.calm()
    await asyncio.gather(*users, return_exceptions=True)
    for error in await asyncio.gather(*rebinding, return_exceptions=True):
        assert error is None or isinstance(error, SmppError)
    await asyncio.gather(*(told.over.wait() for told in story.submits))
    await asyncio.sleep(400.0)  # whatever is on its way arrives, and every receipt becomes due
    await story.smsc.until(lambda smsc: smsc.counts.receipts_answered == smsc.counts.receipts)


def check(story):
    counts = story.smsc.counts
    accepted = [one for told in story.submits for one in told.ended if isinstance(one, str) and one != "in doubt"]
    assert all(len(told.ended) == 1 for told in story.submits)
    assert len(set(accepted)) == len(accepted)
    received = {message_id for one in story.smsc.received for message_id in one.message_ids}
    assert set(accepted) <= received
    assert counts.receipts == len(received)
    assert counts.receipts_dropped == 0
    assert set(story.seen) == received
    assert counts.receipts <= sum(story.seen.values()) <= counts.receipts + counts.receipts_repeated
    # What left once reached the SMSC at most once.
    assert len(received) <= len(story.submits)


@pytest.mark.timeout(900)
@settings(max_examples=SCHEDULES, deadline=None, suppress_health_check=list(HealthCheck))
@given(STEPS, PLANS, st.sampled_from([0.0, 5.0, 50.0]), st.integers(0, 2**32))
def test_every_submit_and_every_receipt_comes_to_its_end(steps, options, throughput, seed):
    async def main():
        timers = Timers(response=5.0, enquire_link=10.0, session_init=10.0)
        async with Smsc("standard", seed=seed, receipt_delay=0.5, timers=timers, script=Script()) as smsc:
            plan = Plan(endpoints=(parse_url(smsc.url),), timers=timers, **options)
            story = Story(smsc, plan, throughput)
            async with asyncio.timeout(PATIENCE), story.link.serving(drain=5.0):
                reading = asyncio.ensure_future(story.read())
                try:
                    await lived(story, steps)
                finally:
                    reading.cancel()
            assert all(told.ended == ["in doubt"] for _, told in story.link.unanswered)
            check(story)
        await asyncio.sleep(100.0)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(main())


def test_the_steps_name_every_disturbance():
    async def main():
        async with Smsc("standard") as smsc:
            return Story(smsc, Plan(endpoints=(parse_url(smsc.url),)), 0.0).disturbances

    assert sorted(run(main())) == DISTURBANCES
