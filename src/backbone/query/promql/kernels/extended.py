"""Anchored and smoothed windows over floats. Source: Prometheus 3.x, promql/functions.go, extendedRate."""

from __future__ import annotations

import numpy as np

from backbone.compiled import kernel
from backbone.query.promql.arrays import Floats, Mask, Rows, Times
from backbone.query.promql.kernels.parallel import over_rows


def extended_floats(
    times: Times,
    values: Floats,
    windows: tuple[Rows, Rows],
    edges: tuple[Times, Times],
    *,
    smoothed: bool,
    counter: bool,
) -> tuple[Floats, Mask]:
    """
    Return by how much each series rose between the edges of each window.

    Args:
        windows: of the samples within and around each window, (series, step).
        edges: starts and ends of the windows themselves, (step,).
    """
    low, high = windows
    out = np.full(low.shape, np.nan)
    present = np.zeros(low.shape, np.bool_)

    def run(first: int, last: int) -> None:
        _extended(times, values, low, high, edges[0], edges[1], smoothed, counter, out, present, first, last)

    over_rows(run, len(low), low.size)
    return out, present


def extended_changes(
    times: Times, values: Floats, windows: tuple[Rows, Rows], starts: Times, *, resets: bool
) -> tuple[Floats, Mask]:
    """Return how often each series fell, or changed, from the last sample before each window on."""
    low, high = windows
    out = np.full(low.shape, np.nan)
    present = np.zeros(low.shape, np.bool_)
    over_rows(
        lambda first, last: _changes(times, values, low, high, starts, resets, out, present, first, last),
        len(low),
        low.size,
    )
    return out, present


def interpolated(times: Times, values: Floats, windows: tuple[Rows, Rows], at: Times) -> tuple[Floats, Mask]:
    """Return each series' value at each step's time *at*, (step,), from the samples around it."""
    low, high = windows
    out = np.full(low.shape, np.nan)
    present = np.zeros(low.shape, np.bool_)
    over_rows(
        lambda first, last: _interpolated(times, values, low, high, at, out, present, first, last), len(low), low.size
    )
    return out, present


@kernel
def first_after(times: Times, begin: int, end: int, moment: int) -> int:
    """Return the first of the samples from *begin* to before *end* that is later than *moment*, or *end*."""
    while begin < end and times[begin] <= moment:
        begin += 1
    return begin


@kernel
def between(times: Times, values: Floats, at: int, moment: int, counter: bool) -> float:
    """Return the value at *moment*, which lies between sample *at* and the next."""
    left, right = values[at], values[at + 1]
    if counter and right < left:
        left = 0.0
    return left + (right - left) * ((moment - times[at]) / (times[at + 1] - times[at]))


@kernel
def _extended(
    times: Times,
    values: Floats,
    low: Rows,
    high: Rows,
    starts: Times,
    ends: Times,
    smoothed: bool,
    counter: bool,
    out: Floats,
    present: Mask,
    first: int,
    last: int,
) -> None:
    for series in range(first, last):
        for step in range(low.shape[1]):
            begin, stop = low[series, step], high[series, step] - 1
            if stop < begin:
                continue
            begin = max(begin, first_after(times, begin, stop, starts[step]) - 1)
            if smoothed:
                stop = first_after(times, begin, stop, ends[step] - 1)
            if times[stop] <= starts[step] or (smoothed and times[begin] > ends[step]):
                continue
            present[series, step] = True
            out[series, step] = _rise(times, values, begin, stop, starts[step], ends[step], smoothed, counter)


@kernel
def _rise(
    times: Times, values: Floats, begin: int, stop: int, start: int, end: int, smoothed: bool, counter: bool
) -> float:
    left, right = values[begin], values[stop]
    if smoothed and times[begin] < start:
        left = between(times, values, begin, start, counter)
    if smoothed and stop > begin and times[stop] > end:
        right = between(times, values, stop - 1, end, counter)
    rise = right - left
    if not counter:
        return rise
    if times[begin] <= start:
        begin += 1
    if times[stop] >= end:
        stop -= 1
    before = left
    for at in range(begin, stop + 1):
        if values[at] < before:
            rise += before
        before = values[at]
    return rise + before if right < before else rise


@kernel
def _changes(
    times: Times,
    values: Floats,
    low: Rows,
    high: Rows,
    starts: Times,
    resets: bool,
    out: Floats,
    present: Mask,
    first: int,
    last: int,
) -> None:
    for series in range(first, last):
        for step in range(low.shape[1]):
            after = first_after(times, low[series, step], high[series, step], starts[step])
            if after == high[series, step]:
                continue
            begin = after - 1 if after > low[series, step] else after
            count = 0.0
            for at in range(begin + 1, high[series, step]):
                left, right = values[at - 1], values[at]
                if (resets and right < left) or (
                    not resets and right != left and not (np.isnan(right) and np.isnan(left))
                ):
                    count += 1.0
            present[series, step] = True
            out[series, step] = count


@kernel
def _interpolated(
    times: Times,
    values: Floats,
    low: Rows,
    high: Rows,
    moments: Times,
    out: Floats,
    present: Mask,
    first: int,
    last: int,
) -> None:
    for series in range(first, last):
        for step in range(low.shape[1]):
            after = first_after(times, low[series, step], high[series, step], moments[step])
            if after == low[series, step]:
                continue
            present[series, step] = True
            at = after - 1
            if times[at] == moments[step] or after == high[series, step]:
                out[series, step] = values[at]
            else:
                out[series, step] = between(times, values, at, moments[step], False)
