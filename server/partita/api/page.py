"""The query page: GraphiQL from our own files, so that it works without a network and loads nothing from elsewhere."""

from __future__ import annotations

import gzip
from functools import cache
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response

from partita.api.errors import Code
from partita.api.responses import error_response

_FILES = files("partita.api") / "static"

TYPES = {
    "graphiql.min.css": "text/css; charset=utf-8",
    "graphiql.min.js": "text/javascript; charset=utf-8",
    "query.css": "text/css; charset=utf-8",
    "query.js": "text/javascript; charset=utf-8",
    "react-dom.production.min.js": "text/javascript; charset=utf-8",
    "react.production.min.js": "text/javascript; charset=utf-8",
}
"""Every file that is served, and its media type."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src data:; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The page runs its own scripts and talks to its own server, nothing else. GraphiQL's editor writes styles inline."""


async def query_page(request: Request) -> Response:
    """The page itself."""
    del request
    headers = {"content-security-policy": POLICY, "referrer-policy": "no-referrer", "x-frame-options": "DENY"}
    return Response((_FILES / "query.html").read_bytes(), media_type="text/html", headers=headers)


async def static_file(request: Request) -> Response:
    """One of the page's files."""
    name = request.path_params["name"]
    if name not in TYPES:
        return error_response(404, "There is no such file.", code=Code.BAD_REQUEST)
    accepts_gzip = "gzip" in request.headers.get("accept-encoding", "")
    headers = {"cache-control": "public, max-age=3600", "vary": "accept-encoding"}
    if accepts_gzip:
        headers["content-encoding"] = "gzip"
    return Response(_packed(name) if accepts_gzip else gzip.decompress(_packed(name)), media_type=TYPES[name], headers=headers)


@cache
def _packed(name: str) -> bytes:
    """A file, compressed; the large ones are kept so."""
    packed = _FILES / f"{name}.gz"
    return packed.read_bytes() if packed.is_file() else gzip.compress((_FILES / name).read_bytes())
