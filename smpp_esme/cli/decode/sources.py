"""What `decode` is given: hexadecimal, files of PDUs, of hexadecimal, of packets; told apart by what is in them."""

from __future__ import annotations

import re
import sys
from contextlib import contextmanager
from itertools import count, groupby
from pathlib import Path
from typing import TYPE_CHECKING, Final

from smpp_esme.cli.decode.capture import is_capture, packets
from smpp_esme.cli.decode.frames import Splitter, Trouble
from smpp_esme.cli.decode.streams import Place, Sighting, Streams

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from smpp_esme.cli.decode.capture import Readable

#: More hexadecimal than anybody pastes, in octets of text; PDUs and captures are read piece by piece.
TEXT_LIMIT: Final = 16 * 1024 * 1024
_HEAD: Final = 4096
_PIECE: Final = 64 * 1024

_COMMENT: Final = re.compile(r"#[^\n]*")
#: What people leave between octets: blanks, colons, commas, 0x.
_BETWEEN: Final = re.compile(r"[\s:,]+(?:0[xX])?|^0[xX]")
_NOT_HEXADECIMAL: Final = re.compile(r"[^0-9a-fA-F]")
_BYTE_ORDER_MARKS: Final = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb": "utf-8-sig"}
_COMPRESSED: Final = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"PK\3\4")


class Sources:
    """All that was given, as PDUs; captures are read as one, so that files that continue one another fit together."""

    def __init__(self, words: Sequence[str], *, port: int | None = None) -> None:
        self._words = words
        self._numbers = count(1)
        self._streams = Streams(self._numbers, port)

    @property
    def others(self) -> int:
        """How many TCP streams carried something else than SMPP."""
        return self._streams.others

    def sightings(self) -> Iterator[Sighting]:
        """Every PDU, and everything that could not be read, in order."""
        for is_hexadecimal, words in groupby(self._words, _is_hexadecimal):
            if is_hexadecimal:
                yield from self._text("\n".join(words), "")
            else:
                for name in words:
                    yield from self._file(name)
        yield from self._streams.end()

    def _file(self, name: str) -> Iterator[Sighting]:
        try:
            with _opened(name) as file:
                yield from self._content(file, "" if name == "-" else name)
        except OSError as error:
            yield _trouble(f"{name:.80}", f"{error.strerror or 'it cannot be read'}; nor is it hexadecimal")

    def _content(self, file: Readable, name: str) -> Iterator[Sighting]:
        head = file.read(_HEAD)
        rest = _Rewound(head, file)
        if is_capture(head):
            yield from self._capture(rest, name)
        elif head.startswith(_COMPRESSED):
            yield _trouble(name, "it is compressed: unpack it first")
        elif head[:2] in _BYTE_ORDER_MARKS or b"\0" not in head:
            text = rest.read(TEXT_LIMIT + 1)
            yield from self._text(text.decode(_BYTE_ORDER_MARKS.get(head[:2], "utf-8"), "replace"), name)
        else:
            yield from self._stream(iter(lambda: rest.read(_PIECE), b""), name)

    def _text(self, written: str, name: str) -> Iterator[Sighting]:
        try:
            octets = octets_of(written)
        except ValueError as error:
            yield _trouble(name, str(error))
        else:
            yield from self._stream([octets], name)

    def _stream(self, pieces: Iterable[bytes], name: str) -> Iterator[Sighting]:
        """PDUs one behind another, of both directions maybe."""
        place = Place(next(self._numbers), source=name)
        splitter = Splitter(in_step=True)
        for piece in pieces:
            for what in splitter.feed(piece):
                yield Sighting(what, place)
        for what in splitter.end():
            yield Sighting(what, place)

    def _capture(self, file: Readable, name: str) -> Iterator[Sighting]:
        try:
            from smpp_esme.cli.decode import transport
        except ModuleNotFoundError as error:
            if error.name != "dpkt":
                raise
            yield _trouble(name, "captures need one package more: pip install 'smpp-esme[pcap]'")
            return
        for number, packet in enumerate(packets(file), 1):
            if isinstance(packet, Trouble):
                yield _trouble(name, packet.problem)
                continue
            try:
                segment = transport.segment_of(packet)
            except transport.Unreadable as error:
                yield _trouble(name, f"packet {number} could not be read: {error}")
            else:
                yield from self._streams.add(segment) if segment else ()


def octets_of(written: str) -> bytes:
    """The octets that are written in hexadecimal, as people write it.

    Raises:
        ValueError: it is no hexadecimal, or too long; says why.
    """
    if len(written) > TEXT_LIMIT:
        raise ValueError(f"it has more than {TEXT_LIMIT} characters")
    digits = _BETWEEN.sub("", _COMMENT.sub("", written))
    if wrong := _NOT_HEXADECIMAL.search(digits):
        raise ValueError(f"{wrong.group()!r} is no hexadecimal digit")
    if not digits:
        raise ValueError("there are no octets")
    if len(digits) % 2:
        raise ValueError(f"{len(digits)} hexadecimal digits are no whole octets: one is missing")
    return bytes.fromhex(digits)


def _is_hexadecimal(word: str) -> bool:
    """Whether a word is hexadecimal rather than the name of a file; a file named `cafe` is `./cafe`."""
    return not _NOT_HEXADECIMAL.search(_BETWEEN.sub("", _COMMENT.sub("", word)))


def _trouble(name: str, problem: str) -> Sighting:
    return Sighting(Trouble(f"{name}: {problem}" if name else problem))


@contextmanager
def _opened(name: str) -> Iterator[Readable]:
    if name == "-":
        yield sys.stdin.buffer
    else:
        with Path(name).open("rb") as file:
            yield file


class _Rewound:
    """A file of which the beginning was read already."""

    def __init__(self, head: bytes, file: Readable) -> None:
        self._head = head
        self._file = file

    def read(self, size: int, /) -> bytes:
        """Up to so many octets; fewer only at the end."""
        taken, self._head = self._head[:size], self._head[size:]
        return taken if len(taken) == size else taken + self._file.read(size - len(taken))
