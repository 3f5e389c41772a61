"""`partita simulate`: what schedules and conditions would launch from one day to another, before they do."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any

import click

from partita.cli.failures import CommandError, Exit
from partita.cli.loading import load_catalog
from partita.cli.options import code_options, json_option, settings_of

if TYPE_CHECKING:
    from partita.execution.simulating import Answer, RawAnswer, SimulationRequest
    from partita.workspace.catalog import Catalog

MOST_RUNS = 20
"""Runs that are printed one by one for people, unless they ask for more."""
EXAMPLE = "Give a day such as 2026-03-28, or a time such as 2026-03-28T06:00 or 2026-03-28T06:00+01:00."


@click.command()
@click.option("--from", "start", required=True, metavar="TIME", help="Where the clock begins: a day, or a time; what is due at it counts.")
@click.option("--to", "end", required=True, metavar="TIME", help="Where it ends; what is due at it is left out.")
@click.option("--timezone", default="UTC", show_default=True, metavar="ZONE", help="Zone of times without one, and of all that is printed.")
@click.option("--location", help="The code location, where there are several.")
@click.option("--repository", help="The repository, where there are several.")
@click.option("--fail", "failing_names", multiple=True, metavar="NAME", help="Runs of this job, schedule or asset fail; may be repeated.")
@click.option("--failing", "share", type=float, default=0.0, metavar="SHARE", help="This share of all other runs fails by chance, such as 0.1.")
@click.option("--seed", type=int, default=0, show_default=True, help="Another seed has other runs fail; the same one the same.")
@click.option("--materialized", metavar="SELECTION", help="Assets of which everything was written before; else nothing was.")
@click.option("--dynamic", multiple=True, metavar="SET=KEY,...", help="The keys of a set of dynamic partitions; may be repeated.")
@click.option("--only", multiple=True, metavar="NAME", help="Tell of this schedule, or asset with a condition, alone; may be repeated.")
@click.option("--calendar", is_flag=True, help="Draw when runs are launched, by day or, up to two weeks, by hour.")
@click.option("--limit", type=click.IntRange(0), metavar="N", help=f"Runs to list, from the start and the end. [default: {MOST_RUNS}; --json: all]")
@click.option("--all", "lists_all", is_flag=True, help="List every run.")
@code_options
@json_option
def simulate(
    *,
    start: str,
    end: str,
    timezone: str,
    location: str | None,
    repository: str | None,
    failing_names: tuple[str, ...],
    share: float,
    seed: int,
    materialized: str | None,
    dynamic: tuple[str, ...],
    only: tuple[str, ...],
    calendar: bool,
    limit: int | None,
    lists_all: bool,
    as_json: bool,
    **chosen: Any,
) -> None:
    """Print what schedules and conditions would launch, all of them switched on, without running or storing anything.

    The code is loaded from the project's files as they are now; no server is needed. Functions of schedules are called; runs are not:
    each succeeds at once, or fails as --fail and --failing say. Sensors are left out, and so are other locations: nothing writes their assets.
    """
    from partita.execution.simulating import RawAnswer, SimulationAnswer, SimulationRequest

    if lists_all and limit is not None:
        raise click.UsageError("Give either --limit or --all.")
    zone = _zone(timezone)
    first, last = _moment(start, "--from", zone), _moment(end, "--to", zone)
    if last <= first:
        raise click.UsageError(f"--to {end} is not after --from {start}.")
    outcomes = {**({"*": _checked_share(share)} if share else {}), **dict.fromkeys(failing_names, 1.0)}
    keys = dict(map(_dynamic_keys, dynamic))
    settings = settings_of(**chosen)
    place = _place(load_catalog(settings), location=location, repository=repository)
    request = SimulationRequest(
        location=next(each for each in settings.locations if each.name == place[0]),
        repository=place[1],
        start=first,
        end=last,
        outcomes=outcomes,
        seed=seed,
        materialized=materialized,
        dynamic=keys,
        timezone=timezone,
        only=only,
        most_runs=None if lists_all or (as_json and limit is None) else MOST_RUNS if limit is None else limit,
        tells_ticks=as_json,
    )
    if as_json:
        click.echo(_as_json(request, _answer(request, RawAnswer)))
    else:
        from partita.cli.simulation_texts import print_simulation

        print_simulation(request, _answer(request, SimulationAnswer), zone=zone, has_calendar=calendar)


def _zone(name: str) -> tzinfo:
    from partita.definitions.zones import find_zone
    from partita.errors import DefinitionError

    try:
        return find_zone(name)
    except DefinitionError as error:
        raise click.UsageError(f"--timezone: {error.message}") from None


def _moment(text: str, option: str, zone: tzinfo) -> datetime:
    try:
        given = datetime.fromisoformat(text)
        return (given if given.tzinfo is not None else given.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise click.UsageError(f"{option} {text}: this is no time. {EXAMPLE}") from None


def _checked_share(share: float) -> float:
    if 0 <= share <= 1:
        return share
    raise click.UsageError(f"--failing {share:g}: give the share of runs that fail, from 0 to 1, such as 0.1 for a tenth.")


def _dynamic_keys(text: str) -> tuple[str, tuple[str, ...]]:
    name, is_given, keys = text.partition("=")
    if not name or not is_given:
        raise click.UsageError(f"--dynamic {text}: give the set and its keys, such as customers=acme,globex.")
    return name, tuple(key for key in keys.split(",") if key)


def _place(catalog: Catalog, *, location: str | None, repository: str | None) -> tuple[str, str]:
    """The one repository that is meant."""
    from partita.errors import NotFoundError

    if location is not None and location not in catalog.locations:
        raise NotFoundError("code location", location, catalog.locations)
    places = [place for place in catalog.repositories if location in {None, place[0]}]
    found = [place for place in places if repository in {None, place[1]}]
    if not found:
        raise NotFoundError("repository", repository or "", [name for _, name in places])
    if len(found) > 1:
        listed = ", ".join("/".join(place) for place in found)
        option = "--location" if len({name for name, _ in found}) == len(found) else "--repository"
        raise CommandError(f"There are {len(found)} repositories: {listed}. Say which one to simulate with {option}.", exit_code=Exit.WRONG_USE)
    return found[0]


def _answer(request: SimulationRequest, kind: type[Answer]) -> Answer:
    """What the location's own process answers; where it takes long, standard error says so."""
    from partita.automation.timing import Timing
    from partita.execution.simulating import simulate_apart
    from partita.execution.surroundings import import_environ

    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(simulate_apart, request, kind, environ=import_environ(os.environ)[0])
        if wait([asked], timeout=Timing().silence).not_done:
            click.echo(f"simulating {request.location.name}/{request.repository} ...", err=True)
        answer = asked.result()
    if answer.problem is not None:
        raise CommandError(answer.problem, exit_code=Exit.WRONG_USE if answer.is_refused else Exit.FAILED)
    return answer


def _as_json(request: SimulationRequest, answer: RawAnswer) -> bytes:
    """Runs and ticks come as they are: reading a million of them only to write them again would take gigabytes."""
    import msgspec

    assert answer.summary is not None
    document = {
        "location": request.location.name,
        "repository": request.repository,
        "start": request.start,
        "end": request.end,
        "timezone": request.timezone,
        "seed": request.seed,
        **msgspec.structs.asdict(answer.summary),
        "runs": answer.runs,
        "ticks": answer.ticks,
        "left_out": answer.left_out,
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2)
