"""The TCP streams of a capture that carry SMPP, each direction joined and split into PDUs."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

import msgspec

from smpp_esme.cli.decode.frames import Frame, Splitter, Trouble
from smpp_esme.cli.decode.reassembly import Gap, Reassembly
from smpp_esme.protocol.codec import DEFAULT_LIMIT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from smpp_esme.cli.decode.transport import Peer, TcpSegment

#: More streams are not followed at once; the one that was silent for longest goes first.
MOST_STREAMS: Final = 1024
#: Octets that may wait for lost segments, in all streams together.
MOST_WAITING: Final = 64 * 1024 * 1024
#: Octets that may wait for one: more than any window that is in use.
MOST_WAITING_FOR_ONE: Final = 4 * 1024 * 1024
#: A peer has acknowledged what we lack: so many packets later it is lost, and not only late in the file.
PATIENCE: Final = 64
#: A stream in which no PDU begins in so many octets is not SMPP.
ENOUGH: Final = 2 * DEFAULT_LIMIT

_LOST: Final = "not in the capture"
_CUT: Final = "cut off when the packet was captured"


class Place(msgspec.Struct, frozen=True):
    """Which way something went.

    Attributes:
        stream: the number of the stream, from 1 in the order of appearance; 0 for what is in no stream.
        side: which of its two ends sent it, 0 or 1; None if nobody can say.
        source: who sent it, or which file it is from; empty if nobody can say.
        destination: to whom; empty if nobody can say.
    """

    stream: int = 0
    side: int | None = None
    source: str = ""
    destination: str = ""

    def __str__(self) -> str:
        return f"{self.source} > {self.destination}" if self.destination else self.source


class Sighting(msgspec.Struct, frozen=True):
    """A PDU, or something that could not be read, where it was seen.

    Attributes:
        what: the PDU's octets, or the trouble.
        place: which way it went.
        time: when its last octet had arrived, in nanoseconds since 1970, UTC; None if nobody can say.
    """

    what: Frame | Trouble
    place: Place = Place()
    time: int | None = None


class _Side:
    """One direction of a stream."""

    def __init__(self) -> None:
        self.reassembly = Reassembly()
        self.splitter = Splitter(in_step=False)
        self.time: int | None = None
        self.overdue = 0

    def pass_on(self, ordered: Iterable[bytes | Gap]) -> list[Frame | Trouble]:
        """What octets in order and holes complete."""
        done: list[Frame | Trouble] = []
        for one in ordered:
            if isinstance(one, Gap):
                done += self.splitter.gap(one.octets, _CUT if one.cut else _LOST)
            else:
                done += self.splitter.feed(one)
        return done

    def give_up_all(self) -> list[Frame | Trouble]:
        """As if everything that is awaited were lost."""
        done: list[Frame | Trouble] = []
        while self.reassembly.cost:
            done += self.pass_on(self.reassembly.give_up())
        return done


class _Stream:
    """A TCP connection.

    Attributes:
        number: from 1, given once it is known to carry SMPP.
        is_smpp: None as long as nobody can say.
        held_back: what was seen before that is known.
    """

    def __init__(self, peers: tuple[Peer, Peer]) -> None:
        self.peers = peers
        self.number = 0
        self.is_smpp: bool | None = None
        self.held_back: list[tuple[int, Frame | Trouble, int | None]] = []
        self.sides = (_Side(), _Side())

    def side_of(self, source: Peer) -> int:
        return self.peers.index(source)

    def place(self, side: int) -> Place:
        return Place(self.number, side, str(self.peers[side]), str(self.peers[1 - side]))


class Streams:
    """Follows all TCP streams of a capture, or of several that continue one another.

    Attributes:
        others: how many streams carried something else.
    """

    def __init__(self, numbers: Iterator[int], port: int | None = None) -> None:
        """With a port, streams from and to it are SMPP and others are not; otherwise their octets tell.

        Args:
            numbers: where the streams' numbers come from.
            port: the TCP port.
        """
        self.others = 0
        self._numbers = numbers
        self._port = port
        self._streams: OrderedDict[tuple[Peer, Peer], _Stream] = OrderedDict()
        self._waiting = 0

    def add(self, segment: TcpSegment) -> Iterator[Sighting]:
        """What this segment completes."""
        peers = (segment.source, segment.destination)
        if self._port is not None and self._port not in {peer.port for peer in peers}:
            return
        stream = self._streams.get((min(peers), max(peers)))
        if stream and segment.opens and _opens_another(stream, segment):
            yield from self._end(stream)
            stream = None
        if stream is None:
            stream = self._opened(peers)
            if len(self._streams) > MOST_STREAMS:
                yield from self._end(next(iter(self._streams.values())))
        self._streams.move_to_end((min(peers), max(peers)))
        if stream.is_smpp is not False:
            yield from self._follow(stream, segment)

    def end(self) -> Iterator[Sighting]:
        """What is left of all streams when there are no more segments."""
        for stream in list(self._streams.values()):
            yield from self._end(stream)

    def _opened(self, peers: tuple[Peer, Peer]) -> _Stream:
        stream = _Stream(peers)
        self._streams[min(peers), max(peers)] = stream
        if self._port is not None:
            self._recognise(stream)
        return stream

    def _follow(self, stream: _Stream, segment: TcpSegment) -> Iterator[Sighting]:
        number = stream.side_of(segment.source)
        side, other = stream.sides[number], stream.sides[1 - number]
        before = side.reassembly.cost + other.reassembly.cost
        if segment.time is not None:
            side.time = max(side.time or 0, segment.time)
        yield from self._seen(stream, number, self._arrived(side, segment))
        if segment.acknowledged is not None:
            yield from self._seen(stream, 1 - number, _acknowledged(other, segment.acknowledged))
        self._waiting += side.reassembly.cost + other.reassembly.cost - before
        if self._waiting > MOST_WAITING or side.reassembly.cost > MOST_WAITING_FOR_ONE:
            self._waiting -= side.reassembly.cost
            yield from self._seen(stream, number, side.give_up_all())
        self._judge(stream)

    def _arrived(self, side: _Side, segment: TcpSegment) -> list[Frame | Trouble]:
        sequence = segment.sequence
        if segment.opens:
            sequence += 1  # SYN takes the number before the first octet (RFC 9293, 3.4)
            if side.reassembly.first is None:
                side.reassembly.start(sequence)
                side.splitter = Splitter(in_step=self._port is not None)
        if not segment.octets and not segment.lacking:
            return []
        return side.pass_on(side.reassembly.add(sequence, segment.octets, segment.lacking))

    def _seen(self, stream: _Stream, side: int, found: list[Frame | Trouble]) -> Iterator[Sighting]:
        """What was found, once it is known that the stream carries SMPP."""
        time = stream.sides[side].time
        if stream.is_smpp is None:
            stream.held_back += [(side, what, time) for what in found]
            if not stream.sides[side].splitter.found:
                return
            self._recognise(stream)
            for past_side, what, past_time in stream.held_back:
                yield Sighting(what, stream.place(past_side), past_time)
            stream.held_back = []
        else:
            for what in found:
                yield Sighting(what, stream.place(side), time)

    def _recognise(self, stream: _Stream) -> None:
        stream.number, stream.is_smpp = next(self._numbers), True

    def _judge(self, stream: _Stream) -> None:
        if stream.is_smpp is None and max(side.splitter.looked_at for side in stream.sides) > ENOUGH:
            self._dismiss(stream)

    def _dismiss(self, stream: _Stream) -> None:
        """Forget what a stream that carries something else holds."""
        self.others += 1
        self._waiting -= sum(side.reassembly.cost for side in stream.sides)
        stream.is_smpp, stream.held_back, stream.sides = False, [], (_Side(), _Side())

    def _end(self, stream: _Stream) -> Iterator[Sighting]:
        del self._streams[min(stream.peers), max(stream.peers)]
        self._waiting -= sum(side.reassembly.cost for side in stream.sides)
        for number, side in enumerate(stream.sides):
            if stream.is_smpp is not False:
                yield from self._seen(stream, number, [*side.give_up_all(), *side.splitter.end()])
        if stream.is_smpp is None:
            self.others += any(side.splitter.looked_at for side in stream.sides)


def _opens_another(stream: _Stream, segment: TcpSegment) -> bool:
    """Whether a SYN opens a new connection between the same ports, rather than being a repetition (RFC 9293, 3.6.1)."""
    if stream.is_smpp is False:
        return True
    first = stream.sides[stream.side_of(segment.source)].reassembly.first
    return first is not None and first != (segment.sequence + 1) % 2**32


def _acknowledged(side: _Side, acknowledged: int) -> list[Frame | Trouble]:
    """What an acknowledgement of octets that we lack comes to: they are waited for a little longer."""
    if not side.reassembly.lacks(acknowledged):
        side.overdue = 0
        return []
    side.overdue += 1
    if side.overdue < PATIENCE:
        return []
    side.overdue = 0
    return side.pass_on(side.reassembly.give_up())
