"""One bound session, as the SMSC sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from smpp_esme.protocol.codec import encode
from smpp_esme.protocol.commands import CommandId
from smpp_esme.simulator.malformed import MALFORMED, Malformed

if TYPE_CHECKING:
    from smpp_esme.protocol.pdus import BindTransceiver, Pdu
    from smpp_esme.simulator.plan import Plan
    from smpp_esme.simulator.wire import WireSession
    from smpp_esme.sms.profile import Profile

_HOWS: Final = {
    CommandId.BIND_RECEIVER: "receiver",
    CommandId.BIND_TRANSMITTER: "transmitter",
    CommandId.BIND_TRANSCEIVER: "transceiver",
}
#: Where a connection is cut that is cut within a response: the header is whole, the message_id is not.
_HALF_A_RESPONSE: Final = 18


class Bind:
    """One bound session.

    Attributes:
        session: the session itself.
        system_id: the account.
        how: transceiver, transmitter or receiver.
        system_type: as in the bind.
        interface_version: likewise.
        profile: the SMSC's profile as this bind has it.
        peer: the other end's address.
        unanswered: submits whose response is held back.
    """

    def __init__(self, session: WireSession, request: BindTransceiver, profile: Profile) -> None:
        self.session = session
        self.system_id = request.system_id
        self.how = _HOWS[CommandId(request.command_id)]
        self.system_type = request.system_type
        self.interface_version = request.interface_version
        self.profile = profile.bound_with(request.system_type)
        self.peer = session.peer
        self.unanswered = 0

    def __repr__(self) -> str:
        return f"<Bind {self.system_id!r} as {self.how} from {self.peer}>"

    def answer(self, request: Pdu, response: Pdu, plan: Plan) -> None:
        """Send a submit's response the way the plan has it: as it is, mangled, or not at all."""
        if plan.silence is not None:
            self.session.silence(plan.silence)
        if plan.malformed:
            self._malform(request, response, MALFORMED[plan.malformed])
        if plan.cut == "within":
            self.session.flush()  # in turn with what has been said already: nothing may follow the half
            self.session.wire.write(encode(response, request.sequence_number)[:_HALF_A_RESPONSE])
        elif plan.answered and plan.cut != "instead" and not (plan.malformed and MALFORMED[plan.malformed].instead):
            self.session.respond(request, response)
        if plan.cut:
            self.session.hang_up()

    def _malform(self, request: Pdu, response: Pdu, kind: Malformed) -> None:
        self.session.flush()  # in turn with what has been said already
        self.session.wire.write(kind.octets(request, getattr(response, "message_id", "").encode()))
