"""`partita asset`: list, show, materialise and report assets of a server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from partita.cli.launching import finish, launch_options, parse_config, parse_tags
from partita.cli.options import json_option
from partita.cli.output import age, print_facts, print_json, print_table
from partita.cli.remote import Server, server_options
from partita.records.ids import short_id

if TYPE_CHECKING:
    from rich.text import Text

    from partita_client import Asset, Client
    from partita_client.models import AssetFreshness, AssetStaleness, ConditionEvaluation

STATE_STYLES = {"missing": "dim", "fresh": "green", "stale": "yellow"}
SELECTION_HELP = """
\b
SELECTION is a key or an expression over keys, groups, kinds, tags and owners:
  delays            one asset              delays+          and all that follows from it
  +delays           all that it needs      group:marts      all of a group
  "raw/* or x"      either                 "*"              every asset that can be made
  status:stale      code or inputs have changed since       status:missing   never written, or some partitions
"""


@click.group()
def asset() -> None:
    """List, show, materialise and report assets."""


@asset.command("list", epilog=SELECTION_HELP)
@click.argument("selection", required=False)
@json_option
@server_options
def list_assets(selection: str | None, *, server: Server, as_json: bool) -> None:
    """List assets, or those of a SELECTION."""
    with server.connect() as client:
        found = list(client.assets(selection))
        states = client.staleness(selection)
    if as_json:
        print_json([{**each.record.model_dump(), "staleness": states.get(each.key)} for each in found])
        return
    nothing = "There are no assets." if selection is None else f"The selection {selection!r} means no asset."
    rows = [[each.key, each.record.group_name, _place(each), _partitions(each), _state(states.get(each.key)), _seen(each)] for each in found]
    print_table(["asset", "group", "repository", "partitions", "state", "materialised"], rows, empty=nothing)


@asset.command("show")
@click.argument("key")
@json_option
@server_options
def show_asset(key: str, *, server: Server, as_json: bool) -> None:
    """Show the asset KEY: where it stands, its newest write or look at it, why it is stale, and what its condition has last come to."""
    with server.connect() as client:
        found = client.asset(key)
        state = found.staleness
        counts = found.partitions.counts
        freshness = found.freshness
        health, reasons = found.health
        evaluation = next(found.condition_evaluations(limit=1), None)
    if as_json:
        more = {"freshness": freshness, "partition_counts": counts, "last_evaluation": evaluation}
        print_json({**found.record.model_dump(), "staleness": state, "health": health, "health_reasons": reasons, **more})
        return
    facts = {
        "asset": found.key,
        "description": found.description or "-",
        "group": found.group,
        "repository": _place(found),
        "depends on": ", ".join(found.upstream) or "-",
        "needed by": ", ".join(found.downstream) or "-",
        "partitions": _partitions(found),
        "materialised": _latest(found),
        **({"observed": _observed(found)} if found.record.is_observable else {}),
        "code version": found.record.code_version or "-",
        **({"condition": _condition(found), "last came to": _came_to(evaluation)} if found.condition else {}),
        **({"freshness": _fresh(freshness)} if freshness is not None else {}),
        "health": "; ".join([health, *reasons]),
        "state": _state(state).plain,
    }
    print_facts({**facts, **({"partitions are": ", ".join(f"{count} {status}" for status, count in counts.items() if count)} if counts else {})})
    for cause in state.causes if state is not None else ():
        click.echo(f"- it {cause.reason}{f': {cause.upstream.key}' if cause.upstream is not None else ''}")


@asset.command(epilog=SELECTION_HELP)
@click.argument("selection")
@click.option("--partition", help="The partition to write.")
@click.option("--range", "span", metavar="FIRST..LAST", help="The partitions to write, one run each.")
@click.option("--all", "is_all", is_flag=True, help="Write every partition, one run each.")
@click.option("--skip-unchanged", is_flag=True, help="Do not execute what would write what is there already: same code version, same inputs.")
@click.option("--idempotency-key", help="The same key within a day launches once.")
@launch_options
@server_options
def materialize(
    selection: str, *, server: Server, config_text: str | None, tag_texts: tuple[str, ...], is_waiting: bool, as_json: bool, **chosen: Any
) -> int:
    """Materialise the assets of a SELECTION and follow the runs; exit code 1 when one does not succeed."""
    config, tags, key = parse_config(config_text), parse_tags(tag_texts), chosen.pop("idempotency_key")
    partition, span, is_all = chosen["partition"], chosen["span"], chosen["is_all"]
    if sum(map(bool, (partition, span, is_all))) > 1:
        raise click.UsageError("Give one of --partition, --range and --all.")
    ends = parse_span(span) if span else None
    with server.connect() as client:
        ends = _every_partition(client, selection) if is_all else ends
        skips = chosen["skip_unchanged"]
        runs = client.materialize_all(selection, partition=ends or partition, config=config, tags=tags, skip_unchanged=skips, idempotency_key=key)
        return finish(runs, is_waiting=is_waiting, as_json=as_json)


@asset.command("report")
@click.argument("key")
@click.option("--partition", help="The partition that was written.")
@click.option("--data-version", metavar="TEXT", help="Version of the data: what depends on it becomes stale when it changes.")
@click.option("--metadata", "labelled", multiple=True, metavar="LABEL=VALUE", help="What is to be known of the data; may be given several times.")
@click.option("--idempotency-key", help="The same key within a day records it once.")
@json_option
@server_options
def report(key: str, *, server: Server, labelled: tuple[str, ...], as_json: bool, **told: Any) -> None:
    """Record that the asset KEY was written by something that is no run."""
    metadata = parse_metadata(labelled)
    with server.connect() as client:
        write = client.report_materialization(key, metadata=metadata, **told)
    if as_json:
        print_json(write.record)
    else:
        click.echo(f"{key}{f' [{write.partition}]' if write.partition else ''} is recorded as written: {write.id}")


def parse_metadata(labelled: Sequence[str]) -> dict[str, Any]:
    """Labels and values; a value that reads as a number, true, false or JSON is one."""
    import yaml

    found = {}
    for text in labelled:
        label, separator, value = text.partition("=")
        if not separator or not label:
            raise click.BadParameter(f"{text!r} is not LABEL=VALUE.", param_hint="--metadata")
        try:
            found[label] = yaml.safe_load(value)
        except yaml.YAMLError:
            found[label] = value
        if not isinstance(found[label], (str, int, float, bool, list, dict)):
            found[label] = value
    return found


def parse_span(span: str) -> tuple[str, str]:
    """First and last key of `FIRST..LAST`."""
    first, separator, last = span.partition("..")
    if not (first and separator and last):
        raise click.BadParameter(f"{span!r} is not FIRST..LAST.", param_hint="--range")
    return first, last


@asset.command("partitions")
@click.argument("set_name", metavar="SET")
@click.option("--add", "keys", multiple=True, metavar="KEY", help="Add this key; may be given several times.")
@json_option
@server_options
def dynamic_partitions(set_name: str, *, server: Server, keys: tuple[str, ...], as_json: bool) -> None:
    """List the keys of a SET of dynamic partitions, or add some."""
    with server.connect() as client:
        if keys:
            client.add_partitions(set_name, keys)
        found = client.dynamic_partitions(set_name)
    if as_json:
        print_json({"set": set_name, "keys": found})
    else:
        click.echo("\n".join(found) if found else f"{set_name} has no keys yet.")


def _every_partition(client: Client, selection: str) -> tuple[str, str]:
    """First and last partition of what is selected; the server refuses the range where partitions differ."""
    partitioned = next((each for each in client.assets(selection) if each.is_partitioned), None)
    if partitioned is None:
        raise click.UsageError(f"--all: no asset of {selection!r} has partitions.")
    keys = partitioned.partitions.keys()
    if not keys:
        raise click.UsageError(f"--all: {partitioned.key} has no partition yet.")
    return keys[0], keys[-1]


def _came_to(evaluation: ConditionEvaluation | None) -> str:
    """`4 min ago: 3 partitions, run 0a1b2c3d`, or why nothing could be launched."""
    if evaluation is None:
        return "it has never asked for anything"
    runs = ", ".join(f"run {short_id(run.id)} {run.status.value.lower()}" for run in evaluation.runs)
    told = evaluation.error.message if evaluation.error is not None else runs
    count = evaluation.partition_count
    asked = f"{count} partition{'s' if count != 1 else ''}, " if evaluation.partition_keys else ""
    return f"{age(evaluation.at)}: {asked}{told or 'its runs were deleted'}"


def _condition(found: Asset) -> str:
    return f"{found.condition}{' (off)' if found.condition_status == 'off' else ''}"


def _fresh(freshness: AssetFreshness) -> str:
    """`fresh (written within 3:00:00)`, or for how long it is not."""
    if freshness.is_fresh:
        how = "fresh"
    else:
        how = f"too old, since {age(freshness.changed_at)}" if freshness.changed_at is not None else "never written"
    return f"{how} ({freshness.policy})"


def _place(found: Asset) -> str:
    place = found.record.repository
    return f"{place.code_location.name}/{place.name}" if place is not None else "-"


def _partitions(found: Asset) -> str:
    return found.record.partitions.description if found.record.partitions is not None else "-"


def _state(state: AssetStaleness | None) -> Text:
    """`stale: new data`, `3 stale, 2 missing` of partitions, or `-` for what is made elsewhere."""
    from rich.text import Text

    if state is None:
        return Text("-")
    status = str(state.status)
    parts = [f"{count} {word}" for count, word in ((state.stale_partition_count, "stale"), (state.missing_partition_count, "missing")) if count]
    text = f"{status} ({', '.join(parts)})" if parts else status
    return Text(text, style=STATE_STYLES[status])


def _observed(found: Asset) -> str:
    latest = found.latest_observation
    if latest is None:
        return "never"
    return age(latest.at) + (f", version {latest.data_version}" if latest.data_version is not None else "")


def _latest(found: Asset) -> str:
    latest = found.record.latest_materialization
    return age(latest.at) if latest is not None else "never"


def _seen(found: Asset) -> str:
    """When it was written, or looked at where it is written elsewhere."""
    if found.latest is None and found.latest_observation is not None:
        return f"observed {age(found.latest_observation.at)}"
    return _latest(found)
