"""Where the PDUs are in octets that may have holes: `Framer` splits, and this finds the way back in after a loss.

A hole whose size is known, inside a PDU whose command_length is known, costs that PDU alone: where the next one begins
is arithmetic. Otherwise the next plausible header is looked for.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from smpp_esme.protocol.codec import DEFAULT_LIMIT, Framer
from smpp_esme.protocol.commands import CommandId, is_response
from smpp_esme.protocol.layout import HEADER

#: So many octets are looked at in one go: what a broken stream makes us copy again and again is never more.
_SLICE: Final = 4096


class Frame(msgspec.Struct, frozen=True):
    """One PDU, or the beginning of one.

    Attributes:
        offset: where its first octet stands in the stream.
        octets: what is there of it.
    """

    offset: int
    octets: bytes


class Trouble(msgspec.Struct, frozen=True):
    """Something that could not be read.

    Attributes:
        problem: a sentence about what and why.
        offset: where it begins in the stream; None if that is no place in a stream.
        octets: how many octets it concerns.
    """

    problem: str
    offset: int | None = None
    octets: int = 0


def _pattern() -> re.Pattern[bytes]:
    """A plausible header (SMPP 3.4, 5.1): a length that fits, an operation there is, the status 0 in a request."""
    requests = b"|".join(re.escape(one.to_bytes(4, "big")) for one in CommandId if not is_response(one))
    responses = b"|".join(re.escape(one.to_bytes(4, "big")) for one in CommandId if is_response(one))
    return re.compile(rb"(?=(\0[\0\1]..)(?:(?:%b)\0{4}|(?:%b).{4})[\0-\x7f]...)" % (requests, responses), re.DOTALL)


_HEADER: Final = _pattern()


def header_in(octets: bytes | bytearray) -> int:
    """Where the first plausible header begins; -1 if there is none."""
    for found in _HEADER.finditer(octets):
        if HEADER.size <= int.from_bytes(found[1], "big") <= DEFAULT_LIMIT:
            return found.start()
    return -1


class Splitter:
    """Splits one direction of a stream into PDUs, through holes and rubbish; linear in time, bounded in memory.

    Attributes:
        found: whether there was a PDU already, or the plausible header of one.
        looked_at: how many octets there were in all.
    """

    def __init__(self, *, in_step: bool) -> None:
        """`in_step` says that the first octet is the first of a PDU; otherwise a header is looked for."""
        self.found = False
        self.looked_at = 0
        self._framer = Framer() if in_step else None
        self._kept = bytearray()
        self._offset = 0  # of the first octet kept
        self._framed = 0  # how many of those kept the framer has seen
        self._skip = 0  # what is still to come of a PDU with a hole
        self._lost = 0  # passed over in search of a header
        self._why = "no PDU begins there"

    def feed(self, octets: bytes) -> list[Frame | Trouble]:
        """What these octets complete."""
        self.looked_at += len(octets)
        skipped = min(self._skip, len(octets))
        self._skip -= skipped
        self._offset += skipped
        done: list[Frame | Trouble] = []
        for at in range(skipped, len(octets), _SLICE):
            self._kept += octets[at : at + _SLICE]
            done += self._split()
        return done

    def gap(self, octets: int, why: str) -> list[Frame | Trouble]:
        """What a loss of so many octets leaves."""
        remaining = self._skip or self._remaining()
        done = [*self._cut(), Trouble(why, self._offset, octets)]
        self._offset += octets
        if remaining is not None and octets <= remaining:
            self._skip, self._framer, self._framed = remaining - octets, Framer(), 0
        else:
            self._skip = 0
            self._search("no PDU begins there, after the loss")
        return done

    def end(self) -> list[Frame | Trouble]:
        """What is left when no more octets come."""
        done = self._cut()
        if self._skip:
            done.append(Trouble("the end of a PDU is missing", self._offset, self._skip))
        self._skip = 0
        self._search("no PDU begins there")
        return done

    def _split(self) -> list[Frame | Trouble]:
        done: list[Frame | Trouble] = []
        while framer := self._framer or self._found_again(done):
            for frame in framer.feed(bytes(self._kept[self._framed :])):
                done.append(Frame(self._offset, frame))
                self._drop(len(frame))
                self.found = True
            self._framed = len(self._kept)
            if not framer.broken:
                break
            self._search(str(framer.broken))
        return done

    def _found_again(self, done: list[Frame | Trouble]) -> Framer | None:
        """Pass over what comes before the next plausible header; None if there is none yet."""
        at = header_in(self._kept)
        passed = at if at >= 0 else max(0, len(self._kept) - HEADER.size + 1)
        self._drop(passed)
        self._lost += passed
        if at >= 0:
            done += self._passed_over()
            self._framer, self.found = Framer(), True
        return self._framer

    def _passed_over(self) -> list[Frame | Trouble]:
        lost, self._lost = self._lost, 0
        return [Trouble(self._why, self._offset - lost, lost)] if lost else []

    def _search(self, why: str) -> None:
        self._framer, self._framed, self._why = None, 0, why

    def _drop(self, octets: int) -> None:
        del self._kept[:octets]
        self._offset += octets

    def _remaining(self) -> int | None:
        """How many octets the PDU that has begun still needs; None if nobody can say."""
        if not self._framer:
            return None
        if not self._kept:
            return 0
        length = int.from_bytes(self._kept[:4], "big") if len(self._kept) >= 4 else 0
        return length - len(self._kept) if HEADER.size <= length <= DEFAULT_LIMIT else None

    def _cut(self) -> list[Frame | Trouble]:
        """What is kept, as the beginning of a PDU, or as rubbish; nothing is kept then."""
        octets, at = bytes(self._kept), self._offset
        self._drop(len(octets))
        if self._framer:
            return [Frame(at, octets)] if octets else []
        self._lost += len(octets)
        return self._passed_over()
