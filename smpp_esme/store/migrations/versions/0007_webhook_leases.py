"""Who delivers to an endpoint, and until when; and an endpoint's dead letters, to be looked through."""

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.add_column("webhook", sa.Column("lease_owner", sa.String()))
    op.add_column("webhook", sa.Column("lease_until", sa.BigInteger()))
    op.create_index("dead_letter_endpoint", "dead_letter", ["endpoint", "id"])


def downgrade() -> None:
    op.drop_index("dead_letter_endpoint", "dead_letter")
    with op.batch_alter_table("webhook") as webhook:
        webhook.drop_column("lease_until")
        webhook.drop_column("lease_owner")
