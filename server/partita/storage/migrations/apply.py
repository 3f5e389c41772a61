"""Runs the revisions that a database lacks, inside a transaction of ours."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection


def alembic_config(connection: Connection | None = None, *, directory: Path | None = None) -> Config:
    """Alembic's settings: the revisions in this package, or in `directory`."""
    config = Config()
    config.set_main_option("script_location", str(directory or Path(__file__).parent))
    config.attributes["connection"] = connection
    return config


def apply(connection: Connection, *, to: str = "head") -> None:
    """Bring the schema of `connection` to revision `to`."""
    command.upgrade(alembic_config(connection), to)
