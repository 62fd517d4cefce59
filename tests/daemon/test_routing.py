from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme.daemon.gateway import Gateway
from smpp_esme.daemon.orders import Order
from smpp_esme.daemon.routes import RouteSettings
from smpp_esme.daemon.routing import Outlet, Router, RouteTable
from smpp_esme.errors import InvalidValue
from smpp_esme.sms.binary import Binary
from smpp_esme.sms.compose import compose
from smpp_esme.sms.content import KINDS, is_offered
from smpp_esme.sms.envelope import Bot, Hlr, Mail, Ping, Sms, Viber
from smpp_esme.sms.profile import Profile, profile_names
from smpp_esme.sms.wap import WapPush

CENTRE, STANDARD = Profile.named("smsc-centre"), Profile.named("standard")
TO = "+7 916 123-45-67"
LINKS = ["a", "b", "c"]
PREFIXES = st.text("127", min_size=1, max_size=4).filter(lambda digits: digits[0] != "0")


@pytest.fixture
def able():
    """Which links can submit, for a test to change."""
    return dict.fromkeys(LINKS, True)


@pytest.fixture
def router(able):
    """Makes a router: `router(routes, refuses=True)`; link c knows no envelopes and no lookups."""

    def made(routes=None, *, receiver=False, **options):
        outlets = [
            Outlet(link=name, profile=profile, source_addr=name.upper(), is_bound=lambda name=name: able[name])
            for name, profile in (("a", CENTRE), ("b", CENTRE), ("c", STANDARD))
        ]
        if receiver:
            outlets.append(Outlet(link="in", profile=CENTRE, source_addr="", is_bound=lambda: True, submits=False))
        routes = {name: RouteSettings(**one) for name, one in (routes or {}).items()}
        return Router(outlets, routes, **options)

    return made


def order(to=TO, content=None, **options):
    return Order(to=to, content=content or Sms("hello"), **options)


def chosen(router, *args, **options):
    choice = router.choose(order(*args, **options))
    return choice.outlet.link, choice.route, choice.pinned


# The table


def naive(routes, offers, number, kind):
    """The same in the words of the documentation: every route is looked at."""
    best = None
    for name, route in routes.items():
        links = tuple(link for link in route.links if offers(link, kind))
        if not links or (route.kinds and kind not in route.kinds):
            continue
        for prefix in route.prefixes or ("",):
            rank = len(prefix), bool(route.kinds)
            if number.startswith(prefix) and (best is None or rank > best[0]):
                best = rank, name, links
    return best and best[1:]


@given(
    routes=st.lists(
        st.builds(
            RouteSettings,
            links=st.lists(st.sampled_from(LINKS), min_size=1, unique=True).map(tuple),
            prefixes=st.lists(PREFIXES, max_size=3, unique=True).map(tuple),
            kinds=st.lists(st.sampled_from(["sms", "mail", "hlr"]), max_size=2, unique=True).map(tuple),
        ),
        max_size=6,
    ),
    refused=st.sets(st.tuples(st.sampled_from(LINKS), st.sampled_from(["sms", "mail", "hlr"]))),
    number=st.one_of(st.just(""), st.text("127", max_size=6)),
    kind=st.sampled_from(["sms", "mail", "hlr", "no such kind"]),
)
def test_the_longest_prefix_wins_and_then_the_kind(routes, refused, number, kind):
    # Two for the same are refused by the configuration.
    taken, kept = set(), {}
    for place, route in enumerate(routes):
        same = {(prefix, word) for prefix in route.prefixes or ("",) for word in route.kinds or ("",)}
        if not same & taken:
            taken |= same
            kept[f"route {place}"] = route

    def offers(link, kind):
        return (link, kind) not in refused

    found = RouteTable(kept, offers).match(number, kind)
    expected = naive(kept, offers, number, kind) if kind in KINDS else None
    assert (found and (found.name, found.links)) == expected


@pytest.mark.parametrize("name", profile_names())
@pytest.mark.parametrize(
    "content",
    [Sms("a"), Mail("a", "b"), Viber("a"), Bot("a", "acme_bot"), Hlr(), Ping(), Binary(b"a"), WapPush("a", "http://a")],
)
def test_what_a_profile_takes_is_what_can_be_composed_for_it(name, content):
    profile = Profile.named(name)
    try:
        compose(content, "79161234567", source="", profile=profile, reference=1)
    except InvalidValue:
        composed = False
    else:
        composed = True
    assert is_offered(content.kind, profile) == composed


# What an order comes to


def test_without_routes_the_first_link_takes_it_or_the_one_that_is_named(router, able):
    able["a"] = False
    assert chosen(router()) == ("a", None, False)
    assert chosen(router(), link="b") == ("b", None, True)
    assert chosen(router(), link="b", pinned=False) == ("b", None, False)
    assert chosen(router(), pinned=True) == ("a", None, True)


def test_the_first_link_of_the_route_that_can_submit_takes_it(router, able):
    made = router({"russia": {"prefixes": ["7"], "links": ["b", "c"]}})
    assert chosen(made) == ("b", "russia", False)
    able["b"] = False
    assert chosen(made) == ("c", "russia", False)
    able["c"] = False
    assert chosen(made) == ("b", "russia", False)  # which is where it will go out
    assert chosen(made, "+49 171 1234567") == ("a", None, False)


def test_a_link_whose_profile_does_not_take_the_kind_is_passed_over(router, able):
    made = router({"russia": {"prefixes": ["7"], "links": ["c", "b"]}, "plain": {"prefixes": ["79"], "links": ["c"]}})
    assert chosen(made) == ("c", "plain", False)
    assert chosen(made, content=Mail("text", "subject")) == ("b", "russia", False)


def test_a_route_that_names_the_kind_goes_first_among_those_with_the_same_prefix(router):
    made = router(
        {
            "all": {"links": ["a"]},
            "lookups": {"kinds": ["hlr", "ping"], "links": ["b"]},
            "russia": {"prefixes": ["7"], "links": ["c"]},
        }
    )
    assert chosen(made, content=Hlr())[:2] == ("b", "lookups")  # link c knows none
    assert chosen(made)[:2] == ("c", "russia")
    assert chosen(made, "4917112345")[:2] == ("a", "all")


@pytest.mark.parametrize("to", ["someone@example.com", "79161234567"])
def test_what_is_no_number_goes_by_routes_for_everything(router, to):
    made = router({"all": {"links": ["b"]}, "russia": {"prefixes": ["7"], "links": ["a"]}})
    assert chosen(made, to, Mail("text", "subject"))[1] == ("all" if "@" in to else "russia")


def test_what_no_route_is_for_is_refused_where_that_is_said(router):
    made = router({"germany": {"prefixes": ["49"], "links": ["b"]}}, refuses=True)
    assert chosen(made, "4917112345")[0] == "b"
    assert chosen(made, link="c")[0] == "c"
    with pytest.raises(InvalidValue, match="no route takes sms") as refused:
        made.choose(order())
    assert refused.value.field == "destination"
    assert "916" not in str(refused.value)


def test_a_link_that_is_named_is_kept_to_unless_order_or_route_say_otherwise(router, able):
    routes = {"russia": {"prefixes": ["7"], "links": ["b", "c"]}}
    keeping, preferring = router(routes), router({"russia": routes["russia"] | {"named_links": "prefer"}})
    able["a"] = False
    assert chosen(keeping, link="a") == ("a", None, True)
    assert chosen(keeping, link="a", pinned=False) == ("b", "russia", False)
    assert chosen(preferring, link="a") == ("b", "russia", False)
    assert chosen(preferring, link="a", pinned=True) == ("a", None, True)
    able["a"] = True
    assert chosen(preferring, link="a") == ("a", None, False)
    able |= {"a": False, "b": False, "c": False}
    assert chosen(preferring, link="a")[0] == "a"


def test_a_link_that_is_not_there_or_only_receives_is_no_link_to_name(router):
    made = router({"all": {"links": ["a"]}}, receiver=True)
    for link in ("in", "nowhere"):
        with pytest.raises(InvalidValue, match="one of a, b, c") as refused:
            made.choose(order(link=link))
        assert refused.value.field == "link"


def test_a_route_tells_which_link_it_would_take_now(router, able):
    made = router({"all": {"links": ["a", "b"]}, "russia": {"prefixes": ["7"], "links": ["c"]}})
    assert made.state() == {"all": "a", "russia": "c"}
    able |= {"a": False, "c": False}
    assert made.state() == {"all": "b", "russia": None}


# At the gateway


@pytest.fixture
def gateway(store, router):
    return Gateway(store, router({"russia": {"prefixes": ["7"], "links": ["b", "c"]}}), lambda: None)


async def test_a_message_is_composed_for_the_link_that_its_route_chose(gateway, able):
    assert (await gateway.submit(order())).source_addr == "B"
    able["b"] = False
    kept = await gateway.submit(order())
    assert (kept.link, kept.source_addr, kept.pinned) == ("c", "C", False)
    pinned = await gateway.submit(order(link="a"))
    assert (await gateway.message(pinned.reference)).pinned


async def test_explain_tells_the_link_and_its_route(gateway, able):
    _, choice = gateway.explain("hello", order())
    assert (choice.outlet.link, choice.route) == ("b", "russia")
    able["b"] = False
    explained, choice = gateway.explain("hello", order())
    assert (choice.outlet.link, explained.data_coding) == ("c", 0)
    _, choice = gateway.explain("hello", order(to=""))
    assert (choice.outlet.link, choice.route) == ("a", None)


async def test_a_wrong_number_is_told_as_without_routes(gateway):
    wrong = order("0791612345")
    with pytest.raises(InvalidValue, match="begins with 0") as refused:
        await gateway.submit(wrong)
    assert refused.value.field == "to"
    with pytest.raises(InvalidValue, match="begins with 0") as refused:
        gateway.explain("hello", wrong)
    assert refused.value.field == "to"
