"""What the steps of one run share in one process: who listens, where values are, which resources are open."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from time import monotonic
from types import CoroutineType, TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from urllib.parse import unquote, urlsplit

from partita.definitions.io import IOManager
from partita.definitions.keys import AssetKey
from partita.definitions.specs import AssetSpec
from partita.errors import ExecutionError
from partita.execution.io_managers.filesystem import FilesystemIO
from partita.execution.latest import LookUp
from partita.execution.logs import EventHandler, new_logger
from partita.execution.order import Order
from partita.execution.oversize import bounded
from partita.execution.resources import ResourceContext, Resources
from partita.planning.asset_steps import DEFAULT_IO
from partita.planning.plan import Step
from partita.records.events import Event

if TYPE_CHECKING:
    from partita.definitions.repository import Repository
    from partita.execution.coroutines import Coroutines

Emit = Callable[[Sequence[Event]], None]


class Outside(NamedTuple):
    """Whom the steps of a run in this process speak with."""

    emit: Emit
    """Takes every event, in order."""
    is_cancelled: Callable[[], bool]
    """Whether the run is asked to stop."""
    look_up: LookUp
    """Finds the last write of an asset."""
    stops_by_keyboard: bool = False
    """Whether a KeyboardInterrupt, from wherever, means that the run is to stop, as it does for somebody at a keyboard."""


class RunScope:
    """One run in this process. Leaving it closes what the run opened.

    Args:
        order: what is run.
        repository: where its functions are.
        outside: who listens to its steps and answers them.
        resources: objects that take the place of the repository's, IO managers among them.
        deadline: when its steps are to be ended, by the monotonic clock; None where somebody else sees to it.
    """

    def __init__(
        self,
        order: Order,
        repository: Repository,
        outside: Outside,
        *,
        resources: Mapping[str, object] | None = None,
        deadline: float | None = None,
    ) -> None:
        self.order = order
        self.repository = repository
        self.is_cancelled = outside.is_cancelled
        self.look_up = outside.look_up
        self.stops_by_keyboard = outside.stops_by_keyboard
        self._deadline = deadline
        self._emit = outside.emit
        instances = {**repository.resource_instances, **repository.io_manager_instances, **(resources or {})}
        instances.setdefault(DEFAULT_IO, FilesystemIO())
        config = order.plan.config.get("resources", {})
        self.resources = Resources(instances, config=config, context_for=self._context_for, await_shared=self._await_shared)
        self.outputs: set[tuple[str, str]] = {each[:2] for each in order.produced}
        """Outputs that stand, as pairs of step and output: of steps before, and of those run here."""
        self._coroutines: Coroutines | None = None
        self._thread = threading.get_ident()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close what is open; what is asked for later opens again."""
        self.resources.close(self._log)
        if self._coroutines is not None:
            self._coroutines.close()
            self._coroutines = None

    def tell(self, event: Event) -> None:
        """Emit one event, with what is too long of it in a file."""
        self._emit((bounded(event, self.order.logs_directory),))

    def step_config(self, key: str) -> Mapping[str, Any] | None:
        """What the run's config says of a step; None: nothing."""
        found: Mapping[str, Any] | None = self.order.plan.config.get("steps", {}).get(key)
        return found

    @property
    def is_out_of_time(self) -> bool:
        """Whether the run has taken longer than it may."""
        return self._deadline is not None and monotonic() >= self._deadline

    def seconds_for(self, step: Step) -> float | None:
        """How long an attempt at `step` that begins now may take; None: as long as it wants."""
        if self._deadline is None:
            return step.timeout
        left = max(self._deadline - monotonic(), 0.001)
        return left if step.timeout is None else min(left, step.timeout)

    def run_of(self, step: str) -> str:
        """Id of the run whose stored outputs of `step` count."""
        return self.order.output_runs.get(step, self.order.run_id)

    def io_manager(self, name: str) -> IOManager:
        """The IO manager of that name, open.

        Raises:
            ExecutionError: there is none, or it is something else.
        """
        found = self.resources.require(name)
        if isinstance(found, FilesystemIO):
            return found.within(self._values_directory) if self.order.values_url else found
        if not (hasattr(found, "save") and hasattr(found, "load")):
            raise ExecutionError(f"{name!r} is used as an IO manager, but {type(found).__name__} has no save and load. Derive it from pt.IOManager.")
        manager: IOManager = found
        return manager

    @cached_property
    def asset_specs(self) -> Mapping[AssetKey, AssetSpec]:
        """What the repository says of assets, those it refers to among them."""
        return {spec.key: spec for spec in self.repository.spec.assets}

    @property
    def coroutines(self) -> Coroutines:
        """Where the run's async functions are run: one event loop for all of them."""
        if self._coroutines is None:
            # asyncio takes 30 ms to import, which a run without async functions need not pay
            from partita.execution.coroutines import Coroutines

            self._coroutines = Coroutines()
        return self._coroutines

    def await_here(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """What a coroutine returns, run to its end in whichever thread this is."""
        if threading.get_ident() == self._thread:
            return self.coroutines.run(coroutine)[0]
        import asyncio  # as above

        return asyncio.run(coroutine)

    def settled(self, returned: Any) -> Any:
        """What user code has returned; of an async function, what that returns."""
        return self.await_here(returned) if isinstance(returned, CoroutineType) else returned

    def _await_shared(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """What a coroutine returns, on the loop of the run's async functions, since what it makes belongs to that."""
        if threading.get_ident() == self._thread:
            return self.coroutines.run(coroutine)[0]
        coroutine.close()
        raise ExecutionError("Its `lifespan` is async, and steps in threads have no loop in common: use pt.processes(), or a plain lifespan.")

    @cached_property
    def _log(self) -> logging.Logger:
        return new_logger(EventHandler(self.tell))

    def _context_for(self, name: str) -> ResourceContext:
        return ResourceContext(name=name, run_id=self.order.run_id, job_name=self.order.job, tags=self.order.tags, log=self._log)

    @cached_property
    def _values_directory(self) -> Path:
        url = self.order.values_url
        return Path(unquote(urlsplit(url).path)) if url.startswith("file:") else Path(url)
