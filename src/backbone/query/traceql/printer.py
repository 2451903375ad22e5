"""TraceQL's trees as text."""

from __future__ import annotations

import re

from backbone.query.promql.go_floats import print_float
from backbone.query.promql.quoting import quote
from backbone.query.traceql import ast

_PLAIN = re.compile(r'[^\s{}()=~!<>&|^,+*"]+')


def print_query(query: ast.Query) -> str:
    """Return text that parses to the same tree."""
    parts = [print_node(stage) for stage in query.pipeline.stages]
    if query.metric:
        parts.append(_metric(query.metric))
    if query.ranked:
        parts.append(f"{query.ranked.function}({query.ranked.count})")
    hints = ", ".join(f"{name}={print_field(value)}" for name, value in query.hints)
    return " | ".join(parts) + (f" with ({hints})" if hints else "")


def print_node(node: ast.Stage | ast.Pipeline) -> str:  # noqa: PLR0911 - one a kind of stage
    """Return the text of a stage; a pipeline stands in parentheses."""
    match node:
        case ast.Filter():
            return f"{{ {'' if node.condition is None else print_field(node.condition)} }}"
        case ast.Combined():
            # Operators of all kinds go from left to right, some before others: parentheses say what is meant.
            return f"({print_node(node.left)} {node.operator} {print_node(node.right)})"
        case ast.Pipeline():
            return f"({' | '.join(print_node(stage) for stage in node.stages)})"
        case ast.ScalarFilter():
            return f"{_scalar(node.left)} {node.operator} {_scalar(node.right)}"
        case ast.GroupBy():
            return f"by({print_field(node.expr)})"
        case ast.Coalesce():
            return "coalesce()"
        case ast.Select():
            return f"select({', '.join(print_field(field) for field in node.fields)})"


def print_field(expr: ast.FieldExpr) -> str:
    """Return the text of an expression over a span's fields."""
    match expr:
        case ast.Static():
            return _static(expr)
        case ast.Attribute():
            name = expr.name if _PLAIN.fullmatch(expr.name) else quote(expr.name)
            return f"{expr.scope}.{name}"
        case ast.Intrinsic():
            return expr.name
        case ast.Unary():
            return f"({expr.operator}{print_field(expr.operand)})"
        case ast.Operation():
            return f"({print_field(expr.left)} {expr.operator} {print_field(expr.right)})"


def _static(static: ast.Static) -> str:
    match static.kind, static.value:
        case "string", str() as text:
            return quote(text)
        case "duration", float() as number:
            return f"{print_float(number)}ns"
        case _, bool() as truth:
            return str(truth).lower()
        case _, float() as number:
            return print_float(number)
        case "nil", _:
            return "nil"
        case _, value:
            return str(value)


def _scalar(scalar: ast.Scalar) -> str:
    match scalar:
        case ast.Static():
            return _static(scalar)
        case ast.Aggregate():
            return f"{scalar.function}({'' if scalar.operand is None else print_field(scalar.operand)})"
        case _:
            return f"({_scalar(scalar.left)} {scalar.operator} {_scalar(scalar.right)})"


def _metric(metric: ast.Metric) -> str:
    if metric.function == "compare":
        assert metric.selection is not None
        times = [str(time) for time in metric.window or ()]
        return f"compare({', '.join([print_node(metric.selection), str(metric.top), *times])})"
    operand = "" if metric.operand is None else print_field(metric.operand)
    quantiles = "".join(f", {print_float(quantile)}" for quantile in metric.quantiles)
    by = f" by ({', '.join(print_field(field) for field in metric.by)})" if metric.by else ""
    return f"{metric.function}({operand}{quantiles}){by}"
