"""What a schedule or sensor launches: given as a job, its name, a selection or assets; settled by a repository."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from partita.definitions.asset_graph import AssetGraph
from partita.definitions.automation_specs import TargetSpec
from partita.definitions.jobs import Job
from partita.definitions.selection import Selection, as_selection
from partita.definitions.shared_steps import part_problem
from partita.definitions.specs import AssetSpec, parts_of
from partita.errors import DefinitionError, EmptySelectionError, NotFoundError, RequestError


class Target:
    """A target as its author gave it."""

    def __init__(self, given: Any) -> None:
        if not isinstance(given, (Job, str, Selection, Iterable)) and not _is_asset(given):
            raise DefinitionError(f"target={given!r}: give a job, its name, a selection such as 'group:marts', or a list of assets.")
        self.job: Job | None = given if isinstance(given, Job) else None
        self._text: str | None = given if isinstance(given, str) else None
        self._selection: Selection | None = None if self.job is not None or self._text is not None else as_selection(_listed(given))

    @property
    def spec(self) -> TargetSpec:
        """What is known of it before a repository has settled it."""
        if self.job is not None:
            return TargetSpec(job=self.job.name)
        return TargetSpec(selection=self._text if self._text is not None else str(self._selection))

    def resolve(self, jobs: Collection[str], graph: AssetGraph) -> TargetSpec:
        """What it means in a repository.

        Raises:
            DefinitionError: the repository does not have it.
            RequestError: its selection cannot be read, or names assets that do not exist.
        """
        name = self.job.name if self.job is not None else self._text
        if name is not None and name in jobs:
            return TargetSpec(job=name)
        if self.job is not None:
            raise DefinitionError(f"its target, job {name!r}, is not in the repository. Add it to jobs=[...].")
        selection = self._selection if self._selection is not None else self._parsed(jobs, graph)
        chosen = selection.resolve(graph)
        assets = tuple(key for key in graph.keys if key in chosen and graph.spec(key).is_executable)
        if not assets:
            raise EmptySelectionError(f"its target '{selection}' means no asset that can be materialised.")
        problem = part_problem(graph.specs.values(), frozenset(assets))
        if problem is not None:
            raise DefinitionError(f"its target '{selection}' cannot be run: {problem}")
        return TargetSpec(selection=f"{selection}", assets=assets)

    def _parsed(self, jobs: Collection[str], graph: AssetGraph) -> Selection:
        """The selection that a text means; a text that means nothing is most likely the misspelt name of a job or asset."""
        text = self._text or ""
        selection = Selection.parse(text)
        if text.replace("_", "").replace("/", "").isalnum():
            try:
                selection.resolve(graph)
            except RequestError:
                raise NotFoundError("job or asset", text, [*jobs, *map(str, graph.keys)]) from None
        return selection


def _is_asset(given: object) -> bool:
    return all(isinstance(getattr(each, "spec", None), AssetSpec) for each in parts_of(given))


def _listed(given: Any) -> Any:
    if isinstance(given, Selection):
        return given
    listed = list(parts_of(given)) if _is_asset(given) else list(given)
    for each in listed:
        if isinstance(each, Job):
            raise DefinitionError(f"target=[{each!r}]: a list means assets. Give the job itself, or several with targets=[...] of a sensor.")
    return listed
