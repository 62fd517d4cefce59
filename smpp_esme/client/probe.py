"""What an SMSC does, found out by asking it: who it is, how it writes ids and receipts, how fast it may be asked."""

from __future__ import annotations

import asyncio
import re
import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace

from smpp_esme.errors import ResponseTimeout, SessionClosed
from smpp_esme.protocol.commands import CommandId, CommandStatus
from smpp_esme.protocol.pdus import RESPONSES, DeliverSm, EnquireLink, GenericNack, QuerySm, SubmitSmResp
from smpp_esme.protocol.tlvs import TLVS, Tag
from smpp_esme.session.session import Session
from smpp_esme.sms import profile as profiles
from smpp_esme.sms import receipt as receipts
from smpp_esme.sms.compose import compose
from smpp_esme.sms.envelope import Sms
from smpp_esme.sms.message_id import Form, forms_between

if TYPE_CHECKING:
    import ssl

    from smpp_esme.protocol.pdus import DataSm, Pdu, SubmitSm
    from smpp_esme.protocol.timers import Timers
    from smpp_esme.session.endpoint import Endpoint
    from smpp_esme.sms.profile import Profile
    from smpp_esme.sms.receipt import Receipt

_WINDOW: Final = 50
_QUARTER: Final = timedelta(minutes=15)
#: A receipt comes this much later than its date at most, if its zone is to be told by it.
_DELAY: Final = timedelta(minutes=5)
_FURTHEST: Final = timedelta(hours=14)


class Bind(msgspec.Struct, frozen=True, kw_only=True):
    """What the SMSC said when we bound.

    Attributes:
        seconds: until it said it.
        system_id: what it calls itself.
        interface_version: the SMPP version it speaks, as in 0x34; None if it did not say, as before 3.4.
        tlvs: the names of the TLVs that came with it.
    """

    seconds: float
    system_id: str
    interface_version: int | None
    tlvs: tuple[str, ...]


#: What stands for a command_status where there is none.
_NO_RESPONSE: Final = "no response"
_CLOSED: Final = "session closed"


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """How one request was answered.

    Attributes:
        seconds: until the answer came, or was waited for no longer.
        status: its command_status, by name; or "no response", or "session closed".
        message_id: the SMSC's, if it gave one.
    """

    seconds: float
    status: str
    message_id: str = ""


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """The receipt of the message that was submitted.

    Attributes:
        seconds: from the response to the receipt.
        operation: the PDU that brought it.
        esm_class: as it stands in it.
        tlvs: the names of its TLVs.
        by_text: whether only its text shows that it is a receipt.
        message_id: the one it names; in which form it stands to the response's is `form`.
        form: how it writes the response's message_id; None if that is open, or it names none.
        state: the state it tells, by name.
        utc_offset: the zone of its dates, as in "+03:00"; None if that cannot be told.
    """

    seconds: float
    operation: str
    esm_class: int
    tlvs: tuple[str, ...]
    by_text: bool
    message_id: str
    form: Form | None
    state: str
    utc_offset: str | None


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """How many messages were taken before one was refused for coming too fast.

    Attributes:
        taken: how many were accepted.
        seconds: how long that took.
        status: the refusal, by name, or as in `Answer`; "" if there was none.
    """

    taken: int
    seconds: float
    status: str


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """All that was found out; what was not asked for, or did not come, is None.

    `ended` says why the SMSC ended the session before all was asked; "" if it did not.
    """

    bind: Bind
    enquire_link: Answer
    submit_sm: Answer | None = None
    query_sm: Answer | None = None
    receipt: Seen | None = None
    limit: Limit | None = None
    ended: str = ""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What to find out.

    Attributes:
        to: a number of one's own, to which messages go; "" sends none.
        source: who sends them.
        wait: seconds to wait for the receipt.
        limit: how many messages to send as fast as they are answered, at most; 0 for none.
    """

    to: str = ""
    source: str = ""
    wait: float = 30.0
    limit: int = 0


async def probe(
    endpoint: Endpoint,
    profile: Profile,
    asked: Asked,
    *,
    how: str = "transceiver",
    tls: ssl.SSLContext | None = None,
    timers: Timers | None = None,
) -> Findings:
    """Bind, ask, and unbind.

    That a request is left unanswered, or the session ended, is a finding. Cancelling leaves nothing open; what was
    submitted stays submitted.

    Raises:
        ConnectFailed, BindRefused: it does not let us in.
        ResponseTimeout, SessionClosed: it leaves the bind unanswered, or ends the session upon it.
        InvalidValue: nothing can be sent to this number, or from this source.
    """
    session = await Session.connect(endpoint, window=_WINDOW, tls=tls, timers=timers)
    try:
        return await _Probe(session, profile, asked).run(endpoint.bind_request(how))
    finally:
        await session.unbind()


class _Probe:
    """One probe over one session."""

    def __init__(self, session: Session, profile: Profile, asked: Asked) -> None:
        self._session = session
        self._profile = profile
        self._asked = asked
        self._loop = asyncio.get_running_loop()

    async def run(self, bind_request: Pdu) -> Findings:
        begun = self._loop.time()
        response = await self._session.bind(bind_request)
        findings = Findings(
            bind=_bind(response, self._loop.time() - begun), enquire_link=await self._ask(EnquireLink())
        )
        if self._asked.to and not self._session.closed:
            findings = await self._submitted(findings)
        return replace(findings, ended=closed.reason) if (closed := self._session.closed) else findings

    async def _submitted(self, findings: Findings) -> Findings:
        """These, and what a message shows, and many."""
        submitted = await self._ask(self._message())
        findings = replace(findings, submit_sm=submitted)
        if submitted.message_id:
            findings = replace(
                findings,
                query_sm=await self._ask(QuerySm(message_id=submitted.message_id)),
                receipt=await self._receipt(submitted.message_id),
            )
        if self._asked.limit and not self._session.closed:
            findings = replace(findings, limit=await self._limit())
        return findings

    async def _ask(self, pdu: Pdu) -> Answer:
        begun, message_id = self._loop.time(), ""
        try:
            response = await self._session.request(pdu)
        except ResponseTimeout:
            status = _NO_RESPONSE
        except SessionClosed:
            status = _CLOSED
        else:
            status = response.status.name
            if isinstance(response, SubmitSmResp) and not response.command_status:
                message_id = response.message_id
        return Answer(seconds=self._loop.time() - begun, status=status, message_id=message_id)

    def _message(self) -> SubmitSm:
        # Each its own text, for an SMSC may refuse what it had a moment ago.
        text = f"smpp-esme probe {secrets.token_hex(4)}"
        composed = compose(Sms(text), self._asked.to, source=self._asked.source, profile=self._profile, reference=0)
        return composed.pdus()[0]

    async def _receipt(self, message_id: str) -> Seen | None:
        """The receipt of this message; what else is delivered meanwhile is left to the SMSC."""
        begun = self._loop.time()
        try:
            async with asyncio.timeout(self._asked.wait):
                while True:
                    for request in await self._session.requests():
                        if seen := self._take(request, message_id, self._loop.time() - begun):
                            return seen
        except (TimeoutError, SessionClosed):
            return None

    def _take(self, request: Pdu, message_id: str, seconds: float) -> Seen | None:
        seen = _seen(request, self._profile, message_id, seconds) if isinstance(request, DeliverSm) else None
        status = CommandStatus.ESME_ROK if seen else CommandStatus.ESME_RX_T_APPN
        response = RESPONSES.get(request.command_id, GenericNack)
        self._session.respond(request, response(command_status=status))
        return seen

    async def _limit(self) -> Limit:
        """Submit as fast as the answers come, until one says that it is too fast."""
        begun, taken, refusal = self._loop.time(), 0, ""
        left = self._asked.limit
        while left and not refusal:
            batch = min(left, _WINDOW)
            left -= batch
            answers = await asyncio.gather(*(self._ask(self._message()) for _ in range(batch)))
            taken += sum(answer.status == CommandStatus.ESME_ROK.name for answer in answers)
            refusal = next((one.status for one in answers if one.status != CommandStatus.ESME_ROK.name), "")
            await self._leave_receipts()
        return Limit(taken=taken, seconds=self._loop.time() - begun, status=refusal)

    async def _leave_receipts(self) -> None:
        """Answer the receipts of what was sent to find the limit; nobody looks at them."""
        for request in self._session.take_requests():
            response = RESPONSES.get(request.command_id, GenericNack)
            self._session.respond(request, response())


def _bind(response: Pdu, seconds: float) -> Bind:
    version = response.tlv(Tag.SC_INTERFACE_VERSION)
    return Bind(
        seconds=seconds,
        system_id=getattr(response, "system_id", ""),
        interface_version=version if isinstance(version, int) else None,
        tlvs=_names(response),
    )


def _names(pdu: Pdu) -> tuple[str, ...]:
    return tuple(TLVS.name(tlv.tag) for tlv in pdu.tlvs)


def _seen(pdu: DeliverSm | DataSm, profile: Profile, message_id: str, seconds: float) -> Seen | None:
    """What there is to see in this receipt; None if it is no receipt, or another message's."""
    receipt = receipts.parse(pdu, replace(profile, receipts_by_text=False))
    by_text = receipt is None
    receipt = receipt or receipts.parse(pdu, replace(profile, receipts_by_text=True))
    if receipt is None or not (forms := _forms(message_id, receipt)):
        return None
    return Seen(
        seconds=seconds,
        operation=CommandId(pdu.command_id).name.lower(),
        esm_class=pdu.esm_class,
        tlvs=_names(pdu),
        by_text=by_text,
        message_id=receipt.message_id,
        form=forms[0] if len(forms) == 1 else None,
        state=receipt.message_state.name if receipt.message_state else receipt.stat,
        utc_offset=utc_offset(receipt.done_date, profile, datetime.now(UTC)),
    )


def _forms(message_id: str, receipt: Receipt) -> tuple[Form, ...]:
    return forms_between(message_id, receipt.message_id) or forms_between(message_id, receipt.text_message_id)


def utc_offset(done_date: datetime | None, profile: Profile, now: datetime) -> str | None:
    """The zone that a receipt's date must be in, if it was written just now; None if none makes it so.

    Args:
        done_date: as it was read in the profile's zone.
        profile: which was it.
        now: when the receipt came.
    """
    if done_date is None:
        return None
    written = done_date + (profile.receipt_zone.utcoffset(None) or timedelta())
    quarters = round((written - now) / _QUARTER)
    offset = quarters * _QUARTER
    if abs(offset) > _FURTHEST or abs(written - now - offset) > _DELAY:
        return None
    minutes = int(abs(offset).total_seconds()) // 60
    return f"{'-' if quarters < 0 else '+'}{minutes // 60:02}:{minutes % 60:02}"


def profile_of(findings: Findings, base: str, name: str) -> str:
    """A profile file for this SMSC: an existing one, with what was found out in place of what it says.

    Args:
        findings: what was found out.
        base: the file to begin with, TOML.
        name: the new profile's.

    Raises:
        ConfigError: the name is none.
    """
    keys = {"name": name, "title": f"{findings.bind.system_id or name}, as `smpp-esme probe` found it"}
    seen = findings.receipt
    if seen and seen.form:
        keys["message_ids"] = str(seen.form)
    if seen and seen.utc_offset:
        keys["receipt_utc_offset"] = seen.utc_offset
    written = base
    for key, value in keys.items():
        written = _with(written, key, msgspec.json.encode(value).decode())
    if seen:
        written = _with(written, "receipts_by_text", "true" if seen.by_text else "false")
    profiles.read(written.encode())  # what is written can be read
    return written


def _with(document: str, key: str, value: str) -> str:
    """The document with this key set, in place if it is there, and else before the first table."""
    line = f"{key} = {value}"
    changed, count = re.subn(rf"^{key} = .*$", lambda _: line, document, count=1, flags=re.MULTILINE)
    if count:
        return changed
    head, table, rest = document.partition("\n[")
    return f"{head.rstrip()}\n{line}\n{table}{rest}"
