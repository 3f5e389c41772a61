"""Node ids lead back to what they stand for, and to nothing else."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partita.api.ids import ASSET, CHECK, JOB, LOCATION, REPOSITORY, decode_id, encode_id
from partita.definitions.keys import AssetKey

LENGTHS = {LOCATION: 1, REPOSITORY: 2, JOB: 3, ASSET: 1, CHECK: 2}


@given(kind=st.sampled_from(sorted(LENGTHS)), names=st.lists(st.text(max_size=20), min_size=3, max_size=3))
def test_an_id_leads_back_to_kind_and_natural_key(kind: str, names: list[str]) -> None:
    parts = names[: LENGTHS[kind]]
    node_id = encode_id(kind, *parts)

    assert decode_id(node_id) == (kind, tuple(parts))
    assert re.fullmatch(r"[A-Za-z0-9_-]+", node_id)


@given(text=st.text(max_size=60))
def test_any_other_text_is_no_id(text: str) -> None:
    decoded = decode_id(text)

    assert decoded is None or encode_id(decoded[0], *decoded[1]) == text


def test_an_id_of_another_kind_is_refused() -> None:
    assert decode_id(encode_id(ASSET, "a/b"), JOB) is None


def test_an_asset_key_encodes_as_the_text_it_is() -> None:
    assert encode_id(ASSET, AssetKey("a/b")) == encode_id(ASSET, "a/b")


@pytest.mark.parametrize("padded", ["=", "==", "\n"])
def test_an_id_has_one_spelling(padded: str) -> None:
    assert decode_id(encode_id(ASSET, "raw") + padded) is None


def test_a_natural_key_with_too_many_parts_is_refused() -> None:
    assert decode_id(encode_id(JOB, "only", "two")) is None
