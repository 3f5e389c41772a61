"""What can be asked of the workspace: definitions, by name, by id, by selection, page by page."""

from __future__ import annotations

from typing import Any

import pytest

import partita as pt
from partita.api.ids import ASSET, JOB, LOCATION, encode_id
from partita.definitions.keys import AssetKey
from partita.records.failures import PythonError
from partita.version import __version__
from support.api import Api, Limit
from support.stores import checked, materialized


def test_the_server_tells_its_version_its_daemons_and_its_limits(api: Api) -> None:
    api.store.leases.heartbeat("monitor", owner="d1", error=PythonError(class_name="OSError", message="disk"))
    api.run()
    api.begin()

    server = api.ask(
        "{ server { version schemaHash startedAt queue { queued running maxConcurrent } limits { maxPageSize maxCost }"
        " daemons { kind isRequired isHealthy lastHeartbeatAt errors { message } } } }"
    )["server"]

    assert server["version"] == __version__
    assert server["startedAt"] == "2026-02-10T12:00:00Z"
    assert server["queue"] == {"queued": 1, "running": 1, "maxConcurrent": 10}
    assert server["limits"] == {"maxPageSize": 500, "maxCost": 20_000}
    daemons = {each["kind"]: each for each in server["daemons"]}
    assert list(daemons) == ["SCHEDULES", "SENSORS", "BACKFILLS", "CONDITIONS", "MONITOR", "RETENTION", "FRESHNESS", "ALERTS"]
    monitor, retention = daemons["MONITOR"], daemons["RETENTION"]
    assert (monitor["kind"], monitor["isRequired"], monitor["errors"]) == ("MONITOR", True, [{"message": "disk"}])
    assert monitor["lastHeartbeatAt"] is not None
    assert (retention["kind"], retention["isHealthy"], retention["lastHeartbeatAt"]) == ("RETENTION", False, None)


def test_a_location_that_did_not_load_shows_why_and_harms_nobody(api: Api) -> None:
    locations = api.ask("{ workspace { version codeLocations { name status start error { className message } warnings repositories { name } } } }")[
        "workspace"
    ]["codeLocations"]

    assert [(each["name"], each["status"]) for each in locations] == [("ingest", "LOADED"), ("analytics", "LOADED"), ("broken", "FAILED")]
    assert locations[0]["start"] == "fork"
    assert locations[2]["error"] == {"className": "ImportError", "message": "No module named 'nowhere'"}
    assert locations[2]["repositories"] == []


def test_definitions_hang_together(api: Api) -> None:
    job = api.ask(
        '{ job(name: "refresh") { name selection repository { name codeLocation { name } jobs { nodes { name } } assets { nodes { key } } }'
        " assets { key jobs { name } repository { name } } sourceLocation { file line } } }"
    )["job"]

    assert job["repository"]["name"] == "main"
    assert job["repository"]["codeLocation"] == {"name": "ingest"}
    assert [each["name"] for each in job["repository"]["jobs"]["nodes"]] == ["daily", "nightly", "refresh"]
    assert [each["key"] for each in job["repository"]["assets"]["nodes"]] == ["raw/customers", "raw/orders", "source/orders"]
    assert job["assets"] == [{"key": "raw/customers", "jobs": [{"name": "refresh"}], "repository": {"name": "main"}}]
    assert job["sourceLocation"]["file"].endswith("api.py")


def test_the_graph_of_a_job_is_flattened(api: Api) -> None:
    graph = api.ask(
        '{ job(name: "nightly", repository: "main") { graph { name nodes { handle isDynamic definition { name isGraph description requiredResources'
        " inputs { name type isRequired } outputs { name type } configSchema { defaults } } } edges { fromHandle fromOutput toHandle toInput } } } }"
    )["job"]["graph"]

    nodes = {each["handle"]: each["definition"] for each in graph["nodes"]}
    assert list(nodes) == ["fetch", "middle", "middle.halve", "middle.halve_2", "report"]
    assert [handle for handle, definition in nodes.items() if definition["isGraph"]] == ["middle"]
    assert nodes["fetch"]["configSchema"]["defaults"] == {"limit": 0, "carrier": None}
    assert nodes["fetch"]["requiredResources"] == ["place"]
    assert nodes["fetch"]["description"] == "Fetch some."
    assert nodes["middle.halve"]["inputs"] == [{"name": "number", "type": "int", "isRequired": True}]
    assert [(each["fromHandle"], each["toHandle"]) for each in graph["edges"]] == [
        ("fetch", "middle.halve"),
        ("middle.halve", "middle.halve_2"),
        ("middle.halve_2", "report"),
    ]


def test_the_graph_of_a_job_of_assets_shows_its_assets_and_checks(api: Api) -> None:
    graph = api.ask('{ job(name: "refresh") { graph { nodes { handle } edges { fromHandle toHandle toInput } } } }')["job"]["graph"]

    assert [each["handle"] for each in graph["nodes"]] == ["raw/customers", "raw/customers:not_empty"]
    assert graph["edges"] == [{"fromHandle": "raw/customers", "toHandle": "raw/customers:not_empty", "toInput": "customers"}]


def test_assets_of_one_step_are_one_node_that_its_config_and_its_launch_go_by(api: Api) -> None:
    @pt.asset
    def source() -> int:
        return 1

    @pt.multi_asset(specs=[pt.AssetSpec("x/first"), pt.AssetSpec("second", deps=["x/first"])])
    def pair(source: int, config: Limit) -> tuple[int, int]:
        return source, config.limit

    @pt.asset
    def after(second: int) -> int:
        return second

    api.publish("ingest", assets=[source, pair, after], jobs=[pt.asset_job("all_shared", selection="+after")])
    job = api.ask(
        '{ job(name: "all_shared") { configSchema { defaults }'
        " graph { nodes { handle definition { outputs { name } } } edges { fromHandle fromOutput toHandle } } } }"
    )["job"]

    assert [(each["handle"], [output["name"] for output in each["definition"]["outputs"]]) for each in job["graph"]["nodes"]] == [
        ("source", ["result"]),
        ("pair", ["x/first", "second"]),
        ("after", ["result"]),
    ]
    assert [(each["fromHandle"], each["fromOutput"], each["toHandle"]) for each in job["graph"]["edges"]] == [
        ("source", "result", "pair"),
        ("pair", "second", "after"),
    ]
    assert list(job["configSchema"]["defaults"]["steps"]) == ["pair"]


def test_the_config_schema_covers_steps_and_resources(api: Api) -> None:
    schema = api.ask('{ job(name: "daily") { configSchema { jsonSchema defaults } } }')["job"]["configSchema"]

    steps = schema["jsonSchema"]["properties"]["steps"]["properties"]
    assert set(steps) == {"fetch"}
    assert steps["fetch"]["properties"]["limit"]["minimum"] == 0
    assert set(schema["jsonSchema"]["properties"]["resources"]["properties"]) == {"place"}
    assert schema["defaults"] == {"steps": {"fetch": {"limit": 0, "carrier": None}}, "resources": {"place": {"path": "here"}}}


def test_an_asset_shows_what_it_is(api: Api) -> None:
    asset = api.ask(
        '{ asset(key: "raw/orders") { key name description groupName kinds owners isExternal tags { key value } codeVersion'
        " upstream { key isExternal } downstream { key repository { name } } metadata { label } } }"
    )["asset"]

    assert asset["name"] == "orders"
    assert asset["description"].startswith("Orders as they came.")
    assert (asset["groupName"], asset["kinds"], asset["owners"]) == ("raw", ["csv"], ["team:data"])
    assert asset["tags"] == [{"key": "tier", "value": "gold"}]
    assert asset["upstream"] == [{"key": "source/orders", "isExternal": True}]
    assert asset["downstream"] == [{"key": "marts/revenue", "repository": {"name": "marts"}}]


def test_metadata_of_definitions_is_typed_and_may_be_null(api: Api) -> None:
    asset = api.ask('{ asset(key: "raw/customers") { metadata { label kind value } } }')["asset"]

    assert asset["metadata"] == [{"label": "rows", "kind": "INT", "value": 3}, {"label": "nothing", "kind": "JSON", "value": None}]


@pytest.mark.parametrize(
    ("selection", "keys"),
    [
        ("*", ["marts/people", "marts/revenue", "raw/customers", "raw/orders"]),
        ("group:raw and kind:duckdb", ["raw/customers"]),
        ("source/orders+1", ["raw/orders", "source/orders"]),
        ("1+marts/revenue", ["marts/revenue", "raw/orders"]),
    ],
)
def test_a_selection_means_assets(api: Api, selection: str, keys: list[str]) -> None:
    found = api.ask(
        "query($s: String!) { selectAssets(selection: $s) { key } assets(filter: {selection: $s}) { totalCount nodes { key } } }", s=selection
    )

    assert [each["key"] for each in found["selectAssets"]] == keys
    assert [each["key"] for each in found["assets"]["nodes"]] == keys
    assert found["assets"]["totalCount"] == len(keys)


@pytest.mark.parametrize(
    ("filter", "keys"),
    [
        ({"groups": ["marts"]}, ["marts/people", "marts/revenue"]),
        ({"kinds": ["duckdb", "parquet"]}, ["raw/customers"]),
        ({"owners": ["team:data"]}, ["raw/orders"]),
        ({"text": "ORD", "groups": ["raw"]}, ["raw/orders", "source/orders"]),
        ({"text": "nothing"}, []),
    ],
)
def test_assets_can_be_filtered(api: Api, filter: dict[str, Any], keys: list[str]) -> None:
    found = api.ask("query($f: AssetFilter) { assets(filter: $f) { nodes { key } } }", f=filter)

    assert [each["key"] for each in found["assets"]["nodes"]] == keys


@pytest.mark.parametrize("selection", ["raw/ordrs", "group:(", "colour:red"])
def test_a_selection_that_means_nothing_says_why(api: Api, selection: str) -> None:
    [error] = api.refuse("query($s: String!) { selectAssets(selection: $s) { key } }", s=selection)

    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["path"] == ["selectAssets"]


def test_an_unknown_asset_of_a_selection_is_told_with_the_nearest(api: Api) -> None:
    [error] = api.refuse('{ selectAssets(selection: "raw/ordrs") { key } }')

    assert "raw/orders" in error["message"]


def test_what_does_not_exist_is_null(api: Api) -> None:
    answer = api.ask(
        '{ job(name: "nope") { name } asset(key: "no/pe") { key } run(id: "run_nope") { id } short: run(id: "12345678") { id }'
        ' node(id: "nope") { id } nodes(ids: ["", "Ó", "run_x", "mat_x"]) { id } }'
    )

    assert answer == {"job": None, "asset": None, "run": None, "short": None, "node": None, "nodes": [None] * 4}


def test_a_name_that_several_jobs_have_must_be_told_apart(api: Api) -> None:
    [error] = api.refuse('{ job(name: "nightly") { id } }')
    found = api.ask(
        '{ a: job(name: "nightly", codeLocation: "analytics") { repository { name } } b: job(name: "nightly", repository: "main") { description } }'
    )

    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert "ingest/main" in error["message"]
    assert "analytics/marts" in error["message"]
    assert found == {"a": {"repository": {"name": "marts"}}, "b": {"description": "Fetch, halve twice, report."}}


def test_everything_with_an_id_is_found_by_it(api: Api) -> None:
    writer = api.begin("raw/customers", assets=(AssetKey("raw/customers"),))
    writer.send(materialized("raw/customers"))
    found = api.ask(
        '{ workspace { codeLocations { id repositories { id } } } job(name: "refresh") { id } asset(key: "raw/customers") { id checks { id }'
        " latestMaterialization { id } } runs { nodes { id } } }"
    )
    ids = [found["workspace"]["codeLocations"][0]["id"], found["workspace"]["codeLocations"][0]["repositories"][0]["id"], found["job"]["id"]]
    ids += [found["asset"]["id"], found["asset"]["checks"][0]["id"], found["asset"]["latestMaterialization"]["id"], found["runs"]["nodes"][0]["id"]]

    nodes = api.ask("query($ids: [ID!]!) { nodes(ids: $ids) { id __typename } }", ids=ids)["nodes"]

    assert [each["id"] for each in nodes] == ids
    assert [each["__typename"] for each in nodes] == ["CodeLocation", "Repository", "Job", "Asset", "AssetCheck", "Materialization", "Run"]
    assert api.ask("query($id: ID!) { node(id: $id) { ... on Asset { key } } }", id=ids[3]) == {"node": {"key": "raw/customers"}}


def test_too_many_ids_at_once_are_refused(api: Api) -> None:
    [error] = api.refuse("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=["x"] * 101)

    assert error["extensions"]["code"] == "BAD_USER_INPUT"


def test_jobs_can_be_filtered(api: Api) -> None:
    document = "query($f: DefinitionFilter) { jobs(filter: $f) { totalCount nodes { name } } }"

    by_location = api.ask(document, f={"codeLocations": [encode_id(LOCATION, "analytics")]})["jobs"]
    by_tag = api.ask(document, f={"tags": [{"key": "kind", "value": "ops"}]})["jobs"]
    by_text = api.ask(document, f={"text": "NIGHT"})["jobs"]

    assert by_location == {"totalCount": 1, "nodes": [{"name": "nightly"}]}
    assert by_tag == {"totalCount": 1, "nodes": [{"name": "nightly"}]}
    assert by_text["totalCount"] == 2
    [error] = api.refuse(document, f={"codeLocations": ["nonsense"]})
    assert "id of a code location" in error["message"]


def test_assets_are_read_page_by_page(api: Api) -> None:
    keys: list[str] = []
    cursor = None
    while True:
        page = api.ask("query($a: String) { assets(first: 2, after: $a) { nodes { key } pageInfo { hasNextPage endCursor } } }", a=cursor)["assets"]
        keys += [each["key"] for each in page["nodes"]]
        cursor = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break

    assert keys == ["marts/people", "marts/revenue", "raw/customers", "raw/orders", "source/orders"]


def test_assets_can_be_sorted_by_their_newest_write(api: Api) -> None:
    for second, key in enumerate(["raw/customers", "marts/people"]):
        api.begin(key, assets=(AssetKey(key),), location="ingest").send(materialized(key, seconds=second))
    document = (
        "query($d: OrderDirection!, $a: String) { assets(first: 3, after: $a, orderBy: {field: LAST_MATERIALIZED_AT, direction: $d})"
        " { nodes { key } pageInfo { endCursor } } }"
    )

    newest = api.ask(document, d="DESC")["assets"]
    oldest = api.ask(document, d="ASC")["assets"]
    rest = api.ask(document, d="DESC", a=newest["pageInfo"]["endCursor"])["assets"]

    assert [each["key"] for each in newest["nodes"]][:2] == ["marts/people", "raw/customers"]
    assert [each["key"] for each in oldest["nodes"]][:2] == ["raw/customers", "marts/people"]
    assert len(rest["nodes"]) == 2
    assert {each["key"] for each in [*newest["nodes"], *rest["nodes"]]} == {
        "marts/people",
        "raw/customers",
        "marts/revenue",
        "raw/orders",
        "source/orders",
    }


def test_materializations_of_an_asset(api: Api) -> None:
    writer = api.begin("raw/orders", assets=(AssetKey("raw/orders"),), partition_keys=("2026-01-01", "2026-01-02"))
    writer.send(
        materialized("raw/orders", "2026-01-01", 1, data_version="v1"),
        materialized("raw/orders", "2026-01-02", 2),
        materialized("raw/orders", "2026-01-02", 3),
    )
    fields = "{ totalCount nodes { partitionKey dataVersion stepKey asset { key } run { id status } } pageInfo { hasNextPage hasPreviousPage } }"

    asset = api.ask(
        f'{{ asset(key: "raw/orders") {{ latestMaterialization {{ at partitionKey }} newest: materializations(first: 2) {fields}'
        f' oldest: materializations(last: 1) {fields} one: materializations(partitionKeys: ["2026-01-01", "unheard"]) {fields} }} }}'
    )["asset"]

    assert asset["latestMaterialization"] == {"at": "2026-03-01T12:00:03Z", "partitionKey": "2026-01-02"}
    assert [each["partitionKey"] for each in asset["newest"]["nodes"]] == ["2026-01-02", "2026-01-02"]
    assert asset["newest"]["totalCount"] == 3
    assert asset["newest"]["pageInfo"] == {"hasNextPage": True, "hasPreviousPage": False}
    assert [each["partitionKey"] for each in asset["oldest"]["nodes"]] == ["2026-01-01"]
    assert asset["one"]["nodes"] == [
        {
            "partitionKey": "2026-01-01",
            "dataVersion": "v1",
            "stepKey": "raw/orders",
            "asset": {"key": "raw/orders"},
            "run": {"id": writer.run_id, "status": "RUNNING"},
        }
    ]


def test_checks_and_their_results(api: Api) -> None:
    writer = api.begin("raw/customers", assets=(AssetKey("raw/customers"),))
    writer.send(checked("raw/customers", "not_empty", passed=False, seconds=1), checked("raw/customers", "not_empty", passed=True, seconds=2))

    [check] = api.ask(
        '{ asset(key: "raw/customers") { checks { name description isBlocking asset { key } latestResult { passed at }'
        " results(first: 1) { totalCount nodes { passed severity run { id } partitionKey } pageInfo { hasNextPage } } } } }"
    )["asset"]["checks"]

    assert (check["name"], check["isBlocking"], check["asset"]) == ("not_empty", True, {"key": "raw/customers"})
    assert check["description"] == "There are customers."
    assert check["latestResult"] == {"passed": True, "at": "2026-03-01T12:00:02Z"}
    assert check["results"]["totalCount"] == 2
    assert check["results"]["nodes"] == [{"passed": True, "severity": "ERROR", "run": {"id": writer.run_id}, "partitionKey": None}]
    assert check["results"]["pageInfo"]["hasNextPage"]


def test_a_run_config_is_checked_without_launching(api: Api) -> None:
    document = "query($j: ID!, $c: JSON!) { validateRunConfig(job: $j, config: $c) { code message path expected suggestions } }"
    job = encode_id(JOB, "ingest", "main", "nightly")

    assert api.ask(document, j=job, c={"steps": {"fetch": {"limit": 3}}}) == {"validateRunConfig": []}
    [wrong] = api.ask(document, j=job, c={"steps": {"fetch": {"limit": -1}}})["validateRunConfig"]
    [typo] = api.ask(document, j=job, c={"steps": {"fetsh": {}}})["validateRunConfig"]
    [shape] = api.ask(document, j=job, c=[1])["validateRunConfig"]

    assert (wrong["code"], wrong["path"]) == ("RUN_CONFIG_INVALID", ["steps", "fetch", "limit"])
    assert wrong["expected"]["minimum"] == 0
    assert typo["suggestions"] == ["fetch"]
    assert shape["expected"] == {"type": "object"}
    assert api.store.runs.count() == 0
    assert "id of a job" in api.refuse(document, j=encode_id(ASSET, "raw"), c={})[0]["message"]
    assert "no job" in api.refuse(document, j=encode_id(JOB, "ingest", "main", "gone"), c={})[0]["message"]


def test_newly_published_definitions_are_seen_at_once(api: Api) -> None:
    before = api.ask("{ workspace { version } jobs { totalCount } }")
    catalog = api.store.locations.catalog(api.store.locations.get("analytics").catalog_hash or "")
    api.store.locations.publish("broken", catalog, python_version="3.12.0", library_version="0.1.0", start="spawn: because")

    after = api.ask("{ workspace { version codeLocations { name status warnings } } jobs { totalCount } }")

    assert after["workspace"]["version"] != before["workspace"]["version"]
    assert after["workspace"]["codeLocations"][2]["status"] == "LOADED"
    assert any("already defines" in each for each in after["workspace"]["codeLocations"][2]["warnings"])
