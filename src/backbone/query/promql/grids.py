"""At which times the parts of a query look: the steps of subqueries, and what has to be fetched."""

from __future__ import annotations

from collections.abc import Iterator

from backbone.query.promql.arrays import Times
from backbone.query.promql.ast import Call, Expr, MatrixSelector, Subquery, VectorSelector
from backbone.query.promql.context import Matchers
from backbone.query.promql.info import info_selector
from backbone.query.promql.moments import milliseconds, moments
from backbone.query.promql.source import Selection
from backbone.query.promql.values import Grid
from backbone.query.promql.walk import children


def subquery_grid(grid: Grid, query: Grid, node: Subquery, default_step_ms: int) -> tuple[Grid | None, Times]:
    """
    Return the steps at which a subquery evaluates, and the end of its range at each step of *grid*.

    Steps are multiples of the subquery's step, whatever the query's times are; None if there is none in the range.
    """
    ends = moments(grid, query, node.at, milliseconds(node.offset))
    step = default_step_ms if node.step is None else milliseconds(node.step)
    first = (int(ends[0]) - milliseconds(node.range)) // step * step + step
    last = int(ends[-1])
    return (Grid(first, last, step) if first <= last else None), ends


def selections(expr: Expr, grid: Grid, query: Grid, lookback_ms: int, default_step_ms: int) -> list[Selection]:
    """Return what the steps of *grid* need: each set of matchers once, for all the time that any of its uses needs."""
    spans: dict[Matchers, tuple[int, int]] = {}
    for matchers, start, end in _needs(expr, grid, query, lookback_ms, default_step_ms):
        before = spans.get(matchers, (start, end))
        spans[matchers] = min(before[0], start), max(before[1], end)
    return [Selection(matchers, *span) for matchers, span in spans.items()]


def _needs(
    expr: Expr, grid: Grid, query: Grid, lookback_ms: int, default_step_ms: int
) -> Iterator[tuple[Matchers, int, int]]:
    match expr:
        case VectorSelector():
            yield _need(expr, grid, query, lookback_ms, lookback_ms)
        case MatrixSelector():
            before = milliseconds(expr.range) + (lookback_ms if expr.vector.extension else 0)
            yield _need(expr.vector, grid, query, before, lookback_ms)
        case Subquery():
            inner, _ = subquery_grid(grid, query, expr, default_step_ms)
            # Where it has no step, its selectors are known all the same, as having no series.
            yield from _needs(expr.inner, inner or grid, query, lookback_ms, default_step_ms)
        case Call(function="info"):
            yield _need(info_selector(expr), grid, query, lookback_ms, lookback_ms)
            yield from _needs(expr.arguments[0], grid, query, lookback_ms, default_step_ms)
        case _:
            for child in children(expr):
                yield from _needs(child, grid, query, lookback_ms, default_step_ms)


def _need(
    selector: VectorSelector, grid: Grid, query: Grid, before: int, lookback_ms: int
) -> tuple[Matchers, int, int]:
    times = moments(grid, query, selector.at, milliseconds(selector.offset))
    after = lookback_ms if selector.extension == "smoothed" else 0
    return selector.matchers, int(times[0]) - before, int(times[-1]) + after
