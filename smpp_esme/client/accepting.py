"""How the submit_sm of a message that somebody awaits are answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smpp_esme.client.submission import Submission
from smpp_esme.protocol.pdus import SubmitSmResp
from smpp_esme.session.outcome import Awaited

if TYPE_CHECKING:
    from smpp_esme.client.correlation import Correlation
    from smpp_esme.client.outgoing import MtMessage
    from smpp_esme.protocol.pdus import Pdu, SubmitSm


class Accepting(Awaited):
    """The outcome of one segment.

    The submission is known to the correlation before the task goes on that awaits it: its receipt may stand right
    behind the response in what was read.

    Attributes:
        message_ids: of the segments before and, once it is accepted, of this one.
    """

    def __init__(
        self, correlation: Correlation, message: MtMessage, pdus: list[SubmitSm], message_ids: tuple[str, ...]
    ) -> None:
        super().__init__()
        self._correlation = correlation
        self._message = message
        self._pdus = pdus
        self.message_ids = message_ids
        self._submission: list[Submission] = []

    def taken(self) -> Submission:
        """The message, once all its segments were accepted; given once, for the event loop keeps an outcome a while."""
        return self._submission.pop()

    def answered(self, response: Pdu) -> None:
        """The task goes on with the response."""
        if not response.command_status and isinstance(response, SubmitSmResp):  # a nack accepts nothing
            self.message_ids += (response.message_id,)
            if len(self.message_ids) == len(self._pdus):
                submission = Submission(self._message, self._pdus[0].destination_addr, self.message_ids)
                self._submission.append(submission)
                self._correlation.add(submission)
        super().answered(response)
