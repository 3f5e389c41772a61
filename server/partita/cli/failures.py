"""How an error reaches the person who typed the command: one message on standard error, and an exit code."""

from __future__ import annotations

from enum import IntEnum

import click

from partita.errors import DefinitionError, PartitaError, RequestError, SettingsError, WorkspaceError

WRONG_USE = (SettingsError, WorkspaceError, RequestError, DefinitionError)


class Exit(IntEnum):
    """What the exit code of a command says."""

    DONE = 0
    FAILED = 1
    WRONG_USE = 2
    UNREACHABLE = 3
    INTERRUPTED = 130


class CommandError(PartitaError):
    """A command cannot do what was asked for; carries the exit code."""

    code = "command"

    def __init__(self, message: str, *, exit_code: Exit = Exit.FAILED) -> None:
        self.exit_code = exit_code
        super().__init__(message)


def report(error: Exception) -> int:
    """Tell a person about `error` and return the exit code."""
    from partita.cli.remote import exit_code_of

    if isinstance(error, PartitaError):
        _tell(error.message)
        return _code(error)
    known = exit_code_of(error)
    if known is not None:
        _tell(getattr(error, "message", None) or str(error))
        return known
    _tell(f"This is a bug in Partita: {type(error).__name__}: {error}\nRun the same with --debug to see where.")
    return Exit.FAILED


def _code(error: PartitaError) -> int:
    if isinstance(error, CommandError):
        return error.exit_code
    return Exit.WRONG_USE if isinstance(error, WRONG_USE) else Exit.FAILED


def _tell(message: str) -> None:
    click.echo(click.style("Error: ", fg="red", bold=True) + message, err=True)
