"""The types that a user of the public API sees; never run, checked by mypy --strict."""

import ssl
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import assert_type

import smpp_esme
from smpp_esme import (
    Binary,
    BinaryHex,
    BindRefused,
    Bot,
    Call,
    CommandRefused,
    Deliveries,
    Endpoint,
    Esme,
    Hlr,
    HlrRecord,
    InDoubt,
    InvalidValue,
    LookedUp,
    Mail,
    MalformedPdu,
    MoMessage,
    MtMessage,
    Ping,
    Profile,
    Queried,
    Receipt,
    Refused,
    Replacement,
    ResponseTimeout,
    SessionClosed,
    SmppError,
    Sms,
    Soc,
    Submission,
    SubmitRefused,
    Submitted,
    SubmittedMulti,
    Telegram,
    Timers,
    Viber,
    WapPush,
    blocking,
)
from smpp_esme.protocol.commands import CommandStatus
from smpp_esme.protocol.parameters import MessageState
from smpp_esme.protocol.pdus import EnquireLink, Pdu
from smpp_esme.session.events import LinkEvent
from smpp_esme.session.tls import Tls


async def bound(connection: AbstractAsyncContextManager[Esme]) -> None:
    async with connection as esme:
        assert_type(esme, Esme)


async def connecting() -> None:
    await bound(smpp_esme.connect("smpp://acme:secret@smsc"))
    smpp_esme.connect(Endpoint(host="smsc", port=2775), profile=Profile.named("standard"))
    smpp_esme.connect(
        "smpp+tls://smsc",
        profile="smsc-centre",
        window=10,
        timers=Timers(response=5.0),
        tls=ssl.create_default_context(),
    )
    smpp_esme.connect(2775)  # type: ignore[arg-type]
    smpp_esme.connect("smpp://acme:secret@smsc", "smpp://acme:secret@standby", binds=2, throughput=50, how="pair")
    smpp_esme.connect(host="smsc", port=2775, system_id="acme", password="secret", system_type="", tls=Tls(ca="ca.pem"))
    smpp_esme.connect(hosts=["smsc", "standby:2776"], tls=True, attempts=0, drain=1.0, name="main")
    smpp_esme.connect("smpp://smsc", windows=10)  # type: ignore[call-arg]


async def submitting() -> None:
    async with smpp_esme.connect("smpp://acme:secret@smsc") as esme:
        assert_type(esme, Esme)
        assert_type(esme.profile, Profile)
        submission = await esme.submit("+79991234567", "hello", source="ACME", comment="x", flash=True)
        assert_type(submission, Submission)
        assert_type(submission.message_ids, tuple[str, ...])
        assert_type(submission.receipts, dict[int, Receipt])
        assert_type(submission.is_final, bool)
        assert_type(await submission.receipt(), Receipt)
        assert_type(await submission.receipt(timeout=60), Receipt)
        await esme.submit("+79991234567", 7)  # type: ignore[arg-type]
        await esme.submit("+79991234567", "hello", "ACME")  # type: ignore[call-arg]


async def submitting_many(esme: Esme, given: AsyncIterator[MtMessage]) -> None:
    messages = [MtMessage("+79991234567", "hello", source="ACME", validity_period=60, client_reference=object())]
    async for outcome in esme.submit_many(messages):
        assert_type(outcome, Submitted | Refused | InDoubt)
        assert_type(outcome.message, MtMessage)
        assert_type(outcome.message_ids, tuple[str, ...])
        match outcome:
            case Submitted(message_ids=message_ids):
                assert_type(message_ids, tuple[str, ...])
                assert_type(await outcome.receipt(timeout=60), Receipt)
            case Refused(error=error):
                assert_type(error, SmppError)
            case InDoubt(error=error):
                assert_type(error, ResponseTimeout | SessionClosed)
    assert_type([one async for one in esme.submit_many(given)], list[Submitted | Refused | InDoubt])
    esme.submit_many(["hello"])  # type: ignore[list-item]


async def asking(esme: Esme) -> None:
    assert_type(await esme.query("7", source="ACME"), Queried)
    await esme.cancel("7")
    await esme.replace("7", "new text")
    await esme.replace("7", Replacement(text="new text", validity_period=60.0))
    assert_type(await esme.request(EnquireLink()), Pdu)
    assert_type(await esme.submit_multi(["+79991234567"], "hello", source="ACME"), SubmittedMulti)


async def kinds(esme: Esme) -> None:
    for content in (
        Sms("hello"),
        Mail("hello", "subject"),
        Call("hello", voice="w", language="fr", param="22,20,5"),
        Viber("hello"),
        Soc("hello"),
        Telegram("123456"),
        Bot("hello", "acme_bot"),
        Hlr(),
        Ping(),
        Binary(b"hello", header=b"\x00"),
        BinaryHex("0068656C6C6F"),
        WapPush("hello", url="https://example.com/", action="signal-high"),
    ):
        assert_type(content.text(), str)
        assert_type(await esme.submit("+79991234567", content), Submission)


async def looking_up(esme: Esme) -> None:
    record = await esme.lookup("+79991234567", timeout=30, ping=True)
    assert_type(record, HlrRecord)
    assert_type(record.reachable, bool | None)
    assert_type(record.roaming, bool | None)
    assert_type(record.imsi, str)


async def receiving(esme: Esme) -> None:
    async with esme.receipts() as receipts:
        assert_type(receipts, Deliveries[Receipt])
        async for receipt in receipts:
            assert_type(receipt, Receipt)
            assert_type(receipt.message_id, str)
            assert_type(receipt.message_state, MessageState | None)
            assert_type(receipt.hlr, HlrRecord | None)


def failing(error: Exception) -> str:
    match error:
        case BindRefused() | SubmitRefused():
            refused: CommandRefused = error
            assert_type(refused.command_status, CommandStatus)
            assert_type(refused.retryable, bool)
        case ResponseTimeout():
            assert_type(error.seconds, float)
        case MalformedPdu():
            assert_type(error.command_id, int)
        case InvalidValue():
            assert_type((error.field, error.problem, error.allowed), tuple[str, str, str])
            value_error: ValueError = error
            return str(value_error)
        case SessionClosed() | SmppError():
            pass
    return str(error)


async def hearing(esme: Esme) -> None:
    async with esme.messages() as messages:
        async for message in messages:
            assert_type(message, MoMessage)
    async with esme.deliveries() as deliveries:
        async for delivery in deliveries:
            assert_type(delivery, Receipt | MoMessage)
    async for event in esme.events():
        assert_type(event, LinkEvent)


async def looking_many_up(esme: Esme) -> None:
    async for found in esme.lookup_many(["+79991234567"], timeout=30, ping=True):
        assert_type(found, LookedUp)
        assert_type(found.record, HlrRecord | None)


def blocking_twin(given: list[MtMessage]) -> None:
    with blocking.connect("smpp://acme:secret@smsc", window=10) as esme:
        assert_type(esme, blocking.Esme)
        submission = esme.submit("+79991234567", "hello", source="ACME", flash=True)
        assert_type(submission, blocking.Submission)
        assert_type(submission.receipt(timeout=60), Receipt)
        for outcome in esme.submit_many(given):
            assert_type(outcome, blocking.Submitted | Refused | InDoubt)
        with esme.deliveries() as deliveries:
            for delivery in deliveries:
                assert_type(delivery, Receipt | MoMessage)
        assert_type(esme.lookup("+79991234567"), HlrRecord)
        assert_type(list(esme.lookup_many(["+79991234567"])), list[LookedUp])
        assert_type(esme.query("7"), Queried)
        assert_type(list(esme.events()), list[LinkEvent])
        esme.submit("+79991234567", 7)  # type: ignore[arg-type]


async def typed_all_the_way(esme: Esme) -> AsyncIterator[Receipt]:
    async with esme.receipts() as receipts:
        async for receipt in receipts:
            yield receipt
