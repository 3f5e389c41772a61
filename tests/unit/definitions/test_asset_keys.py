"""Keys and names: what they may be, and what is said when they may not."""

from __future__ import annotations

import pickle

import pytest

import partita as pt
from partita.definitions.keys import check_name, check_op_name


@pytest.mark.parametrize("key", ["a", "marts/orders", "1a", "a.b", "a-b_c", "x/1/y"])
def test_a_key_is_segments_joined_by_slashes(key: str) -> None:
    assert str(pt.AssetKey(key)) == key
    assert pt.AssetKey(key).path == tuple(key.split("/"))


def test_a_key_may_be_given_as_its_segments() -> None:
    key = pt.AssetKey(["marts", "orders"])

    assert key == pt.AssetKey("marts/orders")
    assert hash(key) == hash(pt.AssetKey("marts/orders"))
    assert key.name == "orders"
    assert repr(key) == "AssetKey('marts/orders')"


def test_a_key_survives_pickling() -> None:
    copy = pickle.loads(pickle.dumps(pt.AssetKey("a/b")))

    assert copy == "a/b"
    assert isinstance(copy, pt.AssetKey)


@pytest.mark.parametrize(
    ("key", "fault"),
    [
        ("", "empty"),
        ("/a", "empty"),
        ("a/", "empty"),
        ("a//b", "empty"),
        ("a b", "' '"),
        ("a|b", "'|'"),
        ("größe", "'ö'"),
        ("a\n", "'\\n'"),
        ("..", "dots"),
        ("a/../b", "dots"),
        ([], "empty"),
        (["a", ""], "empty"),
        (["a/b"], "slash"),
        ([1], "not text"),
        (5, "not an asset key"),
    ],
)
def test_what_is_no_key_is_refused_with_the_reason(key: object, fault: str) -> None:
    with pytest.raises(pt.DefinitionError) as caught:
        pt.AssetKey(key)  # type: ignore[arg-type]

    assert fault in str(caught.value)


def test_names_of_ops_have_no_dots_because_dots_join_handles() -> None:
    assert check_name("job", "nightly.eu") == "nightly.eu"
    with pytest.raises(pt.DefinitionError, match=r"'a\.b'"):
        check_op_name("an op", "a.b")
