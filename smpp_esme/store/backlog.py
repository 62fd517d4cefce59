"""What waits: the queue by link and priority, and the receipts in limbo. For whoever watches the daemon."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import bindparam, func, literal, select

from smpp_esme.message.status import MessageStatus
from smpp_esme.store.batches import fetch, packed
from smpp_esme.store.queries import counts
from smpp_esme.store.retention import stranded
from smpp_esme.store.tables import limbo, message, moment

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection, Select


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """The messages of one link and priority that are QUEUED.

    Attributes:
        link: its name.
        priority: 0 to 3.
        messages: how many.
        due_at: when the first of them is, or was, due.
    """

    link: str
    priority: int
    messages: int
    due_at: datetime


class Backlog(msgspec.Struct, frozen=True, kw_only=True):
    """What waits.

    Attributes:
        queue: by link and priority; where nothing waits there is no entry.
        limbo: how many receipts belong to no message that is known, and were not dismissed.
    """

    queue: list[Waiting]
    limbo: int


class Census(msgspec.Struct, frozen=True, kw_only=True):
    """How much there is of what.

    Attributes:
        messages: how many stand at each status, 0 included.
        limbo: how many receipts belong to no message that is known, and were not dismissed.
        possible_duplicates: how many messages were sent again in doubt.
        stranded: how many are queued for each link that is not there.
    """

    messages: dict[MessageStatus, int]
    limbo: int
    possible_duplicates: int
    stranded: dict[str, int]


# The status is written into the statement, not bound, and the links are named: only so does SQLite's planner see that
# the index that holds nothing but the queue answers it alone.
_queue: Select[Any] = packed(
    select(
        message.c.link,
        message.c.priority,
        func.count().label("messages"),
        func.min(message.c.next_attempt_at).label("due_at"),
    )
    .where(
        message.c.status == literal(MessageStatus.QUEUED.value, literal_execute=True),
        message.c.link.in_(bindparam("links", expanding=True)),
    )
    .group_by(message.c.link, message.c.priority)
)

_limbo: Select[Any] = select(func.count()).select_from(limbo).where(limbo.c.dismissed_at.is_(None))


_duplicates: Select[Any] = (
    select(func.count()).select_from(message).where(message.c.duplicates > literal(0, literal_execute=True))
)


def census(connection: Connection, links: Iterable[str]) -> Census:
    """How much there is of what now; see `Store.census`."""
    return Census(
        messages=counts(connection),
        limbo=connection.execute(_limbo).scalar_one(),
        possible_duplicates=connection.execute(_duplicates).scalar_one(),
        stranded=stranded(connection, links),
    )


def backlog(connection: Connection, links: Iterable[str]) -> Backlog:
    """What waits now; see `Store.backlog`."""
    queue = [
        Waiting(link=link, priority=priority, messages=messages, due_at=moment(due_at))
        for link, priority, messages, due_at in fetch(connection, _queue, {"links": list(links)})
    ]
    return Backlog(queue=queue, limbo=connection.execute(_limbo).scalar_one())
