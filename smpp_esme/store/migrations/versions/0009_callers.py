"""Who handed a message in: an Idempotency-Key and a client_reference are each caller's own."""

import sqlalchemy as sa
from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | None = None
depends_on: str | None = None

NAMES = ("client_reference", "idempotency_key")


def upgrade() -> None:
    op.add_column("message", sa.Column("caller", sa.String(), nullable=False, server_default=sa.text("''")))
    for name in NAMES:
        given = sa.text(f"{name} IS NOT NULL")
        op.drop_index(f"message_{name}", "message")
        op.create_index(
            f"message_{name}", "message", [name, "caller"], unique=True, sqlite_where=given, postgresql_where=given
        )


def downgrade() -> None:
    for name in NAMES:
        given = sa.text(f"{name} IS NOT NULL")
        op.drop_index(f"message_{name}", "message")
        op.create_index(f"message_{name}", "message", [name], unique=True, sqlite_where=given, postgresql_where=given)
    op.drop_column("message", "caller")
