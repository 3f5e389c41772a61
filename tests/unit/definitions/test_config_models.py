"""Config and resources: what is published, what is bound late, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import SecretStr, ValidationError

import partita as pt
from partita.definitions.config import bind, read_config, to_config_spec
from partita.definitions.run_config import to_run_config
from partita.errors import InvalidConfigErrors


class Credentials(pt.Config):
    user: str
    password: str = "secret"


class Flights(pt.Config):
    carrier: str | None = None
    limit: int = pt.Field(default=0, ge=0)


class Warehouse(pt.Resource):
    """Where tables live."""

    path: str
    port: int = 1
    credentials: Credentials | None = None
    hosts: tuple[str, ...] = ()


def test_the_schema_and_the_defaults_of_a_config_are_published() -> None:
    spec = to_config_spec(Flights)

    assert spec.json_schema["properties"]["limit"] == {"default": 0, "minimum": 0, "title": "Limit", "type": "integer"}
    assert spec.json_schema["additionalProperties"] is False
    assert spec.defaults == {"carrier": None, "limit": 0}
    assert not spec.is_required


def test_a_field_without_default_makes_config_required() -> None:
    spec = to_config_spec(Credentials)

    assert spec.is_required
    assert spec.defaults == {"password": "secret"}


def test_a_parameters_default_gives_the_defaults() -> None:
    @pt.asset
    def delays(config: Credentials = Credentials(user="ann")) -> None: ...  # noqa: B008 (a frozen value would do the same)

    assert delays.spec.config is not None
    assert delays.spec.config.defaults == {"user": "ann", "password": "secret"}
    assert not delays.spec.config.is_required


def test_unknown_fields_are_refused() -> None:
    with pytest.raises(ValidationError, match="carrierr"):
        Flights(carrierr="AA")  # type: ignore[call-arg]


def test_a_late_value_fits_every_type_and_shows_only_its_name() -> None:
    warehouse = Warehouse(path=pt.EnvVar("PLACE"), port=pt.EnvVar("PORT"))

    assert "EnvVar('PORT')" in repr(warehouse)
    assert to_config_spec(Warehouse, default=warehouse).defaults["port"] == {"env": "PORT"}


def test_late_values_are_read_when_the_resource_is_bound() -> None:
    warehouse = Warehouse(path=pt.EnvVar("PLACE"), port=pt.EnvVar("PORT"), credentials=Credentials(user=pt.EnvVar("WHO")), hosts=(pt.EnvVar("HOST"),))

    bound = bind(warehouse, environ={"PLACE": "db", "PORT": "42", "WHO": "ann", "HOST": "h"})

    assert bound == Warehouse(path="db", port=42, credentials=Credentials(user="ann"), hosts=("h",))


def test_binding_what_has_nothing_late_gives_the_same_object() -> None:
    warehouse = Warehouse(path="db")

    assert bind(warehouse, environ={}) is warehouse


def test_config_goes_over_the_resources_own_values() -> None:
    bound = bind(Warehouse(path="db", port=5), environ={"P": "7"}, config={"port": {"env": "P"}})

    assert (bound.path, bound.port) == ("db", 7)


def test_a_variable_that_is_not_set_is_named_with_its_path() -> None:
    with pytest.raises(pt.InvalidConfigErrors) as caught:
        bind(Warehouse(path=pt.EnvVar("PLACE"), hosts=(pt.EnvVar("HOST"),)), environ={}, path=("resources", "warehouse"))

    assert [each.path for each in caught.value.errors] == [("resources", "warehouse", "path"), ("resources", "warehouse", "hosts", "0")]
    assert "'PLACE' is not set" in str(caught.value)


def test_config_is_read_with_the_path_of_what_is_wrong() -> None:
    with pytest.raises(pt.InvalidConfigErrors) as caught:
        read_config(Flights, {"limit": -1, "carier": "AA"}, environ={}, path=("steps", "delays"))

    assert [each.path for each in caught.value.errors] == [("steps", "delays", "limit"), ("steps", "delays", "carier")]


def test_any_leaf_of_config_may_come_from_the_environment() -> None:
    assert read_config(Flights, {"limit": {"env": "N"}}, environ={"N": "3"}) == Flights(limit=3)


def test_a_model_with_a_field_called_env_is_not_taken_for_a_late_value() -> None:
    class Deployment(pt.Config):
        env: str

    class Outer(pt.Config):
        to: Deployment

    assert read_config(Outer, {"to": {"env": "prod"}}, environ={}) == Outer(to=Deployment(env="prod"))


def test_a_model_with_a_field_called_env_is_known_wherever_it_stands() -> None:
    class Deployment(pt.Config):
        env: str

    class Outer(pt.Config):
        perhaps: Deployment | None = None
        many: list[Deployment] = pt.Field(default_factory=list)
        by_name: dict[str, Deployment] = pt.Field(default_factory=dict)
        pair: tuple[int, Deployment] = (0, Deployment(env="dev"))
        other: Deployment | None = pt.Field(None, alias="called")
        inner: Outer | None = None
        names: list[str] = pt.Field(default_factory=list)
        anything: Any = None

    prod = {"env": "prod"}
    given: dict[str, Any] = {"perhaps": prod, "many": [prod], "by_name": {"x": prod}, "pair": [1, prod], "called": prod}
    late = {"names": [{"env": "V"}], "anything": {"env": "V"}, "inner": {"names": [{"env": "V"}], "perhaps": {"env": {"env": "V"}}}}

    config = read_config(Outer, {**given, **late}, environ={"V": "value"})

    made = Deployment(env="prod")
    assert (config.perhaps, config.many, config.by_name, config.pair, config.other) == (made, [made], {"x": made}, (1, made), made)
    assert (config.names, config.anything) == (["value"], "value")
    assert config.inner == Outer(names=["value"], perhaps=Deployment(env="value"))


def test_given_config_goes_over_a_parameters_default() -> None:
    config = read_config(Credentials, {"password": "x"}, environ={}, default=Credentials(user="ann"))

    assert config == Credentials(user="ann", password="x")


def test_secrets_and_what_json_cannot_hold_are_not_published() -> None:
    class Client(pt.Resource):
        token: SecretStr
        callback: Any
        connection: socketlike

    spec = to_config_spec(Client, default=Client(token=SecretStr("hush"), callback=print, connection=socketlike()))

    assert spec.defaults == {}
    assert "hush" not in repr(spec)
    assert spec.json_schema["properties"]["connection"] == {"title": "Connection"}


def test_a_default_that_json_cannot_hold_is_not_published_and_counts(recwarn: pytest.WarningsRecorder) -> None:
    class Caller(pt.Resource):
        function: Callable[..., Any] = print
        socket: Any = socketlike()

    class Limits(pt.Config):
        marker: Any = socketlike()
        raw: bytes = b"\xff"
        most: int = 3

    @pt.asset
    def delays(config: Limits, caller: Caller) -> bool:
        return caller.function is print and isinstance(config.marker, socketlike)

    spec = pt.Repository("main", assets=[delays], resources={"caller": Caller()}).spec

    assert to_config_spec(Caller).json_schema["properties"]["function"] == {"title": "Function"}
    assert spec.resources[0].config == to_config_spec(Caller)
    assert spec.assets[0].config is not None
    assert spec.assets[0].config.defaults == {"most": 3}
    assert "default" not in spec.assets[0].config.json_schema["properties"]["marker"]
    assert pt.materialize([delays], resources={"caller": Caller()}, config={"steps": {"delays": {"most": 4}}}).value("delays")
    assert not recwarn.list


class socketlike:  # noqa: N801
    """Something that pydantic knows nothing of."""


def test_a_default_may_be_bound_late(recwarn: pytest.WarningsRecorder) -> None:
    class Client(pt.Resource):
        token: str = pt.EnvVar("TOKEN")

    class Feed(pt.Config):
        token: str = pt.EnvVar("TOKEN")

    assert to_config_spec(Client).defaults == {"token": {"env": "TOKEN"}}
    assert to_config_spec(Client).json_schema["properties"]["token"]["default"] == {"env": "TOKEN"}
    assert bind(Client(), environ={"TOKEN": "x"}).token == "x"
    assert bind(Client(token="y"), environ={}).token == "y"
    assert read_config(Feed, {}, environ={"TOKEN": "x"}).token == "x"
    assert not recwarn.list


def test_an_io_manager_may_have_typed_settings() -> None:
    class LakeIO(pt.IOManager, pt.Resource):
        path: str

        def save(self, context: pt.OutputContext, value: Any) -> None: ...
        def load(self, context: pt.InputContext) -> Any: ...

    spec = pt.Repository("r", io_managers={"lake": LakeIO(path=pt.EnvVar("P"))}).spec.resources[0]

    assert spec.is_io_manager
    assert spec.config is not None
    assert spec.config.defaults == {"path": {"env": "P"}}


def test_a_variables_name_must_be_one() -> None:
    with pytest.raises(pt.DefinitionError, match="EnvVar"):
        pt.EnvVar("")


def test_a_resource_is_what_functions_receive_unless_it_says_otherwise() -> None:
    class Counter(pt.Resource):
        start: int

        @contextmanager
        def lifespan(self, context: Any) -> Any:
            yield [self.start]

    with Warehouse(path="x").lifespan(None) as received:
        assert received == Warehouse(path="x")
    with Counter(start=3).lifespan(None) as opened:
        assert opened == [3]


@pytest.mark.parametrize(
    "config",
    [
        {"steps": {"delays": {"limit": 3}}},
        '{"steps": {"delays": {"limit": 3}}}',
        "steps:\n  delays:\n    limit: 3\n",
        {"steps": {"delays": Flights(limit=3)}},
    ],
)
def test_run_config_may_be_a_dict_text_or_models(config: Any) -> None:
    plain = to_run_config(config)

    assert plain is not None
    assert plain["steps"]["delays"]["limit"] == 3


def test_run_config_is_made_plain() -> None:
    text = "steps: {a: {day: 2013-01-31}}"

    assert to_run_config(text) == {"steps": {"a": {"day": "2013-01-31"}}}
    assert to_run_config({"resources": {"w": {"path": pt.EnvVar("P"), "at": Path("/x")}}}) == {"resources": {"w": {"path": {"env": "P"}, "at": "/x"}}}
    assert to_run_config(None) is None
    assert to_run_config("") == {}


@pytest.mark.parametrize(
    ("config", "fault"),
    [("steps: [", "not YAML"), ("- a", "list"), (5, "int"), ({"steps": {"a": {"b": object()}}}, "steps.a.b")],
)
def test_what_is_no_run_config_is_refused(config: Any, fault: str) -> None:
    with pytest.raises(pt.InvalidConfigError) as caught:
        to_run_config(config)

    assert fault in str(caught.value)


class Csv(pt.Config):
    kind: Literal["csv"] = "csv"
    delimiter: str = ","


class Sql(pt.Config):
    kind: Literal["sql"] = "sql"
    query: str
    password: str = pt.EnvVar("PASSWORD")


class Reading(pt.Config):
    source: Csv | Sql = pt.Field(default=Csv(), discriminator="kind")
    mode: Literal["fast", "slow"] = "fast"


def test_a_field_tells_the_members_of_a_union_apart() -> None:
    assert read_config(Reading, {}, environ={}).source == Csv()
    assert read_config(Reading, {"source": {"kind": "csv", "delimiter": ";"}}, environ={}).source == Csv(delimiter=";")
    assert Reading(mode=pt.EnvVar("MODE")).mode == pt.EnvVar("MODE")
    with pytest.raises(InvalidConfigErrors, match=r"steps\.a\.source"):
        read_config(Reading, {"source": {"kind": "xml"}}, environ={}, path=("steps", "a"))


def test_late_defaults_of_models_inside_are_read_too() -> None:
    made = read_config(Reading, {"source": {"kind": "sql", "query": {"env": "QUERY"}}}, environ={"QUERY": "select 1", "PASSWORD": "hush"})

    assert made.source == Sql(query="select 1", password="hush")
