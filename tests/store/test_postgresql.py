"""What is special where several daemons share a server, and where the server comes and goes."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta

import asyncpg
import pytest

from smpp_esme.errors import InvalidValue, StoreUnusable
from smpp_esme.message.message import Accepted, Answer
from smpp_esme.message.status import MessageStatus
from smpp_esme.store import Store, schema

S = MessageStatus


@pytest.fixture
def url(postgres_url):
    return postgres_url


@pytest.fixture
async def daemons(url, clock):
    """Three stores on one database."""
    async with AsyncExitStack() as stack:
        opening = [Store.open(url, now=clock) for _ in range(3)]  # at once, as after a power cut
        yield [await stack.enter_async_context(each) for each in await asyncio.gather(*opening)]


async def ask(url, statement):
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetch(statement)
    finally:
        await connection.close()


async def test_daemons_at_one_database_never_claim_the_same_message(daemons, new, clock):
    await daemons[0].add([new() for _ in range(300)])
    claims = [
        store.claim(20, link="main", owner=str(number), lease_until=clock.now + timedelta(minutes=1))
        for _ in range(5)
        for number, store in enumerate(daemons)
    ]
    claimed = [message.reference for batch in await asyncio.gather(*claims) for message in batch]
    assert len(claimed) == len(set(claimed)) == 300


async def test_what_a_dead_daemon_left_is_put_in_doubt_by_another_when_its_lease_has_run_out(daemons, new, clock):
    dead, alive, _ = daemons
    await dead.add([new()])
    [left] = await dead.claim(1, link="main", owner="dead", lease_until=clock.now + timedelta(minutes=1))
    assert await alive.recover("alive", clock.now) == 0
    assert await alive.recover("alive", clock.pass_(minutes=1)) == 1
    assert (await alive.message(left.reference)).status is S.IN_DOUBT


async def test_daemons_that_write_about_the_same_messages_do_not_stop_one_another(daemons, new, clock, receipt):
    await daemons[0].add([new() for _ in range(60)])
    claimed = await daemons[0].claim(60, link="main", owner="a", lease_until=clock.now + timedelta(minutes=1))
    answers = [Answer(message.id, 1, Accepted(str(message.id))) for message in claimed]
    await daemons[0].record_answers(answers, clock.now)
    ids = [str(message.id) for message in claimed]
    turns = [
        daemons[number].record_receipts([receipt(each) for each in order], clock.now)
        for number, order in enumerate([ids, ids[::-1], ids[30:] + ids[:30]])
        for _ in range(5)
    ]
    recorded = await asyncio.gather(*turns)
    assert sum(each.moved for batch in recorded for each in batch) == 60
    assert (await daemons[1].counts())[S.DELIVERED] == 60


async def test_daemons_that_are_given_the_same_request_keep_it_once(daemons, new):
    def request():
        return [new(idempotency_key="key", idempotency_digest="same", client_reference="order")]

    kept = await asyncio.gather(*[store.add(request()) for store in daemons])
    assert len({message.reference for [message] in kept}) == 1
    assert (await daemons[0].counts())[S.QUEUED] == 1


async def test_a_connection_that_the_server_ended_is_replaced(store, url, new):
    await store.add([new()])
    await store.counts()
    ours = "application_name = 'smpp-esme'"
    await ask(url, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {ours}")
    assert (await store.counts())[S.QUEUED] == 1
    await ask(url, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {ours}")
    await store.add([new()])
    assert (await store.counts())[S.QUEUED] == 2


async def test_a_newer_schema_is_refused_and_left_alone(store, url):
    await ask(url, f"UPDATE {schema.REVISION_TABLE} SET version_num = '9999'")
    with pytest.raises(StoreUnusable, match=r"9999.*newer"):
        await Store.open(url)
    [[found]] = await ask(url, f"SELECT version_num FROM {schema.REVISION_TABLE}")
    assert found == "9999"


async def test_another_programs_database_is_refused_and_left_alone(url):
    await ask(url, "DROP SCHEMA public CASCADE")
    await ask(url, "CREATE SCHEMA public")
    await ask(url, "CREATE TABLE addresses (name TEXT)")
    with pytest.raises(StoreUnusable, match="another program"):
        await Store.open(url)
    assert await ask(url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'") == [("addresses",)]


async def test_an_empty_database_is_given_our_tables(url, new):
    await ask(url, "DROP SCHEMA public CASCADE")
    await ask(url, "CREATE SCHEMA public")
    async with await Store.open(url) as store:
        assert await store.add([new()])


async def test_a_server_that_cannot_be_reached_is_named_and_the_password_is_not(url):
    away = "postgresql://user:secret@127.0.0.1:1/name"
    with pytest.raises(StoreUnusable, match=r"127\.0\.0\.1") as caught:
        await Store.open(away)
    assert "secret" not in str(caught.value)


async def test_a_database_that_does_not_exist_is_named(url):
    with pytest.raises(StoreUnusable, match="nowhere"):
        await Store.open(url.rpartition("/")[0] + "/nowhere")


async def test_without_its_driver_the_extra_is_named(url, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "asyncpg", None)
    with pytest.raises(InvalidValue, match=r"smpp-esme\[postgres\]"):
        await Store.open(url)


async def test_readers_cannot_write(store):
    def write(connection):
        connection.exec_driver_sql("DELETE FROM message")

    with pytest.raises(StoreUnusable, match="read-only"):
        await store._read(write)


async def test_sslmode_is_understood(url):
    async with await Store.open(f"{url}?sslmode=disable") as store:
        assert sum((await store.counts()).values()) == 0
