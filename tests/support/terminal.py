"""A real terminal: tmux, driven by keys and read as text."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.waiting import eventually

HAS_TMUX = shutil.which("tmux") is not None


@dataclass(frozen=True)
class Terminal:
    """A pane of a tmux server of its own."""

    socket: str

    def tmux(self, *arguments: str) -> str:
        """The answer of tmux to a command."""
        return subprocess.run(["tmux", "-L", self.socket, *arguments], capture_output=True, text=True, check=True, timeout=20).stdout

    def screen(self) -> str:
        """What is seen now."""
        return self.tmux("capture-pane", "-p", "-t", "it")

    def press(self, *keys: str) -> None:
        """Press keys, named as tmux names them."""
        self.tmux("send-keys", "-t", "it", *keys)

    def type(self, text: str) -> None:
        """Type a text."""
        self.tmux("send-keys", "-t", "it", "-l", text)

    def resize(self, columns: int, rows: int) -> None:
        """Give the terminal another size."""
        self.tmux("resize-window", "-t", "it", "-x", str(columns), "-y", str(rows))

    def shows(self, *texts: str, seconds: float = 30) -> str:
        """Wait until all `texts` are seen; the screen."""
        seen: list[str] = [""]

        def found() -> bool:
            seen[0] = self.screen()
            return all(text in seen[0] for text in texts)

        try:
            eventually(found, seconds=seconds, what=f"{texts}")
        except AssertionError:
            raise AssertionError(f"Waited in vain for {[text for text in texts if text not in seen[0]]}; the screen:\n{seen[0]}") from None
        return seen[0]

    def hides(self, text: str, *, seconds: float = 30) -> None:
        """Wait until a text is not seen any more."""
        eventually(lambda: text not in self.screen(), seconds=seconds, what=f"{text!r} to go")


@contextmanager
def terminal(command: Sequence[str], *, size: tuple[int, int], env: dict[str, str], folder: Path) -> Iterator[Terminal]:
    """A terminal that runs a command, and says on its last line how that ended."""
    made = Terminal(f"partita-{uuid.uuid4().hex[:8]}")
    columns, rows = size
    # Sizes that the environment names would come before that of the terminal.
    line = f"unset COLUMNS LINES; {shlex.join(command)}; printf 'left with %s\\n' $?; exec cat"
    variables = [part for name, value in env.items() for part in ("-e", f"{name}={value}")]
    made.tmux(
        "-f", "/dev/null", "new-session", "-d", "-s", "it", "-x", str(columns), "-y", str(rows), "-c", str(folder), *variables, "sh", "-c", line
    )
    try:
        made.tmux("set-option", "-g", "escape-time", "20")
        made.resize(columns, rows)
        yield made
    finally:
        subprocess.run(["tmux", "-L", made.socket, "kill-server"], capture_output=True, check=False, timeout=20)
