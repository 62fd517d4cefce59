"""The handsets that the simulated SMSC serves: who is there, in which network, and what becomes of a message.

The population is data and a function of the number alone, so that a number behaves the same in every run:

=========  ===============  ======================================  ======================================
ends with  condition        a text                                  a lookup
=========  ===============  ======================================  ======================================
001        absent           EXPIRED, err 6                          UNDELIV, err 6, and no MSC
002        unknown          UNDELIV, err 1                          UNDELIV, err 1, and nothing else
003        ported           DELIVRD                                 DELIVRD; number of one operator, IMSI of another
004        roaming          DELIVRD                                 DELIVRD, with roaming country and operator
005        blocked          UNDELIV, err 13                         UNDELIV, err 13, and no MSC
006        memory full      UNDELIV, err 12                         DELIVRD
007        silent           no receipt, ever                        no receipt, ever
008        slow             DELIVRD, ten times as late              DELIVRD, ten times as late
009        ported, roaming  DELIVRD                                 DELIVRD; both of the above
010        no service       UNDELIV, err 11                         UNDELIV, err 11
any other  present          DELIVRD                                 DELIVRD
=========  ===============  ======================================  ======================================

The networks are named after real ones and numbered as they are; every subscriber in them is invented.
"""

from __future__ import annotations

import zlib
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import msgspec

from smpp_esme.protocol.parameters import MessageState

if TYPE_CHECKING:
    from collections.abc import Mapping


class Condition(StrEnum):
    """How a handset is, as far as its SMSC can tell."""

    PRESENT = "present"
    ABSENT = "absent"
    UNKNOWN = "unknown"
    PORTED = "ported"
    ROAMING = "roaming"
    BLOCKED = "blocked"
    MEMORY_FULL = "memory full"
    SILENT = "silent"
    SLOW = "slow"
    PORTED_ROAMING = "ported, roaming"
    NO_SERVICE = "no service"


class Verdict(msgspec.Struct, frozen=True):
    """What the SMSC says of a message in the end.

    Attributes:
        state: its last state.
        error: the provider's delivery error code, 0 for none.
    """

    state: MessageState
    error: int = 0


class Behaviour(msgspec.Struct, frozen=True):
    """What becomes of what is sent to a handset.

    Attributes:
        text: the verdict on a text; None if none ever falls.
        lookup: the verdict on a lookup; None if none ever falls.
        slowness: by how much later than others it answers.
    """

    text: Verdict | None
    lookup: Verdict | None
    slowness: float = 1.0


_DELIVERED: Final = Verdict(MessageState.DELIVERED)
_THERE: Final = Behaviour(_DELIVERED, _DELIVERED)


def _undeliverable(error: int) -> Behaviour:
    verdict = Verdict(MessageState.UNDELIVERABLE, error)
    return Behaviour(verdict, verdict)


#: What becomes of a message in each condition; the errors are smsc-centre's delivery error codes.
BEHAVIOURS: Final = {
    Condition.PRESENT: _THERE,
    Condition.ABSENT: Behaviour(Verdict(MessageState.EXPIRED, 6), Verdict(MessageState.UNDELIVERABLE, 6)),
    Condition.UNKNOWN: _undeliverable(1),
    Condition.PORTED: _THERE,
    Condition.ROAMING: _THERE,
    Condition.BLOCKED: _undeliverable(13),
    Condition.MEMORY_FULL: Behaviour(Verdict(MessageState.UNDELIVERABLE, 12), _DELIVERED),
    Condition.SILENT: Behaviour(None, None),
    Condition.SLOW: Behaviour(_DELIVERED, _DELIVERED, slowness=10.0),
    Condition.PORTED_ROAMING: _THERE,
    Condition.NO_SERVICE: _undeliverable(11),
}

#: What a number ends with, and the condition that it stands for.
SUFFIXES: Final[dict[str, Condition]] = {
    "001": Condition.ABSENT,
    "002": Condition.UNKNOWN,
    "003": Condition.PORTED,
    "004": Condition.ROAMING,
    "005": Condition.BLOCKED,
    "006": Condition.MEMORY_FULL,
    "007": Condition.SILENT,
    "008": Condition.SLOW,
    "009": Condition.PORTED_ROAMING,
    "010": Condition.NO_SERVICE,
}


class Operator(msgspec.Struct, frozen=True):
    """A mobile network.

    Attributes:
        country: its country's name, as an HLR answer spells it.
        name: its own name.
        mcc: mobile country code, three digits.
        mnc: mobile network code, two digits.
        msc: what the addresses of its MSCs begin with.
    """

    country: str
    name: str
    mcc: str
    mnc: str
    msc: str


_MTS: Final = Operator("Russian Federation", "Mobile TeleSystems (MTS)", "250", "01", "7916899")
_MEGAFON: Final = Operator("Russian Federation", "MegaFON open Joint Stock Company", "250", "02", "7923251")
_BEELINE: Final = Operator("Russian Federation", 'PJSC "VimpelCom" (Beeline)', "250", "99", "7903701")
_KCELL: Final = Operator("Kazakhstan", "Kcell JSC", "401", "02", "7701000")
_BEELINE_KZ: Final = Operator("Kazakhstan", "KaR-Tel LLP / Beeline", "401", "01", "7777000")
_TELEKOM: Final = Operator("Germany", "Telekom Deutschland GmbH", "262", "01", "4917107")
_VODAFONE: Final = Operator("Germany", "Vodafone D2", "262", "02", "4917220")
_TURKCELL: Final = Operator("Türkiye", "Turkcell İletişim Hizmetleri A.Ş.", "286", "01", "9053210")
_TURK_TELEKOM: Final = Operator("Türkiye", "Türk Telekom", "286", "03", "9050500")
_ORANGE_CI: Final = Operator("Côte d'Ivoire", "Orange Côte d'Ivoire & Cie", "612", "03", "2250700")
_MOOV: Final = Operator("Côte d'Ivoire", "Moov Africa + 100%", "612", "02", "2250100")
# ITU-T E.212: MCC 001 with MNC 01 is for test networks.
_TEST: Final = Operator("Test Network", "Simulated Mobile", "001", "01", "8881000")

#: What a number begins with, and whose it was when it was first given out; the longest that fits counts.
RANGES: Final[dict[str, Operator]] = {
    "7": _MTS,
    "7903": _BEELINE,
    "7905": _BEELINE,
    "7909": _BEELINE,
    "796": _BEELINE,
    "792": _MEGAFON,
    "793": _MEGAFON,
    "7999": _MEGAFON,
    "77": _KCELL,
    "7777": _BEELINE_KZ,
    "49": _TELEKOM,
    "49172": _VODAFONE,
    "90": _TURKCELL,
    "90505": _TURK_TELEKOM,
    "225": _ORANGE_CI,
    "22501": _MOOV,
}

_LONGEST_RANGE: Final = max(map(len, RANGES))
_PORTED: Final = frozenset({Condition.PORTED, Condition.PORTED_ROAMING})
_ROAMING: Final = frozenset({Condition.ROAMING, Condition.PORTED_ROAMING})
_UNREACHABLE: Final = frozenset({Condition.ABSENT, Condition.BLOCKED})
_OPERATORS: Final = tuple(dict.fromkeys(RANGES.values()))


class Handset(msgspec.Struct, frozen=True, kw_only=True):
    """What a home location register knows of one subscriber; what it does not know is empty."""

    msisdn: str
    condition: Condition
    imsi: str = ""
    msc: str = ""
    mcc: str = ""
    mnc: str = ""
    country: str = ""
    operator: str = ""
    roaming_country: str = ""
    roaming_operator: str = ""

    def __repr__(self) -> str:
        """Its condition; never its numbers."""
        return f"Handset({self.condition.value}, mcc={self.mcc!r}, mnc={self.mnc!r})"


class Handsets:
    """A population of handsets, one for every number there is.

    Args:
        suffixes: the condition of the numbers that end so, the longest suffix first; by default the table above. An
            empty one makes everybody present.
        numbers: the condition of single numbers; goes before the suffixes, and may be changed at any time.
    """

    def __init__(
        self, suffixes: Mapping[str, Condition] | None = None, numbers: Mapping[str, Condition] | None = None
    ) -> None:
        self.numbers = dict(numbers or {})
        self._suffixes = dict(SUFFIXES if suffixes is None else suffixes)
        self._lengths = sorted({len(suffix) for suffix in self._suffixes}, reverse=True)

    def condition(self, msisdn: str) -> Condition:
        """How the handset with this number is."""
        if self.numbers and (condition := self.numbers.get(msisdn)):
            return condition
        for length in self._lengths:
            if condition := self._suffixes.get(msisdn[-length:]):
                return condition
        return Condition.PRESENT

    def behaviour(self, msisdn: str) -> Behaviour:
        """What becomes of what is sent to it."""
        return BEHAVIOURS[self.condition(msisdn)]

    def handset(self, msisdn: str) -> Handset:
        """What its home location register knows."""
        condition = self.condition(msisdn)
        if condition is Condition.UNKNOWN or not (msisdn.isascii() and msisdn.isdigit()):
            return Handset(msisdn=msisdn, condition=Condition.UNKNOWN)
        number = zlib.crc32(msisdn.encode())
        home = _ported(operator_of(msisdn)) if condition in _PORTED else operator_of(msisdn)
        visited = _abroad(home, number) if condition in _ROAMING else None
        return Handset(
            msisdn=msisdn,
            condition=condition,
            imsi=f"{home.mcc}{home.mnc}{number:010}",
            msc="" if condition in _UNREACHABLE else f"{(visited or home).msc}{number % 10_000:04}",
            mcc=home.mcc,
            mnc=home.mnc,
            country=home.country,
            operator=home.name,
            roaming_country=visited.country if visited else "",
            roaming_operator=visited.name if visited else "",
        )


def operator_of(msisdn: str) -> Operator:
    """Whose number this was when it was first given out; a test network's for a number of no known range."""
    for length in range(_LONGEST_RANGE, 0, -1):
        if operator := RANGES.get(msisdn[:length]):
            return operator
    return _TEST


def population() -> str:
    """The table of suffixes for people, a line each."""
    lines = [f"...{suffix}  {condition.value}" for suffix, condition in SUFFIXES.items()]
    return "\n".join([*lines, "any other  present"])


def _ported(operator: Operator) -> Operator:
    """The next operator of the same country, to which its subscribers port their numbers."""
    compatriots = [one for one in _OPERATORS if one.country == operator.country] or [operator]
    return compatriots[(compatriots.index(operator) + 1) % len(compatriots)]


def _abroad(home: Operator, number: int) -> Operator:
    foreign = [one for one in _OPERATORS if one.country != home.country]
    return foreign[number % len(foreign)]
