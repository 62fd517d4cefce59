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


class Policy(StrEnum):
    """What becomes of a message in doubt without anybody's asking. A late response ends the doubt in any case."""

    HOLD = "hold"
    """A person decides."""
    RESEND = "resend"
    """It is sent again, once, as a possible duplicate; where the SMSC refuses repetitions, only while it does."""
    RESEND_SAFELY = "resend_safely"
    """It is sent again only where the SMSC refuses repetitions, and for as long as it does; else it is held."""
    QUERY = "query"
    """The SMSC is asked (query_sm) about the segments whose ids are known; what is left is held."""
    RECEIPT = "receipt"
    """A receipt of an unknown id that fits ends the doubt; without one it is held."""


class Resubmit(msgspec.Struct, frozen=True, kw_only=True):
    """What is done with a link's messages when they come in doubt; a message's own policy goes before it.

    Attributes:
        policy: the link's.
        within: seconds for which the SMSC refuses a repetition, 0 if it does not: within that time the subscriber
            cannot get it twice.
        receipts: whether a receipt that fits is believed besides, where a message does not say otherwise.
    """

    policy: str = Policy.HOLD
    within: float = 0.0
    receipts: bool = False

    def allows(self, own: str | None, *, claimed_at: datetime, resent: int, at: datetime) -> bool:
        """Whether a message is sent again without anybody's asking.

        Args:
            own: the message's own policy, or None: the link's holds.
            claimed_at: when it was given to a dispatcher; no submit_sm left before.
            resent: how often it was sent again before; once is enough.
            at: now.
        """
        policy = own or self.policy
        if policy not in _RESENDING or resent:
            return False
        if not self.within:
            return policy == Policy.RESEND
        return at + _MARGIN < claimed_at + timedelta(seconds=self.within)

    @property
    def believes(self) -> bool:
        """Whether a receipt that fits ends a doubt, where the message has no policy of its own; see `believed`."""
        return self.receipts or self.policy == Policy.RECEIPT

    @property
    def asks(self) -> bool:
        """Whether the SMSC is asked, where the message has no policy of its own."""
        return self.policy == Policy.QUERY


_RESENDING: Final = frozenset({Policy.RESEND, Policy.RESEND_SAFELY})


def believed(own: str | None, *, by_link: bool) -> bool:
    """Whether a receipt that fits ends the doubt about a message, by its own policy and by its link's."""
    return own == Policy.RECEIPT or (by_link and own != Policy.HOLD)


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
