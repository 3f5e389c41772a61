"""Schedules: targets launched at the ticks of cron expressions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Generic, ParamSpec, TypeVar

import msgspec

from partita.definitions.automation_specs import ScheduleSpec
from partita.definitions.cron import Cron
from partita.definitions.inputs import description_of, name_of
from partita.definitions.keys import check_name
from partita.definitions.labels import to_tags
from partita.definitions.partitions import Partitions, partitions_of
from partita.definitions.partitions.time import TimePartitions
from partita.definitions.policies import is_count, to_seconds
from partita.definitions.run_config import declared_config
from partita.definitions.signatures import Signature, signature_of
from partita.definitions.sources import caller_source, located, source_of
from partita.definitions.targets import Target
from partita.errors import DefinitionError, SignatureError

P = ParamSpec("P")
R = TypeVar("R")
CATCH_UP = 5
"""Missed ticks that a schedule makes up for unless told otherwise."""


class Schedule:
    """Launches a target at the ticks of cron expressions.

    Args:
        name: what it is called.
        cron: one cron expression or several, as `pt.Cron` takes them.
        target: a job, its name, a selection string, or a list of assets.
        timezone: where the expressions count.
        config: run config of its runs.
        tags: tags of its runs.
        description: Markdown.
        catch_up: how many ticks that were missed while no daemon ran are made up for, the newest ones.
        default_on: whether it is on until somebody switches it.

    Example:
        `pt.Schedule("nightly_0200", cron="0 2 * * *", target=nightly, timezone="Europe/Berlin")`

    Raises:
        DefinitionError: a cron expression, zone, config or tag that cannot be used, with file and line.
    """

    def __init__(
        self,
        name: str,
        *,
        cron: str | Sequence[str],
        target: Any,
        timezone: str = "UTC",
        config: Any = None,
        tags: Mapping[str, str] | None = None,
        description: str | None = None,
        catch_up: int = CATCH_UP,
        default_on: bool = False,
    ) -> None:
        source = caller_source()
        with located(source, f"schedule {name!r}"):
            self.target = Target(target)
            self.spec = ScheduleSpec(
                name=check_name("schedule", name),
                description=description,
                cron=Cron(cron, timezone=timezone).expressions,
                timezone=timezone,
                target=self.target.spec,
                config=declared_config(config),
                tags=to_tags(tags),
                catch_up=_checked_catch_up(catch_up),
                default_on=default_on,
                source=source,
            )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    @property
    def name(self) -> str:
        """Its name in the repository."""
        return self.spec.name

    def resolve(self, spec: ScheduleSpec, partitions: Partitions | None) -> ScheduleSpec:
        """`spec`, whose target a repository has settled, completed by what the target's partitions say.

        Raises:
            DefinitionError: it launches a partitioned target and cannot say which partition.
        """
        if partitions is not None:
            raise DefinitionError(
                f"its target is cut into {partitions.describe()}, and a plain schedule names no partition. "
                "Use pt.partition_schedule, or @pt.schedule with a function that returns pt.RunRequest(partition=...)."
            )
        return spec


class FunctionSchedule(Schedule, Generic[P, R]):
    """A schedule whose function decides what each tick launches. Calling it calls the function, so it is tested like one."""

    def __init__(self, function: Callable[P, R], *, spec: ScheduleSpec, target: Target, signature: Signature) -> None:
        self.function = function
        self.spec = spec
        self.target = target
        self.signature = signature
        self.__wrapped__ = function
        self.__doc__ = function.__doc__
        self.__name__ = spec.name
        self.__module__ = function.__module__

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """What the function returns for these arguments."""
        return self.function(*args, **kwargs)


class PartitionSchedule(Schedule):
    """A schedule that launches the newest complete partition of its target at each tick."""

    def __init__(self, *, spec: ScheduleSpec, target: Target, times: Mapping[str, int]) -> None:
        self.spec = spec
        self.target = target
        self._times = times

    def resolve(self, spec: ScheduleSpec, partitions: Partitions | None) -> ScheduleSpec:
        """`spec` with the cron expression that fits the target's partitions.

        Raises:
            DefinitionError: the target has none, or none that follow a clock.
        """
        if not isinstance(partitions, TimePartitions):
            found = "has no partitions" if partitions is None else f"is cut into {partitions.describe()}"
            raise DefinitionError(f"its target {found}; partition_schedule needs partitions by time. Use pt.Schedule or @pt.schedule.")
        zone = partitions.spec.timezone
        return msgspec.structs.replace(spec, cron=_cron_of(partitions, self._times), timezone=zone)


def schedule(
    *,
    cron: str | Sequence[str],
    target: Any,
    timezone: str = "UTC",
    name: str | None = None,
    tags: Mapping[str, str] | None = None,
    description: str | None = None,
    timeout: float | timedelta = 60.0,
    catch_up: int = CATCH_UP,
    default_on: bool = False,
) -> Callable[[Callable[P, R]], FunctionSchedule[P, R]]:
    """Declare that a function decides what each tick of a schedule launches.

    It returns or yields `pt.RunRequest`s, or returns `pt.Skip("why")`. It may take resources like any step.

    Args:
        cron: one cron expression or several.
        target: a job, its name, a selection string, or a list of assets.
        timezone: where the expressions count.
        name: what it is called; the function's name if left out.
        tags: tags of its runs.
        description: Markdown; the docstring if left out.
        timeout: how long an evaluation may take, in seconds or as a timedelta.
        catch_up: how many missed ticks are made up for, the newest ones.
        default_on: whether it is on until somebody switches it.

    Example:
        ```python
        @pt.schedule(cron="0 2 * * 1-5", target=nightly, timezone="Europe/Berlin")
        def on_weekdays(context: pt.ScheduleContext) -> pt.RunRequest:
            return pt.RunRequest(partition=context.partition(nightly))
        ```

    Raises:
        DefinitionError: a cron expression, zone or tag that cannot be used, with file and line.
        SignatureError: parameters that nothing can fill.
    """

    def define(decorated: Callable[P, R]) -> FunctionSchedule[P, R]:
        source = source_of(decorated)
        with located(source, f"schedule {getattr(decorated, '__name__', name)!r}"):
            signature = checked_signature(decorated, contexts=("ScheduleContext",))
            wanted = Target(target)
            spec = ScheduleSpec(
                name=check_name("schedule", name_of(decorated, name, parameter="name")),
                description=description_of(decorated, description),
                cron=Cron(cron, timezone=timezone).expressions,
                timezone=timezone,
                target=wanted.spec,
                tags=to_tags(tags),
                has_function=True,
                timeout=to_seconds(timeout, "schedule") or 60.0,
                catch_up=_checked_catch_up(catch_up),
                resources=signature.resources,
                default_on=default_on,
                source=source,
            )
        return FunctionSchedule(decorated, spec=spec, target=wanted, signature=signature)

    return define


def partition_schedule(
    target: Any,
    *,
    name: str | None = None,
    minute: int | None = None,
    hour: int | None = None,
    day_of_week: int | None = None,
    day_of_month: int | None = None,
    tags: Mapping[str, str] | None = None,
    config: Any = None,
    description: str | None = None,
    catch_up: int = CATCH_UP,
    default_on: bool = False,
) -> PartitionSchedule:
    """A schedule that ticks with the partitions of a job, in their time zone, and launches the newest complete one.

    Args:
        target: a job with partitions by time, its name, or a selection or list of assets that have such partitions.
        name: what it is called; `<job>_schedule` if left out, which a selection needs.
        minute: past the hour; when partitions begin if left out.
        hour: of the day; when partitions begin if left out.
        day_of_week: of weekly partitions, 0 being Sunday; when partitions begin if left out.
        day_of_month: of monthly partitions; when partitions begin if left out.
        tags: tags of its runs.
        config: run config of its runs.
        description: Markdown.
        catch_up: how many missed ticks are made up for, the newest ones.
        default_on: whether it is on until somebody switches it.

    Example:
        `pt.partition_schedule(daily_job, hour=1)`

    Raises:
        DefinitionError: a time out of range, or a config or tag that cannot be used.
    """
    source = caller_source()
    with located(source, "partition_schedule" if name is None else f"schedule {name!r}"):
        wanted = Target(target)
        called = name if name is not None else _name_for(wanted)
    with located(source, f"schedule {called!r}"):
        given = {"minute": minute, "hour": hour, "day_of_week": day_of_week, "day_of_month": day_of_month}
        spec = ScheduleSpec(
            name=check_name("schedule", called),
            description=description,
            cron=(),
            target=wanted.spec,
            config=declared_config(config),
            tags=to_tags(tags),
            is_partitioned=True,
            catch_up=_checked_catch_up(catch_up),
            default_on=default_on,
            source=source,
        )
    return PartitionSchedule(spec=spec, target=wanted, times={key: value for key, value in given.items() if value is not None})


def _name_for(target: Target) -> str:
    """What the schedule of a target is called that was given no name."""
    subject = target.spec.job or target.spec.selection or ""
    try:
        return check_name("schedule", f"{subject}_schedule")
    except DefinitionError:
        raise DefinitionError(f"{subject!r} is a selection, which gives the schedule no name. Give name=.") from None


def checked_signature(function: Callable[..., Any], *, contexts: Sequence[str]) -> Signature:
    """The signature of a function of a schedule or sensor.

    Args:
        function: the function.
        contexts: names of the class of the context that it is given, and of those that this derives from.

    Raises:
        SignatureError: it takes something else than such a context and resources.
    """
    signature = signature_of(function)
    taken = [*(each.name for each in signature.inputs if each.is_required), *([signature.config.name] if signature.config else [])]
    if taken:
        raise SignatureError(
            f"parameter {taken[0]!r} is neither its context nor a resource. Annotate resources with their class or pt.Provided[...]."
        )
    wanted = getattr(signature.context.model, "__name__", None) if signature.context is not None else None
    if wanted is not None and wanted not in (*contexts, "Context"):
        raise SignatureError(f"its context is annotated as a {wanted}, and it is given another. Write pt.{contexts[0]}.")
    return signature


_FIELDS = {
    "hourly": ("minute",),
    "daily": ("minute", "hour"),
    "weekly": ("minute", "hour", "day_of_week"),
    "monthly": ("minute", "hour", "day_of_month"),
    "cron": (),
}
_PLACE = {"minute": 0, "hour": 1, "day_of_month": 2, "day_of_week": 4}


def _cron_of(partitions: TimePartitions, times: Mapping[str, int]) -> tuple[str, ...]:
    """The cron expressions of the windows' ends, moved to the times that were asked for."""
    cadence = partitions.spec.cadence
    for name, value in times.items():
        if name not in _FIELDS[cadence]:
            known = f"They take {', '.join(_FIELDS[cadence])}." if _FIELDS[cadence] else "Their own expression says when they end."
            raise DefinitionError(f"{name}={value!r} means nothing for {cadence} partitions. {known}")
    if partitions.spec.cron:
        return partitions.spec.cron
    fields = partitions.cron.split()
    for name, value in times.items():
        fields[_PLACE[name]] = str(value)
    return Cron(" ".join(fields), timezone=partitions.spec.timezone).expressions


def _checked_catch_up(number: int) -> int:
    if not is_count(number):
        raise DefinitionError(f"catch_up={number!r}: give the number of missed ticks to make up for, 0 for none.")
    return number


def partitions_of_target(spec: ScheduleSpec, of_job: Mapping[str, Any], of_asset: Mapping[Any, Any]) -> Partitions | None:
    """The partitions of a settled target: its job's, or what its assets have in common; None where it has none.

    Raises:
        DefinitionError: its assets are cut in different ways.
    """
    if spec.target.job is not None:
        found = of_job[spec.target.job]
        return None if found is None else partitions_of(found)
    several = {of_asset[key]: key for key in spec.target.assets if of_asset[key] is not None}
    if len(several) > 1:
        shown = ", ".join(f"{str(key)!r} by {partitions_of(each).describe()}" for each, key in several.items())
        raise DefinitionError(f"its assets are cut in different ways ({shown}). Schedule a selection for each.")
    return partitions_of(next(iter(several))) if several else None
