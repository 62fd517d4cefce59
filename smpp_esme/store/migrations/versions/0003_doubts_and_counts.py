"""What was sent again in doubt, each message's own policy, and how many messages stand at each status.

Counting the messages themselves takes longer with every message kept, so each transaction keeps the tally. Its rows are
sharded: daemons that share a PostgreSQL database would wait for one another at a single row.
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.add_column("message", sa.Column("resubmit", sa.String()))
    op.add_column("message", sa.Column("duplicates", sa.Integer(), nullable=False, server_default="0"))
    condition = sa.text("duplicates > 0")
    op.create_index("message_duplicates", "message", ["id"], sqlite_where=condition, postgresql_where=condition)
    op.create_table(
        "tally",
        sa.Column("shard", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("shard", "status", name="tally_pkey"),
    )
    op.execute("INSERT INTO tally (shard, status, number) SELECT 0, status, count(*) FROM message GROUP BY status")


def downgrade() -> None:
    op.drop_table("tally")
    op.drop_index("message_duplicates", "message")
    with op.batch_alter_table("message") as message:
        message.drop_column("duplicates")
        message.drop_column("resubmit")
