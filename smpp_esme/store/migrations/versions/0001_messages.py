"""Messages, their segments and history, and receipts in limbo.

A migration is a photograph: it names plain types of its own, so that it still builds the same tables when `tables.py`
has moved on.
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | None = None
depends_on: str | None = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.BigInteger()
JSON = sa.Text()


def _partial(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


def upgrade() -> None:
    _create_message()
    _create_segment()
    _create_event()
    _create_limbo()


def _create_message() -> None:
    op.create_table(
        "message",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("client_reference", sa.String()),
        sa.Column("idempotency_key", sa.String()),
        sa.Column("idempotency_digest", sa.String()),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("source_addr", sa.String(), nullable=False),
        sa.Column("source_addr_ton", sa.Integer(), nullable=False),
        sa.Column("source_addr_npi", sa.Integer(), nullable=False),
        sa.Column("destination_addr", sa.String(), nullable=False),
        sa.Column("dest_addr_ton", sa.Integer(), nullable=False),
        sa.Column("dest_addr_npi", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("data_coding", sa.Integer(), nullable=False),
        sa.Column("registered_delivery", sa.Integer(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("link", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("error", sa.String()),
        sa.Column("error_meaning", sa.String()),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("next_attempt_at", MOMENT, nullable=False),
        sa.Column("submitted_at", MOMENT),
        sa.Column("final_at", MOMENT),
        sa.Column("hlr", JSON),
        sa.Column("lease_owner", sa.String()),
        sa.Column("lease_until", MOMENT),
        sa.Column("claimed_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="message_pkey"),
        sa.UniqueConstraint("reference", name="message_reference_key"),
        sqlite_autoincrement=True,
    )
    for name in ("client_reference", "idempotency_key"):
        _partial(f"message_{name}", "message", [name], f"{name} IS NOT NULL", unique=True)
    claim = ["link", "priority", "next_attempt_at", "id"]
    _partial("message_claim", "message", claim, "status = 'QUEUED'")
    _partial("message_lease", "message", ["lease_until"], "status = 'SUBMITTING'")
    op.create_index("message_status", "message", ["status", "id"])


def _create_segment() -> None:
    op.create_table(
        "segment",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("message", KEY, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("link", sa.String(), nullable=False),
        sa.Column("esm_class", sa.Integer(), nullable=False),
        sa.Column("short_message", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("message_id", sa.String()),
        sa.Column("message_id_key", sa.String()),
        sa.Column("command_status", sa.Integer()),
        sa.Column("error", sa.String()),
        sa.Column("error_meaning", sa.String()),
        sa.Column("submitted_at", MOMENT),
        sa.Column("final_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="segment_pkey"),
        sa.ForeignKeyConstraint(["message"], ["message.id"], "segment_message_fkey", ondelete="CASCADE"),
        sa.UniqueConstraint("message", "number", name="segment_message_key"),
    )
    _partial("segment_message_id", "segment", ["link", "message_id_key"], "message_id_key IS NOT NULL")


def _create_event() -> None:
    op.create_table(
        "event",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("message", KEY, nullable=False),
        sa.Column("segment", sa.Integer()),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("previous", sa.String()),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("detail", JSON),
        sa.PrimaryKeyConstraint("id", name="event_pkey"),
        sa.ForeignKeyConstraint(["message"], ["message.id"], "event_message_fkey", ondelete="CASCADE"),
        sqlite_autoincrement=True,
    )
    op.create_index("event_message", "event", ["message", "id"])


def _create_limbo() -> None:
    op.create_table(
        "limbo",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("link", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("forms", JSON, nullable=False),
        sa.Column("source_addr", sa.String(), nullable=False),
        sa.Column("destination_addr", sa.String(), nullable=False),
        sa.Column("message_status", sa.String(), nullable=False),
        sa.Column("final", sa.Integer(), nullable=False),
        sa.Column("error", sa.String()),
        sa.Column("error_meaning", sa.String()),
        sa.Column("done_at", MOMENT),
        sa.Column("hlr", JSON),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="limbo_pkey"),
        sa.UniqueConstraint("digest", name="limbo_digest_key"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "limbo_form",
        sa.Column("link", sa.String(), nullable=False),
        sa.Column("form", sa.String(), nullable=False),
        sa.Column("limbo", KEY, nullable=False),
        sa.PrimaryKeyConstraint("link", "form", "limbo", name="limbo_form_pkey"),
        sa.ForeignKeyConstraint(["limbo"], ["limbo.id"], "limbo_form_limbo_fkey", ondelete="CASCADE"),
    )
    op.create_index("limbo_form_limbo", "limbo_form", ["limbo"])


def downgrade() -> None:
    for table in ("limbo_form", "limbo", "event", "segment", "message"):
        op.drop_table(table)
