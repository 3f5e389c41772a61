"""Is this run config right, before anything runs? Checked against the JSON Schemas that definitions publish.

A leaf may be `{"env": "NAME"}`: it is read when the run begins, so its value is not judged here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from partita.definitions.specs import ConfigSpec, RepositorySpec
from partita.errors import InvalidConfigError, nearest
from partita.planning.alternatives import errors_of_meant, is_real, is_union, tag_of
from partita.planning.plan import Step, StepKind

SECTIONS = ("steps", "resources")
REQUIRED = "a value is required"


def merge_config(default: Mapping[str, Any] | None, given: Mapping[str, Any]) -> dict[str, Any]:
    """`given` over `default`, one step or resource at a time."""
    if not default:
        return dict(given)
    merged: dict[str, Any] = {**default, **given}
    for section in SECTIONS:
        own, below = given.get(section), default.get(section)
        if isinstance(own, Mapping) and isinstance(below, Mapping):
            merged[section] = {**below, **own}
    return merged


def check_config(repository: RepositorySpec, steps: Iterable[Step], config: Mapping[str, Any]) -> tuple[InvalidConfigError, ...]:
    """Everything wrong with `config` for a run of `steps`; empty when nothing is.

    A step or resource whose config has fields without a default must be given one.
    """
    errors = [_unknown((), name, SECTIONS, "section") for name in config if name not in SECTIONS]
    wanted = step_config_specs(repository, steps)
    required = _resources_of(repository, wanted)
    errors += _check_section("steps", config.get("steps", {}), {key: spec for key, (spec, _) in wanted.items()}, list(wanted))
    known = {each.name: each.config for each in repository.resources}
    errors += _check_section("resources", config.get("resources", {}), known, required)
    return tuple(errors)


def step_config_specs(repository: RepositorySpec, steps: Iterable[Step]) -> dict[str, tuple[ConfigSpec | None, Step]]:
    """What each step's config must look like, by step key."""
    of_assets: dict[str, ConfigSpec | None] = {spec.key: spec.config for spec in repository.assets}
    by_kind: dict[StepKind, dict[str, ConfigSpec | None]] = {
        StepKind.ASSET: of_assets,
        StepKind.OBSERVATION: of_assets,
        StepKind.OP: {op.name: op.config for op in repository.ops},
        StepKind.CHECK: {check.step_key: check.config for check in repository.checks},
    }
    return {step.key: (by_kind[step.kind].get(step.definition), step) for step in steps}


def _resources_of(repository: RepositorySpec, wanted: Mapping[str, tuple[ConfigSpec | None, Step]]) -> list[str]:
    if not any(each.config is not None and each.config.is_required for each in repository.resources):
        return []
    names = {name for _, step in wanted.values() for name in (*step.resources, *(out.io_manager for out in step.outputs))}
    return [each.name for each in repository.resources if each.name in names]


def _check_section(section: str, given: Any, known: Mapping[str, ConfigSpec | None], required: Sequence[str]) -> Iterator[InvalidConfigError]:
    if not isinstance(given, Mapping):
        yield InvalidConfigError((section,), f"{_kind(given)} is given where a mapping by name belongs")
        return
    for name, value in given.items():
        if name not in known:
            yield _unknown((section,), str(name), known, section[:-1])
            continue
        spec = known[name]
        if spec is not None:
            yield from check_value(spec, value, path=(section, name))
        elif value not in ({}, None):
            yield InvalidConfigError((section, name), f"this {section[:-1]} takes no config")
    for name in required:
        spec = known.get(name)
        if spec is not None and spec.is_required and name not in given:
            yield from check_value(spec, {}, path=(section, name))


def _unknown(path: tuple[str, ...], name: str, known: Iterable[str], kind: str) -> InvalidConfigError:
    names = list(known)
    close = nearest(name, names)
    listed = f"; known: {', '.join(names)}" if 0 < len(names) <= 8 and close is None else ""
    return InvalidConfigError((*path, name), f"there is no {kind} {name!r} in this run{listed}", (close,) if close else ())


def check_value(spec: ConfigSpec, value: Any, *, path: Sequence[str]) -> Iterator[InvalidConfigError]:
    """Everything that the schema refuses in `value`, each with the path that leads to it."""
    from jsonschema import Draft202012Validator  # loaded only when there is config: it costs a tenth of a second

    if value is None:
        value = {}
    validator = Draft202012Validator(spec.json_schema)
    for error in validator.iter_errors(value):
        if is_real(error, is_top=True) and not (error.validator == "required" and _is_supplied(spec, error.absolute_path)):
            yield from _told(error, tuple(path))


def _is_supplied(spec: ConfigSpec, path: Iterable[Any]) -> bool:
    """Whether what a config leaves out at `path` is there already: in the instance that the config lies over."""
    below: Any = spec.defaults
    for part in (parts := list(path)):
        below = below.get(part) if isinstance(below, Mapping) else None
    return isinstance(below, Mapping) if parts else not spec.is_required


def _told(error: Any, path: tuple[str, ...]) -> Iterator[InvalidConfigError]:
    """A schema error in our words."""
    where = (*path, *map(str, error.absolute_path))
    match error.validator:
        case "additionalProperties":
            known = list(error.schema.get("properties", {}))
            for name in error.instance:
                if name not in known:
                    close = nearest(str(name), known)
                    yield InvalidConfigError((*where, str(name)), "there is no such field", (close,) if close else ())
        case "required":
            missing = [name for name in error.validator_value if name not in error.instance]
            # jsonschema tells each missing name in an error of its own; the message begins with the one it means
            for name in missing:
                if error.message.startswith(repr(name)):
                    yield InvalidConfigError((*where, name), REQUIRED)
        case "type":
            yield InvalidConfigError(where, f"{_shown(error.instance)} is not {_types(error.validator_value)}")
        case "anyOf" | "oneOf" if is_union(error):
            yield from _told_of_union(error, path)
        case _:
            yield InvalidConfigError(where, str(error.message))


def _told_of_union(error: Any, path: tuple[str, ...]) -> Iterator[InvalidConfigError]:
    """What is wrong with the alternative that was meant, or that none fits."""
    where = (*path, *map(str, error.absolute_path))
    tag = tag_of(error)
    if tag is not None and not tag.is_known:
        close = nearest(str(tag.value), tag.known)
        yield InvalidConfigError((*where, tag.field), f"{_shown(tag.value)} is none of {', '.join(map(repr, tag.known))}", (close,) if close else ())
        return
    meant = errors_of_meant(error)
    if not meant:
        yield InvalidConfigError(where, _alternatives(error))
    for inner in meant:
        yield from _told(inner, path)


def _alternatives(error: Any) -> str:
    kinds = _kinds(error)
    if kinds:
        return f"{_shown(error.instance)} is not {' or '.join(dict.fromkeys(map(_types, kinds)))}"
    return f"{_shown(error.instance)} fits none of its alternatives: {'; '.join(str(inner.message) for inner in error.context)}"


def _kinds(error: Any) -> list[Any]:
    """The kinds that a union takes, where the value is of none of them; otherwise nothing."""
    found: dict[Any, list[Any]] = {}
    for inner in error.context:
        if inner.absolute_path == error.absolute_path:
            found.setdefault(inner.schema_path[0], []).extend(
                _kinds(inner) if is_union(inner) else [inner.validator_value] if inner.validator == "type" else []
            )
    return [kind for kinds in found.values() for kind in kinds] if len(found) == len(error.validator_value) and all(found.values()) else []


_WORDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "null",
}


def _types(kind: Any) -> str:
    return " or ".join(_WORDS.get(each, each) for each in ([kind] if isinstance(kind, str) else kind))


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case str():
            return "text"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case list() | tuple():
            return "a list"
        case _:
            return type(value).__name__


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
