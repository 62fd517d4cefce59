"""The types that a user of the public API sees; never run, checked by mypy --strict."""

import ssl
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import assert_type

import smpp_esme
from smpp_esme import (
    BindRefused,
    Bot,
    Call,
    CommandRefused,
    Endpoint,
    Esme,
    Hlr,
    HlrRecord,
    InvalidValue,
    Mail,
    MalformedPdu,
    Ping,
    Profile,
    Receipt,
    Receipts,
    ResponseTimeout,
    SessionClosed,
    SmppError,
    Sms,
    Soc,
    Submission,
    SubmitRefused,
    Telegram,
    Timers,
    Viber,
)
from smpp_esme.protocol.commands import CommandStatus
from smpp_esme.protocol.parameters import MessageState


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
    smpp_esme.connect("smpp://smsc", "standard")  # type: ignore[call-arg]  # options go by name


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


async def envelopes(esme: Esme) -> None:
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
        assert_type(receipts, Receipts)
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


async def typed_all_the_way(esme: Esme) -> AsyncIterator[Receipt]:
    async with esme.receipts() as receipts:
        async for receipt in receipts:
            yield receipt
