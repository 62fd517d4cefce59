"""Starts the SMSC that the clients are measured against: sink.c where there is a compiler, or else this module."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

HEADER = struct.Struct(">IIII")
RECEIPT = (
    b"id:%s sub:001 dlvrd:001 submit date:2611210830 done date:2611210831 stat:DELIVRD err:000 "
    b"text:Your order 1057 is r"
)


@contextlib.contextmanager
def running() -> Iterator[tuple[int, str]]:
    """Its port and what it is, while it serves in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        compiler = shutil.which("cc")
        if compiler:
            program = Path(folder) / "sink"
            subprocess.run([compiler, "-O2", "-o", program, Path(__file__).with_suffix(".c")], check=True)
            command, what = [program], "the sink in C"
        else:
            command, what = [sys.executable, "-m", "benchmarks.sink"], "the sink in Python: no C compiler was found"
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            yield int(process.stdout.readline()), what
            process.stdin.close()


class Sink(asyncio.Protocol):
    """As sink.c does, more slowly."""

    def __init__(self) -> None:
        self.rest = b""
        self.receipts = False
        self.latency = 0.0
        self.message = 0

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        octets, at, answers = self.rest + data, 0, []
        while at + 16 <= len(octets):
            length, command_id, _, sequence = HEADER.unpack_from(octets, at)
            if at + length > len(octets):
                break
            answers.append(self.answer(command_id, sequence, octets[at + 16 : at + length]))
            at += length
        self.rest = octets[at:]
        if self.latency:
            asyncio.get_running_loop().call_later(self.latency, self.transport.write, b"".join(answers))
        else:
            self.transport.write(b"".join(answers))

    def answer(self, command_id: int, sequence: int, body: bytes) -> bytes:
        if command_id == 4:
            self.message += 1
            message_id = b"%010d" % self.message
            response = HEADER.pack(27, 0x80000004, 0, sequence) + message_id + b"\0"
            return response + self.receipt(body, message_id) if self.receipts else response
        if command_id in {1, 2, 9}:
            system_id = body[: body.index(0)].decode()
            self.receipts = "R" in system_id
            self.latency = float(system_id.partition("L")[2] or 0) / 1000
            return HEADER.pack(21, command_id | 0x80000000, 0, sequence) + b"sink\0"
        return b"" if command_id & 0x80000000 else HEADER.pack(16, command_id | 0x80000000, 0, sequence)

    def receipt(self, body: bytes, message_id: bytes) -> bytes:
        end = body.index(0, 3) + 1
        source, destination = body[1:end], body[end : body.index(0, end + 2) + 1]
        text = RECEIPT % message_id
        tlvs = b"\0\x1e\0\x0b%s\0\x04\x27\0\1\2" % message_id
        delivery = b"\0" + destination + source + b"\4" + bytes(8) + bytes((len(text),)) + text + tlvs
        return HEADER.pack(16 + len(delivery), 5, 0, self.message) + delivery


async def serve() -> None:
    """Until standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Sink, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve())
