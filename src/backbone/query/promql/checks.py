"""The types of expressions, and what is wrong with how they are put together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from backbone.query.promql.ast import (
    Aggregation,
    Binary,
    Call,
    Expr,
    Matching,
    MatrixSelector,
    NumberLiteral,
    Paren,
    StringLiteral,
    Subquery,
    Unary,
    ValueType,
    VectorSelector,
)
from backbone.query.promql.functions import FUNCTIONS
from backbone.query.promql.quoting import quote
from backbone.query.selectors import METRIC_LABEL

COMPARISONS: Final = frozenset({"==", "!=", "<", "<=", ">", ">="})
SET_OPERATORS: Final = frozenset({"and", "or", "unless"})
PARAMETER_TYPES: Final = {
    "topk": ValueType.SCALAR,
    "bottomk": ValueType.SCALAR,
    "quantile": ValueType.SCALAR,
    "limitk": ValueType.SCALAR,
    "limit_ratio": ValueType.SCALAR,
    "count_values": ValueType.STRING,
}
"""Aggregations that take a parameter, and its type."""

_EXTENDED = {
    "anchored": ("changes", "delta", "increase", "rate", "resets"),
    "smoothed": ("delta", "increase", "rate"),
}
_SHOWN = {
    ValueType.SCALAR: "scalar",
    ValueType.VECTOR: "instant vector",
    ValueType.MATRIX: "range vector",
    ValueType.STRING: "string",
}
_OPERANDS = "binary expression must contain only scalar and instant vector types"


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and where; ``position`` is None for what Prometheus only finds out when it evaluates."""

    position: int | None
    what: str
    node: Expr | None = None


def value_type(expr: Expr) -> ValueType:
    """Return the type of the expression's value."""
    while isinstance(expr, Paren | Unary):
        expr = expr.inner if isinstance(expr, Paren) else expr.operand
    match expr:
        case NumberLiteral():
            return ValueType.SCALAR
        case StringLiteral():
            return ValueType.STRING
        case MatrixSelector() | Subquery():
            return ValueType.MATRIX
        case Call(function=name):
            return FUNCTIONS[name].returns
        case Binary(matching=None, left=left, right=right):
            return binary_type(value_type(left), value_type(right))
    return ValueType.VECTOR


def binary_type(left: ValueType, right: ValueType) -> ValueType:
    return ValueType.SCALAR if left == right == ValueType.SCALAR else ValueType.VECTOR


def selector_problems(node: VectorSelector) -> Iterator[Problem]:
    """Yield what is wrong with the matchers; what selects everything carries ``node``, as `info` allows it."""
    if not node.name:
        if all(matcher.takes_empty for matcher in node.matchers):
            what = "vector selector must contain at least one non-empty matcher"
            yield Problem(node.span.start, what, node)
        return
    for matcher in node.matchers[:-1]:
        if matcher.label == METRIC_LABEL:
            what = f"metric name must not be set twice: {quote(node.name)} or {quote(matcher.value)}"
            yield Problem(node.span.start, what)


def aggregation_problems(node: Aggregation, types: tuple[ValueType, ...]) -> Iterator[Problem]:
    """Yield what is wrong with an aggregation whose parameter, if any, and operand are of these types."""
    if types[-1] != ValueType.VECTOR:
        yield _mismatch(node.operand, ValueType.VECTOR, "aggregation expression", types[-1])
    wanted = PARAMETER_TYPES.get(node.operator)
    if wanted and node.parameter and types[0] != wanted:
        yield _mismatch(node.parameter, wanted, "aggregation parameter", types[0])


def unary_problems(node: Unary, of: ValueType) -> Iterator[Problem]:
    if of not in {ValueType.SCALAR, ValueType.VECTOR}:
        what = "unary expression only allowed on expressions of type scalar or instant vector"
        yield Problem(node.span.start, f'{what}, got "{_SHOWN[of]}"')


def subquery_problems(node: Subquery, of: ValueType) -> Iterator[Problem]:
    if of != ValueType.VECTOR:
        yield Problem(node.span.start, f"subquery is only allowed on instant vector, got {of} instead")


def binary_problems(node: Binary, at: int, left: ValueType, right: ValueType, matching: Matching) -> Iterator[Problem]:
    """Yield what is wrong with operands of these types; ``at`` is the operator's place, ``matching`` as written."""
    comparison = node.operator in COMPARISONS
    scalars = left == right == ValueType.SCALAR
    if node.returns_bool and not comparison:
        yield Problem(at, "bool modifier can only be used on comparison operators")
    if comparison and not node.returns_bool and scalars:
        yield Problem(at, "comparisons between scalars must use BOOL modifier")
    if matching.on:
        for label in matching.labels:
            if label in matching.include:
                yield Problem(at, f"label {quote(label)} must not occur in ON and GROUP clause at once")
    for side, of in ((node.left, left), (node.right, right)):
        if of not in {ValueType.SCALAR, ValueType.VECTOR}:
            yield Problem(side.span.start, _OPERANDS)
    yield from _matching_problems(node, matching, vectors=left == right == ValueType.VECTOR)
    if ValueType.SCALAR in {left, right} and node.operator in SET_OPERATORS:
        what = f'set operator "{node.operator}" not allowed in binary scalar expression'
        yield Problem(node.span.start, what)


def _matching_problems(node: Binary, matching: Matching, *, vectors: bool) -> Iterator[Problem]:
    start = node.span.start
    fills = matching.fill_left is not None or matching.fill_right is not None
    if not vectors:
        if matching.labels:
            yield Problem(start, "vector matching only allowed between instant vectors")
        if fills:
            yield Problem(start, "filling in missing series only allowed between instant vectors")
    elif node.operator in SET_OPERATORS:
        if matching.cardinality in {"many-to-one", "one-to-many"}:
            yield Problem(start, f'no grouping allowed for "{node.operator}" operation')
        if fills:
            yield Problem(start, "filling in missing series not allowed for set operators")


def call_problems(node: Call, types: tuple[ValueType, ...]) -> Iterator[Problem]:
    """Yield what is wrong with a call of arguments of these types, but for how many they are."""
    yield from _info_problems(node)
    function = FUNCTIONS[node.function]
    if function.argument_types:
        for position, (argument, of) in enumerate(zip(node.arguments, types, strict=True)):
            if position >= len(function.argument_types) and function.variadic == 0:
                break
            wanted = function.argument_types[min(position, len(function.argument_types) - 1)]
            if of != wanted:
                yield _mismatch(argument, wanted, f'call to function "{node.function}"', of)
    for argument in node.arguments:
        yield from _extension_problems(node, argument)


def count_problems(node: Call) -> Iterator[Problem]:
    """Yield what is wrong with how many arguments a call has."""
    function = FUNCTIONS[node.function]
    wanted, got = len(function.argument_types), len(node.arguments)
    end = f'argument(s) in call to "{node.function}", got {got}'
    if function.variadic == 0:
        if wanted != got:
            yield Problem(node.span.start, f"expected {wanted} {end}")
    elif got < wanted - 1:
        yield Problem(node.span.start, f"expected at least {wanted - 1} {end}")
    elif 0 < function.variadic < got - wanted + 1:
        yield Problem(node.span.start, f"expected at most {wanted - 1 + function.variadic} {end}")


def _info_problems(node: Call) -> Iterator[Problem]:
    if node.function != "info" or len(node.arguments) < 2:
        return
    selector = node.arguments[1]
    if not isinstance(selector, VectorSelector):
        yield Problem(selector.span.start, "expected label selectors only")
    elif selector.name:
        yield Problem(selector.span.start, "expected label selectors only, got vector selector instead")


def _extension_problems(node: Call, argument: Expr) -> Iterator[Problem]:
    while isinstance(argument, Paren):
        argument = argument.inner
    if not isinstance(argument, MatrixSelector) or argument.vector.extension is None:
        return
    extension = argument.vector.extension
    if node.function not in _EXTENDED[extension]:
        allowed = ", ".join(_EXTENDED[extension])
        yield Problem(None, f"{extension} modifier can only be used with: {allowed} - not with {node.function}")


def _mismatch(node: Expr, wanted: ValueType, where: str, got: ValueType) -> Problem:
    return Problem(node.span.start, f"expected type {_SHOWN[wanted]} in {where}, got {_SHOWN[got]}")
