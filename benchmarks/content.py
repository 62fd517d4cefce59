"""What is inside short_message: alphabets, choice of coding, segments, receipts; smpplib beside where it has one.

    python -m benchmarks.content

Each row has its budget, in microseconds on the machine of docs/why.md; the ratio to smpplib holds on any.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import smpplib.consts
import smpplib.gsm

from benchmarks.timing import microseconds
from smpp_esme.protocol.pdus import DeliverSm
from smpp_esme.protocol.tlvs import TLVS, Tag
from smpp_esme.sms import receipt
from smpp_esme.sms.alphabet import gsm_decode, gsm_encode
from smpp_esme.sms.explain import explain
from smpp_esme.sms.national import Language, Shifts, alphabet
from smpp_esme.sms.profile import Profile
from smpp_esme.sms.reassembly import Reassembly
from smpp_esme.sms.segments import segment
from smpp_esme.sms.septets import pack, unpack
from smpp_esme.sms.transliteration import transliterated

if TYPE_CHECKING:
    from collections.abc import Callable

STANDARD = Profile.named("standard")
CENTRE = Profile.named("smsc-centre")
GSM = ("Your order 1057 is ready; your code: 4815. " * 4)[:160]
EURO = ("Total: 25€ [paid] Ω " * 8)[:150]
HINDI = ("नमस्ते, आपका कोड 4815 है। " * 8)[:160]
LONG = {
    "GSM 7-bit": GSM * 6 + "a" * 40,
    "GSM 7-bit, half of it pairs": "[€a€" * 250,
    "ISO-8859-1": "Ça va, garçon? " * 66 + "a" * 10,
    "Cyrillic": "Заказ 1057 готов. " * 55 + "a" * 10,
    "Cyrillic and emoji": ("Готово 👍🏽 " * 100)[:1000],
}
TEXT = (
    b"id:0489708364 sub:001 dlvrd:001 submit date:2611210830 done date:2611210831 stat:DELIVRD err:000 text:Your order"
)
HLR = (
    b"id:855469 stat:DELIVRD err:000 imsi:250023012345678 msc:79232510066 mcc:250 mnc:02 cn:Russian+Federation "
    b"net:MegaFON+open+Joint+Stock+Company rcn: rnet:"
)


def delivered(text: bytes, *, with_tlvs: bool) -> DeliverSm:
    tlvs = (TLVS.tlv(Tag.RECEIPTED_MESSAGE_ID, "1d305b4c"), TLVS.tlv(Tag.MESSAGE_STATE, 2))
    return DeliverSm(source_addr="79161234567", esm_class=4, short_message=text, tlvs=tlvs if with_tlvs else ())


def parsing(text: bytes, *, with_tlvs: bool) -> Callable[[], object]:
    pdu = delivered(text, with_tlvs=with_tlvs)
    return lambda: receipt.parse(pdu, CENTRE)


def segmenting(text: str) -> Callable[[], object]:
    return lambda: segment(text, STANDARD, reference=7)


def smpplib_parts(text: str) -> Callable[[], object]:
    return lambda: smpplib.gsm.make_parts(text)


def joining(text: str) -> Callable[[], object]:
    pdus = [
        DeliverSm(esm_class=one.esm_class, data_coding=one.data_coding, short_message=one.short_message)
        for one in segment(text, STANDARD, reference=7).segments
    ]

    def join() -> None:
        waiting = Reassembly()
        for pdu in pdus:
            waiting.add(pdu, STANDARD, link="a", now=0.0)

    return join


TABLES = alphabet(Shifts(Language.HINDI, Language.HINDI))
SEPTETS = gsm_encode(GSM)
EUROS = gsm_encode(EURO)
PACKED = pack(SEPTETS)
NATIONAL = TABLES.encode(HINDI) or b""

#: What, its budget, ours, and smpplib's where there is one.
ROWS: list[tuple[str, float | None, Callable[[], object], Callable[[], object] | None]] = [
    ("encode 160 GSM characters", 3, lambda: gsm_encode(GSM), lambda: smpplib.gsm.gsm_encode(GSM)),
    ("encode 150, with pairs and Greek", 3, lambda: gsm_encode(EURO), lambda: smpplib.gsm.gsm_encode(EURO)),
    ("decode 160 GSM characters", 3, lambda: gsm_decode(SEPTETS), None),
    ("decode 150, with pairs and Greek", 3, lambda: gsm_decode(EUROS), None),
    ("encode 160 in national tables", None, lambda: TABLES.encode(HINDI), None),
    ("decode 160 in national tables", None, lambda: TABLES.decode(NATIONAL), None),
    ("pack 160 septets", None, lambda: pack(SEPTETS), None),
    ("unpack 160 septets", None, lambda: unpack(PACKED), None),
    ("transliterate 1,000 Cyrillic", None, lambda: transliterated(LONG["Cyrillic"]), None),
    *[(f"segment 1,000: {name}", 60, segmenting(text), smpplib_parts(text)) for name, text in LONG.items()],
    ("join them again: Cyrillic", None, joining(LONG["Cyrillic"]), None),
    ("explain 1,000: Cyrillic", None, lambda: explain(LONG["Cyrillic"], STANDARD), None),
    ("parse a receipt: text", 4, parsing(TEXT, with_tlvs=False), None),
    ("parse a receipt: text and TLVs", 4, parsing(TEXT, with_tlvs=True), None),
    ("parse an HLR answer", None, parsing(HLR, with_tlvs=False), None),
]


def main() -> None:
    """Print the table."""
    print(f"{'':<44}{'us':>8}{'budget':>8}{'smpplib':>9}{'ratio':>7}")
    for what, budget, ours, theirs in ROWS:
        times = microseconds({"ours": ours} | ({"smpplib": theirs} if theirs else {}), each=0.005)
        beside = f"{times['smpplib']:>9.2f}{times['smpplib'] / times['ours']:>7.1f}" if theirs else ""
        print(f"{what:<44}{times['ours']:>8.2f}{budget or '':>8}{beside}")


if __name__ == "__main__":
    main()
