"""Run config as its author gives it: a dict, a model, YAML or JSON text."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import Enum
from math import isfinite
from pathlib import PurePath
from typing import Any

import yaml

from partita.definitions.ordering import in_order
from partita.definitions.texts import unstorable
from partita.errors import DefinitionError, InvalidConfigError


def to_run_config(config: Any) -> dict[str, Any] | None:
    """Run config as plain JSON: `{"steps": {...}, "resources": {...}}`; None stays None.

    Raises:
        InvalidConfigError: it is neither a mapping, nor a model, nor text that holds a mapping, or holds what JSON cannot.
    """
    if config is None:
        return None
    if isinstance(config, str):
        config = _read_text(config)
    plain = to_plain(config)
    if not isinstance(plain, dict):
        raise InvalidConfigError((), f"it is {type(config).__name__}, not a mapping such as {{'steps': {{'delays': {{'limit': 5}}}}}}")
    return plain


def to_stored_config(config: Any) -> dict[str, Any] | None:
    """The same, for config that is stored before it is used.

    Raises:
        InvalidConfigError: besides, it holds text or numbers that cannot be stored.
    """
    plain = to_run_config(config)
    _check_storable(plain, ())
    return plain


def declared_config(config: Any) -> dict[str, Any] | None:
    """The same for a definition.

    Raises:
        DefinitionError: it is no config.
    """
    try:
        return to_stored_config(config)
    except InvalidConfigError as error:
        raise DefinitionError(f"config: {error}") from error


def to_plain(value: Any, path: tuple[str, ...] = ()) -> Any:
    """`value` as plain JSON: models as dicts, `pt.EnvVar("NAME")` as `{"env": "NAME"}`.

    Raises:
        InvalidConfigError: it holds something that JSON cannot.
    """
    match value:
        case Enum():
            return to_plain(value.value, path)
        case None | bool() | int() | float() | str():
            return value
        case Mapping():
            return {str(key): to_plain(item, (*path, str(key))) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return in_order((to_plain(item, (*path, str(index))) for index, item in enumerate(value)), of=value)
        case date():
            return value.isoformat()
        case PurePath():
            return str(value)
        case _ if hasattr(value, "__partita_plain__") and not isinstance(value, type):
            return value.__partita_plain__()
        case _:
            raise InvalidConfigError(path, f"{type(value).__name__} cannot be written as JSON")


def _check_storable(value: Any, path: tuple[str, ...]) -> None:
    match value:
        case dict():
            for key, item in value.items():
                _check_storable(key, path)
                _check_storable(item, (*path, key))
        case list():
            for index, item in enumerate(value):
                _check_storable(item, (*path, str(index)))
        case str() if (letter := unstorable(value, but="\0")) is not None:  # JSON writes NUL as ASCII
            raise InvalidConfigError(path, f"{value!a} holds {letter!r}, which cannot be stored")
        case int() if not -(2**63) <= value < 2**64:
            raise InvalidConfigError(path, "a whole number of more than 64 bits cannot be stored. Give it as text")
        case float() if not isfinite(value):
            raise InvalidConfigError(path, f"{value} cannot be written as JSON")
        case _:
            pass


def _read_text(text: str) -> Any:
    try:
        read = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InvalidConfigError((), f"it is not YAML: {error}") from error
    return {} if read is None else read
