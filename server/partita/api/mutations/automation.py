"""Switching schedules and sensors, setting cursors, trying sensors out, adding dynamic partitions."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from partita.api.automations import ScheduleEntry, SensorEntry
from partita.api.context import Context
from partita.api.entries import AssetEntry
from partita.api.mutations.answers import Added, ConditionsSwitched, Evaluated, SensorAnswer, Switched
from partita.api.mutations.requests import Refused, check_length, check_texts
from partita.api.problems import invalid, not_ended, problems_of, unavailable
from partita.api.types.enums import AutomationStatus
from partita.api.types.inputs import (
    AddDynamicPartitionsInput,
    EvaluateSensorInput,
    SetAutomationStatusInput,
    SetConditionStatusInput,
    SetSensorCursorInput,
)
from partita.errors import NotFoundError, RequestError
from partita.records.locations import LocationStatus
from partita.records.ticks import Tick

MOST_KEYS = 1000
"""Keys that one mutation may add."""
SLACK = 5.0
"""Seconds that an evaluation may take beyond the sensor's own timeout: until a worker takes it, and until it is written."""
ROOM = 5.0
"""Seconds that an operation keeps for its answer when it must not wait any longer for an evaluation."""
LOOK = 0.5


async def set_automation_status(context: Context, given: SetAutomationStatusInput) -> Switched:
    """Switch schedules and sensors, all or none."""
    try:
        check_texts(given)
        check_length("automationIds", given.automation_ids)
        found = [context.definitions.automations.find(each) for each in given.automation_ids]
        entries = list({each.automation_id: each for each in found}.values())
        is_on = None if given.status is None else given.status is AutomationStatus.ON
        await context.read(lambda: context.store.automations.set_on([each.automation_id for each in entries], is_on))
    except Refused as refused:
        return Switched(errors=refused.problems)
    except RequestError as error:
        return Switched(errors=problems_of(error, path=["automationIds"]))
    await context.begin()
    return Switched(automations=entries)


async def set_condition_status(context: Context, given: SetConditionStatusInput) -> ConditionsSwitched:
    """Switch conditions, all or none."""
    try:
        check_texts(given)
        check_length("assetKeys", given.asset_keys)
        entries = [_with_condition(context, key) for key in dict.fromkeys(given.asset_keys)]
    except Refused as refused:
        return ConditionsSwitched(errors=refused.problems)
    keys = [entry.key for entry in entries]
    await context.read(lambda: context.store.conditions.pause(keys, given.status is AutomationStatus.OFF))
    await context.begin()
    return ConditionsSwitched(assets=entries)


def _with_condition(context: Context, key: str) -> AssetEntry:
    entry = context.definitions.asset(key)
    if entry is None:
        error = NotFoundError("asset", key, context.definitions.entries.assets)
        raise Refused(*problems_of(error, path=["assetKeys"]))
    if entry.spec.automation is None:
        message = f"Asset {key!r} has no condition that could be switched. Give it one with `automation=`."
        raise Refused(invalid(message, path=["assetKeys"]))
    return entry


async def set_sensor_cursor(context: Context, given: SetSensorCursorInput) -> SensorAnswer:
    """Say what a sensor has dealt with."""
    try:
        check_texts(given)
        sensor = _sensor(context, given.sensor_id)
        await context.read(lambda: context.store.automations.set_cursor(sensor.automation_id, given.cursor))
    except Refused as refused:
        return SensorAnswer(errors=refused.problems)
    except RequestError as error:
        return SensorAnswer(errors=problems_of(error, path=["sensorId"]))
    await context.begin()
    return SensorAnswer(sensor=sensor)


async def evaluate_sensor(context: Context, given: EvaluateSensorInput) -> Evaluated:
    """Evaluate a sensor and show what it would do; nothing is launched and its cursor stays."""
    try:
        check_texts(given)
        sensor = _sensor(context, given.sensor_id)
        location = context.definitions.location(sensor.location)
        if location is not None and location.record.status is LocationStatus.UNREACHABLE:
            message = f"Code location {sensor.location!r} has no worker that could evaluate it. Start one, or `partita dev`."
            return Evaluated(errors=[unavailable(message, error=None)])
        tick = await context.read(lambda: context.store.ticks.request_dry_run(sensor.automation_id, cursor=given.cursor))
    except Refused as refused:
        return Evaluated(errors=refused.problems)
    except RequestError as error:
        return Evaluated(errors=problems_of(error, path=["sensorId"]))
    start = asyncio.get_running_loop().time()
    deadline = min(start + sensor.spec.timeout + SLACK, context.deadline - ROOM)
    now = await _state_at_end(context, tick, deadline=deadline)
    await context.begin()
    if now.status.is_finished:
        return Evaluated(tick=now)
    how = "no worker has taken it yet" if now.started_at is None else "a worker is still evaluating it"
    message = f"Sensor {sensor.name!r} was not evaluated within {deadline - start:.0f} s: {how}. It goes on; look at tick {now.id} later."
    return Evaluated(errors=[not_ended(message, tick=now)])


async def add_dynamic_partitions(context: Context, given: AddDynamicPartitionsInput) -> Added:
    """Add keys to a set of dynamic partitions."""
    try:
        check_texts(given)
        check_length("keys", given.keys, most=MOST_KEYS)
        known = context.definitions.entries.dynamic_sets
        if given.set_name not in known:
            raise Refused(*problems_of(NotFoundError("set of dynamic partitions", given.set_name, known), path=["setName"]))
        added = await context.read(lambda: context.store.partitions.add(given.set_name, given.keys))
    except Refused as refused:
        return Added(errors=refused.problems)
    except RequestError as error:
        return Added(errors=problems_of(error, path=["keys"]))
    await context.begin()
    return Added(added_keys=added)


def _sensor(context: Context, given: str) -> SensorEntry:
    automations = context.definitions.automations
    try:
        found = automations.find(given, kind=SensorEntry)
    except NotFoundError:
        with suppress(RequestError):
            schedule = automations.find(given, kind=ScheduleEntry)
            message = f"{schedule.name!r} is a schedule; only sensors have a cursor and are evaluated on demand."
            raise Refused(invalid(message, path=["sensorId"])) from None
        raise
    assert isinstance(found, SensorEntry), "it is of the kind that was asked for"
    return found


async def _state_at_end(context: Context, tick: Tick, *, deadline: float) -> Tick:
    """The tick once it has ended, or as it stands at the deadline when it has not."""
    async with context.server.feed.watching(tick.id) as changed:
        while True:
            changed.clear()
            now = await context.read(lambda: context.store.ticks.get(tick.id))
            if now.status.is_finished:
                return now
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0:
                return now
            try:
                await asyncio.wait_for(changed.wait(), min(left, LOOK))
            except TimeoutError:
                continue
