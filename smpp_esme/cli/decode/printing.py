"""The PDUs as they are seen, put in relation, dumped and printed; and the count of what could not be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from smpp_esme.cli.decode.conversation import Conversation
from smpp_esme.cli.decode.frames import Frame, Trouble
from smpp_esme.cli.decode.printout import Entry
from smpp_esme.protocol.dump import dump
from smpp_esme.sms.coding import Coding, coding_of
from smpp_esme.sms.received import text_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from smpp_esme.cli.decode.printout import Printout
    from smpp_esme.cli.decode.streams import Sighting
    from smpp_esme.sms.profile import Profile


class Printing:
    """Prints what is seen as it is seen."""

    def __init__(self, printout: Printout, profile: Profile, *, show_secrets: bool) -> None:
        self._printout = printout
        self._conversation = Conversation(profile)
        self._show_secrets = show_secrets
        self._pdus = self._broken = self._troubles = 0

    def show(self, sighting: Sighting) -> None:
        """Print a PDU or a trouble."""
        if isinstance(sighting.what, Trouble):
            self._troubles += 1
            typer.echo(self._printout.trouble(sighting.what, sighting.place))
        else:
            typer.echo(self._printout.pdu(self._entry(sighting.what, sighting)))

    def close(self, *, others: int) -> bool:
        """Say what is missing; True if there were PDUs and nothing is.

        Args:
            others: how many TCP streams carried something else than SMPP.
        """
        for request in self._conversation.unanswered():
            typer.echo(self._printout.unanswered(request))
        if others:
            typer.echo(f"TCP streams that carry something else than SMPP: {others}", err=True)
        if forgotten := self._conversation.forgotten:
            typer.echo(f"PDUs too far back to be paired: {forgotten}", err=True)
        if not self._pdus:
            typer.echo("smpp-esme: there are no PDUs", err=True)
        elif self._broken or self._troubles:
            losses = f"PDUs {self._pdus}, of these not whole {self._broken}; other losses {self._troubles}"
            typer.echo(f"smpp-esme: not everything could be read: {losses}", err=True)
        return bool(self._pdus) and not self._broken and not self._troubles

    def _entry(self, frame: Frame, sighting: Sighting) -> Entry:
        self._pdus += 1
        place, time = sighting.place, sighting.time
        relations = self._conversation.relations(self._pdus, frame.octets, place, time)
        reading = reading_by(self._conversation.profile(place))
        dumped = dump(frame.octets, show_secrets=self._show_secrets, reading=reading)
        self._broken += not dumped.is_whole
        return Entry(self._pdus, dumped, frame.offset, place, time, relations)


def reading_by(profile: Profile) -> Callable[[bytes, int, int], str]:
    """What a short message's octets say under a profile, by its esm_class and data_coding."""

    def reading(octets: bytes, esm_class: int, data_coding: int) -> str:
        text, concatenation = text_of(octets, esm_class, data_coding, profile)
        coding = coding_of(data_coding, profile)
        told = f"{len(text)} octets" if coding is Coding.BINARY else repr(text)
        if concatenation is None:
            return f"{coding}: {told}"
        of = f"{concatenation.sequence} of {concatenation.total}, reference {concatenation.reference}"
        return f"{coding}: {told}, segment {of}"

    return reading
