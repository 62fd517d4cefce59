"""What is kept for so long and no longer: a few rows a step, so that no step keeps the traffic waiting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import BigInteger, Boolean, Integer, bindparam, case, delete, func, literal, or_, select, update

from smpp_esme.message.status import FINAL, MessageStatus
from smpp_esme.store.batches import Batch, fetch, packed
from smpp_esme.store.moves import count
from smpp_esme.store.tables import Key, Moment, dead_letter, event, message, microseconds, segment, webhook

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime

    from sqlalchemy import Connection

#: How many messages one step looks at.
STEP: Final = 200

_walk = packed(
    select(message.c.id, message.c.status, message.c.created_at, message.c.final_at)
    .where(message.c.id > bindparam("after"))
    .order_by(message.c.id)
    .limit(bindparam("limit", type_=Integer))
)

_ids = Batch(id=Key)

_delete = delete(message).where(message.c.id.in_(select(_ids.c.id).select_from(_ids.rows)))

# A message of several segments has no octets of its own, and gets none. What has nothing left is not written again.
_clear_text = (
    update(message)
    .where(
        message.c.id == _ids.c.id,
        or_(message.c.text != "", func.length(message.c.short_message) > 0, message.c.sealed.is_not(None)),
    )
    .values(
        text="",
        short_message=case((message.c.short_message.is_not(None), b"")),
        tlvs=case((message.c.tlvs.is_not(None), b"")),
        sealed=None,
        wish=None,
    )
)

_clear_segments = (
    update(segment)
    .where(segment.c.message == _ids.c.id, func.length(segment.c.short_message) > 0)
    .values(short_message=b"", tlvs=b"")
)

# SQLite's planner would take the index of the statuses, and walk through all that is queued.
_BY_CLAIM: Final = ("INDEXED BY message_claim", "sqlite")

_queued_on = (
    select(message.c.link)
    .with_hint(message, *_BY_CLAIM)
    .where(
        message.c.status == literal(MessageStatus.QUEUED.value, literal_execute=True),
        message.c.link > bindparam("after"),
    )
    .order_by(message.c.link)
    .limit(1)
)

_queued = (
    select(func.count())
    .select_from(message)
    .with_hint(message, *_BY_CLAIM)
    .where(
        message.c.status == literal(MessageStatus.QUEUED.value, literal_execute=True),
        message.c.link == bindparam("link"),
    )
)


# What an endpoint has not been told yet stays, if somebody delivers to it: we, or another daemon that holds it now.
_told = select(func.min(webhook.c.event)).where(
    webhook.c.disabled_at.is_(None),
    or_(
        literal(value=True) == bindparam("all", type_=Boolean),
        webhook.c.endpoint.in_(bindparam("endpoints", expanding=True)),
        webhook.c.lease_until > bindparam("at", type_=Moment),
    ),
)
_untold = packed(
    select(_ids.c.id)
    .select_from(_ids.rows)
    .where(select(event.c.id).where(event.c.message == _ids.c.id, event.c.id > bindparam("told", type_=Key)).exists())
)
_their_dead_letters = (
    select(func.count())
    .select_from(dead_letter)
    .join(event, event.c.id == dead_letter.c.event)
    .where(event.c.message.in_(select(_ids.c.id).select_from(_ids.rows)))
)


# What an endpoint may be told again stays.
_dead = select(dead_letter.c.event)

# Events of links have no message to go with; they go when messages of their age do.
_old_link_events = (
    select(event.c.id)
    .where(
        event.c.link.is_not(None),
        event.c.at < bindparam("before", type_=BigInteger),
        or_(bindparam("told", type_=Key).is_(None), event.c.id <= bindparam("told", type_=Key)),
        event.c.id.not_in(_dead),
    )
    .order_by(event.c.id)
    .limit(bindparam("limit", type_=Integer))
)
_delete_link_events = delete(event).where(event.c.id.in_(_old_link_events))


def delete_some(
    connection: Connection, after: int, before: datetime, *, endpoints: Collection[str] | None, at: datetime
) -> tuple[int | None, int]:
    """Delete some old messages with their segments and histories, and count their dead letters; see `Housekeeping`."""
    old, last = _old(connection, after, before)
    told = done_with(connection, endpoints, at)
    connection.execute(_delete_link_events, {"before": microseconds(before), "told": told, "limit": STEP})
    if old and told is not None:
        rows = _ids.parameters([[key] for key, _ in old])
        untold = {key for [key] in fetch(connection, _untold, rows | {"told": told})}
        old = [one for one in old if one[0] not in untold]
    if not old:
        return last, 0
    rows = _ids.parameters([[key] for key, _ in old])
    letters = connection.execute(_their_dead_letters, rows).scalar_one()
    connection.execute(_delete, rows)
    count(connection, [(status, None) for _, status in old])
    return last, letters


def done_with(connection: Connection, endpoints: Collection[str] | None, at: datetime) -> int | None:
    """The event up to which every endpoint is done; None: there is no endpoint that anybody delivers to."""
    named = {"all": endpoints is None, "endpoints": sorted(endpoints or ()), "at": at}
    done: int | None = connection.execute(_told, named).scalar_one_or_none()
    return done


def clear_some(connection: Connection, after: int, before: datetime) -> int | None:
    """Forget the texts of some old messages; see `Store.clear_texts`."""
    old, last = _old(connection, after, before)
    if old:
        rows = _ids.parameters([[key] for key, _ in old])
        connection.execute(_clear_text, rows)
        connection.execute(_clear_segments, rows)
    return last


_events = packed(
    select(event.c.id, event.c.at, message.c.status)
    .select_from(event)
    .outerjoin(message, message.c.id == event.c.message)
    .where(event.c.id > bindparam("after"))
    .order_by(event.c.id)
    .limit(bindparam("limit", type_=Integer))
)

_delete_events = delete(event).where(event.c.id.in_(select(_ids.c.id).select_from(_ids.rows)), event.c.id.not_in(_dead))


def delete_events_some(
    connection: Connection, after: int, before: datetime, *, endpoints: Collection[str] | None, at: datetime
) -> int | None:
    """Delete some old events; see `Housekeeping.delete_events`."""
    limit = microseconds(before)
    rows = fetch(connection, _events, {"after": after, "limit": STEP})
    told = done_with(connection, endpoints, at)
    old = [
        [key]
        for key, at, status in rows
        if at < limit and (status is None or status in FINAL) and (told is None or key <= told)
    ]
    if old:
        connection.execute(_delete_events, _ids.parameters(old))
    ended = len(rows) < STEP or rows[-1][1] >= limit
    return None if ended else rows[-1][0]


def stranded(connection: Connection, links: Iterable[str]) -> dict[str, int]:
    """How many messages are queued for links that are not among these; see `Store.stranded`."""
    beside = links_beside(connection, links)
    return {link: connection.execute(_queued, {"link": link}).scalar_one() for link in beside}


def links_beside(connection: Connection, links: Iterable[str]) -> list[str]:
    """The links that messages are queued for and that are not among these."""
    known, found, after = set(links), [], ""
    # From one link to the next along the index, however many messages each has.
    while (link := connection.execute(_queued_on, {"after": after}).scalar_one_or_none()) is not None:
        if link not in known:
            found.append(link)
        after = link
    return found


def _old(connection: Connection, after: int, before: datetime) -> tuple[list[tuple[int, MessageStatus]], int | None]:
    """Of the next few messages those that have been final since before; and where to go on, or None: at the end."""
    limit = microseconds(before)
    rows = fetch(connection, _walk, {"after": after, "limit": STEP})
    old = [
        (key, MessageStatus(status))
        for key, status, _, final_at in rows
        if status in FINAL and final_at is not None and final_at < limit
    ]
    ended = len(rows) < STEP or rows[-1][2] >= limit  # what was kept later was final later
    return old, None if ended else rows[-1][0]
