"""Which submission a receipt belongs to; the cost of a message does not grow with how many are outstanding."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Final
from weakref import ref

from smpp_esme.sms import message_id as ids

if TYPE_CHECKING:
    from smpp_esme.client.submission import Submission
    from smpp_esme.errors import SessionClosed
    from smpp_esme.sms.message_id import Learner
    from smpp_esme.sms.receipt import Receipt

#: Receipts that belong to no submission yet are kept for it, the oldest dropped first.
EARLY_LIMIT: Final = 10_000
#: What nobody keeps any more is forgotten once so many segments are known: till then a receipt of it is known for one.
REMEMBERED: Final = 16_384
#: So many more are let in before some are looked at: a look at each costs more, and at all at once takes too long.
_STEP: Final = 256

#: Forms under which a receipt's own message_id is the first to be looked for.
_AS_IT_STANDS: Final = (None, ids.Form.LITERAL)


class Correlation:
    """Submissions by the message_ids of their segments.

    A submission that its caller has dropped is forgotten, so memory holds what callers hold. A receipt that overtakes
    its own submit_sm_resp is kept for as long as any response is outstanding.

    Attributes:
        message_ids: the form in which the SMSC's receipts write them, as far as it is known.
    """

    def __init__(self, message_ids: Learner) -> None:
        self.message_ids = message_ids
        self._submissions: dict[str, ref[Submission]] = {}
        self._order: deque[str] = deque()  # every key, the one to look at next first
        self._full = REMEMBERED + _STEP  # when there are so many keys, some are looked at
        self._early: OrderedDict[str, Receipt] = OrderedDict()
        self._expected = 0

    def __len__(self) -> int:
        """How many segments are known, of submissions that somebody keeps."""
        return sum(one() is not None for one in self._submissions.values())

    @property
    def early(self) -> int:
        """How many receipts are kept for submissions that are to come."""
        return len(self._early)

    def expect(self) -> None:
        """A message is being submitted: a receipt that nobody knows may be its own."""
        self._expected += 1

    def expect_no_more(self) -> None:
        """The message is submitted, or is not."""
        self._expected -= 1
        if not self._expected:
            self._early.clear()

    def add(self, submission: Submission) -> None:
        """A submission has its message_ids; it gets the receipts that came before them."""
        reference = ref(submission)
        for message_id in submission.message_ids:
            key = ids.key(message_id)
            self._submissions[key] = reference
            self._order.append(key)
        if self._early:
            self._give_early(submission)
        if len(self._order) >= self._full:
            self._forget_some()

    def match(self, receipt: Receipt) -> None:
        """Give a receipt to its submission, or keep it for one whose response it has overtaken."""
        own = ids.key(receipt.message_id)
        if own and own in self._submissions and self.message_ids.form in _AS_IT_STANDS:
            self._give(own, receipt)  # as nearly all do; what follows comes to the same
            return
        written = (receipt.message_id, receipt.text_message_id)
        certain = self.message_ids.certain(*written)
        for key in certain:
            if key in self._submissions:
                self._give(key, receipt)
                return
        for key in self.message_ids.possible(*written):
            known = self._submissions.get(key)
            if known and (submission := known()) and submission.destination_addr == receipt.source_addr:
                self._give(key, receipt)
                return
        if self._expected:
            self._keep(certain, receipt)

    def lose(self, error: SessionClosed) -> None:
        """No more receipts can come."""
        for known in list(self._submissions.values()):
            if submission := known():
                submission.lose(error)

    def _give(self, key: str, receipt: Receipt) -> None:
        submission = self._submissions[key]()
        if submission is None:
            del self._submissions[key]  # its caller has dropped it, and this was the last that was to be heard of it
            return
        self._settle(submission, _segment(submission, key), receipt)

    def _settle(self, submission: Submission, segment: int, receipt: Receipt) -> None:
        if submission.destination_addr == receipt.source_addr:
            self.message_ids = self.message_ids.seen(submission.message_ids[segment], receipt.message_id)
        submission.take(segment, receipt)
        if submission.is_final:
            for message_id in submission.message_ids:
                self._submissions.pop(ids.key(message_id), None)

    def _give_early(self, submission: Submission) -> None:
        for segment, message_id in enumerate(submission.message_ids):
            if early := self._overtook(message_id, submission.destination_addr):
                self._settle(submission, segment, early)

    def _overtook(self, message_id: str, number: str) -> Receipt | None:
        """The receipt that came before the response that gave this message_id."""
        literal = ids.key(message_id)
        for key in ids.keys(message_id):
            early = self._early.get(key)
            if early and (key == literal or early.source_addr == number):
                return self._early.pop(key)
        return None

    def _keep(self, keys: tuple[str, ...], receipt: Receipt) -> None:
        self._early.update(dict.fromkeys(keys, receipt))
        while len(self._early) > EARLY_LIMIT:
            self._early.popitem(last=False)

    def _forget_some(self) -> None:
        """Look at the next few: more than come, so that little is kept in vain, and few, so that nobody waits."""
        for _ in range(min(2 * _STEP, len(self._order))):
            key = self._order.popleft()
            known = self._submissions.get(key)
            if known is None:
                continue
            if known() is None:
                del self._submissions[key]
            else:
                self._order.append(key)
        self._full = max(len(self._order), REMEMBERED) + _STEP


def _segment(submission: Submission, key: str) -> int:
    """The segment of this message_id; where several have it, the first that still waits for its receipt."""
    if len(submission.message_ids) == 1:
        return 0
    named = [at for at, message_id in enumerate(submission.message_ids) if ids.key(message_id) == key]
    return next((at for at in named if at not in submission.receipts), named[0])
