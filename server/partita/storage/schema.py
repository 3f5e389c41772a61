"""Which schema a database has, and how it gets the one that this version of Partita needs.

Alembic is imported only when a migration is due: it costs more than opening a database.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Column, Connection, MetaData, String, Table, insert, inspect, select

from partita.errors import SchemaVersionError
from partita.storage.counted import counting_statements
from partita.storage.engine import Database
from partita.storage.tables import admission, metadata

HEAD = "0006"
"""The revision this code works with. Revisions are numbers of four digits, so text order is their order."""

_alembic = MetaData()
alembic_version = Table("alembic_version", _alembic, Column("version_num", String(32), primary_key=True))
_alembic_key = alembic_version.primary_key
_alembic_key.name = "alembic_version_pkc"


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaState:
    """The revision of a database, None when it has no tables yet, and the one that is needed."""

    found: str | None
    needed: str = HEAD

    @property
    def is_current(self) -> bool:
        """True when there is nothing to do."""
        return self.found == self.needed

    @property
    def is_newer(self) -> bool:
        """True when a later version of Partita has upgraded it."""
        return self.found is not None and self.found > self.needed


def prepare(database: Database, *, migrate: bool) -> SchemaState:
    """Make sure the database has the schema that is needed. Answers what it had before.

    Raises:
        SchemaVersionError: it is newer; or it is older, or empty, and `migrate` is False.
    """
    state = database.read(state_of)
    if state.is_current:
        return state
    if not migrate or state.is_newer:
        _refuse(database, state)
    if state.found is None:
        database.write(_create)
        return state
    _migrate(database, state)
    return state


def state(url: str) -> SchemaState:
    """The state of the database at `url`; it is not changed."""
    database = Database(url)
    try:
        database.remember()
        return database.read(state_of)
    finally:
        database.close()


def upgrade(url: str) -> SchemaState:
    """Bring the database at `url` up to date, creating it if there is none. Answers what it was before."""
    database = Database(url)
    try:
        database.create()
        return prepare(database, migrate=True)
    finally:
        database.close()


def state_of(connection: Connection) -> SchemaState:
    """The schema that the database has.

    Raises:
        SchemaVersionError: the database belongs to something else.
    """
    tables = inspect(connection).get_table_names()
    if alembic_version.name in tables:
        return SchemaState(found=connection.execute(select(alembic_version.c.version_num)).scalar_one_or_none())
    if tables:
        raise SchemaVersionError(f"The database holds tables of another program, such as {tables[0]!r}. Choose another file in storage.url.")
    return SchemaState(found=None)


def _create(connection: Connection) -> None:
    if state_of(connection).found is not None:
        return  # another process was faster
    metadata.create_all(connection, checkfirst=False)
    for statement in counting_statements(connection.dialect.name):
        connection.exec_driver_sql(statement)
    _alembic.create_all(connection, checkfirst=False)
    connection.execute(insert(alembic_version).values(version_num=HEAD))
    connection.execute(insert(admission).values(id=1))


def _migrate(database: Database, state: SchemaState) -> None:
    from partita.storage.migrations.apply import apply  # Alembic takes half a second to import

    database.copy(f".{state.found}.bak")
    database.write(apply)


def _refuse(database: Database, state: SchemaState) -> None:
    where = f"The database {database.place}"
    if state.is_newer:
        raise SchemaVersionError(
            f"{where} has schema {state.found}, made by a newer Partita; this one knows up to {state.needed}. "
            f"Upgrade Partita, or restore the copy that was made before."
        )
    if state.found is None:
        raise SchemaVersionError(f"{where} is empty. Create its tables with `partita db upgrade`.")
    raise SchemaVersionError(f"{where} has schema {state.found}; this Partita needs {state.needed}. Run `partita db upgrade`, which copies it first.")
