"""What is searched for in a text, while it is typed and afterwards."""

from __future__ import annotations

from collections.abc import Iterable

from partita_client.tui.render.text import Line, Piece, count, plain


class Search:
    """A text that is looked for whatever the case, and how often it was found."""

    def __init__(self) -> None:
        self.text = ""
        self.found = 0
        """Lines that hold it."""
        self.is_asking = False
        """Whether it is being typed."""
        self._typed = ""

    def matches(self, line: str) -> bool:
        """Whether a line holds it."""
        return bool(self.text) and self.text in line.casefold()

    def begin(self, text: str, lines: Iterable[str]) -> None:
        """Search for another text in all lines."""
        self.text = text.casefold()
        self.restart()
        self.count_more(lines)

    def restart(self) -> None:
        """There are no lines any more."""
        self.found = 0

    def count_more(self, lines: Iterable[str]) -> None:
        """Lines that came after the search began."""
        if self.text:
            self.found += sum(self.matches(line) for line in lines)

    def count_less(self, line: str) -> None:
        """A line that was taken back."""
        self.found -= self.matches(line)

    def ask(self) -> None:
        """Begin to type."""
        self.is_asking, self._typed = True, ""

    def type(self, key: str, character: str | None) -> str | None:
        """Take a key; the text to search for when it ended the typing."""
        if key == "enter":
            self.is_asking = False
            return self._typed
        if key == "escape":
            self.is_asking = False
            return ""
        if key == "backspace":
            self._typed = self._typed[:-1]
        elif character is not None:
            self._typed += character
        return None

    def prompt(self) -> Line:
        """What is typed."""
        return (("/", "key"), (plain(self._typed), ""), ("▏", "accent"), ("  ↵ search  esc end", "dim"))

    def said(self) -> str:
        """What was found, in words."""
        return f"{count(self.found)} × {plain(self.text, 30)} · n N esc" if self.text else ""


def marked(line: Line, text: str) -> Line:
    """`line` with every occurrence of `text` marked, also where it runs over pieces of several styles."""
    whole = "".join(part for part, _ in line)
    folded = whole.casefold()
    # Where folding changes the length (ß) places do not agree: the line is then shown without marks.
    if not text or len(folded) != len(whole) or text not in folded:
        return line
    inside = [False] * len(whole)
    at = folded.find(text)
    while at >= 0:
        inside[at : at + len(text)] = [True] * len(text)
        at = folded.find(text, at + len(text))
    pieces: list[Piece] = []
    place = 0
    for part, style in line:
        for character in part:
            name = f"{style} match".strip() if inside[place] else style
            if pieces and pieces[-1][1] == name:
                pieces[-1] = (pieces[-1][0] + character, name)
            else:
                pieces.append((character, name))
            place += 1
    return tuple(pieces)
