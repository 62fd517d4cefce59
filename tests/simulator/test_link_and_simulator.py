"""Client, link and simulator in virtual time, through whatever a network and an SMSC can do, in any order.

However the schedule goes, once the network is whole again every submit has ended as submitted, refused or in doubt, the
SMSC has nothing twice, every receipt has reached the user, and no task is left. That no wait is without a deadline is
seen to by virtual time itself: it is an error there to wait when no timer runs.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

import smpp_esme
from smpp_esme.client import InDoubt, MtMessage, Refused, Submitted
from smpp_esme.errors import ResponseTimeout, SessionClosed, SubmitRefused
from smpp_esme.protocol.timers import Timers
from smpp_esme.session.plan import Backoff
from smpp_esme.simulator import Handsets, Smsc
from smpp_esme.simulator.virtual_time import VirtualLoop

#: How many schedules are tried; CI asks for those that the project promises, a developer's run for fewer.
SCHEDULES = 2_000 if os.environ.get("THOROUGH") == "1" else 200
STEPS = 15
#: Texts of one segment and of two.
TEXTS = ["hello", "The quick brown fox jumps over the lazy dog. " * 4]
#: Virtual seconds within which everything has come to its end, once the network is whole.
PATIENCE = 3600.0
#: Virtual seconds in which receipts that were not taken the first time come again.
REDELIVERY = 60.0

some = st.integers(1, 4)
#: Few, so that different things often happen at the very same time.
moments = st.sampled_from([0.0, 0.01, 0.02, 1.0, 2.0])
refusals = st.sampled_from(["ESME_RTHROTTLED", "ESME_RMSGQFUL", "ESME_RINVDSTADR", "ESME_RSYSERR", 0x4FF])


class Trouble(Exception):
    """What the user's own code raises while it has a receipt in hand."""


class Schedule(RuleBasedStateMachine):
    """One client over two sessions, its user, and the SMSC; each rule is something that happens to them."""

    def __init__(self):
        super().__init__()
        self.loop = VirtualLoop()
        self.numbers = 0
        self.outcomes = {}
        self.submitting = []
        self.seen = Counter()
        self.trouble = 0

    @initialize(
        seed=st.integers(0, 2**16),
        binds=st.integers(1, 2),
        window=st.sampled_from([1, 3, 50]),
        throughput=st.sampled_from([0.0, 1.0, 100.0]),
    )
    def begin(self, seed, **options):
        self.over = asyncio.Event()
        self.life = self.loop.create_task(self._live(seed, options), name="life")
        self.passes(1.0)

    async def _live(self, seed, options):
        timers = Timers(response=5.0, enquire_link=7.0, session_init=5.0)
        smsc = Smsc("standard", handsets=Handsets({}), receipt_delay=1.0, seed=seed, timers=timers)
        async with smsc as self.smsc:
            backoff = Backoff(first=0.1, most=5.0)
            async with smpp_esme.connect(smsc.url, timers=timers, backoff=backoff, **options) as self.esme:
                reading = asyncio.create_task(self._read(), name="reading")
                await self.over.wait()
            await reading

    async def _read(self):
        while True:
            try:
                async with self.esme.receipts() as receipts:
                    async for receipt in receipts:
                        self._have_trouble()
                        self.seen[receipt.source_addr] += 1
            except Trouble:
                continue
            except SessionClosed:
                return

    def _have_trouble(self):
        if self.trouble:
            self.trouble -= 1
            raise Trouble

    # What the user does

    def _message(self, text):
        self.numbers += 1
        return MtMessage(f"7916{self.numbers:07}", text, source="ACME")

    async def _submit(self, message):
        try:
            self.outcomes[message.to] = await self.esme.submit(message.to, message.content, source=message.source)
        except SubmitRefused as error:
            self.outcomes[message.to] = Refused(message, error)
        except (ResponseTimeout, SessionClosed) as error:
            self.outcomes[message.to] = InDoubt(message, error)

    async def _submit_many(self, messages):
        async for outcome in self.esme.submit_many(messages):
            to = outcome.destination_addr if isinstance(outcome, Submitted) else outcome.message.to
            assert to not in self.outcomes, "one message had two outcomes"
            self.outcomes[to] = outcome

    @rule(text=st.sampled_from(TEXTS), count=some)
    def submits(self, text, count):
        for _ in range(count):
            self.submitting.append(self.loop.create_task(self._submit(self._message(text))))

    @rule(text=st.sampled_from(TEXTS), count=st.integers(1, 20))
    def submits_many(self, text, count):
        messages = [self._message(text) for _ in range(count)]
        self.submitting.append(self.loop.create_task(self._submit_many(messages)))

    @rule(times=some)
    def has_trouble_with_receipts(self, times):
        self.trouble += times

    # What the network does

    @rule(seconds=st.sampled_from([0.0, 0.01, 1.0, 3.0, 11.0, 60.0]))
    def passes(self, seconds):
        self.loop.run_until_complete(asyncio.sleep(seconds))

    @rule(latency=st.sampled_from([0.0, 0.01, 2.0, 6.0]))
    def slows_down(self, latency):
        self.loop.network.latency = latency

    @rule(size=st.integers(1, 40))
    def slices(self, size):
        self.loop.network.slices = lambda octets: min(octets, size)

    @rule(which=st.integers(0, 3), how=st.sampled_from(["cut", "silent"]), after=moments)
    def loses_a_connection(self, which, how, after):
        self.loop.call_later(after, self._lose, which, how)

    def _lose(self, which, how):
        if which < len(self.loop.network.connections):
            connection = self.loop.network.connections[which]
            if how == "cut":
                connection.cut()
            else:
                connection.silent = True

    @rule()
    def becomes_unreachable(self):
        self.loop.network.reachable = False

    @rule()
    def becomes_reachable(self):
        self.loop.network.reachable = True

    # What the SMSC does

    @rule(status=refusals, times=some)
    def refuses(self, status, times):
        self.smsc.script.refuse(status, times=times)

    @rule(
        verb=st.sampled_from(["nack", "drop_response", "receipt_first", "receipt_twice", "receipt_elsewhere"]),
        times=some,
    )
    def does_it_otherwise(self, verb, times):
        getattr(self.smsc.script, verb)(times=times)

    @rule(seconds=st.sampled_from([0.1, 4.9, 5.1, 30.0]), times=some)
    def is_late(self, seconds, times):
        self.smsc.script.delay(seconds, times=times)
        self.smsc.script.receipt_late(seconds, times=times)

    @rule(where=st.sampled_from(["before", "instead", "within", "behind"]))
    def closes(self, where):
        self.smsc.script.close(where, times=1)

    @rule()
    def unbinds(self):
        self.submitting.append(self.loop.create_task(self.smsc.unbind()))

    @rule(times=some)
    def refuses_binds(self, times):
        self.smsc.script.refuse_bind("ESME_RALYBND", times=times)

    # How it ends

    def teardown(self):
        try:
            self.loop.run_until_complete(self._settle())
            self._judge()
        finally:
            self.loop.close()

    async def _settle(self):
        network = self.loop.network
        network.latency, network.slices, network.reachable = 0.0, None, True
        self.smsc.script.clear()
        self.trouble = 0
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*self.submitting)
            submitted = [one for one in self.outcomes.values() if not isinstance(one, Refused | InDoubt)]
            for submission in submitted:
                await submission.receipt()
        await asyncio.sleep(REDELIVERY)
        self.over.set()
        async with asyncio.timeout(PATIENCE):
            await self.life

    def _judge(self):
        assert len(self.outcomes) == self.numbers, "a submit has not ended"
        counts = self.smsc.counts
        had = Counter((pdu.destination_addr, pdu.short_message) for pdu in self.smsc.submit_sms)
        assert max(had.values(), default=1) == 1, "a segment reached the SMSC twice"
        for to, outcome in self.outcomes.items():
            if not isinstance(outcome, Refused | InDoubt):
                assert self.seen[to] >= len(outcome.message_ids), "a receipt did not reach the user"
        assert counts.receipts_answered + counts.receipts_dropped == counts.receipts
        assert counts.receipts_dropped == 0
        assert counts.receipts_answered <= self.seen.total() <= counts.receipts + counts.receipts_repeated
        assert asyncio.all_tasks(self.loop) == set(), "a task is left"


TestSchedules = Schedule.TestCase
TestSchedules.pytestmark = [pytest.mark.timeout(900)]  # a loaded machine takes its time
TestSchedules.settings = settings(max_examples=SCHEDULES, stateful_step_count=STEPS, deadline=None)
