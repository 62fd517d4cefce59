"""The books: what was accepted, what the SMSC saw, and what the store keeps must agree."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from contextlib import closing

import aiohttp

from chaos.endpoint import EVENTS
from chaos.processes import PATIENCE, Stuck
from chaos.traffic import number_of
from smpp_esme.daemon.publish import encode, identifier
from smpp_esme.message.notice import Selection
from smpp_esme.message.status import MessageStatus, is_final
from smpp_esme.store import Store


def is_settled(message):
    """Whether nothing more is to happen to it by itself.

    Of a message whose response did not say its id no receipt can be known; it stands as SUBMITTED, which is true.
    """
    if message["status"] == MessageStatus.SUBMITTED:
        return "" in message["message_ids"]
    return is_final(message["status"]) or message["status"] == MessageStatus.IN_DOUBT


async def pages(http, path, name):
    """Everything that a listing has, page by page."""
    found, after = [], {}
    while True:
        async with http.get(path, params={"limit": 1000, **after}) as response:
            page = (await response.json())[name]
        if not page:
            return found
        found += page
        after = {"after": page[-1]["reference"]}


async def settled(daemon, journal):
    """Every message that the daemon keeps, once nothing more is to happen to any; and the possible duplicates."""
    async with aiohttp.ClientSession(daemon.url) as http:
        now = asyncio.get_running_loop().time
        deadline, before = now() + PATIENCE, None
        while True:
            messages = await pages(http, "/v1/messages", "messages")
            owed = {message_id for message_id, _, _ in journal.accepted()} - journal.receipted()
            unsettled = [one for one in messages if not is_settled(one)]
            async with http.get("/v1/webhooks") as response:
                (shop,) = (await response.json())["webhooks"]
            if not owed and not unsettled and not shop["behind"]:
                duplicates = await pages(http, "/v1/possible-duplicates", "messages")
                return {one["reference"]: one for one in messages}, {one["reference"] for one in duplicates}
            stands = len(owed), len(unsettled), shop["event"]
            if stands != before:  # it goes on
                deadline, before = now() + PATIENCE, stands
            if now() > deadline:
                raise Stuck(f"for {PATIENCE:g} s {len(owed)} receipts are owed, {unsettled[:5]} unsettled; {shop}")
            await asyncio.sleep(0.2)


class Books:
    """What is known from three sides; `check` holds them against each other."""

    def __init__(self, references, messages, duplicates, journal, endpoint):
        self.references = references
        self.messages = messages
        self.duplicates = duplicates
        self.accepted = journal.accepted()
        self.receipted = journal.receipted()
        self.replied = journal.replied()
        self.endpoint = endpoint
        self.statuses = {number: messages[reference]["status"] for number, reference in references.items()}

    def told(self):
        return {
            "accepted over HTTP": len(self.references),
            **{str(status): count for status, count in Counter(self.statuses.values()).most_common()},
            "segments that the SMSC took": len(self.accepted),
            "of them again": len(self.accepted) - len({(to, octets) for _, to, octets in self.accepted}),
            "receipts that it had answered": len(self.receipted),
            "possible duplicates listed": len(self.duplicates),
            "subscribers' segments": len(self.replied),
            "events that the endpoint took": len(self.endpoint.taken),
            "requests to it": len(self.endpoint.heard),
        }

    def came(self):
        """How often each segment of each number came to the SMSC."""
        return Counter((number_of(to), octets) for _, to, octets in self.accepted)

    def unlisted(self):
        """Numbers of which a segment came more than once, and no list of possible duplicates says so."""
        twice = {number for (number, _), count in self.came().items() if count > 1}
        return sorted(number for number in twice if self.references[number] not in self.duplicates)

    async def wrong(self, url):
        """What a person wants to see of what is unlisted: what the SMSC saw, and the story in the store."""
        if not (numbers := self.unlisted()[:5]):
            return
        async with await Store.open(url) as store:
            for number in numbers:
                yield f"{number}: " + " ".join(
                    f"{id_} {octets[:12]}" for id_, to, octets in self.accepted if number_of(to) == number
                )
                for each in await events(store, reference=self.references[number]):
                    yield f"    {each}"

    def check(self):
        """Accepted = final + in doubt, each came once or is listed, and nothing came that was not accepted."""
        assert len(set(self.references.values())) == len(self.references)
        assert set(self.messages) == set(self.references.values())
        came = {number for number, _ in self.came()}
        assert came <= set(self.references)
        assert self.unlisted() == []
        delivered = {number for number, status in self.statuses.items() if status == MessageStatus.DELIVERED}
        assert delivered - came == set()
        # In doubt is the exception, and those who asked for a repetition got one.
        assert [number for number in delivered if number % 3 == 0] != []

    async def check_store(self, url):
        """What is on the disk once the daemon has left it: receipts, subscribers' texts, the statuses, the events."""
        async with await Store.open(url) as store:
            messages = await everything(store)
            assert {each.reference for each in messages} == set(self.messages)
            known = {part.message_id for each in messages for part in each.segments if is_final(part.status)}
            limbo = {each.fact.message_id for each in await in_limbo(store)}
            assert self.receipted - known - limbo == set()
            assert await store.counts() == dict.fromkeys(MessageStatus, 0) | Counter(each.status for each in messages)
            self._check_replies(await received(store))
            [shop] = await store.outbox.endpoints()
            assert shop.dead_letters == 0
            # A receipt may end a doubt in the last moment, of which the next life would tell.
            self._check_told(await events(store, *EVENTS), upto=shop.event)

    def _check_told(self, kept, *, upto):
        """The endpoint was told of every event up to one, as it stands in the store, and of each message in order."""
        assert not self.endpoint.forged
        known = {identifier(one): encode(one) for one in kept}
        owed = {identifier(one) for one in kept if one.id <= upto} - set(self.endpoint.taken)
        assert {name: known[name] for name in owed} == {}
        assert {name: body for name, body in self.endpoint.heard if name not in known} == {}
        assert [(name, body) for name, body in self.endpoint.heard if known[name] != body] == []
        assert {reference: ids for reference, ids in self.endpoint.stories().items() if ids != sorted(ids)} == {}

    def _check_replies(self, texts):
        segments = {}
        for source, octets in self.replied:
            segments.setdefault(source, set()).add(octets)
        whole = {source for source, parts in segments.items() if len(parts) > 1}
        assert whole - {each.source_addr for each in texts if not each.missing} == set()


async def everything(store):
    messages = await store.messages(limit=1000)
    while page := await store.messages(limit=1000, after=messages[-1].reference):
        messages += page
    return messages


async def in_limbo(store):
    found = await store.limbo(1000)
    while page := await store.limbo(1000, after=found[-1].id) if found else []:
        found += page
    return found


async def events(store, *types, **selected):
    """Those of these types, or of one message."""
    selection = Selection.of(types, **selected)
    page = await store.feed.page(0, selection, limit=1000)
    found = page.events
    while page.more:
        page = await store.feed.page(page.after, selection, limit=1000)
        found += page.events
    return found


async def received(store):
    found = await store.inbox.messages(after=None, limit=1000)
    while page := await store.inbox.messages(after=found[-1].reference, limit=1000) if found else []:
        found += page
    return found


def check_file(path):
    """SQLite finds nothing wrong with its file."""
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("pragma integrity_check").fetchone() == ("ok",)
        assert database.execute("pragma foreign_key_check").fetchall() == []
