"""What can go wrong, sorted by who can mend it.

```
PartitaError
├── DefinitionError    the author: raised while definitions are made or loaded
├── RequestError       the caller: a well-formed question that cannot be granted
├── ExecutionError     the author of a step: the user's own exception is the cause
├── WorkspaceError     the author: a code location cannot be loaded
└── OperationError     the operator: storage, settings, leases
```

Every error carries its facts as attributes, builds its own message (what, where, what to do) and has a stable `code`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches


class PartitaError(Exception):
    """The root of every error that Partita raises on purpose."""

    code = "error"

    @property
    def message(self) -> str:
        """The sentence shown to a person."""
        return str(self)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name closest to `name`, or None when nothing is close."""
    names = [str(candidate) for candidate in known]
    by_case = {candidate.casefold(): candidate for candidate in names}
    if exact := by_case.get(name.casefold()):
        return exact
    tails: dict[str, str] = {candidate.rsplit("/", 1)[-1]: candidate for candidate in names}
    if whole := tails.get(name):
        return whole
    close = get_close_matches(name, names, n=1, cutoff=0.6)
    return close[0] if close else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A sentence that suggests the nearest known name, or an empty string; starts with a space."""
    found = nearest(name, known)
    return f" Did you mean {found!r}?" if found else ""


# ---- the author -----------------------------------------------------------------------------------------------------


class DefinitionError(PartitaError):
    """A definition is wrong; raised while code is being loaded. `file` and `line` lead to it where they are known."""

    code = "definition"
    file: str | None = None
    line: int | None = None


class DefinitionErrors(DefinitionError):  # noqa: N818 (several errors in one)
    """Several definitions are wrong; all of them are told together."""

    code = "definitions"

    def __init__(self, errors: Sequence[DefinitionError], where: str) -> None:
        self.errors = tuple(errors)
        lines = "\n".join(f"- {error}" for error in errors)
        super().__init__(f"{where} has {len(errors)} errors:\n{lines}")


class DuplicateNameError(DefinitionError):
    """Two definitions claim one name."""

    code = "duplicate-name"


class UnknownDependencyError(DefinitionError):
    """A definition names another that does not exist."""

    code = "unknown-dependency"


class EmptySelectionError(DefinitionError):
    """A selection means nothing that could be used."""

    code = "empty-selection"


class CycleError(DefinitionError):
    """Definitions depend on each other in a circle; `keys` are those in it."""

    code = "cycle"
    keys: tuple[object, ...] = ()


class SignatureError(DefinitionError):
    """A function's parameters or annotations cannot be understood."""

    code = "signature"


# ---- the caller -----------------------------------------------------------------------------------------------------


class RequestError(PartitaError):
    """A question that is well formed and cannot be granted."""

    code = "request"
    path: tuple[str, ...] = ()


class NotFoundError(RequestError):
    """No such thing; names the nearest one that exists."""

    code = "not-found"

    def __init__(self, kind: str, name: str, known: Iterable[str] = ()) -> None:
        self.kind, self.name = kind, name
        close = nearest(str(name), known)
        self.suggestions = (close,) if close else ()
        hint = f" Did you mean {close!r}?" if close else ""
        super().__init__(f"There is no {kind} {str(name)!r}.{hint}")


class AmbiguousNameError(RequestError):
    """A bare name fits several definitions."""

    code = "ambiguous-name"

    def __init__(self, kind: str, name: str, candidates: Sequence[str]) -> None:
        self.kind, self.name, self.candidates = kind, name, tuple(candidates)
        listed = ", ".join(candidates)
        super().__init__(f"{len(candidates)} {kind}s are called {name!r}: {listed}. Say which location or repository.")


class SelectionError(RequestError):
    """A selection string cannot be read; `column` counts from one."""

    code = "selection"

    def __init__(self, text: str, column: int, problem: str) -> None:
        self.text, self.column, self.problem = text, column, problem
        super().__init__(f"{problem} at column {column} of the selection:\n  {text}\n  {' ' * (column - 1)}^")


class PartitionsError(RequestError):
    """Partitions are missing where they are needed, or mean nothing for what is asked for."""

    code = "partitions"


class NotByTimeError(PartitionsError, AttributeError):
    """Partitions were asked for what those by time have; `hasattr` says no to it."""

    code = "partitions"


class ChoiceError(RequestError):
    """A part was chosen that cannot be run so; `kind` says of what: "asset" or "step"."""

    code = "choice"

    def __init__(self, kind: str, problem: str) -> None:
        self.kind = kind
        super().__init__(problem)


class UnknownPartitionError(PartitionsError):
    """A partition key that the partitions do not have."""

    code = "unknown-partition"

    def __init__(self, key: str, owner: str, hint: str = "") -> None:
        self.key, self.owner = key, owner
        super().__init__(f"{owner} has no partition {key!r}.{' ' + hint if hint else ''}")


class InvalidConfigError(RequestError):
    """A config value that its schema refuses; `path` leads to it."""

    code = "invalid-config"

    def __init__(self, path: Sequence[str], problem: str, suggestions: Sequence[str] = ()) -> None:
        self.path, self.problem, self.suggestions = tuple(path), problem, tuple(suggestions)
        hint = f" Did you mean {suggestions[0]!r}?" if suggestions else ""
        super().__init__(f"Config at {'.'.join(path) or 'the top'}: {problem}.{hint}")


class InvalidConfigErrors(RequestError):  # noqa: N818 (several errors in one)
    """Every config value that was refused, together."""

    code = "invalid-config"

    def __init__(self, errors: Sequence[InvalidConfigError]) -> None:
        self.errors = tuple(errors)
        super().__init__("\n".join(str(error) for error in errors))


class ConflictError(RequestError):
    """The request collides with what already happened."""

    code = "conflict"


class AlreadyFinishedError(ConflictError):
    """The run or backfill has ended, so it cannot be changed."""

    code = "already-finished"

    def __init__(self, run_id: str, status: str, *, kind: str = "Run") -> None:
        self.run_id, self.status = run_id, status
        super().__init__(f"{kind} {run_id} has already ended ({status}).")


class LocationUnavailableError(RequestError):
    """The code location has never loaded, so nothing of it can run."""

    code = "code-location-unavailable"


# ---- the author of a step -------------------------------------------------------------------------------------------


class ExecutionError(PartitaError):
    """A step could not do its work."""

    code = "execution"


class StepFailedError(ExecutionError):
    """User code raised; its exception is the cause."""

    code = "step-failed"


class InputMissingError(ExecutionError):
    """A step's input was never stored."""

    code = "input-missing"


class OutputMissingError(ExecutionError):
    """A step ended without a value that it owes."""

    code = "output-missing"


class CheckFailedError(ExecutionError):
    """A blocking check found its asset not to be as it should be."""

    code = "check-failed"

    def __init__(self, asset: str, check: str, description: str | None = None) -> None:
        self.asset, self.check = str(asset), check
        why = f": {description}" if description else "."
        super().__init__(f"Blocking check {check!r} of asset {self.asset!r} failed{why}")


class StepTimeoutError(ExecutionError):
    """A step ran longer than its timeout."""

    code = "step-timeout"


class RunTimeoutError(ExecutionError):
    """A run took longer than its job's timeout, so its steps were ended."""

    code = "run-timeout"
    allow_retry = False

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(f"The run took longer than its timeout of {seconds:g} s and was ended.")


# ---- the workspace --------------------------------------------------------------------------------------------------


class WorkspaceError(PartitaError):
    """The workspace file or a code location cannot be loaded."""

    code = "workspace"


# ---- the operator ---------------------------------------------------------------------------------------------------


class OperationError(PartitaError):
    """Something around Partita needs an operator."""

    code = "operation"


class StorageUnavailableError(OperationError):
    """The database does not answer."""

    code = "storage-unavailable"


class SchemaVersionError(OperationError):
    """The database has another schema than this version of Partita."""

    code = "schema-version"


class SettingsError(OperationError):
    """A setting is wrong."""

    code = "settings"


class LeaseLostError(OperationError):
    """Another owner holds the lease now; what was to be written is refused."""

    code = "lease-lost"

    def __init__(self, what: str, epoch: int) -> None:
        self.what, self.epoch = what, epoch
        super().__init__(f"The lease of {what} (epoch {epoch}) is held by another owner.")
