"""Which alternative of a union a config value was meant for: its errors are the ones that help."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from partita.errors import nearest


class Tag(NamedTuple):
    """The field that tells the alternatives of a union apart."""

    field: str
    value: Any
    known: tuple[str, ...]
    """The values that name an alternative."""

    @property
    def is_known(self) -> bool:
        """Whether the value names an alternative."""
        return str(self.value) in self.known


def is_union(error: Any) -> bool:
    """Whether none of several alternatives fits a value."""
    return error.validator in {"anyOf", "oneOf"} and bool(error.context)


def is_env(value: Any) -> bool:
    """Whether `value` stands for an environment variable: `{"env": "NAME"}`."""
    return isinstance(value, Mapping) and len(value) == 1 and isinstance(value.get("env"), str)


def is_real(error: Any, *, is_top: bool = False) -> bool:
    """Whether an error remains once late values are taken to be right. The top of a config is never a late value."""
    if is_env(error.instance) and not (is_top and not error.absolute_path) and not _has_env_field(error):
        return False
    return not is_union(error) or len(branches := _branches(error)) < len(error.validator_value) or all(branches.values())


def _branches(error: Any) -> dict[Any, list[Any]]:
    """The real errors of each alternative of a union that has errors."""
    found: dict[Any, list[Any]] = {}
    for inner in error.context:
        branch = found.setdefault(inner.schema_path[0], [])
        # What is no late value for one alternative is none for the others
        if is_real(inner) or (inner.instance is error.instance and is_env(inner.instance) and _has_env_field(error)):
            branch.append(inner)
    return found


def _has_env_field(error: Any) -> bool:
    """Whether `{"env": ...}` gives a model its field of that name."""
    if is_union(error):
        return any(_has_env_field(inner) for inner in error.context if inner.instance is error.instance)
    return isinstance(error.schema, Mapping) and "env" in error.schema.get("properties", ())


def tag_of(error: Any) -> Tag | None:
    """What a value says of the alternative that it is, where its schema has a field for that and the value gives it."""
    told = error.schema.get("discriminator", {})
    field = told.get("propertyName")
    if not isinstance(error.instance, Mapping) or field not in error.instance:
        return None
    return Tag(field, error.instance[field], tuple(told.get("mapping", {})))


def errors_of_meant(error: Any) -> list[Any]:
    """The errors of the alternative that a value was meant for; none where that is not clear.

    It is the one that the value names, else the only one of its kind, of these the only one without another constant, of these the only one
    that knows any of its fields, of these the one with the fewest errors.
    """
    branches = _branches(error)
    tag = tag_of(error)
    if tag is not None and tag.is_known:
        named = {"$ref": error.schema["discriminator"]["mapping"][str(tag.value)]}
        return next((branches.get(place, []) for place, each in enumerate(error.validator_value) if each == named), [])
    of_kind = [found for found in branches.values() if not any(_is_other_kind(inner, error) for inner in found)]
    fitting = [found for found in of_kind if not any(_is_other_constant(inner, error) for inner in found)]
    knowing = [found for found in fitting if any(_knows_a_field(inner, error) for inner in found)]
    for left in (of_kind, fitting, knowing):
        if len(left) == 1:
            return left[0]
    ranked = sorted(knowing, key=len)
    return ranked[0] if ranked and len(ranked[0]) < len(ranked[1]) else []


def _depth(inner: Any, error: Any) -> int:
    return len(inner.absolute_path) - len(error.absolute_path)


def _is_other_kind(inner: Any, error: Any) -> bool:
    if _depth(inner, error) > 0:
        return False
    if is_union(inner):
        return all(any(_is_other_kind(each, inner) for each in found) for found in _branches(inner).values())
    return bool(inner.validator == "type")


def _is_other_constant(inner: Any, error: Any) -> bool:
    return bool(inner.validator == "const") and _depth(inner, error) <= 1


def _knows_a_field(inner: Any, error: Any) -> bool:
    if _depth(inner, error) > 0:
        return True
    fields = list(inner.schema.get("properties", ()))
    return any(str(name) in fields or nearest(str(name), fields) for name in inner.instance) if isinstance(inner.instance, Mapping) else False
