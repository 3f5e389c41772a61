"""Loading every location of a workspace once, each by its own interpreter, only to see what is wrong. No server, no database."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait

import msgspec

from partita.definitions.sources import INSTALLED
from partita.errors import DefinitionError, DefinitionErrors, PartitaError, WorkspaceError
from partita.records.codec import decode, encode
from partita.records.failures import PythonError
from partita.records.locations import LocationCatalog
from partita.workspace.apart import answer_apart, ask_apart
from partita.workspace.catalog import Catalog
from partita.workspace.loader import OWN_FILES, describe, load_repositories
from partita.workspace.refusals import refused_fields
from partita.workspace.settings import LocationSettings


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is wrong with one location, and where it stands when that is known."""

    location: str
    code: str
    """What kind of problem: the code of the error, `import`, `conflict` or `warning`."""
    message: str
    file: str | None = None
    line: int | None = None
    error: PythonError | None = None
    """What the user's code raised while it was imported."""

    @property
    def is_warning(self) -> bool:
        """Whether the location can be used all the same."""
        return self.code == "warning"


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What came of loading one location."""

    catalog: LocationCatalog | None = None
    problems: tuple[Problem, ...] = ()


class Workspace(msgspec.Struct, frozen=True, kw_only=True):
    """What came of loading all of them."""

    catalog: Catalog
    """Of those locations that could be loaded."""
    problems: tuple[Problem, ...]


def check_workspace(
    locations: Sequence[LocationSettings],
    *,
    environ: Mapping[str, str],
    patience: float | None = None,
    say_slow: Callable[[str], None] = lambda _: None,
) -> Workspace:
    """Load every location, side by side, and see whether they fit together.

    Args:
        locations: what to load.
        environ: the environment of the processes that load them.
        patience: seconds after which `say_slow` is called with the name of each location that still loads; None: never.
        say_slow: tells somebody who waits.
    """
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        loading = {each.name: pool.submit(_check_apart, each, environ) for each in locations}
        if patience is not None:
            wait(loading.values(), timeout=patience)
            for name in [name for name, future in loading.items() if future.running()]:
                say_slow(name)
        found = {name: future.result() for name, future in loading.items()}
    catalog = Catalog({name: each.catalog for name, each in found.items() if each.catalog is not None})
    problems: list[Problem] = []
    for name, checked in found.items():
        problems += checked.problems
        problems += [Problem(location=name, code="conflict", message=line) for line in catalog.conflicts.get(name, ())]
        problems += [Problem(location=name, code="warning", message=line) for line in catalog.warnings.get(name, ())]
    return Workspace(catalog=catalog, problems=tuple(problems))


def check_location(location: LocationSettings) -> Checked:
    """Load a location in this process, which is not to be used for anything else afterwards."""
    try:
        return Checked(catalog=describe(location.name, load_repositories(location)))
    except DefinitionError as error:
        found = error.errors if isinstance(error, DefinitionErrors) else (error,)
        return Checked(problems=tuple(_definition_problem(location.name, each) for each in found))
    except BaseException as error:  # SystemExit too: whatever a module does while it is imported
        if isinstance(error, PartitaError):
            return Checked(problems=(Problem(location=location.name, code=error.code, message=error.message),))
        told = PythonError.of(error, skip_frames_in=(*OWN_FILES, *INSTALLED))
        told = told if told.stack else PythonError.of(error, skip_frames_in=OWN_FILES)  # the location itself is installed
        file, line = _place(error)
        said = refused_fields(error) or told.summary
        return Checked(problems=(Problem(location=location.name, code="import", message=said, file=file, line=line, error=told),))


def _place(error: BaseException) -> tuple[str | None, int | None]:
    """File and line of the user's innermost statement that led to it."""
    if isinstance(error, SyntaxError):
        return error.filename, error.lineno
    frames = [each for each in traceback.extract_tb(error.__traceback__) if not each.filename.startswith((*OWN_FILES, "<"))]
    own = [each for each in frames if not each.filename.startswith(INSTALLED)] or frames
    return (own[-1].filename, own[-1].lineno) if own else (None, None)


def _definition_problem(location: str, error: DefinitionError) -> Problem:
    message = str(error)
    if error.file is not None:
        message = message.removeprefix(f"{error.file}:{error.line}: ")
    return Problem(location=location, code=error.code, message=message, file=error.file, line=error.line)


def _check_apart(location: LocationSettings, environ: Mapping[str, str]) -> Checked:
    """Have the location's own interpreter load it."""
    try:
        return decode(ask_apart("partita.workspace.checking", location, encode(location), environ=environ), Checked)
    except WorkspaceError as error:
        return Checked(problems=(Problem(location=location.name, code="import", message=error.message),))
    except msgspec.MsgspecError as error:
        told = f"its process answers what cannot be read ({error}). Is the same version of Partita in its environment?"
        return Checked(problems=(Problem(location=location.name, code="import", message=f"Code location {location.name!r}: {told}"),))


def _answer(question: bytes) -> bytes:
    return encode(check_location(decode(question, LocationSettings)))


if __name__ == "__main__":
    answer_apart(sys.argv[1], _answer)
