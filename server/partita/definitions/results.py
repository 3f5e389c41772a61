"""What user code gives back: values with what is to be told about them, verdicts of checks, failures with a reason."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from enum import Enum, StrEnum, auto
from typing import Any, Final, Generic, Literal, Protocol, TypeVar

from partita.definitions.policies import is_count, is_duration
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


@dataclass(frozen=True)
class CheckResult:
    """The verdict of a check.

    Args:
        passed: whether the asset is as it should be.
        severity: what it means when it is not; `Severity.WARN` never stops anything.
        metadata: what led to the verdict.
        description: one sentence for people.
        name: which check, where an asset reports the verdict itself in its `Materialization`.
        asset: which asset, where a step that computes several reports the verdict itself.

    Example:
        `return pt.CheckResult(passed=len(flights) > 0, metadata={"rows": len(flights)})`
    """

    passed: bool
    _: KW_ONLY
    severity: Severity = Severity.ERROR
    metadata: Mapping[str, Any] = field(default_factory=dict)
    description: str | None = None
    name: str | None = None
    asset: str | None = None


@dataclass(frozen=True, kw_only=True)
class Materialization(Generic[T]):
    """An asset's new value and what is to be known about it.

    Args:
        value: what the IO manager stores; left out, nothing is stored.
        metadata: shown with the materialization.
        data_version: the version of the data, where the function knows better than Partita.
        checks: verdicts of checks that the function made on its way; each needs its `name`.
        asset: which asset, where a step computes several: its key, or the key's last segment where that is clear.

    Example:
        `return pt.Materialization(value=frame, metadata={"rows": len(frame)})`

    Raises:
        ExecutionError: a version that is no text.
    """

    value: T | Literal[NoValue.NO_VALUE] = NO_VALUE
    metadata: Mapping[str, Any] = field(default_factory=dict)
    data_version: str | None = None
    checks: Sequence[CheckResult] = ()
    asset: str | None = None

    def __post_init__(self) -> None:
        _check_version(self.data_version, "Materialization")


@dataclass(frozen=True, kw_only=True)
class Observation:
    """What a look at data that is written elsewhere has found.

    Args:
        data_version: what tells this data from other: a checksum, a time of last change, a number of rows. What depends on the
            asset becomes stale when it changes. Left out, the data counts as it did before.
        metadata: shown with the observation.

    Example:
        `return pt.Observation(data_version=etag, metadata={"bytes": size})`

    Raises:
        ExecutionError: a version that is no text.
    """

    data_version: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_version(self.data_version, "Observation")


def _check_version(version: object, given_to: str) -> None:
    if version is not None and (not isinstance(version, str) or not version):
        raise ExecutionError(f"pt.{given_to}(data_version={version!r}): give text, not empty, such as str(...) of it; or leave it out.")


@dataclass(frozen=True)
class Output(Generic[T]):
    """The value of one output of an op, or of one asset of a step that computes several.

    Args:
        value: what the IO manager stores.
        output: which output; of a step that computes several assets, the key.
        metadata: shown with the output.

    Example:
        `yield pt.Output(n, output="even" if n % 2 == 0 else "odd")`
    """

    value: T
    output: str = field(default="result", kw_only=True)
    metadata: Mapping[str, Any] = field(default_factory=dict, kw_only=True)


_MAPPING_KEY = re.compile(r"[A-Za-z0-9_.-]+")


@dataclass(frozen=True)
class DynamicOutput(Generic[T]):
    """One item of a dynamic output. What is mapped over it runs once for each of them.

    Args:
        value: what the IO manager stores.
        mapping_key: names the item among those of the output; the step for it is `op[mapping_key]`.
        output: which output.
        metadata: shown with the item.

    Example:
        `yield pt.DynamicOutput(path, mapping_key=path.stem)`

    Raises:
        ExecutionError: a mapping key that is empty or holds a character outside `A-Z a-z 0-9 _ . -`.
    """

    value: T
    mapping_key: str = field(kw_only=True)
    output: str = field(default="result", kw_only=True)
    metadata: Mapping[str, Any] = field(default_factory=dict, kw_only=True)

    def __post_init__(self) -> None:
        if not isinstance(self.mapping_key, str) or not _MAPPING_KEY.fullmatch(self.mapping_key):
            raise ExecutionError(f"{self.mapping_key!r} is not a mapping key. Use text of letters, digits, '_', '.' and '-', at least one.")


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


class RetryRequested(ExecutionError):  # noqa: N818 (users read `raise pt.RetryRequested(...)`)
    """Raised by user code to have its step tried again, whatever its retry policy says.

    Args:
        reason: the sentence shown to people.
        delay: seconds until then; left out, what the step's policy says, or at once.
        max_retries: how often the step may be tried again in all; left out, what its policy says, or once.
        metadata: what is to be known about the failed attempt.

    Example:
        `raise pt.RetryRequested("The feed is not complete yet.", delay=60, max_retries=5)`

    Raises:
        ExecutionError: a negative number of retries, or a delay that is no number of seconds.
    """

    code = "retry-requested"

    def __init__(
        self,
        reason: str = "The step asks to be tried again.",
        *,
        delay: float | None = None,
        max_retries: int | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        if delay is not None and not is_duration(delay):
            raise ExecutionError(f"RetryRequested(delay={delay!r}): give seconds, not negative and at most ten years.")
        if max_retries is not None and not is_count(max_retries):
            raise ExecutionError(f"RetryRequested(max_retries={max_retries!r}): give a whole number, not negative.")
        self.reason, self.delay, self.max_retries, self.metadata = reason, delay, max_retries, dict(metadata or {})
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
