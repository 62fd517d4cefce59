"""Type of number, numbering plan and address from what a person writes (SMPP 3.4, 5.2.5 to 5.2.9)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import msgspec

from smpp_esme.errors import InvalidValue
from smpp_esme.protocol.parameters import Npi, Ton
from smpp_esme.sms import numbering

if TYPE_CHECKING:
    from smpp_esme.sms.profile import Profile, TonNpi

# What people put between the digits of a number.
_PUNCTUATION: Final = str.maketrans("", "", " -().\u00a0\u2009\u202f\u2010\u2011\u2012\u2013\u2212")
_DIGITS: Final = re.compile("[0-9]+")
# ITU-T E.164: fifteen digits, country code first, and no country code begins with 0.
_MOST_DIGITS: Final = 15
# source_addr and destination_addr hold 20 characters and a NUL (5.2.8, 5.2.9).
_MOST_CHARACTERS: Final = 20
# An alphanumeric address is 7-bit characters in ten octets (TS 23.040, 9.1.2.5).
_MOST_SENDER: Final = 11
_WHOLE: Final = re.compile(rf"[1-9][0-9]{{0,{_MOST_DIGITS - 1}}}")
# Short codes have three to six digits.
_MOST_SHORT: Final = 6
_EMAIL: Final = re.compile(r"[^\s@,;:<>()\[\]\\\"]+@[^\s@,;:<>()\[\]\\\"]+\.[^\s@,;:<>()\[\]\\\"]+", re.ASCII)
_NICK: Final = re.compile(r"@[A-Za-z][A-Za-z0-9_]{4,31}|#[0-9]{1,19}")
# Printable ASCII that is also in the GSM 7-bit default alphabet: SMPP's strings are ASCII (3.1), and the network writes
# a sender in GSM 7-bit.
_SENDER: Final = re.compile(r"[ !\"#$%&'()*+,\-./0-9:;<=>?@A-Z_a-z]+")
#: Gives something for a whole number in international form, without a sign or a space, and None for anything else.
is_number: Final = _WHOLE.fullmatch
_NUMBER: Final = "a number of up to 15 digits with its country code, as in +7 999 123-45-67"


class Address(msgspec.Struct, frozen=True, gc=False):
    """Where a message comes from or goes to.

    Attributes:
        ton: type of number.
        npi: numbering plan indicator.
        addr: the address itself, 20 characters at most.
    """

    ton: Ton
    npi: Npi
    addr: str

    def __repr__(self) -> str:
        """Its kind and length; never the number."""
        return f"Address({self.ton.name}, {self.npi.name}, {len(self.addr)} characters)"


def destination(written: str, profile: Profile | None = None, *, kind: str = "sms") -> Address:
    """The destination that a person means by `+7 999 123-45-67`.

    Args:
        written: a number in international form; for kind "mail" an e-mail address will do, for kind "bot" a Telegram
            nick (`@nick`) or `#ID`.
        profile: the SMSC; None goes by SMPP alone.
        kind: the kind of message, as in `envelope`.

    Raises:
        InvalidValue: names what is wrong with it: with its characters or its length, or, where the profile asks for it
            (`numbers`), with its country code, its length for that country, or its range.
    """
    pair = profile.destination if profile else None
    if kind == "mail" and "@" in written:
        return _with(pair, _named(written.strip(), _EMAIL, "an e-mail address of up to 20 characters"))
    if kind == "bot" and written.strip()[:1] in {"@", "#"}:
        return _with(pair, _named(written.strip(), _NICK, "a Telegram nick or #ID of up to 20 characters"))
    digits = _number("destination", written)
    if profile and profile.numbers != "digits":
        numbering.check("destination", digits, profile.numbers)
    return _with(pair, Address(Ton.INTERNATIONAL, Npi.ISDN, digits))


def source(written: str, profile: Profile | None = None) -> Address:
    """The source that a person means: a sender's name, a short code, or a number in international form.

    "" leaves the source to the SMSC; "." switches the account's default sender off at smsc-centre. A short code, of up
    to six digits, goes as network-specific (TON 3, NPI 0), as the large providers ask.

    Raises:
        InvalidValue: names what is wrong with it.
    """
    return _with(profile.source if profile else None, _source(written.strip()))


@lru_cache(maxsize=256)  # whoever sends has few names
def _source(written: str) -> Address:
    if not written:
        return Address(Ton.UNKNOWN, Npi.UNKNOWN, "")
    bare = written.translate(_PUNCTUATION)
    if _DIGITS.fullmatch(bare) and len(bare) <= _MOST_SHORT:
        return Address(Ton.NETWORK_SPECIFIC, Npi.UNKNOWN, bare)
    if _DIGITS.fullmatch(bare.removeprefix("+")):
        return Address(Ton.INTERNATIONAL, Npi.ISDN, _number("source", written))
    return Address(Ton.ALPHANUMERIC, Npi.UNKNOWN, _sender(written))


def _with(pair: TonNpi | None, address: Address) -> Address:
    return address if pair is None else Address(pair.ton, pair.npi, address.addr)


def _number(field: str, written: str) -> str:
    if is_number(plain := written.removeprefix("+")):  # as nearly all are
        return plain
    digits = written.strip().translate(_PUNCTUATION).removeprefix("+")
    if not digits:
        raise InvalidValue(field, "is empty", _NUMBER)
    if strange := re.search("[^0-9]", digits):
        at = written.index(strange[0])
        raise InvalidValue(field, f"has {strange[0]!r} at {at}", _NUMBER)
    if len(digits) > _MOST_DIGITS:
        raise InvalidValue(field, f"has {len(digits)} digits", _NUMBER)
    if digits[0] == "0":
        raise InvalidValue(field, "begins with 0", _NUMBER)
    return digits


def _named(written: str, form: re.Pattern[str], allowed: str) -> Address:
    if not form.fullmatch(written) or not written.isascii():
        raise InvalidValue("destination", "is not of its form", allowed)
    if len(written) > _MOST_CHARACTERS:
        raise InvalidValue("destination", f"has {len(written)} characters", allowed)
    return Address(Ton.ALPHANUMERIC, Npi.UNKNOWN, written)


def _sender(written: str) -> str:
    if len(written) > _MOST_SENDER:
        raise InvalidValue("source", f"has {len(written)} characters", f"a name of up to {_MOST_SENDER} characters")
    if not _SENDER.fullmatch(written):
        at, strange = next((at, one) for at, one in enumerate(written) if not _SENDER.fullmatch(one))
        raise InvalidValue(
            "source", f"has {strange!r} at {at}", "a name of ASCII letters, digits and plain punctuation"
        )
    return written
