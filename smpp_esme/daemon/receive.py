"""Messages from subscribers: put together from their segments, none of which is answered before it is written down.

Segments wait in memory (`Reassembly`, which decides) and in the store (so that a restart finds them). Each batch writes
the difference, in one transaction: the messages that are whole now, the segments that still wait, and the keys of those
that wait no more.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec

from smpp_esme.errors import StoreUnusable
from smpp_esme.message.message import new_reference
from smpp_esme.message.received import HeldSegment, Received, SegmentKey, key_of
from smpp_esme.protocol.pdus import DataSm, DeliverSm
from smpp_esme.sms.reassembly import Reassembly

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smpp_esme.sms.mo import MoMessage
    from smpp_esme.sms.profile import Profile
    from smpp_esme.store import Store

#: Seconds between looks at what waits too long.
_TICK: Final = 1.0


class Receive:
    """Takes in what one link's subscribers send.

    Args:
        store: where it is kept.
        link: the link's name.
        profile: the SMSC's, as bound.
        deadline: seconds after its first segment when a message is kept without those that never came; after a
            restart they begin anew.
    """

    def __init__(self, store: Store, link: str, profile: Profile, *, deadline: float = 300.0) -> None:
        self._store = store
        self._link = link
        self._profile = profile
        self._deadline = deadline
        self._reassembly = Reassembly(deadline=deadline)

    def change(self, profile: Profile) -> None:
        """Read what comes from now on by this profile."""
        self._profile = profile

    async def restore(self) -> None:
        """Take up the segments that a former life left waiting, or that were here before the store had an outage.

        What is in memory is forgotten: it may be ahead of the store, which is what the SMSC was told.
        """
        now = asyncio.get_running_loop().time()
        self._reassembly = Reassembly(deadline=self._deadline)
        done: list[MoMessage] = []
        for segment in await self._store.inbox.waiting(self._link):
            done += self._add(_read(segment.pdu), now)
        await self._keep(done, [], datetime.now(UTC))

    async def take(self, requests: Sequence[DeliverSm | DataSm], at: datetime) -> None:
        """Write these down; once this returns, each may be acknowledged.

        Raises:
            StoreUnusable: nothing was kept.
        """
        now = asyncio.get_running_loop().time()
        done = [message for request in requests for message in self._add(request, now)]
        held = [
            HeldSegment(SegmentKey(*key), _written(request), at)
            for request in requests
            if (key := self._reassembly.waits_as(request, self._profile, link=self._link))
        ]
        await self._keep(done, held, at)

    async def watch(self) -> None:
        """Give messages up whose segments do not come, until cancelled."""
        while True:
            await asyncio.sleep(_TICK)
            await self.expire(asyncio.get_running_loop().time())

    async def expire(self, now: float) -> None:
        """Keep the messages whose deadline has passed as they are, incomplete."""
        await self._keep(self._reassembly.expired(now), [], datetime.now(UTC))

    def _add(self, request: DeliverSm | DataSm, now: float) -> list[MoMessage]:
        return self._reassembly.add(request, self._profile, link=self._link, now=now)

    async def _keep(self, done: Sequence[MoMessage], held: Sequence[HeldSegment], at: datetime) -> None:
        if not (done or held):
            return
        await self._store.inbox.keep(
            [Received.of(one, reference=new_reference(time.time_ns(), secrets.randbits(80)), at=at) for one in done],
            held=held,
            cleared=[key for one in done if (key := key_of(one))],
        )


class _Kept(msgspec.Struct, omit_defaults=True):
    """A PDU as it is kept: one of the two; by name, so that a later version with more parameters can read it."""

    deliver_sm: DeliverSm | None = None
    data_sm: DataSm | None = None


def _written(request: DeliverSm | DataSm) -> bytes:
    kept = _Kept(deliver_sm=request) if isinstance(request, DeliverSm) else _Kept(data_sm=request)
    return msgspec.msgpack.encode(kept)


def _read(octets: bytes) -> DeliverSm | DataSm:
    kept = msgspec.msgpack.decode(octets, type=_Kept)
    pdu = kept.deliver_sm or kept.data_sm
    if pdu is None:
        raise StoreUnusable("a segment that waits is neither a deliver_sm nor a data_sm")
    return pdu
