"""Range functions that look at the floats of a window by themselves. Source: Prometheus 3.x, promql/functions.go."""

from __future__ import annotations

import math
from enum import IntEnum

import numpy as np

from backbone.compiled import kernel
from backbone.query.promql.arrays import Floats, Mask, Rows, Times
from backbone.query.promql.kernels.parallel import over_rows
from backbone.query.promql.kernels.sums import add, mean, quantile, sorted_nan_first, total, variance


class OverTime(IntEnum):
    """What is made of a window."""

    SUM = 0
    AVG = 1
    MIN = 2
    MAX = 3
    STDVAR = 4
    STDDEV = 5
    QUANTILE = 6
    MAD = 7
    TS_OF_MIN = 8
    TS_OF_MAX = 9
    CHANGES = 10
    DERIV = 11
    PREDICT_LINEAR = 12
    SMOOTHING = 13


_LEAST = {OverTime.DERIV: 2, OverTime.PREDICT_LINEAR: 2, OverTime.SMOOTHING: 2}
"""How many samples a window must hold, where that is not one."""


def over_time(
    what: OverTime,
    times: Times,
    values: Floats,
    low: Rows,
    high: Rows,
    parameter: Floats,
    second: Floats,
) -> tuple[Floats, Mask]:
    """
    Return what each window gives, and whether it holds enough samples for that.

    Shapes: windows and result (series, step), ``parameter`` and ``second`` (step,): the quantile, the smoothing
    factors, or how far ahead to predict in seconds and from when in milliseconds.
    """
    out = np.empty(low.shape)
    present = np.empty(low.shape, np.bool_)
    least = _LEAST.get(what, 1)

    def run(first: int, last: int) -> None:
        _run(int(what), least, times, values, low, high, parameter, second, out, present, first, last)

    over_rows(run, len(low), low.size)
    return out, present


@kernel
def _run(
    what: int,
    least: int,
    times: Times,
    values: Floats,
    low: Rows,
    high: Rows,
    parameter: Floats,
    second: Floats,
    out: Floats,
    present: Mask,
    first: int,
    last: int,
) -> None:
    for series in range(first, last):
        for step in range(low.shape[1]):
            begin, end = low[series, step], high[series, step]
            present[series, step] = end - begin >= least
            out[series, step] = np.nan
            if end - begin < least:
                continue
            if what <= 7:
                out[series, step] = _of_values(what, values[begin:end], parameter[step])
            else:
                out[series, step] = _of_samples(
                    what, times[begin:end], values[begin:end], parameter[step], second[step]
                )


@kernel
def _of_values(what: int, values: Floats, parameter: float) -> float:
    if what == 0:
        return total(values)
    if what == 1:
        return mean(values)
    if what == 2:
        return values[_extreme(values, -1.0, False)]
    if what == 3:
        return values[_extreme(values, 1.0, False)]
    if what == 4:
        return variance(values)
    if what == 5:
        return math.sqrt(variance(values))
    if what == 6:
        return quantile(parameter, sorted_nan_first(values))
    return _deviation(values)


@kernel
def _of_samples(what: int, times: Times, values: Floats, parameter: float, second: float) -> float:
    if what == 8:
        return times[_extreme(values, -1.0, True)] / 1000.0
    if what == 9:
        return times[_extreme(values, 1.0, True)] / 1000.0
    if what == 10:
        return _changes(values)
    if what == 11:
        return _line(times, values, times[0])[0]
    if what == 12:
        slope, intercept = _line(times, values, int(second))
        return slope * parameter + intercept
    return _smoothed(values, parameter, second)


@kernel
def _extreme(values: Floats, sign: float, latest: bool) -> int:
    """Return where the largest value times *sign* is; NaN only where there is nothing else."""
    best = 0
    for at in range(len(values)):
        if (
            math.isnan(values[best])
            or sign * values[at] > sign * values[best]
            or (latest and values[at] == values[best])
        ):
            best = at
    return best


@kernel
def _deviation(values: Floats) -> float:
    """Return the median absolute deviation."""
    for value in values:
        if math.isnan(value):
            return np.nan
    median = quantile(0.5, np.sort(values))
    return quantile(0.5, np.sort(np.abs(values - median)))


@kernel
def _changes(values: Floats) -> float:
    count = 0.0
    for at in range(1, len(values)):
        if values[at] != values[at - 1] and not (math.isnan(values[at]) and math.isnan(values[at - 1])):
            count += 1.0
    return count


@kernel
def _line(times: Times, values: Floats, origin: int) -> tuple[float, float]:
    """Return slope per second and value at *origin* of the line of least squares."""
    flat = True
    xs = xr = ys = yr = xys = xyr = xxs = xxr = 0.0
    for at in range(len(values)):
        flat = flat and values[at] == values[0]
        x = (times[at] - origin) / 1000.0
        xs, xr = add(x, xs, xr)
        ys, yr = add(values[at], ys, yr)
        xys, xyr = add(x * values[at], xys, xyr)
        xxs, xxr = add(x * x, xxs, xxr)
    if flat or (len(values) == 1):
        return (np.nan, np.nan) if math.isinf(values[0]) else (0.0, values[0])
    count = float(len(values))
    xs, ys, xys, xxs = xs + xr, ys + yr, xys + xyr, xxs + xxr
    slope = (xys - xs * ys / count) / (xxs - xs * xs / count)
    return slope, ys / count - slope * xs / count


@kernel
def _smoothed(values: Floats, factor: float, trend_factor: float) -> float:
    """Return the last value of Holt's double exponential smoothing."""
    before, level, trend = 0.0, values[0], values[1] - values[0]
    for at in range(1, len(values)):
        if at > 1:
            trend = trend_factor * (level - before) + (1.0 - trend_factor) * trend
        before, level = level, factor * values[at] + (1.0 - factor) * (level + trend)
    return level
