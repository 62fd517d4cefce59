"""How the SMSC behaves when no rule says otherwise: what `Smsc` was told, handed on as one value."""

from __future__ import annotations

import msgspec

from smpp_esme.simulator.forms import IdForm, ReceiptForm
from smpp_esme.simulator.limits import Guards, Limits


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How an SMSC behaves.

    Attributes:
        receipt_delay: seconds from a response to its receipt, on the average.
        latency: seconds from a submit to its response.
        retry_delay: seconds until a delivery that was not taken goes out again.
        seed: decides message_ids and jitter.
        keep: how many messages query_sm is told of.
        response_ids: how a response writes the message_id.
        form: how receipts are written.
        limits: what an account may ask for at a time.
        guards: what is refused to protect users.
        epoch: what the clock on the wall said at the agenda's time 0, seconds since 1970.
    """

    receipt_delay: float = 0.1
    latency: float = 0.0
    retry_delay: float = 1.0
    seed: int = 0
    keep: int = 100_000
    response_ids: IdForm = "decimal"
    form: ReceiptForm = ReceiptForm()
    limits: Limits = Limits()
    guards: Guards = Guards()
    epoch: float = 0.0
