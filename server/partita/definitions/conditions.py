"""`Condition`: when an asset is to be made, said as a tree of what must be true.

A tree is a frozen value that is stored with its asset. `planning.conditions` says what it means at a given time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, Literal, Self, TypeGuard, assert_never, get_args

import msgspec

from partita.definitions.condition_texts import selection_text, shown_cron
from partita.definitions.cron import Cron
from partita.definitions.policies import is_duration
from partita.errors import DefinitionError

Fact = Literal[
    "missing",
    "in_progress",
    "failed",
    "newly_updated",
    "newly_updated_with_target",
    "newly_requested",
    "will_be_requested",
    "code_version_changed",
    "check_passed",
    "check_failed",
    "freshness_failed",
    "first_evaluation",
]
"""What can be true of a partition without looking at anything else."""


Narrowing = Literal["only", "excluding"]
"""The two ways to choose among dependencies."""


class Condition(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind"):
    """When an asset is to be made. It is looked at again and again, for each partition, and asks for those for which it is true.

    Example:
        ```python
        @pt.asset(automation=pt.Condition.eager())
        def revenue(orders): ...


        pt.Condition.on_cron("0 6 * * *") & ~pt.Condition.check_failed().any_dep()
        ```

    Raises:
        DefinitionError: a cron expression, zone, duration or selection that cannot be used.
    """

    label: str | None = None
    """What people call it; its text is shown otherwise."""

    @property
    def spec(self) -> Self:
        """Itself: a condition is its own spec."""
        return self

    @property
    def children(self) -> tuple[AnyCondition, ...]:
        """The conditions that it is made of."""
        return ()

    @staticmethod
    def eager() -> Condition:
        """As soon as anything it depends on has been written, or a new partition is there, once nothing it needs is missing or being made.

        Of partitions by time only the newest one is looked at. What was missing or written before the first evaluation does not count.
        """
        changed = Condition.newly_missing() | Condition.any_dep_updated()
        is_free = ~Condition.any_dep_missing() & ~Condition.any_dep_in_progress() & ~Condition.in_progress()
        return (Condition.in_latest_window() & changed.since_last_handled() & is_free).with_label("eager")

    @staticmethod
    def on_cron(cron: str | Sequence[str], *, timezone: str = "UTC") -> Condition:
        """Once for each tick, as soon as everything it depends on has been written since that tick.

        Of partitions by time only the newest one is looked at.
        """
        tick = Condition.cron_tick_passed(cron, timezone=timezone)
        updated = (Condition.newly_updated().since(tick) | Condition.will_be_requested()).all_deps().with_label("all dependencies updated since tick")
        return (Condition.in_latest_window() & tick.since_last_handled() & updated).with_label(f"on cron {shown_cron(cron, timezone)}")

    @staticmethod
    def on_missing() -> Condition:
        """When a partition is missing that was not when it was last looked at, once nothing that it needs is missing.

        Of partitions by time only the newest one is looked at. What is missing at the first evaluation is left to a backfill.
        """
        newly = Condition.newly_missing().since_last_handled()
        return (Condition.in_latest_window() & newly & ~Condition.any_dep_missing()).with_label("on missing")

    @staticmethod
    def missing() -> Condition:
        """It has never been written. An external asset never is."""
        return State(fact="missing")

    @staticmethod
    def in_progress() -> Condition:
        """A run that is to write it is queued or running."""
        return State(fact="in_progress")

    @staticmethod
    def failed() -> Condition:
        """The last run that was to write it has failed."""
        return State(fact="failed")

    @staticmethod
    def newly_updated() -> Condition:
        """It has been written since the last evaluation."""
        return State(fact="newly_updated")

    @staticmethod
    def newly_updated_with_target() -> Condition:
        """It has been written since the last evaluation, by a run that was to write the asset of this condition too."""
        return State(fact="newly_updated_with_target")

    @staticmethod
    def newly_requested() -> Condition:
        """The last evaluation asked for it."""
        return State(fact="newly_requested")

    @staticmethod
    def newly_missing() -> Condition:
        """It is missing, and was not there or not missing at the last evaluation."""
        return Condition.missing().newly_true().with_label("newly missing")

    @staticmethod
    def will_be_requested() -> Condition:
        """Of a dependency: this evaluation asks for it too, and one run can write both."""
        return State(fact="will_be_requested")

    @staticmethod
    def code_version_changed() -> Condition:
        """Its code version is another than at the last evaluation."""
        return State(fact="code_version_changed")

    @staticmethod
    def check_passed() -> Condition:
        """It has checks, and the last evaluation of each has passed."""
        return State(fact="check_passed")

    @staticmethod
    def check_failed() -> Condition:
        """The last evaluation of any of its checks has failed."""
        return State(fact="check_failed")

    @staticmethod
    def freshness_failed() -> Condition:
        """It is older than its `freshness` allows."""
        return State(fact="freshness_failed")

    @staticmethod
    def first_evaluation() -> Condition:
        """This very condition has not been evaluated before."""
        return State(fact="first_evaluation")

    @staticmethod
    def cron_tick_passed(cron: str | Sequence[str], *, timezone: str = "UTC") -> Condition:
        """A tick has passed since the last evaluation."""
        return CronTick(cron=Cron(cron, timezone=timezone).expressions, timezone=timezone)

    @staticmethod
    def in_latest_window(*, lookback: timedelta | None = None) -> Condition:
        """It is the newest partition by time, or one whose window ended within `lookback` before that one's end; else always.

        In several dimensions: all that have the newest window of the one by time."""
        if lookback is None:
            return LatestWindow()
        if not isinstance(lookback, timedelta) or lookback <= timedelta(0) or not is_duration(lookback.total_seconds()):
            raise DefinitionError(f"Condition.in_latest_window(lookback={lookback!r}): give a timedelta above zero, such as timedelta(days=5).")
        return LatestWindow(lookback=lookback.total_seconds())

    @staticmethod
    def any_dep_updated() -> Condition:
        """Something it depends on was written since the last evaluation, not by a run of both, or is asked for in this one."""
        alone = Condition.newly_updated() & ~Condition.newly_updated_with_target()
        return (alone | Condition.will_be_requested()).any_dep().with_label("any dependency updated")

    @staticmethod
    def any_dep_missing() -> Condition:
        """Something it depends on is missing, and not asked for in this evaluation."""
        return (Condition.missing() & ~Condition.will_be_requested()).any_dep().with_label("any dependency missing")

    @staticmethod
    def any_dep_in_progress() -> Condition:
        """Something it depends on is being made, and not asked for in this evaluation."""
        return (Condition.in_progress() & ~Condition.will_be_requested()).any_dep().with_label("any dependency in progress")

    def __and__(self, other: Condition) -> Condition:
        return All(conditions=_joined(All, self, _expected(other, "&")))

    def __or__(self, other: Condition) -> Condition:
        return AnyOf(conditions=_joined(AnyOf, self, _expected(other, "|")))

    def __invert__(self) -> Condition:
        return Negation(condition=_known(self))

    def __bool__(self) -> bool:
        raise TypeError("a condition is neither true nor false by itself: combine conditions with &, | and ~, not with and, or and not")

    def since(self, reset: Condition) -> Condition:
        """It has become true after `reset` last was. While both are true, it is not."""
        return Since(condition=_known(self), reset=_expected(reset, "since"))

    def since_last_handled(self) -> Condition:
        """It has become true after the partition was last asked for or written, and after this condition was first evaluated."""
        handled = Condition.newly_requested() | Condition.newly_updated() | Condition.first_evaluation()
        return self.since(handled.with_label("handled"))

    def newly_true(self) -> Condition:
        """It is true, and was not at the last evaluation."""
        return NewlyTrue(condition=_known(self))

    def any_dep(self) -> Condition:
        """It is true of a partition of any dependency that the asset's partition needs."""
        return OfDeps(condition=_known(self), quantifier="any")

    def all_deps(self) -> Condition:
        """For each dependency it is true of at least one of the partitions that the asset's partition needs."""
        return OfDeps(condition=_known(self), quantifier="all")

    def any_check(self, *, blocking_only: bool = False) -> Condition:
        """It is true of any check of the asset; of a check, being written means being evaluated."""
        return OfChecks(condition=_known(self), quantifier="any", blocking_only=blocking_only)

    def all_checks(self, *, blocking_only: bool = False) -> Condition:
        """It is true of every check of the asset."""
        return OfChecks(condition=_known(self), quantifier="all", blocking_only=blocking_only)

    def allow(self, selection: Any) -> Condition:
        """Only these assets count where it looks at dependencies: a selection, or a list of assets."""
        return _narrowed(self, "only", selection_text(selection, "allow"))

    def ignore(self, selection: Any) -> Condition:
        """These assets do not count where it looks at dependencies: a selection, or a list of assets."""
        return _narrowed(self, "excluding", selection_text(selection, "ignore"))

    def without(self, condition: Condition) -> Condition:
        """An `&` without one of its parts, such as `eager().without(pt.Condition.in_latest_window())`."""
        if isinstance(self, All) and condition in self.conditions:
            left = tuple(each for each in self.conditions if each != condition)
            return msgspec.structs.replace(self, conditions=left) if len(left) > 1 else left[0]
        raise DefinitionError(f"{str(self)!r} is not made with & of {str(condition)!r}, so it cannot be left out.")

    def with_label(self, label: str) -> Self:
        """The same, called so where people see it."""
        if not isinstance(label, str) or not label.strip():
            raise DefinitionError(f"with_label({label!r}): give a few words.")
        return msgspec.structs.replace(self, label=label)

    def __str__(self) -> str:
        return self.label or self.text

    @property
    def text(self) -> str:
        """What it says, whatever it is called."""
        raise TypeError("Condition is made by its methods: pt.Condition.eager(), pt.Condition.missing() and so on")


class State(Condition, frozen=True, kw_only=True, omit_defaults=True, tag="state"):
    """A fact of a partition itself."""

    fact: Fact

    @property
    def text(self) -> str:
        """Its words."""
        return self.fact.replace("_", " ")


class CronTick(Condition, frozen=True, kw_only=True, omit_defaults=True, tag="cron_tick"):
    """A tick has passed since the last evaluation."""

    cron: tuple[str, ...]
    timezone: str = "UTC"

    @property
    def text(self) -> str:
        """Its words."""
        return f"cron tick {shown_cron(self.cron, self.timezone)} passed"


class LatestWindow(Condition, frozen=True, kw_only=True, omit_defaults=True, tag="latest_window"):
    """The newest partitions by time."""

    lookback: float | None = None
    """Seconds before the end of the newest one within which others ended that count too."""

    @property
    def text(self) -> str:
        """Its words."""
        return "in latest window" if self.lookback is None else f"in latest {timedelta(seconds=self.lookback)}"


class All(Condition, frozen=True, kw_only=True, omit_defaults=True, tag="all"):
    """Each of several is true."""

    conditions: tuple[AnyCondition, ...]

    @property
    def children(self) -> tuple[AnyCondition, ...]:
        """What it is made of."""
        return self.conditions

    @property
    def text(self) -> str:
        """Its words."""
        return " & ".join(map(_inside, self.conditions))


class AnyOf(Condition, frozen=True, kw_only=True, omit_defaults=True, tag="any"):
    """One of several is true."""

    conditions: tuple[AnyCondition, ...]

    @property
    def children(self) -> tuple[AnyCondition, ...]:
        """What it is made of."""
        return self.conditions

    @property
    def text(self) -> str:
        """Its words."""
        return " | ".join(map(_inside, self.conditions))


class OfOne(Condition, frozen=True, kw_only=True, omit_defaults=True):
    """What is made of another condition."""

    condition: AnyCondition

    @property
    def children(self) -> tuple[AnyCondition, ...]:
        """The one it is made of."""
        return (self.condition,)


class Negation(OfOne, frozen=True, kw_only=True, omit_defaults=True, tag="not"):
    """Another one is not true."""

    @property
    def text(self) -> str:
        """Its words."""
        return f"~{_inside(self.condition)}"


class Since(Condition, frozen=True, kw_only=True, omit_defaults=True, tag="since"):
    """One has become true after another last was."""

    condition: AnyCondition
    reset: AnyCondition

    @property
    def children(self) -> tuple[AnyCondition, ...]:
        """What turns it on, what turns it off."""
        return (self.condition, self.reset)

    @property
    def text(self) -> str:
        """Its words."""
        return f"{_inside(self.condition)} since {_inside(self.reset)}"


class NewlyTrue(OfOne, frozen=True, kw_only=True, omit_defaults=True, tag="newly_true"):
    """Another one is true and was not before."""

    @property
    def text(self) -> str:
        """Its words."""
        return f"newly true ({self.condition})"


class OfDeps(OfOne, frozen=True, kw_only=True, omit_defaults=True, tag="deps"):
    """Another one is true of what the asset depends on."""

    quantifier: Literal["any", "all"]
    only: str | None = None
    """A selection: other dependencies do not count."""
    excluding: str | None = None
    """A selection of dependencies that do not count."""

    @property
    def text(self) -> str:
        """Its words."""
        return f"{self.quantifier} dep ({self.condition}){_narrowing(self)}"


class OfChecks(OfOne, frozen=True, kw_only=True, omit_defaults=True, tag="checks"):
    """Another one is true of the asset's checks."""

    quantifier: Literal["any", "all"]
    blocking_only: bool = False

    @property
    def text(self) -> str:
        """Its words."""
        return f"{self.quantifier} {'blocking ' if self.blocking_only else ''}check ({self.condition})"


AnyCondition = State | CronTick | LatestWindow | All | AnyOf | Negation | Since | NewlyTrue | OfDeps | OfChecks
"""Every kind of condition: what an encoded one is read as."""
_KINDS = get_args(AnyCondition)


def check_condition(given: object, what: str) -> AnyCondition | None:
    """`given`, if it is a condition or None.

    Raises:
        DefinitionError: it is something else.
    """
    if given is None or _is_whole(given):
        return given
    raise DefinitionError(f"{what}={given!r}: give a condition, such as pt.Condition.eager() or pt.Condition.on_cron('0 6 * * *').")


def parts_of(condition: Condition) -> Iterator[Condition]:
    """It and all that it is made of."""
    yield condition
    for child in condition.children:
        yield from parts_of(child)


def selections_of(condition: Condition) -> list[str]:
    """The selections that it narrows dependencies with."""
    looks = [each for each in parts_of(condition) if isinstance(each, OfDeps)]
    return [text for each in looks for text in (each.only, each.excluding) if text is not None]


def _is_whole(given: object) -> TypeGuard[AnyCondition]:
    """Whether it is a condition that its methods have made."""
    return isinstance(given, _KINDS)


def _expected(given: object, where: str) -> AnyCondition:
    if _is_whole(given):
        return given
    word = f"`{where}`" if where in "&|" else f".{where}(...)"
    raise DefinitionError(f"{word} is given {given!r}, which is no condition. Use conditions such as pt.Condition.missing().")


def _known(condition: Condition) -> AnyCondition:
    return _expected(condition, "Condition")


def _joined(kind: type[All] | type[AnyOf], left: Condition, right: AnyCondition) -> tuple[AnyCondition, ...]:
    """Both, those of a kind without a label of its own opened."""
    parts: list[AnyCondition] = []
    for each in (_known(left), right):
        parts.extend(each.conditions if isinstance(each, kind) and each.label is None else (each,))
    return tuple(parts)


def _narrowed(condition: Condition, field: Narrowing, selection: str) -> Condition:
    if not any(isinstance(each, OfDeps) for each in parts_of(condition)):
        raise DefinitionError(f"{str(condition)!r} looks at no dependencies, so there are none to choose from. Use .any_dep() or .all_deps() first.")
    return _with_field(_known(condition), field, selection)


def _with_field(condition: AnyCondition, field: Narrowing, selection: str) -> AnyCondition:
    """The same tree, with a field set wherever it looks at dependencies."""
    match condition:
        case OfDeps():
            inner = _with_field(condition.condition, field, selection)
            return OfDeps(
                label=condition.label,
                condition=inner,
                quantifier=condition.quantifier,
                only=selection if field == "only" else condition.only,
                excluding=selection if field == "excluding" else condition.excluding,
            )
        case All() | AnyOf():
            return msgspec.structs.replace(condition, conditions=tuple(_with_field(each, field, selection) for each in condition.conditions))
        case Negation() | NewlyTrue() | OfChecks():
            inner = _with_field(condition.condition, field, selection)
            return msgspec.structs.replace(condition, condition=inner)
        case Since():
            both = (_with_field(each, field, selection) for each in condition.children)
            return Since(label=condition.label, condition=next(both), reset=next(both))
        case State() | CronTick() | LatestWindow():
            return condition
        case _:
            assert_never(condition)


def _inside(condition: Condition) -> str:
    """A condition as part of a tighter one."""
    needs_brackets = condition.label is None and isinstance(condition, (All, AnyOf, Since))
    return f"({condition})" if needs_brackets else str(condition)


def _narrowing(condition: OfDeps) -> str:
    only = f" of '{condition.only}'" if condition.only is not None else ""
    return only + (f" but '{condition.excluding}'" if condition.excluding is not None else "")
