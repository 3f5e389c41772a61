"""What definitions cost by the thousand: declaring, checking, encoding, selecting and planning them, and importing the library."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import partita as pt
from benchmarks.figures import Figure, timed
from partita.planning.build import build_plan
from partita.records.codec import decode, encode, hash_catalog
from partita.records.locations import LocationCatalog
from partita.records.runs import RunRequest

ASSETS, PER_LAYER, OPS = 10_000, 100, 10_000
NOW = datetime(2026, 1, 1, tzinfo=UTC)
IMPORT = "import time; began = time.perf_counter(); import partita as pt; pt.asset; pt.Repository; print((time.perf_counter() - began) * 1000)"
DECLARE = """
import re, sys
sys.path[:0] = {path!r}
from benchmarks.definitions_scale import assets_in_layers, catalog_of
from partita.records.codec import encode
encode(catalog_of(assets_in_layers({count})))
print(int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024)
"""


def measure_definitions() -> Iterator[Figure]:
    """10,000 assets in layers of 100, three dependencies each, and a chain of 10,000 ops."""
    yield Figure(what="`import partita`, with what declaring needs", incumbent="", reach="< 150 ms", values=[_import_time() for _ in range(7)])
    declared = assets_in_layers(ASSETS)
    encoded = encode(catalog_of(declared))
    stages: dict[str, list[float]] = {name: [] for name in ("all", "decode", "hash")}
    for _ in range(5):
        gc.collect()
        stages["all"].append(timed(lambda: encode(catalog_of(assets_in_layers(ASSETS)))))
        stages["decode"].append(timed(lambda: decode(encoded, LocationCatalog)))
        stages["hash"].append(timed(lambda: hash_catalog(catalog_of(declared))))
    what = f"{ASSETS:,} assets: decorate, validate, encode the catalog"
    yield Figure(what=what, incumbent="19.4 s", reach="< 1.5 s", values=stages["all"])
    yield Figure(what="the same decoded", incumbent="", reach="< 300 ms", values=stages["decode"])
    yield Figure(what="its content hash", incumbent="", reach="", values=stages["hash"])
    yield Figure(what="memory (RSS) of a process that did it", incumbent="", reach="< 150 MB", values=[_memory(ASSETS)], unit="MB")
    repository = pt.Repository("scale", assets=declared)
    for text in ("+sinks(group:g3)", "* and not 3+a9999"):
        values = [timed(lambda: pt.select(text, repository)) for _ in range(20)]  # noqa: B023 (called at once)
        yield Figure(what=f"selection `{text}` among them", incumbent="", reach="< 20 ms", values=values)
    yield from _growth("plan of a job of {count:,} ops in a chain", chain_of_ops, "chain", reach="< 1 s")
    yield from _growth("plan of {count:,} assets", lambda count: pt.Repository("scale", assets=assets_in_layers(count)), None, reach="< 1 s")


def _growth(what: str, make: Callable[[int], pt.Repository], job: str | None, *, reach: str) -> Iterator[Figure]:
    for count in (OPS // 8, OPS // 4, OPS // 2, OPS):
        repository = make(count).spec
        assets = () if job is not None else tuple(spec.key for spec in repository.assets)
        request = RunRequest(location="scale", repository="scale", job=job, assets=assets)
        values = [timed(lambda: build_plan(repository, request, now=NOW)) for _ in range(5)]  # noqa: B023 (called at once)
        yield Figure(what=what.format(count=count), incumbent="", reach=reach if count == OPS else "", values=values)


def assets_in_layers(count: int) -> list[Any]:
    """Assets in layers of 100, each on three of the layer before."""
    return [_asset(number) for number in range(count)]


def _asset(number: int) -> Any:
    layer, place = divmod(number, PER_LAYER)
    above = [f"a{(layer - 1) * PER_LAYER + (place + step * 7) % PER_LAYER}" for step in range(3)] if layer else []

    @pt.asset(key=f"a{number}", deps=above, group=f"g{layer % 10}")
    def made() -> int:
        """A number."""
        return 1

    return made


def catalog_of(assets: list[Any]) -> LocationCatalog:
    """The catalog of a location with one repository of these assets."""
    return LocationCatalog(location="scale", repositories=(pt.Repository("scale", assets=assets).spec,))


def chain_of_ops(count: int) -> pt.Repository:
    """A job of `count` uses of one op, each on the one before."""

    @pt.op
    def first() -> int:
        """Begin."""
        return 0

    @pt.op
    def more(value: int) -> int:
        """Go on."""
        return value + 1

    @pt.job
    def chain() -> None:
        value = first()
        for _ in range(count - 1):
            value = more(value)

    return pt.Repository("scale", jobs=[chain])


def _import_time() -> float:
    return float(_printed(IMPORT))


def _memory(count: int) -> float:
    return float(_printed(DECLARE.format(path=sys.path, count=count)))


def _printed(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]).stdout
