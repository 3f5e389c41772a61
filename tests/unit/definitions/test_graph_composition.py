"""Ops and graphs: bodies become nodes and edges, and nothing else may happen in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

import partita as pt
from partita.definitions.specs import GraphSpec, NodeSpec, Upstream

if TYPE_CHECKING:
    from partita import OpContext as OnlyForTypeCheckers


class Source(pt.Config):
    path: str


@pt.op
def extract(context, config: Source) -> int:  # type: ignore[no-untyped-def]
    return 1


@pt.op
def clean(x: int, factor: int = 2) -> int:
    return x * factor


@pt.op
def merge(xs: list[int]) -> int:
    return sum(xs)


@pt.op(out={"even": pt.Out(optional=True), "odd": pt.Out(optional=True, io_manager="lake")})
def split(n: int) -> Iterator[pt.Output[int]]:
    yield pt.Output(n, output="even" if n % 2 == 0 else "odd")


@pt.op
def tidy() -> None: ...


@pt.op(ins={"after": pt.In(pt.Nothing)})
def report() -> int:
    return 1


def spec_of(body: Callable[..., Any]) -> GraphSpec:
    return pt.graph(body).spec


def edges(spec: GraphSpec) -> dict[str, dict[str, list[str]]]:
    """Input name to its sources, for every node."""

    def place(upstream: Upstream) -> str:
        return f"{upstream.node}.{upstream.output}" if upstream.node is not None else f"<{upstream.output}>"

    return {node.name: {name: [place(each) for each in sources] for name, sources in node.inputs} for node in spec.nodes}


def test_an_op_says_what_goes_in_and_what_comes_out() -> None:
    assert [(each.name, each.type_name, each.is_required) for each in clean.spec.inputs] == [("x", "int", True), ("factor", "int", False)]
    assert [(each.name, each.type_name) for each in clean.spec.outputs] == [("result", "int")]
    assert [(each.name, each.is_required, each.io_manager) for each in split.spec.outputs] == [("even", False, "io_manager"), ("odd", False, "lake")]
    assert extract.spec.inputs == ()
    assert extract.spec.config is not None
    assert tidy.spec.outputs[0].is_nothing
    assert [(each.name, each.is_nothing) for each in report.spec.inputs] == [("after", True)]


def test_an_op_is_called_like_its_function_outside_of_graphs() -> None:
    assert clean(3) == 6
    assert clean.alias("again")(3, factor=3) == 9
    assert extract(None, Source(path="x")) == 1


def test_calls_become_nodes_and_their_results_edges() -> None:
    def body() -> None:
        merge([clean(extract())])

    spec = spec_of(body)

    assert [node.name for node in spec.nodes] == ["extract", "clean", "merge"]
    assert edges(spec) == {"extract": {}, "clean": {"x": ["extract.result"]}, "merge": {"xs": ["clean.result"]}}


def test_repeated_calls_are_numbered() -> None:
    def body() -> None:
        clean(clean(clean(1)))

    assert [node.name for node in spec_of(body).nodes] == ["clean", "clean_2", "clean_3"]


def test_numbers_step_over_aliases() -> None:
    def body() -> None:
        clean.alias("clean_2")(1)
        clean(1)
        clean(1)

    assert [node.name for node in spec_of(body).nodes] == ["clean_2", "clean", "clean_3"]


def test_an_alias_names_a_node() -> None:
    def body() -> None:
        clean.alias("again")(x=extract())

    node = spec_of(body).nodes[1]

    assert (node.name, node.definition) == ("again", "clean")


def test_several_outputs_are_attributes() -> None:
    def body() -> None:
        parts = split(3)
        clean(parts.odd)
        merge([parts.even, parts.odd])

    assert edges(spec_of(body))["clean"] == {"x": ["split.odd"]}
    assert edges(spec_of(body))["merge"] == {"xs": ["split.even", "split.odd"]}


def test_several_outputs_can_be_unpacked_in_order() -> None:
    def body() -> None:
        even, odd = split(3)
        clean(odd)
        clean(even)

    assert edges(spec_of(body))["clean"] == {"x": ["split.odd"]}


def test_a_single_named_output_can_be_named_or_not() -> None:
    @pt.op(out={"only": pt.Out()})
    def one() -> int: ...

    def body() -> None:
        clean(one().only)
        clean(one())

    assert edges(spec_of(body))["clean"] == {"x": ["one.only"]}
    assert edges(spec_of(body))["clean_2"] == {"x": ["one_2.only"]}


def test_plain_values_are_constants_of_the_node() -> None:
    def body() -> None:
        clean(3, factor=5)
        merge([1, 2, {"a": None}])  # type: ignore[list-item]

    nodes = spec_of(body).nodes

    assert nodes[0] == NodeSpec(name="clean", definition="clean", values=(("x", 3), ("factor", 5)))
    assert nodes[1].values == (("xs", [1, 2, {"a": None}]),)


def test_order_without_data() -> None:
    def body() -> None:
        report(after=tidy())
        report([tidy(), clean(1)])

    assert edges(spec_of(body))["report"] == {"after": ["tidy.result"]}
    assert edges(spec_of(body))["report_2"] == {"after": ["tidy_2.result", "clean.result"]}


def test_a_graph_has_inputs_and_outputs() -> None:
    @pt.graph
    def load_one(x: int) -> int:
        """One thing."""
        return merge([clean(x)])

    assert load_one.spec.inputs == ("x",)
    assert load_one.spec.outputs == (("result", Upstream(node="merge")),)
    assert load_one.spec.description == "One thing."
    assert edges(load_one.spec)["clean"] == {"x": ["<x>"]}
    assert load_one(3) == 6


def test_a_graph_may_have_several_outputs() -> None:
    @pt.graph
    def named(n: int) -> Any:
        return {"cleaned": clean(n), "odd": split(n).odd}

    @pt.graph
    def all_of(n: int) -> Any:
        return split(n)

    def body() -> None:
        clean(named(3).odd)
        clean(all_of(3).even)

    assert named.spec.outputs == (("cleaned", Upstream(node="clean")), ("odd", Upstream(node="split", output="odd")))
    assert [each.is_required for each in named.outputs] == [True, False]
    assert edges(spec_of(body))["clean"] == {"x": ["named.odd"]}
    assert edges(spec_of(body))["clean_2"] == {"x": ["all_of.even"]}


def test_graphs_nest() -> None:
    @pt.graph
    def inner(x: int) -> int:
        return clean(x)

    @pt.graph
    def outer(x: int, y: int = 4) -> int:
        return merge([inner(x), inner.alias("again")(y)])

    @pt.job
    def whole() -> None:
        outer(outer(1), y=2)

    nodes = whole.graph.spec.nodes if whole.graph is not None else ()
    assert [(node.name, node.kind) for node in nodes] == [("outer", "graph"), ("outer_2", "graph")]
    assert nodes[0].values == (("x", 1), ("y", 4))
    assert nodes[1].values == (("y", 2),)
    assert [node.name for node in outer.spec.nodes] == ["inner", "again", "merge"]
    spec = pt.Repository("r", jobs=[whole]).spec
    assert [each.name for each in spec.graphs] == ["whole", "outer", "inner"]
    assert [each.name for each in spec.ops] == ["clean", "merge"]


def test_rest_parameters_of_an_op_are_inputs_named_in_ins() -> None:
    @pt.op(ins={"a": pt.In(), "b": pt.In()})
    def gather(**inputs: int) -> int: ...

    def body() -> None:
        gather(a=clean(1), b=clean(2))

    assert edges(spec_of(body))["gather"] == {"a": ["clean.result"], "b": ["clean_2.result"]}


def fed_nothing() -> None:
    clean()  # type: ignore[call-arg]


def fed_too_much() -> None:
    tidy(clean(1))  # type: ignore[call-arg]


def fed_unknown() -> None:
    clean(1, facor=2)  # type: ignore[call-arg]


def fed_twice() -> None:
    clean(1, x=2)  # type: ignore[misc]


def adds() -> None:
    clean(clean(1) + 1)


def branches() -> None:
    if clean(1):
        tidy()


def compares() -> None:
    if clean(1) == 3:
        tidy()


def loops() -> None:
    for each in clean(1):  # type: ignore[attr-defined]
        clean(each)


def counts() -> None:
    clean(len(split(1)))


def formats() -> None:
    clean(f"{clean(1)}")  # type: ignore[arg-type]


def takes_attribute() -> None:
    clean(clean(1).real)


def takes_item() -> None:
    clean(merge([])[0])  # type: ignore[index]


def names_unknown_output() -> None:
    clean(split(1).evn)


def passes_all_outputs() -> None:
    clean(split(1))


def passes_an_op() -> None:
    clean(merge)  # type: ignore[arg-type]


def passes_an_object() -> None:
    clean(object())  # type: ignore[arg-type]


def passes_too_large_a_number() -> None:
    clean(2**70)


def passes_infinity() -> None:
    clean(float("inf"))  # type: ignore[arg-type]


def mixes() -> None:
    merge([clean(1), 2])


def uses_nothing() -> None:
    clean(tidy())  # type: ignore[arg-type]


def waits_for_a_value() -> None:
    report(after=3)


def aliases_twice() -> None:
    clean.alias("a")(1)
    clean.alias("a")(1)


def aliases_badly() -> None:
    clean.alias("a.b")(1)


def returns_a_list() -> Any:
    return [clean(1), clean(2)]


def returns_a_number() -> Any:
    return 5


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (fed_nothing, "without its input 'x'"),
        (fed_too_much, "passes 1 inputs to op 'tidy', which takes 0"),
        (fed_unknown, "Did you mean 'factor'?"),
        (fed_twice, "input 'x' to op 'clean' twice"),
        (adds, "works with <the output of 'clean'> (+)"),
        (branches, "works with <the output of 'clean'> (its truth)"),
        (compares, "(==)"),
        (loops, "(iteration)"),
        (counts, "(len)"),
        (formats, "(formatting)"),
        (takes_attribute, "takes 'real'"),
        (takes_item, "([...])"),
        (names_unknown_output, "Did you mean 'even'?"),
        (passes_all_outputs, "Name one of them"),
        (passes_an_op, "Did you mean to call it?"),
        (passes_an_object, "a plain JSON value"),
        (passes_too_large_a_number, "a plain JSON value"),
        (passes_infinity, "a plain JSON value"),
        (mixes, "mixes outputs with something else"),
        (uses_nothing, "pt.In(pt.Nothing)"),
        (waits_for_a_value, "only waits"),
        (aliases_twice, "two nodes called 'a'"),
        (aliases_badly, "'a.b'"),
        (returns_a_list, "without names"),
        (returns_a_number, "returns int"),
    ],
)
def test_what_a_body_may_not_do_is_refused_with_file_and_line(body: Callable[[], Any], fault: str) -> None:
    with pytest.raises(pt.DefinitionError) as caught:
        pt.job(body)

    first = body.__code__.co_firstlineno
    assert f"job '{body.__name__}': " in str(caught.value)
    assert fault in str(caught.value)
    assert caught.value.file == __file__
    assert caught.value.line is not None
    assert first <= caught.value.line <= first + 2


def test_a_handle_does_not_leave_its_body() -> None:
    kept: list[Any] = []

    def first() -> None:
        kept.append(clean(1))

    def second() -> None:
        clean(kept[0])

    pt.graph(first)
    with pytest.raises(pt.DefinitionError, match="belongs to the body of another graph"):
        pt.graph(second)


def test_returning_an_own_input_is_refused() -> None:
    with pytest.raises(pt.DefinitionError, match="its own input 'x'"):

        @pt.graph
        def through(x: int) -> int:
            return x


def test_an_unresolved_annotation_is_told_where_it_matters() -> None:
    @pt.op
    def step(context: OnlyForTypeCheckers) -> int: ...

    def body() -> None:
        step()

    with pytest.raises(pt.SignatureError, match="'OnlyForTypeCheckers' cannot be resolved"):
        pt.graph(body)


def test_defaults_of_a_graph_are_plain() -> None:
    with pytest.raises(pt.SignatureError, match="parameter 'x' is not plain JSON"):

        @pt.graph
        def bad(x: Any = object()) -> int:  # noqa: B008 (the point)
            return clean(x)


def test_a_job_takes_no_inputs() -> None:
    with pytest.raises(pt.DefinitionError, match="its body takes 'x'"):

        @pt.job  # type: ignore[arg-type]
        def bad(x: int) -> None:
            clean(x)


def test_an_op_without_outputs_is_refused() -> None:
    with pytest.raises(pt.DefinitionError, match="names no output"):
        pt.op(out={}, name="x")(lambda: 1)


def test_an_error_of_the_body_itself_comes_through() -> None:
    def broken() -> None:
        raise KeyError("own")

    with pytest.raises(KeyError, match="own"):
        pt.graph(broken)
    assert clean(2) == 4
