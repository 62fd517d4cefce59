"""Messages from subscribers, whom events were sent to, and dead letters."""

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | None = None
depends_on: str | None = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.BigInteger()
JSON = sa.Text()


def _partial(name: str, table: str, columns: list[str], where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, sqlite_where=condition, postgresql_where=condition)


def upgrade() -> None:
    _create_received()
    _let_events_be_of_received_messages()
    op.create_table(
        "webhook",
        sa.Column("endpoint", sa.String(), nullable=False),
        sa.Column("event", KEY, nullable=False),
        sa.Column("disabled_at", MOMENT),
        sa.PrimaryKeyConstraint("endpoint", name="webhook_pkey"),
    )
    op.create_table(
        "dead_letter",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("event", KEY, nullable=False),
        sa.Column("endpoint", sa.String(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("replay_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="dead_letter_pkey"),
        sa.ForeignKeyConstraint(["event"], ["event.id"], "dead_letter_event_fkey", ondelete="CASCADE"),
        sa.UniqueConstraint("event", "endpoint", name="dead_letter_event_key"),
        sqlite_autoincrement=True,
    )
    _partial("dead_letter_replay", "dead_letter", ["endpoint", "id"], "replay_at IS NOT NULL")


def _create_received() -> None:
    op.create_table(
        "received",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("link", sa.String(), nullable=False),
        sa.Column("source_addr", sa.String(), nullable=False),
        sa.Column("source_addr_ton", sa.Integer(), nullable=False),
        sa.Column("source_addr_npi", sa.Integer(), nullable=False),
        sa.Column("destination_addr", sa.String(), nullable=False),
        sa.Column("dest_addr_ton", sa.Integer(), nullable=False),
        sa.Column("dest_addr_npi", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("octets", sa.String()),
        sa.Column("coding", sa.String(), nullable=False),
        sa.Column("data_coding", sa.Integer(), nullable=False),
        sa.Column("esm_class", sa.Integer(), nullable=False),
        sa.Column("segments", sa.Integer(), nullable=False),
        sa.Column("missing", JSON, nullable=False),
        sa.Column("detail", JSON, nullable=False),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="received_pkey"),
        sa.UniqueConstraint("reference", name="received_reference_key"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "received_segment",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("link", sa.String(), nullable=False),
        sa.Column("source_addr", sa.String(), nullable=False),
        sa.Column("destination_addr", sa.String(), nullable=False),
        sa.Column("carrier", sa.String(), nullable=False),
        sa.Column("reference", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("pdu", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="received_segment_pkey"),
    )
    key = ["link", "source_addr", "destination_addr", "carrier", "reference", "total"]
    op.create_index("received_segment_key", "received_segment", key)


def _let_events_be_of_received_messages() -> None:
    """SQLite cannot alter a column, so the table is written anew; the last id given out must be remembered."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    last = sa.text("SELECT seq FROM sqlite_sequence WHERE name = 'event'")
    given_out = op.get_bind().execute(last).scalar() if is_sqlite else None
    with op.batch_alter_table("event", table_kwargs={"sqlite_autoincrement": True}) as event:
        event.alter_column("message", existing_type=KEY, nullable=True)
        event.add_column(sa.Column("received", KEY))
        event.create_foreign_key("event_received_fkey", "received", ["received"], ["id"], ondelete="CASCADE")
    _partial("event_received", "event", ["received"], "received IS NOT NULL")
    if given_out:
        # Of an empty table no id was copied, and SQLite would begin with 1 again.
        forget, remember = (
            "DELETE FROM sqlite_sequence WHERE name = 'event'",
            "INSERT INTO sqlite_sequence (name, seq) VALUES ('event', :seq)",
        )
        op.execute(sa.text(forget))
        op.execute(sa.text(remember).bindparams(seq=given_out))


def downgrade() -> None:
    for table in ("dead_letter", "webhook"):
        op.drop_table(table)
    op.drop_index("event_received", "event")
    op.execute("DELETE FROM event WHERE message IS NULL")
    with op.batch_alter_table("event", table_kwargs={"sqlite_autoincrement": True}) as event:
        event.drop_constraint("event_received_fkey", type_="foreignkey")
        event.drop_column("received")
        event.alter_column("message", existing_type=KEY, nullable=False)
    for table in ("received_segment", "received"):
        op.drop_table(table)
