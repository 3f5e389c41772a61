"""`partita backfill`: write many partitions in the order they depend on each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from partita.cli.assets import SELECTION_HELP, parse_span
from partita.cli.failures import Exit
from partita.cli.launching import launch_options, parse_config, parse_tags
from partita.cli.options import PRIORITY, json_option
from partita.cli.output import age, brief, console, print_error, print_facts, print_json, print_table, status_text
from partita.cli.remote import Server, server_options
from partita.records.ids import short_id

if TYPE_CHECKING:
    from partita_client import Backfill
    from partita_client.models import BackfillPreview

BACKFILL_STATUSES = click.Choice(["requested", "running", "paused", "canceling", "succeeded", "failed", "canceled"])

STATUSES = ("waiting", "running", "succeeded", "failed", "canceled", "skipped")
UNWRITTEN = click.Choice(["failed", "canceled", "skipped"])


@click.group()
def backfill() -> None:
    """Start, watch, pause, cancel and retry backfills."""


@backfill.command(epilog=SELECTION_HELP)
@click.argument("selection", required=False)
@click.option("--job", help="A partitioned job, in place of a SELECTION.")
@click.option("--range", "span", metavar="FIRST..LAST", help="The partitions from one to another.")
@click.option("--partition", "keys", multiple=True, help="One partition; may be given several times.")
@click.option("--all", "is_all", is_flag=True, help="Every partition.")
@click.option("--missing", is_flag=True, help="Partitions that were never written.")
@click.option("--failed", is_flag=True, help="Partitions whose last run failed.")
@click.option("--stale", is_flag=True, help="Partitions whose code or inputs have changed since they were written.")
@click.option("--runs-of", type=click.IntRange(min=1), metavar="N", help="Each run writes up to N neighbouring partitions.")
@click.option("--single-run", is_flag=True, help="One run writes all of them.")
@click.option("--order", type=click.Choice(["asc", "desc"]), default="asc", show_default=True, help="The first partitions first, or the last.")
@click.option("--preview", "is_preview", is_flag=True, help="Only count what would be written, and in how many runs.")
@click.option("--title", help="What it is called.")
@click.option("--priority", type=PRIORITY, default=0, show_default=True, help="Runs of higher priority start first.")
@click.option("--idempotency-key", help="The same key within a day starts once.")
@launch_options
@server_options
def start(
    selection: str | None, *, server: Server, config_text: str | None, tag_texts: tuple[str, ...], is_waiting: bool, as_json: bool, **given: Any
) -> int:
    """Write partitions of the assets of a SELECTION, or of a job; exit code 1 when not all succeed."""
    config, tags = parse_config(config_text), parse_tags(tag_texts)
    if (selection is None) == (given["job"] is None):
        raise click.UsageError("Give a SELECTION of assets, or --job.")
    if given["runs_of"] is not None and given["single_run"]:
        raise click.UsageError("Give one of --runs-of and --single-run.")
    partitions, statuses = _chosen(**{name: given[name] for name in ("span", "keys", "is_all", "missing", "failed", "stale")})
    wanted: dict[str, Any] = {
        "job": given["job"],
        "partitions": partitions,
        "status": statuses or None,
        "config": config,
        "order": given["order"],
        "runs_of": given["runs_of"],
        "is_single_run": given["single_run"],
    }
    with server.connect() as client:
        if given["is_preview"]:
            _print_preview(client.preview_backfill(selection, **wanted), as_json=as_json)
            return Exit.DONE
        named = {name: given[name] for name in ("priority", "title", "idempotency_key")}
        return _finish(client.backfill(selection, tags=tags, **wanted, **named), is_waiting=is_waiting, as_json=as_json)


@backfill.command("list")
@click.option("--status", "statuses", multiple=True, type=BACKFILL_STATUSES, help="Only those that stand like this.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(min=1), help="How many at most.")
@json_option
@server_options
def list_backfills(*, server: Server, statuses: tuple[str, ...], limit: int, as_json: bool) -> None:
    """List backfills, newest first."""
    with server.connect() as client:
        found = list(client.backfills(status=list(statuses) or None, limit=limit))
    if as_json:
        print_json([each.record for each in found])
        return
    rows = [[each.id, status_text(each.status), _subject(each), _progress(each), age(each.created_at), brief(each.record.duration)] for each in found]
    print_table(["backfill", "status", "what", "partitions", "created", "took"], rows, empty="There are no backfills.")


@backfill.command()
@click.argument("backfill_id", metavar="BACKFILL")
@json_option
@server_options
def show(backfill_id: str, *, server: Server, as_json: bool) -> None:
    """Show one backfill: how it stands, and what failed."""
    with server.connect() as client:
        found = client.find_backfill(backfill_id)
        unwell = list(found.partitions(status=["failed", "skipped", "canceled"])) if not as_json else []
        partitions = list(found.partitions()) if as_json else []
        by_asset = found.counts_by_asset()
    if as_json:
        print_json({**found.record.model_dump(), "counts_by_asset": by_asset, "partitions": partitions})
        return
    facts = {
        "backfill": found.id,
        "status": found.status,
        "what": _subject(found),
        "partitions": _progress(found),
        "created": f"{found.created_at.astimezone():%Y-%m-%d %H:%M:%S}",
        "took": brief(found.record.duration),
    }
    print_facts(facts)
    if len(by_asset) > 1:
        print_table(["asset", *STATUSES], [[key, *(str(counts[word]) for word in STATUSES)] for key, counts in by_asset.items()], empty="")
    rows = [[each.asset_key or "-", each.partition_key or "-", status_text(str(each.status)), _run_of(each)] for each in unwell]
    if rows:
        print_table(["asset", "partition", "status", "run"], rows, empty="")
    if found.error is not None:
        print_error("Backfill", found.error)


@backfill.command()
@click.argument("backfill_id", metavar="BACKFILL")
@server_options
def cancel(backfill_id: str, *, server: Server) -> None:
    """Launch nothing more of a backfill and end its runs."""
    with server.connect() as client:
        click.echo(f"{backfill_id}: {client.find_backfill(backfill_id).cancel().status}")


@backfill.command()
@click.argument("backfill_id", metavar="BACKFILL")
@server_options
def pause(backfill_id: str, *, server: Server) -> None:
    """Launch nothing more of a backfill until it is resumed: runs that have begun go on, those in the queue wait."""
    with server.connect() as client:
        click.echo(f"{backfill_id}: {client.find_backfill(backfill_id).pause().status}")


@backfill.command()
@click.argument("backfill_id", metavar="BACKFILL")
@server_options
def resume(backfill_id: str, *, server: Server) -> None:
    """Let a paused backfill go on."""
    with server.connect() as client:
        click.echo(f"{backfill_id}: {client.find_backfill(backfill_id).resume().status}")


@backfill.command()
@click.argument("backfill_id", metavar="BACKFILL")
@click.argument("priority", type=PRIORITY)
@server_options
def priority(backfill_id: str, priority: int, *, server: Server) -> None:
    """Let the runs of a backfill start before others of lower priority, queued ones too. Give `-- -1` for a negative one."""
    with server.connect() as client:
        click.echo(f"{backfill_id}: priority {client.find_backfill(backfill_id).set_priority(priority).record.priority}")


@backfill.command()
@click.argument("backfill_id", metavar="BACKFILL")
@click.option("--only", "statuses", multiple=True, type=UNWRITTEN, help="Only partitions that stand like this; may be given several times.")
@click.option("--wait/--no-wait", "is_waiting", default=True, help="Follow it until it ends (default), or return at once.")
@json_option
@server_options
def retry(backfill_id: str, *, server: Server, statuses: tuple[str, ...], is_waiting: bool, as_json: bool) -> int:
    """Write again what failed, was cancelled or was skipped; exit code 1 when not all succeed."""
    with server.connect() as client:
        return _finish(client.find_backfill(backfill_id).retry(status=list(statuses) or None), is_waiting=is_waiting, as_json=as_json)


def _chosen(*, span: str | None, keys: tuple[str, ...], is_all: bool, missing: bool, failed: bool, stale: bool) -> tuple[Any, list[str] | str]:
    """The partitions and statuses that the options ask for."""
    statuses = [word for word, is_wanted in (("missing", missing), ("failed", failed)) if is_wanted]
    if sum(map(bool, (span, keys, is_all, statuses, stale))) != 1:
        raise click.UsageError("Say which partitions: one of --range, --partition, --all, --stale, --missing and --failed.")
    return (parse_span(span) if span else list(keys) or None), "stale" if stale else statuses


def _print_preview(found: BackfillPreview, *, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    rows = [[each.asset.key, str(each.partition_count), each.first_partition_key or "-", each.last_partition_key or "-"] for each in found.assets]
    if rows:
        print_table(["asset", "partitions", "begins with", "ends with"], rows, empty="")
    counts = [f"{count:,} {word}{'s' * (count != 1)}" for count, word in ((found.partition_count, "partition"), (found.run_count, "run"))]
    click.echo(f"It would write {counts[0]} in {counts[1]}. Nothing was started.")


def _finish(started: Backfill, *, is_waiting: bool, as_json: bool) -> int:
    if is_waiting:
        try:
            _follow(started, is_quiet=as_json)
        except KeyboardInterrupt:
            click.echo(f"Not followed any longer; it goes on. End it with: partita backfill cancel {started.id}", err=True)
            raise
    if as_json:
        print_json(started.record)
    elif is_waiting:
        console().print(f"Backfill {started.id} {started.status}: {_progress(started)} partitions.", soft_wrap=True)
        if started.error is not None:
            console().print(f"{started.error.message} See which with: partita backfill show {started.id}", soft_wrap=True)
    else:
        click.echo(started.id)
    return Exit.FAILED if is_waiting and started.status != "succeeded" else Exit.DONE


def _follow(started: Backfill, *, is_quiet: bool) -> None:
    """A bar until it has ended; nothing when nobody watches."""
    from rich.progress import Progress

    from partita.cli.follow import COLUMNS

    with Progress(*COLUMNS, console=console(), transient=True, disable=is_quiet or not console().is_terminal) as progress:
        task = progress.add_task("Backfill", total=started.record.partition_count, unit="partitions")
        while not started.is_finished:
            for now in started.changes():
                progress.update(task, completed=_done(now), description="Paused" if now.status == "paused" else "Backfill")
            started.refresh()


def _run_of(partition: Any) -> str:
    return short_id(partition.run.id) if partition.run is not None else "-"


def _done(found: Backfill) -> int:
    counts = found.counts
    return found.record.partition_count - counts["waiting"] - counts["running"]


def _progress(found: Backfill) -> str:
    counts = found.counts
    unwell = [f"{counts[word]} {word}" for word in ("failed", "skipped", "canceled") if counts[word]]
    return f"{counts['succeeded']}/{found.record.partition_count}" + (f" ({', '.join(unwell)})" if unwell else "")


def _subject(found: Backfill) -> str:
    record = found.record
    what = record.job_name or record.selection or "-"
    return f"{record.title}: {what}" if record.title else what
