"""How one SMSC differs from the book, as data: the files in `profiles/`, or a user's own.

A profile file is TOML whose keys are the fields of `Profile`. What a key allows is said once, in the field's
description, and the error for a wrong value repeats it.
"""

from __future__ import annotations

import re
from datetime import timedelta, timezone
from functools import cache, cached_property
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal, get_type_hints

import msgspec
from msgspec import Meta

from smpp_esme.errors import ConfigError
from smpp_esme.protocol.parameters import Npi, Ton
from smpp_esme.sms.coding import Coding, by_the_book

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
_YES_NO: Final = Meta(description="true or false")
_PAIR: Final = Meta(description="a table of ton (0 to 6) and npi (0, 1, 3, 4, 6, 8, 9, 10, 14 or 18)")


class TonNpi(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The type of number and the numbering plan that an SMSC wants with its addresses."""

    ton: Ton
    npi: Npi


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
        concatenation: the size of the reference in a segment's header, 8 or 16 bits.
        submit_multi: whether submit_multi is offered.
        envelopes: whether texts such as `__MAIL__: ...` have a meaning.
        lookups: whether `__HLR__` and `__PING__` are answered.
        source: the pair for every source address; None goes by the address.
        destination: the pair for every destination address; None goes by the address.
        receipt_utc_offset: the zone of a receipt's dates, which carry none.
        resubmit: what to do with a submit_sm whose fate is unknown: keep it in doubt, or send it again.
        duplicates_refused_for: for so many seconds the SMSC refuses a repeated request; resending is safe within.
        receipts_by_text: whether a deliver_sm is a receipt by its text alone, without esm_class and TLVs saying so.
        system_types: what binding with a certain system_type changes.
    """

    name: Annotated[str, Meta(pattern=r"\A[a-z0-9][a-z0-9-]*\Z", description="lower-case letters, digits and hyphens")]
    title: Annotated[str, Meta(description="a line of text")] = ""
    data_coding: Codings
    flash: FlashCodings = {}
    auto: Order
    concatenation: Annotated[Literal["udh8", "udh16"], Meta(description="udh8 or udh16")] = "udh8"
    submit_multi: Annotated[bool, _YES_NO] = False
    envelopes: Annotated[bool, _YES_NO] = False
    lookups: Annotated[bool, _YES_NO] = False
    source: Annotated[TonNpi, _PAIR] | None = None
    destination: Annotated[TonNpi, _PAIR] | None = None
    receipt_utc_offset: Annotated[
        str, Meta(pattern=r"\A[+-](0\d|1[0-4]):[0-5]\d\Z", description="hours and minutes as in +03:00")
    ] = "+00:00"
    resubmit: Annotated[Literal["hold", "resend"], Meta(description="hold or resend")] = "hold"
    duplicates_refused_for: Annotated[float, Meta(ge=0, description="seconds, 0 or more")] = 0.0
    receipts_by_text: Annotated[bool, _YES_NO] = False
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

    @cached_property
    def receipt_zone(self) -> timezone:
        """The zone that a receipt's dates are in."""
        sign, hours, minutes = self.receipt_utc_offset[0], *self.receipt_utc_offset[1:].split(":")
        offset = timedelta(hours=int(hours), minutes=int(minutes))
        return timezone(-offset if sign == "-" else offset)

    @cached_property
    def concatenation_header(self) -> int:
        """Octets of the user data header that concatenation takes, its length octet included."""
        return 6 if self.concatenation == "udh8" else 7

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


def read(octets: bytes) -> Profile:
    """The profile that a TOML document describes.

    Raises:
        ConfigError: names the key and what it allows.
    """
    try:
        profile = msgspec.toml.decode(octets, type=Profile)
    except msgspec.ValidationError as error:
        raise _wrong_key(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError("profile", f"not TOML: {error}", "a TOML document") from None
    _check_codings(profile, "")
    for name, changed in profile.system_types.items():
        _check_codings(changed, f"system_types.{name}.")
    return profile


@cache
def _shipped(name: str) -> Profile:
    if name not in profile_names():
        raise ConfigError("profile", f"there is none named {name!r}", f"one of {', '.join(profile_names())}")
    return read((_directory() / f"{name}.toml").read_bytes())


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
    if path == "":
        return Profile.__struct_fields__
    return (SystemType if path == "system_types" else TonNpi).__struct_fields__


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
