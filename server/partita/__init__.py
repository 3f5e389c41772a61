"""Partita: a data orchestrator whose face is a typed contract.

`import partita as pt` costs next to nothing: a name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from partita.version import __version__

if TYPE_CHECKING:
    from partita.definitions.asset_graph import AssetGraph
    from partita.definitions.assets import Asset, asset
    from partita.definitions.checks import Check, asset_check
    from partita.definitions.conditions import Condition
    from partita.definitions.config import Config, EnvVar, Field
    from partita.definitions.context import Context
    from partita.definitions.cron import Cron
    from partita.definitions.dynamic import Dynamic
    from partita.definitions.graph_assets import GraphAsset, graph_asset
    from partita.definitions.graphs import Graph, graph
    from partita.definitions.hooks import Hook, on_failure, on_success
    from partita.definitions.io import InputContext, IOManager, OutputContext
    from partita.definitions.jobs import Job, asset_job, job
    from partita.definitions.keys import AssetKey
    from partita.definitions.mappings import (
        AllMapping,
        DimensionMapping,
        IdentityMapping,
        LastMapping,
        Mapped,
        Mapping,
        MultiMapping,
        SpecificMapping,
        StaticMapping,
        TimeWindowMapping,
    )
    from partita.definitions.metadata import ColumnLineage, Image, Json, Markdown, Table, TableSchema, Url
    from partita.definitions.multi_assets import MultiAsset, MultiAssetSpec, multi_asset
    from partita.definitions.observable_assets import observable_asset
    from partita.definitions.ops import Op, op
    from partita.definitions.partitions import (
        CronPartitions,
        DailyPartitions,
        DynamicPartitions,
        HourlyPartitions,
        MonthlyPartitions,
        MultiPartitions,
        Partitions,
        PartitionSet,
        StaticPartitions,
        TimePartitions,
        TimeWindow,
        WeeklyPartitions,
    )
    from partita.definitions.policies import Backfill, Freshness, Pool, Retry, dask, in_process, processes, threads
    from partita.definitions.ports import DynamicOut, In, Out
    from partita.definitions.ready import checks
    from partita.definitions.repository import Repository, load_assets
    from partita.definitions.requests import AddPartitions, AssetEvent, RunRequest, SensorResult, Skip
    from partita.definitions.resources import Provided, Resource
    from partita.definitions.results import (
        CheckResult,
        DynamicOutput,
        Failure,
        Materialization,
        Nothing,
        Observation,
        Output,
        RetryRequested,
        Severity,
    )
    from partita.definitions.schedules import Schedule, partition_schedule, schedule
    from partita.definitions.selection import Selection, select
    from partita.definitions.sensors import Sensor, asset_sensor, run_status_sensor, sensor
    from partita.definitions.specs import AssetSpec, Dep
    from partita.errors import (
        AlreadyFinishedError,
        AmbiguousNameError,
        ConflictError,
        CycleError,
        DefinitionError,
        DefinitionErrors,
        DuplicateNameError,
        ExecutionError,
        InputMissingError,
        InvalidConfigError,
        InvalidConfigErrors,
        LeaseLostError,
        LocationUnavailableError,
        NotFoundError,
        OperationError,
        OutputMissingError,
        PartitaError,
        RequestError,
        RunTimeoutError,
        SchemaVersionError,
        SelectionError,
        SettingsError,
        SignatureError,
        StepFailedError,
        StepTimeoutError,
        StorageUnavailableError,
        UnknownDependencyError,
        UnknownPartitionError,
        WorkspaceError,
    )
    from partita.execution.automation_contexts import AssetSensorContext, RunStatusContext, ScheduleContext, SensorContext
    from partita.execution.built_context import BuiltContext, build_context
    from partita.execution.context import AssetContext, CheckContext, OpContext
    from partita.execution.hooks import HookContext
    from partita.execution.io_managers import DuckDBIO, FilesystemIO, MemoryIO, ObjectIO
    from partita.execution.materialize import materialize
    from partita.execution.simulate import SimulationReport, simulate
    from partita.execution.subprocesses import Subprocess, SubprocessResult
    from partita.storage.store import Store

_NAMES: dict[str, tuple[str, ...]] = {
    "partita.definitions.asset_graph": ("AssetGraph",),
    "partita.definitions.assets": ("Asset", "asset"),
    "partita.definitions.checks": ("Check", "asset_check"),
    "partita.definitions.conditions": ("Condition",),
    "partita.definitions.config": ("Config", "EnvVar", "Field"),
    "partita.definitions.context": ("Context",),
    "partita.definitions.dynamic": ("Dynamic",),
    "partita.definitions.graph_assets": ("GraphAsset", "graph_asset"),
    "partita.definitions.graphs": ("Graph", "graph"),
    "partita.definitions.hooks": ("Hook", "on_failure", "on_success"),
    "partita.definitions.io": ("IOManager", "InputContext", "OutputContext"),
    "partita.definitions.jobs": ("Job", "asset_job", "job"),
    "partita.definitions.keys": ("AssetKey",),
    "partita.definitions.mappings": (
        "AllMapping",
        "DimensionMapping",
        "IdentityMapping",
        "LastMapping",
        "Mapped",
        "Mapping",
        "MultiMapping",
        "SpecificMapping",
        "StaticMapping",
        "TimeWindowMapping",
    ),
    "partita.definitions.metadata": ("ColumnLineage", "Image", "Json", "Markdown", "Table", "TableSchema", "Url"),
    "partita.definitions.multi_assets": ("MultiAsset", "MultiAssetSpec", "multi_asset"),
    "partita.definitions.observable_assets": ("observable_asset",),
    "partita.definitions.ops": ("Op", "op"),
    "partita.definitions.partitions": (
        "CronPartitions",
        "DailyPartitions",
        "DynamicPartitions",
        "HourlyPartitions",
        "MonthlyPartitions",
        "MultiPartitions",
        "PartitionSet",
        "Partitions",
        "StaticPartitions",
        "TimePartitions",
        "TimeWindow",
        "WeeklyPartitions",
    ),
    "partita.definitions.policies": ("Backfill", "Freshness", "Pool", "Retry", "dask", "in_process", "processes", "threads"),
    "partita.definitions.ports": ("DynamicOut", "In", "Out"),
    "partita.definitions.ready": ("checks",),
    "partita.definitions.repository": ("Repository", "load_assets"),
    "partita.definitions.resources": ("Provided", "Resource"),
    "partita.definitions.results": (
        "CheckResult",
        "DynamicOutput",
        "Failure",
        "Materialization",
        "Nothing",
        "Observation",
        "Output",
        "RetryRequested",
        "Severity",
    ),
    "partita.definitions.selection": ("Selection", "select"),
    "partita.definitions.cron": ("Cron",),
    "partita.definitions.requests": ("AddPartitions", "AssetEvent", "RunRequest", "SensorResult", "Skip"),
    "partita.definitions.schedules": ("Schedule", "partition_schedule", "schedule"),
    "partita.definitions.sensors": ("Sensor", "asset_sensor", "run_status_sensor", "sensor"),
    "partita.definitions.specs": ("AssetSpec", "Dep"),
    "partita.errors": (
        "AlreadyFinishedError",
        "AmbiguousNameError",
        "ConflictError",
        "CycleError",
        "DefinitionError",
        "DefinitionErrors",
        "DuplicateNameError",
        "ExecutionError",
        "InputMissingError",
        "InvalidConfigError",
        "InvalidConfigErrors",
        "LeaseLostError",
        "LocationUnavailableError",
        "NotFoundError",
        "OperationError",
        "OutputMissingError",
        "PartitaError",
        "RequestError",
        "RunTimeoutError",
        "SchemaVersionError",
        "SelectionError",
        "SettingsError",
        "SignatureError",
        "StepFailedError",
        "StepTimeoutError",
        "StorageUnavailableError",
        "UnknownDependencyError",
        "UnknownPartitionError",
        "WorkspaceError",
    ),
    "partita.execution.automation_contexts": ("AssetSensorContext", "RunStatusContext", "ScheduleContext", "SensorContext"),
    "partita.execution.built_context": ("BuiltContext", "build_context"),
    "partita.execution.context": ("AssetContext", "CheckContext", "OpContext"),
    "partita.execution.hooks": ("HookContext",),
    "partita.execution.io_managers": ("DuckDBIO", "FilesystemIO", "MemoryIO", "ObjectIO"),
    "partita.execution.materialize": ("materialize",),
    "partita.execution.simulate": ("SimulationReport", "simulate"),
    "partita.execution.subprocesses": ("Subprocess", "SubprocessResult"),
    "partita.storage.store": ("Store",),
}
_MODULE_OF = {name: module for module, names in _NAMES.items() for name in names}
_JOBS = "partita.definitions.jobs"


def _run_job(job: Any, **options: Any) -> Any:
    """Executing a job loads execution only when it happens; definitions know nothing of it."""
    return import_module("partita.execution.materialize").run_job(job, **options)


def __getattr__(name: str) -> Any:
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module 'partita' has no attribute {name!r}")
    loaded = import_module(module)
    if module == _JOBS:
        loaded.bind_runner(_run_job)
    value = globals()[name] = getattr(loaded, name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


__all__ = [
    "AddPartitions",
    "AllMapping",
    "AlreadyFinishedError",
    "AmbiguousNameError",
    "Asset",
    "AssetContext",
    "AssetEvent",
    "AssetGraph",
    "AssetKey",
    "AssetSensorContext",
    "AssetSpec",
    "Backfill",
    "BuiltContext",
    "Check",
    "CheckContext",
    "CheckResult",
    "ColumnLineage",
    "Condition",
    "Config",
    "ConflictError",
    "Context",
    "Cron",
    "CronPartitions",
    "CycleError",
    "DailyPartitions",
    "DefinitionError",
    "DefinitionErrors",
    "Dep",
    "DimensionMapping",
    "DuckDBIO",
    "DuplicateNameError",
    "Dynamic",
    "DynamicOut",
    "DynamicOutput",
    "DynamicPartitions",
    "EnvVar",
    "ExecutionError",
    "Failure",
    "Field",
    "FilesystemIO",
    "Freshness",
    "Graph",
    "GraphAsset",
    "Hook",
    "HookContext",
    "HourlyPartitions",
    "IOManager",
    "IdentityMapping",
    "Image",
    "In",
    "InputContext",
    "InputMissingError",
    "InvalidConfigError",
    "InvalidConfigErrors",
    "Job",
    "Json",
    "LastMapping",
    "LeaseLostError",
    "LocationUnavailableError",
    "Mapped",
    "Mapping",
    "Markdown",
    "Materialization",
    "MemoryIO",
    "MonthlyPartitions",
    "MultiAsset",
    "MultiAssetSpec",
    "MultiMapping",
    "MultiPartitions",
    "NotFoundError",
    "Nothing",
    "ObjectIO",
    "Observation",
    "Op",
    "OpContext",
    "OperationError",
    "Out",
    "Output",
    "OutputContext",
    "OutputMissingError",
    "PartitaError",
    "PartitionSet",
    "Partitions",
    "Pool",
    "Provided",
    "Repository",
    "RequestError",
    "Resource",
    "Retry",
    "RetryRequested",
    "RunRequest",
    "RunStatusContext",
    "RunTimeoutError",
    "Schedule",
    "ScheduleContext",
    "SchemaVersionError",
    "Selection",
    "SelectionError",
    "Sensor",
    "SensorContext",
    "SensorResult",
    "SettingsError",
    "Severity",
    "SignatureError",
    "SimulationReport",
    "Skip",
    "SpecificMapping",
    "StaticMapping",
    "StaticPartitions",
    "StepFailedError",
    "StepTimeoutError",
    "StorageUnavailableError",
    "Store",
    "Subprocess",
    "SubprocessResult",
    "Table",
    "TableSchema",
    "TimePartitions",
    "TimeWindow",
    "TimeWindowMapping",
    "UnknownDependencyError",
    "UnknownPartitionError",
    "Url",
    "WeeklyPartitions",
    "WorkspaceError",
    "__version__",
    "asset",
    "asset_check",
    "asset_job",
    "asset_sensor",
    "build_context",
    "checks",
    "dask",
    "graph",
    "graph_asset",
    "in_process",
    "job",
    "load_assets",
    "materialize",
    "multi_asset",
    "observable_asset",
    "on_failure",
    "on_success",
    "op",
    "partition_schedule",
    "processes",
    "run_status_sensor",
    "schedule",
    "select",
    "sensor",
    "simulate",
    "threads",
]
