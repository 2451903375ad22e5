"""
Functions of range vectors over native histograms.

Every operation is done for all windows at once. Resets between neighbours are found once per sample; what a counter had
reached before each is added to the windows that hold it, the windows' first resets together, then their second ones, …
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from backbone.query.promql.arrays import Floats, Index, Mask, Rows, Times
from backbone.query.promql.histograms import (
    Combined,
    Histograms,
    add,
    avg_groups,
    detect_reset,
    divide,
    equal,
    scale,
    subtract,
    sum_groups,
)
from backbone.query.promql.kernels.counters import starts_anew
from backbone.query.promql.values import HistogramCells, HistogramSamples, Vector
from backbone.query.promql.windowed import Cells, Windowed

GAUGE = 3
"""The hint of a histogram that may go up and down."""

MIXED_KINDS = "encountered a mix of histograms and floats for metric name"
MIXED_SCHEMAS = "vector contains a mix of histograms with exponential and custom buckets schemas for metric name"
NOT_COUNTER = "this native histogram metric is not a counter:"
NOT_GAUGE = "this native histogram metric is not a gauge:"
RECONCILED = "mismatched custom buckets were reconciled during"
COLLISION = "conflicting counter resets during histogram"
START_OVERLAP = "start timestamp overlap detected for metric name"

_CUSTOM = -53


def rise(windowed: Windowed, usable: Mask, *, counter: bool, per_seconds: float) -> HistogramCells:
    """Return by how much each histogram rose in each window, stretched to the window's edges as floats are."""
    assert windowed.histogram_windows is not None
    samples = windowed.histograms
    low, high = windowed.histogram_windows
    starts = samples.starts if samples.starts is not None and counter else np.zeros_like(samples.times)
    begin = np.minimum(low, max(len(samples.times) - 1, 0))
    known = (starts[begin] > windowed.windows.starts) & (starts[begin] < samples.times[begin]) & (starts[begin] != 0)
    cells = Cells.where(usable & ((high - low >= 2) | ((high - low == 1) & known)))
    first = low[cells.series, cells.steps].astype(np.int64)
    last = high[cells.series, cells.steps].astype(np.int64) - 1
    several = last > first
    result, usable_cells = _differences(windowed, cells, first, last, several, counter=counter)
    from_start = known[cells.series, cells.steps]
    if from_start.any():
        result = _add_where(windowed, cells, result, samples.block, first, from_start & usable_cells)
    factor = _stretch(windowed, cells, (first, last), result.count, from_start, starts, counter=counter)
    made = scale(result, factor / per_seconds).with_hint(np.full(len(result), GAUGE, np.int8))
    return HistogramCells(cells.rows(usable_cells), made.take(np.flatnonzero(usable_cells)))


def _differences(
    windowed: Windowed, cells: Cells, first: Index, last: Index, several: Mask, *, counter: bool
) -> tuple[Histograms, Mask]:
    """Return last minus first of each cell, with what resets took away, and which cells have a result."""
    samples = windowed.histograms
    block, custom = samples.block, samples.block.schema == _CUSTOM
    resets = reset_flags(samples) if counter else np.zeros(len(block), np.bool_)
    _check_hints(windowed, cells, first, last, several, counter=counter)
    second = np.minimum(first + 1, last)
    # What was before a reset right after the first sample does not matter, whatever its buckets are.
    nulled = counter & several & resets[second]
    begin_custom = np.where(nulled, custom[second], custom[first])
    mixed = several & _any_different(custom, begin_custom, np.where(nulled, second, first), last, counter=counter)
    windowed.warn(MIXED_SCHEMAS, cells.mask(mixed))
    usable = ~mixed
    right = block.take(last)
    left = block.take(np.where(nulled | ~several, last, first))
    left = scale(left, np.where(nulled | ~several, 0.0, 1.0))
    right = scale(right, np.where(several, 1.0, 0.0))
    result = _combined(windowed, cells, subtract(right, left), "subtraction", usable)
    if counter:
        result = _with_resets(windowed, cells, result, resets, (np.where(nulled, second, first), last), usable)
    return result, usable


def _with_resets(
    windowed: Windowed, cells: Cells, result: Histograms, resets: Mask, span: tuple[Index, Index], usable: Mask
) -> Histograms:
    at = np.flatnonzero(resets)
    from_reset = np.searchsorted(at, span[0], side="right")
    until = np.searchsorted(at, span[1], side="right")
    for turn in range(int((until - from_reset).max(initial=0))):
        having = (from_reset + turn < until) & usable
        before = at[np.minimum(from_reset + turn, len(at) - 1)] - 1
        result = _add_where(windowed, cells, result, windowed.histograms.block, before, having)
    return result


def _add_where(
    windowed: Windowed, cells: Cells, result: Histograms, block: Histograms, rows: Index, where: Mask
) -> Histograms:
    addend = scale(block.take(np.where(where, rows, 0)), where.astype(np.float64))
    # Where nothing is added, zero of the result's own kind is, so that kinds never differ there.
    own = scale(result, np.zeros(len(result)))
    addend = _chosen(where, addend, own)
    return _combined(windowed, cells, add(result, addend), "addition", where)


def _chosen(where: Mask, left: Histograms, right: Histograms) -> Histograms:
    both = Histograms.concat([left, right])
    return both.take(np.where(where, np.arange(len(left)), len(left) + np.arange(len(right))))


def _combined(windowed: Windowed, cells: Cells, made: Combined, operation: str, usable: Mask) -> Histograms:
    windowed.warn(MIXED_SCHEMAS, cells.mask(made.incompatible & usable))
    windowed.say(f"{RECONCILED} {operation}", made.bounds_reconciled & usable)
    usable &= ~made.incompatible
    return made.block


def reset_flags(samples: HistogramSamples) -> Mask:
    """Return which histograms follow a reset; the first of a series means nothing."""
    size = len(samples.block)
    flags = np.zeros(size, np.bool_)
    if size > 1:
        before, after = np.arange(size - 1), np.arange(1, size)
        flags[1:] = detect_reset(samples.block.take(after), samples.block.take(before))
        if samples.starts is not None:
            flags[1:] |= _anew(samples.starts, samples.times)
    return flags


def _anew(starts: Times, times: Times) -> Mask:
    pairs = zip(starts[:-1].tolist(), times[:-1].tolist(), starts[1:].tolist(), times[1:].tolist(), strict=True)
    return np.array([starts_anew(*pair) for pair in pairs], np.bool_)


def _any_different(custom: Mask, expected: Mask, first: Index, last: Index, *, counter: bool) -> Mask:
    """Tell in which cells a histogram has another kind of buckets than *expected*; of gauges the last one counts."""
    if not counter:
        return custom[last] != expected
    counted = np.concatenate([[0], np.cumsum(custom)])
    inside = counted[last + 1] - counted[first]
    return np.where(expected, inside != last + 1 - first, inside != 0)


def _check_hints(windowed: Windowed, cells: Cells, first: Index, last: Index, several: Mask, *, counter: bool) -> None:
    gauges = np.concatenate([[0], np.cumsum(windowed.histograms.block.hint == GAUGE)])
    if counter:
        windowed.warn(NOT_COUNTER, cells.mask(several & (gauges[last + 1] > gauges[first])))
    else:
        hint = windowed.histograms.block.hint
        windowed.warn(NOT_GAUGE, cells.mask(several & ((hint[first] != GAUGE) | (hint[last] != GAUGE))))


def _stretch(
    windowed: Windowed,
    cells: Cells,
    span: tuple[Index, Index],
    counts: Floats,
    from_start: Mask,
    starts: Times,
    *,
    counter: bool,
) -> Floats:
    samples, (first, last) = windowed.histograms, span
    begin, end = samples.times[first], samples.times[last]
    sampled = (end - begin) / 1000.0
    gap = sampled / np.maximum(last - first, 1)
    near = gap * 1.1
    to_start = (begin - windowed.windows.starts[cells.steps]) / 1000.0
    to_end = (windowed.windows.ends[cells.steps] - end) / 1000.0
    to_start = np.where(to_start >= near, gap / 2.0, to_start)
    if counter:
        with np.errstate(all="ignore"):
            to_zero = sampled * (samples.block.count[first] / counts)
        rising = (counts > 0) & (samples.block.count[first] >= 0)
        to_start = np.where(rising & (to_zero < to_start), to_zero, to_start)
    to_start = np.where(from_start, 0.0, to_start)
    sampled = np.where(from_start, (end - starts[first]) / 1000.0, sampled)
    to_end = np.where(to_end >= near, gap / 2.0, to_end)
    with np.errstate(all="ignore"):
        return np.where(sampled != 0, (sampled + to_start + to_end) / sampled, 1.0)


def total(windowed: Windowed, usable: Mask, *, average: bool) -> HistogramCells:
    """Return the sum or the mean of the histograms in each window."""
    assert windowed.histogram_windows is not None
    low, high = windowed.histogram_windows
    cells = Cells.where(usable & (high > low))
    first = low[cells.series, cells.steps].astype(np.int64)
    counts = high[cells.series, cells.steps].astype(np.int64) - first
    group = np.repeat(np.arange(len(first)), counts)
    place = np.arange(len(group)) - np.repeat(np.cumsum(counts) - counts, counts)
    members = windowed.histograms.block.take(first[group] + place)
    made = (avg_groups if average else sum_groups)(members, group, len(first))
    windowed.warn(MIXED_SCHEMAS, cells.mask(made.incompatible))
    windowed.say(f"{COLLISION} aggregation", made.hint_collision, warning=True)
    windowed.say(f"{RECONCILED} aggregation", made.bounds_reconciled)
    kept = ~made.incompatible
    return HistogramCells(cells.rows(kept), made.block.take(np.flatnonzero(kept)))


@dataclass(frozen=True, slots=True)
class Merged:
    """Floats and histograms of each series in order of time, (sample,); ``at`` is a sample's place among its kind."""

    offsets: Times
    times: Times
    at: Index
    is_histogram: Mask


def merge_kinds(windowed: Windowed) -> Merged:
    """Return both kinds of samples of a range vector that has histograms."""
    floats, histograms = windowed.floats, windowed.histograms
    of_floats = np.repeat(np.arange(len(floats.offsets) - 1), np.diff(floats.offsets))
    of_histograms = np.repeat(np.arange(len(histograms.offsets) - 1), np.diff(histograms.offsets))
    series = np.concatenate([of_floats, of_histograms])
    times = np.concatenate([floats.times, histograms.times])
    order = np.lexsort((times, series))
    at = np.concatenate([np.arange(len(of_floats)), np.arange(len(of_histograms))])
    return Merged(
        floats.offsets + histograms.offsets, times[order], at[order], (order >= len(of_floats)).astype(np.bool_)
    )


def _merged_windows(windowed: Windowed) -> tuple[Rows, Rows]:
    assert windowed.histogram_windows is not None
    low = windowed.float_windows[0] + windowed.histogram_windows[0]
    high = windowed.float_windows[1] + windowed.histogram_windows[1]
    return low, high


def _starts(merged: Merged, floats: Times | None, histograms: Times | None) -> Times | None:
    if floats is None and histograms is None:
        return None
    starts = np.zeros(len(merged.times), np.int64)
    for own, kind in ((floats, ~merged.is_histogram), (histograms, merged.is_histogram)):
        if own is not None:
            starts[kind] = own[merged.at[kind]]
    return starts


def last_two(windowed: Windowed, *, counter: bool) -> Vector:
    """Return `irate` (if *counter*) or `idelta` of series that have histograms."""
    merged = merge_kinds(windowed)
    low, high = _merged_windows(windowed)
    cells = Cells.where(high - low >= 2)
    end = high[cells.series, cells.steps].astype(np.int64) - 1
    both, none = (
        merged.is_histogram[end] & merged.is_histogram[end - 1],
        ~(merged.is_histogram[end] | merged.is_histogram[end - 1]),
    )
    windowed.warn(MIXED_KINDS, cells.mask(~both & ~none))
    starts = _starts(merged, windowed.floats.starts, windowed.histograms.starts)
    anew = (
        np.zeros(len(end), np.bool_)
        if starts is None or not counter
        else np.append(False, _anew(starts, merged.times))[end]
    )
    seconds = (merged.times[end] - merged.times[end - 1]) / 1000.0 if counter else np.ones(len(end))
    values = np.full(cells.shape, np.nan)
    floats = windowed.floats.values
    if len(floats):
        now, before = floats[np.where(none, merged.at[end], 0)], floats[np.where(none, merged.at[end - 1], 0)]
        rise = np.where(counter & ((now < before) | anew), now, now - before) / seconds
        values[cells.series[none], cells.steps[none]] = rise[none]
    made, usable = _last_difference(windowed, cells, merged, (end, both, anew), counter=counter)
    made = divide(made, seconds).with_hint(np.full(len(end), GAUGE, np.int8))
    return windowed.vector_with(
        (values, cells.mask(none)), HistogramCells(cells.rows(usable), made.take(np.flatnonzero(usable)))
    )


def _last_difference(
    windowed: Windowed, cells: Cells, merged: Merged, ends: tuple[Index, Mask, Mask], *, counter: bool
) -> tuple[Histograms, Mask]:
    end, both, anew = ends
    block = windowed.histograms.block
    now = block.take(np.where(both, merged.at[end], 0))
    before = block.take(np.where(both, merged.at[end - 1], 0))
    if counter:
        windowed.warn(NOT_COUNTER, cells.mask(both & ((now.hint == GAUGE) | (before.hint == GAUGE))))
    else:
        windowed.warn(NOT_GAUGE, cells.mask(both & ((now.hint != GAUGE) | (before.hint != GAUGE))))
    whole = counter & (anew | detect_reset(now, before))
    zero = scale(now, np.zeros(len(now)))
    usable = both.copy()
    made = _combined(windowed, cells, subtract(now, _chosen(whole, zero, before)), "subtraction", usable)
    return made, usable


def count_events(windowed: Windowed, *, resets: bool) -> Vector:
    """Return how often each series was reset, or changed, in each window; a change of kind counts as both."""
    merged = merge_kinds(windowed)
    low, high = _merged_windows(windowed)
    counted = np.concatenate([[0], np.cumsum(event_flags(windowed, merged, resets=resets))])
    present = high > low
    last, first = np.where(present, high, 0), np.where(present, low + 1, 0)
    return windowed.vector(np.where(present, counted[last] - counted[first], 0).astype(np.float64), present)


def event_flags(windowed: Windowed, merged: Merged, *, resets: bool) -> Mask:
    """Return at which samples, (sample,), a series was reset or changed; the first of a series means nothing."""
    size = len(merged.times)
    flags = np.zeros(size, np.bool_)
    if size < 2:
        return flags
    now, before = merged.at[1:], merged.at[:-1]
    both, none = (
        merged.is_histogram[1:] & merged.is_histogram[:-1],
        ~(merged.is_histogram[1:] | merged.is_histogram[:-1]),
    )
    flags[1:] = ~both & ~none
    values = windowed.floats.values
    if len(values):
        left, right = values[np.where(none, before, 0)], values[np.where(none, now, 0)]
        differ = (right < left) if resets else (right != left) & ~(np.isnan(right) & np.isnan(left))
        flags[1:] |= none & differ
    block = windowed.histograms.block
    left_block, right_block = block.take(np.where(both, before, 0)), block.take(np.where(both, now, 0))
    flags[1:] |= both & (detect_reset(right_block, left_block) if resets else ~equal(right_block, left_block))
    starts = _starts(merged, windowed.floats.starts, windowed.histograms.starts)
    if resets and starts is not None:
        flags[1:] |= (both | none) & _anew(starts, merged.times)
    return flags
