"""Assets and the edges between them: who depends on whom, and in which order they can be made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property

from partita.definitions.keys import AssetKey
from partita.definitions.specs import AssetSpec, CheckSpec
from partita.definitions.walks import circle_among, in_turn, reach
from partita.errors import CycleError, NotFoundError


class AssetGraph:
    """A set of assets as a graph. Built once, asked often; every answer keeps the order of definition.

    Args:
        specs: the assets; of two with one key the first counts.
        checks: the checks on them.

    An asset that another one depends on and that is not among `specs` has edges but no spec; `missing` lists it.
    """

    def __init__(self, specs: Iterable[AssetSpec], checks: Iterable[CheckSpec] = ()) -> None:
        self._specs: dict[AssetKey, AssetSpec] = {}
        for spec in specs:
            self._specs.setdefault(spec.key, spec)
        self._upstream: dict[AssetKey, tuple[AssetKey, ...]] = {key: spec.upstream for key, spec in self._specs.items()}
        self._checks = tuple(checks)

    @property
    def keys(self) -> tuple[AssetKey, ...]:
        """Every asset with a spec, in order of definition."""
        return tuple(self._specs)

    @property
    def specs(self) -> Mapping[AssetKey, AssetSpec]:
        """The specs by key, in order of definition."""
        return self._specs

    def __contains__(self, key: object) -> bool:
        return key in self._specs

    def __len__(self) -> int:
        return len(self._specs)

    def spec(self, key: AssetKey) -> AssetSpec:
        """What `key` is.

        Raises:
            NotFoundError: no such asset here; names the nearest.
        """
        try:
            return self._specs[key]
        except KeyError:
            raise NotFoundError("asset", key, self._specs) from None

    def find(self, key: str) -> AssetKey | None:
        """The key of an asset with a spec, for its text."""
        found = self._specs.get(key)  # type: ignore[call-overload]  # a key compares and hashes as its text
        return None if found is None else found.key

    def upstream(self, key: AssetKey) -> tuple[AssetKey, ...]:
        """What `key` depends on directly."""
        return self._upstream.get(key, ())

    def downstream(self, key: AssetKey) -> tuple[AssetKey, ...]:
        """What depends on `key` directly."""
        return self._downstream.get(key, ())

    def ancestors(self, keys: Iterable[AssetKey], *, depth: int | None = None) -> set[AssetKey]:
        """Everything that `keys` depend on, at most `depth` edges away, without `keys` themselves."""
        start = frozenset(keys)
        return reach(start, edges=self.upstream, depth=depth) - start

    def descendants(self, keys: Iterable[AssetKey], *, depth: int | None = None) -> set[AssetKey]:
        """Everything that depends on `keys`, at most `depth` edges away, without `keys` themselves."""
        start = frozenset(keys)
        return reach(start, edges=self.downstream, depth=depth) - start

    def checks_of(self, key: AssetKey) -> tuple[CheckSpec, ...]:
        """The checks on `key`."""
        return self._checks_by_asset.get(key, ())

    @cached_property
    def order(self) -> tuple[AssetKey, ...]:
        """Every asset after all it depends on; among equals in order of definition.

        Raises:
            CycleError: some depend on each other in a circle, which it names.
        """
        keys = self.keys
        rank = {key: index for index, key in enumerate(keys)}
        needs = [[rank[each] for each in self._upstream[key] if each in rank] for key in keys]
        ordered = in_turn(needs)
        if len(ordered) < len(keys):
            raise self._cycle([keys[number] for number in circle_among(needs, ordered)])
        return tuple(keys[number] for number in ordered)

    @cached_property
    def materializable(self) -> frozenset[AssetKey]:
        """Every asset that something here computes."""
        return frozenset(key for key, spec in self._specs.items() if not spec.is_external)

    @cached_property
    def missing(self) -> tuple[AssetKey, ...]:
        """Assets that others depend on and that have no spec here."""
        named = (key for upstream in self._upstream.values() for key in upstream)
        return tuple(dict.fromkeys(key for key in named if key not in self._specs))

    @cached_property
    def _downstream(self) -> dict[AssetKey, tuple[AssetKey, ...]]:
        found: dict[AssetKey, list[AssetKey]] = {}
        for key, upstream in self._upstream.items():
            for each in upstream:
                found.setdefault(each, []).append(key)
        return {key: tuple(below) for key, below in found.items()}

    @cached_property
    def _checks_by_asset(self) -> dict[AssetKey, tuple[CheckSpec, ...]]:
        found: dict[AssetKey, list[CheckSpec]] = {}
        for check in self._checks:
            found.setdefault(check.asset, []).append(check)
        return {key: tuple(checks) for key, checks in found.items()}

    def _cycle(self, circle: list[AssetKey]) -> CycleError:
        sources = [self._specs[key].source for key in circle]
        places = [f"{key} ({source.file}:{source.line})" if source is not None else str(key) for key, source in zip(circle, sources, strict=True)]
        error = CycleError(f"These assets depend on each other in a circle: {' -> '.join([*places, circle[0]])}.")
        error.keys = tuple(circle)
        if sources[0] is not None:
            error.file, error.line = sources[0].file, sources[0].line
        return error
