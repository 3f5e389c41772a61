"""Places by their typed form, as addresses, and as arguments."""

from __future__ import annotations

import pytest

from partita_client.tui.routes import Route, UnknownRouteError, parse_route, route_of_arguments


@pytest.mark.parametrize(
    ("text", "route"),
    [
        (":runs status:failed job:n*", Route("runs", filter="status:failed job:n*")),
        ("run 8f3a21c4", Route("runs", id="8f3a21c4")),
        ("asset raw/orders", Route("assets", id="raw/orders")),
        ("assets group:raw", Route("assets", filter="group:raw")),
        ("schedules", Route("automation", filter="kind:schedule")),
        ("sensor files", Route("automation", id="files")),
        ("backfill", Route("backfills")),
        ("ws", Route("workspace")),
        ("queue", Route("health")),
        ("overview", Route("overview")),
    ],
)
def test_a_typed_place(text: str, route: Route) -> None:
    assert parse_route(text) == route


@pytest.mark.parametrize(
    "route",
    [Route("runs", id="run_1", tab="events"), Route("runs", filter="status:failed tag:a=b&c"), Route("assets", id="raw/orders ü?"), Route("health")],
)
def test_an_address_leads_back_to_its_place(route: Route) -> None:
    assert parse_route(route.link) == route


@pytest.mark.parametrize("text", ["rusn", "partita://rusn/x"])
def test_an_unknown_place_names_the_nearest(text: str) -> None:
    with pytest.raises(UnknownRouteError, match=r"There is no place 'rusn'\. Did you mean 'run"):
        parse_route(text)


def test_arguments_are_a_typed_place() -> None:
    assert route_of_arguments(["runs", "status:failed"]) == Route("runs", filter="status:failed")
    assert route_of_arguments([]) is None
    assert parse_route(Route("runs", id="x").words) == Route("runs", id="x")
