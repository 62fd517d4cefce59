"""Runs the migrations on the connection that `schema.migrate` hands over."""

from alembic import context

from smpp_esme.store.schema import REVISION_TABLE
from smpp_esme.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=REVISION_TABLE,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
