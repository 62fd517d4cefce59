"""Faults at random instants in real processes: nothing accepted is lost, nothing is sent twice in silence."""

from __future__ import annotations

import os
import random

import pytest
from chaos.books import Books, check_file, settled
from chaos.campaign import Campaign

#: CI asks for THOROUGH tests once, `make chaos` for so many; elsewhere a handful shows that the machinery works.
ROUNDS = int(os.environ.get("CHAOS_ROUNDS") or (50 if os.environ.get("THOROUGH") == "1" else 3))

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(300 + 10 * ROUNDS)]


def note(*facts):
    print(*facts)  # noqa: T201 - pytest shows it where the test fails


async def test_whatever_fails_and_whenever_the_books_balance(tmp_path, database):
    seed = int(os.environ.get("CHAOS_SEED") or random.SystemRandom().randrange(1_000_000))
    note(f"CHAOS_SEED={seed} CHAOS_ROUNDS={ROUNDS}")
    chance = random.Random(f"{seed} {database}")
    async with Campaign(tmp_path, database, chance, seed) as campaign:
        try:
            await campaign.run(ROUNDS)
            messages, duplicates = await settled(campaign.daemon, campaign.smsc.journal)
        finally:
            note(dict(campaign.told), f"{campaign.daemon.lives} lives; unavailable {campaign.traffic.unavailable}")
        assert await campaign.daemon.end(15) == 0
        books = Books(campaign.traffic.references, messages, duplicates, campaign.smsc.journal, campaign.endpoint)
        note(books.told())
        async for line in books.wrong(campaign.store_url):
            note(line)
        books.check()
        await books.check_store(campaign.store_url)
        if campaign.disk:
            check_file(campaign.disk.folder / "messages.sqlite3")
