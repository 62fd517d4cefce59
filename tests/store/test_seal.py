"""What a text looks like at rest: nobody who has the database can read it, and whoever has the key can."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme.errors import InvalidValue, StoreUnusable
from smpp_esme.message.doubt import Decision
from smpp_esme.message.message import Accepted, Answer, Refused, Segment, Unanswered
from smpp_esme.message.received import HeldSegment, Received, SegmentKey
from smpp_esme.message.status import MessageStatus
from smpp_esme.store import Store
from smpp_esme.store.seal import Vault

S = MessageStatus
OLD, NEW = b"\1" * 32, b"\2" * 32
TEXT = "Your code is 481516"
OCTETS = TEXT.encode()


@pytest.fixture
async def opened(url, clock):
    """Opens the same database, with the vault that a test wants."""
    stores = []

    async def store(kind="encrypted", *keys, **options):
        for one in stores:
            await one.close()
        vault = None if kind is None else Vault(kind, keys or (NEW,))
        stores.append(await Store.open(url, now=clock, vault=vault, **options))
        return stores[-1]

    yield store
    for one in stores:
        await one.close()


@pytest.fixture
def written(new):
    def message(parts=1, **fields):
        segments = [
            Segment(number=number, short_message=OCTETS + bytes([number]), tlvs=OCTETS)
            for number in range(1, parts + 1)
        ]
        return new(text=TEXT, segments=segments, **fields)

    return message


def came(clock, **fields):
    given = {"reference": "R", "link": "main", "text": TEXT, "octets": OCTETS, "received_at": clock.now}
    values = {"source_addr": "79161234567", "destination_addr": "1234", "coding": "gsm7", "data_coding": 0}
    return Received(**(given | values | fields))


def held(clock):
    key = SegmentKey("main", "79161234567", "1234", "udh", 7, 2)
    return HeldSegment(key, OCTETS, clock.now)


def files(path):
    """Everything that SQLite has on the disk."""
    return b"".join(one.read_bytes() for one in path.parent.iterdir() if one.name.startswith(path.name))


def everything(connection):
    """Every cell of every table, as octets."""
    cells = []
    for table in ("message", "segment", "event", "limbo", "received", "received_segment"):
        for row in connection.exec_driver_sql(f"SELECT * FROM {table}"):
            cells += [cell if isinstance(cell, bytes) else str(cell).encode() for cell in row]
    return b"\n".join(cells)


@pytest.mark.parametrize("kind", ["encrypted", "hashed"])
async def test_no_text_can_be_read_in_the_database(opened, written, receipt, clock, kind, url, path):
    store = await opened(kind)
    await store.add([written(), written(2), written(idempotency_key="k", idempotency_digest="d")])
    await store.inbox.keep([came(clock)], [held(clock)])
    await store.record_receipts([receipt("nobody", raw=b"id:1 text:" + OCTETS)], clock.now)
    assert OCTETS not in await store._read(everything)
    messages = await store.claim(2, link="main", owner="daemon", lease_until=clock.now)
    answers = [Answer(each.id, part.number, Accepted("1")) for each in messages for part in each.segments]
    await store.record_answers(answers, clock.now)
    assert OCTETS not in await store._read(everything)
    if url.startswith("sqlite"):
        assert OCTETS not in files(path)
        await store.close()
        assert OCTETS not in files(path)


async def test_a_plain_text_would_be_found_there(opened, written, url, path):
    store = await opened(None)
    await store.add([written()])
    assert OCTETS in await store._read(everything)
    if url.startswith("sqlite"):
        assert OCTETS in files(path)


@pytest.mark.parametrize("kind", ["encrypted", "hashed"])
@pytest.mark.parametrize("parts", [1, 2])
async def test_whoever_has_the_key_reads_what_was_written(opened, written, clock, kind, parts):
    store = await opened(kind)
    message = written(parts)
    [kept] = await store.add([message])
    for found in (kept, await store.message(kept.reference), *await store.messages()):
        assert found.text == TEXT
        assert [(one.short_message, one.tlvs) for one in found.segments] == [
            (one.short_message, one.tlvs) for one in message.segments
        ]
    [claimed] = await store.claim(1, link="main", owner="daemon", lease_until=clock.now)
    assert [one.short_message for one in claimed.segments] == [one.short_message for one in message.segments]


async def test_what_came_in_is_read_as_it_came(opened, receipt, clock):
    store = await opened()
    await store.inbox.keep([came(clock)], [held(clock)])
    assert [(one.text, one.octets) for one in await store.inbox.messages()] == [(TEXT, OCTETS)]
    assert [one.pdu for one in await store.inbox.waiting("main")] == [OCTETS]
    for _ in range(2):  # which is one receipt, though it came twice
        await store.record_receipts([receipt("nobody", raw=OCTETS)], clock.now)
    assert [one.fact.raw for one in await store.limbo()] == [OCTETS]


def wishes(connection):
    return connection.exec_driver_sql("SELECT wish FROM message ORDER BY id").scalars().all()


@pytest.mark.parametrize("kind", ["encrypted", "hashed"])
async def test_a_text_as_it_was_written_is_sealed_too(opened, written, kind):
    """Where it goes out in other letters, what it was composed from is kept as well."""
    store = await opened(kind)
    given = ['{"text":"Privet"}', '{"source":"ACME"}']
    await store.add([written(wish=words) for words in given])
    sealed, plain = await store._read(wishes)
    assert plain == given[1]
    assert sealed.startswith("~sealed:")
    assert [one.wish for one in (await store.reroute.waiting("main")).free] == given


@pytest.mark.parametrize("parts", [1, 2])
async def test_a_hashed_text_is_forgotten_as_soon_as_it_is_sent(opened, written, clock, parts):
    store = await opened("hashed")
    [kept] = await store.add([written(parts, wish='{"text":"Privet"}')])
    await store.claim(1, link="main", owner="daemon", lease_until=clock.now)
    answers = [Answer(kept.id, number, Accepted(f"id{number}")) for number in range(1, parts + 1)]
    await store.record_answers(answers[:-1], clock.now)
    assert (await store.message(kept.reference)).text == TEXT
    await store.record_answers(answers[-1:], clock.now)
    found = await store.message(kept.reference)
    assert found.text == "hmac-sha256:" + Vault("hashed", [NEW]).hash_of(TEXT)
    assert [(one.short_message, one.tlvs) for one in found.segments] == [(b"", b"")] * parts
    assert await store._read(wishes) == [None]


@pytest.mark.parametrize(
    ("outcome", "forgotten"),
    [
        (Unanswered(written=True), False),
        (Unanswered(written=False), False),
        (Refused(0x58, "ESME_RTHROTTLED", "throttled", retryable=True), False),
        (Refused(0x0B, "ESME_RINVDSTADR", "no such number", retryable=False), True),
    ],
)
async def test_a_hashed_text_is_kept_for_as_long_as_it_may_be_sent(opened, written, clock, outcome, forgotten):
    store = await opened("hashed")
    [kept] = await store.add([written()])
    await store.claim(1, link="main", owner="daemon", lease_until=clock.now)
    await store.record_answers([Answer(kept.id, 1, outcome)], clock.now)
    assert ((await store.message(kept.reference)).text != TEXT) is forgotten


async def test_a_hashed_text_is_forgotten_however_its_doubt_ends(opened, written, clock):
    store = await opened("hashed")
    messages = await store.add([written(), written()])
    await store.claim(2, link="main", owner="daemon", lease_until=clock.now)
    await store.record_answers([Answer(each.id, 1, Unanswered(written=True)) for each in messages], clock.now)
    await store.resolve([messages[0].reference], Decision.SENT, clock.now)
    await store.resolve([messages[1].reference], Decision.RESEND, clock.now)
    assert [each.text == TEXT for each in await store.messages()] == [False, True]


async def test_a_repeat_under_its_key_is_known_and_its_digest_tells_nothing(opened, written):
    store = await opened()
    first, second = (written(idempotency_key="k", idempotency_digest="d") for _ in range(2))
    [kept] = await store.add([first])
    [again] = await store.add([second])
    assert (again.reference, again.text) == (kept.reference, TEXT)
    assert (await store.message(kept.reference)).idempotency_digest == Vault("encrypted", [NEW]).hash_of("d")
    with pytest.raises(InvalidValue, match="another request"):
        await store.add([written(idempotency_key="k", idempotency_digest="other")])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((None,), ("encrypted", NEW)),
        (("encrypted", OLD), ("encrypted", NEW, OLD)),
        (("encrypted", OLD), ("plain", OLD)),
    ],
)
async def test_a_repeat_is_known_after_the_keys_have_changed(opened, written, before, after):
    store = await opened(*before)
    [kept] = await store.add([written(idempotency_key="k", idempotency_digest="d")])
    store = await opened(*after)
    [again] = await store.add([written(idempotency_key="k", idempotency_digest="d")])
    assert again.reference == kept.reference
    with pytest.raises(InvalidValue, match="another request"):
        await store.add([written(idempotency_key="k", idempotency_digest="other")])


async def test_keys_are_rotated_without_losing_a_text(opened, written):
    store = await opened("encrypted", OLD)
    await store.add([written()])
    store = await opened("encrypted", NEW, OLD)
    await store.add([written()])
    assert [(each.text, each.sealed) for each in await store.messages()] == [
        (TEXT, Vault("plain", [OLD]).names[0]),
        (TEXT, Vault("plain", [NEW]).names[0]),
    ]


@pytest.mark.parametrize("kind", [None, "plain", "encrypted"])
async def test_a_missing_key_is_one_clear_error_and_nothing_is_changed(opened, written, kind):
    store = await opened("encrypted", OLD)
    await store.add([written()])
    with pytest.raises(StoreUnusable, match=f"key {Vault('plain', [OLD]).names[0]}.*store.text_keys"):
        await opened(kind)
    store = await opened("plain", OLD)  # which seals nothing new, and still opens
    [kept] = await store.add([written()])
    assert kept.sealed is None
    assert [each.text for each in await store.messages()] == [TEXT, TEXT]


async def test_a_key_that_nothing_needs_any_more_may_go(opened, written, clock):
    store = await opened("encrypted", OLD)
    [kept] = await store.add([written()])
    await store.open_ends.cancel(kept.reference, clock.now)
    with pytest.raises(StoreUnusable):
        await opened("encrypted", NEW)
    store = await opened("encrypted", NEW, OLD)
    await store.housekeeping.clear_texts(clock.pass_(days=1))
    store = await opened("encrypted", NEW)
    assert (await store.message(kept.reference)).text == ""


async def test_a_text_that_was_put_elsewhere_is_refused(opened, written, path, url):
    store = await opened()
    first, second = await store.add([written(), written()])

    def swap(connection):
        connection.exec_driver_sql(
            "UPDATE message SET text = (SELECT text FROM message WHERE reference = '" + first.reference + "')"
            " WHERE reference = '" + second.reference + "'"
        )

    await store._write(swap)
    assert (await store.message(first.reference)).text == TEXT
    with pytest.raises(StoreUnusable, match="changed by somebody"):
        await store.message(second.reference)


async def test_a_database_of_plain_texts_goes_on_with_sealed_ones(opened, written):
    store = await opened(None)
    await store.add([written()])
    store = await opened("hashed")
    await store.add([written()])
    assert [(each.text, each.sealed is None) for each in await store.messages()] == [(TEXT, True), (TEXT, False)]


@given(st.text(), st.binary())
def test_what_a_stranger_writes_is_never_taken_for_sealed(words, octets):
    vault = Vault("encrypted", [NEW])
    assert vault.open_octets(b"\xffsealed:" + octets, "place") == b"\xffsealed:" + octets
    assert vault.open_text(f"~sealed:{words}", "place") == f"~sealed:{words}"
    assert vault.open_octets(vault.seal_octets(octets, "place"), "place") == octets
    assert vault.open_text(vault.seal_text(words.encode("utf-8", "replace").decode(), "place"), "place") == (
        words.encode("utf-8", "replace").decode()
    )


def test_a_forged_seal_is_taken_as_it_came():
    vault = Vault("encrypted", [NEW])
    forged = b"\xffsealed:" + vault.names[0].encode() + b"x" * 40
    assert vault.open_octets(forged, "place") == forged


@pytest.mark.parametrize("keys", [[], [b"short"]])
def test_a_vault_without_a_key_is_refused(keys):
    with pytest.raises(InvalidValue, match="text_keys"):
        Vault("encrypted", keys)


def test_no_key_is_in_a_repr():
    assert repr(NEW)[2:-1] not in repr(Vault("encrypted", [NEW]))


async def test_a_receipt_in_limbo_is_kept_once_and_its_digest_tells_nothing(opened, receipt, clock):
    """An unkeyed one would let whoever has the database guess a short text, which receipts quote."""
    fact = receipt("nobody", raw=b"id:1 text:" + OCTETS)

    async def digests(store):
        await store.record_receipts([fact, fact], clock.now)
        return await store._read(lambda connection: list(connection.exec_driver_sql("SELECT digest FROM limbo")))

    plain = await opened(None)
    [[unkeyed]] = await digests(plain)
    await plain._write(lambda connection: connection.exec_driver_sql("DELETE FROM limbo"))
    [[keyed]] = await digests(await opened("encrypted", OLD))
    assert keyed == Vault("encrypted", [OLD]).hash_of(unkeyed)
    assert await digests(await opened("hashed", NEW, OLD)) == [(keyed,)]
    assert await digests(await opened("plain", NEW, OLD)) == [(keyed,)]


async def test_a_receipt_that_was_kept_before_texts_were_sealed_is_not_kept_again(opened, receipt, clock):
    for kind in (None, "encrypted"):
        store = await opened(kind)
        await store.record_receipts([receipt("nobody")], clock.now)
        assert len(await store.limbo()) == 1
