"""The user processes of one run: made from the code that the run was planned under."""

from __future__ import annotations

from pathlib import Path

from partita.automation.code import CodeVersion
from partita.execution.children import Child
from partita.execution.protocol import Answer, Assignment, Order
from partita.execution.supervisor import Supervisor


class RunProcesses:
    """Makes and ends the processes of one run, and knows those that live."""

    def __init__(self, supervisor: Supervisor, code: CodeVersion) -> None:
        self._supervisor = supervisor
        self.code = code
        self.children: set[Child] = set()
        """Processes whose end has not been told."""
        self._is_listening = True

    def can_launch(self) -> bool:
        """False for a moment while the code is being loaded again."""
        return not self.code.is_recovering

    def launch(self, order: Order, *, number: int, output: Path) -> Child:
        """Make a process; `number` counts those of the run."""
        zygote = self.code.zygote
        assignment = Assignment(load=zygote.load, marker=f"{order.run_id}:{number}", order=order)
        child = self._supervisor.launch(zygote, assignment, output=output)
        self.children.add(child)
        return child

    def end(self, child: Child, *, grace: float) -> None:
        """Tell a process to stop, and kill it after `grace` seconds."""
        self._supervisor.end(child, grace=grace)

    def has_news(self, child: Child) -> bool:
        """Whether a process has told something that was not heard yet."""
        return self._supervisor.has_news(child)

    def answer(self, child: Child, answer: Answer) -> None:
        """Tell a process what it asked."""
        self._supervisor.answer(child, answer)

    def kill(self) -> None:
        """End all of them at once."""
        for child in list(self.children):
            self._supervisor.end(child, grace=0)

    def forget(self, child: Child) -> None:
        """The process is gone."""
        self.children.discard(child)

    def listen(self, is_wanted: bool) -> None:
        """Stop listening while more is told than can be written, or go on."""
        if is_wanted == self._is_listening:
            return
        self._is_listening = is_wanted
        for child in self.children:
            if is_wanted:
                self._supervisor.resume(child)
            else:
                self._supervisor.pause(child)
