"""Mappings of partitions in several dimensions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Mapping as Table
from datetime import datetime
from typing import NamedTuple

from partita.definitions.mappings.keyed import IdentityMapping
from partita.definitions.mappings.mapping import Keys, Mapped, Mapping, to_set
from partita.definitions.mappings.specs import DimensionMappingSpec, KeyMappingSpec, MultiMappingSpec
from partita.definitions.mappings.time_windows import TimeWindowMapping
from partita.definitions.partitions import MultiPartitions, Partitions, PartitionSet, ProductSet, TimePartitions
from partita.definitions.partitions.trees import boxes, of_product, union
from partita.errors import DefinitionError, did_you_mean


class Link(NamedTuple):
    """A dimension of each side and how one is mapped to the other; a side without dimensions has the name ''."""

    above: str
    below: str
    mapping: Mapping


def is_matched(above: Partitions, below: Partitions) -> bool:
    """Whether the partitions of two dimensions correspond without further words: both by time, or equal."""
    return above == below or (isinstance(above, TimePartitions) and isinstance(below, TimePartitions))


def matched_mapping(above: Partitions, below: Partitions) -> Mapping:
    """How partitions that correspond are mapped: windows of time by overlap, equal ones by key."""
    return TimeWindowMapping() if isinstance(above, TimePartitions) and isinstance(below, TimePartitions) else IdentityMapping()


class DimensionMapping(Mapping):
    """Between partitions of several dimensions and partitions of one: that dimension decides, the others do not matter.

    A partition in one dimension needs, or is needed by, all those in several that have it in that dimension.

    Args:
        dimension: its name; left out, the one that is cut as the other side is, or else the only one by time.
        mapping: how it is mapped to the other side; left out, windows of time by overlap and equal partitions by key.

    Example:
        `pt.In(key="sales_by_region", mapping=pt.DimensionMapping("date"))`

    Raises:
        DefinitionError: the mapping is none of one dimension.
    """

    def __init__(self, dimension: str | None = None, mapping: Mapping | None = None) -> None:
        if dimension is not None and not isinstance(dimension, str):
            raise DefinitionError(f"DimensionMapping takes the name of a dimension, not {dimension!r}.")
        self._mapping = None if mapping is None else _inner(mapping, "DimensionMapping")
        self._spec = DimensionMappingSpec(dimension=dimension, mapping=_spec_of(self._mapping))

    @property
    def spec(self) -> DimensionMappingSpec:
        """The frozen value that says the same."""
        return self._spec

    def upstream(self, keys: Keys, *, downstream: Partitions | None, upstream: Partitions, now: datetime) -> Mapped:
        """What the dimension needs, with everything in the others."""
        below = _required(downstream, "downstream")
        return _upstream(to_set(keys, below), [self.link(upstream=upstream, downstream=below)], below=below, above=upstream, now=now)

    def downstream(self, keys: Keys, *, upstream: Partitions, downstream: Partitions, now: datetime) -> Mapped:
        """What needs the dimension, with everything in the others."""
        link = self.link(upstream=upstream, downstream=downstream)
        return _downstream(to_set(keys, upstream), [link], above=upstream, below=downstream, now=now)

    def check(self, *, upstream: Partitions, downstream: Partitions | None) -> None:
        """Refuses anything but several dimensions on one side and one on the other, and what the inner mapping refuses."""
        below = _required(downstream, "downstream")
        link = self.link(upstream=upstream, downstream=below)
        link.mapping.check(upstream=part_of(upstream, link.above), downstream=part_of(below, link.below))

    def link(self, *, upstream: Partitions, downstream: Partitions) -> Link:
        """The dimension on the side that has several.

        Raises:
            DefinitionError: not exactly one side has several, or which dimension is meant cannot be told.
        """
        if isinstance(upstream, MultiPartitions) == isinstance(downstream, MultiPartitions):
            how = "both have" if isinstance(upstream, MultiPartitions) else "neither has"
            raise DefinitionError(f"DimensionMapping needs several dimensions on one side and one on the other, and {how} several. Use MultiMapping.")
        if isinstance(upstream, MultiPartitions):
            name = self._named(upstream, downstream)
            return Link(name, "", self._mapping or matched_mapping(upstream.dimensions[name], downstream))
        assert isinstance(downstream, MultiPartitions)
        name = self._named(downstream, upstream)
        return Link("", name, self._mapping or matched_mapping(upstream, downstream.dimensions[name]))

    def _named(self, several: MultiPartitions, one: Partitions) -> str:
        if self._spec.dimension is not None:
            return _existing(self._spec.dimension, several)
        found = dimension_for(several, one)
        if found is None:
            raise DefinitionError(
                f"DimensionMapping: which dimension of {several.describe()!r} stands for {one.describe()!r} cannot be told. "
                f"Name one of {', '.join(several.dimensions)}."
            )
        return found


class MultiMapping(Mapping):
    """Between partitions of several dimensions on both sides, dimension by dimension.

    An upstream dimension that is not named is needed as a whole; one downstream that is not named does not matter.

    Args:
        dimensions: upstream dimension to the downstream dimension that needs it, or to both that and how.

    Example:
        `pt.MultiMapping({"region": "region", "day": ("week", pt.TimeWindowMapping())})`

    Raises:
        DefinitionError: it is no such mapping.
    """

    def __init__(self, dimensions: Table[str, str | tuple[str, Mapping]]) -> None:
        if not isinstance(dimensions, Table):
            raise DefinitionError(f"MultiMapping takes upstream dimensions by name, such as {{'day': ('week', mapping)}}, not {dimensions!r}.")
        self._pairs: dict[str, tuple[str, Mapping | None]] = {}
        for above in sorted(dimensions):
            given = dimensions[above]
            below, how = (given, None) if isinstance(given, str) else _pair(above, given)
            self._pairs[above] = (below, None if how is None else _inner(how, "MultiMapping"))
        self._spec = MultiMappingSpec(dimensions=tuple((above, below, _spec_of(how)) for above, (below, how) in self._pairs.items()))

    @property
    def spec(self) -> MultiMappingSpec:
        """The frozen value that says the same."""
        return self._spec

    def upstream(self, keys: Keys, *, downstream: Partitions | None, upstream: Partitions, now: datetime) -> Mapped:
        """In each dimension what is needed there."""
        below = _required(downstream, "downstream")
        return _upstream(to_set(keys, below), self.links(upstream=upstream, downstream=below), below=below, above=upstream, now=now)

    def downstream(self, keys: Keys, *, upstream: Partitions, downstream: Partitions, now: datetime) -> Mapped:
        """In each dimension what needs it."""
        links = self.links(upstream=upstream, downstream=downstream)
        return _downstream(to_set(keys, upstream), links, above=upstream, below=downstream, now=now)

    def check(self, *, upstream: Partitions, downstream: Partitions | None) -> None:
        """Refuses sides without these dimensions, and what the inner mappings refuse."""
        below = _required(downstream, "downstream")
        for link in self.links(upstream=upstream, downstream=below):
            link.mapping.check(upstream=part_of(upstream, link.above), downstream=part_of(below, link.below))

    def links(self, *, upstream: Partitions, downstream: Partitions) -> list[Link]:
        """The pairs of dimensions.

        Raises:
            DefinitionError: a side has not several dimensions, or not one of that name.
        """
        above, below = _several(upstream, "upstream"), _several(downstream, "downstream")
        found: list[Link] = []
        for name, (other, how) in self._pairs.items():
            name, other = _existing(name, above), _existing(other, below)
            found.append(Link(name, other, how or matched_mapping(above.dimensions[name], below.dimensions[other])))
        return found


def dimension_for(several: MultiPartitions, one: Partitions) -> str | None:
    """The dimension that is cut as `one` is, else the only one by time where `one` is by time too; None: it cannot be told."""
    equal = [name for name, part in several.dimensions.items() if part == one]
    timed = [name for name, part in several.dimensions.items() if is_matched(one, part)]
    return equal[0] if len(equal) == 1 else timed[0] if len(timed) == 1 else None


def shared_dimensions(above: MultiPartitions, below: MultiPartitions) -> dict[str, str]:
    """The dimensions that both sides have under one name and that correspond."""
    return {name: name for name, part in above.dimensions.items() if name in below.dimensions and is_matched(part, below.dimensions[name])}


def _upstream(keys: PartitionSet, links: Sequence[Link], *, below: Partitions, above: Partitions, now: datetime) -> Mapped:
    missing: dict[str, None] = {}
    found: list[dict[str, PartitionSet]] = []
    for box in _boxes(keys, below):
        sets: dict[str, PartitionSet] = {}
        for link in links:
            mapped = link.mapping.upstream(box[link.below], downstream=part_of(below, link.below), upstream=part_of(above, link.above), now=now)
            sets[link.above] = mapped.keys
            missing.update(dict.fromkeys(mapped.missing))
        found.append(sets)
    return Mapped(_products(found, above, now=now), list(missing))


def _downstream(keys: PartitionSet, links: Sequence[Link], *, above: Partitions, below: Partitions, now: datetime) -> Mapped:
    found: list[dict[str, PartitionSet]] = []
    for box in _boxes(keys, above):
        sides = ((link, part_of(above, link.above), part_of(below, link.below)) for link in links)
        found.append({link.below: link.mapping.downstream(box[link.above], upstream=up, downstream=down, now=now).keys for link, up, down in sides})
    return Mapped(_products(found, below, now=now), [])


def _boxes(keys: PartitionSet, partitions: Partitions) -> Iterable[dict[str, PartitionSet]]:
    """The products that a set is made of, dimension by dimension."""
    if not isinstance(partitions, MultiPartitions):
        yield {"": keys}
        return
    assert isinstance(keys, ProductSet)
    for box in boxes(keys.tree, partitions.depth):
        yield {name: PartitionSet(part, spans) for (name, part), spans in zip(partitions.dimensions.items(), box, strict=True)}


def _products(found: Sequence[Table[str, PartitionSet]], partitions: Partitions, *, now: datetime) -> PartitionSet:
    """The union of products; a dimension that is not given is whole."""
    if not isinstance(partitions, MultiPartitions):
        joined = partitions.none()
        for sets in found:
            joined = joined | sets[""]
        return joined
    whole = {name: part.keys(now=now) for name, part in partitions.dimensions.items()}
    tree = ()
    for sets in found:
        tree = union(tree, of_product([sets.get(name, everything).spans for name, everything in whole.items()]), partitions.depth)
    return ProductSet(partitions, tree)


def links_of(mapping: Mapping, *, upstream: Partitions, downstream: Partitions) -> list[Link]:
    """The pairs of dimensions that a mapping of several joins; none of another mapping.

    Raises:
        DefinitionError: the sides have not those dimensions.
    """
    match mapping:
        case DimensionMapping():
            return [mapping.link(upstream=upstream, downstream=downstream)]
        case MultiMapping():
            return mapping.links(upstream=upstream, downstream=downstream)
        case _:
            return []


def part_of(partitions: Partitions, name: str) -> Partitions:
    """A dimension; of partitions without any, themselves."""
    return partitions.dimensions[name] if isinstance(partitions, MultiPartitions) else partitions


def _required(partitions: Partitions | None, side: str) -> Partitions:
    if partitions is None:
        raise DefinitionError(f"The mapping needs partitions on both sides, and {side} is not partitioned.")
    return partitions


def _several(partitions: Partitions, side: str) -> MultiPartitions:
    if isinstance(partitions, MultiPartitions):
        return partitions
    raise DefinitionError(f"MultiMapping needs several dimensions on both sides, and {side} is {partitions.describe()!r}. Use DimensionMapping.")


def _existing(name: str, partitions: MultiPartitions) -> str:
    if name not in partitions.dimensions:
        raise DefinitionError(f"There is no dimension {name!r} in {partitions.describe()!r}.{did_you_mean(name, partitions.dimensions)}")
    return name


def _pair(above: str, given: object) -> tuple[str, Mapping | None]:
    if isinstance(given, tuple) and len(given) == 2 and isinstance(given[0], str):
        return given
    raise DefinitionError(f"MultiMapping: {above!r} leads to {given!r}. Give the downstream dimension, or it and a mapping: ('week', mapping).")


def _inner(mapping: object, owner: str) -> Mapping:
    if not isinstance(mapping, Mapping) or isinstance(mapping, (DimensionMapping, MultiMapping)):
        raise DefinitionError(f"{owner}: {mapping!r} is no mapping of one dimension. Give one such as pt.TimeWindowMapping().")
    return mapping


def _spec_of(mapping: Mapping | None) -> KeyMappingSpec | None:
    if mapping is None:
        return None
    spec = mapping.spec
    assert not isinstance(spec, (DimensionMappingSpec, MultiMappingSpec))
    return spec
