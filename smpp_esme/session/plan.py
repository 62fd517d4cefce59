"""How a link is to be bound, as one value: where, how often, how patiently."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Final

import msgspec

from smpp_esme.errors import BindRefused, InvalidValue
from smpp_esme.protocol.commands import CommandStatus
from smpp_esme.protocol.timers import Timers
from smpp_esme.session.endpoint import BINDS, Endpoint

if TYPE_CHECKING:
    from smpp_esme.protocol.pdus import Outbind

#: Refusals that no waiting mends: the account is wrong, and trying again only gets it blocked.
FATAL: Final = frozenset({CommandStatus.ESME_RINVPASWD, CommandStatus.ESME_RINVSYSID, CommandStatus.ESME_RINVSYSTYP})

#: How a link may be bound; a pair is a transmitter and a receiver.
KINDS: Final = (*BINDS, "pair")


class Backoff(msgspec.Struct, frozen=True, kw_only=True):
    """How long to wait before the next attempt, in seconds.

    Attributes:
        first: after the first failure.
        most: however many have failed.
        factor: from one failure to the next.
        already_bound: while the SMSC answers ESME_RALYBND: it still holds a former session of ours, and lets go of
            that when its own timer says so, not sooner for being asked more often.
    """

    first: float = 0.2
    most: float = 30.0
    factor: float = 2.0
    already_bound: float = 30.0

    def delay(self, failures: int, luck: float) -> float:
        """Seconds to wait after so many failures in a row; `luck` in 0..1 spreads ESMEs that fell together."""
        exponent = min(failures - 1, 64)
        return min(self.most, self.first * self.factor**exponent) * (0.5 + luck / 2)

    def held_delay(self, luck: float) -> float:
        """Seconds to wait for the SMSC to let go of a former session."""
        return self.already_bound * (0.5 + luck / 2)


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """Where an SMSC may call us, to say outbind (SMPP 3.4, 2.2.1).

    Attributes:
        host: the address to listen on.
        port: likewise.
        how: what to bind as then: receiver, or transceiver where the SMSC takes that.
        system_id: what the SMSC calls itself in outbind; "" believes any name.
        password: what it must say; "" believes anything, and then whoever reaches the port is sent our account.
    """

    host: str = "127.0.0.1"
    port: int
    how: str = "receiver"
    system_id: str = ""
    password: str = ""

    def __repr__(self) -> str:
        return f"Waiting({self.host}:{self.port}, how={self.how})"

    def believes(self, outbind: Outbind) -> bool:
        """Whether this caller is the SMSC that is waited for."""
        named = not self.system_id or _same(outbind.system_id, self.system_id)
        return named and (not self.password or _same(outbind.password, self.password))


def _same(given: str, expected: str) -> bool:
    """Whether two secrets agree, in a time that does not tell how far."""
    return hmac.compare_digest(given.encode(), expected.encode())


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How a link is to be bound.

    Attributes:
        endpoints: where the SMSC is and who we are there, in order of preference. Each bind takes the first that lets
            it in; one that had to take another looks for a preferred one again every `return_after` seconds.
        how: transceiver, transmitter, receiver, or pair for a transmitter and a receiver.
        binds: how many of that, to one account.
        window: how many requests may be outstanding on each session.
        timers: each session's timers.
        backoff: how long to wait between attempts.
        return_after: seconds between attempts to get back to a preferred endpoint; 0 for never.
        peer_version: the interface_version to hold the SMSC to, whatever it says; None for what it says.
        lasting: seconds that a session must have lasted to count as service; an SMSC that binds us and cuts us off
            sooner is waited out longer and longer.
        outbind: where the SMSC may call us; None for nowhere. With it `binds` may be 0. The account that is bound with
            then is that of the first endpoint.
    """

    endpoints: tuple[Endpoint, ...]
    how: str = "transceiver"
    binds: int = 1
    window: int = 10
    timers: Timers = Timers()
    backoff: Backoff = Backoff()
    return_after: float = 60.0
    peer_version: int | None = None
    lasting: float = 30.0
    outbind: Waiting | None = None

    def __post_init__(self) -> None:
        if not self.endpoints:
            raise InvalidValue("endpoints", "there are none", "one or more, in order of preference")
        if self.how not in KINDS:
            raise InvalidValue("bind", f"is {self.how!r}", f"one of {', '.join(KINDS)}")
        least = 0 if self.outbind else 1
        if self.binds < least:
            raise InvalidValue("binds", f"is {self.binds}", f"{least} or more")
        if self.window < 1:
            raise InvalidValue("window", f"is {self.window}", "1 or more")

    @property
    def submits(self) -> bool:
        """Whether any of its sessions may submit: a receiver may not."""
        return (self.binds > 0 and self.how != "receiver") or (
            self.outbind is not None and self.outbind.how != "receiver"
        )

    def sessions(self) -> list[tuple[str, str]]:
        """Name and kind of each session, such as ("transceiver 1", "transceiver")."""
        kinds = ("transmitter", "receiver") if self.how == "pair" else (self.how,)
        return [(f"{kind} {number}", kind) for number in range(1, self.binds + 1) for kind in kinds]


def is_fatal(error: BindRefused) -> bool:
    """Whether no waiting mends this refusal."""
    return error.command_status in FATAL
