"""Alembic's entry point: migrates over the connection that `curator.store.schema.migrate` hands in."""

from alembic import context

from curator.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters a table by copying it
)
with context.begin_transaction():
    context.run_migrations()
