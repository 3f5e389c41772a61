"""Alembic runs this for every command. The connection comes from `apply`, with a transaction already begun."""

from __future__ import annotations

from alembic import context

from partita.storage.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
