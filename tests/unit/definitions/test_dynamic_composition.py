"""Dynamic outputs in the bodies of graphs and jobs: mapped, collected, and nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

import partita as pt
from partita.definitions.specs import NodeSpec, Upstream


@pt.op(out=pt.DynamicOut(description="names"))
def shards() -> Iterator[pt.DynamicOutput[str]]:
    yield pt.DynamicOutput("a", mapping_key="a")
    yield pt.DynamicOutput("b", mapping_key="b")


@pt.op(out={"parts": pt.DynamicOut(io_manager="lake"), "count": pt.Out()})
def cut(text: str) -> Iterator[Any]:
    yield pt.Output(len(text), output="count")


@pt.op
def clean(x: str) -> str:
    return x.upper()


@pt.op
def store(x: str) -> None: ...


@pt.op
def both(x: str, y: str) -> str:
    return x + y


@pt.op
def report(xs: list[str]) -> str:
    return ",".join(xs)


@pt.op(ins={"after": pt.In(pt.Nothing)})
def finish() -> None: ...


@pt.op(out=pt.DynamicOut())
def letters(x: str) -> Iterator[pt.DynamicOutput[str]]:
    for letter in x:
        yield pt.DynamicOutput(letter, mapping_key=letter)


@pt.op(out={"even": pt.Out(optional=True), "odd": pt.Out(optional=True)})
def split(x: str) -> Iterator[pt.Output[str]]:
    yield pt.Output(x, output="even")


@pt.graph
def load_one(x: str) -> str:
    return clean(clean(x))


@pt.graph
def spread(text: str) -> Any:
    return letters(text)


def node(body: Callable[..., Any], name: str) -> NodeSpec:
    return next(each for each in pt.graph(body).spec.nodes if each.name == name)


def test_a_dynamic_output_says_so() -> None:
    (output,) = shards.spec.outputs
    parts, count = cut.spec.outputs

    assert (output.is_dynamic, output.is_required, output.description) == (True, False, "names")
    assert (parts.name, parts.is_dynamic, parts.io_manager) == ("parts", True, "lake")
    assert (count.is_dynamic, count.is_required) == (False, True)


def test_a_mapped_op_takes_the_item_and_a_collected_one_the_list() -> None:
    def body() -> None:
        report(shards().map(clean).collect())

    assert node(body, "clean") == NodeSpec(name="clean", definition="clean", inputs=(("x", (Upstream(node="shards"),)),), is_mapped=True)
    assert node(body, "report").inputs == (("xs", (Upstream(node="clean", collects=True),)),)
    assert not node(body, "report").is_mapped


def test_what_is_made_of_an_item_is_mapped_too() -> None:
    def body() -> None:
        shards().map(clean).map(lambda x: both(x, clean(x)))

    nodes = pt.graph(body).spec.nodes

    assert [(each.name, each.is_mapped) for each in nodes] == [("shards", False), ("clean", True), ("clean_2", True), ("both", True)]


def test_an_op_that_makes_nothing_of_the_item_is_called_once() -> None:
    @pt.op
    def constant() -> str:
        return "c"

    def body() -> None:
        shards().map(lambda x: both(x, constant()))

    assert not node(body, "constant").is_mapped
    assert node(body, "both").is_mapped


def test_the_items_themselves_can_be_collected() -> None:
    def body() -> None:
        report(shards().collect())

    assert node(body, "report").inputs == (("xs", (Upstream(node="shards", collects=True),)),)


def test_two_ops_may_take_the_same_dynamic_output() -> None:
    def body() -> None:
        names = shards()
        report(names.map(clean).collect())
        names.map(store)

    assert [each.name for each in pt.graph(body).spec.nodes if each.is_mapped] == ["clean", "store"]


def test_one_of_several_outputs_may_be_dynamic() -> None:
    def body() -> None:
        found = cut("ab")
        found.parts.map(lambda part: both(part, found.count))

    assert dict(node(body, "both").inputs) == {"x": (Upstream(node="cut", output="parts"),), "y": (Upstream(node="cut", output="count"),)}


def test_several_outputs_of_a_mapped_op_are_each_dynamic() -> None:
    def body() -> None:
        halves = shards().map(split)
        report(halves.even.collect())
        report(halves.odd.collect())

    assert node(body, "report_2").inputs == (("xs", (Upstream(node="split", output="odd", collects=True),)),)


def test_waiting_for_a_dynamic_output_is_waiting_for_all_of_it() -> None:
    def body() -> None:
        finish(after=shards().map(store))

    assert node(body, "finish").inputs == (("after", (Upstream(node="store", collects=True),)),)


def test_a_graph_may_return_what_is_dynamic() -> None:
    @pt.graph
    def cleaned() -> Any:
        return shards().map(clean)

    def body() -> None:
        report(cleaned().map(clean).collect())

    assert [each.is_dynamic for each in cleaned.outputs] == [True]
    assert node(body, "clean").is_mapped


def test_a_graph_may_return_a_collected_list() -> None:
    @pt.graph
    def listed() -> Any:
        return shards().map(clean).collect()

    def body() -> None:
        report(listed())

    assert [each.is_dynamic for each in listed.outputs] == [False]
    assert listed.spec.outputs == (("result", Upstream(node="clean", collects=True)),)
    assert node(body, "report").inputs == (("xs", (Upstream(node="listed"),)),)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (lambda: clean(shards()), r"passes <the output of 'shards', which is dynamic> to input 'x' of op 'clean'. Use .map\(...\)"),
        (lambda: report([shards()]), "mixes outputs"),
        (lambda: report([clean("x"), shards().collect()]), "holds a collected list"),
        (lambda: report(shards().map(lambda x: None)), "passes <the outputs .none. of 'a function .*> .* Return something from it"),
        (lambda: shards().map(lambda x: None).collect(), "takes output 'collect' of 'a function that returns nothing'. It has none"),
        (lambda: [*shards()], "works with .* 'shards', which is dynamic> .iteration"),
        (lambda: shards() + 1, r"which is dynamic> \(\+\)"),
        (lambda: shards().items, r"takes 'items' of .*\.map\(\.\.\.\)"),
        (
            lambda: shards().map(letters),
            "maps op 'letters' over <the item of .*>, yet it has a dynamic output.* cannot be nested",
        ),
        (lambda: shards().map(spread), "maps graph 'spread' over .*, yet op 'letters' in it has a dynamic output"),
        (lambda: shards().map(lambda x: letters.alias("l")(x)), "cannot be nested"),
        (lambda: shards().map(lambda x: letters("x").map(lambda y: both(x, y))), "which come from two dynamic outputs. Collect one of them"),
        (lambda: shards().map(lambda x: 3), "maps .* by a function that returns 3"),
        (lambda: shards().map(lambda x: clean("x")), "makes nothing of its item"),
        (lambda: shards().map("clean"), "by 'clean'. Give an op"),
        (lambda: both(*[split("x").even, shards()]), "passes <the output of 'shards'"),
    ],
)
def test_what_a_body_cannot_do_with_a_dynamic_output_is_refused_in_words(body: Callable[[], Any], problem: str) -> None:
    def job() -> None:
        body()

    with pytest.raises(pt.DefinitionError, match=problem):
        pt.job(job)


def test_an_item_cannot_leave_its_graph() -> None:
    kept: list[Any] = []

    def leaky() -> Any:
        shards().map(lambda x: kept.append(clean(x)))
        return kept[0]

    with pytest.raises(pt.DefinitionError, match="one of many"):
        pt.graph(leaky)


def test_a_dynamic_output_of_another_body_is_refused() -> None:
    kept: list[Any] = []

    def first() -> None:
        kept.append(shards())

    pt.graph(first)

    def second() -> None:
        kept[0].map(clean)

    with pytest.raises(pt.DefinitionError, match="belongs to the body of another graph"):
        pt.graph(second)


def test_a_dynamic_output_holds_something() -> None:
    with pytest.raises(pt.DefinitionError, match=r"its output is dynamic.*'-> None'"):

        @pt.op(out=pt.DynamicOut())  # type: ignore[arg-type]
        def nothing() -> None: ...


def test_an_output_is_an_out() -> None:
    with pytest.raises(pt.DefinitionError, match="is no output"):

        @pt.op(out={"x": pt.In()})  # type: ignore[dict-item]
        def wrong() -> None: ...


@pytest.mark.parametrize("key", ["", "a b", "a/b", "a[b]", 3])
def test_a_mapping_key_that_cannot_be_is_refused_in_words(key: Any) -> None:
    with pytest.raises(pt.ExecutionError, match="is not a mapping key"):
        pt.DynamicOutput(1, mapping_key=key)


def test_outside_of_graphs_a_dynamic_op_gives_its_items() -> None:
    assert [(each.mapping_key, each.value) for each in shards()] == [("a", "a"), ("b", "b")]
    assert shards().map(clean).map(load_one).collect() == ["A", "B"]
    assert [each.mapping_key for each in shards().map(clean)] == ["a", "b"]


def test_an_async_dynamic_op_stays_an_async_function() -> None:
    @pt.op(out=pt.DynamicOut())
    async def slowly() -> AsyncIterator[pt.DynamicOutput[int]]:
        yield pt.DynamicOutput(1, mapping_key="a")

    assert slowly.spec.is_async
    assert hasattr(slowly(), "__anext__")
