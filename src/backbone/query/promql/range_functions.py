"""Functions of range vectors over floats, and over histograms where these count for no more than their being there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from backbone.query.promql import range_histograms
from backbone.query.promql.arguments import Arguments
from backbone.query.promql.arrays import Floats, Mask, Rows, Times
from backbone.query.promql.errors import EvaluationError
from backbone.query.promql.extended import extended_counts, extended_rise
from backbone.query.promql.go_floats import print_short
from backbone.query.promql.kernels.counters import between_last_two, count_resets, extrapolated
from backbone.query.promql.kernels.over_time import OverTime, over_time
from backbone.query.promql.values import HistogramCells, Vector
from backbone.query.promql.windowed import Windowed
from backbone.query.selectors import METRIC_LABEL

_TYPE_LABEL = "__type__"
"""Series have it where types are told as labels."""
_COUNTER_SUFFIXES = ("_total", "_sum", "_count", "_bucket")


def _rise(arguments: Arguments, *, counter: bool, per_second: bool) -> Vector:
    windowed = Windowed.of(arguments, 0)
    per_seconds = windowed.windows.range_ms / 1000.0 if per_second else 1.0
    if windowed.windows.extension:
        return extended_rise(arguments, counter=counter, per_seconds=per_seconds)
    usable = windowed.without_mixed()
    floats, histograms = windowed.floats, windowed.series.histograms
    values, present = extrapolated(
        floats.times, floats.values, windowed.starts, windowed.float_windows, windowed.edges,
        counter=counter, per_seconds=per_seconds,
    )  # fmt: skip
    if counter and len(windowed.starts):
        _overlapping_starts(windowed)
    present &= usable
    cells = None
    if histograms is not None:
        cells = range_histograms.rise(windowed, usable, counter=counter, per_seconds=per_seconds)
    return windowed.vector_with((values, present), cells)


def _counter_rise(arguments: Arguments, *, per_second: bool) -> Vector:
    vector = _rise(arguments, counter=True, per_second=per_second)
    labels = arguments.windows(0).series.labels
    floats = np.flatnonzero(vector.floats.any(axis=1))
    names, types = labels.column(METRIC_LABEL), labels.column(_TYPE_LABEL)
    pairs = np.unique(np.stack([names.codes[floats], types.codes[floats]], axis=1), axis=0)
    typed = _TYPE_LABEL in labels.columns
    for name, kind in sorted((names.values[name], types.values[kind]) for name, kind in pairs.tolist()):
        if name and typed and kind not in {"counter", "histogram"}:
            what = f'__type__ label is not set to "counter" or "histogram", got "{kind}": "{name}"'
        elif name and not typed and not name.endswith(_COUNTER_SUFFIXES):
            what = f'name does not end in {"/".join(_COUNTER_SUFFIXES)}: "{name}"'
        else:
            continue
        arguments.context.notes.info(f"metric might not be a counter, {what}", arguments.span(0))
    return vector


def _overlapping_starts(windowed: Windowed) -> None:
    """Warn of series of which a sample starts before the one before it, and not where that one did."""
    starts, times = windowed.starts, windowed.floats.times
    overlapping = np.zeros(len(starts) + 1, np.int64)
    overlapping[2:] = np.cumsum((starts[1:] != 0) & (starts[1:] < times[:-1]) & (starts[1:] != starts[:-1]))
    low, high = windowed.float_windows
    found = (high > low + 1) & (overlapping[high] > overlapping[np.minimum(low + 1, len(starts))])
    windowed.warn(range_histograms.START_OVERLAP, found)


def _last_two(arguments: Arguments, *, counter: bool) -> Vector:
    windowed = Windowed.of(arguments, 0)
    floats = windowed.floats
    if windowed.series.histograms is not None:
        return range_histograms.last_two(windowed, counter=counter)
    return windowed.vector(
        *between_last_two(floats.times, floats.values, windowed.starts, windowed.float_windows, counter=counter)
    )


def _floats_only(
    arguments: Arguments, what: OverTime, index: int = 0, parameter: Floats | None = None, second: Floats | None = None
) -> Vector:
    windowed = Windowed.of(arguments, index)
    nothing = np.zeros(arguments.context.grid.size)
    values, present = over_time(
        what, windowed.floats.times, windowed.floats.values, *windowed.float_windows,
        nothing if parameter is None else parameter, nothing if second is None else second,
    )  # fmt: skip
    windowed.ignored_histograms(windowed.has_floats)
    return windowed.vector(values, present)


def _total(arguments: Arguments, what: OverTime) -> Vector:
    windowed = Windowed.of(arguments, 0)
    usable = windowed.without_mixed()
    nothing = np.zeros(arguments.context.grid.size)
    floats = windowed.floats
    values, present = over_time(what, floats.times, floats.values, *windowed.float_windows, nothing, nothing)
    cells = None
    if windowed.series.histograms is not None:
        cells = range_histograms.total(windowed, usable, average=what is OverTime.AVG)
    return windowed.vector_with((values, present & usable), cells)


def _quantile(arguments: Arguments) -> Vector:
    q = arguments.scalar(0)
    made = _floats_only(arguments, OverTime.QUANTILE, 1, q)
    warn_of_quantiles(arguments, q[made.present.any(axis=0)], 0)
    return made


def warn_of_quantiles(arguments: Arguments, quantiles: Floats, index: int) -> None:
    """Warn of quantiles that are none; *index* is the argument that gives them."""
    for q in dict.fromkeys(quantiles[~((quantiles >= 0) & (quantiles <= 1))].tolist()):
        arguments.context.notes.warn(
            f"quantile value should be between 0 and 1, got {print_short(q)}", arguments.span(index)
        )


def _predict(arguments: Arguments) -> Vector:
    ahead, now = arguments.scalar(1), arguments.context.grid.times.astype(np.float64)
    return _floats_only(arguments, OverTime.PREDICT_LINEAR, 0, ahead, now)


def _smoothing(arguments: Arguments) -> Vector:
    names = ("smoothing", "trend")
    factors = [arguments.scalar(1), arguments.scalar(2)]
    for name, factor, symbol in zip(names, factors, ("sf", "tf"), strict=True):
        wrong = factor[~((factor > 0) & (factor < 1))]
        if len(wrong):
            raise EvaluationError(f"invalid {name} factor. Expected: 0 < {symbol} < 1, got: {wrong[0]:f}")
    return _floats_only(arguments, OverTime.SMOOTHING, 0, *factors)


def _count(arguments: Arguments) -> Vector:
    windowed = Windowed.of(arguments, 0)
    low, high = windowed.float_windows
    counts = (high - low).astype(np.float64)
    if windowed.histogram_windows is not None:
        low, high = windowed.histogram_windows
        counts += high - low
    return windowed.vector(counts, counts > 0)


def _present(arguments: Arguments) -> Vector:
    windowed = Windowed.of(arguments, 0)
    present = windowed.has_floats | windowed.has_histograms
    return windowed.vector(np.ones(present.shape), present)


def _edge(arguments: Arguments, *, last: bool) -> Vector:
    """Return the first or last point of each window."""
    windowed = Windowed.of(arguments, 0)
    times, values, present, cells = _edge_points(windowed, last=last)
    del times
    return windowed.vector_with((values, present), cells, keeps_name=True)


def _edge_time(arguments: Arguments, *, last: bool) -> Vector:
    windowed = Windowed.of(arguments, 0)
    times, _, present, cells = _edge_points(windowed, last=last)
    there = present if cells is None else present | (cells.rows >= 0)
    return windowed.vector(times / 1000.0, there)


def _edge_points(windowed: Windowed, *, last: bool) -> tuple[Times, Floats, Mask, HistogramCells | None]:
    times, index, present = _at_edge(windowed.floats.times, windowed.float_windows, last=last)
    values = windowed.floats.values[index] if len(windowed.floats.values) else np.full(present.shape, np.nan)
    if windowed.histogram_windows is None:
        return times, values, present, None
    found, rows, there = _at_edge(windowed.histograms.times, windowed.histogram_windows, last=last)
    preferred = there & (~present | (found > times if last else found <= times))
    cells = HistogramCells(np.where(preferred, rows, -1).astype(np.int32), windowed.histograms.block)
    return np.where(preferred, found, times), values, present & ~preferred, cells


def _at_edge(times: Times, windows: tuple[Rows, Rows], *, last: bool) -> tuple[Times, Rows, Mask]:
    low, high = windows
    present = high > low
    index = np.where(present, high - 1 if last else low, 0)
    return (times[index] if len(times) else np.zeros(present.shape, np.int64)), index, present


def _resets(arguments: Arguments) -> Vector:
    windowed = Windowed.of(arguments, 0)
    if windowed.windows.extension:
        return extended_counts(arguments, resets=True)
    if windowed.histogram_windows is not None:
        return range_histograms.count_events(windowed, resets=True)
    floats = windowed.floats
    return windowed.vector(*count_resets(floats.times, floats.values, windowed.starts, windowed.float_windows))


def _changes(arguments: Arguments) -> Vector:
    windowed = Windowed.of(arguments, 0)
    if windowed.windows.extension:
        return extended_counts(arguments, resets=False)
    if windowed.histogram_windows is not None:
        return range_histograms.count_events(windowed, resets=False)
    return _floats_only(arguments, OverTime.CHANGES)


RANGE_FUNCTIONS: Mapping[str, Callable[[Arguments], Vector]] = {
    "rate": partial(_counter_rise, per_second=True),
    "increase": partial(_counter_rise, per_second=False),
    "delta": partial(_rise, counter=False, per_second=False),
    "irate": partial(_last_two, counter=True),
    "idelta": partial(_last_two, counter=False),
    "sum_over_time": partial(_total, what=OverTime.SUM),
    "avg_over_time": partial(_total, what=OverTime.AVG),
    "min_over_time": partial(_floats_only, what=OverTime.MIN),
    "max_over_time": partial(_floats_only, what=OverTime.MAX),
    "ts_of_min_over_time": partial(_floats_only, what=OverTime.TS_OF_MIN),
    "ts_of_max_over_time": partial(_floats_only, what=OverTime.TS_OF_MAX),
    "stddev_over_time": partial(_floats_only, what=OverTime.STDDEV),
    "stdvar_over_time": partial(_floats_only, what=OverTime.STDVAR),
    "mad_over_time": partial(_floats_only, what=OverTime.MAD),
    "quantile_over_time": _quantile,
    "deriv": partial(_floats_only, what=OverTime.DERIV),
    "predict_linear": _predict,
    "double_exponential_smoothing": _smoothing,
    "count_over_time": _count,
    "present_over_time": _present,
    "first_over_time": partial(_edge, last=False),
    "last_over_time": partial(_edge, last=True),
    "ts_of_first_over_time": partial(_edge_time, last=False),
    "ts_of_last_over_time": partial(_edge_time, last=True),
    "resets": _resets,
    "changes": _changes,
}
