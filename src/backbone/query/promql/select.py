"""Selectors and subqueries: from fetched series to points at each step, and to windows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from backbone.query.promql.arrays import Mask, Rows, Times
from backbone.query.promql.ast import MatrixSelector, VectorSelector
from backbone.query.promql.context import Context
from backbone.query.promql.fetch import is_stale
from backbone.query.promql.kernels.arrange import subset
from backbone.query.promql.kernels.windows import find_windows, latest
from backbone.query.promql.moments import milliseconds, moments
from backbone.query.promql.values import HistogramCells, HistogramSamples, Samples, Series, Vector, Windows


def instant_vector(context: Context, selector: VectorSelector) -> Vector:
    """Return the newest point of each series at each step, unless it is too old or the series has ended."""
    return _newest(context, selector)[0]


def newest_times(context: Context, selector: VectorSelector) -> Vector:
    """Return `instant_vector` with the points' times, in seconds, for values."""
    vector, times, _ = _newest(context, selector)
    return vector.with_floats(times / 1000.0, vector.present)


def newest_starts(context: Context, selector: VectorSelector) -> Vector:
    """Return `instant_vector` with the points' start times, in seconds, for values."""
    vector, _, starts = _newest(context, selector)
    return vector.with_floats(starts / 1000.0, vector.present & (starts != _UNKNOWN))


_UNKNOWN = np.iinfo(np.int64).min


def _newest(context: Context, selector: VectorSelector) -> tuple[Vector, Times, Times]:
    series = context.series(selector)
    context.budget.hold(series.labels.size * context.grid.size)
    ends = moments(context.grid, context.query, selector.at, milliseconds(selector.offset))
    floats = series.floats
    low, high = find_windows(floats.times, floats.offsets, ends - context.lookback_ms, ends)
    values, present = latest(floats.values, high, low)
    times = _at(floats.times, high, low)
    starts = _starts_at(floats, high, low)
    cells = None
    present &= ~is_stale(values)
    if series.histograms is not None:
        cells, present, times, starts = _with_histograms(context, series.histograms, ends, present, times, starts)
    return Vector(series.labels, values, present, series.nameless, cells), times, starts


def _with_histograms(
    context: Context,
    histograms: HistogramSamples,
    ends: Times,
    present: Mask,
    times: Times,
    starts: Times,
) -> tuple[HistogramCells, Mask, Times, Times]:
    low, high = find_windows(histograms.times, histograms.offsets, ends - context.lookback_ms, ends)
    found = _at(histograms.times, high, low)
    # A float's marker of the end counts too, though no point comes of it.
    newer = (high > low) & (found > times)
    rows = np.where(newer, high - 1, -1).astype(np.int32)
    own_starts = np.zeros_like(histograms.times) if histograms.starts is None else histograms.starts
    at_start = _at(own_starts, high, low)
    return (
        HistogramCells(rows, histograms.block),
        (present & ~newer) | newer,
        np.where(newer, found, times),
        np.where(newer, at_start, starts),
    )


def _at(of: Times, high: Rows, low: Rows) -> Times:
    """Return what stands at each window's last sample; the least number where there is none."""
    if not len(of):
        return np.full(high.shape, _UNKNOWN)
    return np.where(high > low, of[np.maximum(high - 1, 0)], _UNKNOWN)


def _starts_at(samples: Samples, high: Rows, low: Rows) -> Times:
    if samples.starts is None:
        return np.full(high.shape, _UNKNOWN)
    return _at(samples.starts, high, low)


def select_windows(context: Context, selector: MatrixSelector) -> Windows:
    """Return the windows of a range selector; markers of a series' end are not in them."""
    vector = selector.vector
    ends = moments(context.grid, context.query, vector.at, milliseconds(vector.offset))
    series = without_stale(context.series(vector))
    context.budget.hold(series.labels.size * context.grid.size)
    length = milliseconds(selector.range)
    return Windows(series, ends - length, ends, length, vector.extension)


def without_stale(series: Series) -> Series:
    floats = series.floats
    kept = ~is_stale(floats.values)
    if kept.all():
        return series
    starts = None if floats.starts is None else floats.starts[kept]
    return replace(
        series, floats=Samples(floats.times[kept], subset(floats.offsets, kept), floats.values[kept], starts)
    )


def windows_of(vector: Vector, times: Times, edges: tuple[Times, Times], range_ms: int) -> Windows:
    """
    Return windows over the points of a vector, which a subquery evaluated.

    Args:
        times: of the vector's steps, (step,).
        edges: starts and ends of the windows.
    """
    floats = vector.floats
    offsets = np.concatenate([[0], np.cumsum(floats.sum(axis=1))])
    grid = np.broadcast_to(times, floats.shape)
    samples = Samples(grid[floats], offsets, vector.values[floats])
    return Windows(Series(vector.labels, vector.nameless, samples, _histogram_samples(vector, grid)), *edges, range_ms)


def _histogram_samples(vector: Vector, grid: Times) -> HistogramSamples | None:
    points = vector.histogram_points
    if vector.histograms is None or not points.any():
        return None
    offsets = np.concatenate([[0], np.cumsum(points.sum(axis=1))])
    block = vector.histograms.block.take(vector.histograms.rows[points].astype(np.int64))
    # Samples between may be missing here, so what a hint said of the sample before does not hold.
    hint = np.where(block.hint == _GAUGE, _GAUGE, 0).astype(np.int8)
    return HistogramSamples(grid[points], offsets, block.with_hint(hint), np.zeros(len(block), np.bool_))


_GAUGE = 3
