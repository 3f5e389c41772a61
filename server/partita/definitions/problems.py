"""Errors that are collected while a repository is built, so that its author sees all of them at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from partita.definitions.sources import at
from partita.definitions.specs import SourceLocation
from partita.errors import DefinitionError, DefinitionErrors, EmptySelectionError, NotFoundError, RequestError, UnknownDependencyError


class BrokenDefinition:
    """Stands where a definition could not be made, so that those after it are still read.

    A repository leaves it out, and complains of nothing that only its absence makes wrong.
    """

    def __init__(self, names: frozenset[str]) -> None:
        self.names = names
        """What it may be called: the last segments of its name and of the keys in its statement."""


class Problems:
    """What is wrong with the definitions of one repository; where none of them is to blame, with the repository itself."""

    def __init__(self, source: SourceLocation) -> None:
        self.source = source
        self.errors: list[DefinitionError] = []
        self._excused: set[str] = set()

    def excuse(self, broken: BrokenDefinition) -> None:
        """What is called like `broken` is not missed: its own error is told already."""
        self._excused |= broken.names

    def add(self, problem: str, *, source: SourceLocation | None, subject: str, kind: type[DefinitionError] = DefinitionError) -> None:
        """One more."""
        self.errors.append(at(kind(problem), source or self.source, subject))

    def add_missing(self, name: str, problem: str, *, source: SourceLocation | None, subject: str) -> None:
        """Something depends on what is not there; no problem of its own where `name` is called like something broken."""
        if not self._is_excused(name):
            self.add(problem, source=source, subject=subject, kind=UnknownDependencyError)

    @contextmanager
    def collect(self, source: SourceLocation | None, subject: str) -> Iterator[None]:
        """What is raised inside is kept; the rest of the block is left out."""
        try:
            yield
        except DefinitionErrors as several:
            self.errors.extend(several.errors)
        except EmptySelectionError as error:
            if not self._excused:  # what it selects may be among the broken
                self.errors.append(at(error, source or self.source, subject))
        except DefinitionError as error:
            self.errors.append(at(error, source or self.source, subject))
        except RequestError as error:
            if isinstance(error, NotFoundError) and self._is_excused(error.name):
                return
            self.add(str(error), source=source, subject=subject)

    def _is_excused(self, name: str) -> bool:
        return name.rsplit("/", 1)[-1] in self._excused

    def raise_all(self, where: str) -> None:
        """Raise what was collected: one error as itself, several together.

        Raises:
            DefinitionError: there was any.
        """
        if len(self.errors) == 1:
            raise self.errors[0]
        if self.errors:
            raise DefinitionErrors(self.errors, where)


def standing(source: SourceLocation | None) -> str:
    """` at file.py:12`, to end a mention of another definition with."""
    return f" at {source.file}:{source.line}" if source is not None else ""
