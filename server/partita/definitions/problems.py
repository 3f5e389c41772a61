"""Errors that are collected while a repository is built, so that its author sees all of them at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from partita.definitions.sources import at
from partita.definitions.specs import SourceLocation
from partita.errors import DefinitionError, DefinitionErrors, RequestError


class Problems:
    """What is wrong with the definitions of one repository; where none of them is to blame, with the repository itself."""

    def __init__(self, source: SourceLocation) -> None:
        self.source = source
        self.errors: list[DefinitionError] = []

    def add(self, problem: str, *, source: SourceLocation | None, subject: str, kind: type[DefinitionError] = DefinitionError) -> None:
        """One more."""
        self.errors.append(at(kind(problem), source or self.source, subject))

    @contextmanager
    def collect(self, source: SourceLocation | None, subject: str) -> Iterator[None]:
        """What is raised inside is kept; the rest of the block is left out."""
        try:
            yield
        except DefinitionErrors as several:
            self.errors.extend(several.errors)
        except DefinitionError as error:
            self.errors.append(at(error, source or self.source, subject))
        except RequestError as error:
            self.add(str(error), source=source, subject=subject)

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
