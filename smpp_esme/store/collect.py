"""Writing receipts down where they belong."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace
from sqlalchemy import Integer, String, literal, literal_column, select, union_all

from smpp_esme.message.ledger import Ledger
from smpp_esme.message.message import RecordedReceipt
from smpp_esme.message.status import UNSENT, MessageStatus, is_final, may_move
from smpp_esme.sms import message_id
from smpp_esme.store import limbo, records
from smpp_esme.store.batches import Batch, Prepared, packed
from smpp_esme.store.dialects import unindexed
from smpp_esme.store.moves import Told, json_text, move_all, standings, words, write
from smpp_esme.store.tables import message, microseconds, moment, segment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Select

    from smpp_esme.message.ledger import Standing
    from smpp_esme.message.message import Learned, ReceiptFact


def _found(forms: Batch) -> Select[str]:
    """The segments whose message_id is one of these forms: a message's only one, and those of longer messages."""
    only = (
        select(
            forms.c.position.label("position"),
            message.c.message_id,
            message.c.id,
            literal_column("1").label("number"),
            message.c.destination_addr,
            message.c.submitted_at,
            message.c.reference,
            message.c.status,
        )
        .select_from(forms.rows)
        .join(message, (message.c.link == forms.c.link) & (message.c.message_id_key == forms.c.form))
        .where(unindexed(message.c.status).not_in(words(UNSENT)))
        # The lock (a word that SQLite does not need) is that of `standings`: often nothing more is read of a message.
        .with_for_update(of=message)
        .subquery("only")
    )
    of_several = (
        select(
            forms.c.position.label("position"),
            segment.c.message_id,
            segment.c.message,
            segment.c.number,
            message.c.destination_addr,
            segment.c.submitted_at,
            literal(None, String).label("reference"),
            literal(None, String).label("status"),
        )
        .select_from(forms.rows)
        .join(segment, (segment.c.link == forms.c.link) & (segment.c.message_id_key == forms.c.form))
        .join(message, message.c.id == segment.c.message)
        .where(segment.c.status.not_in(words(UNSENT)))
    )
    return packed(select(union_all(select(only), of_several).subquery("found")))


# The link travels with every form, though they mostly agree: of one that is given once, SQLite's planner believes that
# it would be a good beginning to walk through all that the link ever submitted.
_forms = Batch(position=Integer(), link=String(), form=String())
_candidates = Prepared(_found(_forms))


class _Candidate(msgspec.Struct, array_like=True, gc=False):
    """A segment whose message_id is one of the forms that a receipt may mean."""

    position: int
    message_id: str
    message: int
    number: int
    destination_addr: str
    submitted_at: int | None
    # Of a message's only segment.
    reference: str | None
    status: MessageStatus | None

    @property
    def age(self) -> tuple[int, int]:
        """Grows from the oldest to the newest."""
        return self.message, self.number


_decoded = msgspec.json.Decoder(list[_Candidate])

_NOBODY_S: Final = RecordedReceipt(reference=None, moved=False, status=None)


def record_receipts(connection: Connection, facts: Sequence[ReceiptFact], *, at: datetime) -> list[RecordedReceipt]:
    """Write receipts down; see `Store.record_receipts`."""
    harmless = _all_harmless(facts)
    owners = _owners(connection, harmless)
    plain = _report(connection, harmless, owners, at)
    others = {owner.message for owner in owners if owner is not None and owner.message not in plain}
    ledger = Ledger(standings(connection, others) if others else [])
    moved = []
    for position, (fact, owner) in enumerate(zip(harmless, owners, strict=True)):
        moved.append(
            owner is not None and (owner.message in plain or ledger.receipt(owner.message, owner.number, fact, at=at))
        )
        # Not of this subscriber, and no news: it may be early, for a message that is about to get the same id anew.
        if owner and not moved[-1] and not limbo.same_subscriber(fact, owner.destination_addr):
            owners[position] = None
    write(connection, ledger)
    limbo.keep(connection, [fact for fact, owner in zip(harmless, owners, strict=True) if owner is None])
    return [
        _NOBODY_S if owner is None else _recorded(fact, owner, has, ledger.standing(owner.message))
        for fact, owner, has in zip(harmless, owners, moved, strict=True)
    ]


def _recorded(fact: ReceiptFact, owner: _Candidate, moved: bool, standing: Standing | None) -> RecordedReceipt:  # noqa: FBT001
    """What a receipt did; `standing` is that of its message, None if it did just what it says."""
    return RecordedReceipt(
        reference=standing.reference if standing else owner.reference,
        moved=moved,
        status=standing.status if standing else fact.message_status,
        submitted_id=owner.message_id if limbo.same_subscriber(fact, owner.destination_addr) else None,
        submitted_at=None if owner.submitted_at is None else moment(owner.submitted_at),
    )


def _report(
    connection: Connection, facts: Sequence[ReceiptFact], owners: Sequence[_Candidate | None], at: datetime
) -> set[int]:
    """Move those messages of one segment about which there is just one receipt, and that says something new; their ids.

    That is what nearly every receipt is and does, and it needs no ledger.
    """
    often = Counter([owner.message for owner in owners if owner is not None])
    alike: dict[tuple[MessageStatus, MessageStatus], list[tuple[int, ReceiptFact]]] = {}
    for fact, owner in zip(facts, owners, strict=True):
        if owner is not None and owner.status is not None and often[owner.message] == 1:
            to = fact.message_status
            if fact.hlr is None and (fact.final or not is_final(to)) and may_move(owner.status, to):
                alike.setdefault((owner.status, to), []).append((owner.message, fact))
    for (previous, to), pairs in alike.items():
        told = [each for _, each in pairs]
        move_all(
            connection,
            [key for key, _ in pairs],
            at=at,
            previous=previous,
            to=to,
            details=[
                Told(
                    error=fact.error, error_meaning=fact.error_meaning, done_at=fact.done_at, vendor=fact.vendor
                ).text()
                for fact in told
            ],
            error=[each.error for each in told],
            error_meaning=[each.error_meaning for each in told],
            final_at=[microseconds(at) if is_final(to) else None] * len(told),
            vendor=[json_text(each.vendor) for each in told],
        )
    return {key for pairs in alike.values() for key, _ in pairs}


def record_states(connection: Connection, states: Sequence[Learned], *, at: datetime) -> list[bool]:
    """Write down what the SMSC said when it was asked; see `Store.record_states`."""
    ledger = Ledger(standings(connection, {each.message for each in states}))
    moved = [
        ledger.receipt(each.message, each.segment, _harmless(each.fact), at=at, decided=each.by) for each in states
    ]
    write(connection, ledger)
    return moved


def _owners(connection: Connection, facts: Sequence[ReceiptFact]) -> list[_Candidate | None]:
    """The segment that each receipt speaks of, or None: nobody's that we know."""
    owners: list[_Candidate | None] = [None] * len(facts)
    # Most SMSCs write the id as they gave it, and the literal id decides; only for others every form is looked at.
    literal = [(position, fact.link, message_id.key(fact.message_id)) for position, fact in enumerate(facts)]
    for position, found in _candidates_by(connection, [row for row in literal if row[2]]).items():
        if len(found) == 1 and found[0].message_id == facts[position].message_id:
            owners[position] = found[0]
        elif any(each.message_id == facts[position].message_id for each in found):
            owners[position] = _owner(facts[position], found)
    further = [
        (position, fact.link, form)
        for position, fact in enumerate(facts)
        if owners[position] is None
        for form in limbo.forms_of(fact)
        if form
    ]
    for position, found in _candidates_by(connection, further).items():
        owners[position] = _owner(facts[position], found)
    return owners


def _candidates_by(connection: Connection, forms: Sequence[tuple[int, str, str]]) -> dict[int, list[_Candidate]]:
    """The segments that fit the forms, by the position of their receipt."""
    found: dict[int, list[_Candidate]] = {}
    if forms:
        for each in _decoded.decode(_candidates.fetch(connection, _forms.parameters(forms))):
            found.setdefault(each.position, []).append(each)
    return found


def _owner(fact: ReceiptFact, candidates: Sequence[_Candidate]) -> _Candidate | None:
    """Whom a receipt means: the literal id decides; another form of it must have the subscriber right as well.

    "10" also reads as 16 in another base, so a form alone proves nothing. Of several of one subscriber's, the id that
    differs in nothing but case and padding wins. SMSCs use ids again: then the newest wins.
    """
    if len(candidates) == 1 and candidates[0].message_id == fact.message_id:
        return candidates[0]
    own = message_id.key(fact.message_id)
    ranked = [
        (
            each.message_id == fact.message_id,
            limbo.same_subscriber(fact, each.destination_addr),
            message_id.key(each.message_id) == own,
            each.age,
            each,
        )
        for each in candidates
    ]
    fitting = [rank for rank in ranked if rank[0] or rank[1]]
    return max(fitting, key=lambda rank: rank[:4])[4] if fitting else None


def _all_harmless(facts: Sequence[ReceiptFact]) -> Sequence[ReceiptFact]:
    """The same receipts, in words that the database can keep; most are, and all of those are looked at together."""
    words: list[str] = []
    for each in facts:
        words += (each.message_id, each.source_addr, each.destination_addr, each.error or "", each.error_meaning or "")
        words += each.forms
    together = "".join(words)
    if records.harmless(together) is together and all(len(each.forms) <= limbo.FORMS for each in facts):
        return facts
    return [_harmless(each) for each in facts]


def _harmless(fact: ReceiptFact) -> ReceiptFact:
    """The same receipt, in words that the database can keep: they are a stranger's."""
    words = (fact.message_id, *fact.forms, fact.source_addr, fact.destination_addr, fact.error, fact.error_meaning)
    together = "".join(filter(None, words))
    if len(fact.forms) <= limbo.FORMS and records.harmless(together) is together:
        return fact
    return replace(
        fact,
        message_id=records.harmless(fact.message_id),
        forms=tuple(records.harmless(form) for form in fact.forms[: limbo.FORMS]),
        source_addr=records.harmless(fact.source_addr),
        destination_addr=records.harmless(fact.destination_addr),
        error=None if fact.error is None else records.harmless(fact.error),
        error_meaning=None if fact.error_meaning is None else records.harmless(fact.error_meaning),
    )
