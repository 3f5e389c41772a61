"""Groups, kinds, owners and tags: the words that assets are found by, and what they may be made of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from partita.definitions.ordering import in_order
from partita.definitions.texts import unstorable
from partita.errors import DefinitionError

_GROUP = re.compile(r"[A-Za-z0-9_]+(/[A-Za-z0-9_]+)*")
_LABEL = re.compile(r"[A-Za-z0-9_.-]{1,63}")
_TAG_NAME = re.compile(r"([A-Za-z0-9_.-]{1,63}/)?[A-Za-z0-9_.-]{1,63}")
_TAG_VALUE = re.compile(r"[A-Za-z0-9_.-]{0,63}")
_OWNER = re.compile(r"team:\S[^\n]*|[^@\s]+@[^@\s]+\.[^@\s]+")


def check_io_manager(name: str) -> str:
    """`name`, if it is one: what stores values is given to the repository, and asked for by name.

    Raises:
        DefinitionError: it is something else.
    """
    if not isinstance(name, str):
        raise DefinitionError(f"io_manager={name!r}: give a name, such as 'lake', and the repository io_managers={{'lake': ...}}.")
    return name


@lru_cache(maxsize=4096)
def check_group(group: str) -> str:
    """`group`, if a group may be called so.

    Raises:
        DefinitionError: it is empty, or holds more than letters, digits and `_`, joined by `/`.
    """
    if not isinstance(group, str) or not _GROUP.fullmatch(group):
        raise DefinitionError(f"group {group!r} is not a group. Use letters, digits and '_', and '/' between words.")
    return group


def check_kinds(kinds: Iterable[str]) -> tuple[str, ...]:
    """`kinds`, if each may be a kind.

    Raises:
        DefinitionError: one is empty, too long or holds other characters; or `kinds` is a text instead of a list.
    """
    return tuple(_check_kind(kind) for kind in _listed("kinds", kinds)) if kinds else ()


def check_owners(owners: Iterable[str]) -> tuple[str, ...]:
    """`owners`, if each is a mail address or `team:name`.

    Raises:
        DefinitionError: one is neither; or `owners` is a text instead of a list.
    """
    return tuple(_check_owner(owner) for owner in _listed("owners", owners)) if owners else ()


def check_tags(tags: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """`tags` in order of name, if each may be a tag.

    Raises:
        DefinitionError: a name or value that is too long or holds other characters.
    """
    if not isinstance(tags, Mapping):
        raise DefinitionError(f"tags={tags!r}: give a mapping, such as tags={{'team': 'etl'}}.")
    return tuple(sorted(_check_tag(name, value) for name, value in tags.items())) if tags else ()


def to_tags(tags: Mapping[str, str] | None) -> tuple[tuple[str, str], ...]:
    """Tags of ops and runs, which hold any text, in order of name.

    Raises:
        DefinitionError: it is no mapping, or holds a name or value that is not text.
    """
    if not isinstance(tags, (Mapping, type(None))):
        raise DefinitionError(f"tags={tags!r}: give a mapping, such as tags={{'team': 'etl'}}.")
    for name, value in (tags or {}).items():
        if not isinstance(name, str) or not isinstance(value, str) or not name:
            raise DefinitionError(f"tags: {name!r}: {value!r} is not a tag. Names and values are text, and a name is not empty.")
        if (letter := unstorable(name + value)) is not None:
            raise DefinitionError(f"tags: {name!r}: {value!r} holds {letter!r}, which cannot be stored.")
    return tuple(sorted((tags or {}).items()))


def _listed(what: str, values: Iterable[str]) -> Iterable[str]:
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise DefinitionError(f"{what}={values!r} is no list. Give one: {what}=[{values!r}].")
    return in_order(values, of=values)


@lru_cache(maxsize=4096)
def _check_kind(kind: str) -> str:
    if not isinstance(kind, str) or not _LABEL.fullmatch(kind):
        raise DefinitionError(f"kind {kind!r} is not a kind. Use up to 63 letters, digits, '_', '.' and '-'.")
    return kind


@lru_cache(maxsize=4096)
def _check_owner(owner: str) -> str:
    if not isinstance(owner, str) or not _OWNER.fullmatch(owner):
        raise DefinitionError(f"owner {owner!r} is neither a mail address nor a team. Write 'ann@example.org' or 'team:data'.")
    return owner


@lru_cache(maxsize=4096)
def _check_tag(name: str, value: str) -> tuple[str, str]:
    if not isinstance(name, str) or not _TAG_NAME.fullmatch(name):
        raise DefinitionError(
            f"tag {name!r} cannot be a tag's name. Use up to 63 letters, digits, '_', '.' and '-', and at most one prefix of the same before a '/'."
        )
    if not isinstance(value, str) or not _TAG_VALUE.fullmatch(value):
        raise DefinitionError(f"tag {name!r} has the value {value!r}. Use up to 63 letters, digits, '_', '.' and '-'; a value may be empty.")
    return name, value
