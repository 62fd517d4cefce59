from __future__ import annotations

import asyncio

import aiohttp
import pytest

from smpp_esme.simulator.control import control
from smpp_esme.sms.profile import Profile

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
