"""`@job` and `asset_job`: what can be launched by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, overload

from partita.definitions.graphs import Graph, compose
from partita.definitions.hooks import Hook, check_hooks
from partita.definitions.keys import check_name
from partita.definitions.labels import to_tags
from partita.definitions.partitions import Partitions
from partita.definitions.policies import ExecutorSpec, Retry, expect, to_seconds
from partita.definitions.results import Runner, RunResult
from partita.definitions.run_config import declared_config
from partita.definitions.selection import Selection, as_selection
from partita.definitions.sources import caller_source, located, source_of
from partita.definitions.specs import JobSpec, spec_of
from partita.errors import DefinitionError, OperationError

_runners: Final[list[Runner]] = []


def bind_runner(runner: Runner) -> None:
    """Say what `Job.execute` calls: definitions know nothing of execution, which lies above them."""
    _runners[:] = [runner]


class Job:
    """A job: a graph of ops, or a selection of assets that a repository resolves."""

    def __init__(
        self,
        spec: JobSpec,
        *,
        graph: Graph[..., Any] | None = None,
        selection: Selection | None = None,
        resources: Mapping[str, object] | None = None,
        repository: object | None = None,
        hooks: tuple[Hook[..., Any], ...] = (),
    ) -> None:
        self.spec = spec
        self.graph = graph
        """What it runs; None for a job of assets."""
        self.selection = selection
        """Which assets it materialises; None for a job of ops."""
        self.resources = dict(resources or {})
        """What it brings for its own steps."""
        self.repository = repository
        """The repository that it was taken from, if any."""
        self.hooks = hooks
        """What is called when any of its steps has ended."""
        self.__doc__ = spec.description

    def __call__(self) -> Any:
        """What its ops return when they are called as plain functions, one after the other.

        Raises:
            OperationError: it materialises assets, which only a run can.
        """
        if self.graph is None:
            raise OperationError(f"Job {self.name!r} materialises assets, so it cannot be called; run it with .execute().")
        return self.graph()

    def __repr__(self) -> str:
        return f"Job({self.name!r})"

    @property
    def name(self) -> str:
        """Its name in the repository."""
        return self.spec.name

    def within(self, repository: object, *, spec: JobSpec) -> Job:
        """The same job as a repository resolved it."""
        return Job(spec, graph=self.graph, selection=self.selection, resources=self.resources, repository=repository, hooks=self.hooks)

    def execute(
        self,
        *,
        config: Any = None,
        resources: Mapping[str, Any] | None = None,
        partition: str | Sequence[str] | None = None,
        steps: Iterable[str] | str | None = None,
        resume: Any = None,
        tags: Mapping[str, str] | None = None,
        store: Any = None,
        raise_on_error: bool = True,
    ) -> RunResult:
        """Run it here and now, in this process.

        Timeouts of its steps and of the job itself are kept by a signal, where this is called in the main thread. In other
        threads only async functions are interrupted; others run as long as they want.

        Args:
            config: `{"steps": {...}, "resources": {...}}`, a model instance, or YAML or JSON text.
            resources: objects to use in place of the repository's.
            partition: the partition key, or several for one run of all of them, where the job has partitions.
            steps: which steps to run: keys, or a selection.
            resume: an earlier result; what succeeded there is taken over.
            tags: labels of the run.
            store: a `pt.Store` that remembers the run.
            raise_on_error: raise the error of a failed step rather than return a result that tells of it.

        Raises:
            RequestError: config, partition or steps that the job does not have.
            StepFailedError: a step failed, and `raise_on_error` is set.
        """
        if not _runners:
            raise OperationError("Nothing that executes jobs is loaded. Import partita.execution.materialize first.")
        return _runners[0](
            self,
            config=config,
            resources=resources,
            partition=partition,
            steps=steps,
            resume=resume,
            tags=tags,
            store=store,
            raise_on_error=raise_on_error,
        )


@overload
def job(function: Callable[[], Any], /) -> Job: ...
@overload
def job(
    *,
    name: str | None = None,
    description: str | None = None,
    partitions: Partitions | None = None,
    config: Any = None,
    resources: Mapping[str, object] | None = None,
    executor: ExecutorSpec | None = None,
    tags: Mapping[str, str] | None = None,
    step_retry: Retry | None = None,
    run_retry: Retry | None = None,
    timeout: float | timedelta | None = None,
    hooks: Iterable[Hook[..., Any]] = (),
) -> Callable[[Callable[[], Any]], Job]: ...
def job(
    function: Callable[[], Any] | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    partitions: Partitions | None = None,
    config: Any = None,
    resources: Mapping[str, object] | None = None,
    executor: ExecutorSpec | None = None,
    tags: Mapping[str, str] | None = None,
    step_retry: Retry | None = None,
    run_retry: Retry | None = None,
    timeout: float | timedelta | None = None,
    hooks: Iterable[Hook[..., Any]] = (),
) -> Any:
    """Declare that a function's body connects ops into a job.

    Args:
        function: the function, when the decorator is used bare.
        name: what it is called; the function's name if left out. Without dots.
        description: Markdown; the docstring if left out.
        partitions: how its runs are cut; ops see the key in their context.
        config: used where a launch gives none: a dict, a model instance, or YAML or JSON text.
        resources: objects for its ops, besides those of the repository.
        executor: where its steps run; the repository's executor if left out.
        tags: labels of its runs.
        step_retry: how often each step is tried again, where the op does not say.
        run_retry: how often a run that failed is executed again from its failure, by a daemon, as a new run of its group.
        timeout: how long a run may take, in seconds or as a timedelta.
        hooks: what is called when any of its steps has ended.

    Example:
        ```python
        @pt.job(tags={"team": "etl"})
        def nightly():
            report(load_one(extract()))
        ```

    Raises:
        DefinitionError: the body does more than connecting ops, or connects them wrongly, with file and line.
    """

    def define(decorated: Callable[[], Any]) -> Job:
        composed = compose(decorated, kind="job", name=name, description=description)
        source = source_of(decorated)
        with located(source, f"job {composed.name!r}"):
            if composed.inputs:
                raise DefinitionError(f"a job has no inputs, and its body takes {composed.inputs[0].name!r}. Use config, or make it a pt.graph.")
            called = check_hooks(hooks)
            if not isinstance(resources, (Mapping, type(None))):
                raise DefinitionError(f"resources={resources!r}: give a mapping from names, such as resources={{'warehouse': Warehouse()}}.")
            spec = JobSpec(
                name=composed.name,
                description=composed.spec.description,
                graph=composed.name,
                partitions=spec_of(partitions),
                config=declared_config(config),
                tags=to_tags(tags),
                executor=expect(ExecutorSpec, executor, "executor"),
                step_retry=expect(Retry, step_retry, "step_retry"),
                run_retry=expect(Retry, run_retry, "run_retry"),
                timeout=to_seconds(timeout, "job"),
                hooks=tuple(each.name for each in called),
                source=source,
            )
        return Job(spec, graph=composed, resources=resources, hooks=called)

    return define if function is None else define(function)


def asset_job(
    name: str,
    selection: str | Selection | Iterable[Any] = "*",
    *,
    description: str | None = None,
    partitions: Partitions | None = None,
    config: Any = None,
    tags: Mapping[str, str] | None = None,
    executor: ExecutorSpec | None = None,
    step_retry: Retry | None = None,
    run_retry: Retry | None = None,
    timeout: float | timedelta | None = None,
    hooks: Iterable[Hook[..., Any]] = (),
) -> Job:
    """Declare a job that materialises a selection of assets and evaluates their checks.

    What the selection means is settled when the repository is built.

    Args:
        name: what it is called.
        selection: a selection string, a `Selection`, or assets and keys.
        description: Markdown.
        partitions: how its runs are cut; what its partitioned assets have in common if left out.
        config: used where a launch gives none: a dict, a model instance, or YAML or JSON text.
        tags: labels of its runs.
        executor: where its steps run; the repository's executor if left out.
        step_retry: how often each step is tried again, where the asset does not say.
        run_retry: how often a run that failed is executed again from its failure, by a daemon, as a new run of its group.
        timeout: how long a run may take, in seconds or as a timedelta.
        hooks: what is called when any of its steps has ended.

    Example:
        `refresh = pt.asset_job("refresh", selection="group:marts")`

    Raises:
        DefinitionError: a bad name, or a selection that cannot be read.
    """
    source = caller_source()
    with located(source, f"job {name!r}"):
        chosen = as_selection(selection)
        called = check_hooks(hooks)
        spec = JobSpec(
            name=check_name("job", name),
            description=description,
            selection=str(chosen),
            partitions=spec_of(partitions),
            config=declared_config(config),
            tags=to_tags(tags),
            executor=expect(ExecutorSpec, executor, "executor"),
            step_retry=expect(Retry, step_retry, "step_retry"),
            run_retry=expect(Retry, run_retry, "run_retry"),
            timeout=to_seconds(timeout, "job"),
            hooks=tuple(each.name for each in called),
            source=source,
        )
    return Job(spec, selection=chosen, hooks=called)
