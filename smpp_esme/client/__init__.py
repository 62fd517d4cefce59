"""What a script imports: connect, submit, receive receipts, look numbers up.

::

    async with smpp_esme.connect("smpp://acme:secret@smsc.example:2775") as esme:
        submission = await esme.submit("+79991234567", "Привет", source="ACME")
        receipt = await submission.receipt(timeout=60)
"""

from smpp_esme.client.connect import connect
from smpp_esme.client.esme import Esme
from smpp_esme.client.lookups import LookedUp
from smpp_esme.client.operations import Queried, Replacement
from smpp_esme.client.outgoing import MtMessage
from smpp_esme.client.streams import Deliveries
from smpp_esme.client.submission import InDoubt, Refused, Submission, Submitted, SubmittedMulti

__all__ = [
    "Deliveries",
    "Esme",
    "InDoubt",
    "LookedUp",
    "MtMessage",
    "Queried",
    "Refused",
    "Replacement",
    "Submission",
    "Submitted",
    "SubmittedMulti",
    "connect",
]
