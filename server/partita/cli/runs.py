"""`partita run`: launch, list, show, follow, cancel and retry runs of a server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from partita.cli.failures import Exit
from partita.cli.launching import finish, launch_options, parse_config, parse_tags
from partita.cli.options import PRIORITY, json_option
from partita.cli.output import age, brief, console, event_line, print_error, print_facts, print_json, print_table, size, status_text, subject
from partita.cli.remote import Server, server_options

if TYPE_CHECKING:
    from partita_client import Run

STATUSES = ("queued", "starting", "running", "canceling", "succeeded", "failed", "canceled")
FOLLOW_EVERY = 0.5
"""Seconds between two looks at what a step wrote; it is a file, which nobody announces."""
MOST_SORTED = 1_000
"""Queued runs that are put into their order; of a longer queue the newest."""
ID_HELP = "RUN is an id or its last eight characters."


@click.group()
def run() -> None:
    """Launch, watch, cancel and retry runs."""


@run.command()
@click.argument("job")
@click.option("--partition", help="The partition it writes.")
@click.option("--step", "steps", multiple=True, help="Execute only this step; may be repeated.")
@click.option("--priority", type=PRIORITY, default=0, show_default=True, help="Higher is sooner.")
@click.option("--skip-unchanged", is_flag=True, help="Do not execute what would write what is there already: same code version, same inputs.")
@click.option("--repository", help="Where the job is, when several have one of that name.")
@click.option("--location", help="The code location it is in, likewise.")
@click.option("--idempotency-key", help="The same key within a day launches once.")
@launch_options
@server_options
def launch(job: str, *, server: Server, config_text: str | None, tag_texts: tuple[str, ...], is_waiting: bool, as_json: bool, **given: Any) -> int:
    """Launch JOB and follow it; exit code 1 when it does not succeed."""
    given["steps"] = list(given["steps"]) or None
    config, tags = parse_config(config_text), parse_tags(tag_texts)
    with server.connect() as client:
        launched = client.launch(job, config=config, tags=tags, **given)
        return finish([launched], is_waiting=is_waiting, as_json=as_json)


@run.command("list")
@click.option("--status", "statuses", multiple=True, type=click.Choice(STATUSES), help="Only runs with this status; may be repeated.")
@click.option("--job", help="Only runs of this job.")
@click.option("--tag", "tag_texts", multiple=True, metavar="KEY=VALUE", help="Only runs with this tag; may be repeated.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many, newest first.")
@json_option
@server_options
def list_runs(*, server: Server, statuses: tuple[str, ...], job: str | None, tag_texts: tuple[str, ...], limit: int, as_json: bool) -> None:
    """List runs, newest first."""
    with server.connect() as client:
        found = list(client.runs(status=list(statuses) or None, job=job, tags=parse_tags(tag_texts), limit=limit))
    if as_json:
        print_json([each.record for each in found])
        return
    rows = [[each.short_id, status_text(each.status), subject(each), age(each.created_at), brief(each.duration)] for each in found]
    print_table(["run", "status", "what", "created", "took"], rows, empty="There are no runs.")


@run.command()
@click.option("--limit", default=20, show_default=True, type=click.IntRange(min=1), help="How many queued runs at most.")
@json_option
@server_options
def queue(*, server: Server, limit: int, as_json: bool) -> None:
    """Show the queue: its limits and pools, and why each queued run waits, those that start first on top."""
    with server.connect() as client:
        state = client.server().queue
        queued = sorted(client.runs(status="queued", limit=MOST_SORTED), key=lambda each: (-each.record.priority, each.created_at, each.id))
    waiting = queued[:limit]
    if as_json:
        print_json({"queue": state, "runs": [each.record for each in waiting]})
        return
    most = state.max_concurrent if state.max_concurrent is not None else "any number"
    console().print(f"{state.running} of {most} active, {state.queued} queued.")
    limits = [[f"pool {each.name}", each.used, "-" if each.limit is None else each.limit, each.waiting] for each in state.pools]
    limits += [
        [f"tag {each.key}" + (f"={each.value}" if each.value is not None else ""), each.used, each.limit, each.waiting] for each in state.tag_limits
    ]
    if limits:
        print_table(["limit", "used", "of", "waiting"], limits, empty="")
    rows = [[each.short_id, subject(each), each.record.priority, age(each.created_at), _reason(each)] for each in waiting]
    print_table(["run", "what", "priority", "created", "waits because"], rows, empty="No run waits.")
    if state.queued > len(waiting):
        console().print(f"... and {state.queued - len(waiting)} more.")


def _reason(found: Run) -> str:
    reason = found.record.wait_reason
    return reason.message if reason is not None else "-"


@run.command(epilog=ID_HELP)
@click.argument("run_id", metavar="RUN")
@json_option
@server_options
def show(run_id: str, *, server: Server, as_json: bool) -> None:
    """Show one run: how it stands, its steps, why it failed."""
    with server.connect() as client:
        found = client.run(run_id)
        steps = found.steps
    if as_json:
        print_json({**found.record.model_dump(), "steps": steps})
        return
    _print_run(found)
    rows = [[step.key, status_text(str(step.status)), str(step.attempts), brief(step.duration), size(step.peak_memory)] for step in steps]
    print_table(["step", "status", "attempts", "took", "memory"], rows, empty="It has no steps yet.")
    for step in steps:
        if step.error is not None:
            print_error(f"Step {step.key}", step.error)


@run.command(epilog=ID_HELP)
@click.argument("run_id", metavar="RUN")
@click.option("--step", help="What this step wrote, instead of the run's events.")
@click.option("--stream", type=click.Choice(["stdout", "stderr"]), default="stdout", show_default=True, help="With --step: which of its streams.")
@click.option("--follow", is_flag=True, help="Go on until the run has ended.")
@json_option
@server_options
def logs(run_id: str, *, server: Server, step: str | None, stream: str, follow: bool, as_json: bool) -> None:
    """Print the events of a run, or with --step what a step wrote."""
    if as_json and follow:
        raise click.UsageError("--json prints one document, so it cannot --follow.")
    with server.connect() as client:
        found = client.run(run_id)
        if step is not None:
            _print_stream(found, step, stream=stream, follow=follow, as_json=as_json)
        elif as_json:
            print_json(list(found.events(follow=False)))
        else:
            for event in found.events(follow=follow):
                console().print(event_line(event), soft_wrap=True)


@run.command(epilog=ID_HELP)
@click.argument("run_ids", metavar="RUN...", nargs=-1, required=True)
@click.option("--force", is_flag=True, help="Give its processes no time to end by themselves.")
@server_options
def cancel(run_ids: tuple[str, ...], *, server: Server, force: bool) -> int:
    """Cancel runs. Those that have ended already are told; the others are canceled all the same."""
    from partita_client import RequestRefusedError

    code = Exit.DONE
    with server.connect() as client:
        for run_id in run_ids:
            try:
                canceled = client.run(run_id).cancel(force=force)
            except RequestRefusedError as error:
                click.echo(f"{run_id}: {error.message}", err=True)
                code = Exit.WRONG_USE
            else:
                click.echo(f"{canceled.short_id}: {canceled.status}")
    return code


@run.command(epilog=ID_HELP)
@click.argument("run_id", metavar="RUN")
@click.argument("priority", type=click.IntRange(-(2**31), 2**31 - 1))
@json_option
@server_options
def priority(run_id: str, priority: int, *, server: Server, as_json: bool) -> None:
    """Let a queued run be claimed before others of lower priority. Give `-- -1` for a negative one."""
    with server.connect() as client:
        found = client.run(run_id).set_priority(priority)
    if as_json:
        print_json(found.record)
    else:
        click.echo(f"{found.short_id}: priority {found.record.priority}")


@run.command(epilog=ID_HELP)
@click.argument("run_id", metavar="RUN")
@click.option("--all", "is_all", is_flag=True, help="Execute every step, also those that succeeded.")
@click.option("--step", "steps", multiple=True, help="Execute only this step, also where it succeeded; may be repeated.")
@click.option("--asset", "assets", multiple=True, help="Execute only what computes this asset or checks it, likewise; may be repeated.")
@click.option("--wait/--no-wait", "is_waiting", default=True, help="Follow the new run until it ends (default), or print its id at once.")
@json_option
@server_options
def retry(run_id: str, *, server: Server, is_all: bool, is_waiting: bool, as_json: bool, **chosen: tuple[str, ...]) -> int:
    """Run again, as a new run: the steps that did not succeed, with --all every step, with --step or --asset those."""
    steps, assets = list(chosen["steps"]), list(chosen["assets"])
    if sum((is_all, bool(steps), bool(assets))) > 1:
        raise click.UsageError("Give one of --all, --step and --asset.")
    with server.connect() as client:
        again = client.run(run_id).retry(from_failure=not is_all, steps=steps or None, assets=assets or None)
        return finish([again], is_waiting=is_waiting, as_json=as_json)


def _print_stream(found: Run, step: str, *, stream: str, follow: bool, as_json: bool) -> None:
    if as_json:
        print_json({"run_id": found.id, "step": step, "stream": stream, "text": found.log(step, stream=stream)})
        return
    for text in found.follow_log(step, stream=stream) if follow else (found.log(step, stream=stream),):
        click.echo(text, nl=False)


def _print_run(found: Run) -> None:
    record = found.record
    facts = {
        "run": found.id,
        "status": found.status,
        "what": subject(found),
        "location": record.code_location.name if record.code_location else "-",
        "created": f"{found.created_at.astimezone():%Y-%m-%d %H:%M:%S}",
        "took": brief(found.duration),
        "attempt": str(record.attempt),
        "tags": ", ".join(f"{key}={value}" for key, value in found.tags.items()) or "-",
    }
    print_facts(facts)
    if found.error is not None:
        print_error("Run", found.error)
