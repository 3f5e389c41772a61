"""Sensors: functions that look at the world again and again, and launch targets when something happened."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any, Generic, ParamSpec, TypedDict, TypeVar

from partita.definitions.automation_specs import SensorKind, SensorSpec
from partita.definitions.inputs import description_of, name_of
from partita.definitions.jobs import Job
from partita.definitions.keys import AssetKey, check_name
from partita.definitions.policies import is_duration, to_seconds
from partita.definitions.schedules import checked_signature
from partita.definitions.signatures import Signature
from partita.definitions.sources import caller_source, located, refuse_bare, source_of
from partita.definitions.specs import to_key
from partita.definitions.targets import Target
from partita.errors import DefinitionError, did_you_mean

P = ParamSpec("P")
R = TypeVar("R")
RUN_STATUSES = ("started", "succeeded", "failed", "canceled")
CONTEXTS: dict[SensorKind, tuple[str, ...]] = {
    "function": ("SensorContext",),
    "asset": ("AssetSensorContext", "SensorContext"),
    "run_status": ("RunStatusContext", "SensorContext"),
}
"""What functions of each kind are given: the class of their context, and those that it derives from."""
SHORTEST = 1.0
"""Seconds between evaluations, at least."""


class Sensor(Generic[P, R]):
    """A sensor and its function. Calling it calls the function, so it is tested like one."""

    def __init__(self, function: Callable[P, R], *, spec: SensorSpec, targets: Sequence[Target], signature: Signature) -> None:
        self.function = function
        self.spec = spec
        self.targets = tuple(targets)
        self.signature = signature
        self.__wrapped__ = function
        self.__doc__ = function.__doc__
        self.__name__ = spec.name
        self.__module__ = function.__module__

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """What the function returns for these arguments."""
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"Sensor({self.name!r})"

    @property
    def name(self) -> str:
        """Its name in the repository."""
        return self.spec.name


class _Common(TypedDict):
    """What all three decorators take."""

    interval: float | timedelta
    timeout: float | timedelta
    name: str | None
    description: str | None
    default_on: bool


def sensor(
    bare: None = None,
    /,
    *,
    target: Any = None,
    targets: Iterable[Any] = (),
    interval: float | timedelta = 5.0,
    timeout: float | timedelta = 60.0,
    name: str | None = None,
    description: str | None = None,
    default_on: bool = False,
) -> Callable[[Callable[P, R]], Sensor[P, R]]:
    """Declare that a function is evaluated again and again and says what is to be launched.

    It returns a `pt.SensorResult`, `pt.RunRequest`s, or `pt.Skip("why")`, or yields requests. It may take resources like any step. Each
    evaluation is a process of its own; what it asks for and its new cursor are recorded together, or not at all.

    Args:
        bare: nothing: the decorator is used with parameters.
        target: a job, its name, a selection string, or a list of assets.
        targets: several of these; requests then name their job.
        interval: seconds between evaluations, or a timedelta; at least 1 s.
        timeout: how long an evaluation may take, in seconds or as a timedelta.
        name: what it is called; the function's name if left out.
        description: Markdown; the docstring if left out.
        default_on: whether it is on until somebody switches it.

    Example:
        ```python
        @pt.sensor(target=load_file, interval=10)
        def new_files(context: pt.SensorContext):
            names = sorted(name for name in os.listdir("inbox") if name > (context.cursor or ""))
            return pt.SensorResult(requests=[pt.RunRequest(run_key=name) for name in names], cursor=names[-1] if names else None)
        ```

    Raises:
        DefinitionError: an interval below a second, with file and line.
        SignatureError: parameters that nothing can fill.
    """
    refuse_bare(bare, "sensor(target=...)")
    return _declare(
        "function", targets=(target, targets), interval=interval, timeout=timeout, name=name, description=description, default_on=default_on
    )


def asset_sensor(
    *,
    asset: Any,
    target: Any = None,
    targets: Iterable[Any] = (),
    interval: float | timedelta = 1.0,
    timeout: float | timedelta = 60.0,
    name: str | None = None,
    description: str | None = None,
    default_on: bool = False,
) -> Callable[[Callable[P, R]], Sensor[P, R]]:
    """Declare that a function is evaluated when an asset has been written, by a run or reported from outside.

    `context.materializations` are the writes since the last evaluation, oldest first; `context.materialization` is the newest.

    Args:
        asset: the asset it watches, or its key; or a list of them.
        target: a job, its name, a selection string, or a list of assets.
        targets: several of these; requests then name their job.
        interval: seconds between evaluations, at least 1.
        timeout: how long an evaluation may take, in seconds or as a timedelta.
        name: what it is called; the function's name if left out.
        description: Markdown; the docstring if left out.
        default_on: whether it is on until somebody switches it.

    Example:
        ```python
        @pt.asset_sensor(asset="raw/orders", target=refresh)
        def orders_arrived(context: pt.AssetSensorContext) -> pt.RunRequest:
            return pt.RunRequest(partition=context.materialization.partition)
        ```

    Raises:
        DefinitionError: a key that cannot be, or an interval below a second.
        SignatureError: parameters that nothing can fill.
    """
    with located(caller_source(), _subject("asset_sensor", name)):
        watched = tuple(map(to_key, asset)) if isinstance(asset, (list, tuple, set, frozenset)) else (to_key(asset),)
        if not watched:
            raise DefinitionError("asset=[]: name at least one asset to watch.")
    common: _Common = {"interval": interval, "timeout": timeout, "name": name, "description": description, "default_on": default_on}
    return _declare("asset", targets=(target, targets), assets=watched, **common)


def run_status_sensor(
    *,
    status: str,
    jobs: Iterable[Job | str] = (),
    target: Any = None,
    targets: Iterable[Any] = (),
    interval: float | timedelta = 1.0,
    timeout: float | timedelta = 60.0,
    name: str | None = None,
    description: str | None = None,
    default_on: bool = False,
) -> Callable[[Callable[P, R]], Sensor[P, R]]:
    """Declare that a function is evaluated when runs of the repository have reached a status.

    `context.runs` are the runs since the last evaluation, oldest first; `context.run` is the newest.

    Args:
        status: "started", "succeeded", "failed" or "canceled".
        jobs: runs of these jobs only, or of all the repository if left out.
        target: what it launches, if it launches anything.
        targets: several of these; requests then name their job.
        interval: seconds between evaluations, at least 1.
        timeout: how long an evaluation may take, in seconds or as a timedelta.
        name: what it is called; the function's name if left out.
        description: Markdown; the docstring if left out.
        default_on: whether it is on until somebody switches it.

    Example:
        ```python
        @pt.run_status_sensor(status="failed", jobs=[nightly])
        def nightly_failed(context: pt.RunStatusContext, mail: Mail) -> None:
            mail.send(f"{context.run.job} failed: {context.run.error}")
        ```

    Raises:
        DefinitionError: a status that there is not, or an interval below a second.
        SignatureError: parameters that nothing can fill.
    """
    with located(caller_source(), _subject("run_status_sensor", name)):
        if status not in RUN_STATUSES:
            raise DefinitionError(f"status={status!r}: use one of {', '.join(RUN_STATUSES)}.{did_you_mean(str(status), RUN_STATUSES)}")
        names = tuple(map(_job_name, _listed("jobs", jobs)))
    common: _Common = {"interval": interval, "timeout": timeout, "name": name, "description": description, "default_on": default_on}
    return _declare("run_status", targets=(target, targets), run_status=status, jobs=names, **common)


def _declare(
    kind: SensorKind,
    *,
    targets: tuple[Any, Iterable[Any]],
    interval: float | timedelta,
    timeout: float | timedelta,
    name: str | None,
    description: str | None,
    default_on: bool,
    assets: Iterable[AssetKey] = (),
    run_status: str | None = None,
    jobs: tuple[str, ...] = (),
) -> Callable[[Callable[P, R]], Sensor[P, R]]:
    def define(decorated: Callable[P, R]) -> Sensor[P, R]:
        source = source_of(decorated)
        with located(source, f"sensor {getattr(decorated, '__name__', name)!r}"):
            signature = checked_signature(decorated, contexts=CONTEXTS[kind])
            one, several = targets
            wanted = [Target(each) for each in ([one] if one is not None else []) + _listed("targets", several)]
            spec = SensorSpec(
                name=check_name("sensor", name_of(decorated, name, parameter="name")),
                description=description_of(decorated, description),
                kind=kind,
                targets=tuple(each.spec for each in wanted),
                interval=_checked_interval(interval),
                timeout=to_seconds(timeout, "sensor") or 60.0,
                assets=tuple(assets),
                run_status=run_status,
                jobs=jobs,
                resources=signature.resources,
                default_on=default_on,
                source=source,
            )
        return Sensor(decorated, spec=spec, targets=wanted, signature=signature)

    return define


def _subject(maker: str, name: str | None) -> str:
    """What errors call a sensor whose function is not known yet."""
    return maker if name is None else f"sensor {name!r}"


def _listed(parameter: str, given: Iterable[Any]) -> list[Any]:
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise DefinitionError(f"{parameter}={given!r}: give a list, such as {parameter}=[{given!r}].")
    return list(given)


def _job_name(job: object) -> str:
    if not isinstance(job, (Job, str)):
        raise DefinitionError(f"jobs=[...] holds {job!r}, which is neither a job nor a job's name.")
    return job if isinstance(job, str) else job.name


def _checked_interval(given: float | timedelta) -> float:
    seconds = given.total_seconds() if isinstance(given, timedelta) else given
    if not is_duration(seconds, least=SHORTEST):
        raise DefinitionError(f"interval={given!r}: give at least {SHORTEST:g} second and at most ten years, or a timedelta of that.")
    return float(seconds)
