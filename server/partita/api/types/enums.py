"""Closed sets of words. The values are those of the records; what each means is said here."""

from __future__ import annotations

from enum import Enum, StrEnum
from typing import TypeVar

import strawberry

from partita.definitions.metadata import MetadataKind
from partita.planning.health import AssetHealth
from partita.planning.staleness import CauseKind as StalenessCauseKind
from partita.planning.staleness import Freshness as StalenessStatus
from partita.records.alerts import AlertKind, AlertStatus
from partita.records.assets import PartitionStatus
from partita.records.backfills import BackfillItemStatus as BackfillPartitionStatus
from partita.records.backfills import BackfillStatus
from partita.records.events import LogLevel, Severity
from partita.records.filters import RunOrderField
from partita.records.locations import LocationStatus
from partita.records.pages import Direction
from partita.records.queue import WaitKind
from partita.records.runs import RunStatus, StepStatus
from partita.records.ticks import TickStatus

E = TypeVar("E", bound=type[Enum])


class PartitionKind(StrEnum):
    """What cuts a dimension into partitions."""

    STATIC = "static"
    TIME_WINDOW = "time_window"
    DYNAMIC = "dynamic"


class StepEventKind(StrEnum):
    """What happened to a step."""

    WORKER = "worker"
    STARTED = "started"
    INPUT = "input"
    OUTPUT = "output"
    MAPPED = "mapped"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    UPSTREAM_FAILED = "upstream_failed"
    CANCELED = "canceled"


class LogStream(StrEnum):
    """One of the two streams of a process."""

    STDOUT = "stdout"
    STDERR = "stderr"


class AutomationStatus(StrEnum):
    """Whether a schedule or sensor is on."""

    ON = "on"
    OFF = "off"


class SensorKind(StrEnum):
    """What a sensor waits for."""

    FUNCTION = "function"
    ASSET = "asset"
    RUN_STATUS = "run_status"


class DaemonKind(StrEnum):
    """A role of the daemon."""

    SCHEDULES = "schedules"
    SENSORS = "sensors"
    BACKFILLS = "backfills"
    CONDITIONS = "conditions"
    MONITOR = "monitor"
    RETENTION = "retention"
    FRESHNESS = "freshness"
    ALERTS = "alerts"


class AssetOrderField(StrEnum):
    """What assets are sorted by."""

    KEY = "key"
    LAST_MATERIALIZED_AT = "last_materialized_at"


class RetryStrategy(StrEnum):
    """What a retry executes."""

    FROM_FAILURE = "from_failure"
    ALL_STEPS = "all_steps"


class MutationErrorCode(StrEnum):
    """Why a mutation did not do what was asked."""

    NOT_FOUND = "not_found"
    INVALID_INPUT = "invalid_input"
    RUN_CONFIG_INVALID = "run_config_invalid"
    PARTITION_UNKNOWN = "partition_unknown"
    CONFLICT = "conflict"
    ALREADY_FINISHED = "already_finished"
    TOO_MANY = "too_many"
    CODE_LOCATION_UNAVAILABLE = "code_location_unavailable"
    NOT_ENDED = "not_ended"


def _describe(enum: E, description: str, *, name: str | None = None, **values: str) -> E:
    """`enum` as part of the schema, with a sentence for each value."""
    made = strawberry.enum(enum, name=name, description=description)
    for value in made.__strawberry_definition__.values:  # type: ignore[attr-defined]  # strawberry adds it
        value.description = values[value.name]
    return made


_describe(
    RunStatus,
    "Where a run stands.",
    QUEUED="It waits to be claimed by a worker.",
    STARTING="A worker has claimed it; no step has started.",
    RUNNING="Its steps are being executed.",
    CANCELING="Its cancellation was requested; its processes are being ended.",
    SUCCEEDED="It ended and every step that had to succeed did.",
    FAILED="It ended and something failed.",
    CANCELED="It was cancelled before it could end by itself.",
)
_describe(
    StepStatus,
    "Where a step of a run stands.",
    PENDING="It has not started.",
    RUNNING="It is being executed.",
    WAITING_RETRY="It failed and will be tried again after a delay.",
    SUCCEEDED="It did all it owes.",
    FAILED="Its last attempt failed.",
    SKIPPED="An optional output that it needs was not produced.",
    UPSTREAM_FAILED="It was not run because a step before it failed.",
    CANCELED="It was ended, or never began, because the run was cancelled.",
)
_describe(
    LocationStatus,
    "Where a code location stands.",
    name="CodeLocationStatus",
    LOADING="Its code is being loaded.",
    LOADED="Its newest code is loaded.",
    FAILED="Its newest code did not load; the last good definitions, if any, are still served.",
    UNREACHABLE="No worker serves it at the moment.",
)
_describe(
    PartitionStatus,
    "State of one partition of one asset or job.",
    MISSING="It was never written.",
    RUNNING="A run is writing it.",
    MATERIALIZED="It has been written.",
    FAILED="The last run that was to write it failed.",
)
_describe(
    LogLevel,
    "Severity of a log record.",
    DEBUG="Detail for those who look for a fault.",
    INFO="Something that is as it should be.",
    WARNING="Something that deserves a look.",
    ERROR="Something failed.",
    CRITICAL="Something failed that stops everything else.",
)
_describe(
    Severity,
    "What a failed check means.",
    name="CheckSeverity",
    WARN="A failed check deserves a look and never stops anything.",
    ERROR="A failed check is an error; if the check is blocking it stops what is downstream.",
)
_describe(
    MetadataKind,
    "How a metadata value is to be shown.",
    TEXT="Plain text.",
    MARKDOWN="Text in Markdown.",
    URL="A link.",
    PATH="A path in a file system.",
    INT="A whole number.",
    FLOAT="A number.",
    BOOL="True or false.",
    JSON="Any JSON value, shown as a tree.",
    TABLE="A list of objects of one shape, shown as a table.",
    TABLE_SCHEMA="The columns of a table: a list of objects with name, type and, where it is known, description.",
    COLUMN_LINEAGE="By column, what it is made from: a list of objects with asset and column.",
    TIMESTAMP="An instant as RFC 3339 text.",
    ASSET="The key of an asset.",
    RUN="The id of a run.",
    IMAGE="A picture, as base64 text.",
)
_describe(
    RunOrderField,
    "What runs are sorted by; the id breaks ties.",
    CREATED_AT="When the run was asked for.",
    STARTED_AT="When its steps could start; runs that have not started come last.",
    ENDED_AT="When it ended; runs that have not ended come last.",
    PRIORITY="Its priority.",
)
_describe(Direction, "Which way a list runs.", name="OrderDirection", ASC="Smallest or oldest first.", DESC="Largest or newest first.")
_describe(
    AssetOrderField,
    "What assets are sorted by; the key breaks ties.",
    KEY="The asset's key.",
    LAST_MATERIALIZED_AT="When it was last written; assets that never were come last.",
)
_describe(
    PartitionKind,
    "What cuts a dimension into partitions.",
    STATIC="A fixed list of keys.",
    TIME_WINDOW="Windows of time of one cadence.",
    DYNAMIC="Keys that are added while the workspace runs; the only dimension has the name of their set.",
)
_describe(
    StepEventKind,
    "What happened to a step.",
    WORKER="A process was made for it.",
    STARTED="Its code is about to be called.",
    INPUT="One of its inputs was loaded.",
    OUTPUT="It produced an output.",
    MAPPED="All items of a dynamic output are known, and steps that were mapped over it have given way to one for each item.",
    SUCCEEDED="It did all it owes.",
    FAILED="An attempt failed; `retryAfter` tells whether it will be tried again.",
    SKIPPED="It did not run because an optional output that it needs was not produced.",
    UPSTREAM_FAILED="It did not run because a step before it failed.",
    CANCELED="It was ended, or never began, because the run was cancelled.",
)
_describe(LogStream, "One of the two streams that a step's process writes to.", STDOUT="Standard output.", STDERR="Standard error.")
_describe(AutomationStatus, "Whether a schedule or sensor is on.", ON="It ticks.", OFF="It does not tick.")
_describe(
    SensorKind,
    "What a sensor waits for.",
    FUNCTION="Whatever its function looks at; it is evaluated again and again.",
    ASSET="Writes of assets.",
    RUN_STATUS="Runs that reach a status.",
)
_describe(
    TickStatus,
    "Where a tick stands.",
    STARTED="It waits to be evaluated, or is.",
    SUCCEEDED="It launched what it asked for.",
    SKIPPED="It launched nothing; `skipReason` says why.",
    FAILED="Its evaluation failed, or it asked for what cannot be run; nothing was launched.",
)
_describe(
    BackfillStatus,
    "Where a backfill stands.",
    REQUESTED="Nothing of it has been launched yet.",
    RUNNING="Its runs are launched as what they depend on succeeds.",
    PAUSED="Nothing more is launched until it is resumed. Runs that have begun go on, those in the queue wait; it ends if nothing is left.",
    CANCELING="Nothing more is launched; its runs are being ended.",
    SUCCEEDED="Every partition was written.",
    FAILED="All that could be done is done, and some of it failed.",
    CANCELED="It was cancelled before it could end by itself.",
)
_describe(
    BackfillPartitionStatus,
    "Where one partition of a backfill stands.",
    name="BackfillPartitionStatus",
    WAITING="It waits for its turn, or for what it depends on.",
    RUNNING="A run that is to write it has been launched.",
    SUCCEEDED="It was written.",
    FAILED="The run that was to write it failed.",
    CANCELED="It was cancelled.",
    SKIPPED="Something that it depends on in this backfill did not succeed, or its asset cannot be written any more.",
)
_describe(
    AssetHealth,
    "How well an asset is.",
    HEALTHY="It was written, or observed, and nothing is known against it.",
    WARNING="A check of severity WARN has failed.",
    DEGRADED="It could not be written, a check of severity ERROR has failed, or it is older than its policy allows.",
    UNKNOWN="It was never written, nor observed, and nothing is known against it.",
)
_describe(
    AlertKind,
    "What an alert is about.",
    RUN_FAILED="A run has failed and is not tried again by itself.",
    CHECK_FAILED="A check of an asset has failed.",
    FRESHNESS_LOST="An asset has become older than its freshness policy allows.",
    SCHEDULE_FAILING="The last tick of a schedule has failed.",
    SENSOR_FAILING="The last tick of a sensor has failed.",
    LOCATION_BROKEN="A code location cannot be loaded, or nobody works for it.",
    DAEMON_GONE="A role of the daemon does not do its work.",
)
_describe(
    AlertStatus,
    "Whether people were told.",
    WAITING="Not yet: it waits for its time, or a target does not answer.",
    SENT="They were.",
    DROPPED="Nobody was: it was over before, or its rule is gone.",
    FAILED="A target has refused it for a day.",
)
_describe(
    StalenessStatus,
    "How an asset stands against its code and its inputs.",
    name="StalenessStatus",
    MISSING="It was never written.",
    FRESH="It was written by the code of now from the data of now.",
    STALE="Something has changed since it was written.",
)
_describe(
    StalenessCauseKind,
    "What kind of change made an asset stale.",
    name="StalenessCauseKind",
    CODE="Its code has another version.",
    DATA="An asset before it has other data.",
    DEPENDENCIES="It depends on other assets than it did.",
)
_describe(
    WaitKind,
    "What a queued run waits for.",
    NEXT="Nothing: a worker is about to claim it.",
    CONCURRENCY="So many runs are active as may be at once.",
    TAG_LIMIT="So many runs with one of its tags are active as may be at once.",
    POOL="A pool that it needs has no slot left.",
    PRIORITY="Others that could start as well come first.",
    LOCATION="Nobody can run it: its code location is not loaded, or has no worker.",
    PAUSED="It belongs to a backfill that is paused.",
)
_describe(
    DaemonKind,
    "A role of the daemon.",
    SCHEDULES="Writes the ticks of schedules and launches their runs.",
    SENSORS="Has sensors evaluated.",
    BACKFILLS="Launches the runs of backfills.",
    CONDITIONS="Evaluates the conditions of assets and launches what they ask for.",
    MONITOR="Ends runs whose worker has died.",
    FRESHNESS="Notes on time when assets are too old, and when they are fresh again.",
    ALERTS="Tells people what they want to be told of.",
    RETENTION="Removes records that are older than what is kept.",
)
_describe(
    RetryStrategy,
    "What a retry executes.",
    FROM_FAILURE="Steps that succeeded are taken over; the others are executed.",
    ALL_STEPS="Every step is executed again.",
)
_describe(
    MutationErrorCode,
    "Why a mutation did not do what was asked.",
    NOT_FOUND="Something that the input names does not exist.",
    INVALID_INPUT="The input contradicts itself or what is defined.",
    RUN_CONFIG_INVALID="The run config is not what the target's schema asks for.",
    PARTITION_UNKNOWN="A partition key is not one of the target's partitions.",
    CONFLICT="The request collides with what already happened.",
    ALREADY_FINISHED="The run or backfill has ended, so it cannot be changed.",
    TOO_MANY="The input asks for more than is allowed at once.",
    CODE_LOCATION_UNAVAILABLE="The code location has never loaded, so nothing of it can run.",
    NOT_ENDED="What was asked for takes longer than one operation may; it goes on.",
)

__all__ = [
    "AlertKind",
    "AlertStatus",
    "AssetHealth",
    "AssetOrderField",
    "AutomationStatus",
    "BackfillPartitionStatus",
    "BackfillStatus",
    "DaemonKind",
    "Direction",
    "LocationStatus",
    "LogLevel",
    "LogStream",
    "MetadataKind",
    "MutationErrorCode",
    "PartitionKind",
    "PartitionStatus",
    "RetryStrategy",
    "RunOrderField",
    "RunStatus",
    "SensorKind",
    "Severity",
    "StalenessCauseKind",
    "StalenessStatus",
    "StepEventKind",
    "StepStatus",
    "TickStatus",
    "WaitKind",
]
