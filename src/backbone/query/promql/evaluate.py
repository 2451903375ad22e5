"""From a tree to a value at every step of a grid."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from backbone.query.promql.aggregation import aggregate_vector
from backbone.query.promql.arguments import Arguments
from backbone.query.promql.ast import (
    Aggregation,
    Binary,
    Call,
    Expr,
    MatrixSelector,
    NumberLiteral,
    Paren,
    StringLiteral,
    Subquery,
    Unary,
    VectorSelector,
)
from backbone.query.promql.binary import binary
from backbone.query.promql.context import Context
from backbone.query.promql.delegate import combine
from backbone.query.promql.extended import smoothed_vector
from backbone.query.promql.grids import subquery_grid
from backbone.query.promql.histogram_functions import HISTOGRAM_FUNCTIONS
from backbone.query.promql.histograms import scale
from backbone.query.promql.info import info
from backbone.query.promql.instant_functions import INSTANT_FUNCTIONS
from backbone.query.promql.label_functions import LABEL_FUNCTIONS
from backbone.query.promql.labels import Labels
from backbone.query.promql.moments import milliseconds
from backbone.query.promql.range_functions import RANGE_FUNCTIONS
from backbone.query.promql.select import instant_vector, select_windows, windows_of
from backbone.query.promql.values import (
    HistogramCells,
    Samples,
    Scalar,
    Series,
    Text,
    Value,
    Vector,
    Windows,
    empty_vector,
)

_FUNCTIONS: Mapping[str, Callable[[Arguments], Value]] = {
    **INSTANT_FUNCTIONS,
    **RANGE_FUNCTIONS,
    **LABEL_FUNCTIONS,
    **HISTOGRAM_FUNCTIONS,
    "info": info,
}


_TOTALS = frozenset({"histogram_count", "histogram_sum", "histogram_avg"})


def evaluate(context: Context, expr: Expr) -> Value:
    """
    Return the value of an expression that the parser has checked and of which the durations are resolved.

    Raises:
        UserInputError: the series do not allow the operation.
        LimitExceeded: it would take more time or memory than a query may.
    """
    context.budget.check()
    match expr:
        case NumberLiteral():
            return Scalar(np.full(context.grid.size, expr.value))
        case StringLiteral():
            return Text(expr.value)
        case Paren():
            return evaluate(context, expr.inner)
        case VectorSelector():
            return smoothed_vector(context, expr) if expr.extension else instant_vector(context, expr)
        case MatrixSelector():
            return select_windows(context, expr)
        case Subquery():
            return _subquery(context, expr)
        case Unary():
            return _signed(evaluate(context, expr.operand), negative=expr.operator == "-")
        case _:
            return _operation(context, expr)


def _operation(context: Context, expr: Call | Aggregation | Binary) -> Value:
    match expr:
        case Call():
            return _call(context, expr)
        case Aggregation():
            parameter = None if expr.parameter is None else evaluate(context, expr.parameter)
            operand = evaluate(context, expr.operand)
            assert isinstance(operand, Vector)
            own = aggregate_vector(context, expr, operand, parameter)
            others = context.delegated.get(expr.span)
            return own if others is None else combine(context, expr, own, others, parameter)
        case Binary():
            return binary(context, expr, evaluate(context, expr.left), evaluate(context, expr.right))


def _call(context: Context, call: Call) -> Value:
    # What `info` is given second is a list of matchers, written as a selector.
    arguments = call.arguments[:1] if call.function == "info" else call.arguments
    if call.function in HISTOGRAM_FUNCTIONS:
        context = context.for_totals(only_totals=call.function in _TOTALS)
    values = tuple(evaluate(context, argument) for argument in arguments)
    return _FUNCTIONS[call.function](Arguments(context, call, values))


def _signed(value: Value, *, negative: bool) -> Value:
    if not negative:
        return value
    if isinstance(value, Scalar):
        return Scalar(-value.values)
    assert isinstance(value, Vector)
    cells = value.histograms
    if cells is not None:
        cells = HistogramCells(cells.rows, scale(cells.block, np.full(len(cells.block), -1.0)))
    return replace(value, values=-value.values, histograms=cells).renamed()


def _subquery(context: Context, node: Subquery) -> Windows:
    grid, ends = subquery_grid(context.grid, context.query, node, context.default_step_ms)
    length = milliseconds(node.range)
    edges = (ends - length, ends)
    if grid is None:
        nothing = empty_vector(1)
        series = Series(nothing.labels, nothing.nameless, _no_samples())
        return Windows(series, *edges, length)
    context.budget.hold(grid.size)
    vector = evaluate(context.on(grid), node.inner)
    if isinstance(vector, Scalar):
        vector = _as_vector(vector)
    assert isinstance(vector, Vector)
    return windows_of(vector, grid.times, edges, length)


def _no_samples() -> Samples:
    return Samples(np.zeros(0, np.int64), np.zeros(1, np.int64), np.zeros(0))


def _as_vector(scalar: Scalar) -> Vector:
    values = scalar.values[None, :]
    return Vector(Labels(1, {}), values, np.ones(values.shape, np.bool_), np.zeros(1, np.bool_))
