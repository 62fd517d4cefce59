"""Writing receipts down where they belong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace
from sqlalchemy import Integer, String, select

from smpp_esme.message.ledger import Ledger
from smpp_esme.message.message import RecordedReceipt
from smpp_esme.message.status import UNSENT
from smpp_esme.store import limbo, records
from smpp_esme.store.batches import Batch, fetch, packed
from smpp_esme.store.moves import standings, write
from smpp_esme.store.tables import message, segment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from smpp_esme.message.message import ReceiptFact

_forms = Batch(position=Integer(), link=String(), form=String())

_candidates = packed(
    select(
        _forms.c.position.label("position"),
        segment.c.message_id,
        segment.c.id,
        segment.c.message,
        segment.c.number,
        message.c.destination_addr,
    )
    .select_from(_forms.rows)
    .join(segment, (segment.c.link == _forms.c.link) & (segment.c.message_id_key == _forms.c.form))
    .join(message, message.c.id == segment.c.message)
    .where(segment.c.status.not_in(sorted(UNSENT)))
)


class _Candidate(msgspec.Struct, array_like=True):
    """A segment whose message_id is one of the forms that a receipt may mean."""

    position: int
    message_id: str
    id: int
    message: int
    number: int
    destination_addr: str


def record_receipts(connection: Connection, facts: Sequence[ReceiptFact], *, at: datetime) -> list[RecordedReceipt]:
    """Write receipts down; see `Store.record_receipts`."""
    harmless = [_harmless(each) for each in facts]
    owners = _owners(connection, harmless)
    ledger = Ledger(standings(connection, {each.message for each in owners if each}))
    moved = []
    for position, (fact, owner) in enumerate(zip(harmless, owners, strict=True)):
        moved.append(owner is not None and ledger.receipt(owner.message, owner.number, fact, at=at))
        # Not of this subscriber, and no news: it may be early, for a message that is about to get the same id anew.
        if owner and not moved[-1] and not limbo.same_subscriber(fact, owner.destination_addr):
            owners[position] = None
    write(connection, ledger)
    limbo.keep(connection, [fact for fact, owner in zip(harmless, owners, strict=True) if owner is None])
    return [
        RecordedReceipt(
            reference=standing.reference if (standing := owner and ledger.standing(owner.message)) else None,
            moved=has,
            status=standing.status if standing else None,
        )
        for owner, has in zip(owners, moved, strict=True)
    ]


def _owners(connection: Connection, facts: Sequence[ReceiptFact]) -> list[_Candidate | None]:
    """The segment that each receipt speaks of, or None: nobody's that we know."""
    rows = [(position, fact.link, form) for position, fact in enumerate(facts) for form in limbo.forms_of(fact) if form]
    candidates: list[list[_Candidate]] = [[] for _ in facts]
    for each in msgspec.convert(fetch(connection, _candidates, _forms.parameters(rows)), list[_Candidate]):
        candidates[each.position].append(each)
    return [_owner(fact, found) for fact, found in zip(facts, candidates, strict=True)]


def _owner(fact: ReceiptFact, candidates: Sequence[_Candidate]) -> _Candidate | None:
    """Whom a receipt means: the literal id decides; another form of it must have the subscriber right as well.

    "10" also reads as 16 in another base, so a form alone proves nothing. SMSCs use ids again: the newest wins.
    """
    ranked = [
        (each.message_id == fact.message_id, limbo.same_subscriber(fact, each.destination_addr), each.id, each)
        for each in candidates
    ]
    fitting = [rank for rank in ranked if rank[0] or rank[1]]
    return max(fitting, key=lambda rank: rank[:3])[3] if fitting else None


def _harmless(fact: ReceiptFact) -> ReceiptFact:
    """The same receipt, in words that the database can keep: they are a stranger's."""
    return replace(
        fact,
        message_id=records.harmless(fact.message_id),
        forms=tuple(records.harmless(form) for form in fact.forms[: limbo.FORMS]),
        source_addr=records.harmless(fact.source_addr),
        destination_addr=records.harmless(fact.destination_addr),
        error=None if fact.error is None else records.harmless(fact.error),
        error_meaning=None if fact.error_meaning is None else records.harmless(fact.error_meaning),
    )
