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
    from partita.definitions.config import Config, EnvVar, Field
    from partita.definitions.context import Context
    from partita.definitions.graphs import Graph, graph
    from partita.definitions.io import InputContext, IOManager, OutputContext
    from partita.definitions.jobs import Job, asset_job, job
    from partita.definitions.keys import AssetKey
    from partita.definitions.mappings import (
        AllMapping,
        IdentityMapping,
        LastMapping,
        Mapped,
        Mapping,
        SpecificMapping,
        StaticMapping,
        TimeWindowMapping,
    )
    from partita.definitions.metadata import Image, Json, Markdown, Table, Url
    from partita.definitions.ops import Op, op
    from partita.definitions.partitions import (
        DailyPartitions,
        HourlyPartitions,
        MonthlyPartitions,
        Partitions,
        PartitionSet,
        StaticPartitions,
        TimePartitions,
        TimeWindow,
        WeeklyPartitions,
    )
    from partita.definitions.policies import Retry, in_process, processes
    from partita.definitions.ports import In, Out
    from partita.definitions.repository import Repository, load_assets
    from partita.definitions.resources import Provided, Resource
    from partita.definitions.results import CheckResult, Failure, Materialization, Nothing, Output, Severity
    from partita.definitions.selection import Selection, select
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
    from partita.execution.context import AssetContext, CheckContext, OpContext
    from partita.execution.io_managers import FilesystemIO, MemoryIO
    from partita.execution.materialize import materialize
    from partita.storage.store import Store

_NAMES: dict[str, tuple[str, ...]] = {
    "partita.definitions.asset_graph": ("AssetGraph",),
    "partita.definitions.assets": ("Asset", "asset"),
    "partita.definitions.checks": ("Check", "asset_check"),
    "partita.definitions.config": ("Config", "EnvVar", "Field"),
    "partita.definitions.context": ("Context",),
    "partita.definitions.graphs": ("Graph", "graph"),
    "partita.definitions.io": ("IOManager", "InputContext", "OutputContext"),
    "partita.definitions.jobs": ("Job", "asset_job", "job"),
    "partita.definitions.keys": ("AssetKey",),
    "partita.definitions.mappings": (
        "AllMapping",
        "IdentityMapping",
        "LastMapping",
        "Mapped",
        "Mapping",
        "SpecificMapping",
        "StaticMapping",
        "TimeWindowMapping",
    ),
    "partita.definitions.metadata": ("Image", "Json", "Markdown", "Table", "Url"),
    "partita.definitions.ops": ("Op", "op"),
    "partita.definitions.partitions": (
        "DailyPartitions",
        "HourlyPartitions",
        "MonthlyPartitions",
        "PartitionSet",
        "Partitions",
        "StaticPartitions",
        "TimePartitions",
        "TimeWindow",
        "WeeklyPartitions",
    ),
    "partita.definitions.policies": ("Retry", "in_process", "processes"),
    "partita.definitions.ports": ("In", "Out"),
    "partita.definitions.repository": ("Repository", "load_assets"),
    "partita.definitions.resources": ("Provided", "Resource"),
    "partita.definitions.results": ("CheckResult", "Failure", "Materialization", "Nothing", "Output", "Severity"),
    "partita.definitions.selection": ("Selection", "select"),
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
    "partita.execution.context": ("AssetContext", "CheckContext", "OpContext"),
    "partita.execution.io_managers": ("FilesystemIO", "MemoryIO"),
    "partita.execution.materialize": ("materialize",),
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
    "AllMapping",
    "AlreadyFinishedError",
    "AmbiguousNameError",
    "Asset",
    "AssetContext",
    "AssetGraph",
    "AssetKey",
    "AssetSpec",
    "Check",
    "CheckContext",
    "CheckResult",
    "Config",
    "ConflictError",
    "Context",
    "CycleError",
    "DailyPartitions",
    "DefinitionError",
    "DefinitionErrors",
    "Dep",
    "DuplicateNameError",
    "EnvVar",
    "ExecutionError",
    "Failure",
    "Field",
    "FilesystemIO",
    "Graph",
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
    "NotFoundError",
    "Nothing",
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
    "Provided",
    "Repository",
    "RequestError",
    "Resource",
    "Retry",
    "SchemaVersionError",
    "Selection",
    "SelectionError",
    "SettingsError",
    "Severity",
    "SignatureError",
    "SpecificMapping",
    "StaticMapping",
    "StaticPartitions",
    "StepFailedError",
    "StepTimeoutError",
    "StorageUnavailableError",
    "Store",
    "Table",
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
    "graph",
    "in_process",
    "job",
    "load_assets",
    "materialize",
    "op",
    "processes",
    "select",
]
