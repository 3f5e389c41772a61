"""Writing assets: a selection becomes as many runs as it needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from partita.api.context import Context
from partita.api.definitions import Definitions
from partita.api.limits import LIMITS
from partita.api.mutations.answers import LaunchedRuns
from partita.api.mutations.partitions import partition_keys_of
from partita.api.mutations.requests import OF_SELECTION, Refused, check_texts, launch, plan_of, to_config, to_idempotency, to_tags
from partita.api.problems import invalid, problems_of, too_many
from partita.api.staleness import words_for
from partita.api.types.inputs import MaterializeAssetsInput
from partita.definitions.keys import AssetKey
from partita.definitions.selection import Selection
from partita.errors import RequestError
from partita.planning.cut import cut_assets
from partita.planning.declared import ops_of
from partita.records.runs import RunRequest

MAX_STEPS_PLANNED = 20_000
"""Steps that are planned for one request before it is granted, about half a second of work. Beyond, the ends of each cut are planned."""


async def materialize_assets(context: Context, given: MaterializeAssetsInput) -> LaunchedRuns:
    """Queue the runs that write the assets of a selection, or say why not."""

    def decide() -> Sequence[RunRequest]:
        requests = _requests_of(context, given)
        for request in _worth_planning(requests):
            plan_of(context.definitions, request, now=context.now, places=OF_SELECTION)
        return requests

    made = await launch(context, decide, lambda: to_idempotency(context, "materializeAssets", given))
    return LaunchedRuns(runs=made.runs, is_replay=made.is_replay, errors=made.problems)


def _requests_of(context: Context, given: MaterializeAssetsInput) -> Sequence[RunRequest]:
    check_texts(given)
    definitions = context.definitions
    catalog = definitions.catalog
    keys = selected_assets(context, given.selection)
    partition_keys = partition_keys_of(given.partitions, [catalog.asset(key) for key in keys], dynamic=definitions.dynamic, now=context.now)
    try:
        requests: Sequence[RunRequest] = cut_assets(
            keys,
            owners=catalog.owners,
            graph=catalog.graph,
            now=context.now,
            partition_keys=partition_keys,
            dynamic=definitions.dynamic,
            tags=to_tags(given.tags),
            priority=given.priority,
            skip_unchanged=given.skip_unchanged,
        )
    except RequestError as error:
        raise Refused(*problems_of(error, path=["partitions"])) from None
    if given.is_single_run:
        requests = _merged(requests)
    if len(requests) > LIMITS.max_runs_per_launch:
        problem = f"This would be {len(requests)} runs; at most {LIMITS.max_runs_per_launch} are launched at once."
        raise Refused(too_many(problem, path=["partitions"]))
    return _with_config(definitions, requests, to_config(given.config))


def _merged(requests: Sequence[RunRequest]) -> Sequence[RunRequest]:
    """The requests as one that writes all their partitions."""
    first = requests[0]
    cuts = {(request.location, request.repository, request.assets) for request in requests}
    if len(cuts) > 1:
        problem = f"This takes {len(requests)} runs: {len(cuts)} for different code locations, repositories or partitions."
        raise Refused(too_many(problem, path=["isSingleRun"]))
    return [msgspec.structs.replace(first, partition_keys=tuple(key for request in requests for key in request.partition_keys))]


def selected_assets(context: Context, selection: str) -> list[AssetKey]:
    """The executable assets that a selection means; reads the store where that asks for their state."""
    definitions = context.definitions
    catalog = definitions.catalog
    try:
        chosen = Selection.parse(selection)
        status_of = words_for(context.store, definitions, chosen, now=context.now)
        keys = chosen.resolve(catalog.graph, location_of=catalog.location_of, status_of=status_of)
    except RequestError as error:
        raise Refused(*problems_of(error, path=["selection"])) from None
    executable = [key for key in catalog.graph.order if key in keys and key in catalog.owners]
    if executable:
        return executable
    external = ", ".join(repr(str(key)) for key in sorted(keys)[:10])
    if keys:
        raise Refused(invalid(f"Nothing here can be written: no code location computes {external}.", path=["selection"]))
    raise Refused(invalid(f"The selection {selection!r} means no asset.{_not_loaded(definitions)}", path=["selection"]))


def _not_loaded(definitions: Definitions) -> str:
    missing = [repr(each.name) for each in definitions.locations if each.record.catalog_hash is None]
    return f" Assets of {', '.join(missing)} are not known, since that has never loaded." if missing else ""


def _worth_planning(requests: Sequence[RunRequest]) -> Iterator[RunRequest]:
    """All requests, or, when that were too much work, the first and last of every cut: what is missing upstream is missing at the ends."""
    if sum(len(request.assets) for request in requests) <= MAX_STEPS_PLANNED:
        yield from requests
        return
    ends: dict[tuple[Any, ...], list[RunRequest]] = {}
    for request in requests:
        ends.setdefault((request.location, request.repository, request.assets), []).append(request)
    for group in ends.values():
        yield from {group[0].partition_keys: group[0], group[-1].partition_keys: group[-1]}.values()


def _with_config(definitions: Definitions, requests: Sequence[RunRequest], config: Mapping[str, Any]) -> Sequence[RunRequest]:
    """Each request with the part of the config that concerns it; what concerns none stays in the first, which is refused for it."""
    if not config or len(requests) < 2:
        return [msgspec.structs.replace(request, config=dict(config)) for request in requests]
    names = [_names_of(definitions, request) for request in requests]
    claimed = {section: frozenset().union(*(each[section] for each in names)) for section in ("steps", "resources")}
    parts = []
    for number, (request, own) in enumerate(zip(requests, names, strict=True)):
        part: dict[str, Any] = {}
        for section, value in config.items():
            if section not in own or not isinstance(value, dict):
                part[section] = value
                continue
            kept = {name: each for name, each in value.items() if name in own[section] or (number == 0 and name not in claimed[section])}
            if kept:
                part[section] = kept
        parts.append(msgspec.structs.replace(request, config=part))
    return parts


def _names_of(definitions: Definitions, request: RunRequest) -> Mapping[str, frozenset[str]]:
    """What the config of a request may speak of."""
    repository = definitions.catalog.repository(request.location, request.repository)
    chosen = [spec for spec in repository.assets if spec.key in request.assets]
    steps = {spec.step_key for spec in chosen} | {op.key for spec in chosen for op in ops_of(repository, spec)}
    steps |= {check.step_key for check in repository.checks if check.asset in request.assets}
    return {"steps": frozenset(steps), "resources": frozenset(each.name for each in repository.resources)}
