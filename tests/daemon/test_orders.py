"""An order becomes the same record whichever way it takes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from smpp_esme.daemon.orders import Order, kept, kept_plain
from smpp_esme.daemon.routing import Choice, Outlet
from smpp_esme.errors import InvalidValue
from smpp_esme.sms.coding import Coding
from smpp_esme.sms.compose import compose
from smpp_esme.sms.envelope import Hlr, Sms
from smpp_esme.sms.profile import Profile, profile_names
from smpp_esme.sms.shortcut import Shortcut

TO = "+79161234567"
AT = datetime(2026, 1, 1, tzinfo=UTC)
LATER = datetime(2026, 1, 2, tzinfo=UTC)


def choice(name):
    outlet = Outlet(link="main", profile=Profile.named(name), source_addr="DEMO", is_bound=lambda: True)
    return Choice(outlet, pinned=True)


def recorded(make):
    """What is recorded, but for the reference, which is by chance; or why it is not."""
    try:
        message = make()
    except InvalidValue as error:
        return str(error)
    return message and replace(message, reference="")


def long_way(order, way):
    source = way.outlet.source_addr if order.source is None else order.source
    composed = compose(order.content, order.to, source=source, profile=way.outlet.profile, reference=1)
    return kept(composed, order, way, AT, caller="shop")


@pytest.mark.parametrize("way", list(map(choice, profile_names())), ids=lambda way: way.outlet.profile.name)
@given(
    text=st.one_of(st.text(max_size=200), st.text("abc@_~", max_size=170)),
    to=st.sampled_from([TO, "79161234567", "+7 916 123-45-67", "nobody", ""]),
    source=st.sampled_from([None, "", "ACME", "1234", "+79161234567", "a name that is too long"]),
    more=st.sampled_from(
        [
            {},
            {"client_reference": "7", "priority": 3, "resubmit": "hold"},
            {"schedule_delivery_time": LATER, "validity_period": 60.0},
        ]
    ),
)
def test_the_short_way_keeps_what_the_long_one_keeps(way, text, to, source, more):
    order = Order(to=to, content=Sms(text), source=source, **more)
    short = recorded(lambda: kept_plain(order, way, Shortcut(way.outlet.profile), AT, caller="shop"))
    assert short is None or short == recorded(lambda: long_way(order, way))


@pytest.mark.parametrize(
    "order",
    [
        Order(to=TO, content=Sms("hello"), flash=True),
        Order(to=TO, content=Sms("hello"), comment="mine"),
        Order(to=TO, content=Sms("hello"), coding=Coding.UCS2),
        Order(to=TO, content=Sms("hello"), transliterate=True),
        Order(to=TO, content=Sms("hello"), languages=("turkish",)),
        Order(to=TO, content=Sms("a\0b")),
        Order(to=TO, content=Hlr()),
    ],
    ids=str,
)
def test_what_says_more_than_a_text_goes_the_long_way(order):
    way = choice("smsc-centre")
    assert kept_plain(order, way, Shortcut(way.outlet.profile), AT) is None


def test_a_plain_text_goes_the_short_way():
    way = choice("standard")
    assert kept_plain(Order(to=TO, content=Sms("hello")), way, Shortcut(way.outlet.profile), AT) is not None
