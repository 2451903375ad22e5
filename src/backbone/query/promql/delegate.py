"""
Parts of a query that may be evaluated where the series are.

An aggregation of what is computed series by series can be: the aggregate of the servers' aggregates is that of all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Protocol

import numpy as np

from backbone.query.promql.aggregation import aggregate_vector
from backbone.query.promql.ast import (
    Aggregation,
    AggregationOperator,
    Binary,
    Call,
    Expr,
    NumberLiteral,
    StringLiteral,
    Subquery,
    VectorSelector,
)
from backbone.query.promql.context import Context
from backbone.query.promql.labels import concat
from backbone.query.promql.source import Report, Source
from backbone.query.promql.values import Grid, HistogramCells, Value, Vector
from backbone.query.promql.walk import children, everything
from backbone.query.selectors import METRIC_LABEL

_COMBINED_BY: Mapping[str, AggregationOperator] = {
    "sum": "sum",
    "count": "sum",
    "min": "min",
    "max": "max",
    "group": "group",
}
_CHOOSING = frozenset({"topk", "bottomk"})
"""Of these the chosen of the chosen are the chosen of all."""
_SERIES_BY_SERIES = """
abs ceil floor round exp ln log2 log10 sqrt sgn clamp clamp_min clamp_max rate increase delta irate idelta deriv
predict_linear changes resets avg_over_time count_over_time last_over_time max_over_time min_over_time
present_over_time quantile_over_time stddev_over_time stdvar_over_time sum_over_time
"""
_FUNCTIONS = frozenset(_SERIES_BY_SERIES.split())
_ARITHMETIC = frozenset({"+", "-", "*", "/", "%", "^"})


class Delegating(Source, Protocol):
    """A source that may have aggregations evaluated elsewhere."""

    @property
    def delegates(self) -> frozenset[str]:
        """Who may be asked to evaluate; a selection names those of them that are not asked for its series."""
        ...

    async def delegate(
        self, tenant: str, node: Aggregation, grid: Grid, lookback_ms: int, report: Report
    ) -> Vector | None:
        """Return the aggregates of all delegates, side by side; None if they cannot be had."""
        ...


def delegable(expr: Expr) -> list[Aggregation]:
    """Return the aggregations that may be delegated: of these, nothing else in the query needs the series."""
    found = list(_aggregations(expr))
    uses: dict[object, int] = {}
    for node in everything(expr):
        if isinstance(node, VectorSelector):
            uses[node.matchers] = uses.get(node.matchers, 0) + 1
    return [node for node in found if uses[selector_of(node).matchers] == 1]


def _aggregations(expr: Expr) -> Iterator[Aggregation]:
    # A subquery has steps of its own, and `info` looks at more than it is given.
    if isinstance(expr, Subquery) or (isinstance(expr, Call) and expr.function == "info"):
        return
    if isinstance(expr, Aggregation) and _is_delegable(expr):
        yield expr
        return
    for child in children(expr):
        yield from _aggregations(child)


def _is_delegable(node: Aggregation) -> bool:
    # Servers differ in when they drop a name.
    if METRIC_LABEL in node.grouping:
        return False
    if node.operator in _CHOOSING:
        return isinstance(node.parameter, NumberLiteral) and _is_by_series(node.operand)
    return node.operator in _COMBINED_BY and _is_by_series(node.operand)


def _is_by_series(expr: Expr) -> bool:
    match expr:
        case VectorSelector():
            return expr.extension is None
        case Subquery(step=None):
            # That depends on the server.
            return False
        case Call() if expr.function not in _FUNCTIONS:
            return False
        case Binary() if expr.operator not in _ARITHMETIC:
            return False
        case Aggregation() | StringLiteral():
            return False
    looked_at = [child for child in children(expr) if not isinstance(child, NumberLiteral)]
    return len(looked_at) == 1 and _is_by_series(looked_at[0])


def selector_of(node: Expr) -> VectorSelector:
    """Return the one selector of what may be delegated."""
    return next(inner for inner in everything(node) if isinstance(inner, VectorSelector))


def combine(context: Context, node: Aggregation, own: Vector, others: Vector, parameter: Value | None) -> Vector:
    """Return the aggregate of aggregates."""
    operator = node.operator if node.operator in _CHOOSING else _COMBINED_BY[node.operator]
    cells = own.histograms
    if cells is not None:
        none = np.full(others.values.shape, -1, cells.rows.dtype)
        cells = HistogramCells(np.concatenate([cells.rows, none]), cells.block)
    both = Vector(
        concat([own.plain_labels(), others.labels]),
        np.concatenate([own.values, others.values]),
        np.concatenate([own.present, others.present]),
        np.zeros(own.labels.size + others.labels.size, np.bool_),
        cells,
    )
    return aggregate_vector(context, replace(node, operator=operator), both, parameter)
