"""`partita plan`: what would run, and why, before anything does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from partita.cli.launching import parse_config
from partita.cli.loading import load_catalog
from partita.cli.options import json_option, settings_of, workspace_options
from partita.cli.output import print_json

if TYPE_CHECKING:
    from partita.definitions.keys import AssetKey
    from partita.definitions.partitions import DynamicKeys
    from partita.planning.preview import Preview, PreviewedRun
    from partita.planning.staleness import Staleness
    from partita.storage.store import Store
    from partita.workspace.catalog import Catalog
    from partita.workspace.settings import Settings

MOST_RUNS = 20
"""Runs that are printed for people; runs of one kind differ in their partitions alone."""


@click.command()
@click.argument("selection", required=False)
@click.option("--job", help="What launching this job would run, instead of a selection.")
@click.option("--partition", "partitions", multiple=True, metavar="KEY", help="The partition to write; may be repeated.")
@click.option("--config", "config_text", metavar="FILE|JSON", help="Run config: a YAML or JSON file, JSON itself, or - for standard input.")
@workspace_options
@json_option
def plan(selection: str | None, *, job: str | None, partitions: tuple[str, ...], config_text: str | None, as_json: bool, **chosen: Any) -> None:
    """Print what materialising a SELECTION, or launching a job, would run and why. Launches nothing.

    The code is loaded from the project's files as they are now, so a change can be judged before it is deployed; no server is
    needed. What has been written, and is missing or stale, is read from the project's database where there is one (that of the
    home, or `storage.url`); without one only the definitions speak, and `status:` means nothing.
    """
    if (selection is None) == (job is None):
        raise click.UsageError("Give either a SELECTION or --job.")
    settings = settings_of(**chosen)
    catalog = load_catalog(settings)
    config = parse_config(config_text)
    with _opened(settings) as store:
        found = _preview(catalog, store, selection=selection, job=job, partitions=partitions, config=config)
    if as_json:
        print_json({**asdict(found), "has_states": store is not None})
    else:
        _print(found, has_states=store is not None)


@contextmanager
def _opened(settings: Settings) -> Iterator[Store | None]:
    """The project's database, which is not created or changed; None where there is none yet."""
    url = settings.storage.url
    if url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).exists():
        yield None
        return
    from partita.storage.store import Store

    with Store(url, migrate=False) as store:
        yield store


def _preview(
    catalog: Catalog, store: Store | None, *, selection: str | None, job: str | None, partitions: Sequence[str], config: Mapping[str, Any] | None
) -> Preview:
    from partita.definitions.selection import Selection
    from partita.planning.dynamic import dynamic_sets
    from partita.planning.preview import PreviewScope, preview_job, preview_selection

    now = datetime.now(UTC) if store is None else store.now()
    dynamic: DynamicKeys = {} if store is None else store.partitions.bind(dynamic_sets(catalog.repositories.values()))
    scope = PreviewScope(
        graph=catalog.graph,
        owners=catalog.owners,
        repositories=catalog.repositories,
        references_for=catalog.references_for,
        location_of=catalog.location_of,
        now=now,
        dynamic=dynamic,
        staleness=None if store is None else _staleness(catalog, store, now=now, dynamic=dynamic),
    )
    if job is not None:
        found = catalog.find_job(job)
        return preview_job((found.location, found.repository), job, scope, partition_keys=partitions, config=config)
    return preview_selection(Selection.parse(selection or ""), scope, partition_keys=partitions, config=config)


def _staleness(catalog: Catalog, store: Store, *, now: datetime, dynamic: DynamicKeys) -> Mapping[AssetKey, Staleness]:
    from partita.planning.staleness import assess

    graph = catalog.graph
    partitioned = {key for key, spec in graph.specs.items() if spec.partitions is not None}
    return assess(graph, store.assets.writes(graph.keys, partitioned=partitioned), now=now, dynamic=dynamic)


def _print(found: Preview, *, has_states: bool) -> None:
    for run in found.runs[:MOST_RUNS]:
        _print_run(run)
    if len(found.runs) > MOST_RUNS:
        click.echo(f"... and {len(found.runs) - MOST_RUNS} more runs.")
    if found.left_out:
        click.secho("Left out", bold=True)
        for each in found.left_out:
            click.echo(f"  {each.key}: {each.why}")
    steps = sum(len(run.steps) for run in found.runs)
    click.echo(f"{len(found.runs)} run{'s' * (len(found.runs) != 1)}, {steps} step{'s' * (steps != 1)}." + ("" if has_states else " " + NO_STATES))


NO_STATES = "Nothing has been written by this project yet, as far as its home tells."


def _print_run(run: PreviewedRun) -> None:
    what = f"job {run.job}" if run.job is not None else "run"
    cut = f" [{', '.join(run.partitions[:3])}{', ...' if len(run.partitions) > 3 else ''}]" if run.partitions else ""
    click.echo(f"{click.style(what + cut, bold=True)} in {run.location}/{run.repository}")
    for step in run.steps:
        after = f" (after {', '.join(step.depends_on)})" if step.depends_on else ""
        click.echo(f"  {step.key}{after}: {', '.join(step.why)}")
