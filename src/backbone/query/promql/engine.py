"""PromQL's engine: parses, fetches, evaluates. Source of the semantics: Prometheus 3.x."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field, replace

from backbone.model.errors import UserInputError
from backbone.query.promql.annotations import Annotations
from backbone.query.promql.answer import Answer
from backbone.query.promql.ast import Aggregation, Expr, ValueType
from backbone.query.promql.checks import value_type
from backbone.query.promql.context import Budget, Context, Matchers
from backbone.query.promql.delegate import Delegating, delegable, selector_of
from backbone.query.promql.durations import resolve
from backbone.query.promql.evaluate import evaluate
from backbone.query.promql.features import check_features
from backbone.query.promql.finish import answer_of, plain_vector
from backbone.query.promql.grids import selections
from backbone.query.promql.parser import parse
from backbone.query.promql.reuse import Computed, ResultCache, can_be_continued, side_by_side, steps_of, still_true
from backbone.query.promql.source import Report, Selection, Source, too_many_samples
from backbone.query.promql.values import Grid, Series, Value, Vector

MAX_STEPS = 11_000
"""Of a range query, as in Prometheus."""


@dataclass(frozen=True, slots=True)
class PromQLOptions:
    """How queries are evaluated, and their bounds."""

    lookback_ms: int = 300_000
    default_step_ms: int = 60_000
    timeout_seconds: float = 120.0
    max_samples: int = 50_000_000
    max_cached_points: int = 5_000_000
    """How many points of range queries are kept, so that the same query a little later need not compute them."""
    features: frozenset[str] = frozenset()
    """Unsettled parts of the language that are allowed, as `features` names them."""


@dataclass(frozen=True, slots=True)
class Question:
    """A query's text and its steps."""

    text: str
    grid: Grid
    lookback_ms: int | None = None
    cached: bool = True
    """Whether what was computed before may be used."""

    @property
    def is_range(self) -> bool:
        return self.grid.step > 0


@dataclass(slots=True)
class _Run:
    """What one evaluation gathers."""

    notes: Annotations
    deadline: float
    """Of `time.monotonic`."""
    report: Report = field(default_factory=Report)


class PromQL:
    """Answers queries over a source of series."""

    def __init__(self, source: Source, options: PromQLOptions, others: Delegating | None = None) -> None:
        self._source = source
        self._others = others
        self._options = options
        self._results = ResultCache(options.max_cached_points)

    @property
    def lookback_ms(self) -> int:
        """How old a sample may be to count, where a question does not say."""
        return self._options.lookback_ms

    async def instant(self, tenant: str, text: str, time_ms: int, lookback_ms: int | None = None) -> Answer:
        """
        Return a query's value at a time.

        Raises:
            UserInputError: it is no query, or the series do not allow what it asks.
            LimitExceeded: it needs more than a query may.
        """
        return await self.ask(tenant, Question(text, Grid(time_ms, time_ms, 0), lookback_ms))

    async def range(
        self, tenant: str, text: str, start_ms: int, end_ms: int, step_ms: int, lookback_ms: int | None = None
    ) -> Answer:
        """
        Return a query's value at each step from *start_ms* to *end_ms*; raises as `instant`.

        Raises:
            UserInputError: the range has no step, or too many.
        """
        return await self.ask(tenant, Question(text, range_grid(start_ms, end_ms, step_ms), lookback_ms))

    async def ask(self, tenant: str, question: Question) -> Answer:
        """Return the answer to a question; raises as `instant`."""
        query = question.grid
        run = _Run(Annotations(question.text), time.monotonic() + self._options.timeout_seconds)
        began = time.perf_counter()
        expr = parse(question.text)
        check_features(expr, question.text, self._options.features)
        expr = resolve(expr, query.step, query.end - query.start)
        kind = value_type(expr)
        if question.is_range and kind not in {ValueType.SCALAR, ValueType.VECTOR}:
            raise UserInputError(
                f'invalid expression type "{_words(kind)}" for range query, must be Scalar or instant Vector'
            )
        run.report.took("parse", time.perf_counter() - began)
        if question.cached and question.is_range and kind is ValueType.VECTOR and can_be_continued(expr):
            value = await self._continued(tenant, question, expr, run)
        else:
            value = await self._value(tenant, question, query, expr, run)
        answer = await asyncio.to_thread(answer_of, value, query)
        return replace(answer, warnings=run.notes.warnings, infos=run.notes.infos, timings=run.report.timings)

    async def _continued(self, tenant: str, question: Question, expr: Expr, run: _Run) -> Value:
        """Return the value at all steps, of which those that were computed before are taken from there."""
        query = question.grid
        key = (tenant, question.text, query.step, question.lookback_ms)
        kept = self._results.get(key)
        changes = await self._source.changes(kept.moment if kept else None)
        if changes is None:
            return await self._value(tenant, question, query, expr, run)
        known = still_true(kept, query, changes.oldest_ms) if kept else None
        parts: list[Vector] = []
        if kept and known:
            began = time.perf_counter()
            parts.append(steps_of(kept, known))
            run.notes.repeat(kept.warnings, kept.infos)
            run.report.took("computed before", time.perf_counter() - began, known.size)
        # What still stands may end between two steps.
        rest = Grid(query.start + (known.size * query.step if known else 0), query.end, query.step)
        if rest.start <= rest.end:
            value = await self._value(tenant, question, rest, expr, run)
            assert isinstance(value, Vector)
            parts.append(await asyncio.to_thread(plain_vector, value))
        vector = side_by_side(*parts) if len(parts) == 2 else parts[0]
        notes = tuple(run.notes.warnings), tuple(run.notes.infos)
        self._results.put(key, Computed(query, vector, *notes, changes.now))
        return vector

    async def _value(self, tenant: str, question: Question, grid: Grid, expr: Expr, run: _Run) -> Value:
        """Return the value at some of the question's steps."""
        options, query = self._options, question.grid
        lookback = question.lookback_ms or options.lookback_ms
        wanted = selections(expr, grid, query, lookback, options.default_step_ms)
        delegated = await self._delegated(tenant, expr, grid, lookback, run)
        data = await self._fetch(tenant, self._without_delegated(wanted, delegated), run)
        budget = Budget(run.deadline, options.max_samples)
        elsewhere = {node.span: vector for node, vector in delegated.items()}
        context = Context(grid, query, lookback, options.default_step_ms, data, run.notes, budget, elsewhere)
        began = time.perf_counter()
        try:
            return await asyncio.to_thread(evaluate, context, expr)
        finally:
            # Whoever asked may be gone while the thread goes on.
            budget.cancelled.set()
            run.report.took("evaluate", time.perf_counter() - began, grid.size)

    async def _delegated(
        self, tenant: str, expr: Expr, grid: Grid, lookback_ms: int, run: _Run
    ) -> dict[Aggregation, Vector]:
        """Return the aggregates that others made of their series; none if any of them could not."""
        others = self._others
        nodes = delegable(expr) if others and others.delegates else []
        if not others or not nodes:
            return {}
        asked = (others.delegate(tenant, node, grid, lookback_ms, run.report) for node in nodes)
        found = await asyncio.gather(*asked)
        return {node: vector for node, vector in zip(nodes, found, strict=True) if vector is not None}

    def _without_delegated(self, wanted: list[Selection], delegated: dict[Aggregation, Vector]) -> list[Selection]:
        """Return what is wanted, without asking those for series that have evaluated what they are for."""
        if not self._others or not delegated:
            return wanted
        known = {selector_of(node).matchers for node in delegated}
        names = self._others.delegates
        return [replace(one, delegated=names) if one.matchers in known else one for one in wanted]

    async def _fetch(self, tenant: str, wanted: list[Selection], run: _Run) -> dict[Matchers, Series]:
        found = await asyncio.gather(*(self._source.select(tenant, one, run.report) for one in wanted))
        for warning in run.report.warnings:
            run.notes.tell(warning)
        if sum(len(series.floats.times) for series in found) > self._options.max_samples:
            raise too_many_samples(self._options.max_samples)
        return {one.matchers: series for one, series in zip(wanted, found, strict=True)}


def range_grid(start_ms: int, end_ms: int, step_ms: int) -> Grid:
    """
    Return the steps of a range query.

    Raises:
        UserInputError: there is none, or there are too many.
    """
    if step_ms <= 0:
        raise UserInputError("zero or negative query resolution step widths are not accepted. Try a positive integer")
    if end_ms < start_ms:
        raise UserInputError("end timestamp must not be before start time")
    if (end_ms - start_ms) // step_ms > MAX_STEPS:
        raise UserInputError(
            f"exceeded maximum resolution of {MAX_STEPS:,} points per timeseries. "
            "Try decreasing the query resolution (?step=XX)"
        )
    return Grid(start_ms, end_ms, step_ms)


def _words(kind: ValueType) -> str:
    return {ValueType.MATRIX: "range vector", ValueType.STRING: "string"}.get(kind, kind.value)
