"""The history of the schema, for Alembic. Never edit a revision that was released: add one."""
