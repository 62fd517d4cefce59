"""What the demo sends: every alphabet, the edges that break other senders, every envelope, and lookups."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from smpp_esme.sms.binary import Binary, BinaryHex
from smpp_esme.sms.content import Content
from smpp_esme.sms.envelope import Bot, Call, Hlr, Mail, Ping, Sms, Soc, Telegram, Viber
from smpp_esme.sms.wap import WapPush


class Item(msgspec.Struct, frozen=True):
    """One message of the demo.

    Attributes:
        label: what it shows.
        to: whom it is for.
        content: what is delivered.
        comment: a note for the sender's own records.
    """

    label: str
    to: str
    content: Content
    comment: str | None = None

    def body(self) -> dict[str, Any]:
        """The JSON that submits it."""
        body: dict[str, Any] = {"to": self.to}
        if isinstance(self.content, Sms):
            body["text"] = self.content.message
        else:
            body["content"] = {"kind": self.content.kind} | msgspec.to_builtins(self.content)
        return body | ({"comment": self.comment} if self.comment else {})


def _filled(head: str, edge: str, length: int) -> str:
    """`head`, then `edge`, then words up to `length` characters."""
    words = "the quick brown fox jumps over the lazy dog " * (length // 44 + 1)
    return (head + edge + words)[:length]


#: 152 septets, so that the euro sign's escape would be the last septet of the first segment (153) and its code the
#: first of the second.
EURO_ON_THE_EDGE: Final = _filled("Your invoice of this month, in full: ".ljust(152, "."), "€", 400)
#: 66 UTF-16 units, so that the emoji's first half would be the last unit of the first segment (67).
EMOJI_ON_THE_EDGE: Final = "Спасибо за заказ! Курьер уже выехал и будет у вас через полчаса".ljust(66, "…") + (
    "\N{SHOPPING BAGS} Номер заказа 48151623, код для получения 42, оплата при получении картой или наличными. "
    "Хорошего дня!"
)

ITEMS: Final = (
    Item("GSM 7-bit", "+79161230101", Sms("Hello from smpp_esme: {code} [42] costs 5 € @ §7")),
    Item("ISO-8859-1", "+79161230102", Sms("Reçu: dépôt confirmé à l'hôtel, être prêt à 8 h")),
    Item("UCS2", "+79161230103", Sms("Привет! Ваш код: 4815")),
    Item("GSM, € on the edge", "+79161230104", Sms(EURO_ON_THE_EDGE)),
    Item("UCS2, emoji on the edge", "+79161230105", Sms(EMOJI_ON_THE_EDGE)),
    Item("mail", "+79161230106", Mail("The report is ready.", "Report of November")),
    Item("call", "+79161230107", Call("Your code is four eight one five", "w2", "en", "22,20,5")),
    Item("viber", "+79161230108", Viber("Доставка завтра с 10 до 12")),
    Item("soc", "+79161230109", Soc("С днём рождения!")),
    Item("tgm", "+79161230111", Telegram("481516")),
    Item("bot", "+79161230112", Bot("Ваша заявка принята", "acme_help_bot")),
    Item("hlr", "+79161230113", Hlr()),
    Item("ping", "+79161230114", Ping()),
    Item("octets to a port", "+79161230118", Binary(b"\x00\x01\x02\xff", bytes.fromhex("060504158A0000"))),
    Item("octets in hexadecimal", "+79161230119", BinaryHex("060504158A000048656C6C6F")),
    Item("a link", "+79161230120", WapPush("Ваша посылка здесь", "https://www.example.com/p/1057?" + "x" * 100)),
    Item("with a comment", "+79161230115", Sms("Your table is reserved"), "order 1057, shop 3"),
)

#: Of the simulator's handsets: present, absent, unknown, ported, roaming, blocked, full, ported and roaming.
LOOKUPS: Final = (
    "+79161230116",
    "+79261230117",
    "+79161230001",
    "+79261230001",
    "+79161230002",
    "+79031230003",
    "+79161230004",
    "+79261230005",
    "+79031230006",
    "+79261230009",
)
