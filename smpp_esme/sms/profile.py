"""How one SMSC differs from the book, as data: the files in `profiles/`, or a user's own.

A profile file is TOML. Its keys are the fields of `Profile`, and `like`: the profile from which the rest is taken.
What a key allows is said once, in the field's description, and the error for a wrong value repeats it.
"""

from __future__ import annotations

import re
import tomllib
from datetime import timedelta, timezone
from functools import cache, cached_property
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeAlias, get_args, get_type_hints

import msgspec
from msgspec import Meta

from smpp_esme.errors import ConfigError
from smpp_esme.protocol.parameters import MessageState, Npi, Ton
from smpp_esme.sms import numbering, pattern
from smpp_esme.sms.coding import Coding, by_the_book
from smpp_esme.sms.national import Language

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Octet = Annotated[int, Meta(ge=0, le=255)]
Codings = Annotated[
    dict[Coding, Octet],
    Meta(min_length=1, description=f"a table of {', '.join(Coding)}, each an octet from 0x00 to 0xFF"),
]
FlashCodings = Annotated[
    dict[Coding, Octet], Meta(description=f"a table of {', '.join(Coding)}, each an octet from 0x00 to 0xFF")
]
Order = Annotated[
    tuple[Coding, ...],
    Meta(min_length=1, description=f"one or more of {', '.join(Coding)}, each also in data_coding"),
]
_State: TypeAlias = Literal[
    "scheduled",
    "enroute",
    "delivered",
    "expired",
    "deleted",
    "undeliverable",
    "accepted",
    "unknown",
    "rejected",
    "skipped",
]
_Digits: TypeAlias = Annotated[str, Meta(pattern=r"\A[1-9][0-9]{0,14}\Z")]
_Network: TypeAlias = Annotated[str, Meta(pattern=r"\A[0-9]{5,6}\Z")]
_YES_NO: Final = Meta(description="true or false")
_PAIR: Final = Meta(description="a table of ton (0 to 6) and npi (0, 1, 3, 4, 6, 8, 9, 10, 14 or 18)")


class TonNpi(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The type of number and the numbering plan that an SMSC wants with its addresses."""

    ton: Ton
    npi: Npi


class VendorTlv(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A TLV of the SMSC's own that comes with its receipts."""

    tag: Annotated[int, Meta(ge=1, le=0xFFFF)]
    type: Literal["text", "integer", "octets"]

    def value(self, octets: bytes) -> str | int | bytes:
        """What the TLV says; a text ends at its NUL, if it has one."""
        if self.type == "integer":
            return int.from_bytes(octets[:_LONGEST_INTEGER], "big")
        return octets.partition(b"\0")[0].decode("latin-1") if self.type == "text" else octets


# A longer integer is none that SMPP knows; arithmetic on a hostile one must cost nothing.
_LONGEST_INTEGER: Final = 8


class SystemType(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What binding with one system_type changes."""

    data_coding: Codings
    flash: FlashCodings
    auto: Order


class Profile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """How one SMSC differs from the book.

    Attributes:
        name: what it is asked for by.
        title: what it is, for a person.
        data_coding: the data_coding of each coding; what is missing is not offered (SMPP 3.4, 5.2.19).
        flash: the data_coding of each coding in message class 0; what is missing cannot be flash.
        auto: the codings that a text may be given unasked, the preferred first.
        packed: whether GSM 7-bit septets are packed, eight in seven octets; otherwise each has an octet of its own.
        user_data: how many octets one short message holds, header included; GSM 7-bit counted as packed.
        concatenation: how the segments of a long text are told: by a header with a reference of 8 or 16 bits, or by the
            SAR TLVs; `payload` leaves the cutting to the SMSC and sends the text whole in message_payload.
        languages: whose national tables handsets here read (3GPP TS 23.038, Annex A); used where they save a segment.
        transliterate: whether a text that would go as UCS2 goes in Latin letters, if all of it can.
        submit_multi: whether submit_multi is offered.
        envelopes: whether texts such as `__MAIL__: ...` have a meaning.
        lookups: whether `__HLR__` and `__PING__` are answered.
        source: the pair for every source address; None goes by the address.
        destination: the pair for every destination address; None goes by the address.
        numbers: how a destination's number is checked: its digits alone, a length that its country has, or also a range
            that is given out there; all but the first take `smpp-esme[numbers]`.
        longest_validity: the longest validity_period that the SMSC takes; None is as long as can be written.
        receipt_utc_offset: the zone of a receipt's dates, which carry none.
        resubmit: what becomes of a submit_sm whose fate is unknown, where a link leaves it to its profile.
        duplicates_refused_for: for so many seconds the SMSC refuses a repeated request; resending is safe within.
        flood_limit: how many messages one number may get with gaps below `flood_gap`; 0 for any number.
        flood_gap: seconds without a message to a number after which that count begins anew.
        segments_within: seconds within which the SMSC wants all segments of a message; 0 for no matter.
        inactivity: seconds without a PDU after which the SMSC ends a session; 0 for never.
        receipts_by_text: whether a deliver_sm is a receipt by its text alone, without esm_class and TLVs saying so.
        receipt_pattern: what the text of a receipt looks like where it is not of Appendix B's form.
        receipt_states: what this SMSC's own words for a state mean, beside those that everybody uses.
        message_ids: how a receipt writes the message_id of the response: the same but for case and leading zeros;
            decimal where the response is hexadecimal; the reverse; or as the first receipts show.
        number_ranges: what numbers begin with, and the network (MCC and MNC) that such a range was given to, by which a
            lookup's answer hints at a ported number.
        receipt_tlvs: the SMSC's own TLVs in a receipt, by the name that their value is to have.
        system_types: what binding with a certain system_type changes.
    """

    name: Annotated[str, Meta(pattern=r"\A[a-z0-9][a-z0-9-]*\Z", description="lower-case letters, digits and hyphens")]
    title: Annotated[str, Meta(description="a line of text")] = ""
    data_coding: Codings
    flash: FlashCodings = {}
    auto: Order
    packed: Annotated[bool, _YES_NO] = False
    user_data: Annotated[int, Meta(ge=48, le=140, description="48 to 140")] = 140
    concatenation: Annotated[
        Literal["udh8", "udh16", "sar", "payload"], Meta(description="udh8, udh16, sar or payload")
    ] = "udh8"
    languages: Annotated[tuple[Language, ...], Meta(description=f"any of {', '.join(Language)}")] = ()
    transliterate: Annotated[bool, _YES_NO] = False
    submit_multi: Annotated[bool, _YES_NO] = False
    envelopes: Annotated[bool, _YES_NO] = False
    lookups: Annotated[bool, _YES_NO] = False
    source: Annotated[TonNpi, _PAIR] | None = None
    destination: Annotated[TonNpi, _PAIR] | None = None
    numbers: Annotated[Literal["digits", "possible", "valid"], Meta(description="digits, possible or valid")] = "digits"
    longest_validity: Annotated[float, Meta(gt=0, description="seconds, more than 0")] | None = None
    receipt_utc_offset: Annotated[
        str, Meta(pattern=r"\A[+-](0\d|1[0-4]):[0-5]\d\Z", description="hours and minutes as in +03:00")
    ] = "+00:00"
    resubmit: Annotated[
        Literal["hold", "resend", "resend_safely", "query", "receipt"],
        Meta(description="hold, resend, resend_safely, query or receipt"),
    ] = "hold"
    duplicates_refused_for: Annotated[float, Meta(ge=0, description="seconds, 0 or more")] = 0.0
    flood_limit: Annotated[int, Meta(ge=0, description="a whole number, 0 or more")] = 0
    flood_gap: Annotated[float, Meta(ge=0, description="seconds, 0 or more")] = 0.0
    segments_within: Annotated[float, Meta(ge=0, description="seconds, 0 or more")] = 0.0
    inactivity: Annotated[float, Meta(ge=0, description="seconds, 0 or more")] = 0.0
    receipts_by_text: Annotated[bool, _YES_NO] = False
    receipt_pattern: Annotated[
        str, Meta(description=f"a regular expression with groups such as id and stat, up to {pattern.LONGEST_PATTERN}")
    ] = ""
    receipt_states: Annotated[
        dict[str, _State], Meta(description=f"a table of words, each one of {', '.join(get_args(_State))}")
    ] = {}
    message_ids: Annotated[
        Literal["learn", "literal", "hex-decimal", "decimal-hex"],
        Meta(description="learn, literal, hex-decimal or decimal-hex"),
    ] = "learn"
    number_ranges: Annotated[
        dict[_Digits, _Network], Meta(description='a table of digits in quotes, each a network as in "7916" = "25001"')
    ] = {}
    receipt_tlvs: Annotated[
        dict[str, VendorTlv], Meta(description="tables of tag (0x0001 to 0xFFFF) and type (text, integer or octets)")
    ] = {}
    system_types: Annotated[
        dict[str, SystemType], Meta(description="tables of data_coding, flash and auto, named by system_type")
    ] = {}

    @staticmethod
    def named(name: str) -> Profile:
        """The profile that ships under this name.

        Raises:
            ConfigError: there is none; it names those there are.
        """
        return _shipped(name)

    @staticmethod
    def of(name: str) -> Profile:
        """The profile that a person names: a shipped one's name, or the path of a file that ends in ``.toml``.

        Raises:
            ConfigError: as for `named` and `load`.
        """
        return Profile.load(name) if name.endswith(".toml") else Profile.named(name)

    @staticmethod
    def load(path: str | Path) -> Profile:
        """The profile in a user's own file.

        Raises:
            ConfigError: the file cannot be read, or a key is wrong; names the key and what it allows.
        """
        try:
            octets = Path(path).read_bytes()
        except OSError as error:
            raise ConfigError(str(path), error.strerror or "cannot be read", "a readable TOML file") from error
        return read(octets)

    def bound_with(self, system_type: str) -> Profile:
        """This profile as it is once bound with that system_type; itself where that changes nothing."""
        if (changed := self.system_types.get(system_type)) is None:
            return self
        return msgspec.structs.replace(self, data_coding=changed.data_coding, flash=changed.flash, auto=changed.auto)

    def writing(self, *, transliterate: bool | None = None, languages: tuple[Language, ...] | None = None) -> Profile:
        """This profile with another choice of how texts are written; None leaves it as it is."""
        if transliterate is None and languages is None:
            return self
        asked = {"transliterate": transliterate, "languages": languages}
        changed = {key: value for key, value in asked.items() if value is not None and value != getattr(self, key)}
        return msgspec.structs.replace(self, **changed) if changed else self

    @cached_property
    def receipt_zone(self) -> timezone:
        """The zone that a receipt's dates are in."""
        sign, hours, minutes = self.receipt_utc_offset[0], *self.receipt_utc_offset[1:].split(":")
        offset = timedelta(hours=int(hours), minutes=int(minutes))
        return timezone(-offset if sign == "-" else offset)

    @cached_property
    def receipt_form(self) -> re.Pattern[str] | None:
        """`receipt_pattern`, ready for `fullmatch`."""
        return pattern.compiled(self.receipt_pattern) if self.receipt_pattern else None

    @cached_property
    def own_states(self) -> dict[str, MessageState]:
        """`receipt_states` by their words in upper case."""
        return {word.upper(): MessageState[state.upper()] for word, state in self.receipt_states.items()}

    @cached_property
    def own_tlvs(self) -> dict[int, tuple[str, VendorTlv]]:
        """`receipt_tlvs` by their tags, with their names."""
        return {tlv.tag: (name, tlv) for name, tlv in self.receipt_tlvs.items()}

    @cached_property
    def concatenation_header(self) -> int:
        """Octets of the user data header that concatenation takes on the air, its length octet included."""
        return 7 if self.concatenation == "udh16" else 6

    @cached_property
    def codings(self) -> tuple[Coding, ...]:
        """What each of the 256 data_coding values stands for when it is read."""
        written = {octet: coding for table in (self.flash, self.data_coding) for coding, octet in _readable(table)}
        return tuple(written.get(octet) or _of_class(octet, written) for octet in range(256))


def profile_names() -> tuple[str, ...]:
    """The names of the profiles that ship with the package."""
    return tuple(
        sorted(file.name.removesuffix(".toml") for file in _directory().iterdir() if file.name.endswith(".toml"))
    )


def source(name: str) -> str:
    """The TOML that a profile was read from, comments and all; `name` is as for `Profile.of`."""
    path = Path(name) if name.endswith(".toml") else _directory() / f"{name}.toml"
    return path.read_text(encoding="utf-8")


def read(octets: bytes) -> Profile:
    """The profile that a TOML document describes; what it leaves out is as in the profile that it is `like`.

    Raises:
        ConfigError: names the key and what it allows.
    """
    keys = _document(octets)
    if "like" in keys:
        keys = _inherited(keys.pop("like")) | keys
    try:
        profile = msgspec.convert(keys, Profile)
    except msgspec.ValidationError as error:
        raise _wrong_key(str(error)) from None
    _check_codings(profile, "")
    for name, changed in profile.system_types.items():
        _check_codings(changed, f"system_types.{name}.")
    if profile.numbers != "digits":
        numbering.phonenumbers()
    if profile.receipt_pattern:
        pattern.compiled(profile.receipt_pattern)
    return profile


def _document(octets: bytes) -> dict[str, Any]:
    try:
        return tomllib.loads(octets.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError("profile", f"not TOML: {error}", "a TOML document") from None


def _inherited(like: object) -> dict[str, Any]:
    """The keys of a shipped profile that another is like: all but what it is called."""
    if not isinstance(like, str) or like not in profile_names():
        raise ConfigError("like", f"there is no profile {like!r}", f"one of {', '.join(profile_names())}")
    keys = _document(source(like).encode())
    own = {key: value for key, value in keys.items() if key not in {"like", "name", "title"}}
    return _inherited(keys["like"]) | own if "like" in keys else own


@cache
def _shipped(name: str) -> Profile:
    if name not in profile_names():
        raise ConfigError("profile", f"there is none named {name!r}", f"one of {', '.join(profile_names())}")
    return read(source(name).encode())


def _directory() -> resources.abc.Traversable:
    return resources.files("smpp_esme.sms") / "profiles"


def _check_codings(table: Profile | SystemType, prefix: str) -> None:
    for key, codings in (("auto", table.auto), ("flash", table.flash)):
        for coding in codings:
            if coding not in table.data_coding:
                known = ", ".join(table.data_coding)
                raise ConfigError(f"{prefix}{key}", f"{coding} has no data_coding", f"one of {known}")


# msgspec says what is wrong and where: "Expected `int` <= 255 - at `$.data_coding[...]`".
_PLACE: Final = re.compile(r" - at `(?:key` in `)?\$\.?(?P<path>[^`]*)`$")
_UNKNOWN_KEY: Final = re.compile(r"unknown field `(?P<key>[^`]*)`")
_MISSING_KEY: Final = re.compile(r"missing required field `(?P<key>[^`]*)`")


def _wrong_key(said: str) -> ConfigError:
    place = _PLACE.search(said)
    path = re.sub(r"\[[^]]*\]", "", place["path"]) if place else ""
    if unknown := _UNKNOWN_KEY.search(said):
        return ConfigError(_joined(path, unknown["key"]), "no such key", f"one of {', '.join(_keys(path))}")
    if missing := _MISSING_KEY.search(said):
        key = _joined(path, missing["key"])
        return ConfigError(key, "missing", _allowed(key))
    problem = _PLACE.sub("", said).replace("`", "").split(" matching regex")[0]
    return ConfigError(path or "profile", problem[:1].lower() + problem[1:], _allowed(path))


def _joined(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _keys(path: str) -> tuple[str, ...]:
    tables = {"": Profile, "system_types": SystemType, "receipt_tlvs": VendorTlv}
    return ("like",) * (path == "") + tables.get(path, TonNpi).__struct_fields__


def _allowed(path: str) -> str:
    hints = get_type_hints(Profile, include_extras=True)
    return next(_descriptions(hints.get(path.split(".", maxsplit=1)[0])), "a TOML table")


def _descriptions(hint: object) -> Iterator[str]:
    for meta in getattr(hint, "__metadata__", ()):
        if meta.description:
            yield meta.description
    for inner in getattr(hint, "__args__", ()):
        yield from _descriptions(inner)


def _readable(table: Mapping[Coding, int]) -> list[tuple[Coding, int]]:
    # Where one octet stands for text and for binary, it is read as text: ISO-8859-1 keeps every octet anyway.
    return sorted(table.items(), key=lambda item: item[0] is not Coding.BINARY)


def _of_class(octet: int, written: Mapping[int, Coding]) -> Coding:
    # Bits 1 and 0 beside a message class do not change the alphabet (TS 23.038, clause 4).
    return (octet >= 0x10 and written.get(octet & ~3)) or by_the_book(octet)
