"""The only segment of a message stands in the message's own row: half the rows to write at every step."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | None = None
depends_on: str | None = None

OWN: dict[str, Any] = {
    "esm_class": sa.Integer(),
    "short_message": sa.LargeBinary(),
    "tlvs": sa.LargeBinary(),
    "message_id": sa.String(),
    "message_id_key": sa.String(),
    "command_status": sa.Integer(),
    "vendor": sa.Text(),
}
SHARED = ("link", "status", "error", "error_meaning", "submitted_at", "final_at")

message = sa.table("message", sa.column("id"), *map(sa.column, (*OWN, *SHARED)))
segment = sa.table("segment", sa.column("message"), sa.column("number"), *map(sa.column, (*OWN, *SHARED)))


def upgrade() -> None:
    for name, kind in OWN.items():
        op.add_column("message", sa.Column(name, kind))
    only = sa.select(segment.c.message).group_by(segment.c.message).having(sa.func.count() == 1)
    op.execute(
        sa.update(message)
        .where(segment.c.message == message.c.id, message.c.id.in_(only))
        .values({name: segment.c[name] for name in OWN})
    )
    op.execute(sa.delete(segment).where(segment.c.message.in_(only)))
    condition = sa.text("message_id_key IS NOT NULL")
    columns = ["link", "message_id_key"]
    op.create_index("message_message_id", "message", columns, sqlite_where=condition, postgresql_where=condition)


def downgrade() -> None:
    op.drop_index("message_message_id", "message")
    names = [*SHARED, *OWN]
    only = sa.select(message.c.id, sa.literal_column("1"), *[message.c[name] for name in names])
    own = only.where(message.c.short_message.is_not(None))
    op.execute(sa.insert(segment).from_select(["message", "number", *names], own))
    for name in OWN:
        op.drop_column(
            "message", name
        )  # not as a batch, which on SQLite makes the table anew: segments would go with it
