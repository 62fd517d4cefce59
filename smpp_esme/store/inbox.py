"""Messages from subscribers: kept whole, and their segments for as long as they wait for the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace
from sqlalchemy import Integer, LargeBinary, String, bindparam, delete, insert, literal, select

from smpp_esme.errors import UnknownReference
from smpp_esme.message.notice import RECEIVED
from smpp_esme.message.received import HeldSegment, Received, SegmentKey
from smpp_esme.store import records
from smpp_esme.store.batches import Batch, fetch, packed
from smpp_esme.store.dialects import as_hexadecimal
from smpp_esme.store.seal import sealing, vault_of
from smpp_esme.store.tables import Key, Moment, event, microseconds, moment, received, received_segment

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from sqlalchemy import Connection, Select

    from smpp_esme.store.seal import Vault

#: No page is longer, whatever is asked for.
LONGEST_PAGE: Final = 1000

#: A message's own columns, in the order of the record.
COLUMNS: Final = records.Columns(*[name for name in Received.__struct_fields__ if name != "id"])

_KEY: Final = SegmentKey.__struct_fields__

_messages = Batch(**{name: received.c[name].type for name in COLUMNS.names})

_insert_messages = insert(received).from_select(
    list(COLUMNS.names), select(*[getattr(_messages.c, name) for name in COLUMNS.names]).select_from(_messages.rows)
)

_tell = insert(event).from_select(
    ["received", "at", "status"],
    select(received.c.id, received.c.received_at, literal(RECEIVED))
    .select_from(_messages.rows)
    .join(received, received.c.reference == _messages.c.reference)
    .order_by(received.c.id),
)

_segments = Batch(
    **{name: received_segment.c[name].type for name in _KEY}, received_at=Moment(), pdu=LargeBinary()
)  # fmt: skip

_insert_segments = insert(received_segment).from_select(
    [*_KEY, "received_at", "pdu"],
    select(*[getattr(_segments.c, name) for name in (*_KEY, "received_at", "pdu")]).select_from(_segments.rows),
)

_keys = Batch(
    link=String(), source_addr=String(), destination_addr=String(), carrier=String(), reference=Integer(),
    total=Integer(),
)  # fmt: skip


def _of_key() -> Any:
    condition: Any = literal(value=True)
    for name in _KEY:
        condition &= received_segment.c[name] == getattr(_keys.c, name)
    return condition


_leave = delete(received_segment).where(
    received_segment.c.id.in_(select(received_segment.c.id).select_from(_keys.rows).join(received_segment, _of_key()))
)

_waiting = packed(
    select(
        received_segment.c.id,
        *[received_segment.c[name] for name in _KEY],
        as_hexadecimal(received_segment.c.pdu).label("pdu"),
        received_segment.c.received_at,
    )
    .where(received_segment.c.id > bindparam("after"), received_segment.c.link == bindparam("link"))
    .order_by(received_segment.c.id)
    .limit(LONGEST_PAGE)
)

_after: Select[Any] = (
    select(received.c.id, *[received.c[name] for name in COLUMNS.names])
    .where(received.c.id > bindparam("after"))
    .order_by(received.c.id)
    .limit(bindparam("limit"))
)
_page = packed(_after)

_one = packed(
    select(received.c.id, *[received.c[name] for name in COLUMNS.names]).where(
        received.c.reference == bindparam("reference")
    )
)

_references = Batch(reference=String())

_kept = packed(
    select(received.c.reference)
    .select_from(_references.rows)
    .join(received, received.c.reference == _references.c.reference)
)

_ids = Batch(id=Key)

_by_ids = packed(
    select(received.c.id, *[received.c[name] for name in COLUMNS.names])
    .select_from(_ids.rows)
    .join(received, received.c.id == _ids.c.id)
)

_by_reference = select(received.c.id).where(received.c.reference == bindparam("reference"))


class Inbox:
    """What subscribers sent.

    Everything that a method reports is committed when it returns; cancellation is as with `Store`.

    Args:
        read: asks the database a question.
        write: makes a change in a transaction.
    """

    def __init__(self, read: Callable[..., Awaitable[Any]], write: Callable[..., Awaitable[Any]]) -> None:
        self._read = read
        self._write = write

    async def keep(
        self, messages: Sequence[Received], held: Sequence[HeldSegment] = (), cleared: Sequence[SegmentKey] = ()
    ) -> None:
        """Write down what came, in one transaction; then each of its PDUs may be acknowledged.

        Args:
            messages: whole, or given up; each becomes an event.
            held: segments that wait for the rest of their message.
            cleared: of which messages the segments wait no more: they are in `messages` now.

        Raises:
            StoreUnusable: the database failed; nothing was kept.
        """
        await self._write(_keep, [_harmless(one) for one in messages], held=held, cleared=cleared)

    async def waiting(self, link: str) -> list[HeldSegment]:
        """The segments of a link that wait for the rest of their messages, in the order in which they came."""
        found: list[HeldSegment] = await self._read(_held, link)
        return found

    async def messages(self, *, after: str | None = None, limit: int = 100) -> list[Received]:
        """A page of messages, in the order in which they were kept.

        Args:
            after: the reference of the last message of the page before.
            limit: how many at most; never more than `LONGEST_PAGE`.

        Raises:
            UnknownReference: no message is kept under `after`.
        """
        found: list[Received] = await self._read(_messages_after, after, min(limit, LONGEST_PAGE))
        return found

    async def message(self, reference: str) -> Received:
        """One message.

        Raises:
            UnknownReference: none is kept under this reference.
        """
        found: Received = await self._read(_message, reference)
        return found


def load(connection: Connection, ids: Sequence[int]) -> list[Received]:
    """The messages with these ids, in no order; one that is not kept is left out."""
    if not ids:
        return []
    return [_record(connection, row) for row in fetch(connection, _by_ids, _ids.parameters([[each] for each in ids]))]


def _keep(
    connection: Connection, messages: Sequence[Received], *, held: Sequence[HeldSegment], cleared: Sequence[SegmentKey]
) -> None:
    vault = sealing(connection)
    if cleared:
        connection.execute(_leave, _keys.parameters([_key_row(key) for key in cleared]))
    if held:
        pdus = [one.pdu if vault is None else vault.seal_octets(one.pdu, one.key.link) for one in held]
        rows = [[*_key_row(one.key), microseconds(one.received_at), pdu] for one, pdu in zip(held, pdus, strict=True)]
        connection.execute(_insert_segments, _segments.parameters(rows))
    if messages := _unknown(connection, messages):
        kept = messages if vault is None else [_sealed(one, vault) for one in messages]
        parameters = _messages.parameters([COLUMNS.row(message) for message in kept])
        connection.execute(_insert_messages, parameters)
        connection.execute(_tell, parameters)


def _unknown(connection: Connection, messages: Sequence[Received]) -> list[Received]:
    """Those that are not kept yet: after a commit of which nobody knows whether it happened, the same come again."""
    known = set()
    if messages:
        known = {
            row[0] for row in fetch(connection, _kept, _references.parameters([[each.reference] for each in messages]))
        }
    return [each for each in messages if each.reference not in known]


def _held(connection: Connection, link: str) -> list[HeldSegment]:
    found: list[HeldSegment] = []
    vault = vault_of(connection)
    after = 0
    while rows := fetch(connection, _waiting, {"after": after, "link": records.harmless(link)}):
        for after, *key, pdu, at in rows:  # noqa: B007 - the last of them is where the next page begins
            octets = bytes.fromhex(pdu)
            opened = octets if vault is None else vault.open_octets(octets, link)
            found.append(HeldSegment(SegmentKey(*key), opened, moment(at)))
    return found


def _messages_after(connection: Connection, after: str | None, limit: int) -> list[Received]:
    parameters = {"after": 0 if after is None else _id_of(connection, after), "limit": limit}
    return [_record(connection, row) for row in fetch(connection, _page, parameters)]


def _message(connection: Connection, reference: str) -> Received:
    rows = fetch(connection, _one, {"reference": reference})
    if not rows:
        raise UnknownReference(reference)
    return _record(connection, rows[0])


def _record(connection: Connection, row: list[Any]) -> Received:
    key, *values = row
    found = Received(id=key, **COLUMNS.fields(values))
    vault = vault_of(connection)
    if vault is None:
        return found
    octets = None if found.octets is None else vault.open_octets(found.octets, found.reference)
    return replace(found, text=vault.open_text(found.text, found.reference), octets=octets)


def _sealed(message: Received, vault: Vault) -> Received:
    octets = None if message.octets is None else vault.seal_octets(message.octets, message.reference)
    return replace(message, text=vault.seal_text(message.text, message.reference), octets=octets)


def _id_of(connection: Connection, reference: str) -> int:
    found: int | None = connection.execute(_by_reference, {"reference": reference}).scalar_one_or_none()
    if found is None:
        raise UnknownReference(reference)
    return found


def _key_row(key: SegmentKey) -> list[Any]:
    """A key as the database can keep it, which is how it is looked for as well."""
    row = [getattr(key, name) for name in _KEY]
    return [records.harmless(value) if isinstance(value, str) else value for value in row]


def _harmless(message: Received) -> Received:
    """The same message, in words that the database can keep: they are a stranger's."""
    return replace(
        message,
        source_addr=records.harmless(message.source_addr),
        destination_addr=records.harmless(message.destination_addr),
        text=records.harmless(message.text),
    )
