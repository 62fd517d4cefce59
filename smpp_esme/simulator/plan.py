"""What is to become of one submit, or of one bind: what the rules of a script change."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from smpp_esme.protocol.commands import CommandStatus
from smpp_esme.protocol.parameters import MessageState
from smpp_esme.simulator.forms import ReceiptForm
from smpp_esme.simulator.handsets import Verdict

#: Where a connection is cut: before the message is taken, instead of its response, within the response's octets, or
#: behind the response.
Cut = Literal["before", "instead", "within", "behind"]


class Plan(msgspec.Struct):
    """What is to become of one submit.

    Attributes:
        status: the command_status it is refused with; ESME_ROK takes it.
        delay: seconds that its response is held back, beside the SMSC's latency.
        answered: whether it gets a response at all.
        nack: whether a refusal is a generic_nack.
        cut: where the connection is cut; None nowhere.
        malformed: the malformed PDU that its answer is, or that precedes it; "" for none.
        silence: seconds for which the connection goes dead instead of the response; None for not at all.
        receipt_first: whether its receipt goes out before its response.
        receipts: how many times its receipt goes out.
        lateness: seconds that its receipt is later than it would be.
        spread: seconds within which the seed makes it later still; so receipts overtake each other.
        elsewhere: whether its receipt goes out over another session of the account than the one it came over.
        intermediate: the states that are reported before the last one.
        esm_class: how those are marked.
        verdict: what becomes of it whatever the handset says; None leaves it to the handset.
        reply: what the handset answers once it has the message; None for nothing.
        form: how its receipt is written; None as the SMSC writes all.
    """

    status: int = CommandStatus.ESME_ROK
    delay: float = 0.0
    answered: bool = True
    nack: bool = False
    cut: Cut | None = None
    malformed: str = ""
    silence: float | None = None
    receipt_first: bool = False
    receipts: int = 1
    lateness: float = 0.0
    spread: float = 0.0
    elsewhere: bool = False
    intermediate: tuple[MessageState, ...] = ()
    esm_class: int = 0
    verdict: Verdict | None = None
    reply: str | None = None
    form: ReceiptForm | None = None

    @property
    def is_plain(self) -> bool:
        """Whether its response goes out as it should, however late."""
        return self.answered and self.cut is None and not self.malformed and self.silence is None


#: What becomes of a submit that no rule is about; shared, so nobody may change it.
AS_EXPECTED: Final = Plan()


class BindPlan(msgspec.Struct):
    """What is to become of one bind.

    Attributes:
        status: the command_status it is refused with; ESME_ROK lets it in.
        answered: whether it gets a response at all.
        pieces: of how many octets each write is; 0 leaves them whole.
        gathered: seconds for which writes are gathered into one.
        pause: seconds that pass between reads.
        silent_after: seconds after which the connection goes dead; None never.
        cut_after: seconds after which it is cut; None never.
        unbound_after: seconds after which the SMSC unbinds; None never.
    """

    status: int = CommandStatus.ESME_ROK
    answered: bool = True
    pieces: int = 0
    gathered: float = 0.0
    pause: float = 0.0
    silent_after: float | None = None
    cut_after: float | None = None
    unbound_after: float | None = None
