"""How the fields of a type are written down.

A type here only declares: the values behind it are records (`partita.records`) and entries of the catalog
(`partita.api.entries`), shown as they are. So no value is copied into another shape, and modules of types never import
each other: a type of another module is named by a reference that the schema resolves when it is built.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, Optional, TypeVar, cast

import strawberry
from graphql import GraphQLResolveInfo
from strawberry.types.field import StrawberryField
from strawberry.types.fields.resolver import StrawberryResolver
from strawberry.types.lazy_type import LazyType

T = TypeVar("T")


class Shown(StrawberryField):
    """A field that reads an attribute, or a path of attributes, of the value behind the type."""

    path: str | None = None
    read: Callable[[Any], Any] | None = None

    def __copy__(self) -> Shown:
        made = super().__copy__()
        made.path, made.read = self.path, self.read
        return made

    def get_result(self, source: Any, info: Any, args: list[Any], kwargs: Any) -> Any:
        """The attribute of `source`."""
        del info, args, kwargs
        read = self.read
        if read is None:
            read = self.read = attrgetter(self.path or self.python_name)
        return read(source)


def shown(description: str, path: str | None = None, *, type: Any = None, name: str | None = None) -> Any:
    """A field that shows the attribute `path` of the value behind the type; by default the one with the field's own name."""
    annotation = strawberry.annotation.StrawberryAnnotation.from_annotation(type) if type is not None else None
    made = Shown(graphql_name=name, type_annotation=annotation, description=description)
    made.path = path
    return made


def resolved(description: str, *, type: Any = None, name: str | None = None) -> Callable[[Any], Any]:
    """A field that a static method works out from the value behind the type. `type` stands for the return annotation."""

    def mark(function: Any) -> Any:
        return strawberry.field(description=description, graphql_type=type, name=name)(resolver_of(function, type))

    return mark


def resolver_of(function: Any, type: Any = None) -> StrawberryResolver[Any]:
    """The resolver that a static method is. What it returns is a value of ours, so `type` says how it is shown."""
    plain = function.__func__ if isinstance(function, staticmethod) else function
    return StrawberryResolver(plain, type_override=type)


def argument(description: str) -> Any:
    """What an argument means, for `Annotated`."""
    return strawberry.argument(description=description)


def given(description: str, *, default: Any = None, name: str | None = None) -> Any:
    """A field of an input; None stands for one that was left out."""
    return strawberry.field(description=description, default=default, name=name)


def required(description: str, *, name: str | None = None) -> Any:
    """A field of an input that must be given."""
    return strawberry.field(description=description, name=name)


def maybe(type: Any) -> Any:
    """`type`, or null."""
    return Optional[type]  # noqa: UP045 (a reference to a type knows no `|`)


def many(type: Any) -> Any:
    """A list of `type` without nulls."""
    return cast("Any", list)[type]


def shows(*rows: type) -> Callable[[type[T]], type[T]]:
    """Class decorator: the values behind this type are of these classes."""

    def mark(cls: type[T]) -> type[T]:
        def is_type_of(_: type[T], value: object, _info: GraphQLResolveInfo[Any]) -> bool:
            return isinstance(value, rows)

        cast("Any", cls).is_type_of = classmethod(is_type_of)
        for row in rows:
            SHOWN_AS[row] = cls.__name__
        return cls

    return mark


SHOWN_AS: dict[type, str] = {}
"""Class of a value, and the type it is shown as where an interface is asked for."""


def _reference(name: str, module: str) -> Any:
    return LazyType(name, f"partita.api.types.{module}")


WORKSPACE = _reference("Workspace", "workspace")
CODE_LOCATION = _reference("CodeLocation", "workspace")
REPOSITORY = _reference("Repository", "workspace")
JOB = _reference("Job", "jobs")
ASSET = _reference("Asset", "assets")
ASSET_PARTITIONS = _reference("AssetPartitions", "partitions")
PARTITION = _reference("Partition", "partitions")
CHECK = _reference("AssetCheck", "checks")
CHECK_RESULT = _reference("AssetCheckResult", "checks")
MATERIALIZATION = _reference("Materialization", "materializations")
OBSERVATION = _reference("Observation", "observations")
RUN = _reference("Run", "runs")
RUN_EVENT = _reference("RunEvent", "events")
SCHEDULE = _reference("Schedule", "automations")
SENSOR = _reference("Sensor", "automations")
TICK = _reference("Tick", "ticks")
BACKFILL = _reference("Backfill", "backfills")
BACKFILL_PARTITION = _reference("BackfillPartition", "backfills")
CONDITION_EVALUATION = _reference("ConditionEvaluation", "conditions")
FRESHNESS = _reference("AssetFreshness", "freshness")
STALENESS = _reference("AssetStaleness", "staleness")
ALERT = _reference("Alert", "alerts")
PYTHON_ERROR = _reference("PythonError", "failures")

__all__ = [
    "ALERT",
    "ASSET",
    "ASSET_PARTITIONS",
    "BACKFILL",
    "BACKFILL_PARTITION",
    "CHECK",
    "CHECK_RESULT",
    "CODE_LOCATION",
    "CONDITION_EVALUATION",
    "FRESHNESS",
    "JOB",
    "MATERIALIZATION",
    "OBSERVATION",
    "PARTITION",
    "PYTHON_ERROR",
    "REPOSITORY",
    "RUN",
    "RUN_EVENT",
    "SCHEDULE",
    "SENSOR",
    "SHOWN_AS",
    "STALENESS",
    "TICK",
    "WORKSPACE",
    "Shown",
    "argument",
    "given",
    "many",
    "maybe",
    "required",
    "resolved",
    "resolver_of",
    "shown",
    "shows",
]
