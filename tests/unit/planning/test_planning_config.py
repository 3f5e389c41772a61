"""Run config against the published schemas: paths, suggestions, values that are read late."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

import pytest

import partita as pt
from partita.errors import InvalidConfigErrors
from partita.planning.config import check_config, check_value, merge_config
from support.running import plan_of


class Mode(StrEnum):
    FAST = "fast"
    SLOW = "slow"


class Window(pt.Config):
    start: str
    days: int = pt.Field(default=1, ge=1)


class Login(pt.Config):
    env: str = "prod"


class Source(pt.Config):
    name: str
    n: int = 3
    tag: str | None = None
    mode: Mode = Mode.FAST
    window: Window | None = None
    login: Login = Login()
    paths: list[str] = pt.Field(default_factory=list)
    limits: dict[str, int] = pt.Field(default_factory=dict)


class Db(pt.Resource):
    url: str
    retries: int = 0


@pt.asset
def loaded(config: Source, db: Db) -> int:
    return config.n


@pt.asset
def plain() -> int:
    return 1


REPOSITORY = pt.Repository("r", assets=[loaded, plain], resources={"db": Db(url="mem")})
STEPS = plan_of(REPOSITORY, assets=("loaded", "plain"), config={"steps": {"loaded": {"name": "x"}}}).steps


def problems(config: dict[str, Any]) -> dict[str, str]:
    return {".".join(error.path): error.problem for error in check_config(REPOSITORY.spec, STEPS, config)}


def of_step(**fields: Any) -> dict[str, str]:
    return problems({"steps": {"loaded": {"name": "x", **fields}}})


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"n": 5, "tag": None, "mode": "slow"},
        {"name": {"env": "NAME"}, "n": {"env": "N"}, "tag": {"env": "TAG"}, "mode": {"env": "MODE"}},
        {"window": {"start": {"env": "START"}, "days": {"env": "DAYS"}}},
        {"window": {"env": "WINDOW"}},
        {"paths": ["a", {"env": "B"}], "limits": {"a": {"env": "A"}}},
        {"login": {"env": "test"}},
    ],
)
def test_good_config_passes_with_values_that_are_read_late(fields: dict[str, Any]) -> None:
    assert of_step(**fields) == {}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"n": "many"}, {"steps.loaded.n": "'many' is not a whole number"}),
        ({"tag": 5}, {"steps.loaded.tag": "5 is not text or null"}),
        ({"zzz": 1}, {"steps.loaded.zzz": "there is no such field"}),
        ({"mode": "fats"}, {"steps.loaded.mode": "'fats' is not one of ['fast', 'slow']"}),
        ({"paths": ["a", 5]}, {"steps.loaded.paths.1": "5 is not text"}),
        ({"limits": {"a": "b"}}, {"steps.loaded.limits.a": "'b' is not a whole number"}),
    ],
)
def test_a_bad_value_is_told_with_its_path(fields: dict[str, Any], expected: dict[str, str]) -> None:
    assert of_step(**fields) == expected


class Csv(pt.Config):
    kind: Literal["csv"] = "csv"
    path: str


class Api(pt.Config):
    kind: Literal["api"] = "api"
    url: str
    limit: int = 3


class Folder(pt.Config):
    path: str
    depth: int = 1


class Bucket(pt.Config):
    url: str


Named = Annotated[Csv | Api, pt.Field(discriminator="kind")]


class Choices(pt.Config):
    named: Named = Csv(path="p")
    perhaps: Named | None = None
    many: list[Named] = pt.Field(default_factory=list)
    told: Csv | Api | None = None
    untold: Folder | Bucket | None = None
    mode: Literal["fast", "slow"] | None = None
    numbers: list[int] | int | None = None


@pt.asset
def chosen(config: Choices) -> None: ...


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"named": {"kind": "csv", "pth": "p"}}, ["named.pth: there is no such field. Did you mean 'path'?", "named.path: a value is required."]),
        ({"named": {"kind": "cvs", "path": "p"}}, ["named.kind: 'cvs' is none of 'api', 'csv'. Did you mean 'csv'?"]),
        ({"named": 5}, ["named: 5 is not a mapping."]),
        ({"perhaps": {"kind": "api", "url": "u", "limit": "x"}}, ["perhaps.limit: 'x' is not a whole number."]),
        ({"perhaps": 5}, ["perhaps: 5 is not a mapping or null."]),
        ({"many": [{"kind": "csv", "path": "p"}, {"kind": "api"}]}, ["many.1.url: a value is required."]),
        ({"named": {"kind": "csv", "path": {"env": "P"}, "x": 1}}, ["named.x: there is no such field."]),
        ({"told": {"kind": "api", "ulr": "u"}}, ["told.ulr: there is no such field. Did you mean 'url'?", "told.url: a value is required."]),
        ({"untold": {"depth": "x", "path": "p"}}, ["untold.depth: 'x' is not a whole number."]),
        ({"untold": {"pth": "p"}}, ["untold.pth: there is no such field. Did you mean 'path'?", "untold.path: a value is required."]),
        ({"mode": "fats"}, ["mode: 'fats' is not one of ['fast', 'slow']."]),
        ({"numbers": [1, "x"]}, ["numbers.1: 'x' is not a whole number."]),
    ],
)
def test_a_bad_value_of_a_union_is_told_of_the_alternative_that_it_was_meant_for(fields: dict[str, Any], expected: list[str]) -> None:
    spec = chosen.spec.config
    assert spec is not None

    assert [str(error) for error in check_value(spec, fields, path=())] == [f"Config at {each}" for each in expected]


def test_a_value_of_a_union_that_may_be_meant_for_several_is_told_as_a_whole() -> None:
    spec = chosen.spec.config
    assert spec is not None

    [error] = check_value(spec, {"untold": {"zzz": 1}}, path=())

    assert error.path == ("untold",)
    assert error.problem.startswith("{'zzz': 1} fits none of its alternatives: ")


def test_a_bad_value_beside_a_late_one_is_told() -> None:
    (path,) = of_step(window={"start": {"env": "START"}, "days": 0})

    assert path.startswith("steps.loaded.window")


class Deployment(pt.Config):
    env: str
    user: str


class Deployments(pt.Config):
    one: Deployment | None = None
    late: Window | None = None


def test_a_model_with_a_field_called_env_is_checked_even_where_nothing_else_is_given() -> None:
    @pt.asset
    def deployed(config: Deployments) -> None: ...

    spec = deployed.spec.config
    assert spec is not None

    assert [str(each) for each in check_value(spec, {"one": {"env": "prod"}}, path=())] == ["Config at one.user: a value is required."]
    assert not list(check_value(spec, {"one": {"env": "prod", "user": {"env": "USER"}}, "late": {"env": "WINDOW"}}, path=()))


def test_required_fields_are_named_even_when_nothing_is_given() -> None:
    assert problems({}) == {"steps.loaded.name": "a value is required"}
    assert problems({"steps": {"loaded": None}}) == {"steps.loaded.name": "a value is required"}


def test_resources_are_checked_too() -> None:
    found = problems({"steps": {"loaded": {"name": "x"}}, "resources": {"db": {"retries": "often"}, "dbb": {}}})

    assert found["resources.db.retries"] == "'often' is not a whole number"
    assert "no resource 'dbb'" in found["resources.dbb"]


def test_a_step_without_config_takes_none() -> None:
    assert problems({"steps": {"loaded": {"name": "x"}, "plain": {"a": 1}}}) == {"steps.plain": "this step takes no config"}
    assert problems({"steps": {"loaded": {"name": "x"}, "plain": {}}}) == {}


def test_something_other_than_a_mapping_is_refused() -> None:
    assert problems({"steps": ["loaded"]})["steps"] == "a list is given where a mapping by name belongs"
    assert problems({"steps": {"loaded": "x"}}) == {"steps.loaded": "'x' is not a mapping"}


def test_unknown_names_come_with_the_nearest_one() -> None:
    with pytest.raises(InvalidConfigErrors, match=r"Config at steps.laoded: there is no step 'laoded' in this run. Did you mean 'loaded'\?"):
        plan_of(REPOSITORY, assets=("loaded",), config={"steps": {"laoded": {}, "loaded": {"name": "x"}}})


def test_config_is_merged_one_step_at_a_time() -> None:
    default = {"steps": {"a": {"x": 1, "y": 2}, "b": {"x": 1}}, "resources": {"db": {"url": "u"}}}

    assert merge_config(default, {"steps": {"a": {"x": 9}}}) == {"steps": {"a": {"x": 9}, "b": {"x": 1}}, "resources": {"db": {"url": "u"}}}
    assert merge_config(None, {"steps": {}}) == {"steps": {}}
