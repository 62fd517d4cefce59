from __future__ import annotations

import asyncio
import contextlib
import gc
import re
import weakref

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

import smpp_esme
from smpp_esme import (
    BindRefused,
    Bot,
    Call,
    ConfigError,
    ConnectFailed,
    EncodingError,
    Hlr,
    InvalidValue,
    LocalProtocolError,
    Mail,
    MtMessage,
    Ping,
    Profile,
    Receipt,
    ResponseTimeout,
    SessionClosed,
    Sms,
    Soc,
    Submission,
    SubmitRefused,
    Telegram,
    Timers,
    Viber,
)
from smpp_esme.protocol.commands import CommandStatus
from smpp_esme.protocol.parameters import EsmClass, MessageState
from smpp_esme.protocol.pdus import (
    AlertNotification,
    DataSm,
    DataSmResp,
    DeliverSm,
    DeliverSmResp,
    GenericNack,
    SmeAddress,
    SubmitMulti,
    SubmitSm,
)
from smpp_esme.protocol.tlvs import TLVS, Tag
from smpp_esme.session.endpoint import parse_url
from smpp_esme.session.events import Bound
from smpp_esme.session.session import Session
from smpp_esme.simulator.script import Script
from smpp_esme.simulator.smsc import Smsc
from smpp_esme.sms.envelope import COMMENT, wire_text
from smpp_esme.sms.receipt import DeliveryKind

PATIENCE = 10.0
NUMBER = "79161234567"
ABSENT, ROAMING, SILENT = "79161234001", "79161234004", "79161234007"
LONG = "я" * 150

CENTRE = pytest.mark.smsc(profile="smsc-centre")
STANDARD = pytest.mark.smsc(profile="standard")


async def bound_again(esme, cut):
    """Until a session is bound after this cut."""
    events = esme.events()
    cut()
    async for event in events:
        if isinstance(event, Bound):
            return


async def soon(awaitable):
    """What this gives, or a failure instead of a hang."""
    async with asyncio.timeout(PATIENCE):
        return await awaitable


# Connecting


@pytest.mark.smsc(profile="standard", accounts={"acme": "secret"})
async def test_the_body_runs_bound_and_its_end_unbinds(smsc):
    async with smpp_esme.connect(smsc.url) as esme:
        assert [bind.system_id for bind in smsc.binds] == ["acme"]
        assert "standard" in repr(esme)
        assert "secret" not in repr(esme)
    await soon(smsc.until(lambda smsc: not smsc.binds))
    with pytest.raises(SessionClosed, match="has been ended"):
        await esme.submit(NUMBER, "too late")


async def test_a_body_that_raises_unbinds_too(smsc):
    with pytest.raises(ZeroDivisionError):
        async with smpp_esme.connect(smsc.url) as esme:
            _ = 1 / 0
    with pytest.raises(SessionClosed, match="has been ended"):
        await esme.submit(NUMBER, "too late")


async def test_a_body_that_is_cancelled_unbinds_too(smsc):
    async def body():
        async with smpp_esme.connect(smsc.url):
            await asyncio.Event().wait()

    task = asyncio.ensure_future(body())
    await soon(smsc.until(lambda smsc: smsc.binds))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await soon(task)
    await soon(smsc.until(lambda smsc: not smsc.binds))
    assert [one for one in asyncio.all_tasks() if one.get_name() == "smpp_esme.receive"] == []


@pytest.mark.smsc(accounts={"acme": "secret"})
async def test_a_wrong_password_is_refused_and_not_repeated(smsc):
    with pytest.raises(BindRefused) as refused:
        async with smpp_esme.connect(smsc.url.replace("secret", "hunter2")):
            pytest.fail("bound with a wrong password")
    assert refused.value.command_status is CommandStatus.ESME_RINVPASWD
    assert "hunter2" not in str(refused.value)
    assert smsc.counts.binds_refused == 1


async def test_where_nobody_listens_nobody_is_bound(unused_tcp_port):
    with pytest.raises(ConnectFailed):
        async with smpp_esme.connect(f"smpp://acme:secret@127.0.0.1:{unused_tcp_port}"):
            pytest.fail("connected to nobody")


@pytest.mark.parametrize(
    ("url", "options", "error"),
    [("http://smsc", {}, InvalidValue), ("smpp://smsc", {"profile": "nobody-s"}, ConfigError)],
)
async def test_what_is_wrong_at_once_is_said_before_connecting(url, options, error, monkeypatch):
    monkeypatch.setattr(Session, "connect", lambda *_, **__: pytest.fail("connected"))
    with pytest.raises(error):
        async with smpp_esme.connect(url, **options):
            pytest.fail("connected")


async def test_an_endpoint_does_for_a_url_and_its_system_type_changes_the_profile(smsc):
    endpoint = replace(parse_url(smsc.url), system_type="ISO")
    async with smpp_esme.connect(endpoint, profile="smsc-centre") as esme:
        await esme.submit(NUMBER, "caffè `")
    [received] = smsc.inbox(NUMBER)
    assert (received.text, received.data_coding) == ("caffè `", 0)


# Submitting


@STANDARD
async def test_a_short_text_is_one_submit_sm_with_a_receipt_asked_for(smsc, esme):
    submission = await esme.submit("+7 916 123-45-67", "hello", source="ACME")
    [received] = smsc.inbox(NUMBER)
    [pdu] = smsc.submit_sms
    assert (received.text, received.source_addr) == ("hello", "ACME")
    assert submission.message_ids == received.message_ids
    assert submission.destination_addr == NUMBER
    assert (pdu.registered_delivery, pdu.esm_class) == (1, 0)


@pytest.mark.parametrize(("text", "segments"), [("a" * 160, 1), ("a" * 161, 2), ("a" * 152 + "€" * 154, 4), (LONG, 3)])
async def test_a_long_text_arrives_whole_and_each_segment_has_its_message_id(smsc, esme, text, segments):
    submission = await esme.submit(NUMBER, text)
    [received] = smsc.inbox(NUMBER)
    assert received.text == text
    assert received.segments == segments
    assert submission.message_ids == received.message_ids
    assert len(submission.message_ids) == segments


async def test_texts_that_are_submitted_at_once_do_not_mix(smsc, esme):
    texts = [f"{number} " + "длинный " * 40 for number in range(30)]
    await soon(asyncio.gather(*[esme.submit(NUMBER, text) for text in texts]))
    assert sorted(received.text for received in smsc.inbox(NUMBER)) == sorted(texts)


ENVELOPES = {
    Sms("hello"): NUMBER,
    Mail("hello\nworld", "about that"): "jo@smsc.example",
    Call("your code is 1 2 3 4", "w", "fr", "22,20,5"): NUMBER,
    Viber("hello"): NUMBER,
    Soc("hello"): NUMBER,
    Telegram("123456"): NUMBER,
    Bot("hello", "acme_bot"): "@johndoe",
    Hlr(): NUMBER,
    Ping(): NUMBER,
}


@CENTRE
@pytest.mark.parametrize("content", ENVELOPES, ids=lambda content: content.kind)
async def test_every_envelope_arrives_as_what_it_was(smsc, esme, content):
    await esme.submit(ENVELOPES[content], content)
    [received] = smsc.received
    assert (received.kind, received.content) == (content.kind, content)
    assert received.destination_addr == ENVELOPES[content]


@CENTRE
async def test_a_comment_is_for_the_provider_and_a_flash_text_for_the_screen(smsc, esme):
    await esme.submit(NUMBER, "hello", comment="order 17", flash=True)
    [received] = smsc.received
    assert (received.text, received.comment, received.data_coding) == ("hello", "order 17", 0x10)


@pytest.mark.parametrize(
    ("profile", "to", "content", "options", "field"),
    [
        ("standard", "nobody", "hello", {}, "destination"),
        ("standard", "", "hello", {}, "destination"),
        ("standard", NUMBER, "hello", {"source": "a name that is too long"}, "source"),
        ("standard", NUMBER, "a" * 153 * 256, {}, "text"),
        ("standard", NUMBER, "hello", {"comment": "note"}, "comment"),
        ("standard", NUMBER, Telegram("1234"), {}, "kind"),
        ("standard", NUMBER, Hlr(), {}, "kind"),
        ("standard", NUMBER, "\ud800", {}, "text"),
        ("smsc-centre", NUMBER, f"a{COMMENT}b", {}, "message"),
        ("smsc-centre", NUMBER, "__HLR__", {}, "message"),
        ("smsc-centre", NUMBER, Call("hello"), {"comment": "note"}, "comment"),
    ],
)
async def test_what_cannot_be_sent_names_the_field_and_sends_nothing(smsc, profile, to, content, options, field):
    async with smpp_esme.connect(smsc.url, profile=profile) as esme:
        with pytest.raises(InvalidValue) as refused:
            await esme.submit(to, content, **options)
        assert refused.value.field == field
        assert refused.value.allowed
        assert isinstance(refused.value, EncodingError) == (content == "\ud800")
    assert not smsc.submit_sms


async def test_a_refusal_says_why_and_whether_to_try_again(smsc, esme):
    smsc.script.refuse("ESME_RTHROTTLED", times=1).refuse(0x4FF, to=ABSENT)
    with pytest.raises(SubmitRefused, match="ESME_RTHROTTLED") as refused:
        await esme.submit(NUMBER, "hello")
    assert refused.value.retryable
    with pytest.raises(SubmitRefused, match="VENDOR_0x000004FF") as refused:
        await esme.submit(ABSENT, "hello")
    assert not refused.value.retryable
    await esme.submit(NUMBER, "hello")
    assert smsc.count("hello") == 1


async def test_after_a_refused_segment_the_rest_stays_here(smsc, esme):
    smsc.script.refuse("ESME_RMSGQFUL", after=1, times=1)
    with pytest.raises(SubmitRefused):
        await esme.submit(NUMBER, LONG)
    assert smsc.counts.submits == 2


async def test_a_lost_response_leaves_it_unknown_and_the_session_goes_on(smsc):
    smsc.script.drop_response(times=1)
    async with smpp_esme.connect(smsc.url, timers=Timers(response=0.05)) as esme:
        with pytest.raises(ResponseTimeout, match="unknown"):
            await esme.submit(NUMBER, "taken, and nobody knows")
        [session] = esme._link.sessions
        session.connection.timers = Timers()  # what follows may take its time
        submission = await esme.submit(NUMBER, "hello")
        assert (await submission.receipt(timeout=PATIENCE)).stat == "DELIVRD"
    assert [received.text for received in smsc.received] == ["taken, and nobody knows", "hello"]


async def test_a_cut_leaves_what_was_sent_in_doubt_and_the_rest_goes_over_the_next_session(smsc, quick):
    async with smpp_esme.connect(smsc.url, window=2, **quick) as esme:
        smsc.script.delay(3600.0, times=2)
        lost = [asyncio.ensure_future(esme.submit(NUMBER, text)) for text in ("one", "two")]
        await soon(smsc.until(lambda smsc: smsc.counts.submits == 2))
        waiting = asyncio.ensure_future(esme.submit(NUMBER, "three"))
        await asyncio.sleep(0)
        smsc.disconnect()
        errors = await soon(asyncio.gather(*lost, return_exceptions=True))
        assert [type(error) for error in errors] == [SessionClosed] * 2
        assert errors[0] is not errors[1]  # one for all who wait would gather their tracebacks
        assert (await soon(waiting)).message_ids
    assert smsc.count("three") == 1
    assert smsc.counts.submits == 3


async def test_a_receipt_that_comes_over_the_next_session_finds_its_submission(connected, quick):
    def answer(own, request):
        if request.short_message == b"one":
            own.respond(request, message_id="1")
        else:
            own.deliver(receipt_pdu(f"id:1 {FINE}"))
            own.respond(request, message_id="2")

    esme, own = await connected(answer, **quick)
    submission = await soon(esme.submit(NUMBER, "one"))
    waiting = asyncio.ensure_future(submission.receipt())
    await soon(bound_again(esme, lambda: own.session.abort("cut")))
    await soon(esme.submit(NUMBER, "two"))
    assert (await soon(waiting)).stat == "DELIVRD"


async def test_who_waits_for_a_receipt_learns_of_the_end_each_by_an_error_of_its_own(smsc):
    async with smpp_esme.connect(smsc.url) as esme:
        submissions = [await esme.submit(SILENT, "hello") for _ in range(3)]
        waiting = [asyncio.ensure_future(one.receipt()) for one in submissions]
        await asyncio.sleep(0)
    errors = await soon(asyncio.gather(*waiting, return_exceptions=True))
    assert [type(error) for error in errors] == [SessionClosed] * 3
    assert len({id(error) for error in errors}) == 3


async def test_a_cancelled_submit_leaves_the_session_as_it_was(smsc):
    smsc.script.delay(3600.0, after=1, times=1)
    # What is never answered would be waited for at the end.
    async with smpp_esme.connect(smsc.url, profile=smsc.profile, drain=0.0) as esme:
        task = asyncio.ensure_future(esme.submit(NUMBER, LONG))
        await soon(smsc.until(lambda smsc: smsc.counts.submits == 2))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        submission = await soon(esme.submit(NUMBER, "hello"))
        assert (await submission.receipt(timeout=PATIENCE)).stat == "DELIVRD"
        assert smsc.counts.submits == 3


# Receipts of a submission


@pytest.mark.parametrize("text", ["hello", LONG])
@pytest.mark.parametrize(("number", "stat"), [(NUMBER, "DELIVRD"), (ABSENT, "EXPIRED")])
async def test_a_submission_waits_for_the_receipts_of_all_its_segments(esme, number, stat, text):
    submission = await esme.submit(number, text)
    receipt = await submission.receipt(timeout=PATIENCE)
    assert receipt.stat == stat
    assert submission.is_final
    assert sorted(submission.receipts) == list(range(len(submission.message_ids)))
    assert [submission.receipts[at].message_id for at in sorted(submission.receipts)] == [*submission.message_ids]


FORMS = {
    "as they come": Script,
    "before their response": lambda: Script().receipt_first(),
    "twice": lambda: Script().receipt_twice(),
    "in hexadecimal": lambda: Script().receipt_ids("hex"),
    "padded": lambda: Script().receipt_ids("padded"),
    "in hexadecimal before their response": lambda: Script().receipt_ids("hex").receipt_first(),
    "padded before their response": lambda: Script().receipt_ids("padded").receipt_first(),
    "by turns before and after": lambda: Script().receipt_first(when=lambda pdu: b"\x02" in pdu.short_message[:6]),
}


@pytest.mark.parametrize("form", FORMS)
async def test_receipts_find_their_submission(form):
    async with Smsc(script=FORMS[form](), receipt_delay=0.01) as smsc, smpp_esme.connect(smsc.url) as esme:
        for text in ("hello", LONG):
            submission = await soon(esme.submit(NUMBER, text))
            assert (await submission.receipt(timeout=PATIENCE)).stat == "DELIVRD"
        await soon(smsc.until(lambda smsc: smsc.counts.receipts == smsc.counts.receipts_answered))


async def test_a_receipt_that_does_not_come_is_waited_for_so_long_and_no_longer(smsc, esme):
    submission = await esme.submit(SILENT, "hello")
    with pytest.raises(TimeoutError):
        await submission.receipt(timeout=0.01)
    assert not submission.is_final
    assert "0/1" in repr(submission)


async def test_cancelling_who_waits_for_a_receipt_keeps_it_for_the_next(smsc, esme):
    submission = await esme.submit(NUMBER, "hello")
    waiting = asyncio.ensure_future(submission.receipt())
    await asyncio.sleep(0)
    waiting.cancel()
    assert (await submission.receipt(timeout=PATIENCE)).stat == "DELIVRD"
    assert waiting.cancelled()


async def test_a_final_receipt_outlives_the_session(smsc):
    async with smpp_esme.connect(smsc.url) as esme:
        submission = await esme.submit(NUMBER, "hello")
        await submission.receipt(timeout=PATIENCE)
    assert (await submission.receipt()).stat == "DELIVRD"


def receipt_of(state, message_id="1", **parameters):
    return Receipt(message_id=message_id, message_state=state, **parameters)


WORST_LAST = (
    MessageState.DELIVERED,
    MessageState.UNKNOWN,
    MessageState.EXPIRED,
    MessageState.DELETED,
    MessageState.SKIPPED,
    MessageState.UNDELIVERABLE,
    MessageState.REJECTED,
)


@given(st.lists(st.sampled_from(WORST_LAST), min_size=1, max_size=8), st.randoms())
def test_the_worst_segment_speaks_for_the_message(states, chance):
    submission = Submission(MtMessage(NUMBER, "hello"), NUMBER, tuple(map(str, range(len(states)))))
    order = list(enumerate(states))
    chance.shuffle(order)
    for at, state in order:
        assert not submission.is_final
        submission.take(at, receipt_of(state))
    assert submission.is_final
    receipt = asyncio.run(submission.receipt())
    assert receipt.message_state is max(states, key=WORST_LAST.index)


def test_news_on_the_way_are_not_the_end_and_never_undo_it():
    submission = Submission(MtMessage(NUMBER, "hello"), NUMBER, ("1",))
    final = receipt_of(MessageState.DELIVERED)
    for early in (
        receipt_of(MessageState.ENROUTE),
        receipt_of(MessageState.DELIVERED, kind=DeliveryKind.INTERMEDIATE_NOTIFICATION),
    ):
        submission.take(0, early)
        assert not submission.is_final
    submission.take(0, final)
    submission.take(0, receipt_of(MessageState.ENROUTE))
    assert submission.receipts == {0: final}


async def test_submissions_that_are_dropped_are_forgotten(smsc, esme):
    kept = await esme.submit(SILENT, "kept")
    dropped = weakref.ref(await esme.submit(SILENT, LONG))
    gc.collect()
    assert dropped() is None
    assert len(esme._correlation) == 1
    del kept
    gc.collect()
    assert len(esme._correlation) == 0


async def test_submissions_that_are_final_are_no_longer_looked_for(smsc, esme):
    submission = await esme.submit(NUMBER, LONG)
    await submission.receipt(timeout=PATIENCE)
    assert len(esme._correlation) == 0


async def test_receipts_that_nobody_waits_for_are_answered_and_few_are_kept(smsc, esme, monkeypatch):
    monkeypatch.setattr("smpp_esme.client.correlation.EARLY_LIMIT", 5)
    for _ in range(20):
        await esme.submit(NUMBER, "hello")
    await soon(smsc.until(lambda smsc: smsc.counts.receipts == smsc.counts.receipts_answered == 20))
    assert esme._correlation.early <= 5


# An SMSC whose answers are the test's own


def receipt_pdu(text, *, source=NUMBER, esm_class=EsmClass.DELIVERY_RECEIPT, tlvs=()):
    return DeliverSm(source_addr=source, esm_class=esm_class, short_message=text.encode(), tlvs=tlvs)


FINE = "submit date:2501010000 done date:2501010000 stat:DELIVRD err:000"


@pytest.mark.parametrize("first", [True, False], ids=["before the response", "after it"])
async def test_an_id_that_only_resembles_counts_only_from_the_same_number(connected, first):
    def answer(own, request):
        theirs = request.short_message == b"one"
        pdu = receipt_pdu(f"id:10 {FINE}", source="4917212345678" if theirs else NUMBER)
        if first:
            own.deliver(pdu)
        own.respond(request, message_id="16" if theirs else "99")
        if not first:
            own.deliver(pdu)

    esme, _ = await connected(answer)
    one = await esme.submit(NUMBER, "one")
    two = await esme.submit(NUMBER, "two")
    assert (await one.receipt(timeout=PATIENCE)).source_addr == NUMBER
    assert two.receipts == {}


@pytest.mark.parametrize("first", [True, False], ids=["before the response", "after it"])
async def test_the_id_in_the_text_does_where_the_tlv_has_another(connected, first):
    def answer(own, request):
        if not first:
            own.respond(request, message_id="4711")
        own.deliver(receipt_pdu(f"id:4711 {FINE}", tlvs=(TLVS.tlv(Tag.RECEIPTED_MESSAGE_ID, "internal-99"),)))
        if first:
            own.respond(request, message_id="4711")

    esme, _ = await connected(answer)
    submission = await esme.submit(NUMBER, "hello")
    assert (await submission.receipt(timeout=PATIENCE)).text_message_id == "4711"


async def test_an_intermediate_notification_is_not_the_end(connected):
    def answer(own, request):
        own.respond(request, message_id="1")
        own.deliver(receipt_pdu("id:1 stat:ACCEPTD", esm_class=EsmClass.INTERMEDIATE_NOTIFICATION))
        own.deliver(receipt_pdu(f"id:1 {FINE}"))

    esme, _ = await connected(answer)
    submission = await esme.submit(NUMBER, "hello")
    assert (await submission.receipt(timeout=PATIENCE)).stat == "DELIVRD"


async def test_a_receipt_may_come_in_a_data_sm(connected):
    def answer(own, request):
        own.respond(request, message_id="1")
        tlvs = (
            TLVS.tlv(Tag.RECEIPTED_MESSAGE_ID, "1"),
            TLVS.tlv(Tag.MESSAGE_STATE, int(MessageState.UNDELIVERABLE)),
        )
        own.deliver(DataSm(source_addr=NUMBER, esm_class=EsmClass.DELIVERY_RECEIPT, tlvs=tlvs))

    esme, own = await connected(answer)
    submission = await esme.submit(NUMBER, "hello")
    assert (await submission.receipt(timeout=PATIENCE)).message_state is MessageState.UNDELIVERABLE
    await esme.submit(NUMBER, "to see its answer out")
    assert own.answers[0] == DataSmResp(own.answers[0].sequence_number)


async def test_what_a_subscriber_writes_is_left_with_the_smsc(connected):
    def answer(own, request):
        own.deliver(DeliverSm(source_addr=NUMBER, short_message=b"id:1 stat:DELIVRD"))
        own.respond(request, message_id="1")

    esme, own = await connected(answer)
    submission = await esme.submit(NUMBER, "hello")
    await esme.submit(NUMBER, "to see the answer out")
    assert own.answers[0].command_status == CommandStatus.ESME_RX_T_APPN
    assert submission.receipts == {}


async def test_an_alert_is_not_answered(connected):
    nacks = []

    def answer(own, request):
        if isinstance(request, SubmitSm):
            own.session.connection.request(AlertNotification(), 0.0)
            own.respond(request, message_id="1")
        else:
            nacks.append(request)

    esme, own = await connected(answer)
    await esme.submit(NUMBER, "one")
    await esme.submit(NUMBER, "two")
    assert own.answers == nacks == []
    assert own.session.errors == 0


@pytest.mark.parametrize("status", [CommandStatus.ESME_ROK, CommandStatus.ESME_RINVCMDID])
async def test_a_nack_is_no_acceptance_whatever_its_status(connected, status):
    esme, _ = await connected(lambda own, request: own.session.respond(request, GenericNack(command_status=status)))
    with pytest.raises(SubmitRefused) as refused:
        await esme.submit(NUMBER, "hello")
    assert refused.value.command_status is status


async def test_ids_that_are_empty_belong_to_nobody(connected):
    def answer(own, request):
        own.respond(request)
        own.deliver(receipt_pdu(f"id: {FINE}"))

    esme, own = await connected(answer)
    submission = await esme.submit(NUMBER, "hello")
    await esme.submit(NUMBER, "to see the answer out")
    assert own.answers[0] == DeliverSmResp(own.answers[0].sequence_number)
    assert submission.receipts == {}


async def test_a_lookup_that_gets_an_ordinary_receipt_takes_it_for_the_answer(connected):
    def answer(own, request):
        own.respond(request, message_id="1")
        own.deliver(receipt_pdu("id:1 submit date:2501010000 done date:2501010000 stat:REJECTD err:250"))

    esme, _ = await connected(answer, profile="smsc-centre")
    record = await esme.lookup(NUMBER, timeout=PATIENCE)
    assert (record.msisdn, record.stat, record.error, record.reachable) == (NUMBER, "REJECTD", "250", None)
    assert record.error_meaning


# Lookups


@CENTRE
@pytest.mark.parametrize("ping", [False, True])
async def test_a_lookup_says_who_is_there(smsc, esme, ping):
    present, absent, roaming = await soon(
        asyncio.gather(*[esme.lookup(number, ping=ping) for number in (NUMBER, ABSENT, ROAMING)])
    )
    assert (present.msisdn, present.reachable, present.roaming, present.mcc) == (NUMBER, True, False, "250")
    assert (absent.reachable, absent.error, absent.msc) == (False, "006", "")
    assert (roaming.reachable, roaming.roaming) == (True, True)
    assert roaming.roaming_country
    assert roaming.operator == present.operator == "Mobile TeleSystems (MTS)"
    assert {received.kind for received in smsc.received} == {"ping" if ping else "hlr"}


@CENTRE
async def test_a_lookup_that_is_not_answered_is_given_up_and_the_session_goes_on(esme):
    with pytest.raises(TimeoutError, match=r"no answer within 0\.01 s"):
        await esme.lookup(SILENT, timeout=0.01)
    assert (await esme.lookup(NUMBER, timeout=PATIENCE)).reachable


@CENTRE
async def test_a_lookup_s_time_counts_from_the_call_bound_or_not(smsc, esme):
    smsc.script.refuse_bind("ESME_RSYSERR")
    await smsc.unbind()
    with pytest.raises(TimeoutError):
        await soon(esme.lookup(NUMBER, timeout=0.05))


@CENTRE
async def test_a_refused_lookup_says_why(smsc, esme):
    smsc.script.refuse("ESME_RINVDSTADR")
    with pytest.raises(SubmitRefused, match="ESME_RINVDSTADR"):
        await esme.lookup(NUMBER)


@STANDARD
async def test_where_there_are_no_lookups_none_is_sent(smsc, esme):
    with pytest.raises(InvalidValue, match="profile with lookups"):
        await esme.lookup(NUMBER)
    assert not smsc.submit_sms


# All receipts


async def test_a_receipt_is_answered_when_the_body_is_done_with_it(smsc, esme):
    answered = []
    async with asyncio.timeout(PATIENCE), esme.receipts() as receipts:
        await esme.submit(NUMBER, "one")
        await esme.submit(NUMBER, "two")
        async for receipt in receipts:
            assert receipt.stat == "DELIVRD"
            await smsc.until(lambda smsc: smsc.counts.receipts == 2)
            answered.append(smsc.counts.receipts_answered)
            if len(answered) == 2:
                break
    await soon(smsc.until(lambda smsc: smsc.counts.receipts_answered == 2))
    assert answered[0] == 0
    assert answered[1] <= 1
    assert smsc.counts.receipts_repeated == 0


async def test_receipts_beyond_what_may_wait_stay_with_the_smsc(smsc, esme, monkeypatch):
    monkeypatch.setattr("smpp_esme.client.streams.QUEUE_LIMIT", 2)
    async with asyncio.timeout(PATIENCE), esme.receipts() as receipts:
        for _ in range(4):
            await esme.submit(NUMBER, "hello")
        await smsc.until(lambda smsc: smsc.counts.receipts_repeated > 0)
        seen = {(await anext(receipts)).message_id for _ in range(2)}
        while len(seen) < 4:
            seen.add((await anext(receipts)).message_id)
    assert smsc.counts.receipts_repeated > 0


async def test_a_receipt_whose_body_raises_comes_again(smsc, esme):
    submissions = []

    async def failing():
        async with esme.receipts() as receipts:
            submissions.append(await esme.submit(NUMBER, "hello"))
            async for _ in receipts:
                _ = 1 / 0

    with pytest.raises(ZeroDivisionError):
        await soon(failing())
    async with asyncio.timeout(PATIENCE), esme.receipts() as receipts:
        again = await anext(receipts)
    assert again.message_id == submissions[0].message_ids[0]
    await soon(smsc.until(lambda smsc: smsc.counts.receipts_answered == 1))
    assert smsc.counts.receipts_repeated == 1


async def test_a_receipt_whose_body_is_cancelled_comes_again(smsc, esme):
    taken = asyncio.Event()

    async def body():
        async with esme.receipts() as receipts:
            await esme.submit(NUMBER, "hello")
            async for _ in receipts:
                taken.set()
                await asyncio.Event().wait()

    task = asyncio.ensure_future(body())
    await soon(taken.wait())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(PATIENCE), esme.receipts() as receipts:
        assert (await anext(receipts)).stat == "DELIVRD"
    assert smsc.counts.receipts_repeated == 1


async def test_cancelling_who_waits_for_the_next_receipt_loses_none(smsc, esme):
    async with asyncio.timeout(PATIENCE), esme.receipts() as receipts:
        waiting = asyncio.ensure_future(anext(receipts))
        await asyncio.sleep(0)
        await esme.submit(NUMBER, "hello")
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert (await anext(receipts)).stat == "DELIVRD"
    await soon(smsc.until(lambda smsc: smsc.counts.receipts_answered == 1))
    assert smsc.counts.receipts_repeated == 0


async def test_receipts_that_were_never_handed_out_come_again(smsc, esme):
    async with asyncio.timeout(PATIENCE), esme.receipts() as receipts:
        submissions = [await esme.submit(NUMBER, text) for text in ("one", "two", "three")]
        first = await anext(receipts)
        for submission in submissions:
            await submission.receipt()
    async with asyncio.timeout(PATIENCE), esme.receipts() as receipts:
        others = [await anext(receipts) for _ in range(2)]
    assert {one.message_id for one in (first, *others)} == {one.message_ids[0] for one in submissions}
    assert smsc.counts.receipts_repeated == 2


async def test_while_nobody_reads_receipts_are_answered_at_once(smsc, esme):
    await esme.submit(NUMBER, "hello")
    await soon(smsc.until(lambda smsc: smsc.counts.receipts_answered == 1))
    assert smsc.counts.receipts_repeated == 0


async def test_receipts_reach_the_reader_and_the_submission_both(smsc, esme):
    async with asyncio.timeout(PATIENCE), esme.receipts() as receipts:
        submission = await esme.submit(NUMBER, "hello")
        receipt = await submission.receipt()
        assert await anext(receipts) == receipt


async def test_one_loop_reads_receipts_at_a_time(esme):
    async with esme.receipts():
        with pytest.raises(LocalProtocolError, match="one loop"):
            async with esme.receipts():
                pytest.fail("two loops read")
    async with esme.receipts():
        pass


@pytest.mark.parametrize("ended", [False, True])
async def test_reading_outside_of_the_block_is_an_error_and_no_wait_without_end(esme, ended):
    receipts = esme.receipts()
    if ended:
        async with receipts:
            pass
    with pytest.raises(LocalProtocolError, match="async with"):
        await soon(anext(receipts))


async def test_a_reader_gets_what_came_before_it_learns_of_the_end(smsc):
    async with smpp_esme.connect(smsc.url) as esme:
        receipts = await esme.receipts().__aenter__()
        submission = await esme.submit(NUMBER, "hello")
        await submission.receipt(timeout=PATIENCE)
    assert (await soon(anext(receipts))).stat == "DELIVRD"
    with pytest.raises(SessionClosed):
        await soon(anext(receipts))


async def test_a_reader_that_comes_after_the_end_is_told_so(smsc):
    async with smpp_esme.connect(smsc.url) as esme:
        pass
    async with esme.receipts() as receipts:
        with pytest.raises(SessionClosed):
            await soon(anext(receipts))


async def test_a_reader_goes_on_over_the_next_session(smsc, quick):
    async with smpp_esme.connect(smsc.url, **quick) as esme, esme.receipts() as receipts:
        await soon(bound_again(esme, smsc.disconnect))
        await soon(esme.submit(NUMBER, "hello"))
        assert (await soon(anext(receipts))).stat == "DELIVRD"


# Both loops


async def story():
    """The main things, once."""
    async with (
        Smsc(receipt_delay=0.01) as smsc,
        smpp_esme.connect(smsc.url, profile="smsc-centre", timers=Timers(enquire_link=0.01)) as esme,
    ):
        submissions = await asyncio.gather(*[esme.submit(NUMBER, f"{number} {LONG}") for number in range(20)])
        receipts = [await submission.receipt(timeout=PATIENCE) for submission in submissions]
        assert [receipt.stat for receipt in receipts] == ["DELIVRD"] * 20
        assert (await esme.lookup(ROAMING, timeout=PATIENCE)).roaming
        messages = smsc.counts.messages
    assert not smsc.binds
    return messages


def test_everything_works_under_uvloop():
    uvloop = pytest.importorskip("uvloop", reason="uvloop is not installed")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(soon(story())) == 21


# The encoder against the running simulator


@pytest.fixture(scope="module")
def running():
    """A simulator of each profile, and what submits to it and gives the texts that arrived; all in one loop."""
    with asyncio.Runner() as runner:
        stack = contextlib.AsyncExitStack()
        bound = {}

        async def start():
            for profile, system_type in (("standard", ""), ("smsc-centre", ""), ("smsc-centre", "ISO")):
                smsc = await stack.enter_async_context(Smsc(profile, receipt_delay=3600.0))
                endpoint = replace(parse_url(smsc.url), system_type=system_type)
                esme = await stack.enter_async_context(smpp_esme.connect(endpoint, profile=profile))
                bound[profile, system_type] = smsc, esme

        async def arrived(where, text):
            smsc, esme = bound[where]
            smsc.received.clear()
            await soon(esme.submit(NUMBER, text))
            return [received.text for received in smsc.inbox(NUMBER)]

        runner.run(start())
        yield lambda where, text: runner.run(arrived(where, text))
        runner.run(stack.aclose())


GSM = st.sampled_from("@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./09:;<=>?¡AZÄÖÑÜ§¿azäöñüà\f^{}\\[~]|€")
LATIN_1 = st.characters(max_codepoint=0xFF)
ASTRAL = st.characters(min_codepoint=0x10000)
ANY = st.characters(exclude_categories=["Cs"])
TEXTS = st.one_of(
    [st.text(alphabet, max_size=600) for alphabet in (GSM, LATIN_1, ANY, GSM | ASTRAL)]
    # Many segments with pairs on their edges.
    + [
        st.builds(
            lambda start, piece, times: (start + piece * times)[:600],
            st.text(GSM),
            st.text(alphabet),
            st.integers(1, 300),
        )
        for alphabet in (GSM, LATIN_1, ASTRAL)
    ]
)


@pytest.mark.parametrize("where", [("standard", ""), ("smsc-centre", ""), ("smsc-centre", "ISO")], ids="-".join)
@settings(max_examples=150)
@given(text=TEXTS)
def test_any_text_arrives_character_for_character(running, where, text):
    try:
        wire_text(Sms(text), Profile.named(where[0]))
    except InvalidValue:
        assert not text or re.search(r"~~~|^__|__(HLR|PING)__", text)
        return
    assert running(where, text) == [text]


# One segment's receipt


async def test_the_receipt_of_one_segment_can_be_waited_for_alone(connected):
    def answer(own, request):
        own.respond(request, message_id=str(len(seen)))
        seen.append(request)
        if len(seen) == 2:
            own.deliver(receipt_pdu(f"id:1 {FINE}"))

    seen = []
    esme, _ = await connected(answer)
    submission = await soon(esme.submit(NUMBER, LONG))
    assert (await submission.receipt(1, timeout=PATIENCE)).message_id == "1"
    with pytest.raises(TimeoutError, match=r"no final receipt within 0\.01 s: .* 1/3 receipted"):
        await submission.receipt(0, timeout=0.01)
    with pytest.raises(InvalidValue, match="0 to 2"):
        await submission.receipt(3)
    assert not submission.is_final


async def test_where_no_receipt_was_asked_for_none_is_waited_for(esme):
    submission = await esme.submit(NUMBER, "hello", registered_delivery=0)
    with pytest.raises(LocalProtocolError, match="no receipt was asked for"):
        await submission.receipt()


# Many lookups


@CENTRE
async def test_many_numbers_are_looked_up_and_one_s_trouble_costs_no_other(esme):
    numbers = [NUMBER, ABSENT, "nobody", ROAMING, SILENT]
    found = {one.msisdn: one async for one in esme.lookup_many(numbers, timeout=0.5)}
    assert found.keys() == set(numbers)
    assert [found[number].record.reachable for number in (NUMBER, ABSENT, ROAMING)] == [True, False, True]
    assert [type(found[number].error) for number in ("nobody", SILENT)] == [InvalidValue, TimeoutError]


@CENTRE
@pytest.mark.parametrize("asynchronous", [True, False])
async def test_numbers_may_come_one_by_one_and_what_they_raise_comes_last(esme, asynchronous):
    async def numbers():
        for number in (NUMBER, ABSENT):
            yield number
            await asyncio.sleep(0.001)
        raise ValueError("the file ends here")

    def at_once():
        yield from (NUMBER, ABSENT)
        raise ValueError("the file ends here")

    async def look_up():
        async for one in esme.lookup_many(numbers() if asynchronous else at_once(), timeout=PATIENCE):
            found[one.msisdn] = one.record.reachable

    found = {}
    with pytest.raises(ValueError, match="ends here"):
        await look_up()
    assert found == {NUMBER: True, ABSENT: False}


@CENTRE
async def test_an_answer_does_not_wait_for_the_next_number(esme):
    async def numbers():
        yield NUMBER
        await asyncio.Event().wait()

    async with contextlib.aclosing(esme.lookup_many(numbers(), timeout=PATIENCE)) as found:
        assert (await soon(anext(found))).record.reachable


@CENTRE
async def test_numbers_are_read_as_far_as_they_are_asked_about(smsc, esme, monkeypatch):
    monkeypatch.setattr("smpp_esme.client.lookups.AT_ONCE", 3)
    read = []

    def numbers():
        for number in range(100):
            read.append(number)
            yield f"7916{number:07}"

    async with contextlib.aclosing(esme.lookup_many(numbers(), timeout=PATIENCE)) as found:
        await anext(found)
    assert len(read) <= 6
    await asyncio.sleep(0)
    assert smsc.counts.messages <= 6


# Waiting for a turn


async def test_a_receiver_cannot_submit_and_says_so_at_once(smsc):
    async with smpp_esme.connect(smsc.url, how="receiver") as esme:
        with pytest.raises(LocalProtocolError, match="receiver"):
            await soon(esme.submit(NUMBER, "hello"))
        with pytest.raises(LocalProtocolError, match="receiver"):
            await soon(esme.query("1"))
        with pytest.raises(LocalProtocolError, match="receiver"):
            await soon(anext(esme.submit_many([MtMessage(NUMBER, "hello")])))


async def test_who_has_no_more_patience_for_a_turn_is_told_that_nothing_was_sent(smsc):
    async with smpp_esme.connect(smsc.url, patience=0.05) as esme:
        smsc.script.refuse_bind("ESME_RSYSERR")
        await smsc.unbind()
        for asked in (esme.submit(NUMBER, "hello"), esme.query("1"), esme.submit_multi([NUMBER], "hello")):
            with pytest.raises(TimeoutError, match="nothing was sent"):
                await soon(asked)
    assert not smsc.submit_sms


@STANDARD
async def test_an_answer_that_takes_longer_than_the_turn_may_is_waited_for(smsc):
    smsc.script.delay(0.1)
    async with smpp_esme.connect(smsc.url, patience=0.02) as esme:
        assert (await soon(esme.submit(NUMBER, LONG))).message_ids


@pytest.mark.parametrize(
    "pdu", [SubmitMulti(dest_address=(SmeAddress(destination_addr=NUMBER),)), DataSm(destination_addr=NUMBER)]
)
async def test_all_that_submits_counts_against_the_throughput(virtual_time, smsc, pdu):
    async with smpp_esme.connect(smsc.url, throughput=10) as esme:
        begun = virtual_time.time()
        await asyncio.gather(*(esme.request(pdu) for _ in range(21)))
        assert virtual_time.time() - begun == pytest.approx(2.0, abs=0.2)


async def test_a_throttled_esme_says_how_fast_it_goes_and_why(virtual_time, smsc):
    smsc.script.refuse("ESME_RTHROTTLED", times=1)
    async with smpp_esme.connect(smsc.url, throughput=100) as esme:
        assert (esme.pace.rate, esme.pace.reason) == (100, "")
        with pytest.raises(SubmitRefused):
            await esme.submit(NUMBER, "hello")
        assert (esme.pace.rate, esme.pace.ceiling, esme.pace.reason) == (50, 100, "ESME_RTHROTTLED")
