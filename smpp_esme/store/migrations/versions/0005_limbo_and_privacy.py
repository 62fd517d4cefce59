"""Doubts that a receipt ends, limbo to look through and to tidy, validity, and texts sealed at rest."""

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.add_column("message", sa.Column("expires_at", sa.BigInteger()))
    op.add_column("message", sa.Column("sealed", sa.String()))
    op.add_column("received", sa.Column("sealed", sa.String()))
    op.add_column("limbo", sa.Column("sealed", sa.String()))
    op.add_column("limbo", sa.Column("submitted_at", sa.BigInteger()))
    op.add_column("limbo", sa.Column("dismissed_at", sa.BigInteger()))
    condition = sa.text("status = 'IN_DOUBT'")
    columns = ["link", "destination_addr"]
    op.create_index("message_doubt", "message", columns, sqlite_where=condition, postgresql_where=condition)
    op.create_index("limbo_link", "limbo", ["link", "id"])
    op.create_index("limbo_source", "limbo", ["link", "source_addr"])
    op.create_index("limbo_destination", "limbo", ["link", "destination_addr"])
    op.create_table(
        "seal_key",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("first_used_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="seal_key_pkey"),
    )


def downgrade() -> None:
    op.drop_table("seal_key")
    op.drop_index("limbo_destination", "limbo")
    op.drop_index("limbo_source", "limbo")
    op.drop_index("limbo_link", "limbo")
    op.drop_index("message_doubt", "message")
    with op.batch_alter_table("limbo", table_kwargs={"sqlite_autoincrement": True}) as limbo:
        limbo.drop_column("dismissed_at")
        limbo.drop_column("submitted_at")
        limbo.drop_column("sealed")
    with op.batch_alter_table("received", table_kwargs={"sqlite_autoincrement": True}) as received:
        received.drop_column("sealed")
    with op.batch_alter_table("message", table_kwargs={"sqlite_autoincrement": True}) as message:
        message.drop_column("sealed")
        message.drop_column("expires_at")
