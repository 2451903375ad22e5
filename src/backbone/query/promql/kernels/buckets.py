"""
Quantiles and fractions of classic histograms: cumulative counts by upper bound.

Source: Prometheus 3.x, promql/quantile.go, BucketQuantile and BucketFraction.
"""

from __future__ import annotations

import math

import numpy as np

from backbone.compiled import kernel
from backbone.query.promql.arrays import Floats, Index, Mask
from backbone.query.promql.kernels.groups import Members
from backbone.query.promql.kernels.parallel import over_rows

_SMALL = 1e-12
"""Relative differences of counts below this are taken for rounding."""
_SMALLEST_NORMAL = 2.2250738585072014e-308


def bucket_quantile(
    q: Floats, bounds: Floats, counts: Floats, present: Mask, members: Members
) -> tuple[Floats, Mask, Mask]:
    """
    Return the quantile of each group at each step, whether there is one, and whether counts had to be made to rise.

    Args:
        q: (step,).
        bounds: upper bounds (series,); a group's members are in order of their bounds.
        counts: and *present*, (series, step).
    """
    shape = (members.count, counts.shape[1])
    out, found, forced = np.full(shape, np.nan), np.zeros(shape, np.bool_), np.zeros(shape, np.bool_)

    def run(first: int, last: int) -> None:
        _quantiles(q, bounds, counts, present, members.order, members.bounds, out, found, forced, first, last)

    over_rows(run, members.count, counts.size)
    return out, found, forced


def bucket_fraction(
    lower: Floats, upper: Floats, bounds: Floats, counts: Floats, present: Mask, members: Members
) -> tuple[Floats, Mask]:
    """Return the share of observations between two values; arguments as for `bucket_quantile`."""
    shape = (members.count, counts.shape[1])
    out, found = np.full(shape, np.nan), np.zeros(shape, np.bool_)

    def run(first: int, last: int) -> None:
        _fractions(lower, upper, bounds, counts, present, members.order, members.bounds, out, found, first, last)

    over_rows(run, members.count, counts.size)
    return out, found


@kernel
def _gather(
    bounds: Floats, counts: Floats, present: Mask, members: Index, step: int, edges: Floats, totals: Floats
) -> int:
    """Fill in a group's buckets at a step, those with equal bounds as one; return how many."""
    size = 0
    for series in members:
        if not present[series, step]:
            continue
        if size > 0 and edges[size - 1] == bounds[series]:
            totals[size - 1] += counts[series, step]
            continue
        edges[size] = bounds[series]
        totals[size] = counts[series, step]
        size += 1
    return size


@kernel
def _alike(left: float, right: float) -> bool:
    total, apart = abs(left) + abs(right), abs(left - right)
    if left == 0.0 or right == 0.0 or total < _SMALLEST_NORMAL:
        return apart < _SMALL * _SMALLEST_NORMAL
    return apart / total < _SMALL


@kernel
def _made_to_rise(totals: Floats) -> bool:
    forced = False
    before = totals[0]
    for at in range(1, len(totals)):
        if totals[at] == before:
            continue
        if _alike(before, totals[at]):
            totals[at] = before
        elif totals[at] < before:
            totals[at] = before
            forced = True
        else:
            before = totals[at]
    return forced


@kernel
def _quantile(q: float, edges: Floats, totals: Floats) -> float:
    last = len(edges) - 1
    if last < 1 or totals[last] == 0 or math.isnan(totals[last]):
        return np.nan
    rank = q * totals[last]
    bucket = 0
    while bucket < last and not totals[bucket] >= rank:
        bucket += 1
    if bucket == last:
        return edges[last - 1]
    if bucket == 0 and edges[0] <= 0:
        return edges[0]
    begin, below = (edges[bucket - 1], totals[bucket - 1]) if bucket > 0 else (0.0, 0.0)
    return begin + (edges[bucket] - begin) * ((rank - below) / (totals[bucket] - below))


@kernel
def _quantiles(
    q: Floats,
    bounds: Floats,
    counts: Floats,
    present: Mask,
    order: Index,
    starts: Index,
    out: Floats,
    found: Mask,
    forced: Mask,
    first: int,
    last: int,
) -> None:
    for group in range(first, last):
        members = order[starts[group] : starts[group + 1]]
        edges, totals = np.empty(len(members)), np.empty(len(members))
        for step in range(counts.shape[1]):
            size = _gather(bounds, counts, present, members, step, edges, totals)
            if size == 0:
                continue
            found[group, step] = True
            if math.isnan(q[step]) or q[step] < 0 or q[step] > 1:
                out[group, step] = np.nan if math.isnan(q[step]) else (-np.inf if q[step] < 0 else np.inf)
                continue
            if edges[size - 1] != np.inf:
                continue
            forced[group, step] = _made_to_rise(totals[:size])
            out[group, step] = _quantile(q[step], edges[:size], totals[:size])


@kernel
def _rank(value: float, edges: Floats, totals: Floats) -> float:
    """Return how many observations are below *value*, evenly spread within each bucket."""
    last = len(edges) - 1
    below = 0.0
    for at in range(last + 1):
        begin = edges[at - 1] if at > 0 else (0.0 if edges[0] > 0 else -np.inf)
        if begin >= value:
            return min(below, totals[last])
        if edges[at] > value:
            if begin == -np.inf:
                # Nothing can be told of where in an endless bucket the observations are.
                return min(totals[at], totals[last])
            return min(below + (totals[at] - below) * (value - begin) / (edges[at] - begin), totals[last])
        below = totals[at]
    return totals[last]


@kernel
def _fractions(
    lower: Floats,
    upper: Floats,
    bounds: Floats,
    counts: Floats,
    present: Mask,
    order: Index,
    starts: Index,
    out: Floats,
    found: Mask,
    first: int,
    last: int,
) -> None:
    for group in range(first, last):
        members = order[starts[group] : starts[group + 1]]
        edges, totals = np.empty(len(members)), np.empty(len(members))
        for step in range(counts.shape[1]):
            size = _gather(bounds, counts, present, members, step, edges, totals)
            if size == 0:
                continue
            found[group, step] = True
            low, high = lower[step], upper[step]
            if edges[size - 1] != np.inf or totals[size - 1] == 0 or math.isnan(low) or math.isnan(high):
                continue
            if low >= high:
                out[group, step] = 0.0
                continue
            all_of = totals[size - 1]
            share = _rank(high, edges[:size], totals[:size]) - _rank(low, edges[:size], totals[:size])
            out[group, step] = share / all_of
