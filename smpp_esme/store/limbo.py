"""Receipts that belong to no message yet: kept, visible, and found again when the response arrives."""

from __future__ import annotations

from datetime import timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace
from sqlalchemy import Integer, String, bindparam, delete, insert, select, update

from smpp_esme.errors import UnknownReference
from smpp_esme.message.evidence import significant
from smpp_esme.message.ledger import Ledger
from smpp_esme.message.message import Accepted, Attached, LimboReceipt, ReceiptFact
from smpp_esme.sms import message_id
from smpp_esme.store import records, tables
from smpp_esme.store.batches import Batch, Prepared, fetch, packed
from smpp_esme.store.dialects import as_hexadecimal
from smpp_esme.store.moves import standings, write
from smpp_esme.store.seal import sealing, vault_of
from smpp_esme.store.tables import Key, Moment, limbo, limbo_form, message

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Select

    from smpp_esme.message.message import Answer
    from smpp_esme.store.seal import Vault

#: A receipt can only have overtaken a response if it came after the claim. The slack allows for a clock that was set
#: back in between; SMSCs use an id again after days, not within an hour.
_SLACK: Final = timedelta(hours=1)

#: So many forms of one id are looked at; an honest list has about six.
FORMS: Final = 16

_FACT: Final = records.Columns(*ReceiptFact.__struct_fields__)

_facts = Batch(
    digest=String(),
    **{name: limbo.c[name].type for name in _FACT.names},
)

_digests = Batch(digest=String())

_known = packed(
    select(limbo.c.digest, limbo.c.id).select_from(_digests.rows).join(limbo, limbo.c.digest == _digests.c.digest)
)

_insert = insert(limbo).from_select(
    ["digest", *_FACT.names],
    select(_facts.c.digest, *[getattr(_facts.c, name) for name in _FACT.names]).select_from(_facts.rows),
)

_forms = Batch(link=String(), form=String(), limbo=Key)

_insert_forms = insert(limbo_form).from_select(
    ["link", "form", "limbo"], select(_forms.c.link, _forms.c.form, _forms.c.limbo).select_from(_forms.rows)
)

_accepted = Batch(message=Key, segment=Integer(), message_id=String(), form=String())


def _columns() -> list[Any]:
    return [as_hexadecimal(limbo.c.raw).label("raw") if name == "raw" else limbo.c[name] for name in _FACT.names]


# Most of the time nothing waits there at all.
_anything = Prepared(select(limbo.c.id).where(limbo.c.id > 0).limit(1))

_overtaken = Prepared(
    packed(
        select(
            limbo.c.id,
            _accepted.c.message.label("message"),
            _accepted.c.segment.label("segment"),
            _accepted.c.message_id.label("answered"),
            message.c.destination_addr.label("subscriber"),
            message.c.claimed_at,
            *_columns(),
        )
        .select_from(_accepted.rows)
        .join(message, message.c.id == _accepted.c.message)
        .join(limbo_form, (limbo_form.c.link == message.c.link) & (limbo_form.c.form == _accepted.c.form))
        .join(limbo, limbo.c.id == limbo_form.c.limbo)
        .order_by(limbo.c.id)
    )
)

_leave_by = Batch(id=Key)

_leave = delete(limbo).where(limbo.c.id.in_(select(_leave_by.c.id).select_from(_leave_by.rows)))

_named = packed(select(limbo.c.id, *_columns()).select_from(_leave_by.rows).join(limbo, limbo.c.id == _leave_by.c.id))

_after: Select[Any] = (
    select(limbo.c.id, limbo.c.dismissed_at, *_columns())
    .where(limbo.c.id > bindparam("after", type_=Key))
    .order_by(limbo.c.id)
    .limit(bindparam("limit", type_=Integer))
)

_WAITS: Final = limbo.c.dismissed_at.is_(None)

_pages = {
    (by_link, dismissed): packed(
        _after.where(
            *([limbo.c.link == bindparam("link")] if by_link else []),
            *([] if dismissed else [_WAITS]),
        )
    )
    for by_link in (False, True)
    for dismissed in (False, True)
}

_dismiss = (
    update(limbo)
    .where(limbo.c.id.in_(select(_leave_by.c.id).select_from(_leave_by.rows)), _WAITS)
    .values(dismissed_at=bindparam("at", type_=Moment))
)

_message_named = select(message.c.id).where(message.c.reference == bindparam("reference"))


def keep(connection: Connection, facts: Sequence[ReceiptFact]) -> None:
    """Keep these receipts until their message is known; one that is kept already is not kept again."""
    new = {_digest(fact): fact for fact in facts}
    if not new:
        return
    spellings = {each: digest for digest in new for each in _spellings(digest, vault_of(connection))}
    for known, _ in fetch(connection, _known, _digests.parameters([[each] for each in spellings])):
        new.pop(spellings[known], None)
    vault = sealing(connection)
    by_digest = new if vault is None else {vault.hash_of(digest): fact for digest, fact in new.items()}
    kept = by_digest if vault is None else {digest: _sealed(fact, vault) for digest, fact in by_digest.items()}
    rows = [[digest, *_FACT.row(fact)] for digest, fact in kept.items()]
    connection.execute(_insert, _facts.parameters(rows))
    ids = dict(fetch(connection, _known, _digests.parameters([[each] for each in by_digest])))
    forms = [(fact.link, form, ids[digest]) for digest, fact in by_digest.items() for form in forms_of(fact)]
    connection.execute(_insert_forms, _forms.parameters(forms))


def take(connection: Connection, answers: Iterable[Answer]) -> Iterator[tuple[int, int, ReceiptFact]]:
    """Take out the receipts that these accepted answers explain, with the message and segment of each."""
    if _anything.run(connection, {}).first() is None:
        return
    accepted = [
        (each.message, each.segment, each.outcome.message_id, message_id.key(each.outcome.message_id))
        for each in answers
        if isinstance(each.outcome, Accepted) and each.outcome.message_id
    ]
    if not accepted:
        return
    taken: set[int] = set()
    for key, owner, number, answered, subscriber, claimed_at, *row in fetch(
        connection, _overtaken, _accepted.parameters(accepted)
    ):
        fact = _fact(connection, row)
        fits = fact.message_id == answered or same_subscriber(fact, subscriber)
        if key not in taken and fits and fact.received_at >= tables.moment(claimed_at) - _SLACK:
            taken.add(key)
            yield owner, number, fact
    leave(connection, list(taken))


def page(connection: Connection, after: int, limit: int, *, link: str | None, dismissed: bool) -> list[LimboReceipt]:
    """Some of the receipts in limbo, oldest first; see `Store.limbo`."""
    wanted = {"after": after, "limit": limit} | ({} if link is None else {"link": link})
    rows = fetch(connection, _pages[link is not None, dismissed], wanted)
    return [
        LimboReceipt(
            id=key,
            dismissed_at=None if dismissed_at is None else tables.moment(dismissed_at),
            fact=_fact(connection, row),
        )
        for key, dismissed_at, *row in rows
    ]


def facts(connection: Connection, ids: Iterable[int]) -> dict[int, ReceiptFact]:
    """These receipts, by id; one that is not in limbo (any more) is left out."""
    rows = fetch(connection, _named, _leave_by.parameters([[each] for each in dict.fromkeys(ids)]))
    return {key: _fact(connection, row) for key, *row in rows}


def leave(connection: Connection, ids: Sequence[int]) -> None:
    """Take these out: they belong to a message now."""
    if ids:
        connection.execute(_leave, _leave_by.parameters([[each] for each in ids]))


def dismiss(connection: Connection, ids: Sequence[int], *, at: datetime) -> int:
    """Write down that nobody waits for these; see `Store.dismiss`."""
    return connection.execute(_dismiss, _leave_by.parameters([[each] for each in ids]) | {"at": at}).rowcount


def attach(connection: Connection, key: int, reference: str, *, at: datetime) -> Attached:
    """Give a receipt to the message that a person says it belongs to; see `Store.attach`."""
    fact = facts(connection, [key]).get(key)
    owner: int | None = connection.execute(_message_named, {"reference": reference}).scalar_one_or_none()
    if fact is None or owner is None:
        raise UnknownReference(str(key) if fact is None else reference)
    ledger = Ledger(standings(connection, [owner]))
    moved = ledger.attach(owner, fact, at=at)
    write(connection, ledger)
    if moved:
        leave(connection, [key])
    standing = ledger.standing(owner)
    assert standing is not None  # noqa: S101 - it was found above, in this transaction
    return Attached(reference=reference, moved=moved, status=standing.status)


def _fact(connection: Connection, row: list[Any]) -> ReceiptFact:
    fact = ReceiptFact(**_FACT.fields(row))
    vault = vault_of(connection)
    return fact if vault is None else replace(fact, raw=vault.open_octets(fact.raw, fact.link))


def _sealed(fact: ReceiptFact, vault: Vault) -> ReceiptFact:
    # A receipt quotes the beginning of the text.
    return replace(fact, raw=vault.seal_octets(fact.raw, fact.link))


def forms_of(fact: ReceiptFact) -> tuple[str, ...]:
    """The keys under which the message of a receipt may be kept, the likeliest first."""
    return tuple(dict.fromkeys((message_id.key(fact.message_id), *fact.forms[:FORMS])))


def same_subscriber(fact: ReceiptFact, destination_addr: str) -> bool:
    """Whether a receipt speaks of this number.

    A deliver_sm carries the subscriber as its source; some SMSCs leave the addresses as they were in the submit_sm.
    """
    if fact.source_addr == destination_addr:
        return True
    number = significant(destination_addr)
    return number in (significant(fact.source_addr), significant(fact.destination_addr))


def _spellings(digest: str, vault: Vault | None) -> list[str]:
    """How a receipt's digest may have been kept: as it is, or keyed where texts are sealed."""
    return [digest] if vault is None else [digest, *vault.hashes_of(digest)]


def _digest(fact: ReceiptFact) -> str:
    told = (fact.link, fact.message_id, fact.source_addr, fact.destination_addr, fact.message_status)
    digest = blake2b("\0".join(told).encode(), digest_size=16)
    digest.update(b"\0" + fact.raw)
    return digest.hexdigest()
