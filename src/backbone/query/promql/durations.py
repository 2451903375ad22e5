"""Durations that depend on the query's step and range → milliseconds."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, overload

from backbone.query.promql.ast import (
    Aggregation,
    Binary,
    Call,
    Duration,
    DurationCall,
    DurationExpr,
    DurationOperation,
    Expr,
    MatrixSelector,
    NumberLiteral,
    Paren,
    Subquery,
    Unary,
    VectorSelector,
)
from backbone.query.promql.errors import PromQLSyntaxError, syntax_error
from backbone.query.promql.literals import MAX_SECONDS

_OPERATIONS: Final[Mapping[str, Callable[[float, float], float]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "%": math.fmod,
    "^": math.pow,
}


def resolve(expr: Expr, step_ms: int, range_ms: int, text: str | None = None) -> Expr:
    """
    Return the tree with every duration as whole milliseconds, cut as Prometheus cuts them.

    Args:
        expr: what `parser.parse` returned.
        step_ms: what ``step()`` is.
        range_ms: what ``range()`` is, the query's end less its start.
        text: the query, for the line and column in errors.

    Raises:
        PromQLSyntaxError: a range or a step comes out as 0 or less, or something is divided by 0.
    """
    return _Resolver(step_ms / 1e3, range_ms / 1e3, text).node(expr)


@dataclass(frozen=True, slots=True)
class _Resolver:
    step: float
    range: float
    text: str | None

    def node(self, node: Expr) -> Expr:
        match node:
            case VectorSelector():
                node = self._vector(node)
            case MatrixSelector():
                node = replace(node, vector=self._vector(node.vector), range=self._length(node.range))
            case Subquery():
                length, step = self._length(node.range), self._length(node.step)
                node = replace(node, inner=self.node(node.inner), range=length, step=step, offset=self._ms(node.offset))
            case Paren():
                node = replace(node, inner=self.node(node.inner))
            case Unary():
                node = replace(node, operand=self.node(node.operand))
            case Call():
                node = replace(node, arguments=tuple(map(self.node, node.arguments)))
            case Aggregation():
                parameter = node.parameter and self.node(node.parameter)
                node = replace(node, operand=self.node(node.operand), parameter=parameter)
            case Binary():
                node = replace(node, left=self.node(node.left), right=self.node(node.right))
        return node

    def _vector(self, node: VectorSelector) -> VectorSelector:
        return node if isinstance(node.offset, int) else replace(node, offset=self._ms(node.offset))

    @overload
    def _length(self, duration: Duration) -> int: ...
    @overload
    def _length(self, duration: Duration | None) -> int | None: ...
    def _length(self, duration: Duration | None) -> int | None:
        if duration is None or isinstance(duration, int):
            return duration
        ms = self._ms(duration)
        if ms <= 0:
            raise self._error(duration, "duration must be greater than 0")
        return ms

    def _ms(self, duration: Duration) -> int:
        if isinstance(duration, int):
            return duration
        seconds = self._seconds(duration)
        if not abs(seconds) <= MAX_SECONDS:
            raise self._error(duration, "duration is out of range")
        return int(seconds * 1000)

    def _seconds(self, node: DurationExpr) -> float:
        match node:
            case NumberLiteral():
                return node.value
            case DurationCall():
                return self._call(node)
            case DurationOperation():
                return self._operation(node)

    def _call(self, node: DurationCall) -> float:
        if node.function in {"step", "range"}:
            return self.step if node.function == "step" else self.range
        values = map(self._seconds, node.arguments)
        return min(values) if node.function == "min" else max(values)

    def _operation(self, node: DurationOperation) -> float:
        right = self._seconds(node.right)
        if node.left is None:
            return -right if node.operator == "-" else right
        left = self._seconds(node.left)
        if node.operator in {"/", "%"} and right == 0:
            raise self._error(node, "division by zero" if node.operator == "/" else "modulo by zero")
        try:
            return _OPERATIONS[node.operator](left, right)
        except (OverflowError, ZeroDivisionError, ValueError):
            return math.inf

    def _error(self, node: DurationExpr, what: str) -> PromQLSyntaxError:
        return PromQLSyntaxError(what) if self.text is None else syntax_error(self.text, node.span.start, what)
