"""Ending doubts: by the policy of a link, or because a person decided."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import String, bindparam, literal, select

from smpp_esme.errors import UnknownReference
from smpp_esme.message.doubt import Decision, Resolved
from smpp_esme.message.ledger import Ledger
from smpp_esme.message.message import EXPIRED_UNSENT, REPETITION_CANCELLED
from smpp_esme.message.status import MessageStatus
from smpp_esme.store.batches import Batch, fetch, packed
from smpp_esme.store.moves import standings, write
from smpp_esme.store.tables import Key, Moment, message, moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from smpp_esme.message.doubt import Resubmit
    from smpp_esme.message.ledger import Standing

_ids = Batch(id=Key)

_doubts = packed(
    select(message.c.id, message.c.link, message.c.resubmit, message.c.claimed_at)
    .select_from(_ids.rows)
    .join(message, message.c.id == _ids.c.id)
)

_references = Batch(reference=String())

_named = packed(
    select(message.c.id, message.c.reference)
    .select_from(_references.rows)
    .join(message, message.c.reference == _references.c.reference)
)


def resubmit(
    connection: Connection, doubtful: Iterable[Standing], policies: Mapping[str, Resubmit], *, at: datetime
) -> None:
    """Queue again what has just come in doubt, where the policy of its link, or its own, says so."""
    found = {each.id: each for each in doubtful}
    if not found:
        return
    ledger = Ledger(found.values())
    for key, link, own, claimed_at in fetch(connection, _doubts, _ids.parameters([[each] for each in found])):
        policy = policies.get(link)
        resent = found[key].duplicates
        if policy and policy.allows(own, claimed_at=moment(claimed_at), resent=resent, at=at):
            ledger.resolve(key, Decision.RESEND, by="policy", at=at)
    write(connection, ledger)


def resolve(connection: Connection, references: Sequence[str], decision: Decision, *, at: datetime) -> list[Resolved]:
    """Write down what a person decided; see `Store.resolve`."""
    keys = {
        reference: key
        for key, reference in fetch(connection, _named, _references.parameters([[each] for each in references]))
    }
    ledger = Ledger(standings(connection, keys.values()))
    moved = {reference: ledger.resolve(key, decision, by="operator", at=at) for reference, key in sorted(keys.items())}
    write(connection, ledger)
    return [
        Resolved(reference=each, moved=moved[each], status=standing.status)
        for each in references
        if each in keys and (standing := ledger.standing(keys[each]))
    ]


def cancel(connection: Connection, reference: str, *, at: datetime) -> bool:
    """Take back what was not sent of a message; see `Store.cancel`."""
    rows = fetch(connection, _named, _references.parameters([[reference]]))
    if not rows:
        raise UnknownReference(reference)
    [(key, _)] = rows
    [standing] = standings(connection, [key])
    waiting = [one.number for one in standing.segments if one.status is MessageStatus.QUEUED]
    ledger = Ledger([standing])
    if standing.duplicates:
        # Of a repetition it is the first that counts, and whether that was sent nobody knows.
        moved = ledger.change(key, waiting, MessageStatus.IN_DOUBT, at=at, because=REPETITION_CANCELLED)
    else:
        moved = ledger.change(key, waiting, MessageStatus.CANCELLED, at=at)
    write(connection, ledger)
    return moved


_expired = packed(
    select(message.c.id)
    .where(
        message.c.status == literal(MessageStatus.QUEUED.value, literal_execute=True),
        message.c.expires_at.is_not(None),
        message.c.expires_at <= bindparam("now", type_=Moment),
    )
    .limit(bindparam("limit"))
)


def expire(connection: Connection, limit: int, *, at: datetime) -> int:
    """Give up what could not be submitted in time; see `OpenEnds.expire`."""
    found = standings(connection, [row[0] for row in fetch(connection, _expired, {"now": at, "limit": limit})])
    ledger = Ledger(found)
    for each in found:
        waiting = [one.number for one in each.segments if one.status is MessageStatus.QUEUED]
        # Of a repetition it is the first that counts, and whether that was sent nobody knows.
        to = MessageStatus.IN_DOUBT if each.duplicates else MessageStatus.FAILED
        ledger.change(each.id, waiting, to, at=at, because=EXPIRED_UNSENT)
    write(connection, ledger)
    return len(found)


def came_in_doubt(ledger: Ledger, found: Iterable[Standing]) -> list[Standing]:
    """The messages that a ledger has just put in doubt."""
    return [each for each in found if each.status is MessageStatus.IN_DOUBT and each.id in ledger.messages]
