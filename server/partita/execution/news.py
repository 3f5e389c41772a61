"""What a supervisor tells the worker about its processes."""

from __future__ import annotations

from dataclasses import dataclass

from partita.execution.children import Child, Death
from partita.execution.evaluation import Verdict
from partita.execution.protocol import Asks, Loaded
from partita.execution.zygote_link import ZygoteLink
from partita.records.events import Event
from partita.records.failures import PythonError


@dataclass(frozen=True, slots=True)
class CodeLoaded:
    """A zygote has imported its location's code."""

    zygote: ZygoteLink
    loaded: Loaded


@dataclass(frozen=True, slots=True)
class CodeFailed:
    """A zygote could not import its location's code; it is gone."""

    zygote: ZygoteLink
    error: PythonError


@dataclass(frozen=True, slots=True)
class ZygoteDied:
    """A zygote that served has died; processes that it forked go on."""

    zygote: ZygoteLink
    death: Death


@dataclass(frozen=True, slots=True)
class ForkRefused:
    """A zygote can no longer fork; from now on processes of its code are spawned."""

    zygote: ZygoteLink
    reason: str


@dataclass(frozen=True, slots=True)
class ProcessReady:
    """A user process lives."""

    child: Child


@dataclass(frozen=True, slots=True)
class FactsArrived:
    """A user process told what happened."""

    child: Child
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class QuestionAsked:
    """A user process wants to know something, and waits."""

    child: Child
    question: Asks


@dataclass(frozen=True, slots=True)
class EvaluationDone:
    """A user process told what the function of a schedule or sensor answered."""

    child: Child
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class ProcessEnded:
    """A user process and all that it left behind are gone; what it told has been told before."""

    child: Child
    death: Death


News = CodeLoaded | CodeFailed | ZygoteDied | ForkRefused | ProcessReady | FactsArrived | QuestionAsked | EvaluationDone | ProcessEnded
