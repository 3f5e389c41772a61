"""The client: names are looked up, work is launched, what exists is listed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypedDict
from uuid import uuid4

from partita_client.aio.assets import AsyncAsset
from partita_client.aio.automation import AsyncAutomation
from partita_client.aio.runs import AsyncRun
from partita_client.errors import RequestRefusedError
from partita_client.history import Materialization
from partita_client.link import AsyncLink, raw_request
from partita_client.models.generated import operations
from partita_client.wanted import Partition, to_partitions, to_tags, words

if TYPE_CHECKING:
    from partita_client.models import Alert, AssetStaleness, CodeLocation, Job, Server
    from partita_client.models.generated.inputs import (
        AlertFilter,
        AssetFilter,
        LaunchRunInput,
        MaterializeAssetsInput,
        ReportAssetEventInput,
        RunFilter,
    )

PATIENCE = 60.0
ASSET_PAGE = 50
"""An asset brings its neighbours, checks and newest write: more of them at once cost more than the server grants one question."""


class AsyncClient(AsyncAutomation):
    """A server, from a program's point of view.

    The address is `url`, else the environment variable `PARTITA_URL`, else `http://127.0.0.1:4400`; the token is `token`, else
    `PARTITA_TOKEN`. Nothing is connected before the first request. One HTTP session and one WebSocket are kept open and shared by
    everything that is asked through a client.

    Example:
        ```python
        async with AsyncClient() as client:
            run = await client.launch("nightly")
            await run.wait(raise_on_failure=True)
        ```
    """

    def __init__(self, url: str | None = None, *, token: str | None = None, patience: float | None = PATIENCE) -> None:
        """Remember where the server is.

        Args:
            url: Its address, with or without `/graphql`.
            token: What identifies the caller, if the server wants to know.
            patience: Seconds to go on trying a server that has answered before and is gone, such as one that restarts. None: for ever.
        """
        self._link = AsyncLink(url, token=token, patience=patience)

    @property
    def url(self) -> str:
        """Address of the server."""
        return self._link.url

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def close(self) -> None:
        """Close what is open; a later request opens it again."""
        await self._link.close()

    async def launch(  # noqa: PLR0913 (a launch says this much)
        self,
        job: str,
        *,
        config: Mapping[str, Any] | None = None,
        partition: str | None = None,
        tags: Mapping[str, str] | None = None,
        steps: Sequence[str] | None = None,
        priority: int = 0,
        skip_unchanged: bool = False,
        repository: str | None = None,
        location: str | None = None,
        idempotency_key: str | None = None,
    ) -> AsyncRun:
        """Launch a job.

        Args:
            job: Its name.
            config: Run config, such as `{"steps": {"extract": {"limit": 10}}}`.
            partition: Key of the partition that it shall write.
            tags: Tags of the run.
            steps: Keys of the steps to execute; all of them when left out.
            priority: Runs of higher priority start first.
            skip_unchanged: Do not execute steps of assets that would write what is there already.
            repository: Where the job is, when its name alone is not unique.
            location: The same.
            idempotency_key: The same key within a day returns the same run; one is made when none is given, so that a lost answer
                never launches twice.

        Raises:
            RequestRefusedError: no such job, or the server says what is wrong with the rest.
        """
        input: LaunchRunInput = {
            "jobName": job,
            "repository": repository,
            "codeLocation": location,
            "config": config,
            "partitionKey": partition,
            "tags": to_tags(tags),
            "stepKeys": steps,
            "priority": priority,
            "idempotencyKey": idempotency_key or uuid4().hex,
        }
        answer = await self._link.execute(operations.launch_run(input={**input, **_skipping(skip_unchanged)}))
        payload = answer.launch_run
        if payload.run is None:
            raise RequestRefusedError.of_payload(payload.errors)
        return AsyncRun(self._link, payload.run, is_replay=payload.is_replay)

    async def materialize(
        self,
        selection: str,
        *,
        partition: Partition | None = None,
        config: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
        skip_unchanged: bool = False,
        idempotency_key: str | None = None,
    ) -> AsyncRun:
        """Materialise the assets of a selection in exactly one run.

        Args:
            selection: Such as `"marts/orders"` or `"group:marts and kind:duckdb"`.
            partition: The partition to write: a key, a list of keys, or a pair `(first, last)`. One run writes all of them.
            config: Run config.
            tags: Tags of the run.
            skip_unchanged: Do not execute steps that would write what is there already.
            idempotency_key: The same key within a day returns the same run; one is made when none is given.

        Raises:
            RequestRefusedError: nothing is selected, it takes several runs (`TOO_MANY`), or the server says what is wrong.
        """
        input: MaterializeAssetsInput = {"selection": selection, "partitions": to_partitions(partition), "config": config, "tags": to_tags(tags)}
        try:
            runs = await self._materialize({**input, "isSingleRun": True, **_skipping(skip_unchanged)}, idempotency_key)
        except RequestRefusedError as error:
            if error.path != ("isSingleRun",):
                raise
            advice = f"{error.message} Use `materialize_all`, which launches as many as it takes."
            raise RequestRefusedError(advice, code=error.code, path=error.path, errors=error.errors) from None
        return runs[0]

    async def materialize_all(
        self,
        selection: str,
        *,
        partition: Partition | None = None,
        config: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
        skip_unchanged: bool = False,
        idempotency_key: str | None = None,
    ) -> list[AsyncRun]:
        """Materialise the assets of a selection in as many runs as that takes: one per code location, repository and partition.

        Args:
            selection: Such as `"group:marts"`; `"*"` is everything that can be written.
            partition: The partitions to write: a key, a list of keys, or a pair `(first, last)`.
            config: Run config of every run.
            tags: Tags of every run.
            skip_unchanged: Do not execute steps that would write what is there already.
            idempotency_key: The same key within a day returns the same runs; one is made when none is given.

        Raises:
            RequestRefusedError: nothing is selected, or the server says what is wrong.
        """
        input: MaterializeAssetsInput = {"selection": selection, "partitions": to_partitions(partition), "config": config, "tags": to_tags(tags)}
        return await self._materialize({**input, **_skipping(skip_unchanged)}, idempotency_key)

    async def report_materialization(
        self,
        asset: str,
        *,
        partition: str | None = None,
        data_version: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> Materialization:
        """Record that an asset was written by something that is no run, such as an external one.

        Args:
            asset: Its key.
            partition: The partition that was written; needed when it is partitioned.
            data_version: Version of the data: what depends on the asset becomes stale when it changes.
            metadata: What is to be known of the data, by label.
            idempotency_key: The same key within a day records it once; one is made when none is given.

        Returns:
            The write as it was recorded.

        Raises:
            RequestRefusedError: there is no such asset or partition (`NOT_FOUND`), or the server says what is wrong.
        """
        input: ReportAssetEventInput = {
            "assetKey": asset,
            "partitionKey": partition,
            "dataVersion": data_version,
            "metadata": metadata,
            "idempotencyKey": idempotency_key or uuid4().hex,
        }
        payload = (await self._link.execute(operations.report_asset_event(input=input))).report_asset_event
        if payload.materialization is None:
            raise RequestRefusedError.of_payload(payload.errors)
        return Materialization(payload.materialization)

    async def run(self, run_id: str) -> AsyncRun:
        """A run by its id, or by the last eight characters of it.

        Raises:
            RequestRefusedError: there is no such run (`NOT_FOUND`).
        """
        answer = await self._link.execute(operations.get_run(id=run_id))
        if answer.run is None:
            raise RequestRefusedError.not_found("run", run_id)
        return AsyncRun(self._link, answer.run)

    async def runs(
        self,
        *,
        status: str | Sequence[str] | None = None,
        job: str | None = None,
        tags: Mapping[str, str] | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[AsyncRun]:
        """Runs, newest first, asked for page by page.

        Args:
            status: Only runs that stand like this, such as `"failed"` or `["queued", "running"]`.
            job: Only runs of jobs of this name.
            tags: Only runs that carry all of these.
            limit: How many at most.
        """
        where: RunFilter = {"statuses": words(status), "jobNames": [job] if job else None, "tags": to_tags(tags) or None}
        pages = self._link.pages(
            lambda first, after: operations.list_runs(first=first, after=after, filter=where), lambda answer: answer.runs, limit=limit
        )
        async with aclosing(pages):
            async for page in pages:
                for record in page:
                    yield AsyncRun(self._link, record)

    async def assets(self, selection: str | None = None) -> AsyncIterator[AsyncAsset]:
        """Assets in order of key, asked for page by page.

        Args:
            selection: Such as `"group:marts+"`; all of them when left out.
        """
        where: AssetFilter = {"selection": selection}
        pages = self._link.pages(
            lambda first, after: operations.list_assets(first=first, after=after, filter=where), lambda answer: answer.assets, size=ASSET_PAGE
        )
        async with aclosing(pages):
            async for page in pages:
                for record in page:
                    yield AsyncAsset(self._link, record)

    async def staleness(self, selection: str | None = None) -> Mapping[str, AssetStaleness]:
        """How assets stand against their code and inputs, by key; those that nothing can write are left out.

        Args:
            selection: Such as `"status:stale"`; all of them when left out.
        """
        where: AssetFilter = {"selection": selection}
        pages = self._link.pages(
            lambda first, after: operations.list_staleness(first=first, after=after, filter=where), lambda answer: answer.assets, size=ASSET_PAGE
        )
        found: dict[str, AssetStaleness] = {}
        async with aclosing(pages):
            async for page in pages:
                found.update((record.key, record.staleness) for record in page if record.staleness is not None)
        return found

    async def asset(self, key: str) -> AsyncAsset:
        """An asset by its key.

        Raises:
            RequestRefusedError: there is no such asset (`NOT_FOUND`); the nearest key is suggested.
        """
        answer = await self._link.execute(operations.get_asset(key=key))
        if answer.asset is not None:
            return AsyncAsset(self._link, answer.asset)
        known = [asset.key async for asset in self.assets()]
        raise RequestRefusedError.not_found("asset", key, known)

    async def jobs(self) -> AsyncIterator[Job]:
        """Jobs in order of name, asked for page by page."""
        pages = self._link.pages(lambda first, after: operations.list_jobs(first=first, after=after), lambda answer: answer.jobs)
        async with aclosing(pages):
            async for page in pages:
                for job in page:
                    yield job

    async def job(self, name: str, *, repository: str | None = None, location: str | None = None) -> Job:
        """A job by its name.

        Args:
            name: Its name.
            repository: Where it is, when the name alone is not unique.
            location: The same.

        Raises:
            RequestRefusedError: there is no such job (`NOT_FOUND`); the nearest name is suggested.
        """
        answer = await self._link.execute(operations.find_job(name=name, repository=repository, location=location))
        if answer.job is not None:
            return answer.job
        known = [job.name async for job in self.jobs()]
        raise RequestRefusedError.not_found("job", name, known)

    async def locations(self) -> tuple[CodeLocation, ...]:
        """The code locations as they stand now, in the order of the workspace file."""
        return (await self._link.execute(operations.list_locations())).workspace.code_locations

    async def location(self, name: str) -> CodeLocation:
        """A code location by its name.

        Raises:
            RequestRefusedError: there is no such code location (`NOT_FOUND`); the nearest name is suggested.
        """
        found = {location.name: location for location in await self.locations()}
        if name not in found:
            raise RequestRefusedError.not_found("code location", name, list(found))
        return found[name]

    async def reload(self, name: str, *, wait: bool = True) -> CodeLocation:
        """Load the code of a code location anew; the old code serves until the new one has loaded.

        Args:
            name: Name of the code location.
            wait: Return when the new code has loaded or failed to. False returns as soon as it is asked for.

        Returns:
            The code location; `error` says why its new code did not load. When no worker serves it, nothing is waited for.

        Raises:
            RequestRefusedError: there is no such code location (`NOT_FOUND`).
        """
        answer = await self._link.execute(operations.reload_code_location(input={"codeLocationId": name}))
        payload = answer.reload_code_location
        if payload.code_location is None:
            raise RequestRefusedError.of_payload(payload.errors)
        return await self._reloaded(payload.code_location) if wait else payload.code_location

    async def alerts(
        self, *, rule: str | None = None, kind: str | Sequence[str] | None = None, status: str | Sequence[str] | None = None, limit: int | None = None
    ) -> AsyncIterator[Alert]:
        """What people were told of without asking, or are to be, the newest first, asked for page by page.

        Args:
            rule: Only those of this rule of the settings.
            kind: Only of what is called like this: "run_failed", "check_failed", "freshness_lost", "schedule_failing", "sensor_failing",
                "location_broken", "daemon_gone", or several of these.
            status: Only those that stand like this: "waiting", "sent", "dropped", "failed", or several of these.
            limit: How many at most.
        """
        where: AlertFilter = {"rules": [rule] if rule else None, "kinds": words(kind), "statuses": words(status)}
        pages = self._link.pages(
            lambda first, after: operations.list_alerts(first=first, after=after, filter=where), lambda answer: answer.alerts, limit=limit, size=50
        )
        async with aclosing(pages):
            async for page in pages:
                for record in page:
                    yield record

    async def server(self) -> Server:
        """The server: version, daemons, queue."""
        return (await self._link.execute(operations.get_server())).server

    async def execute(self, document: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Any query or mutation.

        Args:
            document: GraphQL with one operation.
            variables: Its variables.

        Returns:
            The `data` of the answer as it came.

        Raises:
            RequestRefusedError: the answer has errors.
        """
        return await self._link.execute(raw_request(document, variables))

    async def subscribe(self, document: str, variables: Mapping[str, Any] | None = None) -> AsyncIterator[dict[str, Any]]:
        """Any subscription.

        A document that has a variable `$after` and selects `cursor` survives lost connections with no item lost or doubled.

        Args:
            document: GraphQL with one subscription.
            variables: Its variables.

        Returns:
            The `data` of each item as it came, until the server ends the subscription.
        """
        items = self._link.subscribe(raw_request(document, variables))
        async with aclosing(items):
            async for item in items:
                yield item

    async def _reloaded(self, asked: CodeLocation) -> CodeLocation:
        changes = self._link.subscribe(operations.follow_workspace())
        async with aclosing(changes):
            async for change in changes:
                found = change.workspace.code_location
                if found.id == asked.id and (not found.is_reloading or found.status == "unreachable"):
                    return found
        return await self.location(asked.name)

    async def _materialize(self, input: MaterializeAssetsInput, idempotency_key: str | None) -> list[AsyncRun]:
        answer = await self._link.execute(operations.materialize_assets(input={**input, "idempotencyKey": idempotency_key or uuid4().hex}))
        payload = answer.materialize_assets
        if payload.errors:
            raise RequestRefusedError.of_payload(payload.errors)
        return [AsyncRun(self._link, record, is_replay=payload.is_replay) for record in payload.runs]


class _Skipping(TypedDict, total=False):
    skipUnchanged: bool


def _skipping(is_wanted: bool) -> _Skipping:
    """Said only where it is wanted: an older server does not know it."""
    return {"skipUnchanged": True} if is_wanted else {}
