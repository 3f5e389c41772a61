"""Rules that a definition carries: retries, how backfills are cut, how old an asset may be, executors."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Literal, TypedDict, TypeVar, get_args

import msgspec

from partita.definitions.cron import Cron
from partita.definitions.keys import check_name
from partita.errors import DefinitionError, did_you_mean

T = TypeVar("T")
Backoff = Literal["linear", "exponential"]
Jitter = Literal["full", "plus_minus"]
LONGEST = timedelta(days=3660).total_seconds()
"""Seconds of the longest duration that a definition may name, ten years: clocks and timers can still be set by it."""


class Retry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How often and after how long a failed step is tried again.

    `delay` is in seconds; `backoff` multiplies it by the attempt (`linear`) or by 2**n - 1 (`exponential`); `jitter`
    spreads it over 0 to the delay (`full`) or up to one base delay either side (`plus_minus`).

    Raises:
        DefinitionError: a negative number of retries, a delay that is no number of seconds, or a word that is none of these.
    """

    max_retries: int = 1
    delay: float = 0.0
    backoff: Backoff | None = None
    jitter: Jitter | None = None

    def __post_init__(self) -> None:
        if not is_count(self.max_retries):
            raise DefinitionError(f"Retry(max_retries={self.max_retries!r}): give a whole number that is not negative.")
        if not is_duration(self.delay):
            raise DefinitionError(f"Retry(delay={self.delay!r}): give seconds from 0 to {LONGEST:.0f}.")
        for name, given, words in (("backoff", self.backoff, get_args(Backoff)), ("jitter", self.jitter, get_args(Jitter))):
            if given is not None and given not in words:
                raise DefinitionError(f"Retry({name}={given!r}): use {' or '.join(map(repr, words))}.{did_you_mean(str(given), words)}")

    def delay_before(self, attempt: int) -> float:
        """Seconds to wait after failure number `attempt` (from 1), before jitter; at most ten years."""
        match self.backoff:
            case "linear":
                return min(self.delay * attempt, LONGEST)
            case "exponential":
                # The power alone leaves what a float can hold after a thousand attempts.
                return min(self.delay * (2.0 ** min(attempt, 64) - 1), LONGEST)
            case None:
                return self.delay


class Pool(msgspec.Struct, frozen=True):
    """A pool, and how many of its slots a step takes; a pool's name alone means one slot.

    The workspace file says how many slots a pool has, under `[pools]`. A run holds the slots from its start to its end, and
    its steps that share a pool take turns.

    Example:
        `@pt.asset(pool=pt.Pool("warehouse", slots=2))`

    Raises:
        DefinitionError: a pool may not be called so, or less than one slot.
    """

    name: str
    slots: int = 1

    def __post_init__(self) -> None:
        check_name("pool", self.name)
        if not is_count(self.slots, least=1):
            raise DefinitionError(f"Pool({self.name!r}, slots={self.slots!r}): a step takes at least one slot, and whole ones.")


class PoolFields(TypedDict):
    """What a spec says of its pool."""

    pool: str | None
    pool_slots: int


def pool_fields(given: str | Pool | None, where: str) -> PoolFields:
    """What a spec says of the pool that a step names.

    Raises:
        DefinitionError: it is neither a pool nor a pool's name.
    """
    if given is None:
        return {"pool": None, "pool_slots": 1}
    if not isinstance(given, (str, Pool)):
        raise DefinitionError(f"{where}: pool={given!r}: give a pool's name, or pt.Pool(name, slots=2).")
    pool = Pool(given) if isinstance(given, str) else given
    return {"pool": pool.name, "pool_slots": pool.slots}


_BYTES = {"": 1.0, "B": 1.0, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "KIB": 2.0**10, "MIB": 2.0**20, "GIB": 2.0**30, "TIB": 2.0**40}
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)")


def to_amount(text: str) -> float | None:
    """`1` as 1, `8GiB` as bytes; None for what is no amount."""
    parts = _AMOUNT.fullmatch(text)
    unit = None if parts is None else _BYTES.get(parts[2].upper())
    return None if parts is None or unit is None else float(parts[1]) * unit


class BackfillPolicy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a backfill cuts partitions into runs; made by `pt.Backfill`."""

    max_partitions_per_run: int | None = None
    """None: a single run of all."""


class Backfill:
    """How backfills of an asset cut its partitions into runs; one run each if nothing is said.

    Example:
        `@pt.asset(partitions=days, backfill=pt.Backfill.runs_of(30))`
    """

    @staticmethod
    def single_run() -> BackfillPolicy:
        """One run writes all partitions: `context.partition_keys` holds them."""
        return BackfillPolicy()

    @staticmethod
    def runs_of(partitions: int) -> BackfillPolicy:
        """Each run writes up to this many neighbouring partitions.

        Raises:
            DefinitionError: it is below one.
        """
        if not is_count(partitions, least=1):
            raise DefinitionError(f"Backfill.runs_of({partitions!r}): give how many partitions a run writes, at least 1.")
        return BackfillPolicy(max_partitions_per_run=partitions)


class Freshness(msgspec.Struct, frozen=True, omit_defaults=True):
    """How old an asset may be: the last write of any of its partitions counts.

    Either it must have been written `within` a time, or since the last tick of a cron expression, from `grace` after that tick on.

    Example:
        `@pt.asset(freshness=pt.Freshness(within=timedelta(hours=2)))`

    Raises:
        DefinitionError: not exactly one of the two, or a duration or cron expression that cannot be used.
    """

    within: timedelta | None = None
    expressions: tuple[str, ...] = ()
    """Cron expressions; made by `Freshness.cron`."""
    timezone: str = "UTC"
    grace: timedelta = timedelta(0)
    """After a tick, the time there is to write it."""

    def __post_init__(self) -> None:
        if (self.within is None) == (not self.expressions):
            raise DefinitionError("Freshness takes one rule: pt.Freshness(within=timedelta(hours=2)) or pt.Freshness.cron('0 9 * * *').")
        if self.within is not None:
            _check_span("Freshness(within=...)", self.within, least=timedelta(microseconds=1))
        _check_span("Freshness(grace=...)", self.grace, least=timedelta(0))
        if self.within is not None and self.grace:
            raise DefinitionError("Freshness(within=..., grace=...): grace follows the ticks of a cron expression. Give a longer within=.")

    @staticmethod
    def cron(cron: str | Sequence[str], *, timezone: str = "UTC", grace: timedelta = timedelta(0)) -> Freshness:
        """It must have been written since the last tick; a tick counts once `grace` has passed.

        Raises:
            DefinitionError: a cron expression, zone or duration that cannot be used.
        """
        return Freshness(expressions=Cron(cron, timezone=timezone).expressions, timezone=timezone, grace=grace)

    def __str__(self) -> str:
        if self.within is not None:
            return f"written within {self.within}"
        zone = f" {self.timezone}" if self.timezone != "UTC" else ""
        grace = f" and {self.grace}" if self.grace else ""
        return f"written since {', '.join(map(repr, self.expressions))}{zone}{grace}"


class ExecutorSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where the steps of a run execute; `max_concurrent` None means as many as the machine, or the cluster, has cores."""

    kind: Literal["in_process", "threads", "processes", "dask"] = "processes"
    max_concurrent: int | None = None
    address: str | None = None
    """Of the scheduler of a Dask cluster."""

    @property
    def is_one_process(self) -> bool:
        """Whether all steps of a run execute in one process."""
        return self.kind in ("in_process", "threads")

    @property
    def walks_in_one_process(self) -> bool:
        """Whether one process of a run starts all of its steps, wherever they execute."""
        return self.kind != "processes"


def in_process() -> ExecutorSpec:
    """One process runs the whole plan, one step after another; async functions that wait do so together."""
    return ExecutorSpec(kind="in_process", max_concurrent=1)


def threads(max_concurrent: int | None = None) -> ExecutorSpec:
    """One process runs the whole plan, at most `max_concurrent` steps at once, each in a thread of its own.

    For steps that wait for others, or compute in code that lets go of the interpreter. Their resources and IO managers are
    shared, and must bear to be used by several threads.

    Raises:
        DefinitionError: `max_concurrent` is below one.
    """
    if max_concurrent is not None and not is_count(max_concurrent, least=1):
        raise DefinitionError(f"threads({max_concurrent!r}): give how many steps may run at once, at least 1.")
    return ExecutorSpec(kind="threads", max_concurrent=max_concurrent)


def dask(address: str, *, max_concurrent: int | None = None) -> ExecutorSpec:
    """Steps execute on the workers of a Dask cluster, at most `max_concurrent` of a run at once, or as many as it has threads.

    The cluster's workers have Partita with the extra `dask` and the same code, and share the place of values and logs with the
    worker of Partita. Needs the extra `dask`. `requires={"gpu": 1}` of an asset asks for workers started with `--resources "gpu=1"`.

    Args:
        address: the scheduler, as `"tcp://scheduler:8786"`.
        max_concurrent: how many steps of a run may execute at once.

    Raises:
        DefinitionError: no address, or `max_concurrent` is below one.
    """
    if not isinstance(address, str) or "://" not in address:
        raise DefinitionError(f"dask({address!r}): give the address of its scheduler, such as 'tcp://127.0.0.1:8786'.")
    if max_concurrent is not None and not is_count(max_concurrent, least=1):
        raise DefinitionError(f"dask(max_concurrent={max_concurrent!r}): give how many steps may run at once, at least 1.")
    return ExecutorSpec(kind="dask", address=address, max_concurrent=max_concurrent)


def processes(max_concurrent: int | None = None) -> ExecutorSpec:
    """Each step is a process of its own, at most `max_concurrent` of a run at once.

    Raises:
        DefinitionError: `max_concurrent` is below one.
    """
    if max_concurrent is not None and not is_count(max_concurrent, least=1):
        raise DefinitionError(f"processes({max_concurrent!r}): give how many steps may run at once, at least 1.")
    return ExecutorSpec(kind="processes", max_concurrent=max_concurrent)


def expect(kind: type[Any], given: T | None, what: str) -> T | None:
    """`given`, if it is of the kind that a parameter takes.

    Raises:
        DefinitionError: it is something else.
    """
    if given is not None and not isinstance(given, kind):
        made = {
            "Retry": "pt.Retry(...)",
            "ExecutorSpec": "pt.in_process(), pt.threads(), pt.processes() or pt.dask(...)",
            "BackfillPolicy": "pt.Backfill.single_run() or pt.Backfill.runs_of(30)",
            "Freshness": "pt.Freshness(within=timedelta(hours=2)) or pt.Freshness.cron('0 9 * * *')",
            "Mapping": "a pt.TimeWindowMapping(...) or the like",
        }.get(kind.__name__, f"a pt.{kind.__name__}")
        raise DefinitionError(f"{what}={given!r}: give {made}.")
    return given


def _check_span(what: str, given: object, *, least: timedelta) -> None:
    if not isinstance(given, timedelta) or not is_duration(given.total_seconds(), least=least.total_seconds()):
        raise DefinitionError(f"{what[:-4]}{given!r}): give a timedelta, such as timedelta(hours=2), of at most ten years.")


def is_count(given: object, *, least: int = 0) -> bool:
    """Whether it is a whole number from `least` to what 32 bits hold, as the API tells counts."""
    return isinstance(given, int) and not isinstance(given, bool) and least <= given < 2**31


def is_duration(given: object, *, least: float = 0.0) -> bool:
    """Whether it is a number of seconds, from `least` to ten years."""
    return isinstance(given, (int, float)) and not isinstance(given, bool) and least <= given <= LONGEST


def to_seconds(timeout: float | timedelta | None, where: str) -> float | None:
    """A timeout in seconds.

    Raises:
        DefinitionError: it is not above zero, or beyond ten years.
    """
    if timeout is None:
        return None
    seconds = timeout.total_seconds() if isinstance(timeout, timedelta) else timeout
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise DefinitionError(f"{where}: timeout={timeout!r} is neither a number of seconds nor a timedelta.")
    if not seconds > 0:
        raise DefinitionError(f"{where}: timeout={timeout!r} must be above zero seconds.")
    if not is_duration(seconds):
        raise DefinitionError(f"{where}: timeout={timeout!r} is more than ten years. Leave it out where there is no limit.")
    return float(seconds)
