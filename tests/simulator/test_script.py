from __future__ import annotations

import asyncio

import pytest

from smpp_esme.client import connect
from smpp_esme.errors import ConfigError, InvalidValue, SessionClosed
from smpp_esme.protocol.commands import CommandStatus
from smpp_esme.protocol.pdus import DeliverSmResp, SubmitSm
from smpp_esme.protocol.tlvs import Tag
from smpp_esme.session.endpoint import parse_url
from smpp_esme.simulator.rules import Refuse
from smpp_esme.simulator.script import Script
from smpp_esme.simulator.smsc import Smsc

TO = "79161234567"
THROTTLED = CommandStatus.ESME_RTHROTTLED


class Recorder:
    """Wants to know what came in which order."""

    def __init__(self):
        self.seen = []

    def answered(self, response):
        self.seen.append(type(response).__name__)

    def unanswered(self, error):
        self.seen.append(type(error).__name__)


async def test_an_empty_script_changes_nothing(smsc, bind):
    esme = await bind(smsc)
    assert (await esme.submit(b"hello")).command_status == 0


async def test_refuse_refuses_so_many_times(smsc, bind):
    smsc.script.refuse(THROTTLED, times=2)
    esme = await bind(smsc)
    statuses = [(await esme.submit(b"hello")).command_status for _ in range(3)]
    assert statuses == [THROTTLED, THROTTLED, 0]
    assert (smsc.counts.submits, smsc.counts.refused, smsc.counts.messages) == (3, 2, 1)
    assert len(smsc.submit_sms) == 3


async def test_a_rule_takes_only_what_matches_it(smsc, bind):
    smsc.script.refuse(THROTTLED, to="7926").refuse(8, when=lambda pdu: pdu.short_message == b"bad", after=1)
    esme = await bind(smsc)
    statuses = [
        (await esme.submit(text, to=to)).command_status
        for text, to in ((b"good", TO), (b"good", "79261234567"), (b"bad", TO), (b"bad", TO), (b"bad", "79261234567"))
    ]
    assert statuses == [0, THROTTLED, 0, 8, THROTTLED]


async def test_delay_holds_the_response_back(smsc, bind):
    smsc.script.delay(0.05, times=1)
    esme = await bind(smsc)
    order = Recorder()
    for text in (b"late", b"soon"):
        esme.session.start(SubmitSm(destination_addr=TO, short_message=text), _Named(order, text))
    await esme.submit(b"soon too")
    assert order.seen == [b"soon"]
    await esme.session.unbind()


class _Named:
    def __init__(self, recorder, name):
        self.recorder, self.name = recorder, name

    def answered(self, response):
        self.recorder.seen.append(self.name)

    def unanswered(self, error):
        pass


async def test_drop_response_takes_the_message_and_never_says_so(smsc, bind):
    smsc.script.drop_response(times=1)
    esme = await bind(smsc)
    lost = Recorder()
    esme.session.start(SubmitSm(destination_addr=TO, short_message=b"lost", registered_delivery=1), lost)
    await esme.take()  # its receipt comes all the same
    await esme.submit(b"answered")
    assert lost.seen == []
    assert [received.text for received in smsc.received] == ["lost", "answered"]


async def test_close_after_cuts_the_connection_where_the_response_is_due(smsc, bind):
    smsc.script.close_after(2)
    esme = await bind(smsc)
    await esme.submit(b"first")
    with pytest.raises(SessionClosed):
        await esme.submit(b"second")
    again = await bind(smsc)
    await again.submit(b"third")
    assert [received.text for received in smsc.received] == ["first", "second", "third"]


async def test_receipt_first_comes_before_the_response(smsc):
    smsc.script.receipt_first()
    endpoint = parse_url(smsc.url)
    reader, writer = await asyncio.open_connection("127.0.0.1", smsc.port)
    from smpp_esme.protocol import codec

    writer.write(codec.encode(endpoint.bind_request(), 1))
    submit = SubmitSm(destination_addr=TO, short_message=b"hello", registered_delivery=1)
    await _pdu(reader)
    writer.write(codec.encode(submit, 2))
    first, second = await _pdu(reader), await _pdu(reader)
    assert (type(first).__name__, type(second).__name__) == ("DeliverSm", "SubmitSmResp")
    assert first.tlv(Tag.RECEIPTED_MESSAGE_ID) == second.message_id
    writer.write(codec.encode(DeliverSmResp(), first.sequence_number))
    writer.close()
    await writer.wait_closed()


async def _pdu(reader):
    from smpp_esme.protocol import codec

    async with asyncio.timeout(10):
        header = await reader.readexactly(4)
        return codec.decode(header + await reader.readexactly(int.from_bytes(header, "big") - 4))


async def test_receipt_first_does_not_wait_for_a_receiver_that_is_not_there(smsc, bind):
    smsc.script.receipt_first()
    transmitter = await bind(smsc, "transmitter")
    assert (await transmitter.submit(b"hello")).command_status == 0


async def test_receipt_twice_sends_the_same_receipt_twice(smsc, bind):
    smsc.script.receipt_twice(times=1)
    esme = await bind(smsc)
    await esme.submit(b"twice")
    first, second = await esme.take(2)
    assert (first.short_message, first.tlvs) == (second.short_message, second.tlvs)
    await esme.submit(b"once")
    await esme.take()
    await smsc.until(lambda smsc: smsc.counts.receipts_answered == 3)


@pytest.mark.parametrize(
    ("form", "write"), [("same", str), ("hex", lambda id_: f"{int(id_):x}"), ("padded", "{:0>10}".format)]
)
async def test_receipts_write_the_message_id_in_their_form(smsc, bind, form, write):
    smsc.script.receipt_ids(form)
    esme = await bind(smsc)
    response = await esme.submit(b"hello")
    [receipt] = await esme.take()
    assert receipt.tlv(Tag.RECEIPTED_MESSAGE_ID) == write(response.message_id)
    assert receipt.short_message.startswith(b"id:%s " % write(response.message_id).encode())


def test_a_script_is_read_from_toml(tmp_path):
    path = tmp_path / "script.toml"
    path.write_text(
        """
        [[rule]]
        verb = "refuse"
        status = "ESME_RMSGQFUL"
        to = "7999"
        times = 1

        [[rule]]
        verb = "delay"
        seconds = 1.5
        """
    )
    script = Script.load(path)
    refused = script.plan(SubmitSm(destination_addr="79991234567"))
    assert (refused.status, refused.delay) == (CommandStatus.ESME_RMSGQFUL, 0.0)
    assert script.plan(SubmitSm(destination_addr="79991234567")).delay == 1.5


@pytest.mark.parametrize(
    "text",
    [
        "[[rule]]\nverb = 'refuse'\nstatus = 'ESME_RNOSUCH'",
        "[[rule]]\nverb = 'explode'",
        "[[rule]]\nverb = 'delay'",
        "[[rule]]\nverb = 'delay'\nseconds = 1\nsecond = 1",
        "not toml",
        None,
    ],
)
def test_a_file_that_is_no_script_is_refused(tmp_path, text):
    path = tmp_path / "script.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError, match=r"script\.toml"):
        Script.load(path)


def test_a_script_may_be_given_as_rules():
    script = Script([Refuse(status=8, after=1)])
    assert [script.plan(SubmitSm()).status for _ in range(3)] == [0, 8, 8]


async def test_a_refusal_hides_a_message_from_the_rules_behind_it(bind):
    script = Script().refuse(8, times=1).receipt_twice(times=1)
    async with Smsc(script=script, receipt_delay=0.0) as smsc:
        esme = await bind(smsc)
        await esme.submit(b"refused")
        await esme.submit(b"twice")
        await esme.take(2)
        assert smsc.counts.refused == 1


def test_a_verb_says_what_is_wrong():
    script = Script()
    for verb, arguments in (
        (script.refuse, ["ESME_NONSENSE"]),
        (script.refuse, [0]),
        (script.malform, ["nonsense"]),
        (script.outcome, ["nonsense"]),
        (script.delay, [-1]),
        (script.split_writes, [0]),
    ):
        with pytest.raises(InvalidValue):
            verb(*arguments)
    with pytest.raises(InvalidValue):
        script.receipt_form(dialect="nonsense")


async def test_receipt_first_goes_with_what_other_rules_say(smsc):
    smsc.script.receipt_first().receipt_twice().reply("thanks")
    async with connect(smsc.url) as esme, esme.deliveries() as deliveries:
        await esme.submit("+79161234567", "hello", source="1234")
        async with asyncio.timeout(10):
            kinds = sorted([type(await anext(deliveries)).__name__ for _ in range(3)])
    assert kinds == ["MoMessage", "Receipt", "Receipt"]
