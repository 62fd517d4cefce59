import re
import tomllib
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme.errors import InvalidValue
from smpp_esme.sms.wap import PORTS, WapPush

FIXTURE = Path(__file__).parents[2] / "fixtures" / "texts" / "wap_push.toml"
PUSHES = tomllib.loads(FIXTURE.read_text(encoding="utf-8"))["push"]
URL = "https://example.com/"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize("push", PUSHES, ids=lambda push: push["why"])
def test_a_service_indication_is_written_octet_for_octet(push):
    octets = bytes.fromhex(re.sub("#.*", "", push["octets"]))
    assert WapPush(**push["content"]).service_indication() == octets


def test_a_push_goes_from_port_to_port_behind_its_header():
    # A sample of the provider's.
    push = WapPush("wap.ru", "http://wap.ru/")
    assert push.text() == "0605040B8423F0DC0601AE02056A0045C60C037761702E72752F0001037761702E7275000101"
    assert push.elements() == (PORTS.element(),)
    assert push.body()[:4].hex() == "dc0601ae"


def test_a_time_is_written_in_utc_and_without_the_zeros_at_its_end():
    moscow = timezone(timedelta(hours=3))
    there = WapPush("a", URL, created=datetime(2026, 12, 1, 2, 30, tzinfo=moscow))
    here = WapPush("a", URL, created=datetime(2026, 11, 30, 23, 30, tzinfo=UTC))
    assert there.body() == here.body()
    assert bytes.fromhex("0a c3 06 202611302330 01") in here.body()


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"message": ""}, "message"),
        ({"message": "a\0b"}, "message"),
        ({"message": "a\ud83d"}, "message"),
        ({"url": ""}, "url"),
        ({"url": "example.com"}, "url"),
        ({"url": "https://пример.рф/"}, "url"),
        ({"url": "https://example.com/a b"}, "url"),
        ({"url": "https:"}, "url"),
        ({"action": "shout"}, "action"),
        ({"action": "delete"}, "si_id"),
        ({"si_id": ""}, "si_id"),
        ({"created": datetime(2026, 11, 21)}, "created"),  # noqa: DTZ001 - the very mistake
        ({"created": datetime(1969, 12, 31, tzinfo=UTC)}, "created"),
        ({"expires": datetime(9999, 12, 31, tzinfo=UTC)}, "expires"),
        ({"created": NOW, "expires": NOW}, "expires"),
    ],
)
def test_what_no_handset_could_read_is_refused_by_its_field(fields, field):
    with pytest.raises(InvalidValue) as caught:
        WapPush(**{"message": "a", "url": URL} | fields)
    assert caught.value.field == field
    assert caught.value.allowed


URLS = st.tuples(
    st.sampled_from(["http://", "https://", "http://www.", "https://www.", "ftp://", "HTTP://"]),
    st.lists(st.sampled_from([".com/", ".org/", ".net/", ".edu/", ".com", "a", "/", "www.", "?x=1"]), min_size=1),
).map(lambda pieces: pieces[0] + "".join(pieces[1]))
STARTS = {0x0B: "", 0x0C: "http://", 0x0D: "http://www.", 0x0E: "https://", 0x0F: "https://www."}
PIECES = {0x85: ".com/", 0x86: ".edu/", 0x87: ".net/", 0x88: ".org/"}


def strings(octets):
    """The strings of href and of the content, as a handset reads them."""
    found, at, value = [], 7, STARTS[octets[6]]
    while at < len(octets):
        if octets[at] == 0x03:
            end = octets.index(0, at)
            value += octets[at + 1 : end].decode()
            at = end
        elif octets[at] == 0x01:
            found.append(value)
            value = ""
        else:
            value += PIECES[octets[at]]
        at += 1
    return found


@given(URLS, st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1))
def test_any_link_and_text_are_read_as_they_were_written(url, message):
    assert strings(WapPush(message, url).service_indication()) == [url, message, ""]
