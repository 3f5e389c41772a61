"""Schedules and sensors as the schema shows them, and how callers name them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from partita.api.entries import Place
from partita.api.ids import SCHEDULE, SENSOR, decode_id, encode_id
from partita.api.types.enums import AutomationStatus, SensorKind
from partita.definitions.automation_specs import ScheduleSpec, SensorSpec, TargetSpec
from partita.errors import AmbiguousNameError, NotFoundError
from partita.records.automations import automation_id

STATUS_OF = {True: AutomationStatus.ON, False: AutomationStatus.OFF}


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleEntry:
    """A schedule of a repository."""

    location: str
    repository: str
    spec: ScheduleSpec
    id: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", encode_id(SCHEDULE, self.location, self.repository, self.spec.name))

    @property
    def place(self) -> Place:
        """Where it stands."""
        return self.location, self.repository

    @property
    def name(self) -> str:
        """Its name in its repository."""
        return self.spec.name

    @property
    def automation_id(self) -> str:
        """What its record is called."""
        return automation_id(self.location, self.repository, self.spec.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorEntry:
    """A sensor of a repository."""

    location: str
    repository: str
    spec: SensorSpec
    id: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", encode_id(SENSOR, self.location, self.repository, self.spec.name))

    @property
    def place(self) -> Place:
        """Where it stands."""
        return self.location, self.repository

    @property
    def name(self) -> str:
        """Its name in its repository."""
        return self.spec.name

    @property
    def kind(self) -> SensorKind:
        """What it waits for."""
        return SensorKind(self.spec.kind)

    @property
    def automation_id(self) -> str:
        """What its record is called."""
        return automation_id(self.location, self.repository, self.spec.name)


AutomationEntry = ScheduleEntry | SensorEntry


@dataclass(frozen=True, slots=True)
class ShownTarget:
    """The value behind an `AutomationTarget`."""

    place: Place
    spec: TargetSpec


def target_of(entry: AutomationEntry, spec: TargetSpec) -> ShownTarget:
    """A target of a schedule or sensor."""
    return ShownTarget(entry.place, spec)


class Automations:
    """The schedules and sensors of a workspace by what they are called."""

    def __init__(self, entries: Iterable[AutomationEntry]) -> None:
        self.by_id: Mapping[str, AutomationEntry] = {entry.automation_id: entry for entry in entries}

    def find(self, given: str, *, kind: type[AutomationEntry] | None = None) -> AutomationEntry:
        """One by its node id, by `location/repository/name`, or by its bare name while that is unique.

        Raises:
            NotFoundError: there is none; names the nearest.
            AmbiguousNameError: several are called so.
        """
        word = "schedule or sensor" if kind is None else ("schedule" if kind is ScheduleEntry else "sensor")
        known = {each: entry for each, entry in self.by_id.items() if kind is None or isinstance(entry, kind)}
        decoded = decode_id(given)
        if decoded is not None and decoded[0] in {SCHEDULE, SENSOR}:
            given = automation_id(*decoded[1])
        if given in known:
            return known[given]
        found = [entry for entry in known.values() if entry.name == given]
        if len(found) > 1:
            raise AmbiguousNameError(word, given, [entry.automation_id for entry in found])
        if not found:
            raise NotFoundError(word, given, [entry.name for entry in known.values()])
        return found[0]
