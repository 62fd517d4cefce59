"""Who answered whom: requests with their responses, submissions with their receipts.

Nothing here insists on an order. A response whose request comes later in the capture, because a lost segment held the
request up, finds it all the same, and so does a receipt that overtook the response with its message_id.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final, Generic, TypeVar

import msgspec

from smpp_esme.errors import MalformedPdu
from smpp_esme.protocol.codec import decode
from smpp_esme.protocol.commands import RESPONSE_BIT, UNANSWERED, CommandId, is_response
from smpp_esme.protocol.layout import HEADER
from smpp_esme.protocol.pdus import BindReceiver, BindTransceiver, BindTransmitter, DataSm, DeliverSm, Pdu
from smpp_esme.sms import message_id, receipt
from smpp_esme.sms.receipt import Receipt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smpp_esme.cli.decode.streams import Place
    from smpp_esme.sms.profile import Profile

K = TypeVar("K")
V = TypeVar("V")

#: So many requests, submissions and receipts are remembered, and so many responses that came too early.
MEMORY: Final = 100_000
MEMORY_OF_EARLY: Final = 1000

#: Responses whose message_id a receipt may name.
_SUBMITTED: Final = frozenset({CommandId.SUBMIT_SM_RESP, CommandId.SUBMIT_MULTI_RESP, CommandId.DATA_SM_RESP})
_NACKED: Final = tuple(one for one in CommandId if not is_response(one) and one not in UNANSWERED)
_NAMES: Final = {int(one): one.name.lower() for one in CommandId}
# stream, side that asked, sequence_number, command_id of the request
_Key = tuple[int, int | None, int, int]


class Mention(msgspec.Struct, frozen=True):
    """Another PDU that this one has to do with.

    Attributes:
        pdu: its number.
        seconds: how long before this one it was seen, negative if it came after; None if nobody can say.
    """

    pdu: int
    seconds: float | None = None


class Relations(msgspec.Struct, frozen=True):
    """What one PDU has to do with those seen before.

    Attributes:
        answers: the request that this response answers.
        answered_by: the response to this request, if that was seen first.
        submission: the request that submitted what this receipt is about.
        receipted_by: the receipt of what this response gave a message_id to, if that was seen first.
        receipt: what this PDU reports, if it is a receipt.
    """

    answers: Mention | None = None
    answered_by: Mention | None = None
    submission: Mention | None = None
    receipted_by: Mention | None = None
    receipt: Receipt | None = None


class Asked(msgspec.Struct, frozen=True):
    """A PDU that another one may refer to.

    Attributes:
        pdu: its number.
        time: when it was seen, in nanoseconds since 1970; None if nobody can say.
        name: the operation, in the specification's words.
        sequence_number: the number in its header.
    """

    pdu: int
    time: int | None
    name: str
    sequence_number: int

    def mention(self, time: int | None) -> Mention:
        """How a PDU of that time speaks of it."""
        return Mention(self.pdu, None if time is None or self.time is None else (time - self.time) / 1e9)


class _Memory(OrderedDict[K, V], Generic[K, V]):
    """A mapping that forgets its oldest entries."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most
        self.forgotten = 0

    def keep(self, key: K, value: V) -> None:
        self.pop(key, None)
        self[key] = value
        if len(self) > self.most:
            self.popitem(last=False)
            self.forgotten += 1


class Conversation:
    """Takes PDUs in the order they were seen, and says what each has to do with the others.

    It reads by the profile, and by what the profile changes for the system_type of a bind in the same stream.
    """

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._profiles: _Memory[int, Profile] = _Memory(MEMORY_OF_EARLY)
        self._requests: _Memory[_Key, Asked] = _Memory(MEMORY)
        self._early: _Memory[_Key, Asked] = _Memory(MEMORY_OF_EARLY)
        self._submissions: _Memory[str, Asked] = _Memory(MEMORY)
        self._receipts: _Memory[str, Asked] = _Memory(MEMORY)

    @property
    def forgotten(self) -> int:
        """How many requests and submissions were too old to be remembered any longer."""
        return self._requests.forgotten + self._submissions.forgotten

    def profile(self, place: Place) -> Profile:
        """How the SMSC at the end of this stream differs from the book."""
        return self._profiles.get(place.stream, self._profile)

    def relations(self, number: int, octets: bytes, place: Place, time: int | None) -> Relations:
        """What this PDU has to do with those before; nothing, if it has no whole header.

        Args:
            number: what the PDU is to be called.
            octets: the PDU, or the beginning of one.
            place: which way it went.
            time: when it was seen.
        """
        if len(octets) < HEADER.size:
            return Relations()
        _, command_id, _, sequence_number = HEADER.unpack_from(octets)
        this = Asked(number, time, _NAMES.get(command_id, f"0x{command_id:08X}"), sequence_number)
        pdu = _decoded(octets)
        if is_response(command_id):
            return self._response(this, command_id, pdu, place)
        return self._request(this, command_id, pdu, place)

    def unanswered(self) -> Iterator[Asked]:
        """The requests of captured streams that no response was seen to, in order."""
        return (request for (_, side, _, _), request in self._requests.items() if side is not None)

    def _request(self, this: Asked, command_id: int, pdu: Pdu | None, place: Place) -> Relations:
        if isinstance(pdu, BindReceiver | BindTransmitter | BindTransceiver):
            self._bound(pdu.system_type, place)
        key = (place.stream, place.side, this.sequence_number, command_id)
        answered_by = self._early.pop(key, None)
        if answered_by is None and command_id not in UNANSWERED:
            self._requests.keep(key, this)
        found = receipt.parse(pdu, self.profile(place)) if isinstance(pdu, DeliverSm | DataSm) else None
        return Relations(
            answered_by=answered_by.mention(this.time) if answered_by else None,
            submission=self._submission(this, found) if found else None,
            receipt=found,
        )

    def _response(self, this: Asked, command_id: int, pdu: Pdu | None, place: Place) -> Relations:
        asker = None if place.side is None else 1 - place.side
        nacked = command_id == CommandId.GENERIC_NACK
        requests = _NACKED if nacked else (command_id & ~RESPONSE_BIT,)
        keys = [(place.stream, asker, this.sequence_number, one) for one in requests]
        request = next((found for key in keys if (found := self._requests.pop(key, None))), None)
        if request is None and not nacked:
            self._early.keep(keys[0], this)
        named = getattr(pdu, "message_id", "") if command_id in _SUBMITTED else ""
        receipted_by = self._named(named, request or this) if named else None
        return Relations(
            answers=request.mention(this.time) if request else None,
            receipted_by=receipted_by.mention(this.time) if receipted_by else None,
        )

    def _bound(self, system_type: str, place: Place) -> None:
        bound = self._profile.bound_with(system_type)
        if bound is not self.profile(place):
            self._profiles.keep(place.stream, bound)

    def _named(self, name: str, submission: Asked) -> Asked | None:
        """Remember what a message_id stands for; the receipt, if one was waiting for it."""
        self._submissions.keep(message_id.key(name), submission)
        return self._receipts.pop(message_id.key(name), None)

    def _submission(self, this: Asked, found: Receipt) -> Mention | None:
        """What the receipt is about, by the message_id of its TLV or of its text, in any form."""
        keys = [key for name in (found.message_id, found.text_message_id) for key in message_id.keys(name)]
        for key in keys:
            if submission := self._submissions.get(key):
                return submission.mention(this.time)
        for key in keys:
            self._receipts.keep(key, this)
        return None


def _decoded(octets: bytes) -> Pdu | None:
    try:
        return decode(octets)
    except MalformedPdu:
        return None
