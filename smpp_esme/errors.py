"""Every exception of smpp_esme, one tree.

::

    SmppError
    ├── ProtocolError              somebody broke SMPP 3.4
    │   ├── LocalProtocolError       we did: the call was illegal in this state; nothing was sent
    │   └── RemoteProtocolError      the peer did
    │       ├── MalformedPdu           one PDU is unusable; its end is known, the session goes on
    │       └── BrokenStream           the octets can no longer be trusted; the session ends
    ├── CommandRefused             the peer answered with a command_status other than ESME_ROK
    │   ├── BindRefused
    │   └── SubmitRefused
    ├── AgainstTheRules            the provider's own rules, which we keep, forbid it; nothing was sent
    ├── ResponseTimeout            response_timer expired; whether the peer acted is unknown
    ├── SessionClosed              there is no bound session any more
    │   └── ConnectFailed            there never was one: the SMSC could not be reached
    ├── InvalidValue               what the caller gave cannot be sent or used; nothing was sent
    │   ├── EncodingError            it does not fit its parameter, or its coding cannot carry it
    │   └── ConfigError              names the file, the table and the key
    ├── UnknownReference           no message is kept under this reference
    ├── UnknownEndpoint            no webhook has this name
    ├── UnknownLink                no link has this name, and nothing is queued for one
    └── StoreUnusable              the database is not ours, damaged, locked, or newer than this program
        └── StoreOutage              only for now: its disk is full, its server is away
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from smpp_esme.protocol.commands import CommandStatus


class SmppError(Exception):
    """The root of every exception that smpp_esme raises on purpose."""


class ProtocolError(SmppError):
    """Somebody broke SMPP 3.4."""


class LocalProtocolError(ProtocolError):
    """The call is illegal in the present state; nothing was sent."""


class RemoteProtocolError(ProtocolError):
    """The peer broke SMPP 3.4."""


class MalformedPdu(RemoteProtocolError):
    """One PDU is unusable; its end is known, so the session goes on.

    Attributes:
        command_id: the number in the header, known or not.
        sequence_number: what an answer must carry.
        command_status: the status an answer should carry, such as ESME_RINVCMDLEN.
        problem: what was wrong and at which offset of the PDU.
    """

    def __init__(self, problem: str, *, command_id: int, sequence_number: int, command_status: int) -> None:
        super().__init__(f"PDU 0x{command_id:08X} sequence {sequence_number}: {problem}")
        self.problem = problem
        self.command_id = command_id
        self.sequence_number = sequence_number
        self.command_status = command_status


class BrokenStream(RemoteProtocolError):
    """The octets can no longer be split into PDUs; the session ends.

    Attributes:
        command_length: the length that could not be right, in octets.
    """

    def __init__(self, command_length: int, limit: int) -> None:
        super().__init__(f"command_length {command_length} is outside 16..{limit} octets")
        self.command_length = command_length


class CommandRefused(SmppError):
    """The peer answered, and the answer was no.

    Attributes:
        command_status: why, in the peer's words.
    """

    def __init__(self, command_status: CommandStatus, what: str = "the request") -> None:
        super().__init__(f"{what} was refused: {command_status.name} ({command_status.meaning})")
        self.command_status = command_status

    @property
    def retryable(self) -> bool:
        """Whether the same request may succeed later, unchanged."""
        return self.command_status.retryable


class BindRefused(CommandRefused):
    """The SMSC refused the bind."""


class SubmitRefused(CommandRefused):
    """The SMSC refused a message, or one of its segments."""


class AgainstTheRules(SmppError):
    """A message breaks a rule of the provider's, and `rules` says that such a one is refused.

    It was not sent; where it is about its later segments, those before have been.
    """


class ResponseTimeout(SmppError):
    """No response came in time; whether the peer acted on the request is unknown.

    Attributes:
        seconds: how long was waited.
    """

    def __init__(self, what: str, seconds: float) -> None:
        super().__init__(f"no response to {what} within {seconds:g} s; whether the peer acted is unknown")
        self.seconds = seconds


class SessionClosed(SmppError):
    """There is no bound session any more."""


class ConnectFailed(SessionClosed):
    """The SMSC could not be reached."""


class InvalidValue(SmppError, ValueError):
    """A value cannot be sent or used; nothing was sent.

    Attributes:
        field: the value's name, in the field's own words.
        problem: what is wrong with it.
        allowed: the way out: what would be accepted.
    """

    def __init__(self, field: str, problem: str, allowed: str = "") -> None:
        super().__init__(f"{field}: {problem}" + (f"; {allowed}" if allowed else ""))
        self.field = field
        self.problem = problem
        self.allowed = allowed


class EncodingError(InvalidValue):
    """The value does not fit its parameter, or its coding cannot carry it."""


class ConfigError(InvalidValue):
    """The configuration is wrong; `field` is the path of the key."""


class UnknownReference(SmppError):
    """No message is kept under this reference."""

    def __init__(self, reference: str) -> None:
        super().__init__(f"no message has the reference {reference!r}")
        self.reference = reference


class UnknownEndpoint(SmppError):
    """No webhook has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no webhook has the name {name!r}")
        self.name = name


class UnknownLink(SmppError):
    """No link has this name, and nothing is queued for one."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no link {name!r}, and nothing is queued for one")
        self.name = name


class StoreUnusable(SmppError):
    """The database is not ours, damaged, locked, or newer than this program."""


class StoreOutage(StoreUnusable):
    """The database cannot be used for now: its disk is full or fails, its server is away. Later it may be."""
