"""What all launches have in common: a request is checked whole, then written, in one visit to the store."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, is_dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

import orjson
from strawberry import Some
from strawberry.utils.str_converters import to_camel_case

from partita.api.configs import expected_at
from partita.api.context import Context
from partita.api.definitions import MAX_SELECTION, Definitions
from partita.api.limits import LIMITS
from partita.api.problems import Problem, config_problem, invalid, problems_of, too_many, unavailable
from partita.api.types.node import TagInput
from partita.errors import ChoiceError, ConflictError, InvalidConfigErrors, NotFoundError, PartitionsError, RequestError, SelectionError
from partita.planning.build import build_plan
from partita.planning.plan import Plan
from partita.records.runs import Run, RunRequest
from partita.storage.idempotency_keys import Idempotency

MAX_KEY = 200
"""Characters of an idempotency key: enough for any hash or name."""
MAX_TEXT = 1000
"""Characters of any other name, id, key or value."""
LONGEST: Mapping[str, int] = {"cursor": 1_000_000, "selection": MAX_SELECTION}
"""Fields of inputs that may hold more."""


class Refused(Exception):  # noqa: N818 (not an error of ours: what the caller is told)
    """The request is refused; `problems` say why."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """What came of a launch."""

    runs: Sequence[Run] = ()
    is_replay: bool = False
    problems: Sequence[Problem] = ()


def to_idempotency(context: Context, mutation: str, given: Any) -> Idempotency | None:
    """The caller's key and what it stands for: the whole input, so that the same key with another input is a conflict.

    Raises:
        Refused: the key is empty or too long.
    """
    key: str | None = given.idempotency_key
    if key is None:
        return None
    if not 0 < len(key) <= MAX_KEY:
        raise Refused(invalid(f"An idempotency key has 1 to {MAX_KEY} characters, not {len(key)}.", path=["idempotencyKey"]))
    fields = {**asdict(given), "idempotency_key": None}
    digest = sha256(orjson.dumps([mutation, fields], option=orjson.OPT_SORT_KEYS, default=str)).hexdigest()
    return Idempotency(caller=context.caller.name, key=key, request_hash=digest)


def to_tags(given: Sequence[TagInput]) -> dict[str, str]:
    """Tags of a run.

    Raises:
        Refused: there are too many, one has no key, or two of a key have different values.
    """
    check_length("tags", given)
    if any(not tag.key for tag in given):
        raise Refused(invalid("A tag has a key.", path=["tags"]))
    tags: dict[str, str] = {}
    for tag in given:
        if tags.setdefault(tag.key, tag.value) != tag.value:
            raise Refused(invalid(f"The tag {tag.key!r} is given two values: {tags[tag.key]!r} and {tag.value!r}.", path=["tags"]))
    return tags


def to_config(given: object) -> dict[str, Any]:
    """A run config.

    Raises:
        Refused: it is not a mapping.
    """
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise Refused(invalid("A run config is a mapping with `steps` and `resources`.", path=["config"]))
    return given


def check_length(name: str, given: Sequence[Any] | None, *, most: int = LIMITS.max_ids) -> None:
    """Nothing, if a list of the input is short enough.

    Raises:
        Refused: it is not.
    """
    if given is not None and len(given) > most:
        raise Refused(too_many(f"`{name}` holds {len(given)} values; at most {most} are allowed.", path=[name]))


def check_texts(given: object) -> None:
    """Nothing, if every text of an input can be kept and found again.

    Raises:
        Refused: one is too long, or holds a NUL character.
    """
    for path, text in _texts_of(given, ()):
        name, most = ".".join(path), LONGEST.get(path[-1], MAX_TEXT)
        if len(text) > most:
            raise Refused(invalid(f"`{name}` has {len(text):,} characters; at most {most:,} are allowed.", path=path))
        if "\0" in text:
            raise Refused(invalid(f"`{name}` holds a NUL character, which no text here may.", path=path))


def _texts_of(value: object, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every text of an input and the field that it is in; what stands in the run config is judged with the config."""
    match value:
        case str():
            yield path, value
        case list():
            for each in value:
                yield from _texts_of(each, path)
        case Some():
            yield from _texts_of(value.value, path)
        case _ if is_dataclass(value):
            for field in fields(value):
                if field.name != "config":
                    yield from _texts_of(getattr(value, field.name), (*path, to_camel_case(field.name).rstrip("_")))


def check_location(definitions: Definitions, name: str) -> None:
    """Nothing, if the location has ever loaded.

    Raises:
        Refused: it has not, so nothing of it is known.
    """
    location = definitions.location(name)
    if location is not None and location.record.catalog_hash is None:
        because = location.record.error.summary if location.record.error else f"it is {location.record.status}"
        raise Refused(unavailable(f"Code location {name!r} has never loaded: {because}.", error=location.record.error))


def plan_of(definitions: Definitions, request: RunRequest, *, now: datetime, places: Mapping[str, str]) -> Plan:
    """The plan of a request, for nothing but to see that there is one. `places` are the fields of the input that name things, by kind.

    Raises:
        Refused: something of the request is wrong.
    """
    catalog = definitions.catalog
    repository = catalog.repository(request.location, request.repository)
    references = catalog.references_for(request.location, request.repository)
    try:
        return build_plan(repository, request, references=references, dynamic=definitions.dynamic, now=now)
    except InvalidConfigErrors as error:
        raise Refused(*(config_problem(each, expected=expected_at(each.path, repository, request.job)) for each in error.errors)) from error
    except RequestError as error:
        place = places.get(_kind_of(error))
        raise Refused(*problems_of(error, path=None if place is None else [place])) from error


def _kind_of(error: RequestError) -> str:
    """What sort of thing of a request is wrong."""
    match error:
        case NotFoundError(kind=kind) | ChoiceError(kind=kind):
            return kind.split(" ")[0]
        case PartitionsError():
            return "partition"
        case SelectionError():  # steps may be chosen by one
            return "step"
        case _:
            return ""


OF_SELECTION: Mapping[str, str] = {"asset": "selection", "check": "selection", "job": "jobName", "partition": "partitions"}
"""Kinds of things, and the fields that name them where assets or partitions of a job are asked for."""


async def launch(context: Context, decide: Callable[[], Sequence[RunRequest]], idempotency: Callable[[], Idempotency | None]) -> Launch:
    """Queue the runs that `decide` asks for, or say why not. Both functions are called in a thread and may refuse."""

    def work() -> Launch:
        runs = context.store.runs
        try:
            key = idempotency()
            # A request that comes again gets its first answer, whatever has become of the definitions since.
            found = (runs.find_launched(key) if key else None) or runs.launch(decide(), idempotency=key)
        except Refused as refused:
            return Launch(problems=refused.problems)
        except ConflictError as error:
            return Launch(problems=problems_of(error, path=["idempotencyKey"]))
        except RequestError as error:
            return Launch(problems=problems_of(error))
        return Launch(runs=found.runs, is_replay=found.is_replay)

    return await context.read(work)
