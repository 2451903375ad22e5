"""Anchored and smoothed windows over native histograms; see `extended`."""

from __future__ import annotations

import numpy as np

from backbone.query.promql.arrays import Floats, Index, Mask, Times
from backbone.query.promql.histograms import Histograms, add, detect_reset, divide, scale, subtract
from backbone.query.promql.range_histograms import (
    GAUGE,
    MIXED_SCHEMAS,
    NOT_COUNTER,
    NOT_GAUGE,
    RECONCILED,
    event_flags,
    merge_kinds,
)
from backbone.query.promql.values import HistogramCells, Vector
from backbone.query.promql.windowed import Cells, Windowed

_CUSTOM = -53


class _Boundaries:
    """The samples that a window's rise is between: row numbers of the block, (cell,)."""

    def __init__(self, windowed: Windowed, cells: Cells, edges: tuple[Times, Times], *, smoothed: bool) -> None:
        samples = windowed.histograms
        assert windowed.histogram_windows is not None
        low, high = (side[cells.series, cells.steps].astype(np.int64) for side in windowed.histogram_windows)
        self.start, self.end = edges[0][cells.steps], edges[1][cells.steps]
        key = _Search(samples.times, samples.offsets)
        after = key.after(cells.series, self.start, low, high - 1)
        self.first = np.maximum(low, after - 1)
        self.last = key.after(cells.series, self.end - 1, low, high - 1) if smoothed else high - 1
        times = samples.times
        self.valid = times[self.last] > self.start
        if smoothed:
            self.valid &= times[self.first] <= self.end
        self.left_between = smoothed & (times[self.first] < self.start) & self.valid
        self.right_between = smoothed & (self.last > self.first) & (times[self.last] > self.end) & self.valid


class _Search:
    """Where in a series' samples a time lies."""

    def __init__(self, times: Times, offsets: Times) -> None:
        self._times = times
        self._base = int(times.min(initial=0))
        self._width = int(times.max(initial=0)) - self._base + 2
        series = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
        self._keys = series * self._width + (times - self._base)

    def after(self, series: Index, moments: Times, low: Index, high: Index) -> Index:
        """Return the first of the samples from *low* on that is later than its moment, at most *high*."""
        moments = np.clip(moments - self._base, -1, self._width - 1)
        return np.clip(np.searchsorted(self._keys, series * self._width + moments, side="right"), low, high)


def histogram_rise(
    windowed: Windowed,
    usable: Mask,
    edges: tuple[Times, Times],
    *,
    smoothed: bool,
    counter: bool,
    per_seconds: float,
) -> HistogramCells:
    """Return by how much each histogram rose between the edges of each window."""
    cells = Cells.where(usable & windowed.has_histograms)
    at = _Boundaries(windowed, cells, edges, smoothed=smoothed)
    kept = at.valid & _same_kind(windowed, cells, at)
    _check_hints(windowed, cells, at, kept, counter=counter)
    left = _boundary(windowed, (at.first, at.start, at.left_between & kept), kept, counter=counter, left=True)
    right = _boundary(windowed, (at.last - 1, at.end, at.right_between & kept), kept, counter=counter, left=False)
    if not counter:
        windowed.warn(NOT_GAUGE, cells.mask(kept & ((left.hint != GAUGE) | (right.hint != GAUGE))))
    made = subtract(right, left)
    _tell(windowed, made.bounds_reconciled & kept, "subtraction")
    kept &= ~made.incompatible
    result = made.block
    if counter:
        result = _corrected(windowed, cells, at, (left, right), result, kept)
    result = divide(result, np.full(len(result), per_seconds)).with_hint(np.full(len(result), GAUGE, np.int8))
    return HistogramCells(cells.rows(kept), result.take(np.flatnonzero(kept)))


def _same_kind(windowed: Windowed, cells: Cells, at: _Boundaries) -> Mask:
    custom = windowed.histograms.block.schema == _CUSTOM
    counted = np.concatenate([[0], np.cumsum(custom)])
    inside = counted[at.last + 1] - counted[at.first]
    mixed = at.valid & (inside != 0) & (inside != at.last + 1 - at.first)
    windowed.warn(MIXED_SCHEMAS, cells.mask(mixed))
    return ~mixed


def _check_hints(windowed: Windowed, cells: Cells, at: _Boundaries, kept: Mask, *, counter: bool) -> None:
    if counter:
        gauges = np.concatenate([[0], np.cumsum(windowed.histograms.block.hint == GAUGE)])
        windowed.warn(NOT_COUNTER, cells.mask(kept & (gauges[at.last + 1] > gauges[at.first])))


def _boundary(
    windowed: Windowed, place: tuple[Index, Times, Mask], kept: Mask, *, counter: bool, left: bool
) -> Histograms:
    """Return the histogram at a window's edge: a sample, or what lies between two."""
    at, moments, between = place
    block, times = windowed.histograms.block, windowed.histograms.times
    plain = block.take(np.where(between, 0, at if left else at + 1))
    if not between.any():
        return plain
    first = np.where(between, at, 0)
    second = np.where(between, at + 1, 0)
    span = np.where(between, times[second] - times[first], 1)
    share = np.where(between, moments - times[first], 0) / span
    made, reconciled, incompatible = interpolate_rows(block.take(first), block.take(second), share, counter=counter)
    _tell(windowed, reconciled & between, "subtraction")
    kept &= ~(incompatible & between)
    return _either(between, made, plain)


def interpolate_rows(
    first: Histograms, second: Histograms, share: Floats, *, counter: bool | Mask
) -> tuple[Histograms, Mask, Mask]:
    """
    Return what lies at *share* of the way from one histogram to the next, a counter that was reset rising from zero.

    Returns:
        The histograms, whether their buckets had to be reconciled, and whether they cannot be.
    """
    reset = counter & detect_reset(second, first)
    apart = subtract(second, first)
    risen = add(scale(apart.block, share), first)
    made = _either(reset, scale(second, share), risen.block)
    made = _either(share == 1.0, second, _either(share == 0.0, first, made))
    incompatible = ~reset & (apart.incompatible | risen.incompatible)
    return made, ~reset & (apart.bounds_reconciled | risen.bounds_reconciled), incompatible


def _corrected(
    windowed: Windowed,
    cells: Cells,
    at: _Boundaries,
    edges: tuple[Histograms, Histograms],
    result: Histograms,
    kept: Mask,
) -> Histograms:
    """Add what the counter had reached before each reset between the edges."""
    left, right = edges
    samples = windowed.histograms
    resets = np.zeros(len(samples.block), np.bool_)
    if len(resets) > 1:
        resets[1:] = detect_reset(
            samples.block.take(np.arange(1, len(resets))), samples.block.take(np.arange(len(resets) - 1))
        )
    # The left edge may lie within a reset already: what follows is then compared with the sample after it.
    crossed = at.left_between & resets[np.minimum(at.first + 1, len(resets) - 1)]
    begin = at.first + 1 + crossed
    active = kept & (begin <= at.last)
    first_inside = np.minimum(begin, len(resets) - 1)
    inside = active & (begin < at.last)
    anchor = _either(crossed, samples.block.take(np.minimum(at.first + 1, len(resets) - 1)), left)
    hit = inside & detect_reset(samples.block.take(first_inside), anchor)
    result = _plus(windowed, cells, result, anchor, hit, kept)
    where = np.flatnonzero(resets)
    low = np.searchsorted(where, begin, side="right")
    high = np.searchsorted(where, at.last - 1, side="right")
    for turn in range(int((high - low).max(initial=0))):
        having = inside & (low + turn < high)
        before = where[np.minimum(low + turn, len(where) - 1)] - 1
        result = _plus(windowed, cells, result, samples.block.take(np.where(having, before, 0)), having, kept)
    previous = _either(inside, samples.block.take(np.maximum(at.last - 1, 0)), anchor)
    return _plus(windowed, cells, result, previous, active & detect_reset(right, previous), kept)


def _plus(
    windowed: Windowed, cells: Cells, result: Histograms, addend: Histograms, where: Mask, kept: Mask
) -> Histograms:
    if not where.any():
        return result
    made = add(result, _either(where, addend, scale(result, np.zeros(len(result)))))
    windowed.warn(MIXED_SCHEMAS, cells.mask(made.incompatible & where))
    _tell(windowed, made.bounds_reconciled & where, "addition")
    kept &= ~(made.incompatible & where)
    return made.block


def _either(where: Mask, left: Histograms, right: Histograms) -> Histograms:
    both = Histograms.concat([left, right])
    return both.take(np.where(where, np.arange(len(left)), len(left) + np.arange(len(right))))


def _tell(windowed: Windowed, reconciled: Mask, operation: str) -> None:
    windowed.say(f"{RECONCILED} {operation}", reconciled)


def interpolated_histograms(windowed: Windowed, usable: Mask, times: Times) -> HistogramCells:
    """Return each histogram at each step's time, (step,), from the samples around it."""
    samples = windowed.histograms
    cells = Cells.where(usable & windowed.has_histograms)
    assert windowed.histogram_windows is not None
    low, high = (side[cells.series, cells.steps].astype(np.int64) for side in windowed.histogram_windows)
    moments = times[cells.steps]
    after = _Search(samples.times, samples.offsets).after(cells.series, moments, low, high)
    kept = after > low
    first = np.where(kept, after - 1, 0)
    alone = (after >= high) | (samples.times[first] == moments)
    second = np.where(alone | ~kept, first, np.minimum(after, len(samples.times) - 1))
    span = np.where(second > first, samples.times[second] - samples.times[first], 1)
    share = np.where(second > first, moments - samples.times[first], 0) / span
    block = samples.block
    counter = block.hint[second] != GAUGE
    made, reconciled, incompatible = interpolate_rows(block.take(first), block.take(second), share, counter=counter)
    windowed.warn(MIXED_SCHEMAS, cells.mask(incompatible & kept))
    _tell(windowed, reconciled & kept, "subtraction")
    kept &= ~incompatible
    return HistogramCells(cells.rows(kept), made.take(np.flatnonzero(kept)))


def histogram_counts(windowed: Windowed, starts: Times, *, resets: bool) -> Vector:
    """Return how often each series was reset, or changed, from the last sample before each window on."""
    merged = merge_kinds(windowed)
    assert windowed.histogram_windows is not None
    low = (windowed.float_windows[0] + windowed.histogram_windows[0]).astype(np.int64)
    high = (windowed.float_windows[1] + windowed.histogram_windows[1]).astype(np.int64)
    series = np.broadcast_to(np.arange(low.shape[0])[:, None], low.shape)
    after = _Search(merged.times, merged.offsets).after(series, np.broadcast_to(starts, low.shape), low, high)
    counted = np.concatenate([[0], np.cumsum(event_flags(windowed, merged, resets=resets))])
    present = after < high
    begin = np.maximum(low, after - 1)
    last, first = np.where(present, high, 0), np.where(present, begin + 1, 0)
    return windowed.vector(np.where(present, counted[last] - counted[first], 0).astype(np.float64), present)
