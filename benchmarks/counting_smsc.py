"""An SMSC that only counts: takes submit_sm, answers, sends a receipt for each, and notes when the first octets came.

It reads nothing but destination_addr, so that the daemon is what is measured. `Sink.in_a_process()` runs one beside.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import struct
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection

_HEADER = struct.Struct(">IIII")
_SUBMIT_SM, _UNBIND, _ENQUIRE_LINK = 4, 6, 0x15
_RESPONSE = 0x80000000
_RECEIPT = b"id:%b sub:001 dlvrd:001 submit date:2611210830 done date:2611210831 stat:DELIVRD err:000 text:Your order"


def _pdu(command_id: int, sequence_number: int, body: bytes = b"") -> bytes:
    return _HEADER.pack(16 + len(body), command_id, 0, sequence_number) + body


def _destination(body: bytes) -> bytes:
    source_at = body.index(0) + 3  # behind service_type and the source's TON and NPI
    at = body.index(0, source_at) + 3
    return body[at : body.index(0, at)]


class Sink(asyncio.Protocol):
    """One connection; everything it saw is in `seen`: destination_addr -> when."""

    seen: dict[bytes, float] = {}  # noqa: RUF012 - of all connections, on purpose
    count = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._buffer = b""
        self._sequence_number = 0

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        data = self._buffer + data
        at, answers, receipts = 0, [], []
        while len(data) - at >= _HEADER.size:
            length, command_id, _, sequence_number = _HEADER.unpack_from(data, at)
            if len(data) - at < length:
                break
            if command_id == _SUBMIT_SM:
                destination = _destination(data[at + 16 : at + length])
                Sink.seen.setdefault(destination, now)
                Sink.count += 1
                message_id = b"%d" % Sink.count
                answers.append(_pdu(_SUBMIT_SM | _RESPONSE, sequence_number, message_id + b"\0"))
                receipts.append(self._receipt(message_id, destination))
            elif not command_id & _RESPONSE:
                system_id = b"" if command_id in {_UNBIND, _ENQUIRE_LINK} else b"sink\0"
                answers.append(_pdu(command_id | _RESPONSE, sequence_number, system_id))
            at += length
        self._buffer = data[at:]
        self._transport.write(b"".join(answers + receipts))

    def _receipt(self, message_id: bytes, subscriber: bytes) -> bytes:
        self._sequence_number += 1
        text = _RECEIPT % message_id
        addresses = b"\0\1\1" + subscriber + b"\0\5\0ACME\0"
        body = addresses + b"\4\0\0\0\0\0\0\0\0" + bytes([len(text)]) + text
        return _pdu(5, self._sequence_number, body)

    @classmethod
    async def listen(cls) -> tuple[asyncio.Server, int]:
        cls.seen.clear()
        server = await asyncio.get_running_loop().create_server(cls, "127.0.0.1", 0)
        return server, server.sockets[0].getsockname()[1]

    @classmethod
    @contextmanager
    def in_a_process(cls) -> Iterator[int]:
        """The port of a sink in a process of its own."""
        ours, its = multiprocessing.Pipe()
        process = multiprocessing.get_context("spawn").Process(target=_serve, args=(its,), daemon=True)
        process.start()
        try:
            yield ours.recv()
        finally:
            process.terminate()
            process.join()


def _serve(told: Connection) -> None:
    async def serve() -> None:
        server, port = await Sink.listen()
        told.send(port)
        await server.serve_forever()

    asyncio.run(serve())
