"""How many submits a second the simulated SMSC takes, each with its receipt: ``python -m benchmarks.simulator``.

The simulator runs in a process of its own, as `smpp-esme simulate` does, with the faster event loop if it is there. The
client is no ESME of ours: octets that were made beforehand, a window of 100, every deliver_sm answered; so that the
simulator is what is measured. The figure is the simulator's: submits by its own processor time, and by the clock.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from smpp_esme.protocol.codec import encode
from smpp_esme.protocol.pdus import BindTransceiver, SubmitSm

_SUBMITS: Final = 20_000
_ROUNDS: Final = 9
_WINDOW: Final = 100
_SUBMIT_SM_RESP: Final = 0x8000_0004
_DELIVER_SM: Final = 5
_HEADER: Final = struct.Struct(">IIII")
_DELIVER_SM_RESP: Final = struct.pack(">III", 17, 0x8000_0005, 0)


class _Bulk(asyncio.Protocol):
    """Sends what was made beforehand, a window at a time, and answers what is delivered."""

    def __init__(self, pdus: list[bytes]) -> None:
        self.answered = self.receipted = 0
        self.over = asyncio.get_running_loop().create_future()
        self._pdus = pdus
        self._sent = 0
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(encode(BindTransceiver(system_id="bench"), 1))

    def data_received(self, data: bytes) -> None:
        octets = self._rest + data if self._rest else data
        start, out = 0, []
        while start + 16 <= len(octets):
            length, command_id, _, number = _HEADER.unpack_from(octets, start)
            if start + length > len(octets):
                break
            start += length
            if command_id == _DELIVER_SM:
                self.receipted += 1
                out.append(_DELIVER_SM_RESP + number.to_bytes(4) + b"\0")
            elif command_id == _SUBMIT_SM_RESP:
                self.answered += 1
        self._rest = octets[start:]
        room = _WINDOW - (self._sent - self.answered)
        out += self._pdus[self._sent : self._sent + room]
        self._sent = min(self._sent + room, len(self._pdus))
        if out:
            self._transport.write(b"".join(out))
        if self.receipted >= len(self._pdus) and not self.over.done():
            self.over.set_result(None)

    def connection_lost(self, _: Exception | None) -> None:
        if not self.over.done():
            self.over.set_exception(ConnectionError("the simulator is gone"))


def _pdus(count: int) -> list[bytes]:
    return [
        encode(
            SubmitSm(
                source_addr="ACME",
                destination_addr=f"7916{number:07}000",
                registered_delivery=1,
                short_message=b"message number %d of many" % number,
            ),
            number + 2,
        )
        for number in range(count)
    ]


async def _drive(port: int, pdus: list[bytes]) -> float:
    transport, client = await asyncio.get_running_loop().create_connection(lambda: _Bulk(pdus), "127.0.0.1", port)
    began = time.perf_counter()
    await client.over
    taken = time.perf_counter() - began
    transport.close()
    await asyncio.sleep(0.1)  # its last answers are on their way, and the next round is not to get its receipts
    return taken


def _processor(pid: int) -> float:
    """Seconds of processor time that a process has used (Linux: fields 14 and 15 of /proc/PID/stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measure some rounds, and say the best and the median: a shared machine only ever makes them worse."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else _SUBMITS
    pdus = _pdus(count)
    clocks, processors = [], []
    with tempfile.TemporaryDirectory() as place:
        ready = Path(place) / "ready.json"
        command = [sys.executable, "-m", "smpp_esme", "simulate", "--port", "0", "--receipt-delay", "0.05"]
        command += ["--window", "1000", "--ready-file", str(ready)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as simulator:
            while not ready.exists():
                time.sleep(0.05)
            port = json.loads(ready.read_text())["port"]
            for _ in range(_ROUNDS):
                begun = _processor(simulator.pid)
                clocks.append(count / asyncio.run(_drive(port, pdus)))
                processors.append(count / (_processor(simulator.pid) - begun))
            simulator.terminate()
    for name, rates in (("by the clock", clocks), ("by the simulator's processor time", processors)):
        print(f"{max(rates):,.0f} submits a second with receipts {name} (median {statistics.median(rates):,.0f})")


if __name__ == "__main__":
    main()
