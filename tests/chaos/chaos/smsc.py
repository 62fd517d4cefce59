"""An SMSC in a process of its own that outlives its deaths.

The simulator forgets what it saw when it is killed. This one writes each message down before it answers it, each
receipt and each reply when it has been taken, and when it starts again it sends the receipts that it still owes, as a
real SMSC does. `Journal` reads the file, which is the SMSC's own count of what it saw.

It is given the journal, where to say that it is ready, a seed, and how often it was started before.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from itertools import count
from pathlib import Path

from smpp_esme.protocol.parameters import EsmClass
from smpp_esme.protocol.pdus import DeliverSm
from smpp_esme.simulator import Handsets, Script, Smsc
from smpp_esme.simulator.deliveries import Deliveries
from smpp_esme.simulator.malformed import MALFORMED

ACCOUNT = "demo"
#: message_ids of one life; no life gives out another's.
IDS_OF_A_LIFE = 10_000_000
#: Numbers that end so get an answer from their subscriber, in two segments.
REPLYING = "3"
REPLY = "Reply " + "of two segments " * 12
#: Segments are told apart by this much of what they carry.
_FINAL = re.compile(rb"id:(\S+) .*stat:(?!ENROUTE)")


def misbehaviour() -> Script:
    """A little of everything that an SMSC may do; all of it seeded."""
    script = (
        Script()
        .refuse("ESME_RINVDSTADR", chance=0.01)
        .refuse("ESME_RTHROTTLED", chance=0.003)
        .refuse("ESME_RSYSERR", chance=0.003)
        .delay(0.3, chance=0.02)
        .drop_response(chance=0.002)
        .close("before", chance=0.0005)
        .close("instead", chance=0.0005)
        .close("within", chance=0.0005)
        .receipt_first(chance=0.05)
        .receipt_twice(chance=0.05)
        .receipt_late(0.5, spread=1.0, chance=0.05)
        .receipt_elsewhere(chance=0.2)
        .intermediate(chance=0.02)
        .reply(REPLY, when=lambda request: request.destination_addr.endswith(REPLYING))
    )
    for kind in MALFORMED:
        script.malform(kind, chance=0.0001)
    return script


class Journal:
    """What the SMSC saw, a line each: the file is written by one process and read by another."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def open(self) -> None:
        self._file = os.open(self.path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)

    def write(self, *words: str) -> None:
        """Once this returns, the line survives our death."""
        os.write(self._file, (" ".join(words) + "\n").encode())

    def lines(self) -> list[list[str]]:
        if not self.path.exists():
            return []
        return [line.split() for line in self.path.read_text().splitlines(keepends=True) if line.endswith("\n")]

    def accepted(self) -> list[tuple[str, str, str]]:
        """Segments: message_id, destination, octets in hexadecimal."""
        return [(line[1], line[2], line[3]) for line in self.lines() if line[0] == "accepted"]

    def receipted(self) -> set[str]:
        """message_ids whose final receipt was answered with ESME_ROK."""
        return {line[1] for line in self.lines() if line[0] == "receipted"}

    def replied(self) -> list[tuple[str, str]]:
        """Segments of subscribers' texts that were answered with ESME_ROK: from whom, and octets in hexadecimal."""
        return [(line[1], line[2]) for line in self.lines() if line[0] == "replied"]


def write_down(smsc: Smsc, journal: Journal, life: int) -> None:
    """Have everything that happens written down, before anybody is told of it."""
    take, took = smsc._journal.take, Deliveries.took

    def taking(message, at):
        request = message.request
        journal.write("accepted", message.message_id, request.destination_addr, request.short_message.hex())
        return take(message, at)

    def taken(deliveries, delivery):
        pdu = delivery.pdu
        if not pdu.esm_class & EsmClass.DELIVERY_RECEIPT:
            journal.write("replied", pdu.source_addr, pdu.short_message.hex())
        elif found := _FINAL.match(pdu.short_message):
            journal.write("receipted", found[1].decode())
        took(deliveries, delivery)

    smsc._journal.take = taking
    Deliveries.took = taken
    smsc._centre._numbers = count((life + 1) * IDS_OF_A_LIFE)


async def pay_debts(smsc: Smsc, journal: Journal) -> None:
    """Send the receipts that an earlier life owed."""
    receipted = journal.receipted()
    async with asyncio.TaskGroup() as sending:
        for message_id, destination, _ in journal.accepted():
            if message_id not in receipted:
                text = f"id:{message_id} sub:001 dlvrd:001 stat:DELIVRD err:000 text:".encode()
                receipt = DeliverSm(source_addr=destination, destination_addr="CHAOS", esm_class=4, short_message=text)
                sending.create_task(smsc.send(receipt, ACCOUNT))


async def run(journal: Journal, ready: Path, seed: int, life: int) -> None:
    smsc = Smsc(
        "standard",
        accounts={ACCOUNT: "secret"},
        script=misbehaviour(),
        handsets=Handsets({}),
        receipt_delay=0.2,
        latency=0.01,
        retry_delay=0.2,
        seed=seed + life,
        keep=10_000,
    )
    journal.open()
    async with smsc:
        write_down(smsc, journal, life)
        # Before anybody knows that it is there: without a handler the signal would end it.
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, smsc.script.clear)
        draft = ready.with_suffix(".draft")
        draft.write_text(json.dumps({"port": smsc.port, "life": life}))
        draft.replace(ready)
        await pay_debts(smsc, journal)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(run(Journal(Path(sys.argv[1])), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))
