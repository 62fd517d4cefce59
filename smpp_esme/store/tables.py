"""The tables. Their only author is `migrations/`; a test keeps the two equal.

Every index serves a statement whose cost must not grow with history: the claim and the expired lease see only the rows
they are about (partial indexes), a receipt finds its segment by link and message_id, a page of messages by status.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)

from smpp_esme.errors import InvalidValue

if TYPE_CHECKING:
    from sqlalchemy import Dialect

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def microseconds(at: datetime) -> int:
    """A moment as whole microseconds since 1970.

    Raises:
        InvalidValue: it has no time zone, so it is no moment.
    """
    if at.tzinfo is None:
        raise InvalidValue("time", "has no time zone", "an aware datetime")
    since = at - EPOCH  # divided by a microsecond, it would be made a big number first
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def moment(value: int) -> datetime:
    """Microseconds since 1970 as an aware UTC datetime."""
    return EPOCH + timedelta(microseconds=value)


class Moment(TypeDecorator[datetime]):
    """An aware datetime, kept as whole microseconds: both databases compare and index it alike."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """What is written."""
        del dialect
        return None if value is None else microseconds(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        """What is read."""
        del dialect
        return None if value is None else moment(value)


class Json(TypeDecorator[Any]):
    """A JSON value, kept as text: PostgreSQL's own JSON types refuse U+0000, and an SMSC may send one."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any | None, dialect: Dialect) -> str | None:
        """What is written."""
        del dialect
        return None if value is None else msgspec.json.encode(value).decode()

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Any:
        """What is read."""
        del dialect
        return None if value is None else msgspec.json.decode(value)


#: SQLite numbers rows by itself only in a column that is INTEGER and nothing else.
Key: Final = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData(
    naming_convention={
        "ix": "%(table_name)s_%(column_0_name)s",
        "uq": "%(table_name)s_%(column_0_name)s_key",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "pk": "%(table_name)s_pkey",
    }
)


def _partial(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """An index that holds only some of the rows, in the words of both databases."""
    condition = text(where)
    return Index(name, *columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


message = Table(
    "message",
    metadata,
    Column("id", Key, primary_key=True),
    Column("reference", String, nullable=False, unique=True),
    Column("caller", String, nullable=False, server_default=text("''")),
    Column("client_reference", String),
    Column("idempotency_key", String),
    Column("idempotency_digest", String),
    Column("kind", String, nullable=False),
    Column("source_addr", String, nullable=False),
    Column("source_addr_ton", Integer, nullable=False),
    Column("source_addr_npi", Integer, nullable=False),
    Column("destination_addr", String, nullable=False),
    Column("dest_addr_ton", Integer, nullable=False),
    Column("dest_addr_npi", Integer, nullable=False),
    Column("text", Text, nullable=False),
    Column("data_coding", Integer, nullable=False),
    Column("registered_delivery", Integer, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("link", String, nullable=False),
    Column("status", String, nullable=False),
    Column("error", String),
    Column("error_meaning", String),
    Column("attempts", Integer, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("next_attempt_at", Moment, nullable=False),
    Column("submitted_at", Moment),
    Column("final_at", Moment),
    Column("hlr", Json),
    Column("lease_owner", String),
    Column("lease_until", Moment),
    Column("claimed_at", Moment),
    Column("resubmit", String),
    Column("duplicates", Integer, nullable=False, server_default="0"),
    # Of its only segment, which has no row of its own then; the segments of a longer one are in `segment`.
    Column("esm_class", Integer),
    Column("short_message", LargeBinary),
    Column("tlvs", LargeBinary),
    Column("message_id", String),
    Column("message_id_key", String),  # without what SMSCs write differently in a receipt: case, zeros, dashes
    Column("command_status", Integer),
    Column("vendor", Json),
    Column("expires_at", Moment),
    Column("sealed", String),  # the key that its text and its segments' octets are sealed with
    Column("pinned", Integer, nullable=False, server_default="0"),
    Column(
        "wish", Text
    ),  # what it takes to compose it anew for another link; of one that an older version kept, nothing
    _partial("message_duplicates", "id", where="duplicates > 0"),
    # Each caller's names are his own: the same one of another's is another message.
    _partial(
        "message_client_reference", "client_reference", "caller", where="client_reference IS NOT NULL", unique=True
    ),
    _partial("message_idempotency_key", "idempotency_key", "caller", where="idempotency_key IS NOT NULL", unique=True),
    _partial("message_claim", "link", "priority", "next_attempt_at", "id", where="status = 'QUEUED'"),
    _partial("message_lease", "lease_until", where="status = 'SUBMITTING'"),
    Index("message_status", "status", "id"),
    _partial("message_message_id", "link", "message_id_key", where="message_id_key IS NOT NULL"),
    _partial("message_until_sent", "status", where="substr(sealed, 1, 1) = '~'"),
    _partial("message_expiry", "expires_at", where="status = 'QUEUED' AND expires_at IS NOT NULL"),
    _partial("message_doubt", "link", "destination_addr", where="status = 'IN_DOUBT'"),
    # A key is never given out twice: events and limbo outlive what they point at.
    sqlite_autoincrement=True,
)

segment = Table(
    "segment",
    metadata,
    Column("id", Key, primary_key=True),
    Column("message", Key, ForeignKey("message.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("link", String, nullable=False),
    Column("esm_class", Integer, nullable=False),
    Column("short_message", LargeBinary, nullable=False),
    Column("tlvs", LargeBinary, nullable=False, server_default=text("''")),
    Column("status", String, nullable=False),
    Column("message_id", String),
    Column("message_id_key", String),
    Column("command_status", Integer),
    Column("error", String),
    Column("error_meaning", String),
    Column("submitted_at", Moment),
    Column("final_at", Moment),
    Column("vendor", Json),
    UniqueConstraint("message", "number"),
    _partial("segment_message_id", "link", "message_id_key", where="message_id_key IS NOT NULL"),
)

event = Table(
    "event",
    metadata,
    Column("id", Key, primary_key=True),
    # One of the three: what happened to a message of ours, that a subscriber's came, or what happened to a link.
    Column("message", Key, ForeignKey("message.id", ondelete="CASCADE")),
    Column("received", Key, ForeignKey("received.id", ondelete="CASCADE")),
    Column("link", String),
    Column("segment", Integer),
    Column("at", Moment, nullable=False),
    Column("previous", String),
    Column("status", String, nullable=False),
    Column("detail", Json),
    Index("event_message", "message", "id"),
    _partial("event_received", "received", where="received IS NOT NULL"),
    _partial("event_link", "id", where="link IS NOT NULL"),
    # The id is what consumers tell repeats by: it must never come back.
    sqlite_autoincrement=True,
)

limbo = Table(
    "limbo",
    metadata,
    Column("id", Key, primary_key=True),
    # Of link, addresses and octets: an SMSC that repeats a receipt nobody knows must not fill the disk.
    Column("digest", String, nullable=False, unique=True),
    Column("link", String, nullable=False),
    Column("message_id", String, nullable=False),
    Column("forms", Json, nullable=False),
    Column("source_addr", String, nullable=False),
    Column("destination_addr", String, nullable=False),
    Column("message_status", String, nullable=False),
    Column("final", Integer, nullable=False),
    Column("error", String),
    Column("error_meaning", String),
    Column("done_at", Moment),
    Column("hlr", Json),
    Column("vendor", Json),
    Column("raw", LargeBinary, nullable=False),
    Column("received_at", Moment, nullable=False),
    Column("submitted_at", Moment),
    Column("dismissed_at", Moment),
    Index("limbo_link", "link", "id"),
    Index("limbo_source", "link", "source_addr"),
    Index("limbo_destination", "link", "destination_addr"),
    sqlite_autoincrement=True,
)

limbo_form = Table(
    "limbo_form",
    metadata,
    Column("link", String, primary_key=True),
    Column("form", String, primary_key=True),
    Column("limbo", Key, ForeignKey("limbo.id", ondelete="CASCADE"), primary_key=True),
    Index("limbo_form_limbo", "limbo"),
)

received = Table(
    "received",
    metadata,
    Column("id", Key, primary_key=True),
    Column("reference", String, nullable=False, unique=True),
    Column("link", String, nullable=False),
    Column("source_addr", String, nullable=False),
    Column("source_addr_ton", Integer, nullable=False),
    Column("source_addr_npi", Integer, nullable=False),
    Column("destination_addr", String, nullable=False),
    Column("dest_addr_ton", Integer, nullable=False),
    Column("dest_addr_npi", Integer, nullable=False),
    Column("text", Text, nullable=False),
    Column("octets", String),  # hexadecimal
    Column("coding", String, nullable=False),
    Column("data_coding", Integer, nullable=False),
    Column("esm_class", Integer, nullable=False),
    Column("segments", Integer, nullable=False),
    Column("missing", Json, nullable=False),
    Column("detail", Json, nullable=False),
    Column("received_at", Moment, nullable=False),
    sqlite_autoincrement=True,
)

received_segment = Table(
    "received_segment",
    metadata,
    Column("id", Key, primary_key=True),
    Column("link", String, nullable=False),
    Column("source_addr", String, nullable=False),
    Column("destination_addr", String, nullable=False),
    Column("carrier", String, nullable=False),
    Column("reference", Integer, nullable=False),
    Column("total", Integer, nullable=False),
    Column("pdu", LargeBinary, nullable=False),
    Column("received_at", Moment, nullable=False),
    Index("received_segment_key", "link", "source_addr", "destination_addr", "carrier", "reference", "total"),
)

webhook = Table(
    "webhook",
    metadata,
    Column("endpoint", String, primary_key=True),
    Column("event", Key, nullable=False),  # the last one it is done with; no foreign key: events are cleared away
    Column("disabled_at", Moment),
    Column("lease_owner", String),  # of several daemons on one database, one delivers
    Column("lease_until", Moment),
)

dead_letter = Table(
    "dead_letter",
    metadata,
    Column("id", Key, primary_key=True),
    Column("event", Key, ForeignKey("event.id", ondelete="CASCADE"), nullable=False),
    Column("endpoint", String, nullable=False),
    Column("at", Moment, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("reason", String, nullable=False),
    Column("replay_at", Moment),
    UniqueConstraint("event", "endpoint"),
    Index("dead_letter_endpoint", "endpoint", "id"),
    _partial("dead_letter_replay", "endpoint", "id", where="replay_at IS NOT NULL"),
    sqlite_autoincrement=True,
)

#: How many messages stand at each status, kept by every transaction; the sum over the shards counts.
tally = Table(
    "tally",
    metadata,
    Column("shard", Integer, primary_key=True, autoincrement=False),
    Column("status", String, primary_key=True),
    Column("number", BigInteger, nullable=False),
)

#: Every key that texts were ever sealed with here: a daemon that is started without one of them is told so at once.
seal_key = Table(
    "seal_key",
    metadata,
    Column("name", String, primary_key=True),
    Column("first_used_at", Moment, nullable=False),
)
