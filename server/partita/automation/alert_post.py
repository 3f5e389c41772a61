"""Sending alerts, each in a thread of its own: whoever does not answer keeps nobody waiting, least of all the daemon."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from partita.planning.alerts import Message
from partita.workspace.alert_settings import AlertTarget

AT_ONCE = 8
"""Messages that are sent at the same time."""
Tell = Callable[[AlertTarget, Message, threading.Event], str | None]
"""Sends a message; answers why it was not taken. Ends soon when the event is set."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message that was sent, and why it was not taken, if it was not."""

    message: Message
    target: str
    refusal: str | None


class Post:
    """Messages on their way."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._is_closing = threading.Event()
        self._under_way: set[tuple[str, str]] = set()
        self._delivered: queue.SimpleQueue[Delivery] = queue.SimpleQueue()

    @property
    def under_way(self) -> frozenset[tuple[str, str]]:
        """Rules, and the targets that are being told something by them."""
        return frozenset(self._under_way)

    @property
    def is_full(self) -> bool:
        """Whether as much is on its way as may be."""
        return len(self._under_way) >= AT_ONCE

    def send(self, target: AlertTarget, message: Message) -> None:
        """Let it go its way."""
        self._under_way.add((message.rule.name, target.name))
        threading.Thread(target=self._send, args=(target, message), name=f"alert to {target.name}", daemon=True).start()

    def delivered(self) -> list[Delivery]:
        """What has come to its end since this was last asked."""
        found = []
        while not self._delivered.empty():
            found.append(self._delivered.get())
        self._under_way -= {(each.message.rule.name, each.target) for each in found}
        return found

    def close(self, *, seconds: float) -> list[Delivery]:
        """Give what is on its way so long, and no longer; answers what has come to its end."""
        give_up_at = time.monotonic() + seconds
        found = self.delivered()
        while self._under_way and (left := give_up_at - time.monotonic()) > 0:
            if left < seconds / 2:
                self._is_closing.set()
            time.sleep(min(0.05, left))
            found += self.delivered()
        self._is_closing.set()
        return found

    def _send(self, target: AlertTarget, message: Message) -> None:
        self._delivered.put(Delivery(message, target.name, self._tell(target, message, self._is_closing)))
