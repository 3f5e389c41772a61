"""Where schedules and sensors stand: their spec, and what their requests are planned against."""

from __future__ import annotations

from collections.abc import Sequence

from partita.definitions.automation_specs import ScheduleSpec, SensorSpec
from partita.definitions.specs import RepositorySpec
from partita.errors import NotFoundError
from partita.planning.dynamic import dynamic_sets
from partita.planning.ticks import TickScope
from partita.records.automations import Automation, AutomationKind
from partita.records.ticks import PartitionsAdded
from partita.storage.store import Store
from partita.workspace.catalog import Catalog


def schedule_of(repository: RepositorySpec, automation: Automation) -> ScheduleSpec:
    """The schedule that an automation is.

    Raises:
        NotFoundError: the repository does not have it.
    """
    found = {spec.name: spec for spec in repository.schedules}
    if automation.name not in found:
        raise NotFoundError("schedule", automation.name, found)
    return found[automation.name]


def sensor_of(repository: RepositorySpec, automation: Automation) -> SensorSpec:
    """The sensor that an automation is.

    Raises:
        NotFoundError: the repository does not have it.
    """
    found = {spec.name: spec for spec in repository.sensors}
    if automation.name not in found:
        raise NotFoundError("sensor", automation.name, found)
    return found[automation.name]


def spec_of(repository: RepositorySpec, automation: Automation) -> ScheduleSpec | SensorSpec:
    """The schedule or sensor that an automation is.

    Raises:
        NotFoundError: the repository does not have it.
    """
    return schedule_of(repository, automation) if automation.kind is AutomationKind.SCHEDULE else sensor_of(repository, automation)


def scope_of(store: Store, workspace: Catalog, automation: Automation, *, added: Sequence[PartitionsAdded] = ()) -> TickScope:
    """What the requests of an automation are planned against; `added`: keys that the tick itself adds.

    Raises:
        NotFoundError: the workspace does not have its repository.
        OperationError: the database does not answer.
    """
    repository = workspace.repository(automation.location, automation.repository)
    references = workspace.references_for(automation.location, automation.repository)
    dynamic = store.partitions.bind(dynamic_sets([repository], references=references.values()))
    for each in added:
        known = dynamic.get(each.set_name, ())
        dynamic[each.set_name] = (*known, *(key for key in dict.fromkeys(each.keys) if key not in known))
    return TickScope(location=automation.location, repository=repository, references=references, dynamic=dynamic)
