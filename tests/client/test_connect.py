from __future__ import annotations

import ssl

import pytest

import smpp_esme
from smpp_esme import Endpoint, InvalidValue, Timers
from smpp_esme.client.connect import Options, plan_of
from smpp_esme.session.tls import Tls

URL = "smpp://acme:secret@smsc.example:2775"


def endpoints(*urls, **options):
    return list(plan_of(urls, options).endpoints)


ACCOUNT = {"system_id": "acme", "password": "secret"}


@pytest.mark.parametrize(
    ("urls", "options", "expected"),
    [
        ([URL], {}, [Endpoint(host="smsc.example", port=2775, **ACCOUNT)]),
        ([Endpoint(host="a", port=1)], {}, [Endpoint(host="a", port=1)]),
        ([], {"host": "a", **ACCOUNT}, [Endpoint(host="a", port=2775, **ACCOUNT)]),
        ([], {"host": "a", "port": 3000}, [Endpoint(host="a", port=3000)]),
        ([], {"hosts": ["a", "b:99"], "port": 3000}, [Endpoint(host="a", port=3000), Endpoint(host="b", port=99)]),
        ([], {"host": "::1"}, [Endpoint(host="::1", port=2775)]),
        ([], {"host": "[::1]:99"}, [Endpoint(host="::1", port=99)]),
        ([], {"host": "a", "tls": True}, [Endpoint(host="a", port=3550, tls=Tls())]),
        ([], {"host": "a", "tls": Tls(ca="x")}, [Endpoint(host="a", port=3550, tls=Tls(ca="x"))]),
        (["smpp://a:1"], {"system_type": "VMA"}, [Endpoint(host="a", port=1, system_type="VMA")]),
        (["smpp+tls://a:1?verify=no"], {"tls": True}, [Endpoint(host="a", port=1, tls=Tls(verify=False))]),
        (["smpp://a:1", "smpp://b:2"], {}, [Endpoint(host="a", port=1), Endpoint(host="b", port=2)]),
    ],
)
def test_where_to_is_said_by_url_or_by_name(urls, options, expected):
    assert endpoints(*urls, **options) == expected


def test_a_context_of_ones_own_encrypts_too():
    [endpoint] = endpoints("smpp://a:1", tls=ssl.create_default_context())
    assert endpoint.tls == Tls()


def test_the_plan_has_what_was_asked_for():
    plan = plan_of([URL], {"binds": 3, "how": "pair", "window": 7, "timers": Timers(response=1.0), "return_after": 0.0})
    assert (plan.binds, plan.how, plan.window, plan.timers.response, plan.return_after) == (3, "pair", 7, 1.0, 0.0)
    assert plan_of([URL], {}).window == 100


@pytest.mark.parametrize(
    ("urls", "options", "field"),
    [
        ([], {}, "url"),
        (["http://a"], {}, "url"),
        ([URL], {"windows": 3}, "windows"),
        ([URL], {"how": "both"}, "bind"),
        ([URL], {"binds": 0}, "binds"),
        ([URL], {"binds": "2"}, "binds"),
        ([URL], {"window": 0}, "window"),
        ([URL], {"window": "5"}, "window"),
        ([URL], {"window": True}, "window"),
        ([URL], {"throughput": -1}, "throughput"),
        ([URL], {"throughput": float("nan")}, "throughput"),
        ([URL], {"return_after": "60"}, "return_after"),
        ([URL], {"patience": -1.0}, "patience"),
        ([URL], {"drain": None}, "drain"),
        ([URL], {"attempts": 0.5}, "attempts"),
        ([URL], {"peer_version": "3.4"}, "peer_version"),
        ([URL], {"timers": {"response": 5}}, "timers"),
        ([URL], {"backoff": 3}, "backoff"),
        ([URL], {"profile": 5}, "profile"),
        ([URL], {"tls": "yes"}, "tls"),
        ([URL], {"name": 5}, "name"),
        ([], {"host": 5}, "host"),
        ([], {"host": "a", "port": "2775"}, "port"),
        ([], {"host": "a", "port": 0}, "port"),
        ([], {"hosts": "127.0.0.1"}, "hosts"),
        ([], {"hosts": [5]}, "hosts"),
        ([URL], {"system_id": b"acme"}, "system_id"),
        ([5], {}, "url"),
    ],
)
def test_what_is_wrong_is_named(urls, options, field):
    with pytest.raises(InvalidValue) as refused:
        plan_of(urls, options)
    assert refused.value.field == field
    assert refused.value.allowed


def test_every_option_is_documented():
    assert [name for name in Options.__annotations__ if name not in smpp_esme.connect.__doc__] == []


async def test_several_binds_share_what_is_submitted(smsc):
    async with smpp_esme.connect(smsc.url, binds=3, window=2) as esme:
        await smsc.until(lambda smsc: len(smsc.binds) == 3)
        outcomes = [one async for one in esme.submit_many([smpp_esme.MtMessage("79161234567", "x" * 200)] * 30)]
        assert esme.is_bound
    assert len(outcomes) == len(smsc.inbox("79161234567")) == 30


async def test_a_pair_submits_over_one_session_and_hears_over_the_other(smsc):
    async with smpp_esme.connect(smsc.url, how="pair") as esme:
        await smsc.until(lambda smsc: len(smsc.binds) == 2)
        submission = await esme.submit("79161234567", "hello")
        assert (await submission.receipt(timeout=10)).stat == "DELIVRD"


async def test_the_second_url_is_taken_when_nobody_answers_at_the_first(smsc, unused_tcp_port):
    async with smpp_esme.connect(f"smpp://a:b@127.0.0.1:{unused_tcp_port}", smsc.url) as esme:
        assert await esme.submit("79161234567", "hello")


async def test_who_watches_sees_a_session_come(smsc):
    async with smpp_esme.connect(smsc.url, name="main") as esme:
        watch = esme.events()
    topics = [event.topic async for event in watch]
    assert topics[-1] == "link.stopped"


async def test_a_body_may_end_while_other_binds_are_still_being_made(smsc):
    for _ in range(5):
        async with smpp_esme.connect(smsc.url, binds=4):
            pass
    await smsc.until(lambda smsc: not smsc.binds)
    assert smsc.counts.binds >= 5
