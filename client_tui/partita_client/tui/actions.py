"""Every action of the app, once: its keys, its words, and what it asks of the server.

Footer, help, palette and key bindings all read this list. A screen names the ids that it offers and has a method for each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Effect = Literal["look", "change", "danger"]


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that a person can do."""

    id: str
    title: str
    keys: str
    """Keys as Textual names them, between commas."""
    effect: Effect = "look"
    """"change" needs the server, "danger" asks before it does."""
    operation: str = ""
    """The GraphQL operation that it sends."""
    shown: str = ""
    """How its key is written for people; from the first key when left out."""
    is_shown: bool = True
    """Whether the footer names it."""

    @property
    def key(self) -> str:
        """How its key is written for people."""
        first = self.keys.split(",")[0]
        return self.shown or _SIGNS.get(first, first)

    @property
    def method(self) -> str:
        """Name of the method that does it."""
        return "do_" + self.id.replace(".", "_")


_SIGNS = {
    "enter": "↵", "escape": "esc", "question_mark": "?", "slash": "/", "colon": ":", "less_than_sign": "<", "greater_than_sign": ">",
    "space": "space", "left_square_bracket": "[", "right_square_bracket": "]", "exclamation_mark": "!", "tab": "↹", "minus": "-",
    "ctrl+p": "^p", "ctrl+r": "^r", "ctrl+s": "^s", "ctrl+t": "^t", "f5": "F5",
}  # fmt: skip

_ALL = (
    # everywhere
    Action("app.filter", "filter", "slash"),
    Action("app.jump", "jump", "colon"),
    Action("app.palette", "palette", "ctrl+p"),
    Action("app.help", "help", "question_mark"),
    Action("app.back", "back", "less_than_sign", is_shown=False),
    Action("app.forward", "forward", "greater_than_sign", is_shown=False),
    Action("app.up", "up", "escape", is_shown=False),
    Action("app.refetch", "ask the server again", "ctrl+r", is_shown=False),
    Action("app.theme", "theme", "ctrl+t", is_shown=False),
    Action("app.quit", "quit", "q", is_shown=False),
    Action("app.previous_tab", "previous pane", "left_square_bracket", is_shown=False),
    Action("app.next_tab", "panes", "right_square_bracket", shown="[ ]"),
    # lists
    Action("list.open", "open", "enter"),
    Action("list.mark", "mark", "space"),
    # runs
    Action("run.retry", "retry failed", "r", effect="change", operation="retryRun FROM_FAILURE"),
    Action("run.rerun", "run again", "R", effect="change", operation="retryRun ALL_STEPS"),
    Action("run.cancel", "cancel", "c", effect="danger", operation="cancelRuns"),
    Action("runs.sort", "sort", "s", operation="runs orderBy"),
    Action("runs.failed", "failed only", "exclamation_mark", shown="!"),
    Action("run.assets", "assets of it", "L", is_shown=False),
    Action("run.output", "output", "o", operation="run.log"),
    Action("run.stream", "stdout/stderr", "e", operation="run.log"),
    Action("run.step_events", "this step only", "t"),
    # assets
    Action("asset.materialize", "materialize", "x", effect="change", operation="materializeAssets"),
    Action("asset.launch", "with config", "X", effect="change", operation="materializeAssets"),
    Action("asset.backfill", "backfill", "b", effect="change", operation="startBackfill"),
    Action("asset.condition", "condition on/off", "t", effect="change", operation="setConditionStatus"),
    Action("asset.lineage", "lineage", "L"),
    Action("asset.partitions", "partitions", "p"),
    # jobs and locations
    Action("job.launch", "launch", "x", effect="change", operation="launchRun"),
    Action("location.reload", "reload", "R", effect="change", operation="reloadCodeLocation"),
    # automation
    Action("automation.toggle", "on/off", "t", effect="change", operation="setAutomationStatus"),
    Action("automation.evaluate", "evaluate (dry run)", "E", effect="change", operation="evaluateSensor"),
    Action("automation.cursor", "set cursor", "e", effect="change", operation="setSensorCursor"),
    Action("automation.tick_runs", "runs of the tick", "o"),
    Action("automation.runs", "its runs", "L"),
    # backfills
    Action("backfill.retry", "retry failed", "r", effect="change", operation="retryBackfill"),
    Action("backfill.toggle", "pause/resume", "t", effect="change", operation="pauseBackfill, resumeBackfill"),
    Action("backfill.cancel", "cancel", "c", effect="danger", operation="cancelBackfill"),
    Action("backfill.runs", "its runs", "L"),
    Action("backfill.start", "new backfill", "b", effect="change", operation="startBackfill"),
    # dialogs
    Action("launch.go", "launch", "f5,ctrl+s", effect="change", shown="F5"),
)
ACTIONS: dict[str, Action] = {action.id: action for action in _ALL}
ALWAYS = ("app.up", "app.back", "app.forward", "app.refetch", "app.theme", "app.quit")
"""What every screen offers without saying so."""
COMMON = ("app.jump", "app.palette", "app.help")


def why_disconnected(action: Action, *, is_connected: bool) -> str | None:
    """Why an action cannot be done without a server; None when it can."""
    return "the server does not answer" if action.effect != "look" and not is_connected else None
