"""What else may be asked of an SMSC about a message: query_sm, cancel_sm, replace_sm."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

import msgspec

from smpp_esme.client.outgoing import RECEIPT, When, times_of
from smpp_esme.errors import CommandRefused, InvalidValue
from smpp_esme.protocol.parameters import MessageState
from smpp_esme.protocol.pdus import CancelSm, QuerySm, ReplaceSm
from smpp_esme.sms import address, times
from smpp_esme.sms.address import Address
from smpp_esme.sms.coding import capacity, coding_named
from smpp_esme.sms.segments import segment

if TYPE_CHECKING:
    from smpp_esme.protocol.pdus import Pdu, QuerySmResp
    from smpp_esme.sms.profile import Profile

R = TypeVar("R", bound="Pdu")


class Queried(msgspec.Struct, frozen=True, kw_only=True):
    """What the SMSC says of a message when it is asked (SMPP 3.4, 4.8.2).

    Attributes:
        message_id: whose state it is.
        message_state: the state; None for a number that has no meaning.
        final_date: when it reached its final state, in UTC; None before, or if it is no date.
        error_code: the network's error, 0 to 255; what it means is the SMSC's to say.
    """

    message_id: str
    message_state: MessageState | None
    final_date: datetime | None
    error_code: int


def accepted(response: Pdu, kind: type[R], what: str) -> R:
    """The response, if it is of its kind and says ESME_ROK.

    Raises:
        CommandRefused: it does not; a nack accepts nothing, whatever its status.
    """
    if response.command_status or not isinstance(response, kind):
        raise CommandRefused(response.status, what)
    return response


def query_of(message_id: str, source: str, profile: Profile) -> QuerySm:
    """The query_sm; `source` is the message's own, which the SMSC compares (SMPP 3.4, 4.8.1)."""
    sender = address.source(source, profile)
    return QuerySm(
        message_id=message_id,
        source_addr_ton=sender.ton,
        source_addr_npi=sender.npi,
        source_addr=sender.addr,
    )


def queried(response: QuerySmResp) -> Queried:
    """What a query_sm_resp says."""
    final_date = None
    with contextlib.suppress(InvalidValue):  # absent, or a form of the SMSC's own
        final_date = times.moment_of(response.final_date, datetime.now(UTC))
    known = response.message_state in {int(state) for state in MessageState}
    return Queried(
        message_id=response.message_id,
        message_state=MessageState(response.message_state) if known else None,
        final_date=final_date,
        error_code=response.error_code,
    )


def cancel_of(message_id: str, profile: Profile, *, source: str, to: str, service_type: str) -> CancelSm:
    """The cancel_sm of one message or, without a message_id, of all that go from `source` to `to` (SMPP 3.4, 4.9.1).

    Raises:
        InvalidValue: neither a message_id nor a destination.
    """
    if not message_id and not to:
        raise InvalidValue("message_id", "is empty", "a message_id, or a destination whose messages to cancel")
    sender = address.source(source, profile)
    number = address.destination(to, profile) if to else Address(sender.ton.UNKNOWN, sender.npi.UNKNOWN, "")
    return CancelSm(
        service_type=service_type,
        message_id=message_id,
        source_addr_ton=sender.ton,
        source_addr_npi=sender.npi,
        source_addr=sender.addr,
        dest_addr_ton=number.ton,
        dest_addr_npi=number.npi,
        destination_addr=number.addr,
    )


class Replacement(msgspec.Struct, frozen=True, kw_only=True):
    """What a waiting message is to become (SMPP 3.4, 4.10.1).

    Attributes:
        text: its new text, which must fit one short message.
        source: the message's own, which the SMSC compares.
        coding: the coding of the message that is replaced: replace_sm cannot change it.
        registered_delivery: which receipts are asked for, as `RegisteredDelivery`.
        schedule_delivery_time: when to begin delivering; None leaves it as it is.
        validity_period: when to give up; None leaves it as it is.
    """

    text: str
    source: str = ""
    coding: str = "gsm7"
    registered_delivery: int = RECEIPT
    schedule_delivery_time: When | None = None
    validity_period: When | None = None

    def __repr__(self) -> str:
        """How long it is; never what it says."""
        return f"Replacement({len(self.text)} characters)"


def replace_of(message_id: str, new: Replacement, profile: Profile) -> ReplaceSm:
    """The replace_sm.

    Raises:
        InvalidValue, EncodingError: the text does not fit, or not its coding; or the SMSC takes no such time.
    """
    coding = coding_named(new.coding)
    # A replace_sm has no esm_class to announce the header that national tables need.
    only, *others = segment(new.text, profile.writing(languages=()), reference=0, coding=coding).segments
    if others or only.tlvs:
        most = capacity(coding, user_data=profile.user_data)
        raise InvalidValue("text", "takes more than one short message", f"at most {most} octets")
    sender = address.source(new.source, profile)
    schedule, validity = times_of(new, profile)
    return ReplaceSm(
        message_id=message_id,
        source_addr_ton=sender.ton,
        source_addr_npi=sender.npi,
        source_addr=sender.addr,
        schedule_delivery_time=schedule,
        validity_period=validity,
        registered_delivery=new.registered_delivery,
        short_message=only.short_message,
    )
