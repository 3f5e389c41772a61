"""What mutations take."""

import strawberry

from partita.api.scalars import JSON
from partita.api.types.enums import AutomationStatus, BackfillPartitionStatus, Direction, PartitionStatus, RetryStrategy
from partita.api.types.fields import given, required
from partita.api.types.node import TagInput

IDEMPOTENCY = "The same key from the same caller within 24 hours returns the first answer again instead of doing it twice."


UNCHANGED = (
    "Whether steps of assets that would write what is there already are not executed: those with a code version whose code and inputs are those of "
    "the last write."
)


@strawberry.input(description="A job to run. Its job is named by `job`, or by `jobName` as far as that is needed to tell it apart.")
class LaunchRunInput:
    """A job to run."""

    job: strawberry.ID | None = given("Id of the job.")
    job_name: str | None = given("Name of the job, in place of its id.")
    repository: str | None = given("Name of the job's repository, needed when several define a job of this name.")
    code_location: str | None = given("Name of the job's code location, needed when several define a job of this name.")
    config: JSON | None = given("Run config; fields that it leaves out keep the defaults of their schema.")
    tags: list[TagInput] = strawberry.field(default_factory=list, description="Tags of the run, in addition to those of the job.")
    partition_key: str | None = given("The partition to write; needed when the job is partitioned.")
    asset_keys: list[str] | None = given("A part of the job's assets; all when left out.")
    check_ids: list[strawberry.ID] | None = given("Ids of the asset checks to evaluate; those of the job when left out.")
    step_keys: list[str] | None = given("A part of the job's steps; all when left out.")
    skip_unchanged: bool = given(UNCHANGED, default=False)
    priority: int = given("Runs of higher priority are claimed first.", default=0)
    idempotency_key: str | None = given(IDEMPOTENCY)


@strawberry.input(description="The first and the last partition of a range.")
class PartitionRange:
    """The first and the last partition of a range."""

    from_: str = required("Key of the first partition.", name="from")
    to: str = required("Key of the last partition.")


@strawberry.input(one_of=True, description="Which partitions are wanted; exactly one field is given.")
class PartitionSelection:
    """Which partitions are wanted."""

    keys: strawberry.Maybe[list[str]] = required("These partitions.")
    range: strawberry.Maybe[PartitionRange] = required("The partitions from one to another, both included.")
    all: strawberry.Maybe[bool] = required("Every partition there is; must be true.")
    statuses: strawberry.Maybe[list[PartitionStatus]] = required("Partitions that stand so now, such as those that are missing or failed.")
    stale: strawberry.Maybe[bool] = required("Partitions whose code or inputs have changed since they were written; must be true.")


@strawberry.input(description="Assets to write.")
class MaterializeAssetsInput:
    """Assets to write."""

    selection: str = required("A selection of assets such as `group:marts` or `raw/orders+`; external assets are left out of it.")
    partitions: PartitionSelection | None = given("The partitions to write; needed when the assets are partitioned.")
    is_single_run: bool = given(
        "Whether one run shall write all of it, every partition included. "
        "Refused with TOO_MANY when it takes one for each of several code locations, repositories or ways of cutting.",
        default=False,
    )
    skip_unchanged: bool = given(UNCHANGED, default=False)
    config: JSON | None = given("Run config; fields that it leaves out keep the defaults of their schema.")
    tags: list[TagInput] = strawberry.field(default_factory=list, description="Tags of the runs.")
    priority: int = given("Runs of higher priority are claimed first.", default=0)
    idempotency_key: str | None = given(IDEMPOTENCY)


@strawberry.input(description="A write of an asset that no run did.")
class ReportAssetEventInput:
    """A write of an asset that no run did."""

    asset_key: str = required("Key of the asset; a location must declare it, be it as an external one.")
    partition_key: str | None = given("The partition that was written; needed when the asset is partitioned.")
    data_version: str | None = given("Version of the data: what depends on the asset becomes stale when it changes.")
    metadata: JSON | None = given("What is to be known of the data: a mapping from labels to plain values.")
    idempotency_key: str | None = given(IDEMPOTENCY)


@strawberry.input(description="A run to execute again.")
class RetryRunInput:
    """A run to execute again."""

    run_id: strawberry.ID = required("Id of the run; it must have ended.")
    strategy: RetryStrategy = given("Which of its steps are executed.", default=RetryStrategy.FROM_FAILURE)
    step_keys: list[str] | None = given("Only these steps; every other is taken over from the run.")
    asset_keys: list[str] | None = given(
        "Only the steps that compute these assets or check them, in place of `stepKeys`; every other is taken over from the run."
    )
    tags: list[TagInput] = strawberry.field(default_factory=list, description="Tags of the new run, in addition to those of the old one.")
    idempotency_key: str | None = given(IDEMPOTENCY)


@strawberry.input(description="Runs to end.")
class CancelRunsInput:
    """Runs to end."""

    run_ids: list[strawberry.ID] = required("Ids of the runs, at most 100.")
    force: bool = given("Whether to kill their processes at once instead of giving them time to end.", default=False)


@strawberry.input(description="A queued run, and when it is to be claimed.")
class SetRunPriorityInput:
    """A queued run, and when it is to be claimed."""

    run_id: strawberry.ID = required("Id of the run, or its short id.")
    priority: int = required("Its new priority: runs of higher priority are claimed first.")


@strawberry.input(description="A code location whose code is to be loaded anew.")
class ReloadCodeLocationInput:
    """A code location whose code is to be loaded anew."""

    code_location_id: strawberry.ID = required("Id of the code location; its name is accepted too.")


@strawberry.input(one_of=True, description="How partitions are cut into runs; exactly one field is given.")
class BackfillPolicyInput:
    """How partitions are cut into runs."""

    single_run: strawberry.Maybe[bool] = required("One run writes all of them; must be true.")
    runs_of: strawberry.Maybe[int] = required("Each run writes up to so many neighbouring ones; at least 1.")


@strawberry.input(description="Partitions of assets or of a job to write. Give `selection`, or `job` or `jobName`.")
class StartBackfillInput:
    """Partitions to write."""

    selection: str | None = given("A selection of assets such as `group:marts` or `raw/orders+`; external assets are left out of it.")
    job: strawberry.ID | None = given("Id of a partitioned job.")
    job_name: str | None = given("Name of a partitioned job, in place of its id.")
    repository: str | None = given("Name of the job's repository, needed when several define a job of this name.")
    code_location: str | None = given("Name of the job's code location, needed when several define a job of this name.")
    partitions: PartitionSelection | None = given("Which partitions; a range or keys of one asset are carried over to assets that are cut otherwise.")
    policy: BackfillPolicyInput | None = given("How they are cut into runs; as the assets say when left out, one each if they do not.")
    config: JSON | None = given("Run config of every run.")
    tags: list[TagInput] = strawberry.field(default_factory=list, description="Tags of every run.")
    priority: int = given("Runs of higher priority are claimed first.", default=0)
    order: Direction = given("Whether the first partitions come first, or the last; what they depend on always does.", default=Direction.ASC)
    title: str | None = given("What it is called, for people.")
    idempotency_key: str | None = given(IDEMPOTENCY)


@strawberry.input(description="A backfill to end.")
class CancelBackfillInput:
    """A backfill to end."""

    backfill_id: strawberry.ID = required("Id of the backfill, or its short id.")


@strawberry.input(description="A backfill to pause.")
class PauseBackfillInput:
    """A backfill to pause."""

    backfill_id: strawberry.ID = required("Id of the backfill, or its short id.")


@strawberry.input(description="A paused backfill that is to go on.")
class ResumeBackfillInput:
    """A backfill to resume."""

    backfill_id: strawberry.ID = required("Id of the backfill, or its short id.")


@strawberry.input(description="A backfill of which to write again what was not written.")
class RetryBackfillInput:
    """A backfill to retry."""

    backfill_id: strawberry.ID = required("Id of the backfill, or its short id; it must have ended.")
    statuses: list[BackfillPartitionStatus] | None = given(
        "Only partitions that stand like this: FAILED, CANCELED, SKIPPED, or several of them. All three when left out."
    )


@strawberry.input(description="A backfill, and when its runs are to be claimed.")
class SetBackfillPriorityInput:
    """A backfill, and when its runs are to be claimed."""

    backfill_id: strawberry.ID = required("Id of the backfill, or its short id; it must not have ended.")
    priority: int = required("The new priority of its runs that are queued, and of those that come: higher ones are claimed first.")


@strawberry.input(description="Schedules and sensors to switch.")
class SetAutomationStatusInput:
    """Schedules and sensors to switch."""

    automation_ids: list[strawberry.ID] = required("Ids of the schedules and sensors, at most 100; names are accepted too while they are unique.")
    status: AutomationStatus | None = given("Whether they are on; what their code says when left out.")


@strawberry.input(description="Conditions to switch.")
class SetConditionStatusInput:
    """Conditions to switch."""

    asset_keys: list[str] = required("Keys of the assets whose conditions they are, at most 100.")
    status: AutomationStatus = required("Whether the daemon acts on them. Switched on, they act from now on: what came before is not made up for.")


@strawberry.input(description="A sensor and what it has dealt with.")
class SetSensorCursorInput:
    """A sensor and its cursor."""

    sensor_id: strawberry.ID = required("Id of the sensor; its name is accepted too while it is unique.")
    cursor: str | None = given("The cursor; none when left out, so that it begins anew.")


@strawberry.input(description="A sensor to evaluate without effects.")
class EvaluateSensorInput:
    """A sensor to evaluate without effects."""

    sensor_id: strawberry.ID = required("Id of the sensor; its name is accepted too while it is unique.")
    cursor: str | None = given("The cursor that it goes on from; its own when left out.")


@strawberry.input(description="Keys to add to a set of dynamic partitions.")
class AddDynamicPartitionsInput:
    """Keys to add to a set."""

    set_name: str = required("Name of the set.")
    keys: list[str] = required("The keys, at most 1,000; those that are there already stay as they are.")
