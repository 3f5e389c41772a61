"""What user code gives back: values with what is to be told about them, verdicts of checks, failures with a reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto
from typing import Any, Final, Generic, Literal, Protocol, TypeVar

from partita.errors import ExecutionError

T = TypeVar("T")


class Severity(StrEnum):
    """What a failed check means: WARN never stops anything."""

    WARN = "warn"
    ERROR = "error"


class NoValue(Enum):
    """The type of `NO_VALUE`."""

    NO_VALUE = auto()


NO_VALUE: Final = NoValue.NO_VALUE
"""A materialization without a value: the asset wrote itself, nothing is to be stored."""


class Nothing:
    """Order without a value: `pt.In(pt.Nothing)` is an input that only waits."""


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """The verdict of a check.

    Args:
        passed: whether the asset is as it should be.
        severity: what it means when it is not; `Severity.WARN` never stops anything.
        metadata: what led to the verdict.
        description: one sentence for people.
        name: which check, where an asset reports the verdict itself in its `Materialization`.

    Example:
        `return pt.CheckResult(passed=len(flights) > 0, metadata={"rows": len(flights)})`
    """

    passed: bool
    severity: Severity = Severity.ERROR
    metadata: Mapping[str, Any] = field(default_factory=dict)
    description: str | None = None
    name: str | None = None


@dataclass(frozen=True, kw_only=True)
class Materialization(Generic[T]):
    """An asset's new value and what is to be known about it.

    Args:
        value: what the IO manager stores; left out, nothing is stored.
        metadata: shown with the materialization.
        data_version: the version of the data, where the function knows better than Partita.
        checks: verdicts of checks that the function made on its way; each needs its `name`.

    Example:
        `return pt.Materialization(value=frame, metadata={"rows": len(frame)})`
    """

    value: T | Literal[NoValue.NO_VALUE] = NO_VALUE
    metadata: Mapping[str, Any] = field(default_factory=dict)
    data_version: str | None = None
    checks: Sequence[CheckResult] = ()


@dataclass(frozen=True)
class Output(Generic[T]):
    """The value of one output of an op.

    Args:
        value: what the IO manager stores.
        output: which output.
        metadata: shown with the output.

    Example:
        `yield pt.Output(n, output="even" if n % 2 == 0 else "odd")`
    """

    value: T
    output: str = field(default="result", kw_only=True)
    metadata: Mapping[str, Any] = field(default_factory=dict, kw_only=True)


class Failure(ExecutionError):  # noqa: N818 (users read `raise pt.Failure(...)`)
    """Raised by user code to fail its step with a reason and metadata.

    Args:
        reason: the sentence shown to people.
        metadata: what is to be known about the failure.
        allow_retry: False ends the step at once, whatever its retry policy says.

    Example:
        `raise pt.Failure("The feed is empty.", metadata={"url": url}, allow_retry=False)`
    """

    code = "failure"

    def __init__(self, reason: str, *, metadata: Mapping[str, Any] | None = None, allow_retry: bool = True) -> None:
        self.reason, self.metadata, self.allow_retry = reason, dict(metadata or {}), allow_retry
        super().__init__(reason)


class RunResult(Protocol):
    """What executing a job in this process gives back."""

    @property
    def success(self) -> bool:
        """Whether every step that should have run has succeeded."""
        ...

    @property
    def events(self) -> Sequence[Any]:
        """Every event of the run, in order."""
        ...

    @property
    def failed_steps(self) -> Sequence[str]:
        """Keys of the steps that failed."""
        ...

    def events_for(self, step: str) -> Sequence[Any]:
        """The events of one step."""
        ...

    def value(self, step: str) -> Any:
        """The value that an asset or step produced."""
        ...


Runner = Callable[..., RunResult]
