"""What is to be delivered, to whom and from whom, as the submit_sm PDUs that carry it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from smpp_esme.errors import InvalidValue
from smpp_esme.protocol.parameters import RegisteredDelivery
from smpp_esme.protocol.pdus import SubmitSm
from smpp_esme.sms import address, udh
from smpp_esme.sms.address import Address
from smpp_esme.sms.binary import Octets
from smpp_esme.sms.coding import Coding
from smpp_esme.sms.envelope import wire_text
from smpp_esme.sms.segments import Segments, segment, segment_octets

if TYPE_CHECKING:
    from smpp_esme.sms.content import Content
    from smpp_esme.sms.profile import Profile
    from smpp_esme.sms.references import References


class Composed(msgspec.Struct, frozen=True, kw_only=True):
    """A message in the form in which one SMSC takes it.

    Attributes:
        kind: which content it was composed from.
        source: who sends it.
        destination: whom it is for.
        text: the whole text as it goes out, envelope and comment included; of octets, their hexadecimal digits behind
            the header's.
        segments: the content as short messages.
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
                tlvs=one.tlvs,
            )
            for one in self.segments.segments
        ]


def compose(
    content: Content,
    to: str,
    *,
    source: str,
    profile: Profile,
    reference: int | References,
    comment: str | None = None,
    coding: Coding | None = None,
    flash: bool = False,
) -> Composed:
    """Check everything that can be checked before anything is sent.

    Args:
        content: what to deliver.
        to: whom it is for, as a person writes it.
        source: who sends it, as a person writes it; "" leaves it to the SMSC.
        profile: the SMSC it is for, as bound; `Profile.writing` gives one that transliterates, or does not.
        reference: tells the segments of this message from those of others; `References` counts one on for these two
            addresses.
        comment: a note for the sender's own records at the provider.
        coding: the coding to use; None takes the cheapest that carries the text.
        flash: whether to show it at once and not keep it.

    Raises:
        InvalidValue: names the field, what is wrong with it and what is allowed.
        EncodingError: the coding cannot carry the text.
    """
    _check_flash(content, flash=flash)
    sender, receiver = address.source(source, profile), address.destination(to, profile, kind=content.kind)
    number = reference if isinstance(reference, int) else reference.next(sender.addr, receiver.addr)
    if isinstance(content, Octets):
        _check_octets(comment, coding)
        text = content.text()
        segments = segment_octets(content.body(), profile, reference=number, header=content.elements(), flash=flash)
        _check_place(content, segments)
    else:
        written = wire_text(content, profile, comment=comment)
        segments = segment(written, profile, reference=number, coding=coding, flash=flash)
        text = segments.text
    return Composed(kind=content.kind, source=sender, destination=receiver, text=text, segments=segments)


#: What a handset can show at once, as it is.
_FLASH_KINDS: Final = ("sms", "binary", "binary-hex")


def _check_flash(content: Content, *, flash: bool) -> None:
    if flash and content.kind not in _FLASH_KINDS:
        raise InvalidValue("flash", f"no handset shows a {content.kind} at once", "false")


def _check_octets(comment: str | None, coding: Coding | None) -> None:
    if comment is not None:
        raise InvalidValue("comment", "cannot go with octets", "no comment")
    if coding not in {None, Coding.BINARY}:
        raise InvalidValue("coding", f"{coding} is for texts, and these are octets", "binary, or none")


def _check_place(content: Octets, segments: Segments) -> None:
    if len(segments.segments) > 1 and udh.concatenation(content.elements()):
        problem = "says that this is a segment, and its content takes several"
        raise InvalidValue("header", problem, "less content, or a header without concatenation")
