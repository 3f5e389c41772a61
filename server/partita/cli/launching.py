"""Options of the commands that launch runs, and following what they launched."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from partita.cli.failures import Exit
from partita.cli.output import print_json

if TYPE_CHECKING:
    from partita_client import Run

Command = TypeVar("Command", bound=Callable[..., object])


def launch_options(command: Command) -> Command:
    """Options `--config`, `--tag`, `--wait`, `--json`."""
    options = (
        click.option("--config", "config_text", metavar="FILE|JSON", help="Run config: a YAML or JSON file, JSON itself, or - for standard input."),
        click.option("--tag", "tag_texts", multiple=True, metavar="KEY=VALUE", help="A tag for the run; may be repeated."),
        click.option("--wait/--no-wait", "is_waiting", default=True, help="Follow the run until it ends (default), or print its id at once."),
        click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def parse_config(text: str | None) -> dict[str, Any] | None:
    """The config that `--config` gives: JSON, or the content of a file."""
    if text is None:
        return None
    import yaml

    where, content = _read_config(text)
    try:
        value = yaml.safe_load(content)  # JSON is YAML
    except yaml.YAMLError as error:
        raise click.BadParameter(f"{where} is neither YAML nor JSON: {error}", param_hint="--config") from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise click.BadParameter(f'{where} must be a table such as {{"steps": {{...}}}}, not {type(value).__name__}.', param_hint="--config")
    return value


def _read_config(text: str) -> tuple[str, str]:
    if text.lstrip().startswith("{"):
        return "the config", text
    if text == "-":
        return "standard input", sys.stdin.read()
    try:
        return text, Path(text).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise click.BadParameter(f"file {text!r} cannot be read: {reason}.", param_hint="--config") from None


def parse_tags(texts: Sequence[str]) -> dict[str, str] | None:
    """The tags that `--tag` gives; None when there are none."""
    tags = {}
    for text in texts:
        key, separator, value = text.partition("=")
        if not separator or not key:
            raise click.BadParameter(f"{text!r} is not KEY=VALUE.", param_hint="--tag")
        tags[key] = value
    return tags or None


def finish(runs: Sequence[Run], *, is_waiting: bool, as_json: bool) -> int:
    """Follow what was launched, or tell its ids; the exit code."""
    if not is_waiting:
        if as_json:
            print_json([run.record for run in runs])
        else:
            click.echo("\n".join(run.id for run in runs))
        return Exit.DONE
    if as_json:
        ended = [run.wait() for run in runs]
        print_json([run.record for run in ended])
        return Exit.DONE if all(run.status == "succeeded" for run in ended) else Exit.FAILED
    from partita.cli.follow import follow_all

    return Exit.DONE if follow_all(runs) else Exit.FAILED
