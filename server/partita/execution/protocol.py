"""What a worker, its zygotes and its user processes tell each other.

Every message is one msgspec JSON value in one packet (`execution.wire`). A worker sends a zygote one `Load`, which it
answers with `Loaded` or `LoadFailed`, then any number of `Fork`s and at last `Retire`. A user process finds its
`Assignment` in a file descriptor and answers with `Frame`s in the order their facts happened: first `Ready`. Only what it
asks (`Asks`) is answered.
"""

from __future__ import annotations

from typing import Any

import msgspec

from partita.execution.evaluation import Evaluation, Verdict
from partita.execution.order import Order as Order  # what an assignment holds, for those who speak the protocol
from partita.records.assets import Materialization
from partita.records.codec import decode
from partita.records.events import Event
from partita.records.failures import PythonError
from partita.records.locations import LocationCatalog
from partita.workspace.settings import LocationSettings


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """Import this location's code, as a child of this worker."""

    location: LocationSettings
    worker: int
    """The worker's pid: a process whose parent is another has lost its worker and must not go on."""
    environ: dict[str, str | None] = {}
    """What the variables that are changed while importing were before; None: not set."""


class Loaded(msgspec.Struct, frozen=True, kw_only=True, tag="loaded", tag_field="frame"):
    """The code is imported; this is what it declares."""

    catalog: LocationCatalog
    python_version: str
    library_version: str
    seconds: float
    """How long the import took."""
    hazards: tuple[str, ...] = ()
    """What stands against forking this process: threads, sockets, children that the import left behind."""


class LoadFailed(msgspec.Struct, frozen=True, kw_only=True, tag="load_failed", tag_field="frame"):
    """The code could not be imported, or does not fit together."""

    error: PythonError


Report = Loaded | LoadFailed


class Fork(msgspec.Struct, frozen=True, kw_only=True, tag="fork", tag_field="frame"):
    """Make a user process; its event socket, output file and assignment come as descriptors, in this order."""

    marker: str


class Retire(msgspec.Struct, frozen=True, kw_only=True, tag="retire", tag_field="frame"):
    """No more forks will be wanted: end. A socket that closes without it means that the worker died."""


Command = Fork | Retire


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """All that a user process needs to know."""

    load: Load
    marker: str
    """Names this process in its environment and in that of everything it starts."""
    order: Order | Evaluation


class Ready(msgspec.Struct, frozen=True, kw_only=True, tag="ready", tag_field="frame"):
    """The process lives; always its first frame."""

    pid: int


class Facts(msgspec.Struct, frozen=True, kw_only=True, tag="facts", tag_field="frame"):
    """Events to append to the run's log, in this order."""

    events: tuple[Event, ...]


class Asks(msgspec.Struct, frozen=True, kw_only=True, tag="asks", tag_field="frame"):
    """The process wants to know the last write of an asset, and waits for the `Answer` of that number."""

    number: int
    asset: str
    partition: str | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True, tag="answer", tag_field="frame"):
    """What the worker knows."""

    number: int
    materialization: Materialization | None = None
    error: str | None = None
    """Why it cannot be known now."""


class Refused(msgspec.Struct, frozen=True, kw_only=True, tag="refused", tag_field="frame"):
    """The zygote will not fork, and why; the worker spawns instead."""

    reason: str


class Broken(msgspec.Struct, frozen=True, kw_only=True, tag="broken", tag_field="frame"):
    """The process could not even begin its order."""

    error: PythonError


class Evaluated(msgspec.Struct, frozen=True, kw_only=True, tag="evaluated", tag_field="frame"):
    """What the function of a schedule or sensor answered."""

    verdict: Verdict


class Waits(msgspec.Struct, frozen=True, kw_only=True, tag="waits", tag_field="frame"):
    """The work of the process is done, and it ends when these threads do."""

    threads: tuple[str, ...]


Frame = Ready | Facts | Asks | Refused | Broken | Evaluated | Waits


def decode_report(raw: bytes) -> Report:
    """What a zygote answered to `Load`."""
    report: Report = _decode(raw, Report)
    return report


def decode_command(raw: bytes) -> Command:
    """What a worker asks of a zygote that has loaded."""
    command: Command = _decode(raw, Command)
    return command


def decode_frame(raw: bytes) -> Frame:
    """What a user process, or a zygote in its place, tells the worker."""
    frame: Frame = _decode(raw, Frame)
    return frame


def decode_answer(raw: bytes) -> Answer:
    """What a worker answers a user process."""
    answer: Answer = _decode(raw, Answer)
    return answer


def _decode(raw: bytes, kind: Any) -> Any:
    return decode(raw, kind)
