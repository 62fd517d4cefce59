"""What is forgotten as soon as it is sent, and what gives up while it waits, is found without looking at the rest."""

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.drop_column("received", "sealed")
    op.drop_column("limbo", "sealed")
    until_sent = sa.text("substr(sealed, 1, 1) = '~'")
    op.create_index("message_until_sent", "message", ["status"], sqlite_where=until_sent, postgresql_where=until_sent)
    expiring = sa.text("status = 'QUEUED' AND expires_at IS NOT NULL")
    op.create_index("message_expiry", "message", ["expires_at"], sqlite_where=expiring, postgresql_where=expiring)


def downgrade() -> None:
    op.drop_index("message_expiry", "message")
    op.drop_index("message_until_sent", "message")
    op.add_column("limbo", sa.Column("sealed", sa.String()))
    op.add_column("received", sa.Column("sealed", sa.String()))
