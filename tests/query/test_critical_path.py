"""What a trace's duration is made of, and two traces side by side."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backbone.query.compare_traces import compare_traces
from backbone.query.critical_path import Node, critical_path, total_ns


def _node(span: str, parent: str, start: int, end: int) -> Node:
    return Node(span, parent, "s", span, start, end)


def _shown(nodes: list[Node]) -> list[tuple[str, int, int]]:
    return [(segment.node.span_id, segment.start_ns, segment.end_ns) for segment in critical_path(nodes)]


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param([_node("a", "", 0, 10)], [("a", 0, 10)], id="one span"),
        pytest.param(
            [_node("a", "", 0, 10), _node("b", "a", 2, 6)], [("a", 0, 2), ("b", 2, 6), ("a", 6, 10)], id="a child"
        ),
        pytest.param(
            [_node("a", "", 0, 10), _node("b", "a", 1, 5), _node("c", "a", 2, 8)],
            [("a", 0, 1), ("b", 1, 2), ("c", 2, 8), ("a", 8, 10)],
            id="children side by side: the last to end, and before it the other",
        ),
        pytest.param(
            [_node("a", "", 0, 10), _node("b", "a", 8, 15)], [("a", 0, 8), ("b", 8, 10)], id="a child that outlives it"
        ),
        pytest.param(
            [_node("a", "", 5, 10), _node("b", "a", 2, 7)], [("b", 5, 7), ("a", 7, 10)], id="a child from before it"
        ),
        pytest.param([_node("a", "", 0, 10), _node("b", "a", 20, 30)], [("a", 0, 10)], id="a child of another time"),
        pytest.param([_node("b", "lost", 0, 4)], [("b", 0, 4)], id="a parent that is not there"),
        pytest.param(
            [_node("a", "", 0, 4), _node("b", "", 1, 9)], [("b", 1, 9)], id="several roots: the one that ends last"
        ),
        pytest.param(
            [_node("a", "b", 0, 9), _node("b", "a", 1, 5)], [("a", 0, 1), ("b", 1, 5), ("a", 5, 9)], id="a circle"
        ),
        pytest.param([_node("a", "a", 0, 9)], [("a", 0, 9)], id="a span that is its own parent"),
    ],
)
def test_the_path_is_what_the_trace_waited_for(nodes: list[Node], expected: list[tuple[str, int, int]]) -> None:
    assert _shown(nodes) == expected


@st.composite
def _trees(draw: st.DrawFn) -> list[Node]:
    nodes = [_node("0", "", 0, draw(st.integers(1, 1_000)))]
    for number in range(1, draw(st.integers(1, 30))):
        parent = draw(st.sampled_from(nodes)).span_id
        start = draw(st.integers(-50, 1_000))
        nodes.append(_node(str(number), parent, start, start + draw(st.integers(0, 400))))
    return nodes


@given(_trees())
def test_the_path_fills_the_root_without_a_gap(nodes: list[Node]) -> None:
    path = critical_path(nodes)

    assert total_ns(path) == nodes[0].end_ns - nodes[0].start_ns
    assert [segment.start_ns for segment in path[1:]] == [segment.end_ns for segment in path[:-1]]
    for segment in path:
        assert segment.node.start_ns <= segment.start_ns < segment.end_ns <= segment.node.end_ns


def test_a_deep_trace_has_a_path() -> None:
    nodes = [_node(str(at), str(at - 1) if at else "", at, 20_000 - at) for at in range(5_000)]

    assert total_ns(critical_path(nodes)) == 20_000


def test_two_traces_are_compared_by_their_calls() -> None:
    left = [_node("a", "", 0, 100), Node("b", "a", "db", "get", 10, 20), Node("c", "a", "db", "get", 30, 40)]
    right = [
        _node("a", "", 0, 190), Node("x", "a", "db", "get", 10, 20), Node("y", "a", "db", "get", 30, 120),
        Node("z", "y", "disk", "read", 40, 50),
    ]  # fmt: skip

    found = [(pair.path[-1], pair.left_ns, pair.right_ns, pair.difference_ns) for pair in compare_traces(left, right)]

    assert found == [
        (("s", "a", 0), 100, 190, 90),
        (("db", "get", 1), 10, 90, 80),
        (("disk", "read", 0), None, 10, 10),
        (("db", "get", 0), 10, 10, 0),
    ]
