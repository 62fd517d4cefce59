"""What a segment's submit_sm carries in TLVs, and what the SMSC's own TLVs say in a receipt."""

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.add_column("segment", sa.Column("tlvs", sa.LargeBinary(), nullable=False, server_default=sa.text("''")))
    op.add_column("segment", sa.Column("vendor", sa.Text()))
    op.add_column("limbo", sa.Column("vendor", sa.Text()))


def downgrade() -> None:
    with op.batch_alter_table("limbo", table_kwargs={"sqlite_autoincrement": True}) as limbo:
        limbo.drop_column("vendor")
    with op.batch_alter_table("segment") as segment:
        segment.drop_column("vendor")
        segment.drop_column("tlvs")
