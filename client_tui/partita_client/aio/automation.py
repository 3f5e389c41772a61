"""What a client can say of schedules, sensors, dynamic partitions and backfills."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Literal
from uuid import uuid4

from partita_client.aio.backfills import AsyncBackfill
from partita_client.errors import RequestRefusedError
from partita_client.link import AsyncLink
from partita_client.models.generated import operations
from partita_client.wanted import Partition, to_backfilled, to_policy, to_tags, words

if TYPE_CHECKING:
    from partita_client.models import BackfillPreview, ListConditionsAssetsNodes, ScheduleRecord, SensorRecord, TickRecord

KEY_PAGE = 500
CONDITION_PAGE = 100


class AsyncAutomation:
    """The part of a client that is about what launches runs while nobody looks."""

    _link: AsyncLink

    async def backfill(  # noqa: PLR0913 (a backfill says this much)
        self,
        selection: str | None = None,
        *,
        job: str | None = None,
        partitions: Partition | None = None,
        status: str | Sequence[str] | None = None,
        config: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
        priority: int = 0,
        order: Literal["asc", "desc"] = "asc",
        runs_of: int | None = None,
        is_single_run: bool = False,
        title: str | None = None,
        repository: str | None = None,
        location: str | None = None,
        idempotency_key: str | None = None,
    ) -> AsyncBackfill:
        """Write partitions of assets, or of a job, run after run in the order they depend on each other.

        Args:
            selection: Assets, such as `"group:marts"`; or give `job`.
            job: Name of a partitioned job.
            partitions: A key, a list of keys, or a pair `(first, last)`; every partition when left out and `status` too.
            status: Instead of `partitions`: those that stand like this now: "missing", "failed", or several of these; or "stale", alone.
            config: Run config of every run.
            tags: Tags of every run.
            priority: Runs of higher priority start first.
            order: "asc" starts with the first partitions of each asset, "desc" with the last; what they depend on always comes first.
            runs_of: Each run writes up to so many neighbouring partitions; else as the assets say, or one.
            is_single_run: Instead of `runs_of`: one run writes all of them.
            title: What it is called, for people.
            repository: Where the job is, when its name alone is not unique.
            location: The same.
            idempotency_key: The same key within a day returns the same backfill; one is made when none is given.

        Example:
            `client.backfill("flights", partitions=("2013-01-01", "2013-01-31")).wait(raise_on_failure=True)`

        Raises:
            RequestRefusedError: nothing is selected, a partition does not exist, or the server says what else is wrong.
        """
        answer = await self._link.execute(
            operations.start_backfill(
                input={
                    "selection": selection,
                    "jobName": job,
                    "repository": repository,
                    "codeLocation": location,
                    "partitions": to_backfilled(partitions, status),
                    "policy": to_policy(runs_of, is_single_run=is_single_run),
                    "config": config,
                    "tags": to_tags(tags),
                    "priority": priority,
                    "order": "DESC" if order == "desc" else "ASC",
                    "title": title,
                    "idempotencyKey": idempotency_key or uuid4().hex,
                }
            )
        )
        payload = answer.start_backfill
        if payload.backfill is None:
            raise RequestRefusedError.of_payload(payload.errors)
        return AsyncBackfill(self._link, payload.backfill, is_replay=payload.is_replay)

    async def preview_backfill(  # noqa: PLR0913 (what it previews says this much)
        self,
        selection: str | None = None,
        *,
        job: str | None = None,
        partitions: Partition | None = None,
        status: str | Sequence[str] | None = None,
        config: Mapping[str, Any] | None = None,
        order: Literal["asc", "desc"] = "asc",
        runs_of: int | None = None,
        is_single_run: bool = False,
        repository: str | None = None,
        location: str | None = None,
    ) -> BackfillPreview:
        """What `backfill` would do with these: how many partitions of which assets it would write, and in how many runs. Nothing is started.

        Example:
            `client.preview_backfill("flights", status="missing").run_count`

        Raises:
            RequestRefusedError: such a backfill would be refused.
        """
        answer = await self._link.execute(
            operations.preview_backfill(
                input={
                    "selection": selection,
                    "jobName": job,
                    "repository": repository,
                    "codeLocation": location,
                    "partitions": to_backfilled(partitions, status),
                    "policy": to_policy(runs_of, is_single_run=is_single_run),
                    "config": config,
                    "order": "DESC" if order == "desc" else "ASC",
                }
            )
        )
        preview = answer.backfill_preview
        if preview.errors:
            raise RequestRefusedError.of_payload(preview.errors)
        return preview

    async def find_backfill(self, backfill_id: str) -> AsyncBackfill:
        """A backfill by its id.

        Raises:
            RequestRefusedError: there is no such backfill (`NOT_FOUND`).
        """
        answer = await self._link.execute(operations.get_backfill(id=backfill_id))
        if answer.backfill is None:
            raise RequestRefusedError.not_found("backfill", backfill_id)
        return AsyncBackfill(self._link, answer.backfill)

    async def backfills(self, *, status: str | Sequence[str] | None = None, limit: int | None = None) -> AsyncIterator[AsyncBackfill]:
        """Backfills, newest first, asked for page by page.

        Args:
            status: Only backfills that stand like this, such as `"running"`.
            limit: How many at most.
        """
        pages = self._link.pages(
            lambda first, after: operations.list_backfills(first=first, after=after, filter={"statuses": words(status)}),
            lambda answer: answer.backfills,
            limit=limit,
        )
        async with aclosing(pages):
            async for page in pages:
                for record in page:
                    yield AsyncBackfill(self._link, record)

    async def schedules(self) -> AsyncIterator[ScheduleRecord]:
        """Schedules in order of name, asked for page by page."""
        pages = self._link.pages(lambda first, after: operations.list_schedules(first=first, after=after), lambda answer: answer.schedules)
        async with aclosing(pages):
            async for page in pages:
                for record in page:
                    yield record

    async def schedule(self, name: str) -> ScheduleRecord:
        """A schedule by its name, or by `location/repository/name`.

        Raises:
            RequestRefusedError: there is no such schedule (`NOT_FOUND`); the nearest name is suggested.
        """
        answer = await self._link.execute(operations.get_schedule(name=name))
        if answer.schedule is not None:
            return answer.schedule
        known = [schedule.name async for schedule in self.schedules()]
        raise RequestRefusedError.not_found("schedule", name, known)

    async def sensors(self) -> AsyncIterator[SensorRecord]:
        """Sensors in order of name, asked for page by page."""
        pages = self._link.pages(lambda first, after: operations.list_sensors(first=first, after=after), lambda answer: answer.sensors)
        async with aclosing(pages):
            async for page in pages:
                for record in page:
                    yield record

    async def sensor(self, name: str) -> SensorRecord:
        """A sensor by its name, or by `location/repository/name`.

        Raises:
            RequestRefusedError: there is no such sensor (`NOT_FOUND`); the nearest name is suggested.
        """
        answer = await self._link.execute(operations.get_sensor(name=name))
        if answer.sensor is not None:
            return answer.sensor
        known = [sensor.name async for sensor in self.sensors()]
        raise RequestRefusedError.not_found("sensor", name, known)

    async def set_automation(self, *names: str, on: bool | None) -> None:
        """Switch schedules and sensors, all or none.

        Args:
            names: Their names, or `location/repository/name`.
            on: Whether they are on; None leaves it to their code again.

        Raises:
            RequestRefusedError: there is none of one of the names (`NOT_FOUND`).
        """
        status = None if on is None else ("ON" if on else "OFF")
        answer = await self._link.execute(operations.set_automation_status(input={"automationIds": list(names), "status": status}))
        if answer.set_automation_status.errors:
            raise RequestRefusedError.of_payload(answer.set_automation_status.errors)

    async def conditions(self) -> AsyncIterator[ListConditionsAssetsNodes]:
        """The assets with a condition, in order of key: what it is, whether it is on, and what it last came to."""
        pages = self._link.pages(
            lambda first, after: operations.list_conditions(first=first, after=after), lambda answer: answer.assets, size=CONDITION_PAGE
        )
        async with aclosing(pages):
            async for page in pages:
                for record in page:
                    if record.condition is not None:
                        yield record

    async def set_conditions(self, *keys: str, on: bool) -> None:
        """Switch the conditions of assets, all or none. Switched on, they act from now on: what came before is not made up for.

        Args:
            keys: The keys of the assets.
            on: Whether the daemon acts on them.

        Raises:
            RequestRefusedError: there is no such asset, or it has no condition.
        """
        answer = await self._link.execute(operations.set_condition_status(input={"assetKeys": list(keys), "status": "ON" if on else "OFF"}))
        if answer.set_condition_status.errors:
            raise RequestRefusedError.of_payload(answer.set_condition_status.errors)

    async def ticks(
        self, name: str | None = None, *, status: str | Sequence[str] | None = None, limit: int | None = None
    ) -> AsyncIterator[TickRecord]:
        """Ticks, the latest due first, asked for page by page.

        Args:
            name: Only those of this schedule or sensor.
            status: Only ticks that stand like this: "started", "succeeded", "skipped", "failed", or several of these.
            limit: How many at most.
        """
        where = {"automationIds": None if name is None else [name], "statuses": words(status)}
        pages = self._link.pages(
            lambda first, after: operations.list_ticks(first=first, after=after, filter=where),  # type: ignore[arg-type]  # a plain dict of the input
            lambda answer: answer.ticks,
            limit=limit,
            size=50,
        )
        async with aclosing(pages):
            async for page in pages:
                for record in page:
                    yield record

    async def evaluate_sensor(self, name: str, *, cursor: str | None = None) -> TickRecord:
        """Evaluate a sensor without effects: the tick says what it would have launched.

        Args:
            name: Its name.
            cursor: What it goes on from; its own cursor when left out.

        Raises:
            RequestRefusedError: there is no such sensor, no worker that could evaluate it, or it takes longer
                than the server lets a caller wait (`NOT_ENDED`); then the message names its tick.
        """
        payload = (await self._link.execute(operations.evaluate_sensor(input={"sensorId": name, "cursor": cursor}))).evaluate_sensor
        if payload.tick is None:
            raise RequestRefusedError.of_payload(payload.errors)
        return payload.tick

    async def set_sensor_cursor(self, name: str, cursor: str | None) -> SensorRecord:
        """Say what a sensor has dealt with; None lets it begin anew.

        Raises:
            RequestRefusedError: there is no such sensor (`NOT_FOUND`).
        """
        payload = (await self._link.execute(operations.set_sensor_cursor(input={"sensorId": name, "cursor": cursor}))).set_sensor_cursor
        if payload.sensor is None:
            raise RequestRefusedError.of_payload(payload.errors)
        return payload.sensor

    async def add_partitions(self, set_name: str, keys: Sequence[str]) -> tuple[str, ...]:
        """Add keys to a set of dynamic partitions.

        Args:
            set_name: Name of the set.
            keys: The keys, or one of them.

        Returns:
            Those that were new.

        Raises:
            RequestRefusedError: nothing is cut by such a set, or a text cannot be a key.
        """
        request = operations.add_dynamic_partitions(input={"setName": set_name, "keys": [keys] if isinstance(keys, str) else list(keys)})
        payload = (await self._link.execute(request)).add_dynamic_partitions
        if payload.errors:
            raise RequestRefusedError.of_payload(payload.errors)
        return payload.added_keys

    async def dynamic_partitions(self, set_name: str) -> list[str]:
        """The keys of a set of dynamic partitions, in the order they were added.

        Raises:
            RequestRefusedError: nothing is cut by such a set; the nearest name is suggested.
        """
        found: list[str] = []
        while True:
            request = operations.list_dynamic_partitions(set_name=set_name, first=KEY_PAGE, after=found[-1] if found else None)
            part = (await self._link.execute(request)).dynamic_partitions
            found.extend(part)
            if len(part) < KEY_PAGE:
                return found
