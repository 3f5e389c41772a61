"""What lists can be narrowed to and sorted by: all given fields must hold, a list means any of its values."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

import strawberry
from strawberry.utils.str_converters import to_camel_case

from partita.api.automations import Automations
from partita.api.definitions import AssetFilter, JobFilter
from partita.api.errors import ApiError
from partita.api.ids import JOB, LOCATION, decode_id
from partita.api.types.enums import (
    AlertKind,
    AlertStatus,
    AssetHealth,
    AssetOrderField,
    BackfillStatus,
    Direction,
    LogLevel,
    RunOrderField,
    RunStatus,
    StepEventKind,
    TickStatus,
)
from partita.api.types.fields import given
from partita.api.types.node import TagInput
from partita.definitions.keys import AssetKey
from partita.errors import DefinitionError, RequestError
from partita.records.alerts import AlertFilter
from partita.records.backfills import BackfillFilter
from partita.records.filters import EventFilter, RunFilter, RunOrder, TickFilter

T = TypeVar("T")

MAX_LIST = 100
"""Values of one list in a filter or input."""
MAX_TEXT = 1000
"""Characters of a text that is searched for."""


@strawberry.input(name="RunFilter", description="Which runs are wanted: all given fields must hold, a list means any of its values.")
class RunFilterInput:
    """Which runs are wanted."""

    ids: list[strawberry.ID] | None = given("Ids of runs.")
    statuses: list[RunStatus] | None = given("Where they stand.")
    jobs: list[strawberry.ID] | None = given("Ids of their jobs.")
    job_names: list[str] | None = given("Names of their jobs, in any repository.")
    asset_keys: list[str] | None = given("Assets that they were asked to write.")
    tags: list[TagInput] | None = given("Tags that they carry, all of them.")
    created_after: datetime | None = given("They were asked for after this instant.")
    created_before: datetime | None = given("They were asked for before this instant.")
    partition_keys: list[str] | None = given("Partitions that they were asked to write.")
    root_id: strawberry.ID | None = given("The first run of their group of re-executions.")
    backfill: strawberry.ID | None = given("Id of the backfill that launched them.")
    tick: strawberry.ID | None = given("Id of the tick that launched them.")


@strawberry.input(name="RunOrder", description="How runs are sorted.")
class RunOrderInput:
    """How runs are sorted."""

    field: RunOrderField = given("What they are sorted by.", default=RunOrderField.CREATED_AT)
    direction: Direction = given("Which way the list runs.", default=Direction.DESC)


@strawberry.input(name="RunEventFilter", description="Which events of a run are wanted: all given fields must hold, a list means any of its values.")
class RunEventFilterInput:
    """Which events are wanted."""

    levels: list[LogLevel] | None = given("How loud they are.")
    step_keys: list[str] | None = given("The steps that they are about.")
    kinds: list[StepEventKind] | None = given("What happened to a step; other events are left out when this is given.")
    text: str | None = given("Part of their message, without regard to case.")


@strawberry.input(name="AssetFilter", description="Which assets are wanted: all given fields must hold, a list means any of its values.")
class AssetFilterInput:
    """Which assets are wanted."""

    selection: str | None = given("A selection such as `group:raw and kind:duckdb`.")
    groups: list[str] | None = given("Their groups.")
    kinds: list[str] | None = given("Kinds that they have, any of these.")
    owners: list[str] | None = given("Owners that they have, any of these.")
    text: str | None = given("Part of their key, without regard to case.")
    health: list[AssetHealth] | None = given("How well they are.")


@strawberry.input(name="AssetOrder", description="How assets are sorted.")
class AssetOrderInput:
    """How assets are sorted."""

    field: AssetOrderField = given("What they are sorted by.", default=AssetOrderField.KEY)
    direction: Direction = given("Which way the list runs.", default=Direction.ASC)


@strawberry.input(name="DefinitionFilter", description="Which definitions are wanted: all given fields must hold, a list means any of its values.")
class DefinitionFilterInput:
    """Which definitions are wanted."""

    text: str | None = given("Part of their name, without regard to case.")
    code_locations: list[strawberry.ID] | None = given("Ids of the code locations that define them.")
    tags: list[TagInput] | None = given("Tags that they carry, all of them.")


@strawberry.input(name="TickFilter", description="Which ticks are wanted: all given fields must hold, a list means any of its values.")
class TickFilterInput:
    """Which ticks are wanted."""

    automation_ids: list[strawberry.ID] | None = given("Ids of the schedules and sensors; their names are accepted too while they are unique.")
    statuses: list[TickStatus] | None = given("Where they stand.")
    after: datetime | None = given("They were due after this instant.")
    before: datetime | None = given("They were due before this instant.")
    is_dry_run: bool | None = given("Whether they are dry runs; only others when left out.")


@strawberry.input(name="AlertFilter", description="Which alerts are wanted: all given fields must hold, a list means any of its values.")
class AlertFilterInput:
    """Which alerts are wanted."""

    rules: list[str] | None = given("The names of their rules.")
    kinds: list[AlertKind] | None = given("What they are about.")
    statuses: list[AlertStatus] | None = given("Whether people were told.")


@strawberry.input(name="BackfillFilter", description="Which backfills are wanted: all given fields must hold, a list means any of its values.")
class BackfillFilterInput:
    """Which backfills are wanted."""

    statuses: list[BackfillStatus] | None = given("Where they stand.")
    asset_keys: list[str] | None = given("Assets that they write.")


STEP_EVENTS: dict[StepEventKind, str] = {
    StepEventKind.WORKER: "process",
    StepEventKind.STARTED: "step_started",
    StepEventKind.INPUT: "input",
    StepEventKind.OUTPUT: "output",
    StepEventKind.MAPPED: "mapped",
    StepEventKind.SUCCEEDED: "step_succeeded",
    StepEventKind.FAILED: "step_failed",
    StepEventKind.SKIPPED: "step_skipped",
    StepEventKind.UPSTREAM_FAILED: "step_upstream_failed",
    StepEventKind.CANCELED: "step_canceled",
}
"""Kinds of step events and the tags of the events that they stand for."""


def to_run_filter(given: RunFilterInput | None, *, backfill_id: str | None = None) -> RunFilter:
    """The filter of the records that `given` means.

    Raises:
        ApiError: a list is too long, or a value cannot be what it should be.
    """
    if given is None:
        return RunFilter(backfill_id=backfill_id)
    check_lists(given)
    is_of_another = backfill_id is not None and given.backfill not in {None, backfill_id}
    return RunFilter(
        ids=() if is_of_another else _tuple(given.ids),
        statuses=_tuple(given.statuses),
        jobs=None if given.jobs is None else tuple(to_job_place(each) for each in given.jobs),
        job_names=_tuple(given.job_names),
        assets=None if given.asset_keys is None else tuple(to_asset_key(each) for each in given.asset_keys),
        tags=tuple((tag.key, tag.value) for tag in given.tags or ()),
        created_after=given.created_after,
        created_before=given.created_before,
        partition_keys=_tuple(given.partition_keys),
        root_id=given.root_id,
        backfill_id=backfill_id if backfill_id is not None else given.backfill,
        tick_id=given.tick,
    )


def to_run_order(given: RunOrderInput | None) -> RunOrder:
    """The order of the records that `given` means."""
    return RunOrder() if given is None else RunOrder(field=given.field, direction=given.direction)


def to_event_filter(given: RunEventFilterInput | None) -> EventFilter:
    """The filter of the events that `given` means.

    Raises:
        ApiError: a list or text is too long.
    """
    if given is None:
        return EventFilter()
    check_lists(given)
    return EventFilter(
        levels=_tuple(given.levels),
        steps=_tuple(given.step_keys),
        kinds=None if given.kinds is None else tuple(STEP_EVENTS[kind] for kind in given.kinds),
        text=given.text or None,
    )


def to_asset_filter(given: AssetFilterInput | None) -> AssetFilter:
    """The filter of assets that `given` means.

    Raises:
        ApiError: a list or text is too long.
    """
    if given is None:
        return AssetFilter()
    check_lists(given)
    return AssetFilter(
        selection=given.selection,
        groups=None if given.groups is None else frozenset(given.groups),
        kinds=None if given.kinds is None else frozenset(given.kinds),
        owners=None if given.owners is None else frozenset(given.owners),
        text=(given.text or "").casefold(),
    )


def to_job_filter(given: DefinitionFilterInput | None) -> JobFilter:
    """The filter of jobs that `given` means.

    Raises:
        ApiError: a list or text is too long, or an id is not one of a code location.
    """
    if given is None:
        return JobFilter()
    check_lists(given)
    return JobFilter(
        text=(given.text or "").casefold(),
        locations=None if given.code_locations is None else frozenset(to_location_name(each) for each in given.code_locations),
        tags=frozenset((tag.key, tag.value) for tag in given.tags or ()),
    )


def to_tick_filter(given: TickFilterInput | None, automations: Automations, *, only: str | None = None) -> TickFilter:
    """The filter of ticks that `given` means, of one automation only when that is named.

    Raises:
        ApiError: a list is too long, or names a schedule or sensor that there is not.
    """
    ids: tuple[str, ...] | None = None if only is None else (only,)
    if given is None:
        return TickFilter(automation_ids=ids, is_dry_run=False)
    check_lists(given)
    if given.automation_ids is not None:
        try:
            wanted = [automations.find(each).automation_id for each in given.automation_ids]
        except RequestError as error:
            raise ApiError(error.message) from None
        ids = tuple(each for each in wanted if only in {None, each})
    return TickFilter(automation_ids=ids, statuses=_tuple(given.statuses), after=given.after, before=given.before, is_dry_run=bool(given.is_dry_run))


def to_alert_filter(given: AlertFilterInput | None) -> AlertFilter:
    """The filter of alerts that `given` means.

    Raises:
        ApiError: a list is too long.
    """
    if given is None:
        return AlertFilter()
    check_lists(given)
    return AlertFilter(rules=_tuple(given.rules), kinds=_tuple(given.kinds), statuses=_tuple(given.statuses))


def to_backfill_filter(given: BackfillFilterInput | None) -> BackfillFilter:
    """The filter of backfills that `given` means.

    Raises:
        ApiError: a list is too long, or a key cannot be one.
    """
    if given is None:
        return BackfillFilter()
    check_lists(given)
    assets = None if given.asset_keys is None else tuple(to_asset_key(each) for each in given.asset_keys)
    return BackfillFilter(statuses=_tuple(given.statuses), assets=assets)


def to_job_place(node_id: str) -> tuple[str, str, str]:
    """Location, repository and name of a job.

    Raises:
        ApiError: the id is not one of a job.
    """
    found = decode_id(node_id, JOB)
    if found is None:
        raise ApiError(f"{node_id[:100]!r} is not the id of a job.")
    location, repository, name = found[1]
    return location, repository, name


def to_location_name(node_id: str) -> str:
    """Name of a code location.

    Raises:
        ApiError: the id is not one of a code location.
    """
    found = decode_id(node_id, LOCATION)
    if found is None:
        raise ApiError(f"{node_id[:100]!r} is not the id of a code location.")
    return found[1][0]


def to_asset_key(text: str) -> AssetKey:
    """An asset key.

    Raises:
        ApiError: the text cannot be one.
    """
    try:
        return AssetKey(text)
    except DefinitionError as error:
        raise ApiError(str(error)) from None


def _tuple(values: Sequence[T] | None) -> tuple[T, ...] | None:
    return None if values is None else tuple(values)


def check_lists(given: object) -> None:
    """Nothing, if no list and no text of an input is too long.

    Raises:
        ApiError: one is.
    """
    for name, value in vars(given).items():
        check_list(to_camel_case(name), value if isinstance(value, list) else [value])


def check_list(name: str, values: Sequence[object]) -> None:
    """Nothing, if a list and the texts in it are not too long.

    Raises:
        ApiError: one is.
    """
    if len(values) > MAX_LIST:
        raise ApiError(f"`{name}` holds {len(values)} values; at most {MAX_LIST} are allowed.")
    longest = max((len(each) for each in values if isinstance(each, str)), default=0)
    if longest > MAX_TEXT:
        raise ApiError(f"`{name}` has {longest} characters; at most {MAX_TEXT} are allowed.")
