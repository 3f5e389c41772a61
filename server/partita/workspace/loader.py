"""Importing a code location and finding its repositories. Runs where user code may run: the zygote and spawned processes."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar, overload

import msgspec

from partita.definitions.assets import Asset
from partita.definitions.checks import Check
from partita.definitions.jobs import Job
from partita.definitions.multi_assets import MultiAsset, without_declared
from partita.definitions.problems import BrokenDefinition
from partita.definitions.repository import Repository
from partita.definitions.schedules import Schedule
from partita.definitions.sensors import Sensor
from partita.definitions.sources import at, raised_at
from partita.definitions.specs import AssetSpec, RepositorySpec
from partita.errors import DefinitionError, DefinitionErrors, WorkspaceError
from partita.planning.declared import check_declared_config
from partita.records.codec import decode, encode
from partita.records.locations import LocationCatalog
from partita.workspace.recovery import Recovery, recovering
from partita.workspace.settings import LocationSettings

_LIBRARY = Path(__file__).parents[1]
OWN_FILES = (*(f"{_LIBRARY / name}" for name in ("definitions/", "planning/", "workspace/", "execution/", "__init__.py")), "<frozen importlib")
"""Frames of these files say nothing to the author of a module that cannot be imported."""

T = TypeVar("T")


def load_repositories(location: LocationSettings) -> tuple[Repository, ...]:
    """Import the location's code and return its repositories in the order they stand in the module.

    A module without a `Repository` whose globals hold assets, checks, jobs, schedules or sensors counts as one repository of them, named
    like the location.

    Raises:
        WorkspaceError: the code is not there, ends the interpreter, or declares nothing.
        DefinitionError: definitions are wrong; of several, all are told together.
        Exception: whatever the user's code raises while it is imported.
    """
    try:
        found = _repositories_in(location, _import(location))
    except DefinitionError as error:
        raise _with_all_others(location, error) from error.__cause__
    except WorkspaceError:
        raise
    except Exception as error:
        others = _with_all_others(location, None)
        if others is None:
            raise
        raise others from error
    if not found:
        raise WorkspaceError(
            f"Code location {location.name!r}: {_subject(location)} holds no repository, asset or job. "
            "Declare one with pt.Repository(...), @pt.asset or @pt.job."
        )
    _check_names(location, found)
    return found


@overload
def _with_all_others(location: LocationSettings, first: DefinitionError) -> DefinitionError: ...
@overload
def _with_all_others(location: LocationSettings, first: None) -> DefinitionErrors | None: ...
def _with_all_others(location: LocationSettings, first: DefinitionError | None) -> DefinitionError | None:
    """The error that ended the import, together with all that one would meet after mending it; `first` where there are no others."""
    with recovering() as recovery:
        try:
            module = _import(location, recovery)
            describe(location.name, _unique(module, Repository) if recovery.has_repository else _repositories_in(location, module))
        except DefinitionError as error:
            recovery.take(error)
        except WorkspaceError:
            pass  # a location that declares nothing, now that something is missing
        except Exception as error:  # a module that cannot be read, say
            recovery.take_other(error)
    found = list({str(error): error for error in recovery.errors}.values())
    return DefinitionErrors(found, f"Code location {location.name!r}") if len(found) > 1 else first


def describe(location_name: str, repositories: Sequence[Repository]) -> LocationCatalog:
    """The catalog of one location.

    Raises:
        DefinitionError: a definition holds what cannot be published, or config that its steps do not take; all such mistakes together.
        WorkspaceError: two of its repositories define the same asset or check.
    """
    catalog = LocationCatalog(location=location_name, repositories=tuple(repository.spec for repository in repositories))
    _refuse_unpublishable(catalog)
    _refuse_doubles(catalog, lambda each: [f"asset '{spec.key}'" for spec in each.assets if spec.is_executable])
    _refuse_doubles(catalog, lambda each: [f"check {spec.step_key!r}" for spec in each.checks])
    for repository in catalog.repositories:
        _raise_all(check_declared_config(repository), repository)
    return catalog


def _refuse_unpublishable(catalog: LocationCatalog) -> None:
    """What is of a wrong type, or no text that can be stored, is told here: those who read the catalog do not know where it stands."""
    try:
        decode(encode(catalog), LocationCatalog)
    except (msgspec.ValidationError, UnicodeEncodeError, TypeError) as error:
        for repository in catalog.repositories:
            found = [_publishing_error(kind, spec) for kind, spec in _specs_of(repository)]
            _raise_all([each for each in found if each is not None], repository)
        raise DefinitionError(f"Code location {catalog.location!r} cannot be published: {_said(error)}.") from None


def _raise_all(errors: Sequence[DefinitionError], repository: RepositorySpec) -> None:
    if errors:
        raise errors[0] if len(errors) == 1 else DefinitionErrors(errors, f"Repository {repository.name!r}")


def _specs_of(repository: RepositorySpec) -> Iterator[tuple[str, Any]]:
    groups = ("asset", "check", "op", "graph", "job", "schedule", "sensor", "resource")
    for kind in groups:
        for spec in getattr(repository, f"{kind}s"):
            yield kind, spec


def _publishing_error(kind: str, spec: Any) -> DefinitionError | None:
    try:
        decode(encode(spec), type(spec))
    except (msgspec.ValidationError, UnicodeEncodeError, TypeError) as error:
        name = str(getattr(spec, "key", None) or getattr(spec, "step_key", None) or spec.name)
        return at(DefinitionError(f"it cannot be published: {_said(error)}."), getattr(spec, "source", None), f"{kind} {name!r}")
    return None


def _said(error: Exception) -> str:
    """`code_version: expected `str | null`, got `int``, or which character cannot be stored."""
    if isinstance(error, UnicodeEncodeError):
        return f"it holds {error.object[error.start]!r}, which cannot be stored"
    problem, _, place = str(error).partition(" - at `$.")
    return f"{place.rstrip('`')}: {problem[0].lower()}{problem[1:]}" if place else problem


def _import(location: LocationSettings, recovery: Recovery | None = None) -> ModuleType:
    directories = [location.directory, *([str(Path(location.file).parent)] if location.file else [])]
    for directory in directories:
        if directory not in sys.path:
            sys.path.insert(0, directory)
    try:
        return _import_file(location, recovery) if location.file else _import_module(location)
    except DefinitionError as error:
        # Values such as pt.Retry(...) do not know where they are made; the import does.
        raise at(error, raised_at(error)).with_traceback(error.__traceback__) from error.__cause__
    except SystemExit as error:
        raise WorkspaceError(
            f"Code location {location.name!r}: {_subject(location)} called sys.exit({error.code!r}) while it was imported."
        ) from error


def _import_module(location: LocationSettings) -> ModuleType:
    name = location.module or ""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        # Another name is missing because the user's own code imports it: that traceback is what helps.
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise
        raise WorkspaceError(
            f"Code location {location.name!r}: there is no module {error.name!r} in {location.directory} or the interpreter's own path "
            f"({sys.executable}). Check module, directory and python of the location."
        ) from None


def _import_file(location: LocationSettings, recovery: Recovery | None) -> ModuleType:
    path = Path(location.file or "")
    if not path.is_file():
        raise WorkspaceError(f"Code location {location.name!r}: there is no file {path}.")
    if not path.stem.isidentifier():
        raise WorkspaceError(f"Code location {location.name!r}: {path.name} cannot be imported; its name must be a Python identifier.")
    loader = recovery.loader(path.stem, str(path)) if recovery is not None else None
    spec = importlib.util.spec_from_file_location(path.stem, path, loader=loader)
    if spec is None or spec.loader is None:
        raise WorkspaceError(f"Code location {location.name!r}: {path} is not a Python file.")
    module = importlib.util.module_from_spec(spec)
    # Under its own name, so that what it defines can be pickled and imported again by processes of this location.
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[path.stem]
        raise
    return module


def _unique(module: ModuleType, kind: type[T]) -> tuple[T, ...]:
    """The module's globals of one kind, each object once, in order."""
    found = {id(value): value for value in vars(module).values() if isinstance(value, kind)}
    return tuple(found.values())


def _repositories_in(location: LocationSettings, module: ModuleType) -> tuple[Repository, ...]:
    return _unique(module, Repository) or _implicit(location, module)


def _implicit(location: LocationSettings, module: ModuleType) -> tuple[Repository, ...]:
    assets = without_declared([*_unique(module, Asset), *_unique(module, MultiAsset), *_unique(module, AssetSpec)])
    checks, jobs = _unique(module, Check), _unique(module, Job)
    schedules, sensors = _unique(module, Schedule), _unique(module, Sensor)
    if not (assets or checks or jobs or schedules or sensors):
        return ()
    broken = _unique(module, BrokenDefinition)
    return (Repository(location.name, assets=[*assets, *broken], checks=checks, jobs=jobs, schedules=schedules, sensors=sensors),)


def _check_names(location: LocationSettings, repositories: Sequence[Repository]) -> None:
    names = [repository.spec.name for repository in repositories]
    for name in names:
        if names.count(name) > 1:
            raise WorkspaceError(f"Code location {location.name!r} has {names.count(name)} repositories called {name!r}; rename one.")


def _refuse_doubles(catalog: LocationCatalog, names_of: Callable[[RepositorySpec], list[str]]) -> None:
    owners: dict[str, str] = {}
    for repository in catalog.repositories:
        for name in names_of(repository):
            owner = owners.setdefault(name, repository.name)
            if owner != repository.name:
                raise WorkspaceError(
                    f"Code location {catalog.location!r}: repositories {owner!r} and {repository.name!r} both define {name}. "
                    "Keep one, and refer to it in the other with pt.AssetSpec."
                )


def _subject(location: LocationSettings) -> str:
    return f"file {location.file}" if location.file else f"module {location.module!r}"
