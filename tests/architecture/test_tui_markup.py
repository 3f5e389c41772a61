"""Text of the server never reaches the parser of markup, which raises on ordinary strings such as `[/`."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

TUI = Path(__file__).parents[2] / "client_tui" / "partita_client" / "tui"
SOURCES = sorted(TUI.rglob("*.py"))
READS_MARKUP = {
    "Static",
    "Label",
    "Button",
    "Checkbox",
    "RadioButton",
    "Option",
    "OptionList",
    "Tree",
    "DataTable",
    "Markdown",
    "RichLog",
    "Tab",
    "TabPane",
}
"""Widgets of Textual that read the strings they are given; ours draw lines instead."""
TITLES = {"border_title", "border_subtitle"}
"""Attributes that do."""
SAFE = {"Content", "Text"}


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def name_of(node: ast.expr) -> str:
    """The last part of what is called."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def offences(tree: ast.Module) -> Iterator[str]:
    """Places where a string may be read as markup."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and name_of(node.func) in READS_MARKUP:
            yield f"{node.lineno}: {name_of(node.func)} reads markup"
        elif isinstance(node, ast.Call) and name_of(node.func) == "notify":
            given = {word.arg: word.value for word in node.keywords}
            if not (isinstance(given.get("markup"), ast.Constant) and given["markup"].value is False):  # type: ignore[attr-defined]
                yield f"{node.lineno}: notify without markup=False"
        elif isinstance(node, ast.Call) and name_of(node.func) == "from_markup":
            yield f"{node.lineno}: from_markup"
        elif isinstance(node, ast.Assign):
            targets = {target.attr for target in node.targets if isinstance(target, ast.Attribute)}
            is_safe = isinstance(node.value, ast.Call) and name_of(node.value.func) in SAFE
            if targets & (TITLES | {"tooltip"}) and not is_safe:
                yield f"{node.lineno}: {targets} of a bare string"


def test_no_string_is_handed_to_what_reads_markup() -> None:
    found = [f"{path.relative_to(TUI)}:{offence}" for path in SOURCES for offence in offences(parsed(path))]

    assert not found


@pytest.mark.parametrize(
    "source",
    ["Static(name)", "self.notify(text)", "self.notify(text, markup=True)", "pane.border_title = name", "Content.from_markup(name)", "w.Label(name)"],
)
def test_the_rule_finds_what_it_forbids(source: str) -> None:
    assert list(offences(ast.parse(source)))


def test_the_client_does_not_load_the_terminal_app() -> None:
    code = "import sys, partita_client, partita_client.aio.client; print('textual' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "False"


def test_what_is_pure_loads_neither_textual_nor_the_models() -> None:
    modules = [f"partita_client.tui.store.{path.stem}" for path in sorted((TUI / "store").glob("[a-z]*.py"))]
    heavy = ("textual", "pydantic", "gql", "aiohttp")
    code = f"import sys, {', '.join(modules)}, partita_client.tui.feed; print([name for name in {heavy!r} if name in sys.modules])"

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
