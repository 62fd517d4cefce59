"""What happened to a link is an event as well."""

import sqlalchemy as sa
from alembic import op

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.add_column("event", sa.Column("link", sa.String()))
    of_links = sa.text("link IS NOT NULL")
    op.create_index("event_link", "event", ["id"], sqlite_where=of_links, postgresql_where=of_links)


def downgrade() -> None:
    op.drop_index("event_link", "event")
    op.execute("DELETE FROM event WHERE link IS NOT NULL")
    op.drop_column("event", "link")
