"""smpplib's own blocking client, in a thread, against the simulator."""

from __future__ import annotations

import asyncio

import pytest
import smpplib.client
import smpplib.consts
import smpplib.gsm

pytestmark = pytest.mark.interop

TEXT = "The quick brown fox jumps over the lazy dog. " * 8


class Customer:
    """What an ordinary program with smpplib does."""

    def __init__(self, port):
        self.client = smpplib.client.Client("127.0.0.1", port, timeout=10, allow_unknown_opt_params=True)
        self.client.set_message_sent_handler(self.sent)
        self.client.set_message_received_handler(self.received)
        self.responses, self.receipts = [], []

    def sent(self, pdu):
        self.responses.append(pdu)

    def received(self, pdu):
        self.receipts.append(pdu)

    def submit(self, text):
        parts, coding, esm_class = smpplib.gsm.make_parts(text)
        for part in parts:
            self.client.send_message(
                source_addr_ton=smpplib.consts.SMPP_TON_ALNUM,
                source_addr="ACME",
                dest_addr_ton=smpplib.consts.SMPP_TON_INTL,
                destination_addr="79161234567",
                short_message=part,
                data_coding=coding,
                esm_class=esm_class,
                registered_delivery=True,
            )
        return len(parts)

    def run(self):
        self.client.connect()
        self.client.bind_transceiver(system_id="acme", password="secret")
        expected = self.submit("Hello, world") + self.submit(TEXT)
        while len(self.receipts) < expected or len(self.responses) < expected:
            self.client.read_once()
        self.client.unbind()
        self.client.disconnect()


@pytest.mark.smsc(accounts={"acme": "secret"})
async def test_smpplib_binds_submits_reads_its_receipts_and_unbinds(smsc):
    customer = Customer(smsc.port)
    async with asyncio.timeout(30):
        await asyncio.to_thread(customer.run)
    assert [received.text for received in smsc.received] == ["Hello, world", TEXT]
    assert smsc.received[1].segments == 3
    submitted = {pdu.message_id for pdu in customer.responses}
    assert {pdu.receipted_message_id for pdu in customer.receipts} == submitted
    assert len(submitted) == 4
    for receipt in customer.receipts:
        assert receipt.message_state == smpplib.consts.SMPP_MESSAGE_STATE_DELIVERED
        assert receipt.source_addr == b"79161234567"
        assert receipt.short_message.startswith(b"id:" + receipt.receipted_message_id)
        assert b" stat:DELIVRD err:000 " in receipt.short_message
    await smsc.until(lambda smsc: not smsc.binds)
    assert smsc.counts.receipts_answered == 4
    assert smsc.counts.malformed == 0


@pytest.mark.smsc(accounts={"acme": "secret"})
async def test_smpplib_is_told_that_its_password_is_wrong(smsc):
    client = smpplib.client.Client("127.0.0.1", smsc.port, timeout=10, allow_unknown_opt_params=True)

    def bind():
        client.connect()
        try:
            client.bind_transceiver(system_id="acme", password="wrong")
        finally:
            client.disconnect()

    with pytest.raises(smpplib.exceptions.PDUError) as refused:
        await asyncio.to_thread(bind)
    assert refused.value.args[1] == smpplib.consts.SMPP_ESME_RINVPASWD
