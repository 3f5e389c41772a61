"""Typed config of functions and resources: pydantic models, their published schema, values bound late.

`EnvVar` only names a variable: definitions read no environment. Whoever executes hands it to `bind` or `read_config`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, ClassVar, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, SecretBytes, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, JsonSchemaWarningKind
from pydantic_core import CoreSchema, PydanticSerializationError, core_schema

from partita.definitions.context import Role
from partita.definitions.places import Place
from partita.definitions.published import to_published
from partita.definitions.specs import ConfigSpec
from partita.errors import DefinitionError, InvalidConfigError, InvalidConfigErrors

__all__ = ["Config", "EnvReference", "EnvVar", "Field", "Model", "bind", "read_config", "to_config_spec"]


class EnvReference:
    """Names an environment variable whose value is read when a run begins."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        if not name or "=" in name or "\0" in name:
            raise DefinitionError(f"EnvVar({name!r}): not the name of an environment variable.")
        self.name = name

    def __repr__(self) -> str:
        return f"EnvVar({self.name!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EnvReference) and other.name == self.name

    def __hash__(self) -> int:
        return hash((EnvReference, self.name))

    def __partita_plain__(self) -> dict[str, str]:
        """How it is written in JSON."""
        return {"env": self.name}


# Typed Any so that it fits a field of every type: the value is checked when it is read.
EnvVar: Callable[[str], Any] = EnvReference


def _keep_late(value: Any, handler: core_schema.ValidatorFunctionWrapHandler) -> Any:
    return value if _is_late(value) else handler(value)


def _take_late_values(model: Any) -> None:
    """Let every field of a model's core schema take a late value besides its own, but one that can be one thing only.

    That is what tells the members of a union apart, and pydantic wants to see it bare."""
    while model["type"] != "model-fields":  # a model's own validators stand around its fields
        model = model["schema"]
    for field in model["fields"].values():
        while field["schema"]["type"] == "default":
            field = field["schema"]
        inner = field["schema"]
        if inner["type"] != "literal" or len(inner["expected"]) > 1:
            field["schema"] = core_schema.no_info_wrap_validator_function(_keep_late, inner)


class Model(BaseModel):
    """What configs and resources share: unknown fields are refused, values may be bound late."""

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """What pydantic validates by."""
        schema = handler(source)
        _take_late_values(schema)
        return schema

    @classmethod
    def __partita_config__(cls, default: Self | None = None) -> ConfigSpec:
        """Its schema; how signatures and repositories ask for it without loading pydantic."""
        return to_config_spec(cls, default=default)

    def __partita_plain__(self) -> dict[str, Any]:
        """How it is written in JSON; fields that JSON cannot hold, and secrets, are left out."""
        return _plain_fields(self)


class Config(Model):
    """The config of a function: a pydantic model whose JSON Schema is published.

    Unknown keys are refused. Any value may come from the environment: `{"env": "NAME"}` in a launch.

    Example:
        ```python
        class FlightsConfig(pt.Config):
            carrier: str | None = None
            limit: int = pt.Field(default=0, ge=0)
        ```
    """

    __partita_role__: ClassVar[Role] = "config"


M = TypeVar("M", bound=BaseModel)


def to_config_spec(model: type[BaseModel], *, default: BaseModel | None = None) -> ConfigSpec:
    """What is published of a config model.

    Args:
        model: the pydantic model.
        default: an instance whose values count where none are given.
    """
    fields = model.model_fields.values()
    return ConfigSpec(
        json_schema=_json_schema(model),
        defaults=_plain_defaults(model) if default is None else _plain_fields(default),
        is_required=default is None and any(field.is_required() for field in fields),
    )


def read_config(model: type[M], config: Mapping[str, Any], *, environ: Mapping[str, str], default: M | None = None, path: tuple[str, ...] = ()) -> M:
    """The instance of `model` that `config` describes.

    Args:
        model: the pydantic model.
        config: plain JSON; any value may be `{"env": "NAME"}`.
        environ: the environment that late values are read from.
        default: an instance whose values count where `config` gives none.
        path: where `config` stands in the run's config, for errors.

    Raises:
        InvalidConfigErrors: values that the model refuses, variables that are not set.
    """
    below = {**_model_defaults(model), **(_given_fields(default) if default is not None else {})}
    over = {key: _laid_over(value, below.get(key), kind=_kind_of(model, key)) for key, value in config.items()}
    values = {**_late_defaults(model), **(_given_fields(default) if default is not None else {}), **over}
    late = _Late(environ)
    top = Place(_json_schema(model), _json_schema(model))
    settled = {key: late.settle(value, (*path, key), top.at(key)) for key, value in values.items()}
    if late.errors:
        raise InvalidConfigErrors(late.errors)
    try:
        made = model.model_validate(settled)
    except ValidationError as error:
        raise InvalidConfigErrors([_refusal(each, path) for each in error.errors(include_url=False)]) from None
    # Models inside it that were only now made have defaults of their own.
    return read_config(model, {}, environ=environ, default=made, path=path) if _is_late(made) else made


def bind(instance: M, *, environ: Mapping[str, str], config: Mapping[str, Any] | None = None, path: tuple[str, ...] = ()) -> M:
    """`instance` with its late values read and the fields of `config` over its own; itself where that changes nothing.

    Raises:
        InvalidConfigErrors: values that the model refuses, variables that are not set.
    """
    if not config and not _is_late(instance):
        return instance
    return read_config(type(instance), config or {}, environ=environ, default=instance, path=path)


class _Late:
    """Reads late values and collects what cannot be read."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.errors: list[InvalidConfigError] = []

    def settle(self, value: Any, path: tuple[str, ...], place: Place) -> Any:
        """`value` with what it names of the environment, but where it gives a model its field called `env`."""
        match value:
            case EnvReference(name=name):
                return self.read(name, path)
            case {"env": str(name)} if len(value) == 1 and not place.has_field("env"):
                return self.read(name, path)
            case Mapping():
                return {key: self.settle(item, (*path, str(key)), place.at(key)) for key, item in value.items()}
            case list() | tuple():
                return type(value)(self.settle(item, (*path, str(index)), place.at(index)) for index, item in enumerate(value))
            case BaseModel() if _is_late(value):
                return {key: self.settle(item, (*path, key), place.at(key)) for key, item in _fields(value).items()}
            case _:
                return value

    def read(self, name: str, path: tuple[str, ...]) -> Any:
        if name not in self.environ:
            self.errors.append(InvalidConfigError(path, f"the environment variable {name!r} is not set"))
        return self.environ.get(name)


class _Schema(GenerateJsonSchema):
    """Fields that JSON cannot hold (connections, callables) are published as anything, and such defaults not at all."""

    ignored_warning_kinds: set[JsonSchemaWarningKind] = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012 (as pydantic declares it)

    def handle_invalid_for_json_schema(self, schema: CoreSchema, error_info: str) -> JsonSchemaValue:  # noqa: ARG002 (pydantic's signature)
        return {}

    def encode_default(self, dft: Any) -> Any:
        """Late defaults are published by the name of their variable."""
        return to_published(dft)


@cache
def _late_defaults(model: type[BaseModel]) -> dict[str, Any]:
    """Defaults that are to be read from the environment."""
    return {_key_of(name, field): field.default for name, field in model.model_fields.items() if _is_late(field.default)}


@cache
def _model_defaults(model: type[BaseModel]) -> dict[str, Any]:
    """Defaults that are models: of a value given for such a field, what it leaves out is theirs."""
    return {_key_of(name, field): field.default for name, field in model.model_fields.items() if isinstance(field.default, BaseModel)}


def _laid_over(value: Any, below: Any, *, kind: type[BaseModel] | None) -> Any:
    """`value`, with the fields that it leaves out of the model which it would replace."""
    if kind is None or type(below) is not kind or not isinstance(value, Mapping) or (set(value) == {"env"} and "env" not in kind.model_fields):
        return value
    given = _given_fields(below)
    return {**given, **{key: _laid_over(item, given.get(key), kind=_kind_of(kind, key)) for key, item in value.items()}}


def _kind_of(model: type[BaseModel], key: object) -> type[BaseModel] | None:
    """The model that a field holds, where it holds nothing else."""
    annotation = model.model_fields[key].annotation if isinstance(key, str) and key in model.model_fields else None
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


@cache
def _json_schema(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema(schema_generator=_Schema)


def _key_of(name: str, field: FieldInfo) -> str:
    return field.validation_alias if isinstance(field.validation_alias, str) else field.alias or name


def _given_fields(instance: BaseModel) -> dict[str, Any]:
    """Its values by the key they are given under, without defaults."""
    fields = type(instance).model_fields
    return {_key_of(name, field): getattr(instance, name) for name, field in fields.items() if name in instance.model_fields_set}


def _fields(instance: BaseModel) -> dict[str, Any]:
    """Its values by the key they are given under, with defaults."""
    return {_key_of(name, field): getattr(instance, name) for name, field in type(instance).model_fields.items()}


def _plain_fields(instance: BaseModel) -> dict[str, Any]:
    return _plain_values(_fields(instance))


def _plain_defaults(model: type[BaseModel]) -> dict[str, Any]:
    """Defaults as JSON; those of a factory may differ each time and are left out."""
    fields = model.model_fields.items()
    return _plain_values({_key_of(name, field): field.default for name, field in fields if not field.is_required() and field.default_factory is None})


def _plain_values(values: Mapping[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, (SecretStr, SecretBytes)):
            continue
        try:
            plain[key] = to_published(value)
        except PydanticSerializationError:
            continue
    return plain


def _is_late(value: Any) -> bool:
    match value:
        case EnvReference():
            return True
        case BaseModel():
            return any(_is_late(item) for item in value.__dict__.values())
        case dict():
            return any(_is_late(item) for item in value.values())
        case list() | tuple():
            return any(_is_late(item) for item in value)
        case _:
            return False


def _refusal(error: Any, path: tuple[str, ...]) -> InvalidConfigError:
    where = (*path, *map(str, error["loc"]))
    return InvalidConfigError(where, "there is no such key" if error["type"] == "extra_forbidden" else str(error["msg"]))
