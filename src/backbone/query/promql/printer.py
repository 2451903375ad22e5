"""The syntax tree → text again, on one line or, for people, on as many as it takes."""

from __future__ import annotations

import re
from itertools import repeat
from typing import Final

from backbone.query.promql.ast import (
    Aggregation,
    Binary,
    Call,
    Duration,
    DurationCall,
    DurationExpr,
    DurationOperation,
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
from backbone.query.promql.literals import show_duration, show_number
from backbone.query.promql.quoting import quote
from backbone.query.selectors import Matcher

MAX_LINE: Final = 100
"""Characters that `pretty` leaves on one line; Prometheus counts bytes, and so does it."""

_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_DURATION_PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2, "%": 2, "^": 3}


def print_expr(expr: Expr) -> str:
    """Return the query on one line, as Prometheus prints it; it parses to an equal tree."""
    match expr:
        case NumberLiteral() | StringLiteral():
            text = quote(expr.value) if isinstance(expr, StringLiteral) else _number(expr)
        case VectorSelector() | MatrixSelector():
            text = _selector(expr)
        case Subquery():
            text = print_expr(expr.inner) + _subquery_suffix(expr)
        case Paren():
            text = f"({print_expr(expr.inner)})"
        case Unary():
            text = expr.operator + print_expr(expr.operand)
        case Call():
            text = f"{expr.function}({', '.join(map(print_expr, expr.arguments))})"
        case Aggregation():
            parameter = f"{print_expr(expr.parameter)}, " if expr.parameter else ""
            text = f"{_aggregation_head(expr)}({parameter}{print_expr(expr.operand)})"
        case Binary():
            # A sign would bind less than the power: +Inf ^ 2 is read as +(Inf ^ 2).
            left = print_expr(expr.left).removeprefix("+" if expr.operator == "^" else "")
            text = f"{left} {_operator(expr)} {print_expr(expr.right)}"
    return text


def pretty(expr: Expr) -> str:
    """Return the query with what is longer than `MAX_LINE` on lines of its own, as ``/api/v1/format_query`` does."""
    return _pretty(expr, 0)


def _pretty(expr: Expr, level: int) -> str:
    indent, text = "  " * level, print_expr(expr)
    if isinstance(expr, Unary):
        return indent + expr.operator + _pretty(expr.operand, level).strip()
    if len(text.encode("utf-8", "surrogatepass")) <= MAX_LINE:
        return indent + text
    match expr:
        case Aggregation():
            inner = (expr.parameter, expr.operand) if expr.parameter else (expr.operand,)
            text = f"{_aggregation_head(expr)}(\n{_lines(inner, level + 1)}\n{indent})"
        case Call():
            text = f"{expr.function}(\n{_lines(expr.arguments, level + 1)}\n{indent})"
        case Paren():
            text = f"(\n{_pretty(expr.inner, level + 1)}\n{indent})"
        case Binary():
            left, right = _pretty(expr.left, level + 1), _pretty(expr.right, level + 1)
            return f"{left}\n{indent}{_operator(expr)}\n{right}"
        case Subquery():
            return _pretty(expr.inner, level) + _subquery_suffix(expr)
    return indent + text


def _lines(nodes: tuple[Expr, ...], level: int) -> str:
    return ",\n".join(map(_pretty, nodes, repeat(level)))


def _aggregation_head(expr: Aggregation) -> str:
    if expr.without:
        return f"{expr.operator} without ({_labels(expr.grouping)}) "
    return f"{expr.operator} by ({_labels(expr.grouping)}) " if expr.grouping else expr.operator


def _operator(expr: Binary) -> str:
    matching = _matching(expr.matching) if expr.matching else ""
    return expr.operator + (" bool" if expr.returns_bool else "") + matching


def _matching(matching: Matching) -> str:
    text = ""
    grouped = matching.cardinality in {"many-to-one", "one-to-many"}
    if matching.labels or matching.on or grouped:
        text = f" {'on' if matching.on else 'ignoring'} ({_labels(matching.labels)})"
    if grouped:
        side = "left" if matching.cardinality == "many-to-one" else "right"
        text += f" group_{side} ({_labels(matching.include)})"
    left, right = matching.fill_left, matching.fill_right
    if left is not None and left == right:
        return f"{text} fill ({show_number(left)})"
    fills = (("left", left), ("right", right))
    return text + "".join(f" fill_{side} ({show_number(value)})" for side, value in fills if value is not None)


def _labels(labels: tuple[str, ...]) -> str:
    return ", ".join(map(show_label, labels))


def show_label(name: str) -> str:
    """Return a label's name as it stands in a query: in quotes where it needs them."""
    return name if _LABEL.fullmatch(name) and name.lower() not in {"without", "inf", "nan"} else quote(name)


def _selector(selector: VectorSelector | MatrixSelector) -> str:
    node = selector.vector if isinstance(selector, MatrixSelector) else selector
    length = f"[{_length(selector.range)}]" if isinstance(selector, MatrixSelector) else ""
    matchers = node.matchers[:-1] if node.name else node.matchers
    braces = f"{{{','.join(sorted(map(_matcher, matchers)))}}}" if matchers or not node.name else ""
    extension = f" {node.extension}" if node.extension else ""
    return f"{node.name}{braces}{length}{extension}{_at_and_offset(node)}"


def _matcher(matcher: Matcher) -> str:
    name = matcher.label if _LABEL.fullmatch(matcher.label) else quote(matcher.label)
    return f"{name}{matcher.operator}{quote(matcher.value)}"


def _subquery_suffix(node: Subquery) -> str:
    step = "" if node.step is None else _length(node.step)
    return f"[{_length(node.range)}:{step}]{_at_and_offset(node)}"


def _at_and_offset(node: VectorSelector | Subquery) -> str:
    at = ""
    if node.at is not None:
        at = f" @ {node.at / 1000:.3f}" if isinstance(node.at, int) else f" @ {node.at}()"
    if node.offset == 0:
        return at
    return f"{at} offset {_offset(node.offset)}"


def _number(literal: NumberLiteral) -> str:
    if literal.is_duration:
        return show_duration(round(literal.value * 1000))
    return show_number(literal.value)


def _length(duration: Duration) -> str:
    return show_duration(duration) if isinstance(duration, int) else _duration(duration, 0)


def _offset(duration: Duration) -> str:
    if isinstance(duration, int):
        return show_duration(duration)
    if isinstance(duration, DurationOperation) and duration.left is None:
        return duration.operator + _duration(duration.right, 4)
    return _duration(duration, 4)


def _duration(node: DurationExpr, least: int) -> str:
    """Print a duration, in parentheses where it binds less than ``least``."""
    match node:
        case NumberLiteral():
            return _number(node)
        case DurationCall():
            name = node.function if node.function in {"step", "range"} else f"{node.function}_of"
            return f"{name}({', '.join([_duration(argument, 0) for argument in node.arguments])})"
        case DurationOperation():
            text, precedence = _operation(node)
    return f"({text})" if precedence < least else text


def _operation(node: DurationOperation) -> tuple[str, int]:
    if node.left is None:
        return node.operator + _duration(node.right, 3), 2
    precedence = _DURATION_PRECEDENCE[node.operator]
    from_right = node.operator == "^"
    left, right = _duration(node.left, precedence + from_right), _duration(node.right, precedence + (not from_right))
    return f"{left} {node.operator} {right}", precedence
