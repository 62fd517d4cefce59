import pytest

from smpp_esme.sms.coding import Coding
from smpp_esme.sms.cuts import cuts, joins

# UAX 29, clause by clause; | stands where a text may be cut.
BROKEN = [
    "a|b|я|1|.| |中|文",
    "\r\n|\n|\r|a",
    "a|\u0085|\u0301",
    "e\u0301\u0323|x",
    "к|о\u0308|т",
    "각|각|a|\u1100\u1161\u11a8",
    "กำ|ก|ກຳ",
    "👍🏽|👍|👍🏻",
    "👩‍👩‍👧|👩",
    "🇰🇿|🇷🇺|🇰",
    "x|🇰🇿|🇰",
    "❤️|1️⃣|2",
    "🏴󠁧󠁢󠁷󠁬󠁳󠁿|🏴",
    "क्षि|क|का",
    "ශ්\u200dරී|a",
    "ﾊﾞ|ﾊﾟ",
]


@pytest.mark.parametrize("broken", BROKEN)
def test_what_a_reader_sees_as_one_character_has_no_break_in_it(broken):
    pieces = broken.split("|")
    text = "".join(pieces)
    breaks = {sum(map(len, pieces[:count])) for count in range(1, len(pieces))}
    assert {at for at in range(1, len(text)) if not joins(text, at)} == breaks


@pytest.mark.parametrize(
    ("octets", "coding", "room", "ends"),
    [
        (b"", Coding.GSM7, 5, (0,)),
        (b"abcde", Coding.GSM7, 5, (5,)),
        (b"abcdef", Coding.GSM7, 5, (5, 6)),
        (b"abcd\x1bef", Coding.GSM7, 5, (4, 7)),
        (b"abc\x1bef", Coding.GSM7, 5, (5, 6)),
        (b"abcd\x1bef", Coding.LATIN1, 5, (5, 7)),
        ("aя😀b".encode("utf-16-be"), Coding.UCS2, 6, (4, 10)),
        ("я😀b".encode("utf-16-be"), Coding.UCS2, 6, (6, 8)),
    ],
)
def test_a_cut_stands_as_late_as_it_can_and_through_no_pair(octets, coding, room, ends):
    assert cuts(octets, coding, room) == ends
