"""PromQL's engine: parses, fetches, evaluates. Source of the semantics: Prometheus 3.x."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field, replace

import numpy as np

from backbone.model.errors import UserInputError
from backbone.query.promql.annotations import Annotations
from backbone.query.promql.answer import EMPTY_FRAME, Answer, Frame
from backbone.query.promql.ast import Expr, ValueType
from backbone.query.promql.checks import value_type
from backbone.query.promql.context import Budget, Context, Matchers
from backbone.query.promql.durations import resolve
from backbone.query.promql.evaluate import evaluate
from backbone.query.promql.features import check_features
from backbone.query.promql.fetch import Selection, Source, Timing, too_many_samples
from backbone.query.promql.grids import selections
from backbone.query.promql.kernels.arrange import Chunk, arrange
from backbone.query.promql.labels import Labels
from backbone.query.promql.matching import merge_equal
from backbone.query.promql.parser import parse
from backbone.query.promql.values import Grid, Scalar, Series, Text, Value, Vector, Windows

MAX_STEPS = 11_000
"""Of a range query, as in Prometheus."""


@dataclass(frozen=True, slots=True)
class PromQLOptions:
    """How queries are evaluated, and their bounds."""

    lookback_ms: int = 300_000
    default_step_ms: int = 60_000
    timeout_seconds: float = 120.0
    max_samples: int = 50_000_000
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
    timings: list[Timing] = field(default_factory=list)


class PromQL:
    """Answers queries over a source of series."""

    def __init__(self, source: Source, options: PromQLOptions) -> None:
        self._source = source
        self._options = options

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
        run = _Run(Annotations(question.text))
        began = time.perf_counter()
        expr = parse(question.text)
        check_features(expr, question.text, self._options.features)
        expr = resolve(expr, query.step, query.end - query.start)
        kind = value_type(expr)
        if question.is_range and kind not in {ValueType.SCALAR, ValueType.VECTOR}:
            raise UserInputError(
                f'invalid expression type "{_words(kind)}" for range query, must be Scalar or instant Vector'
            )
        run.timings.append(Timing("parse", time.perf_counter() - began))
        lookback = question.lookback_ms or self._options.lookback_ms
        data = await self._fetch(tenant, selections(expr, query, lookback, self._options.default_step_ms), run)
        budget = Budget(time.monotonic() + self._options.timeout_seconds, self._options.max_samples)
        context = Context(query, query, lookback, self._options.default_step_ms, data, run.notes, budget)
        try:
            return await asyncio.to_thread(self._evaluated, context, expr, run)
        finally:
            budget.cancelled.set()

    async def _fetch(self, tenant: str, wanted: list[Selection], run: _Run) -> dict[Matchers, Series]:
        found = await asyncio.gather(*(self._source.select(tenant, one, run.timings) for one in wanted))
        if sum(len(series.floats.times) for series in found) > self._options.max_samples:
            raise too_many_samples(self._options.max_samples)
        return {one.matchers: series for one, series in zip(wanted, found, strict=True)}

    def _evaluated(self, context: Context, expr: Expr, run: _Run) -> Answer:
        began = time.perf_counter()
        value = evaluate(context, expr)
        answer = _answer(value, context.query)
        run.timings.append(Timing("evaluate", time.perf_counter() - began, len(answer.frame.times)))
        return replace(answer, warnings=run.notes.warnings, infos=run.notes.infos, timings=run.timings)


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


def _answer(value: Value, query: Grid) -> Answer:
    match value:
        case Text():
            return Answer(ValueType.STRING, EMPTY_FRAME, value.value)
        case Scalar():
            times, one = query.times, Labels(1, {})
            frame = Frame(one, np.array([0, len(times)]), times, value.values)
            return Answer(ValueType.MATRIX if query.step else ValueType.SCALAR, frame)
        case Vector():
            return _vector_answer(value, query)
        case Windows():
            return _matrix_answer(value)


def _vector_answer(vector: Vector, query: Grid) -> Answer:
    named = replace(vector, labels=vector.plain_labels(), nameless=np.zeros(vector.labels.size, np.bool_))
    plain = merge_equal(named.pruned())
    if not plain.ordered:
        plain = plain.take(plain.labels.sort_order())
    present = plain.present
    offsets = np.concatenate([[0], np.cumsum(present.sum(axis=1))])
    times = np.broadcast_to(query.times, present.shape)[present]
    cells = plain.histograms
    rows = cells.rows[present] if cells is not None and plain.histogram_points.any() else None
    frame = Frame(plain.labels, offsets, times, plain.values[present], rows)
    kind = ValueType.MATRIX if query.step else ValueType.VECTOR
    return Answer(kind, frame, block=cells.block if cells is not None else None)


def _matrix_answer(windows: Windows) -> Answer:
    """Return the samples of an instant query's range vector."""
    series, start, end = windows.series, int(windows.starts[0]), int(windows.ends[0])
    everyone = np.arange(series.labels.size, dtype=np.uint64)
    floats = series.floats
    inside = (floats.times > start) & (floats.times <= end)
    owner = np.repeat(everyone, np.diff(floats.offsets))
    chunks: list[Chunk] = [(owner[inside], floats.times[inside], np.flatnonzero(inside).astype(np.float64))]
    histograms = series.histograms
    if histograms is not None:
        within = (histograms.times > start) & (histograms.times <= end)
        owner = np.repeat(everyone, np.diff(histograms.offsets))
        chunks.append((owner[within], histograms.times[within], (-1.0 - np.flatnonzero(within)).astype(np.float64)))
    offsets, times, at = arrange(everyone, chunks)
    index = at.astype(np.int64)
    values = np.full(len(index), np.nan)
    values[index >= 0] = floats.values[index[index >= 0]]
    rows = np.where(index < 0, -1 - index, -1).astype(np.int32) if histograms is not None else None
    labels = series.labels.blank(("__name__", "__type__", "__unit__"), series.nameless)
    frame = _without_empty(Frame(labels, offsets, times, values, rows))
    return Answer(ValueType.MATRIX, frame, block=histograms.block if histograms is not None else None)


def _without_empty(frame: Frame) -> Frame:
    """Return a frame of the series that have points, in order of their labels."""
    sizes = np.diff(frame.offsets)
    order = frame.labels.sort_order()
    order = order[sizes[order] > 0]
    take = np.concatenate([np.zeros(0, np.int64), *(np.arange(*frame.offsets[row : row + 2]) for row in order)])
    rows = None if frame.histograms is None else frame.histograms[take]
    offsets = np.concatenate([[0], np.cumsum(sizes[order])])
    return Frame(frame.labels.take(order), offsets, frame.times[take], frame.values[take], rows)
