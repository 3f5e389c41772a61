"""`partita job`: list the jobs of a server."""

from __future__ import annotations

import click

from partita.cli.options import json_option
from partita.cli.output import print_json, print_table
from partita.cli.remote import Server, server_options


@click.group()
def job() -> None:
    """List jobs. Launch one with `partita run launch NAME`."""


@job.command("list")
@json_option
@server_options
def list_jobs(*, server: Server, as_json: bool) -> None:
    """List jobs and what they write."""
    with server.connect() as client:
        found = list(client.jobs())
    if as_json:
        print_json(found)
        return
    rows = [
        [
            each.name,
            f"{each.repository.code_location.name}/{each.repository.name}",
            each.selection or "ops",
            ", ".join(f"{tag.key}={tag.value}" for tag in each.tags) or "-",
            (each.description or "-").splitlines()[0],
        ]
        for each in found
    ]
    print_table(["job", "repository", "writes", "tags", "description"], rows, empty="There are no jobs.")
