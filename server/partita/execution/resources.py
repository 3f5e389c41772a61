"""Resources of a run: opened when the first step needs them, closed in reverse order."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from partita.definitions.context import Context
from partita.errors import ExecutionError, PartitaError, did_you_mean


@dataclass(frozen=True, kw_only=True)
class ResourceContext(Context):
    """What a resource's `lifespan` is given."""

    name: str
    """The name that functions ask for it by."""
    run_id: str
    job_name: str | None
    """None when assets are materialised directly."""
    tags: Mapping[str, str]
    """Labels of the run."""
    log: logging.Logger
    """Its records are events of the run."""


class Resources(Mapping[str, Any]):
    """The open resources of a run by name; asking for one opens it.

    Args:
        instances: what the repository defines.
        config: the run's config by resource name.
        context_for: makes what a lifespan is given.
        environ: where late-bound values are read.
    """

    def __init__(
        self,
        instances: Mapping[str, object],
        *,
        config: Mapping[str, Mapping[str, Any]],
        context_for: Callable[[str], ResourceContext],
        await_shared: Callable[[Coroutine[Any, Any, Any]], Any],
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._instances = instances
        self._config = config
        self._context_for = context_for
        self._await = await_shared
        self._environ = environ
        self._open: dict[str, Any] = {}
        self._to_close: list[tuple[str, Callable[[], object]]] = []
        self._opening = threading.RLock()

    def __getitem__(self, name: str) -> Any:
        if name not in self._open:
            with self._opening:  # steps that run beside each other share what the first of them opens
                if name not in self._open:
                    self._open[name] = self._opened(name, self._instances[name])
        return self._open[name]

    def __contains__(self, name: object) -> bool:
        return name in self._instances

    def __iter__(self) -> Iterator[str]:
        return iter(self._instances)

    def __len__(self) -> int:
        return len(self._instances)

    def require(self, name: str) -> Any:
        """The open resource of that name.

        Raises:
            ExecutionError: there is none; names the nearest.
        """
        if name not in self:
            hint = did_you_mean(name, self._instances)
            raise ExecutionError(f"No resource {name!r} is defined.{hint} Give it in resources={{{name!r}: ...}}.")
        return self[name]

    def close(self, log: logging.Logger) -> None:
        """Close what was opened, newest first. One that fails to close is logged and does not keep the others open."""
        self._open.clear()
        while self._to_close:
            name, close = self._to_close.pop()
            try:
                close()
            except Exception:
                log.exception("Resource %r failed to close.", name)

    def _opened(self, name: str, instance: Any) -> Any:
        if not _is_resource(instance):
            return instance
        # pydantic has been loaded by whoever defined the resource; a run without resources never loads it
        from partita.definitions.config import bind

        config = self._config.get(name) or {}
        bound = bind(instance, environ=self._environ, config=config, path=("resources", name))
        inside = {field: value for field, value in bound.__dict__.items() if _is_resource(value)}
        if inside:
            own = {field: getattr(instance, field) for field in inside if field not in config}
            bound = bound.model_copy(update={field: self._inside(f"{name}.{field}", value, own.get(field)) for field, value in inside.items()})
        return self._begun(name, bound)

    def _inside(self, name: str, value: Any, given: object) -> Any:
        """A resource that another one holds, open; one that functions may ask for too is opened once for all."""
        for known, instance in self._instances.items():
            if instance is given:
                return self[known]
        return self._opened(name, value)

    def _begun(self, name: str, bound: Any) -> Any:
        try:
            lifespan = bound.lifespan(self._context_for(name))
            opened, close = self._entered(lifespan)
        except PartitaError:
            raise
        except Exception as error:
            raise ExecutionError(f"Resource {name!r} could not be opened: {type(error).__name__}: {error}") from error
        self._to_close.append((name, close))
        return opened

    def _entered(self, lifespan: Any) -> tuple[Any, Callable[[], object]]:
        """What a lifespan gives, and how it is left."""
        if hasattr(lifespan, "__aenter__") and not hasattr(lifespan, "__enter__"):
            return self._await(lifespan.__aenter__()), lambda: self._await(lifespan.__aexit__(None, None, None))
        return lifespan.__enter__(), lambda: lifespan.__exit__(None, None, None)


def _is_resource(value: object) -> bool:
    return getattr(value, "__partita_role__", None) == "resource"
