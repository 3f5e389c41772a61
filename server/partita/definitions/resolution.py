"""Upstream names become keys: exactly, else by the last segment where only one asset has it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec

from partita.definitions.keys import AssetKey
from partita.definitions.specs import AssetSpec, InputSpec, parts_of
from partita.errors import DefinitionError


class Names:
    """The assets of one repository, found by key or last segment; and its resources, for which a parameter may have been meant."""

    def __init__(self, keys: Collection[AssetKey], resources: Mapping[str, object] | None = None) -> None:
        self.keys = keys
        self.resources = resources or {}
        self._by_segment: dict[str, list[AssetKey]] = {}
        for key in keys:
            if "/" in key:
                self._by_segment.setdefault(key.name, []).append(key)

    def find(self, name: str) -> tuple[AssetKey, ...]:
        """The assets that a parameter's name may mean: one where it is clear, none where it is unknown."""
        if name in self.keys:
            return (AssetKey(name),)
        return tuple(self._by_segment.get(name, ()))


def resolved_specs(assets: Iterable[Any]) -> list[AssetSpec]:
    """The specs of assets, with upstream names resolved among them as far as they can be.

    Raises:
        DefinitionError: something else is among them.
    """
    if not isinstance(assets, Iterable):
        raise DefinitionError(f"{assets!r} holds no assets. Give a list of assets and pt.AssetSpecs.")
    listed = [part for each in assets for part in parts_of(each)]
    for each in listed:
        if not isinstance(getattr(each, "spec", None), AssetSpec):
            raise DefinitionError(f"{each!r} is neither an asset nor a pt.AssetSpec.")
    names = Names({each.spec.key: None for each in listed}.keys())
    return [resolve_asset(each.spec, by_name=getattr(each, "by_name", frozenset()), names=names) for each in listed]


def resolve_asset(spec: AssetSpec, *, by_name: Collection[str], names: Names) -> AssetSpec:
    """`spec` with the inputs in `by_name` led to the assets they mean; an optional one that means none is dropped."""
    inputs = resolve_inputs(spec.inputs, by_name=by_name, names=names)
    return spec if inputs is spec.inputs else replace_spec(spec, inputs=inputs)


def resolve_inputs(inputs: tuple[InputSpec, ...], *, by_name: Collection[str], names: Names) -> tuple[InputSpec, ...]:
    """`inputs`, those in `by_name` led to the assets they mean; the same object where nothing changes."""
    changed: list[InputSpec] = []
    for each in inputs:
        found = names.find(each.name) if each.name in by_name else (each.key,)
        if len(found) == 1 and found[0] != each.key:
            changed.append(msgspec.structs.replace(each, key=found[0]))
        elif found or each.is_required:
            changed.append(each)
    return inputs if len(changed) == len(inputs) and all(map(_is, changed, inputs)) else tuple(changed)


def replace_spec(spec: AssetSpec, **changes: Any) -> AssetSpec:
    """A copy of `spec` with other values."""
    copy = object.__new__(AssetSpec)
    copy.__dict__.update(spec.__dict__, **changes)
    return copy


def _is(one: object, other: object) -> bool:
    return one is other
