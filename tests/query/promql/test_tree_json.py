"""The tree has the form that Prometheus' user interface reads."""

from __future__ import annotations

from typing import Any

import pytest

from backbone.query.promql.parser import parse
from backbone.query.promql.tree_json import tree

_UP: dict[str, Any] = {
    "type": "vectorSelector",
    "name": "up",
    "offset": 0,
    "matchers": [{"name": "__name__", "type": "=", "value": "up"}],
    "timestamp": None,
    "startOrEnd": None,
    "anchored": False,
    "smoothed": False,
}
_ONE = {"type": "numberLiteral", "val": "1"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("0.00000012", {"type": "numberLiteral", "val": "0.00000012"}, id="a small number"),
        pytest.param("1e21", {"type": "numberLiteral", "val": "1000000000000000000000"}, id="a large number"),
        pytest.param("-Inf", {"type": "numberLiteral", "val": "-Inf"}, id="no finite number"),
        pytest.param("'a'", {"type": "stringLiteral", "val": "a"}, id="a string"),
        pytest.param("up @ 1 offset 1s", {**_UP, "timestamp": 1000, "offset": 1000}, id="a selector"),
        pytest.param("up @ end()", {**_UP, "startOrEnd": "end"}, id="the end"),
        pytest.param(
            "up[5m] smoothed", {**_UP, "type": "matrixSelector", "range": 300_000, "smoothed": True}, id="a range"
        ),
        pytest.param(
            "up[5m:]",
            {"type": "subquery", "expr": _UP, "range": 300_000, "step": 0, "offset": 0, "timestamp": None}
            | {"startOrEnd": None},
            id="a subquery",
        ),
        pytest.param(
            "(-up)", {"type": "parenExpr", "expr": {"type": "unaryExpr", "op": "-", "expr": _UP}}, id="a sign"
        ),
        pytest.param(
            "round(up)",
            {
                "type": "call",
                "func": {"name": "round", "argTypes": ["vector", "scalar"], "variadic": 1, "returnType": "vector"},
                "args": [_UP],
            },
            id="a call",
        ),
        pytest.param(
            "topk by (a) (1, up)",
            {"type": "aggregation", "op": "topk", "without": False, "grouping": ["a"], "expr": _UP, "param": _ONE},
            id="an aggregation",
        ),
        pytest.param(
            "up > bool 1",
            {"type": "binaryExpr", "op": ">", "bool": True, "lhs": _UP, "rhs": _ONE, "matching": None},
            id="a comparison",
        ),
        pytest.param(
            "up * on (a) group_left (b) up",
            {
                "type": "binaryExpr",
                "op": "*",
                "bool": False,
                "lhs": _UP,
                "rhs": _UP,
                "matching": {
                    "card": "many-to-one",
                    "labels": ["a"],
                    "on": True,
                    "include": ["b"],
                    "fillValues": {"lhs": None, "rhs": None},
                },
            },
            id="a matching",
        ),
    ],
)
def test_a_tree_has_this_form(text: str, expected: dict[str, Any]) -> None:
    assert tree(parse(text)) == expected
