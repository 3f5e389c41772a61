"""The resources and IO managers of a repository, and whether every function finds those it asks for."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

from partita.definitions.assets import Asset
from partita.definitions.hooks import Hook
from partita.definitions.io import IOManager
from partita.definitions.jobs import Job
from partita.definitions.keys import AssetKey, check_name
from partita.definitions.policies import ExecutorSpec
from partita.definitions.problems import BrokenDefinition, Problems
from partita.definitions.repository_assets import Found
from partita.definitions.signatures import Signature
from partita.definitions.specs import ConfigSpec, InputSpec, ResourceSpec, SourceLocation
from partita.errors import DefinitionError, DuplicateNameError, did_you_mean

DEFAULT_IO_MANAGER = "io_manager"


class Provisions:
    """What a repository provides to its functions, by name."""

    def __init__(self, resources: Mapping[str, object], io_managers: Mapping[str, IOManager], problems: Problems) -> None:
        self.resources: dict[str, object] = {}
        self.io_managers: dict[str, IOManager] = {}
        self._problems = problems
        self._broken: set[str] = set()
        for name, each in self._named("resources", resources).items():
            self._take_resource(name, each, subject=f"resource {name!r}")
        for name, manager in self._named("io_managers", io_managers).items():
            self._take_io_manager(name, manager)

    def add(self, job: Job) -> None:
        """What a job brings for its own steps."""
        for name, each in job.resources.items():
            if self.resources.get(name, each) is not each:
                problem = f"it brings a resource {name!r}, and the repository has another of that name. Rename one."
                self._problems.add(problem, source=job.spec.source, subject=f"job {job.name!r}", kind=DuplicateNameError)
            else:
                self._take_resource(name, each, subject=f"job {job.name!r}: resource {name!r}")

    @property
    def specs(self) -> tuple[ResourceSpec, ...]:
        """What is published of them."""
        return (
            *(_resource_spec(name, each, is_io_manager=False) for name, each in self.resources.items()),
            *(_resource_spec(name, each, is_io_manager=True) for name, each in self.io_managers.items()),
        )

    def check(self, signature: Signature, *, source: SourceLocation | None, subject: str) -> None:
        """Every resource that a function asks for must be there, and of the right type."""
        for parameter in signature.parameters:
            if parameter.role != "resource" or parameter.name in self._broken:
                continue
            if parameter.name not in self.resources:
                if parameter.is_required:
                    hint = did_you_mean(parameter.name, self.resources)
                    problem = f"it needs a resource {parameter.name!r}, which the repository does not have.{hint}"
                    self._problems.add(f"{problem} Add resources={{{parameter.name!r}: ...}}.", source=source, subject=subject)
                continue
            given = self.resources[parameter.name]
            wanted = parameter.model
            if hasattr(wanted, "__partita_role__") and not isinstance(given, wanted):
                problem = f"parameter {parameter.name!r} takes a {wanted.__name__}, and the resource of that name is a {type(given).__name__}."
                self._problems.add(problem, source=source, subject=subject)

    def check_io_manager(self, name: str, *, source: SourceLocation | None, subject: str) -> None:
        """An IO manager of this name must be there."""
        if name != DEFAULT_IO_MANAGER and name not in self.io_managers and name not in self._broken:
            hint = did_you_mean(str(name), self.io_managers)
            problem = f"it needs an IO manager {name!r}, which the repository does not have.{hint} Add io_managers={{{name!r}: ...}}."
            self._problems.add(problem, source=source, subject=subject)

    def check_executor(self, subject: str, executor: ExecutorSpec, *, source: SourceLocation | None) -> None:
        """IO managers that live in one process need an executor that stays in one."""
        for name, manager in self.io_managers.items():
            if manager.needs_one_process and not executor.is_one_process:
                problem = f"IO manager {name!r} ({type(manager).__name__}) keeps values in one process, and the executor is {executor.kind!r}."
                self._problems.add(f"{problem} Give executor=pt.in_process() or pt.threads().", source=source, subject=subject)

    def _named(self, parameter: str, given: object) -> Mapping[Any, Any]:
        if isinstance(given, Mapping):
            self._broken |= {name for name, each in given.items() if isinstance(each, BrokenDefinition)}
            return {name: each for name, each in given.items() if name not in self._broken}
        self._problems.add(f"{given!r} is no mapping. Give {parameter}={{'name': ...}}.", source=None, subject=parameter)
        return {}

    def _take_resource(self, name: str, each: object, *, subject: str) -> None:
        with self._problems.collect(None, subject):
            check_name("resource", name)
            if isinstance(each, IOManager):
                raise DefinitionError("it is an IO manager. IO managers go into io_managers={...}.")
            if isinstance(each, type) and hasattr(each, "__partita_role__"):
                raise DefinitionError(f"it is the class {each.__name__}. Give an instance: {each.__name__}(...).")
            self.resources[name] = each

    def _take_io_manager(self, name: str, manager: object) -> None:
        with self._problems.collect(None, f"IO manager {name!r}"):
            check_name("IO manager", name)
            if name in self.resources:
                raise DuplicateNameError("a resource is called so too. Rename one.")
            if not isinstance(manager, IOManager):
                raise DefinitionError(f"{manager!r} is not an instance of a pt.IOManager.")
            self.io_managers[name] = manager


def check_asset_provisions(found: Mapping[AssetKey, Found], provisions: Provisions) -> None:
    """Every asset's resources and IO managers must be there."""
    stored_with = {key: each.spec.io_manager for key, each in found.items()}
    for key, each in found.items():
        if not isinstance(each, Asset):
            continue
        spec = each.spec
        subject = f"asset {str(key)!r}"
        if spec.resources:
            provisions.check(each.signature, source=spec.source, subject=subject)
        if spec.stores_value:
            provisions.check_io_manager(spec.io_manager, source=spec.source, subject=subject)
        check_loading(spec.inputs, stored_with, provisions, source=spec.source, subject=subject)
        check_hook_provisions(subject, each.hooks, provisions)


def check_hook_provisions(owner: str, hooks: Iterable[Hook[..., Any]], provisions: Provisions) -> None:
    """Every resource that hooks ask for must be there."""
    for hook in hooks:
        provisions.check(hook.signature, source=hook.source, subject=f"hook {hook.name!r} of {owner}")


def check_loading(
    inputs: Iterable[InputSpec],
    stored_with: Mapping[AssetKey, str],
    provisions: Provisions,
    *,
    source: SourceLocation | None,
    subject: str,
) -> None:
    """What loads an input, its own IO manager or that of the upstream asset, must be there."""
    for each in inputs:
        name = each.io_manager or (stored_with.get(each.key) if each.key is not None else None)
        if name is not None and name != DEFAULT_IO_MANAGER and name not in provisions.io_managers:
            provisions.check_io_manager(name, source=source, subject=f"{subject}: input {each.name!r}")


def _resource_spec(name: str, each: object, *, is_io_manager: bool) -> ResourceSpec:
    kind = type(each)
    publish: Any = getattr(each, "__partita_config__", None)
    config: ConfigSpec | None = publish(each) if publish is not None else None
    text = kind.__dict__.get("__doc__")
    return ResourceSpec(
        name=name,
        type_name=kind.__qualname__.rsplit(".", 1)[-1],
        description=inspect.cleandoc(text) if isinstance(text, str) else None,
        config=config,
        is_io_manager=is_io_manager,
    )
