"""A message for a subscriber, as the caller gives it, and the PDUs that carry it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from types import NoneType
from typing import TYPE_CHECKING, Any, Final, TypedDict

import msgspec
from msgspec.structs import replace

from smpp_esme.errors import InvalidValue
from smpp_esme.protocol.parameters import RegisteredDelivery
from smpp_esme.protocol.pdus import DistributionList, SmeAddress, SubmitMulti, SubmitSm
from smpp_esme.protocol.tlvs import Tlv
from smpp_esme.sms import address, times
from smpp_esme.sms.coding import coding_named
from smpp_esme.sms.compose import compose
from smpp_esme.sms.content import KINDS, Content
from smpp_esme.sms.envelope import Sms
from smpp_esme.sms.national import language_named
from smpp_esme.sms.references import References
from smpp_esme.sms.shortcut import Shortcut

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from smpp_esme.client.operations import Replacement
    from smpp_esme.sms.compose import Composed
    from smpp_esme.sms.profile import Profile

#: A point in time: aware, or seconds or a time span from now, or SMPP's own sixteen characters (SMPP 3.4, 7.1.1).
When = datetime | timedelta | float | str

#: Asked for on each segment unless the caller says otherwise.
RECEIPT: Final = int(RegisteredDelivery.RECEIPT)
#: What such values may be, in the order in which they are looked at.
_TYPES: Final[dict[str, tuple[tuple[type, ...], str]]] = {
    "to": ((str,), "a str"),
    "content": ((str, *KINDS.values()), "a str, or a typed content such as Mail"),
    "source": ((str,), "a str"),
    "comment": ((str, NoneType), "a str, or None"),
    "coding": ((str, NoneType), "a str, or None"),
    "languages": ((Sequence, NoneType), "a tuple of str, or None"),
    "schedule_delivery_time": ((datetime, timedelta, float, int, str, NoneType), "a datetime, seconds, or None"),
    "validity_period": ((datetime, timedelta, float, int, str, NoneType), "a datetime, seconds, or None"),
    "tlvs": ((tuple,), "a tuple of Tlv"),
}
#: Parameters that submit_multi shares with submit_sm (SMPP 3.4, 4.5.1).
_COMMON: Final = tuple(name for name, _ in SubmitMulti.layout.fields if name in SubmitSm.__struct_fields__)


class Parameters(TypedDict, total=False):
    """What `submit` takes by name; see `MtMessage`."""

    source: str
    comment: str | None
    coding: str | None
    flash: bool
    transliterate: bool | None
    languages: Sequence[str] | None
    registered_delivery: int
    service_type: str
    protocol_id: int
    priority_flag: int
    replace_if_present: bool
    schedule_delivery_time: When | None
    validity_period: When | None
    tlvs: tuple[Tlv, ...]
    client_reference: Any


class _To(msgspec.Struct, frozen=True):
    to: str
    content: str | Content


class MtMessage(_To, frozen=True, kw_only=True):
    """A message for a subscriber (mobile terminated).

    Attributes:
        to: whom it is for, such as ``+7 999 123-45-67``.
        content: a text, or one of the typed contents such as `Mail` or `Telegram`.
        source: who sends it: a name, a short code or a number; "" leaves it to the SMSC.
        comment: a note for the sender's own records, where the profile has envelopes.
        coding: ``"gsm7"``, ``"ascii"``, ``"latin1"`` or ``"ucs2"``; None takes the cheapest that carries the text.
        flash: whether to show it at once and not keep it.
        transliterate: whether a text that would go as UCS2 goes in Latin letters, if all of it can; None leaves it to
            the profile.
        languages: in whose national tables it may be written where that saves a segment, such as ``("turkish",)``;
            None leaves it to the profile.
        registered_delivery: which receipts are asked for on each segment, as `RegisteredDelivery`.
        service_type: the SMSC's name for the service, at most 5 characters (SMPP 3.4, 5.2.11).
        protocol_id: for the network, 0 to 255 (5.2.13).
        priority_flag: 0 to 255, in GSM 0 or 1 to 3 (5.2.14).
        replace_if_present: whether to replace a message that waits for the same destination (5.2.18).
        schedule_delivery_time: when to begin delivering; None is at once.
        validity_period: when to give up; None leaves it to the SMSC.
        tlvs: optional parameters, on every segment.
        client_reference: anything of the caller's; it comes back with the outcome and is never sent.
    """

    source: str = ""
    comment: str | None = None
    coding: str | None = None
    flash: bool = False
    transliterate: bool | None = None
    languages: Sequence[str] | None = None
    registered_delivery: int = RECEIPT
    service_type: str = ""
    protocol_id: int = 0
    priority_flag: int = 0
    replace_if_present: bool = False
    schedule_delivery_time: When | None = None
    validity_period: When | None = None
    tlvs: tuple[Tlv, ...] = ()
    client_reference: Any = None

    def __repr__(self) -> str:
        """What kind it is; never the text or the numbers."""
        return f"MtMessage({self.typed_content.kind})"

    @property
    def typed_content(self) -> Content:
        """The content; a `str` is an `Sms`."""
        return Sms(self.content) if isinstance(self.content, str) else self.content

    @property
    def wants_receipt(self) -> bool:
        """Whether a receipt is asked for, be it on failure only."""
        return self.registered_delivery & 0x03 != 0


class Composer:
    """Makes the PDUs of messages, as one ESME sends them.

    Args:
        profile: the SMSC's, as bound.
    """

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._references = References(int(time.time()))
        self._shortcut = Shortcut(profile)

    def pdus_of(self, message: MtMessage) -> list[SubmitSm]:
        """As the function of this name; a value of another type than it should have is an `InvalidValue` too."""
        try:
            return self._pdus_of(message)
        except (TypeError, AttributeError) as error:  # asked for here alone: a check of each would cost every message
            raise _mistyped(message) or error from None

    def multi_pdus_of(self, message: MtMessage, to: Iterable[str]) -> list[SubmitMulti]:
        """As the function of this name."""
        return multi_pdus_of(message, to, self._profile, self._references)

    def _pdus_of(self, message: MtMessage) -> list[SubmitSm]:
        content = message.content
        if isinstance(content, str) and _is_plain(message):
            pdu = self._shortcut.submit_sm(message.to, content, message.source, message.registered_delivery)
            if pdu is not None:
                return [pdu]
        return pdus_of(message, self._profile, self._references)


def _mistyped(message: MtMessage) -> InvalidValue | None:
    """The first value that is of another type than it should be; what is an integer the PDU sees to."""
    for field, (types, allowed) in _TYPES.items():
        value = getattr(message, field)
        if not isinstance(value, types):
            return InvalidValue(field, f"is of type {type(value).__name__}", allowed)
    return None


def _is_plain(message: MtMessage) -> bool:
    """Whether nothing is said about how the text is to be written or sent."""
    return (
        message.comment is None
        and message.coding is None
        and not message.flash
        and message.transliterate is None
        and message.languages is None
        and _sets_nothing(message)
    )


def _sets_nothing(message: MtMessage) -> bool:
    """Whether it leaves all parameters of submit_sm as they are that the content does not decide."""
    return (
        not message.protocol_id
        and not message.service_type
        and not message.priority_flag
        and not message.replace_if_present
        and message.schedule_delivery_time is None
        and message.validity_period is None
        and not message.tlvs
    )


def pdus_of(message: MtMessage, profile: Profile, reference: int | References) -> list[SubmitSm]:
    """The submit_sm PDUs of a message, one a segment, in order.

    Raises:
        InvalidValue, EncodingError: it cannot be sent; names the field, the problem and what is allowed.
    """
    pdus = _composed(message, profile, reference).pdus(registered_delivery=message.registered_delivery)
    if not (changed := _parameters(message, profile)):
        return pdus
    return [replace(pdu, **changed, tlvs=pdu.tlvs + message.tlvs) for pdu in pdus]


def multi_pdus_of(
    message: MtMessage, to: Iterable[str], profile: Profile, reference: int | References
) -> list[SubmitMulti]:
    """The submit_multi PDUs of a message for all of `to`: numbers, and names of distribution lists as ``list:NAME``.

    Raises:
        InvalidValue, EncodingError: as for `pdus_of`; also where the profile has no submit_multi.
    """
    if not profile.submit_multi:
        raise InvalidValue("to", f"profile {profile.name} has no submit_multi", "one submit for each")
    dest_address = tuple(_destinations(to, profile))
    if not dest_address:
        raise InvalidValue("to", "is empty", "one to 254 destinations")
    # The content decides the segments; where there are only lists, any number stands in for them.
    first = next((one.destination_addr for one in dest_address if isinstance(one, SmeAddress)), "12025550123")
    pdus = pdus_of(replace(message, to=first), profile, reference)
    return [
        SubmitMulti(**{name: getattr(pdu, name) for name in _COMMON}, dest_address=dest_address, tlvs=pdu.tlvs)
        for pdu in pdus
    ]


def _destinations(to: Iterable[str], profile: Profile) -> Iterator[SmeAddress | DistributionList]:
    for one in to:
        if one.startswith("list:"):
            yield DistributionList(dl_name=one.removeprefix("list:"))
        else:
            found = address.destination(one, profile)
            yield SmeAddress(dest_addr_ton=found.ton, dest_addr_npi=found.npi, destination_addr=found.addr)


def _composed(message: MtMessage, profile: Profile, reference: int | References) -> Composed:
    languages = None if message.languages is None else tuple(map(language_named, message.languages))
    return compose(
        message.typed_content,
        message.to,
        source=message.source,
        profile=profile.writing(transliterate=message.transliterate, languages=languages),
        reference=reference,
        comment=message.comment,
        coding=None if message.coding is None else coding_named(message.coding),
        flash=message.flash,
    )


def _parameters(message: MtMessage, profile: Profile) -> dict[str, Any]:
    """The parameters of submit_sm that the caller has set, which few do."""
    if _sets_nothing(message):
        return {}
    schedule, validity = times_of(message, profile)
    return {
        "protocol_id": message.protocol_id,
        "service_type": message.service_type,
        "priority_flag": message.priority_flag,
        "replace_if_present_flag": int(message.replace_if_present),
        "schedule_delivery_time": schedule,
        "validity_period": validity,
    }


def times_of(message: MtMessage | Replacement, profile: Profile) -> tuple[str, str]:
    """When to begin delivering a message and when to give up: schedule_delivery_time and validity_period.

    Raises:
        InvalidValue: as for `time_of`; also where the SMSC takes no validity_period as long.
    """
    schedule = time_of("schedule_delivery_time", message.schedule_delivery_time)
    validity = time_of("validity_period", message.validity_period)
    now = datetime.now(UTC)
    start = times.moment_of(schedule, now) if schedule else now
    times.check_validity(validity, profile.longest_validity, start=start)
    return schedule, validity


def time_of(field: str, when: When | None) -> str:
    """A time as SMPP writes it; "" for None.

    Raises:
        InvalidValue: a naive datetime, more than 31 days from now, or a string that is no time of SMPP's.
    """
    try:
        match when:
            case None | "":
                return ""
            case str():
                times.moment_of(when, datetime(2000, 1, 1, tzinfo=UTC))
                return when
            case datetime():
                return times.absolute(when)
            case timedelta():
                return times.relative(when.total_seconds())
        return times.relative(when)
    except InvalidValue as error:
        raise InvalidValue(field, error.problem, error.allowed) from None
