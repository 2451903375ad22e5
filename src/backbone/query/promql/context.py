"""What the evaluation of an expression knows beside the expression."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from backbone.model.errors import LimitExceeded
from backbone.query.promql.annotations import Annotations
from backbone.query.promql.ast import Span, VectorSelector
from backbone.query.promql.values import Grid, Series, Vector
from backbone.query.selectors import Matcher

Matchers = tuple[Matcher, ...]


class Cancelled(Exception):  # noqa: N818 - nothing went wrong
    """Nobody waits for the answer any more."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How long an evaluation may go on, and how many points it may hold at a time."""

    deadline: float
    """Of `time.monotonic`."""
    max_points: int
    cancelled: threading.Event = field(default_factory=threading.Event)

    def check(self) -> None:
        """
        Raise if the evaluation is to end.

        Raises:
            LimitExceeded: it took too long.
            Cancelled: nobody waits for it.
        """
        if self.cancelled.is_set():
            raise Cancelled
        if time.monotonic() > self.deadline:
            raise LimitExceeded("query timed out in expression evaluation", limit="promql.timeout")

    def hold(self, points: int) -> None:
        """
        Check that an array of so many points may be made.

        Raises:
            LimitExceeded: it may not.
        """
        if points > self.max_points:
            raise LimitExceeded(
                "query processing would load too many samples into memory in query execution "
                f"({points} points, 'promql.max_samples' allows {self.max_points})",
                limit="promql.max_samples",
            )


@dataclass(frozen=True, slots=True)
class Context:
    """The steps at which to evaluate, and where series and annotations are."""

    grid: Grid
    query: Grid
    """The whole query's steps, which `@ start()` and `@ end()` mean; a subquery has a grid of its own."""
    lookback_ms: int
    default_step_ms: int
    """The step of subqueries that name none."""
    data: Mapping[Matchers, Series]
    notes: Annotations
    budget: Budget
    delegated: Mapping[Span, Vector] = field(default_factory=dict)
    """Aggregates that others made of their series, by the place of the aggregation in the query."""
    only_totals: bool = False
    """Of histograms only counts and sums matter; then Prometheus says of each sample whether it was reset."""

    def on(self, grid: Grid) -> Context:
        """Return the context with the steps of a subquery."""
        return replace(self, grid=grid, only_totals=False)

    def for_totals(self, *, only_totals: bool) -> Context:
        return replace(self, only_totals=only_totals)

    def series(self, selector: VectorSelector) -> Series:
        found = self.data[selector.matchers]
        if self.only_totals and found.histograms is not None:
            return replace(found, histograms=found.histograms.telling_resets())
        return found
