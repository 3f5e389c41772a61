"""The `partita` command. Imports only click; each command's module is imported when it is called, so that `--help` is quick."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

import click

from partita.version import __version__

EXIT_CODES = """
\b
Exit codes: 0 done; 1 what was asked for failed (a run, a start); 2 wrong use
(bad options, settings, unknown names: refused before anything ran);
3 the server cannot be reached; 130 interrupted.

\b
PARTITA_URL and PARTITA_TOKEN say which server to use, PARTITA_HOME where
`partita dev` keeps its files.
"""

COMMANDS = {
    "init": ("partita.cli.project:init", "Make a new project that works."),
    "check": ("partita.cli.check:check", "Load the project and print every problem."),
    "plan": ("partita.cli.plan:plan", "Print what would run, and why."),
    "simulate": ("partita.cli.simulate:simulate", "Print what schedules and conditions would launch, and when."),
    "dev": ("partita.cli.dev:dev", "Run everything on this machine, with reload on code change."),
    "demo": ("partita.cli.demo:demo", "Watch a year of real flights go through everything."),
    "tui": ("partita.cli.tui:tui", "Watch and steer everything on this terminal."),
    "run": ("partita.cli.runs:run", "Launch, watch, cancel and retry runs."),
    "asset": ("partita.cli.assets:asset", "List, show and materialise assets."),
    "backfill": ("partita.cli.backfills:backfill", "Write many partitions in the order they depend on each other."),
    "job": ("partita.cli.jobs:job", "List jobs."),
    "schedule": ("partita.cli.schedules:schedule", "List and switch schedules."),
    "sensor": ("partita.cli.sensors:sensor", "List, switch and try out sensors."),
    "condition": ("partita.cli.conditions:condition", "List and switch the conditions of assets."),
    "alert": ("partita.cli.alerts:alert", "List what people were told of, and try who is told."),
    "location": ("partita.cli.locations:location", "List and reload code locations."),
    "api": ("partita.cli.serve:api", "Serve GraphQL."),
    "daemon": ("partita.cli.serve:daemon", "Make due ticks, carry backfills on, watch over runs and records."),
    "worker": ("partita.cli.serve:worker", "Load a code location and execute its runs."),
    "schema": ("partita.cli.schema:schema", "Print the GraphQL schema."),
    "db": ("partita.cli.db:db", "Look after the database."),
}
"""Name, where the command is, and its line in the help: known without importing it."""

DEBUG = "--debug"

HIDDEN = {"watch": "partita.cli.serve:watch"}
"""What `partita dev` starts where it cannot fork."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click calls it so)
        """Every command that is shown."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 (click calls it so)
        """The command called `cmd_name`, imported now."""
        target = COMMANDS[cmd_name][0] if cmd_name in COMMANDS else HIDDEN.get(cmd_name)
        if target is None:
            return None
        module, _, name = target.partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the arguments name; an unknown one is refused with the nearest."""
        if args and args[0] not in COMMANDS and args[0] not in HIDDEN and not args[0].startswith("-"):
            from partita.errors import did_you_mean

            ctx.fail(f"There is no command {args[0]!r}.{did_you_mean(args[0], COMMANDS)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 (click calls it so)
        """The list of commands, without importing one."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.command(cls=LazyGroup, epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(__version__, prog_name="partita", message="%(prog)s %(version)s")
@click.option(DEBUG, is_flag=True, expose_value=False, help="Show tracebacks; may stand anywhere.")
def cli() -> None:
    """Partita, a data orchestrator."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and end the process with its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = cli.main(args=[word for word in given if word != DEBUG], prog_name="partita", standalone_mode=False)
    except click.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except Exception as error:
        if DEBUG in given:
            raise
        from partita.cli.failures import report

        sys.exit(report(error))
    sys.exit(code if isinstance(code, int) else 0)
