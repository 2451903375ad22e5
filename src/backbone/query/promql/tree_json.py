"""The syntax tree as ``/api/v1/parse_query`` gives it to Prometheus' user interface."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

from backbone.query.promql.ast import (
    Aggregation,
    Binary,
    Call,
    Duration,
    Edge,
    Expr,
    Matching,
    MatrixSelector,
    NumberLiteral,
    Paren,
    StringLiteral,
    Subquery,
    Unary,
    VectorSelector,
)
from backbone.query.promql.functions import FUNCTIONS
from backbone.query.promql.literals import show_number


def tree(expr: Expr) -> dict[str, Any]:
    """
    Return the node and what is below it, ready for JSON; lengths and times are in milliseconds.

    A duration that depends on the query's step or range is 0 until `durations.resolve` has made it a number.
    """
    node: dict[str, Any]
    match expr:
        case NumberLiteral(value=value):
            node = {"type": "numberLiteral", "val": _plain(value)}
        case StringLiteral(value=text):
            node = {"type": "stringLiteral", "val": text.encode("utf-8", "replace").decode()}
        case VectorSelector() | MatrixSelector():
            node = _selector(expr)
        case Subquery():
            lengths = {"range": _ms(expr.range), "step": _ms(expr.step or 0), "offset": _ms(expr.offset)}
            node = {"type": "subquery", "expr": tree(expr.inner), **lengths, **_at(expr.at)}
        case Paren():
            node = {"type": "parenExpr", "expr": tree(expr.inner)}
        case Unary():
            node = {"type": "unaryExpr", "op": expr.operator, "expr": tree(expr.operand)}
        case Call():
            node = {"type": "call", "func": _function(expr.function), "args": list(map(tree, expr.arguments))}
        case Aggregation():
            head = {"type": "aggregation", "op": expr.operator, "without": expr.without}
            parameter = tree(expr.parameter) if expr.parameter else None
            node = {**head, "grouping": list(expr.grouping), "expr": tree(expr.operand), "param": parameter}
        case Binary():
            sides = {"lhs": tree(expr.left), "rhs": tree(expr.right)}
            matching = _matching(expr.matching) if expr.matching else None
            head = {"type": "binaryExpr", "op": expr.operator, "bool": expr.returns_bool}
            node = {**head, **sides, "matching": matching}
    return node


def _plain(value: float) -> str:
    return f"{Decimal(repr(value)).normalize():f}" if math.isfinite(value) else show_number(value)


def _selector(selector: VectorSelector | MatrixSelector) -> dict[str, Any]:
    node = selector.vector if isinstance(selector, MatrixSelector) else selector
    return {
        "type": "matrixSelector" if node is not selector else "vectorSelector",
        "name": node.name,
        "offset": _ms(node.offset),
        "matchers": [{"name": m.label, "type": m.operator, "value": m.value} for m in node.matchers],
        **_at(node.at),
        "anchored": node.extension == "anchored",
        "smoothed": node.extension == "smoothed",
        **({"range": _ms(selector.range)} if isinstance(selector, MatrixSelector) else {}),
    }


def _at(at: int | Edge | None) -> dict[str, Any]:
    edge = isinstance(at, str)
    return {"timestamp": None if edge else at, "startOrEnd": at if edge else None}


def _ms(duration: Duration) -> int:
    return duration if isinstance(duration, int) else 0


def _function(name: str) -> dict[str, Any]:
    function = FUNCTIONS[name]
    return {
        "name": name,
        "argTypes": [str(of) for of in function.argument_types],
        "variadic": function.variadic,
        "returnType": str(function.returns),
    }


def _matching(matching: Matching) -> dict[str, Any]:
    return {
        "card": matching.cardinality,
        "labels": list(matching.labels),
        "on": matching.on,
        "include": list(matching.include),
        "fillValues": {"lhs": matching.fill_left, "rhs": matching.fill_right},
    }
