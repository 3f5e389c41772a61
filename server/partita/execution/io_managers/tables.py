"""Values as tables of one DuckDB file."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_origin

from partita.definitions.io import InputContext, IOManager, OutputContext
from partita.errors import ExecutionError
from partita.execution.extras import needed
from partita.execution.io_managers.formats import wanted_library
from partita.execution.io_managers.missing import missing_input

_PARTITION = "_partition"
"""Column that says which partition a row is of."""
_WRITTEN = "main._partitions"
"""Table of the partitions that were written."""


class DuckDBIO(IOManager):
    """Stores data frames, Arrow tables and lists of dicts as tables of a DuckDB file.

    Asset `marts/orders` is table `orders` of schema `marts`. The rows of a partition carry its key in the column `_partition`, which is left out
    when they are loaded; writing a partition replaces its rows. DuckDB lets one process at a time into a file: those who store or load
    take turns, be they steps of one run or of several on this machine.

    Args:
        path: the file; made when it is not there.

    Example:
        `pt.Repository("flights", assets=[...], io_managers={"io_manager": pt.DuckDBIO("flights.duckdb")})`
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        # A worker's processes may have another directory than the module that declares this.
        self.path = Path(path).absolute()

    def __repr__(self) -> str:
        return f"DuckDBIO({str(self.path)!r})"

    def save(self, context: OutputContext, value: Any) -> None:
        """Store `value`; what was there before is replaced.

        Raises:
            ExecutionError: it is no table, or has other columns than the table that it is a partition of.
        """
        arrow = _to_arrow(value, context)
        schema, table = _name_of(context)
        with self._connection() as connection:
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {_quoted(schema)}")
            connection.register("given", arrow)
            target = f"{_quoted(schema)}.{_quoted(table)}"
            if context.partition_key is None:
                connection.execute(f"CREATE OR REPLACE TABLE {target} AS SELECT * FROM given")
            else:
                _replace_rows(connection, target, context)
        context.add_metadata({"table": f"{schema}.{table}", "rows": arrow.num_rows})

    def load(self, context: InputContext) -> Any:
        """The stored table, as what the reader's annotation asks for; a pandas data frame unless it says otherwise.

        Raises:
            InputMissingError: there is none; names the asset, the partition and what to do.
        """
        assert context.upstream is not None
        schema, table = _name_of(context.upstream)
        where = f"table {schema}.{table} of {self.path}"
        if not self.path.exists():
            raise missing_input(context, where)
        with self._connection() as connection:
            columns = _columns(connection, schema, table)
            arrow = _rows(connection, f"{_quoted(schema)}.{_quoted(table)}", context.upstream.partition_key, columns) if columns else None
        if arrow is None:
            raise missing_input(context, where)
        return _from_arrow(arrow, context.type_hint)

    @contextmanager
    def _connection(self) -> Iterator[Any]:
        """The file, for us alone."""
        duckdb = needed("duckdb", extra="duckdb", who=repr(self))
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.with_name(f".{self.path.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                connection = duckdb.connect(str(self.path))
            except duckdb.Error as error:
                raise ExecutionError(f"{self!r} cannot be opened: {error}") from error
            try:
                yield connection
            finally:
                connection.close()


def _name_of(context: OutputContext) -> tuple[str, str]:
    """Schema and table of a value."""
    if context.asset_key is None:
        return "_runs", "/".join((context.run_id, context.step_key, context.output))
    *above, name = context.asset_key.path
    return "/".join(above) or "main", name


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _columns(connection: Any, schema: str, table: str) -> list[str]:
    found = connection.execute("SELECT column_name FROM information_schema.columns WHERE table_schema = ? AND table_name = ?", [schema, table])
    return [name for (name,) in found.fetchall()]


def _replace_rows(connection: Any, target: str, context: OutputContext) -> None:
    """Put the rows of a partition in the place of those that it had; all of it or nothing."""
    key = context.partition_key
    connection.execute("BEGIN")
    try:
        connection.execute(f"CREATE TABLE IF NOT EXISTS {target} AS SELECT *, '' AS {_PARTITION} FROM given LIMIT 0")
        connection.execute(f"DELETE FROM {target} WHERE {_PARTITION} = ?", [key])
        connection.execute(f"INSERT INTO {target} BY NAME SELECT *, ? AS {_PARTITION} FROM given", [key])
        # A partition may have no rows, and is not missing then.
        connection.execute(f"CREATE TABLE IF NOT EXISTS {_WRITTEN} (target VARCHAR, key VARCHAR, PRIMARY KEY (target, key))")
        connection.execute(f"INSERT OR IGNORE INTO {_WRITTEN} VALUES (?, ?)", [target, key])
        connection.execute("COMMIT")
    except Exception as error:
        connection.execute("ROLLBACK")
        raise ExecutionError(
            f"Partition {key!r} of {context.step_key!r} does not fit into table {target}: {error} Drop the table to write its partitions anew."
        ) from error


def _rows(connection: Any, target: str, partition: str | None, columns: Sequence[str]) -> Any:
    """The rows as an Arrow table; None: the partition was never written."""
    shown = ", ".join(_quoted(name) for name in columns if name != _PARTITION)
    if partition is None:
        return connection.sql(f"SELECT {shown} FROM {target}").to_arrow_table()
    if _PARTITION not in columns or not connection.execute(f"SELECT 1 FROM {_WRITTEN} WHERE target = ? AND key = ?", [target, partition]).fetchall():
        return None
    return connection.sql(f"SELECT {shown} FROM {target} WHERE {_PARTITION} = ?", params=[partition]).to_arrow_table()


def _to_arrow(value: Any, context: OutputContext) -> Any:
    arrow = needed("pyarrow", extra="duckdb", who="DuckDBIO")
    match type(value).__module__.partition(".")[0]:
        case "pandas" if hasattr(value, "columns"):
            return arrow.Table.from_pandas(value, preserve_index=False)
        case "polars" if hasattr(value, "collect_schema"):
            return (value.collect() if hasattr(value, "collect") else value).to_arrow()
        case "pyarrow" if isinstance(value, arrow.Table):
            return value
    if isinstance(value, Sequence) and not isinstance(value, str | bytes) and value and all(isinstance(row, Mapping) for row in value):
        return arrow.Table.from_pylist([dict(row) for row in value])
    kind = f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
    raise ExecutionError(
        f"Output {context.output!r} of step {context.step_key!r} is a {kind}, which DuckDBIO cannot store. "
        "Return a data frame, an Arrow table or a list of dicts that is not empty, or use another IO manager."
    )


def _from_arrow(table: Any, hint: Any) -> Any:
    if get_origin(hint) is list or hint is list:
        return table.to_pylist()
    match wanted_library(hint):
        case "pyarrow":
            return table
        case "polars":
            return needed("polars", extra="polars", who="DuckDBIO").from_arrow(table)
        case _:
            needed("pandas", extra="pandas", who="DuckDBIO")
            return table.to_pandas()
