"""What to do with a message of which nobody knows whether the SMSC has it. Pure: the time is an argument."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import msgspec

from smpp_esme.message.status import MessageStatus

if TYPE_CHECKING:
    from datetime import datetime

#: How long before the SMSC's window closes a repetition must be queued, so that it is there in time.
_MARGIN: Final = timedelta(seconds=10)


class Decision(StrEnum):
    """What a person decides about a message in doubt."""

    SENT = "sent"
    """The SMSC has it: it stands as SUBMITTED, without an id."""
    RESEND = "resend"
    """Send it again, though it may arrive twice; it is listed as a possible duplicate."""
    FAIL = "fail"
    """Give it up: it stands as FAILED, though it may arrive."""

    @property
    def status(self) -> MessageStatus:
        """Where the message goes."""
        return _STATUSES[self]


_STATUSES: Final = {
    Decision.SENT: MessageStatus.SUBMITTED,
    Decision.RESEND: MessageStatus.QUEUED,
    Decision.FAIL: MessageStatus.FAILED,
}


class Resubmit(msgspec.Struct, frozen=True, kw_only=True):
    """What is done with a link's messages when they come in doubt.

    Attributes:
        policy: "hold" leaves them to a person; "resend" sends each again, once, as a possible duplicate.
        within: seconds for which the SMSC refuses a repetition, 0 if it does not: where it does, a message is sent
            again within that time only, since then the subscriber cannot get it twice.
    """

    policy: str = "hold"
    within: float = 0.0

    def allows(self, own: str | None, *, claimed_at: datetime, resent: int, at: datetime) -> bool:
        """Whether a message is sent again without anybody's asking.

        Args:
            own: the message's own policy, or None: the link's holds.
            claimed_at: when it was given to a dispatcher; no submit_sm left before.
            resent: how often it was sent again before; once is enough.
            at: now.
        """
        if (own or self.policy) != "resend" or resent:
            return False
        return not self.within or at + _MARGIN < claimed_at + timedelta(seconds=self.within)


class Resolved(msgspec.Struct, frozen=True, kw_only=True):
    """What a decision did.

    Attributes:
        reference: of the message.
        moved: whether it was in doubt, and is no more.
        status: where it stands now.
    """

    reference: str
    moved: bool
    status: MessageStatus
