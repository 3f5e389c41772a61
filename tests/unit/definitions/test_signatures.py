"""What a function's parameters mean."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, Optional

import pytest

import partita as pt
from partita.definitions.signatures import signature_of

if TYPE_CHECKING:
    from decimal import Decimal as OnlyForTypeCheckers


class Place(pt.Config):
    path: str = "x"


class Warehouse(pt.Resource):
    path: str = "x"


class OwnContext(pt.Context):
    pass


def roles(function: Any) -> dict[str, str]:
    return {each.name: each.role for each in signature_of(function).parameters}


def test_annotations_say_what_a_parameter_takes() -> None:
    def step(ctx: OwnContext, flights: list[int], place: Place, warehouse: Warehouse, client: pt.Provided[dict[str, int]]) -> None: ...

    assert roles(step) == {"ctx": "context", "flights": "input", "place": "config", "warehouse": "resource", "client": "resource"}


def test_context_is_known_by_name_only_without_annotation() -> None:
    def bare(context): ...  # type: ignore[no-untyped-def]
    def annotated(context: int) -> None: ...

    assert roles(bare) == {"context": "context"}
    assert roles(annotated) == {"context": "input"}


def test_an_optional_config_is_a_config() -> None:
    def step(one: Place | None, two: int) -> None: ...
    def old(one: Optional[Place]) -> None: ...  # noqa: UP045

    assert roles(step)["one"] == "config"
    assert roles(old)["one"] == "config"
    assert signature_of(step).parameters[0].model is Place


def test_an_annotation_that_cannot_be_resolved_leaves_the_others_alone() -> None:
    def step(price: OnlyForTypeCheckers, place: Place) -> OnlyForTypeCheckers: ...

    signature = signature_of(step)

    assert roles(step) == {"price": "input", "place": "config"}
    assert [each.is_resolved for each in signature.parameters] == [False, True]
    assert signature.parameters[0].type_name == "OnlyForTypeCheckers"
    assert signature.return_type_name == "OnlyForTypeCheckers"


def test_classes_of_the_enclosing_function_are_found() -> None:
    class Local(pt.Config):
        n: int = 1

    def step(config: Local) -> None: ...

    assert roles(step) == {"config": "config"}


def test_a_default_makes_a_parameter_optional() -> None:
    def step(a: int, b: int = 3, *, c: int, d: int = 4) -> None: ...

    assert [(each.name, each.is_required) for each in signature_of(step).parameters] == [("a", True), ("b", False), ("c", True), ("d", False)]


def test_a_function_annotated_none_stores_nothing() -> None:
    def nothing() -> None: ...
    def something() -> int: ...
    def unknown(): ...  # type: ignore[no-untyped-def]
    def told() -> pt.Materialization[None]: ...

    assert [signature_of(each).stores_value for each in (nothing, something, unknown, told)] == [False, True, True, False]


def test_the_type_of_the_value_is_read_through_what_it_is_wrapped_in() -> None:
    def plain() -> dict[str, int]: ...
    def wrapped() -> pt.Materialization[list[int]]: ...
    def bare() -> pt.Materialization: ...  # type: ignore[type-arg]
    def yields() -> Iterator[pt.Output[int]]: ...

    assert [signature_of(each).return_type_name for each in (plain, wrapped, bare, yields)] == ["dict[str, int]", "list[int]", "Any", "Any"]
    assert signature_of(wrapped).return_annotation == list[int]


def test_how_a_function_runs_is_recorded() -> None:
    async def coroutine() -> int: ...
    def generator() -> Iterator[int]:
        yield 1

    async def both() -> AsyncIterator[int]:
        yield 1

    found = [signature_of(each) for each in (coroutine, generator, both)]

    assert [(each.is_async, each.is_generator) for each in found] == [(True, False), (False, True), (True, True)]


def test_a_decorated_function_is_read_through_its_wrapper() -> None:
    def plain(place: Place, flights: int) -> int: ...

    @wraps(plain)
    def outer(*args: Any, **kwargs: Any) -> Any:
        return plain(*args, **kwargs)

    assert roles(outer) == {"place": "config", "flights": "input"}


def test_partial_functions_and_methods_are_read_too() -> None:
    class Maker:
        def make(self, flights: int, place: Place) -> int: ...

    def scale(flights: int, factor: int) -> int: ...

    assert roles(Maker().make) == {"flights": "input", "place": "config"}
    assert roles(partial(scale, factor=2)) == {"flights": "input", "factor": "input"}


def test_rest_parameters_take_the_other_inputs() -> None:
    def step(a: int, **inputs: int) -> None: ...

    signature = signature_of(step)

    assert signature.takes_rest
    assert [each.name for each in signature.parameters] == ["a"]


def test_parameters_that_have_no_name_to_pass_by_are_refused() -> None:
    def positional(a: int, /) -> None: ...
    def several(*flights: int) -> None: ...

    for function, name in ((positional, "a"), (several, "flights")):
        with pytest.raises(pt.SignatureError, match=f"'{name}'"):
            signature_of(function)


def test_two_configs_or_contexts_are_refused() -> None:
    def configs(one: Place, two: Place) -> None: ...
    def contexts(context, other: OwnContext) -> None: ...  # type: ignore[no-untyped-def]

    with pytest.raises(pt.SignatureError, match="'one' and 'two'"):
        signature_of(configs)
    with pytest.raises(pt.SignatureError, match="'context' and 'other'"):
        signature_of(contexts)


@pytest.mark.parametrize("subject", ["delays", 5, None, int])
def test_what_is_no_function_is_refused(subject: Any) -> None:
    with pytest.raises(pt.SignatureError, match="not a function"):
        signature_of(subject)
