"""The short way to the submit_sm of a plain text, for those who send a million of them.

It gives the very PDU that `compose` gives, or None where more is to be decided than it knows of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from smpp_esme.protocol.pdus import SubmitSm
from smpp_esme.sms import address
from smpp_esme.sms.coding import Coding, capacity, octets_in

if TYPE_CHECKING:
    from smpp_esme.sms.address import Address
    from smpp_esme.sms.profile import Profile

#: Sources whose address is remembered: most programs have one or two.
_SOURCES: Final = 256
#: What stands in all that a profile with envelopes takes for something else than text.
_MARKS: Final = ("__", "~")


class Shortcut:
    """Plain texts that fit one short message in the coding that the profile names first."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._coding = profile.auto[0]
        self._data_coding = profile.data_coding[self._coding]
        self._room = capacity(self._coding, 0, profile.user_data)
        self._goes = not profile.packed and not (profile.transliterate and self._coding is Coding.UCS2)
        self._marks = _MARKS if profile.envelopes else ()
        self._sources: dict[str, Address] = {}
        # The type and plan of every number that needs no closer look.
        self._numbers = address.destination("12025550123", profile) if profile.numbers == "digits" else None

    def submit_sm(self, to: str, text: str, source: str, registered_delivery: int) -> SubmitSm | None:
        """The submit_sm; None if `compose` has to make it.

        Raises:
            InvalidValue: as `compose` does.
        """
        if not (self._goes and text) or (self._marks and any(mark in text for mark in self._marks)):
            return None
        octets = octets_in(self._coding, text)
        if octets is None or len(octets) > self._room:
            return None
        sender = self._sources.get(source) or self._source(source)
        if self._numbers and address.is_number(to):  # as nearly all are
            receiver, number = self._numbers, to
        else:
            receiver = address.destination(to, self._profile)
            number = receiver.addr
        return SubmitSm(
            source_addr_ton=sender.ton,
            source_addr_npi=sender.npi,
            source_addr=sender.addr,
            dest_addr_ton=receiver.ton,
            dest_addr_npi=receiver.npi,
            destination_addr=number,
            registered_delivery=registered_delivery,
            data_coding=self._data_coding,
            short_message=octets,
        )

    def _source(self, written: str) -> Address:
        found = address.source(written, self._profile)
        if len(self._sources) >= _SOURCES:
            self._sources.clear()
        self._sources[written] = found
        return found
