"""For those who run the server: is it alive, is it ready, and a few numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from partita.api.server import Server
from partita.errors import OperationError
from partita.records.alerts import AlertFilter, AlertStatus
from partita.records.queue import no_pools
from partita.version import __version__

Endpoint = Callable[[Request], Awaitable[Response]]
Sample = tuple[str, dict[str, str], float]

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


async def healthz(request: Request) -> Response:
    """The process answers."""
    del request
    return _json(200, {"status": "ok", "version": __version__})


def readyz_of(server: Server) -> Endpoint:
    """The process answers and so does its database, with the schema it needs."""

    async def readyz(request: Request) -> Response:
        del request
        try:
            await server.read(server.store.check_schema)
        except OperationError as error:
            return _json(503, {"status": "not ready", "reason": error.message, "code": error.code})
        return _json(200, {"status": "ready", "version": __version__})

    return readyz


def metrics_of(server: Server) -> Endpoint:
    """Numbers in the text format of Prometheus."""

    async def metrics(request: Request) -> Response:
        del request
        try:
            samples = await server.read(lambda: list(_samples(server)))
        except OperationError as error:
            return _json(503, {"status": "not ready", "reason": error.message, "code": error.code})
        return Response(render_metrics(samples), media_type=METRICS_TYPE)

    return metrics


_HELP = {
    "partita_info": ("gauge", "The version, as a label."),
    "partita_start_time_seconds": ("gauge", "When this process started, as a Unix time."),
    "partita_runs": ("gauge", "Runs that have not ended, by state."),
    "partita_runs_limit": ("gauge", "How many runs may be active at once."),
    "partita_code_locations": ("gauge", "Code locations by status."),
    "partita_daemon_healthy": ("gauge", "Whether each role of the daemon has done its work lately."),
    "partita_daemon_lateness_seconds": ("gauge", "By how much each role began its work too late, at worst, between its last two heartbeats."),
    "partita_alerts_waiting": ("gauge", "Alerts that nobody has been told of yet."),
    "partita_subscriptions": ("gauge", "Subscriptions that this process serves."),
}


def _samples(server: Server) -> Iterable[Sample]:
    queue = server.store.queue.state(server.settings.limits, no_pools)
    yield "partita_info", {"version": __version__}, 1
    yield "partita_start_time_seconds", {}, server.started_at.timestamp()
    yield "partita_runs", {"state": "queued"}, queue.queued
    yield "partita_runs", {"state": "active"}, queue.running
    if queue.max_concurrent is not None:
        yield "partita_runs_limit", {}, queue.max_concurrent
    for status, count in sorted(Counter(record.status for record in server.store.locations.list()).items()):
        yield "partita_code_locations", {"status": status.value}, count
    daemons = server.store.leases.daemons()
    for daemon in daemons:
        yield "partita_daemon_healthy", {"role": daemon.role}, int(daemon.is_healthy)
    for daemon in daemons:
        if daemon.lateness is not None:
            yield "partita_daemon_lateness_seconds", {"role": daemon.role}, daemon.lateness.total_seconds()
    yield "partita_alerts_waiting", {}, server.store.alerts.count(AlertFilter(statuses=(AlertStatus.WAITING,)))
    yield "partita_subscriptions", {}, server.feed.followers


def render_metrics(samples: Iterable[Sample]) -> str:
    """Samples in the text format, each metric explained once."""
    lines: list[str] = []
    told: set[str] = set()
    for name, labels, value in samples:
        if name not in told:
            told.add(name)
            kind, text = _HELP[name]
            lines += [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]
        shown = ",".join(f'{key}="{_escaped(each)}"' for key, each in labels.items())
        lines.append(f"{name}{{{shown}}} {value:.17g}" if shown else f"{name} {value:.17g}")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _json(status: int, value: Any) -> Response:
    return Response(orjson.dumps(value), status_code=status, media_type="application/json")
