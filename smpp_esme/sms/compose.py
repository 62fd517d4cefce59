"""What is to be delivered, to whom and from whom, as the submit_sm PDUs that carry it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from smpp_esme.errors import InvalidValue
from smpp_esme.protocol.parameters import RegisteredDelivery
from smpp_esme.protocol.pdus import SubmitSm
from smpp_esme.sms import address
from smpp_esme.sms.address import Address
from smpp_esme.sms.coding import Coding
from smpp_esme.sms.envelope import Content, wire_text
from smpp_esme.sms.segments import Segments, segment

if TYPE_CHECKING:
    from smpp_esme.sms.profile import Profile


class Composed(msgspec.Struct, frozen=True, kw_only=True):
    """A message in the form in which one SMSC takes it.

    Attributes:
        kind: which content it was composed from.
        source: who sends it.
        destination: whom it is for.
        text: the whole text, envelope and comment included.
        segments: the text as short messages.
    """

    kind: str
    source: Address
    destination: Address
    text: str
    segments: Segments

    def __repr__(self) -> str:
        """Its kind and size; never the text or the numbers."""
        return f"Composed({self.kind}, {len(self.segments.segments)} segments)"

    def pdus(self, *, registered_delivery: int = RegisteredDelivery.RECEIPT) -> list[SubmitSm]:
        """One submit_sm a segment, in order; a receipt is asked for on each unless told otherwise."""
        return [
            SubmitSm(
                source_addr_ton=self.source.ton,
                source_addr_npi=self.source.npi,
                source_addr=self.source.addr,
                dest_addr_ton=self.destination.ton,
                dest_addr_npi=self.destination.npi,
                destination_addr=self.destination.addr,
                esm_class=one.esm_class,
                registered_delivery=registered_delivery,
                data_coding=one.data_coding,
                short_message=one.short_message,
            )
            for one in self.segments.segments
        ]


def compose(
    content: Content,
    to: str,
    *,
    source: str,
    profile: Profile,
    reference: int,
    comment: str | None = None,
    coding: Coding | None = None,
    flash: bool = False,
) -> Composed:
    """Check everything that can be checked before anything is sent.

    Args:
        content: what to deliver.
        to: whom it is for, as a person writes it.
        source: who sends it, as a person writes it; "" leaves it to the SMSC.
        profile: the SMSC it is for, as bound.
        reference: tells the segments of this message from those of the one before it.
        comment: a note for the sender's own records at the provider.
        coding: the coding to use; None takes the cheapest that carries the text.
        flash: whether to show it at once and not keep it.

    Raises:
        InvalidValue: names the field, what is wrong with it and what is allowed.
        EncodingError: the coding cannot carry the text.
    """
    _check_options(content, coding, flash=flash)
    text = wire_text(content, profile, comment=comment)
    return Composed(
        kind=content.kind,
        source=address.source(source, profile),
        destination=address.destination(to, profile, kind=content.kind),
        text=text,
        segments=segment(text, profile, reference=reference, coding=coding, flash=flash),
    )


def _check_options(content: Content, coding: Coding | None, *, flash: bool) -> None:
    if coding is Coding.BINARY:
        raise InvalidValue("coding", "binary is for octets, and this is a text", "gsm7, latin1, ucs2, or none")
    if flash and content.kind in {"hlr", "ping"}:
        raise InvalidValue("flash", f"no handset shows a {content.kind}", "false")
