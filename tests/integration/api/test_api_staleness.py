"""How assets stand against code and inputs, as the API, the client and the command line tell it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import partita as pt
from partita_client import Client
from partita_client.errors import RequestRefusedError
from support.api import Api, serving
from support.shell import Shell

STALENESS = "staleness { status causes { kind reason upstream { key } } stalePartitionCount missingPartitionCount staleRanges }"
DAYS = pt.DailyPartitions("2026-02-07")


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with serving(tmp_path) as served:
        yield served


def assets(code_version: str = "1") -> list[Any]:
    @pt.asset(code_version=code_version)
    def source() -> int:
        return 1

    @pt.asset(code_version="1")
    def reader(source: int) -> int:
        return source

    @pt.asset(partitions=DAYS, deps=[source])
    def day(context: pt.AssetContext) -> str:
        return context.partition_key

    return [pt.AssetSpec("elsewhere"), source, reader, day]


@pytest.fixture
def stale(api: Api) -> Api:
    """`source` has been written with new code after `reader` and one day of `day`."""
    api.publish("ingest", assets=assets("2"))
    pt.materialize(assets(), selection="source or reader", store=api.store)
    pt.materialize(assets(), selection="day", partition="2026-02-08", store=api.store)
    pt.materialize(assets("2"), selection="source", store=api.store)
    return api


def test_an_asset_tells_whether_it_is_stale_and_why(stale: Api) -> None:
    found = {each["key"]: each["staleness"] for each in stale.ask(f"{{ assets {{ nodes {{ key {STALENESS} }} }} }}")["assets"]["nodes"]}

    assert found["elsewhere"] is None
    assert (found["source"]["status"], found["source"]["causes"]) == ("FRESH", [])
    assert found["reader"]["causes"] == [{"kind": "DATA", "reason": "has a new dependency data version", "upstream": {"key": "source"}}]
    assert (found["day"]["status"], found["day"]["staleRanges"]) == ("STALE", [["2026-02-08", "2026-02-08"]])
    assert (found["day"]["stalePartitionCount"], found["day"]["missingPartitionCount"]) == (1, 2)


OBSERVED = """
{ asset(key: "source") {
    isExternal isObservable latestMaterialization { id }
    latestObservation { id at partitionKey stepKey dataVersion metadata { label } asset { key } run { id } }
    observations(first: 1) { nodes { dataVersion } totalCount pageInfo { hasNextPage } } } }
"""


def test_what_is_written_elsewhere_is_stale_for_others_when_a_look_at_it_finds_other_data(api: Api) -> None:
    versions = iter("aabc")

    @pt.observable_asset
    def source() -> pt.Observation:
        return pt.Observation(data_version=next(versions), metadata={"rows": 3})

    @pt.asset(deps=[source])
    def reader() -> int:
        return 1

    api.publish("ingest", assets=[source, reader])

    def stands() -> tuple[str, list[str]]:
        found = api.ask(f'{{ asset(key: "reader") {{ {STALENESS} }} }}')["asset"]["staleness"]
        return found["status"], [each["upstream"]["key"] for each in found["causes"]]

    pt.materialize([source, reader], selection='key:"*"', store=api.store)
    pt.materialize(source, store=api.store)
    assert stands() == ("FRESH", [])
    run = pt.materialize(source, store=api.store)
    assert stands() == ("STALE", ["source"])

    found = api.ask(OBSERVED)["asset"]
    look = found["latestObservation"]
    assert (found["isExternal"], found["isObservable"], found["latestMaterialization"]) == (True, True, None)
    assert (look["dataVersion"], look["stepKey"], look["asset"]["key"], look["run"]["id"]) == ("b", "source", "source", run.run_id)
    assert found["observations"] == {"nodes": [{"dataVersion": "b"}], "totalCount": 3, "pageInfo": {"hasNextPage": True}}
    again = api.ask("query($id: ID!) { node(id: $id) { __typename ... on Observation { at metadata { label } } } }", id=look["id"])["node"]
    assert again == {"__typename": "Observation", "at": look["at"], "metadata": [{"label": "rows"}]}
    document = "query($id: ID!) { run(id: $id) { events { nodes { __typename ... on ObservationEvent { message observation { id } } } } } }"
    events = api.ask(document, id=run.run_id)
    [told] = [each for each in events["run"]["events"]["nodes"] if each["__typename"] == "ObservationEvent"]
    assert told == {"__typename": "ObservationEvent", "message": "Observed source at version b", "observation": {"id": look["id"]}}
    with Client(f"http://127.0.0.1:{api.port}") as client:
        asset = client.asset("source")
        assert asset.latest is None
        assert asset.latest_observation is not None
        assert [each.data_version for each in asset.observations()] == ["b", "a", "a"]
        with pytest.raises(RequestRefusedError, match="only observed here"):
            client.backfill("source")


def test_selections_know_how_assets_stand(stale: Api) -> None:
    def selected(text: str) -> list[str]:
        filtered = stale.ask("query($s: String!) { assets(filter: {selection: $s}) { nodes { key } } }", s=text)["assets"]["nodes"]
        chosen = stale.ask("query($s: String!) { selectAssets(selection: $s) { key } }", s=text)["selectAssets"]
        assert filtered == chosen
        return [each["key"] for each in chosen]

    assert selected("status:stale") == ["day", "reader"]
    assert selected("status:missing and location:ingest") == ["day"]
    assert selected("status:fresh") == ["source"]
    assert selected("location:ingest and not status:stale") == ["elsewhere", "source"]


def test_what_is_stale_can_be_written_by_saying_so(stale: Api) -> None:
    document = "mutation($s: String!) { materializeAssets(input: {selection: $s}) { runs { assets { key } } errors { message } } }"

    answer = stale.ask(document, s="status:stale and partitions:none")["materializeAssets"]

    assert answer == {"runs": [{"assets": [{"key": "reader"}]}], "errors": []}


def test_a_run_can_be_asked_to_leave_out_what_is_unchanged(stale: Api) -> None:
    document = "mutation($i: MaterializeAssetsInput!) { materializeAssets(input: $i) { runs { id } } }"
    [run] = stale.ask(document, i={"selection": "source", "skipUnchanged": True})["materializeAssets"]["runs"]
    with Client(f"http://127.0.0.1:{stale.port}") as client:
        others = [client.materialize("source", skip_unchanged=True).id, client.materialize("source").id]

    assert [stale.store.runs.get(each).request.skip_unchanged for each in (run["id"], *others)] == [True, True, False]


def test_stale_partitions_are_written_again_by_a_backfill(stale: Api) -> None:
    with Client(f"http://127.0.0.1:{stale.port}") as client:
        backfill = client.backfill("location:ingest", status="stale")
        written = [(each.asset_key, each.partition_key) for each in backfill.partitions()]
        with pytest.raises(RequestRefusedError, match="nothing to write"):
            client.backfill("source", status="stale")

    assert written == [("day", "2026-02-08")]


def test_the_client_tells_it_of_one_asset_and_of_many(stale: Api) -> None:
    with Client(f"http://127.0.0.1:{stale.port}") as client:
        one = client.asset("reader").staleness
        many = client.staleness("location:ingest")

        source = client.asset("source").latest

    assert source is not None
    assert (source.data_version, len(source.version)) == (None, 16)
    assert one is not None
    assert (one.status, [(each.kind, each.upstream and each.upstream.key) for each in one.causes]) == ("stale", [("data", "source")])
    assert {key: str(each.status) for key, each in many.items()} == {"day": "stale", "reader": "stale", "source": "fresh"}


def test_the_command_line_lists_and_explains(stale: Api, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    shell = Shell(capsys, monkeypatch)

    def partita(*words: str) -> str:
        done = shell(*words, PARTITA_URL=f"http://127.0.0.1:{stale.port}")
        assert done.code == 0, done.err
        return done.out

    listed = partita("asset", "list", "location:ingest")
    shown = partita("asset", "show", "reader")
    as_json = json.loads(partita("asset", "list", "status:stale", "--json"))
    jobs = partita("job", "list")

    assert "stale (1 stale, 2 missing)" in listed
    assert "- it has a new dependency data version: source" in shown
    assert [(each["key"], each["staleness"]["status"]) for each in as_json] == [("day", "stale"), ("reader", "stale")]
    assert "analytics/marts" in jobs
