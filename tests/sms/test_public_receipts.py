"""Receipts from public test suites and documents, where they are at hand: each says all that its text holds.

They are looked for in the file receipts.json of ../shared/vectors beside the repository, or of the folder that the
environment variable SMPP_ESME_VECTORS names.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any, Final

import pytest

from smpp_esme.sms.profile import Profile
from smpp_esme.sms.receipt import parse_text
from smpp_esme.sms.receipt_text import STATES

FOLDER: Final = Path(os.environ.get("SMPP_ESME_VECTORS") or Path(__file__).parents[3] / "shared" / "vectors")
FILE: Final = FOLDER / "receipts.json"
VECTORS: Final[list[dict[str, Any]]] = json.loads(FILE.read_text()) if FILE.is_file() else []

pytestmark = pytest.mark.skipif(
    not VECTORS, reason=f"{FILE.name} is not in {FOLDER}: SMPP_ESME_VECTORS names its folder"
)

#: The vectors' words for our attributes.
NAMES: Final = {
    "id": "message_id",
    "sub": "sub",
    "dlvrd": "dlvrd",
    "submitdate": "submit_date_raw",
    "donedate": "done_date_raw",
    "stat": "stat",
    "err": "error",
    "text": "text",
}
#: The states that no table has, for they are a template's letters, or the receipt breaks off before its state.
STATELESS: Final = {"DDDDDDD", ""}
VODAFONE_UK: Final = Profile.named("vodafone-uk")


def octets_of(written: str) -> str:
    """The vectors write octets that are no ASCII as \\x and two digits."""
    return re.sub(r"\\x([0-9a-f]{2})", lambda match: chr(int(match[1], 16)), written)


def is_date(written: str) -> bool:
    digits = written.rstrip("+-")
    return digits.isdigit() and digits.strip("0") != ""


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["text"][:40])
def test_a_public_receipt_says_all_that_its_text_holds(vector):
    text = octets_of(vector["text"])
    receipt = parse_text(text, VODAFONE_UK)
    if vector["tolerant_parse"] is None:
        status, done, submitted, error = text.split(",")[:4]
        assert (receipt.stat, receipt.error) == (status, error)
        assert (receipt.done_date_raw, receipt.submit_date_raw) == (done, submitted)
        assert receipt.message_state is not None
        return
    held = {key: octets_of(value).rstrip("\0") for key, value in vector["tolerant_parse"].items()}
    rest = held.pop("rest", "")
    assert {key: getattr(receipt, NAMES[key]) for key in held} == held
    assert (receipt.message_state is None) == (receipt.stat in STATELESS)
    assert receipt.stat.upper() in STATES or receipt.stat in STATELESS
    for raw, date in ((receipt.submit_date_raw, receipt.submit_date), (receipt.done_date_raw, receipt.done_date)):
        assert (date is not None) == is_date(raw)
    if rest.startswith("imsi:"):
        assert receipt.hlr.raw == text
        assert rest == (
            f"imsi:{receipt.hlr.imsi} msc:{receipt.hlr.msc} mcc:{receipt.hlr.mcc} mnc:{receipt.hlr.mnc}"
            f" cn:{receipt.hlr.country} net:{receipt.hlr.operator} rcn: rnet:"
        ).replace("Russian Federation", "Russian+Federation").replace(" open Joint Stock ", "+open+Joint+Stock+")
    elif rest:
        assert receipt.text == rest


def test_all_of_them_are_there():
    assert len(VECTORS) >= 57
