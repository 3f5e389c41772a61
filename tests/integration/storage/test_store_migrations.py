from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from partita.definitions.keys import AssetKey
from partita.errors import StorageUnavailableError
from partita.records.assets import PartitionStatus
from partita.storage import schema, sqlite
from partita.storage.migrations import apply as migrations
from partita.storage.store import Store
from partita.storage.tables import metadata
from support.stores import claim, launch, url_of

Tables = dict[tuple[str, str], str]


def tables_of(database: Path) -> Tables:
    """Every table and index of a database, as the statement that makes it. A column that was added later is the last of its table."""
    with sqlite.driver().connect(database) as connection:
        rows = connection.execute("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    plain = [(kind, name, re.sub(r"\s+", " ", sql)) for kind, name, sql in rows]
    return {(kind, name): in_order(sql) if kind == "table" else sql for kind, name, sql in plain}


def in_order(statement: str) -> str:
    """A statement with the parts of its outermost list sorted: adding a column puts it behind the table's constraints."""
    head, _, body = statement.partition("(")
    parts, depth = [""], 0
    for letter in body[: body.rindex(")")]:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return f"{head}({', '.join(sorted(part.strip() for part in parts))}{body[body.rindex(')') :]}"


def migrate(database: Path) -> None:
    """Make the tables by running every revision."""
    with create_engine(f"sqlite:///{database}", module=sqlite.driver()).begin() as connection:
        migrations.apply(connection)


def test_the_revisions_make_the_same_tables_as_the_code(tmp_path: Path) -> None:
    with Store(url_of(tmp_path)) as store:
        made = tables_of(store.database_path)

    migrate(tmp_path / "migrated.db")

    assert tables_of(tmp_path / "migrated.db") == made


def test_no_table_was_changed_without_a_revision(tmp_path: Path) -> None:
    migrate(tmp_path / "migrated.db")

    with create_engine(f"sqlite:///{tmp_path / 'migrated.db'}", module=sqlite.driver()).connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_the_newest_revision_is_the_one_that_the_code_needs() -> None:
    revisions = ScriptDirectory.from_config(migrations.alembic_config())

    assert revisions.get_current_head() == schema.HEAD
    assert all(re.fullmatch(r"\d{4}", revision.revision) for revision in revisions.walk_revisions())


def test_a_migrated_database_works(tmp_path: Path) -> None:
    migrate(tmp_path / "partita.db")

    with Store(url_of(tmp_path), migrate=False) as store:
        assert store.runs.get(launch(store, "orders").id)


def test_a_database_of_the_first_schema_is_upgraded_with_all_that_it_holds(tmp_path: Path) -> None:
    with create_engine(url_of(tmp_path), module=sqlite.driver()).begin() as connection:
        migrations.apply(connection, to="0001")
        connection.execute(text(OLD_RUN), {"request": '{"location":"here","repository":"main","assets":["orders"]}'})

    with Store(url_of(tmp_path)) as store:
        [run] = store.runs.list().items
        assert (run.id, run.request.assets, run.request.tick_id) == ("run_1", (AssetKey("orders"),), None)
        assert [each.run.id for each in claim(store)] == ["run_1"]
    (tmp_path / "new").mkdir()
    with Store(url_of(tmp_path / "new")) as made:
        assert tables_of(tmp_path / "partita.db") == tables_of(made.database_path)


def test_partitions_that_were_there_are_counted(tmp_path: Path) -> None:
    with create_engine(url_of(tmp_path), module=sqlite.driver()).begin() as connection:
        migrations.apply(connection, to="0003")
        connection.execute(text("INSERT INTO assets (id, key) VALUES (1, 'orders')"))
        for number, status in enumerate(["materialized", "materialized", "failed"]):
            connection.execute(text(f"INSERT INTO asset_partitions (asset_id, partition_id, status) VALUES (1, {number}, '{status}')"))

    with Store(url_of(tmp_path)) as store:
        assert store.assets.partition_counts([AssetKey("orders")]) == {"orders": {PartitionStatus.MATERIALIZED: 2, PartitionStatus.FAILED: 1}}


OLD_RUN = """
INSERT INTO runs (id, short_id, location, repository, status, priority, created_at, attempt, root_id, request, last_seq, has_partitions)
VALUES ('run_1', '1', 'here', 'main', 'queued', 0, 1, 1, 'run_1', :request, 0, 0)
"""
REVISION = '''
"""A later revision, for the test."""

import sqlalchemy as sa
from alembic import op

revision = "0099"
down_revision = "{head}"


def upgrade() -> None:
    op.add_column("runs", sa.Column("color", sa.Text()))
    {more}
'''


@pytest.fixture
def later_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A world in which the code needs one revision more."""
    package = Path(migrations.__file__).parent
    copy = tmp_path / "migrations"
    (copy / "versions").mkdir(parents=True)
    for path in (package / "env.py", *(package / "versions").glob("*.py")):
        (copy / path.relative_to(package)).write_text(path.read_text())
    (copy / "versions/0099_later.py").write_text(REVISION.format(head=schema.HEAD, more=""))
    config = migrations.alembic_config
    monkeypatch.setattr(migrations, "alembic_config", lambda connection=None: config(connection, directory=copy))
    return copy / "versions/0099_later.py"


def needing(monkeypatch: pytest.MonkeyPatch, revision: str) -> None:
    """Let the code need another revision than it does."""
    state = schema.SchemaState
    monkeypatch.setattr(schema, "SchemaState", lambda *, found: state(found=found, needed=revision))


def test_an_older_database_is_copied_and_upgraded(tmp_path: Path, later_revision: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store(url_of(tmp_path)) as store:
        run = launch(store, "orders")
    needing(monkeypatch, "0099")

    before = schema.upgrade(url_of(tmp_path))

    assert (before.found, before.needed) == (schema.HEAD, "0099")
    assert schema.state(url_of(tmp_path)).is_current
    assert "color" in tables_of(tmp_path / "partita.db")["table", "runs"]
    assert "color" not in tables_of(tmp_path / f"partita.db.{schema.HEAD}.bak")["table", "runs"]
    with Store(url_of(tmp_path)) as store:
        assert store.runs.get(run.id) == run


def test_a_revision_that_fails_changes_nothing(tmp_path: Path, later_revision: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Store(url_of(tmp_path)).close()
    later_revision.write_text(REVISION.format(head=schema.HEAD, more='raise RuntimeError("half way")'))
    needing(monkeypatch, "0099")

    with pytest.raises(RuntimeError, match="half way"):
        Store(url_of(tmp_path))

    assert schema.state(url_of(tmp_path)).found == schema.HEAD
    assert "color" not in tables_of(tmp_path / "partita.db")["table", "runs"]

    later_revision.write_text(REVISION.format(head=schema.HEAD, more=""))
    Store(url_of(tmp_path)).close()
    assert schema.state(url_of(tmp_path)).is_current


def test_upgrading_makes_a_database_that_does_not_exist(tmp_path: Path) -> None:
    assert schema.upgrade(url_of(tmp_path)).found is None
    assert schema.upgrade(url_of(tmp_path)).is_current
    Store(url_of(tmp_path), migrate=False).close()


def test_asking_for_the_state_of_a_database_makes_none(tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailableError, match="There is no database"):
        schema.state(url_of(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_alembic_is_not_imported_unless_a_migration_is_due(tmp_path: Path) -> None:
    script = """
        import sys
        from partita.storage.store import Store
        Store(sys.argv[1]).close()
        Store(sys.argv[1]).close()
        print([name for name in ("alembic", "asyncpg", "psycopg", "starlette", "strawberry") if name in sys.modules])
    """
    done = subprocess.run([sys.executable, "-c", dedent(script), url_of(tmp_path)], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
