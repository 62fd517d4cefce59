"""A process that is killed while it writes loses nothing that it was told is kept."""

import random
import signal
import subprocess
import sys
import textwrap

import pytest

from smpp_esme.message.status import MessageStatus, aggregate, may_move
from smpp_esme.store import Store

WRITER = textwrap.dedent("""
    import asyncio, sys
    from datetime import UTC, datetime, timedelta
    from smpp_esme.message.message import Accepted, Answer, Message, ReceiptFact, Segment
    from smpp_esme.message.status import MessageStatus
    from smpp_esme.store import Store

    NOW = datetime(2026, 1, 1, tzinfo=UTC)

    def new(number):
        parts = [Segment(number=each, short_message=b"x") for each in (1, 2)]
        return Message(reference=f"{number:06}", destination_addr="7999", text="x", link="main",
                       created_at=NOW, segments=parts)

    async def main():
        store = await Store.open(sys.argv[1], now=lambda: NOW)
        number = 0
        while True:
            batch = [new(number + each) for each in range(20)]
            number += 20
            await store.add(batch)
            print("kept", *[each.reference for each in batch], flush=True)
            claimed = await store.claim(20, link="main", owner="writer", lease_until=NOW + timedelta(hours=1))
            print("claimed", *[each.reference for each in claimed], flush=True)
            answers = [Answer(each.id, part, Accepted(f"{each.id}.{part}")) for each in claimed for part in (1, 2)]
            await store.record_answers(answers, NOW)
            print("submitted", *[each.reference for each in claimed], flush=True)
            facts = [
                ReceiptFact(link="main", message_id=f"{each.id}.{part}", message_status=MessageStatus.DELIVERED,
                            received_at=NOW)
                for each in claimed for part in (1, 2)
            ]
            await store.record_receipts(facts, NOW)
            print("delivered", *[each.reference for each in claimed], flush=True)

    asyncio.run(main())
""")

#: What a message may be found as, once the writer was told that it had come so far.
AT_LEAST = {
    "kept": set(MessageStatus),
    "claimed": set(MessageStatus) - {MessageStatus.QUEUED},
    "submitted": {MessageStatus.SUBMITTED, MessageStatus.DELIVERED},
    "delivered": {MessageStatus.DELIVERED},
}


def killed_writer(url, reports):
    """Let a writer report so often, kill it, and give back the last that it reported of each message."""
    writer = subprocess.Popen([sys.executable, "-c", WRITER, url], stdout=subprocess.PIPE, text=True)
    lines = [writer.stdout.readline() for _ in range(reports)]
    writer.send_signal(signal.SIGKILL)
    lines += [line for line in writer.stdout if line.endswith("\n")]
    writer.wait()
    writer.stdout.close()
    told = {}
    for line in lines:
        stage, *references = line.split()
        told |= dict.fromkeys(references, stage)
    return told


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_was_reported_as_written_is_there_after_sigkill(path, seed, clock):
    url = f"sqlite:///{path}"
    told = killed_writer(url, random.Random(seed).randint(1, 60))
    async with await Store.open(url) as store:
        kept = {}
        after = None
        while page := await store.messages(after=after, limit=1000):
            kept |= {each.reference: each for each in page}
            after = page[-1].reference
        assert told
        for reference, stage in told.items():
            assert kept[reference].status in AT_LEAST[stage]
        for message in kept.values():
            assert len(message.segments) == 2
            assert message.status is aggregate(part.status for part in message.segments)
        for message in list(kept.values())[-40:]:
            whole = [event for event in await store.events(message.reference) if event.segment is None]
            assert whole[-1].status is message.status
            for event in whole[1:]:
                assert may_move(event.previous, event.status)
        await store.recover("writer", clock.now)
        assert (await store.counts())[MessageStatus.SUBMITTING] == 0
