"""Whether a message stays on its link, and what it takes to compose it anew for another."""

import sqlalchemy as sa
from alembic import op

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    # Neither writes a row: a constant default stands in the schema.
    op.add_column("message", sa.Column("pinned", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("message", sa.Column("wish", sa.Text()))


def downgrade() -> None:
    op.drop_column("message", "wish")
    op.drop_column("message", "pinned")
