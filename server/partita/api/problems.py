"""What stops a mutation, as values: every refused request becomes one or several of these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from partita.api.types.enums import MutationErrorCode
from partita.errors import (
    AlreadyFinishedError,
    ConflictError,
    InvalidConfigError,
    InvalidConfigErrors,
    LocationUnavailableError,
    NotFoundError,
    RequestError,
    UnknownPartitionError,
)
from partita.records.failures import PythonError
from partita.records.runs import Run
from partita.records.ticks import Tick


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """The value behind a `MutationError`."""

    type_name: str
    code: MutationErrorCode
    message: str
    path: tuple[str, ...] | None = None
    subject: str | None = None
    suggestions: tuple[str, ...] = ()
    run: Run | None = None
    expected: Any = None
    error: PythonError | None = None
    tick: Tick | None = None


def not_found(message: str, *, path: Sequence[str] | None = None, subject: str | None = None, suggestions: Sequence[str] = ()) -> Problem:
    """Something does not exist."""
    return Problem(
        type_name="NotFound",
        code=MutationErrorCode.NOT_FOUND,
        message=message,
        path=_path(path),
        subject=subject,
        suggestions=tuple(suggestions),
    )


def invalid(message: str, *, path: Sequence[str] | None = None, code: MutationErrorCode = MutationErrorCode.INVALID_INPUT) -> Problem:
    """The input contradicts itself or what is defined."""
    return Problem(type_name="InvalidInput", code=code, message=message, path=_path(path))


def config_problem(error: InvalidConfigError, *, expected: Any) -> Problem:
    """A config value that its schema refuses."""
    return Problem(
        type_name="RunConfigInvalid",
        code=MutationErrorCode.RUN_CONFIG_INVALID,
        message=error.message,
        path=error.path,
        suggestions=error.suggestions,
        expected=expected,
    )


def conflict(
    message: str, *, path: Sequence[str] | None = None, run: Run | None = None, code: MutationErrorCode = MutationErrorCode.CONFLICT
) -> Problem:
    """The request collides with what already happened."""
    return Problem(type_name="Conflict", code=code, message=message, path=_path(path), run=run)


def too_many(message: str, *, path: Sequence[str] | None = None) -> Problem:
    """The input asks for more than is allowed at once."""
    return invalid(message, path=path, code=MutationErrorCode.TOO_MANY)


def unavailable(message: str, *, error: PythonError | None) -> Problem:
    """A code location that has never loaded."""
    return Problem(type_name="CodeLocationUnavailable", code=MutationErrorCode.CODE_LOCATION_UNAVAILABLE, message=message, error=error)


def not_ended(message: str, *, tick: Tick) -> Problem:
    """What was asked for takes longer than an operation may; it goes on."""
    return Problem(type_name="NotEnded", code=MutationErrorCode.NOT_ENDED, message=message, tick=tick)


def _path(path: Sequence[str] | None) -> tuple[str, ...] | None:
    return tuple(path) if path else None


def problems_of(error: RequestError, *, path: Sequence[str] | None = None) -> list[Problem]:
    """What a refused request means to its caller. `path` leads to the part of the input that was wrong."""
    match error:
        case InvalidConfigErrors(errors=errors):
            return [config_problem(each, expected=None) for each in errors]
        case InvalidConfigError():
            return [config_problem(error, expected=None)]
        case NotFoundError(name=name):
            return [not_found(error.message, path=path, subject=name, suggestions=error.suggestions)]
        case UnknownPartitionError():
            return [invalid(error.message, path=path, code=MutationErrorCode.PARTITION_UNKNOWN)]
        case AlreadyFinishedError():
            return [conflict(error.message, path=path, code=MutationErrorCode.ALREADY_FINISHED)]
        case ConflictError():
            return [conflict(error.message, path=path)]
        case LocationUnavailableError():
            return [unavailable(error.message, error=None)]
        case _:
            return [invalid(error.message, path=path)]
