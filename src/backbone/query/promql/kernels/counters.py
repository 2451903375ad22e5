"""``rate`` and its kin over floats. Source: Prometheus 3.x, promql/functions.go, extrapolatedRate and instantValue."""

from __future__ import annotations

import numpy as np

from backbone.compiled import kernel
from backbone.query.promql.arrays import Floats, Mask, Rows, Times
from backbone.query.promql.kernels.parallel import over_rows

NO_STARTS = np.zeros(0, np.int64)
"""Where no series says when it started."""


def extrapolated(
    times: Times,
    values: Floats,
    starts: Times,
    windows: tuple[Rows, Rows],
    edges: tuple[Times, Times],
    *,
    counter: bool,
    per_seconds: float,
) -> tuple[Floats, Mask]:
    """
    Return by how much each series rose in each window, stretched to the window's edges.

    Args:
        starts: when each sample's series was last reset, 0 where unknown; empty where it is so for all.
        windows: first sample and the one after the last, (series, step).
        edges: the windows' starts and ends in milliseconds, (step,).
        counter: a fall is a reset, and the series was never below zero.
        per_seconds: by what the rise is divided.
    """
    low, high = windows
    out = np.empty(low.shape)
    present = np.empty(low.shape, np.bool_)
    resets = _reset_sums(times, values, starts) if counter else np.zeros(0)

    def run(first: int, last: int) -> None:
        _extrapolated(
            times,
            values,
            starts,
            resets,
            low,
            high,
            edges[0],
            edges[1],
            counter,
            per_seconds,
            out,
            present,
            first,
            last,
        )

    over_rows(run, len(low), low.size)
    return out, present


def between_last_two(
    times: Times, values: Floats, starts: Times, windows: tuple[Rows, Rows], *, counter: bool
) -> tuple[Floats, Mask]:
    """Return the rise between the last two samples of each window: per second and minding resets if *counter*."""
    low, high = windows
    out = np.empty(low.shape)
    present = np.empty(low.shape, np.bool_)
    over_rows(
        lambda first, last: _last_two(times, values, starts, low, high, counter, out, present, first, last),
        len(low),
        low.size,
    )
    return out, present


def count_resets(times: Times, values: Floats, starts: Times, windows: tuple[Rows, Rows]) -> tuple[Floats, Mask]:
    """Return how often each series was reset within each window."""
    low, high = windows
    counted = np.concatenate([[0], np.cumsum(reset_flags(times, values, starts))])
    present = high > low
    last = np.where(present, high, 0)
    first = np.where(present, low + 1, 0)
    return np.where(present, counted[last] - counted[first], 0).astype(np.float64), present


@kernel
def starts_anew(start_before: int, before: int, start: int, now: int) -> bool:
    """Tell by its start whether a sample's series was reset since the sample before."""
    if start == 0 or start >= now or start < before:
        return False
    if start > before:
        return True
    # It starts where the last sample was: so do deltas, and totals of which the start is not known.
    return start_before <= before and start_before != 0 and start_before != before


@kernel
def reset_flags(times: Times, values: Floats, starts: Times) -> Mask:
    """Return which samples are lower than, or start after, the one before; the first of a series means nothing."""
    flags = np.zeros(len(values), np.bool_)
    for at in range(1, len(values)):
        flags[at] = values[at] < values[at - 1] or (
            len(starts) > 0 and starts_anew(starts[at - 1], times[at - 1], starts[at], times[at])
        )
    return flags


@kernel
def _reset_sums(times: Times, values: Floats, starts: Times) -> Floats:
    """Return 1 where a sample follows a reset, so that a window without one is known by its flags."""
    flags = reset_flags(times, values, starts)
    sums = np.zeros(len(values) + 1)
    for at in range(len(values)):
        sums[at + 1] = sums[at] + (1.0 if flags[at] else 0.0)
    return sums


@kernel
def _extrapolated(
    times: Times,
    values: Floats,
    starts: Times,
    resets: Floats,
    low: Rows,
    high: Rows,
    window_starts: Times,
    window_ends: Times,
    counter: bool,
    per_seconds: float,
    out: Floats,
    present: Mask,
    first: int,
    last: int,
) -> None:
    for series in range(first, last):
        for step in range(low.shape[1]):
            begin, end = low[series, step], high[series, step] - 1
            start = starts[begin] if counter and len(starts) > 0 and begin <= end else 0
            known = start != 0 and window_starts[step] < start < times[begin]
            present[series, step] = end > begin or (end == begin and known)
            out[series, step] = np.nan
            if not present[series, step]:
                continue
            rise = values[end] - values[begin]
            if counter and resets[end + 1] > resets[begin + 1]:
                rise += _lost(values, resets, begin, end)
            if known:
                rise += values[begin]
            factor = _stretch(
                times[begin], times[end], end - begin, window_starts[step], window_ends[step],
                counter, values[begin], rise, start if known else 0,
            )  # fmt: skip
            out[series, step] = rise * (factor / per_seconds)


@kernel
def _lost(values: Floats, resets: Floats, begin: int, end: int) -> float:
    """Return what a counter had reached before each of its resets."""
    lost = 0.0
    for at in range(begin + 1, end + 1):
        if resets[at + 1] > resets[at]:
            lost += values[at - 1]
    return lost


@kernel
def _stretch(
    begin: int,
    end: int,
    gaps: int,
    window_start: int,
    window_end: int,
    counter: bool,
    value: float,
    rise: float,
    start: int,
) -> float:
    """Return by what the rise between a window's first and last sample is multiplied to hold for the whole window."""
    to_start = (begin - window_start) / 1000.0
    to_end = (window_end - end) / 1000.0
    sampled = (end - begin) / 1000.0
    gap = sampled / gaps if gaps > 0 else 0.0
    near = gap * 1.1
    if start:
        # The series began at zero within the window: nothing is to be guessed on this side.
        to_start = 0.0
        sampled = (end - start) / 1000.0
    else:
        if to_start >= near:
            to_start = gap / 2.0
        if counter and rise > 0 and value >= 0:
            to_start = min(to_start, sampled * (value / rise))
    if to_end >= near:
        to_end = gap / 2.0
    return (sampled + to_start + to_end) / sampled if sampled != 0 else 1.0


@kernel
def _last_two(
    times: Times,
    values: Floats,
    starts: Times,
    low: Rows,
    high: Rows,
    counter: bool,
    out: Floats,
    present: Mask,
    first: int,
    last: int,
) -> None:
    for series in range(first, last):
        for step in range(low.shape[1]):
            end = high[series, step] - 1
            present[series, step] = end > low[series, step]
            out[series, step] = np.nan
            if not present[series, step]:
                continue
            rise = values[end] - values[end - 1]
            if counter:
                anew = len(starts) > 0 and starts_anew(starts[end - 1], times[end - 1], starts[end], times[end])
                if values[end] < values[end - 1] or anew:
                    rise = values[end]
                rise /= (times[end] - times[end - 1]) / 1000.0
            out[series, step] = rise
