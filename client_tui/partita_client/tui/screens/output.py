"""What a step of a run wrote to its streams."""

from __future__ import annotations

from textual import work
from textual.app import ComposeResult
from textual.containers import Vertical

from partita_client.errors import PartitaClientError
from partita_client.models.generated import operations
from partita_client.tui.feed import Feed, problem_of
from partita_client.tui.render.text import plain
from partita_client.tui.widgets.line_text import CapturedOutput, PlainLine

STREAMS = ("STDOUT", "STDERR")


class OutputPane(Vertical):
    """One stream of one step. The API has no subscription for output: while the step runs, the rest is asked for once a second."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._stream = 0
        self._shown: tuple[str, str, int] | None = None
        self._feed: Feed | None = None
        self._next_byte = 0
        self._is_running = False
        self._is_whole = False

    def compose(self) -> ComposeResult:
        """What it is, and the text."""
        yield PlainLine(id="output-title")
        yield CapturedOutput(empty="Nothing was written.", id="output-text")

    def other_stream(self) -> None:
        """Show the other stream from now on."""
        self._stream = 1 - self._stream

    def point(self, feed: Feed, run_id: str, step: str, *, is_running: bool) -> None:
        """Show what a step of a run wrote."""
        self._feed = feed
        wanted = (run_id, step, self._stream)
        was_running, self._is_running = self._is_running, is_running
        title = f" {STREAMS[self._stream].lower()} of {plain(step, 80)}"
        self.query_one("#output-title", PlainLine).show(((title, "strong"), ("   e the other stream", "dim")))
        if wanted != self._shown:
            self._shown, self._next_byte, self._is_whole = wanted, 0, False
            self.query_one(CapturedOutput).clear()
            self._read()
        elif was_running and not is_running:
            self._read()

    def look_again(self) -> None:
        """Ask for what was written since, when somebody looks and there may be more."""
        if self._shown is not None and self._is_running and self.is_on_screen:
            self._read()

    @property
    def is_on_screen(self) -> bool:
        """Whether it is the tab that is seen."""
        return bool(self.region)

    @work(group="output", exclusive=True, exit_on_error=False)
    async def _read(self) -> None:
        feed, shown = self._feed, self._shown
        if feed is None or shown is None or self._is_whole:
            return
        run_id, step, stream = shown
        text = self.query_one(CapturedOutput)
        while True:
            request = operations.read_log(id=run_id, step=step, stream=STREAMS[stream], after_byte=self._next_byte)
            try:
                answer = await feed.execute(request)
            except PartitaClientError as error:
                text.set_empty(plain(problem_of(error), 200))
                return
            chunk = answer.run.log if answer.run else None
            if chunk is None or shown != self._shown:
                return
            has_more = chunk.next_byte > self._next_byte
            self._next_byte = chunk.next_byte
            text.feed_text(chunk.text)
            if chunk.is_complete:
                self._is_whole = True
                text.end()
            if chunk.is_complete or not has_more:
                return
