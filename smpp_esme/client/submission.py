"""A message that the SMSC has accepted, and how the messages of `submit_many` end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from smpp_esme.errors import InvalidValue, LocalProtocolError, SessionClosed
from smpp_esme.protocol.parameters import MessageState

if TYPE_CHECKING:
    from smpp_esme.client.outgoing import MtMessage
    from smpp_esme.errors import ResponseTimeout, SmppError
    from smpp_esme.protocol.pdus import UnsuccessSme
    from smpp_esme.sms.receipt import Receipt

#: Whose receipt speaks for a message whose segments differ: the worst news first.
_WORST_FIRST: Final = (
    MessageState.REJECTED,
    MessageState.UNDELIVERABLE,
    MessageState.SKIPPED,
    MessageState.DELETED,
    MessageState.EXPIRED,
    MessageState.UNKNOWN,
    MessageState.ACCEPTED,
    MessageState.DELIVERED,
)


class Submission:
    """A message that the SMSC has accepted.

    Its receipts find it for as long as somebody keeps it.

    Attributes:
        message: what was submitted.
        destination_addr: whom it is for, as it stands in the submit_sm.
        message_ids: the SMSC's, one a segment, in order.
        receipts: what has been receipted so far, by segment, counted from 0.
    """

    __slots__ = ("__weakref__", "_changed", "_lost", "destination_addr", "message", "message_ids", "receipts")

    def __init__(self, message: MtMessage, destination_addr: str, message_ids: tuple[str, ...]) -> None:
        self.message = message
        self.destination_addr = destination_addr
        self.message_ids = message_ids
        self.receipts: dict[int, Receipt] = {}
        self._lost: SessionClosed | None = None
        self._changed: asyncio.Event | None = None  # few submissions are waited for

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.message_ids} {len(self.receipts)}/{len(self.message_ids)} receipted>"

    async def receipt(self, segment: int | None = None, *, timeout: float | None = None) -> Receipt:  # noqa: ASYNC109 - the public API's own wait
        """Wait until every segment has its final receipt, and give the one that speaks for all: the worst.

        Cancelling is safe; receipts that came meanwhile are kept.

        Args:
            segment: wait for the final receipt of this one alone, counted from 0, and give that.
            timeout: seconds to wait.

        Raises:
            TimeoutError: `timeout` seconds were not enough.
            SessionClosed: the ESME was closed first.
            LocalProtocolError: no receipt was asked for.
            InvalidValue: there is no such segment.
        """
        if not self.message.wants_receipt:
            raise LocalProtocolError("no receipt was asked for: registered_delivery has neither of its two lowest bits")
        if segment is not None and not 0 <= segment < len(self.message_ids):
            raise InvalidValue("segment", f"is {segment}", f"0 to {len(self.message_ids) - 1}")
        try:
            async with asyncio.timeout(timeout):
                await self._finality(segment)
        except TimeoutError:
            raise TimeoutError(f"no final receipt within {timeout:g} s: {self!r}") from None
        return min(self.receipts.values(), key=_badness) if segment is None else self.receipts[segment]

    @property
    def is_final(self) -> bool:
        """Whether every segment has its final receipt."""
        receipts = self.receipts
        if len(receipts) != len(self.message_ids):
            return False
        return receipts[0].is_final if len(receipts) == 1 else all(one.is_final for one in receipts.values())

    async def _finality(self, segment: int | None) -> None:
        while not self._is_final(segment):
            if self._lost:
                raise SessionClosed(*self._lost.args)  # one error for all who wait would gather their tracebacks
            await self._change()

    def _is_final(self, segment: int | None) -> bool:
        if segment is None:
            return self.is_final
        return segment in self.receipts and self.receipts[segment].is_final

    def take(self, segment: int, receipt: Receipt) -> None:
        """Note a segment's receipt; an intermediate one never replaces a final one."""
        known = self.receipts.get(segment)
        if known is None or not known.is_final or receipt.is_final:
            self.receipts[segment] = receipt
            if self._changed is not None:
                self._changed.set()

    def lose(self, error: SessionClosed) -> None:
        """No more receipts can come."""
        self._lost = error
        if self._changed is not None:
            self._changed.set()

    async def _change(self) -> None:
        if self._changed is None:
            self._changed = asyncio.Event()
        self._changed.clear()
        await self._changed.wait()


def _badness(receipt: Receipt) -> int:
    state = receipt.message_state
    return _WORST_FIRST.index(state) if state in _WORST_FIRST else len(_WORST_FIRST)


class Submitted(Submission):
    """One of `submit_many` that the SMSC accepted; all that a `Submission` has."""

    __slots__ = ()


class _NotSubmitted:
    """What the two other ends have in common."""

    __slots__ = ("error", "message", "message_ids")

    def __init__(self, message: MtMessage, error: SmppError, message_ids: tuple[str, ...] = ()) -> None:
        self.message = message
        self.error = error
        self.message_ids = message_ids

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.error}>"


class Refused(_NotSubmitted):
    """One of `submit_many` that is not submitted: the SMSC refused it, or it cannot be sent at all.

    Attributes:
        message: what was to be submitted.
        error: `SubmitRefused`, or `InvalidValue` where nothing was sent.
        message_ids: of the segments before the refused one, which the SMSC has accepted.
    """

    __slots__ = ()
    error: SmppError


class InDoubt(_NotSubmitted):
    """One of `submit_many` of which nobody knows whether the SMSC has it: it was sent, and no answer came.

    Attributes:
        message: what was to be submitted.
        error: `ResponseTimeout`, or `SessionClosed`.
        message_ids: of the segments before, which the SMSC has accepted.
    """

    __slots__ = ()
    error: ResponseTimeout | SessionClosed


class SubmittedMulti:
    """A message for several destinations that the SMSC has accepted.

    Attributes:
        message_ids: the SMSC's, one a segment, in order; the receipts of all destinations bear them.
        unsuccessful: the destinations that it was not submitted to, each with its error_status_code.
    """

    __slots__ = ("message_ids", "unsuccessful")

    def __init__(self, message_ids: tuple[str, ...], unsuccessful: tuple[UnsuccessSme, ...]) -> None:
        self.message_ids = message_ids
        self.unsuccessful = unsuccessful

    def __repr__(self) -> str:
        return f"<SubmittedMulti {self.message_ids} {len(self.unsuccessful)} unsuccessful>"
