"""A full disk, a database that is away: nothing is acknowledged that is not kept, and all goes on afterwards."""

from __future__ import annotations

import asyncio
import random

import aiohttp
import pytest
from chaos.books import pages
from chaos.campaign import Campaign
from chaos.grounds import quietly
from chaos.processes import PATIENCE

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(300)]


@pytest.fixture
async def campaign(tmp_path, database):
    async with Campaign(tmp_path, database, random.Random(1), 1) as started:
        started.smsc.calm()
        if started.disk and not started.disk.can_be_filled:
            pytest.skip("no file system can be mounted here")
        yield started


class Outage:
    """What there is to do without, on either database."""

    def __init__(self, campaign):
        self.campaign = campaign

    async def begin(self):
        if self.campaign.cluster:
            await quietly(self.campaign.cluster.stop, "immediate")
        else:
            await quietly(self.campaign.disk.fill)

    async def end(self):
        if self.campaign.cluster:
            await quietly(self.campaign.cluster.start)
        else:
            self.campaign.disk.free()


def message(number):
    return {"to": f"+7926{number:07}", "text": "x" * 1000}


async def until(http, path, status):
    """Wait for an answer of this status; its body."""
    async with asyncio.timeout(PATIENCE):
        while True:
            async with http.get(path) as response:
                if response.status == status:
                    return await response.json()
            await asyncio.sleep(0.05)


async def test_an_outage_is_told_as_it_is_and_outlasted(campaign):
    outage = Outage(campaign)
    async with aiohttp.ClientSession(campaign.daemon.url, timeout=aiohttp.ClientTimeout(total=PATIENCE)) as http:
        await until(http, "/readyz", 200)
        accepted, told = [], None
        await outage.begin()
        for number in range(100):  # SQLite may have room left in what is its own already
            async with http.post("/v1/messages", json=message(number)) as response:
                body = await response.json()
                if response.status != 202:
                    told = response
                    break
                accepted.append(body["reference"])
        assert told is not None
        assert (told.status, told.content_type, told.headers["Retry-After"]) == (503, "application/problem+json", "5")
        assert body["title"] == "The store cannot be used"
        (reason,) = (await until(http, "/readyz", 503))["reasons"]
        assert reason.startswith("the store cannot be used: ")
        await outage.end()
        await until(http, "/readyz", 200)
        async with http.post("/v1/messages", json=message(1000)) as response:
            assert response.status == 202
            accepted.append((await response.json())["reference"])
        async with asyncio.timeout(PATIENCE):
            while {one["status"] for one in await pages(http, "/v1/messages", "messages")} != {"DELIVERED"}:
                campaign.daemon.check()
                await asyncio.sleep(0.1)
        kept = {one["reference"] for one in await pages(http, "/v1/messages", "messages")}
        assert set(accepted) <= kept
        assert campaign.daemon.lives == 1
