"""Evaluation of LogQL: lines from the engine, and numbers that PromQL's evaluation puts together above the ranges."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from backbone.model.errors import UserInputError
from backbone.query.logql.ast import LogQuery, MetricQuery, RangeAggregation
from backbone.query.logql.lines import Line, Window, find_lines
from backbone.query.logql.ranges import RangeReader, absent, summed
from backbone.query.promql import ast as promql
from backbone.query.promql.annotations import Annotations
from backbone.query.promql.answer import Answer
from backbone.query.promql.context import Budget, Context
from backbone.query.promql.evaluate import evaluate
from backbone.query.promql.finish import answer_of
from backbone.query.promql.values import Grid, Series
from backbone.query.promql.walk import everything
from backbone.query.selectors import Matcher
from backbone.store.engine import Engine, QueryLimits

_ADDITIVE = {
    "sum": frozenset({"count_over_time", "rate", "bytes_over_time", "bytes_rate", "sum_over_time"}),
    "max": frozenset({"max_over_time"}),
    "min": frozenset({"min_over_time"}),
}
"""Ranges that may be put together by the labels of an aggregation at once."""
_AT_THE_STEP_MS = 1


@dataclass(frozen=True, slots=True)
class LogQLOptions:
    """Bounds of a query."""

    max_lines: int = 5_000
    max_series: int = 5_000
    max_samples: int = 50_000_000
    timeout_seconds: float = 60.0


class LogQL:
    """Answers queries over the table of log records."""

    def __init__(self, engine: Engine, limits: QueryLimits, options: LogQLOptions) -> None:
        self._engine = engine
        self._limits = limits
        self.options = options

    async def lines(self, tenant: str, query: LogQuery, window: Window) -> list[Line]:
        """
        Return the lines that a query finds; raises as `find_lines`.

        Raises:
            UserInputError: more lines are wanted than may be.
        """
        if window.limit > self.options.max_lines:
            raise UserInputError(
                f"max entries limit per query exceeded, limit > max_entries_limit ({window.limit} > "
                f"{self.options.max_lines}, 'logql.max_lines')"
            )
        return await find_lines(self._engine, tenant, query, window, self._limits)

    async def numbers(self, tenant: str, query: MetricQuery, grid: Grid) -> Answer:
        """
        Return the value of a query of numbers at each step.

        Raises:
            UserInputError: a stage failed on a line, or series do not match.
            LimitExceeded: it needs more than a query may.
        """
        reader = RangeReader(self._engine, tenant, self._limits, self.options.max_series)
        pushed = _summed_above(query)
        expr = _with_counters(query.expr, dict(query.leaves))
        tasks = [
            _read(reader, summed(leaf, pushed[key]) if key in pushed else leaf, grid) for key, leaf in query.leaves
        ]
        found = await asyncio.gather(*tasks)
        data: dict[tuple[Matcher, ...], Series] = {
            (key,): series for (key, _), series in zip(query.leaves, found, strict=True)
        }
        budget = Budget(time.monotonic() + self.options.timeout_seconds, self.options.max_samples)
        context = Context(grid, grid, _AT_THE_STEP_MS, max(grid.step, 1), data, Annotations(""), budget)
        try:
            value = await asyncio.to_thread(evaluate, context, expr)
        finally:
            budget.cancelled.set()
        return await asyncio.to_thread(answer_of, value, grid)


async def _read(reader: RangeReader, leaf: RangeAggregation, grid: Grid) -> Series:
    if leaf.operator == "rate_counter":
        return await reader.samples(leaf, grid)
    series = await reader.at_steps(leaf, grid)
    return absent(leaf, grid, series) if leaf.operator == "absent_over_time" else series


def _summed_above(query: MetricQuery) -> dict[Matcher, tuple[str, ...]]:
    """Return the ranges of which an aggregation needs some labels only, with those."""
    leaves = dict(query.leaves)
    found = {}
    for node in everything(query.expr):
        if not isinstance(node, promql.Aggregation) or node.without:
            continue
        operand = node.operand
        while isinstance(operand, promql.Paren):
            operand = operand.inner
        if not isinstance(operand, promql.VectorSelector):
            continue
        [key] = operand.matchers
        leaf = leaves[key]
        if leaf.grouping is None and leaf.operator in _ADDITIVE.get(node.operator, ()):
            found[key] = node.grouping
    return found


def _with_counters(expr: promql.Expr, leaves: Mapping[Matcher, RangeAggregation]) -> promql.Expr:
    """Return the tree in which ``rate_counter`` is PromQL's ``rate`` of the samples."""
    match expr:
        case promql.VectorSelector(matchers=(key,)) if leaves[key].operator == "rate_counter":
            return promql.Call(expr.span, "rate", (promql.MatrixSelector(expr.span, expr, leaves[key].range_ms),))
        case promql.Paren():
            return replace(expr, inner=_with_counters(expr.inner, leaves))
        case promql.Call():
            return replace(expr, arguments=tuple(_with_counters(one, leaves) for one in expr.arguments))
        case promql.Aggregation():
            return replace(expr, operand=_with_counters(expr.operand, leaves))
        case promql.Binary():
            left, right = (_with_counters(one, leaves) for one in (expr.left, expr.right))
            return replace(expr, left=left, right=right)
        case _:
            return expr
