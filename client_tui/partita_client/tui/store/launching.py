"""What is to be launched, and how partitions, tags and config are typed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from partita_client.tui.render.text import Line, plain


@dataclass(frozen=True, slots=True)
class Target:
    """A job, or assets."""

    keys: tuple[str, ...] = ()
    job: str = ""
    repository: str = ""
    location: str = ""

    @classmethod
    def of_assets(cls, keys: Sequence[str]) -> Target:
        """Some assets."""
        return cls(keys=tuple(keys))

    @property
    def selection(self) -> str:
        """The assets as a selection."""
        return " or ".join('"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"' for key in self.keys)

    @property
    def title(self) -> str:
        """What it is called."""
        if self.job:
            return self.job
        return self.keys[0] + (f" +{len(self.keys) - 1}" if len(self.keys) > 1 else "") if self.keys else "nothing"


@dataclass(frozen=True, slots=True)
class Chosen:
    """Partitions as they were typed."""

    keys: tuple[str, ...] = ()
    selection: dict[str, Any] | None = None
    """As the API takes them; None: none."""
    problem: str = ""

    @property
    def words(self) -> str:
        """What was chosen, for people."""
        return f"{len(self.keys)} partitions" if len(self.keys) != 1 else self.keys[0]


NUMBER = re.compile(r"-?[0-9]{1,9}")
WAYS = "runs of 30, single run, last first or priority 5"
WORDS = ("all", "latest", "missing", "failed", "stale")


def parse_partitions(text: str, known: Mapping[str, str]) -> Chosen:
    """`all`, `latest`, `missing`, `failed`, `stale`, `a..b`, `a,b,c`; `known` are the keys in their order with their status."""
    text = text.strip()
    keys = list(known)
    if not text:
        return Chosen()
    if text == "all":
        return Chosen(tuple(keys), {"all": True})
    if text == "stale":  # only the server knows which these are
        return Chosen(selection={"stale": True})
    if text == "latest":
        return Chosen(tuple(keys[-1:]), {"keys": keys[-1:]}) if keys else Chosen(problem="There are no partitions yet.")
    if text in ("missing", "failed"):
        found = [key for key, status in known.items() if status == text]
        return Chosen(tuple(found), {"keys": found}) if found else Chosen(problem=f"No partition is {text}.")
    if ".." in text:
        return _range(text, keys)
    wanted = [part.strip() for part in text.split(",") if part.strip()]
    unknown = [key for key in wanted if key not in known]
    if unknown:
        return Chosen(problem=_unknown(unknown[0], keys))
    return Chosen(tuple(wanted), {"keys": wanted})


def _range(text: str, keys: Sequence[str]) -> Chosen:
    first, _, last = (part.strip() for part in text.partition(".."))
    first, last = first or (keys[0] if keys else ""), last or (keys[-1] if keys else "")
    for end in (first, last):
        if end not in keys:
            return Chosen(problem=_unknown(end, keys))
    low, high = keys.index(first), keys.index(last)
    if low > high:
        return Chosen(problem=f"{first} comes after {last}.")
    return Chosen(tuple(keys[low : high + 1]), {"range": {"from": first, "to": last}})


def _unknown(key: str, keys: Sequence[str]) -> str:
    span = f" They run from {keys[0]} to {keys[-1]}." if keys else ""
    return f"There is no partition {key!r}.{span}"


def parse_ways(text: str) -> tuple[dict[str, Any], str]:
    """How a backfill goes: `runs of 30` or `single run`, `last first`, `priority 5`, between commas; and what is wrong with it."""
    found: dict[str, Any] = {}
    for part in (" ".join(part.split()) for part in text.split(",") if part.strip()):
        *words, last = part.split(" ")
        number = int(last) if NUMBER.fullmatch(last) else None
        if part == "single run":
            found["policy"] = {**found.get("policy", {}), "singleRun": True}
        elif part == "last first":
            found["order"] = "DESC"
        elif words == ["runs", "of"] and number is not None:
            found["policy"] = {**found.get("policy", {}), "runsOf": number}
        elif words == ["priority"] and number is not None:
            found["priority"] = number
        else:
            return {}, f"{part!r} says nothing of how a backfill goes; write {WAYS}."
    if len(found.get("policy", {})) > 1:
        return {}, "A backfill is a single run or several, not both."
    return found, ""


def parse_tags(text: str) -> tuple[list[dict[str, str]], str]:
    """`key=value` pairs between commas, and what is wrong with them."""
    found = []
    for part in (part.strip() for part in text.split(",")):
        if not part:
            continue
        key, equals, value = part.partition("=")
        if not equals or not key.strip():
            return [], f"{part!r} is no tag; write key=value."
        found.append({"key": key.strip(), "value": value.strip()})
    return found, ""


def schema_lines(schema: Mapping[str, Any]) -> Iterator[Line]:
    """What a config may hold: each field with its type, its default, and what it is."""
    yield from _fields(schema, schema.get("$defs", {}), 0)


def _fields(schema: Mapping[str, Any], defs: Mapping[str, Any], depth: int) -> Iterator[Line]:
    if depth > 8:
        return
    required = schema.get("required", ())
    for name, given in schema.get("properties", {}).items():
        each = _resolved(given, defs)
        needed = "!" if name in required else ""
        default = f" = {each['default']!r}" if "default" in each and each["default"] not in ({}, None) else ""
        yield (("  " * depth, ""), (plain(name, 60), "accent"), (f"  {plain(_type_of(each, defs), 60)}{needed}", ""), (plain(default, 60), "dim"))
        if each.get("description") and not each.get("properties"):
            yield (("  " * depth + "    ", ""), (plain(each["description"], 200), "dim"))
        yield from _fields(each, defs, depth + 1)


def _resolved(schema: Mapping[str, Any], defs: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = schema.get("$ref", "")
    if reference:
        return {**defs.get(reference.rsplit("/", 1)[-1], {}), **{key: value for key, value in schema.items() if key != "$ref"}}
    return schema


def _type_of(schema: Mapping[str, Any], defs: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "const" in schema:
        return repr(schema["const"])
    if "anyOf" in schema:
        return " | ".join(_type_of(_resolved(each, defs), defs) for each in schema["anyOf"])
    if schema.get("type") == "array":
        return f"[{_type_of(_resolved(schema.get('items', {}), defs), defs)}]"
    bounds = [
        f"{sign}{schema[key]}"
        for key, sign in (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"), ("exclusiveMaximum", "<"))
        if key in schema
    ]
    return " ".join([str(schema.get("type", "any")), *bounds])
