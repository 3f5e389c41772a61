"""`partita schema`: the contract as text."""

from __future__ import annotations

import click

from partita.api.schema import print_schema


@click.command()
def schema() -> None:
    """Print the GraphQL schema (SDL)."""
    click.echo(print_schema().rstrip())
