from __future__ import annotations

import asyncio
import re
from pathlib import Path

import aiohttp
import pytest

from smpp_esme.protocol.tlvs import Tlv
from smpp_esme.simulator.control import control
from smpp_esme.sms.profile import Profile
from smpp_esme.sms.reassembly import Reassembly

CENTRE = Profile.named("smsc-centre")


@pytest.fixture
async def http(smsc):
    async with control(smsc) as url, aiohttp.ClientSession(url) as session:
        yield session


async def got(http, path, status=200):
    async with http.get(path) as response:
        assert response.status == status
        return await response.json()


async def test_healthz_says_who_is_bound(http, smsc, bind):
    await bind(smsc, "receiver")
    health = await got(http, "/healthz")
    assert (health["profile"], health["port"]) == ("smsc-centre", smsc.port)
    assert [(one["system_id"], one["how"]) for one in health["binds"]] == [("demo", "receiver")]


async def test_what_came_can_be_read(http, smsc, bind):
    esme = await bind(smsc)
    for number in range(4):
        await esme.submit_text(f"Привет №{number % 3}\n~~~\n17", CENTRE, to=f"7916123456{number}")
    counts = await got(http, "/counts")
    assert (counts["submits"], counts["messages"], counts["duplicates"]) == (4, 4, 0)
    texts = [one["text"] for one in await got(http, "/received?offset=1&limit=2")]
    assert texts == ["Привет №1", "Привет №2"]
    [mine] = await got(http, "/inbox/79161234563")
    assert (mine["text"], mine["comment"], mine["kind"], mine["incomplete"]) == ("Привет №0", "17", "sms", False)
    assert await got(http, "/submits?prefix=Привет №0") == {"Привет №0": 2}


async def test_a_subscribers_text_is_delivered(http, smsc, bind):
    esme = await bind(smsc)
    body = {"text": "hi", "source": "79161234567", "destination": "1234"}
    delivering = asyncio.ensure_future(_posted(http, body))
    assert (await esme.take())[0].short_message == b"hi"
    assert await delivering == (200, {"delivered": True})


async def _posted(http, body):
    async with http.post("/deliver", json=body) as response:
        return response.status, await response.json()


@pytest.mark.parametrize("body", [{"text": "hi"}, {"text": "hi", "source": "me", "destination": "1"}, []])
async def test_a_wrong_body_is_refused(http, smsc, bind, body):
    await bind(smsc)
    status, answer = await _posted(http, body)
    assert status == 400
    assert answer["error"]


async def test_a_refused_delivery_says_why(http, smsc, bind):
    esme = await bind(smsc)
    delivering = asyncio.ensure_future(_posted(http, {"text": "hi", "source": "79161234567", "destination": "1"}))
    await esme.take(status=0x65)
    status, answer = await delivering
    assert (status, "ESME_RX_P_APPN" in answer["error"]) == (502, True)


async def test_a_page_is_asked_for_in_numbers(http):
    await got(http, "/received?limit=all", status=400)
    assert await got(http, "/received?limit=-1&offset=-5") == []


async def asked(http, method, path, body=None, status=200):
    async with http.request(method, path, json=body) as response:
        assert response.status == status, await response.text()
        return await response.json()


async def test_rules_are_added_and_forgotten(http, smsc, bind):
    esme = await bind(smsc)
    await asked(http, "POST", "/rules", {"verb": "refuse", "status": "ESME_RMSGQFUL"})
    assert (await esme.submit(b"hello")).command_status == 0x14
    await asked(http, "DELETE", "/rules")
    assert (await esme.submit(b"hello")).command_status == 0


async def test_handsets_change(http, smsc, bind):
    esme = await bind(smsc)
    await asked(http, "POST", "/handsets", {"79161234567": "unknown"})
    await esme.submit(b"hello")
    assert b"stat:UNDELIV err:001" in (await esme.take())[0].short_message
    await asked(http, "POST", "/handsets", {"79161234567": "asleep"}, status=400)


async def test_the_pdus_that_came_can_be_read(http, smsc, bind):
    esme = await bind(smsc)
    await esme.submit(b"\x01\xff", tlvs=(Tlv(0x1400, b"\x02"),))
    [pdu] = await got(http, "/pdus")
    assert (pdu["command"], pdu["short_message"], pdu["tlvs"]) == ("SubmitSm", "01ff", {"0x1400": "02"})


async def test_whoever_waits_is_told_when_it_has_come_to_that(http, smsc, bind):
    waiting = asyncio.ensure_future(got(http, "/wait?messages=2&bound=1"))
    esme = await bind(smsc)
    await esme.submit(b"1")
    await esme.submit(b"2")
    assert (await waiting)["messages"] == 2
    assert (await got(http, "/wait?messages=3&timeout=0", status=504))["counts"]["messages"] == 2
    await got(http, "/wait?dances=3", status=400)
    await got(http, "/wait?messages=many", status=400)


async def test_a_long_text_is_delivered_in_every_carriage(http, smsc, bind):
    esme = await bind(smsc)
    body = {"text": "long " * 60, "source": "79161234567", "destination": "1234"}
    reassembly, profile = Reassembly(), CENTRE
    for carriage, count in (("udh8", 2), ("udh16", 2), ("sar", 2), ("payload", 1), ("data_sm", 1)):
        delivering = asyncio.ensure_future(_posted(http, body | {"carriage": carriage}))
        pdus = await esme.take(count)
        messages = [message for pdu in pdus for message in reassembly.add(pdu, profile, link="", now=0.0)]
        assert [message.text for message in messages] == ["long " * 60]
        assert await delivering == (200, {"delivered": True})
    assert (await _posted(http, body | {"carriage": "pigeon"}))[0] == 400


@pytest.mark.parametrize(("path", "orderly"), [("/disconnect", False), ("/unbind", True)])
async def test_sessions_are_ended(http, smsc, bind, path, orderly):
    esme, other = await bind(smsc), await bind(smsc, system_id="other")
    await asked(http, "POST", path, {"system_id": "demo"})
    assert (await esme.session.wait_closed()).orderly is orderly
    assert other.session.is_bound


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/rules", {"verb": "refus"}, "verb: is 'refus'; did you mean refuse? one of close, delay, "),
        ("/rules", {"verb": "dance"}, "verb: is 'dance'; one of close, delay, "),
        ("/rules", {}, "verb: is missing; one of close, delay, "),
        ("/rules", {"verb": "refuse", "stat": 8}, "stat: there is no such key; did you mean status? one of verb, "),
        ("/rules", {"verb": "refuse", "status": "ESME_RTHROTLED"}, "did you mean ESME_RTHROTTLED? one of ESME_ROK, "),
        ("/rules", {"verb": "refuse", "status": 8, "times": True}, "body: Expected int | null, got bool - at $.times"),
        ("/rules", [], "body: Expected object, got array"),
        ("/handsets", {"79161234567": "abssent"}, "value: is 'abssent'; did you mean absent? one of present, absent, "),
        ("/deliver", {"text": "", "source": "1", "destination": "2", "carriage": "udh"}, "carriage: is 'udh'; did you"),
        ("/deliver", {"text": "hi"}, "source: is missing"),
        ("/unbind", {"system": "demo"}, "system: there is no such key; did you mean system_id? one of system_id"),
    ],
)
async def test_what_is_wrong_is_told_with_the_nearest_and_all_that_would_do(http, path, body, said):
    answer = await asked(http, "POST", path, body, status=400)
    assert said in answer["error"]


async def test_what_cannot_be_waited_for_is_told_with_what_can(http):
    answer = await got(http, "/wait?message=1", status=400)
    assert "did you mean messages? one of bound, " in answer["error"]


async def test_outbind_says_when_nobody_listens(http, smsc):
    away = await asked(http, "POST", "/outbind", {"host": "127.0.0.1", "port": 1}, status=502)
    wrong = await asked(http, "POST", "/outbind", {"host": "127.0.0.1", "port": 0}, status=400)
    assert "port" in wrong["error"]
    assert away["error"] != wrong["error"]


async def test_what_was_seen_is_forgotten(http, smsc, bind):
    esme = await bind(smsc)
    await esme.submit(b"hello")
    await asked(http, "POST", "/forget")
    counts = await got(http, "/counts")
    assert (counts["messages"], counts["binds"], await got(http, "/received")) == (0, 0, [])
    await esme.submit(b"hello")
    assert ((await got(http, "/counts"))["messages"], smsc.counts.duplicates) == (1, 0)


DOCS = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text(encoding="utf-8")
SHOWN = re.search(r"```console control\n(.*?)```", DOCS, re.DOTALL)[1]


@pytest.mark.smsc(seed=1)
async def test_the_documented_calls_of_curl_give_what_the_page_says(smsc, bind, foreign_program):
    foreign_program("curl")
    esme = await bind(smsc)
    await esme.submit(b"Hello")
    taking = asyncio.ensure_future(esme.take(2))
    async with control(smsc) as url:
        for call, answer in re.findall(r"^\$ (curl .*)\n(.*)$", SHOWN, re.MULTILINE):
            command = call.replace("http://127.0.0.1:2776", url)
            process = await asyncio.create_subprocess_shell(command, stdout=asyncio.subprocess.PIPE)
            said, _ = await process.communicate()
            assert said.decode() == answer, call
    assert (await taking)[1].short_message == b"STOP"
    await esme.session.wait_closed()
