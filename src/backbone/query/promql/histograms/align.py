"""Histograms brought to the same schema, zero bucket or bounds, so that their buckets can be compared and added."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from backbone.query.promql.arrays import Floats, Index
from backbone.query.promql.histograms.block import Buckets, Histograms, Small, common_range

_LARGEST = np.finfo(np.float64).max


def upper_bounds(schema: Small, low: int, width: int) -> Floats:
    """Return the upper bound of each bucket of exponential rows: (row, bucket)."""
    index = low + np.arange(width)
    exponent = index * np.exp2(-schema.astype(np.float64))[:, None]
    with np.errstate(over="ignore"):
        bounds = np.exp2(exponent)
    # The bucket that ends where floats do ends at the largest of them; the next one is endless.
    return np.where(exponent == 1024.0, _LARGEST, bounds)


def lower_bounds(schema: Small, low: int, width: int) -> Floats:
    return upper_bounds(schema, low - 1, width)


def to_schema(block: Histograms, schema: Small) -> Histograms:
    """Return exponential rows with their buckets merged to a schema, where that is lower than their own."""
    steps = np.where(block.is_custom, 0, block.schema.astype(np.int64) - schema)
    steps = np.maximum(steps, 0)
    if not steps.any():
        return block
    made = block.schema - steps.astype(np.int8)
    positive, negative = _merged(block.positive, steps), _merged(block.negative, steps)
    return replace(block, schema=made.astype(np.int8), positive=positive, negative=negative)


def _merged(buckets: Buckets, steps: Index) -> Buckets:
    if not buckets.width:
        return buckets
    parts = []
    order = np.argsort(steps, kind="stable")
    for step in np.unique(steps):
        own = buckets.counts[steps == step]
        index = ((buckets.low + np.arange(buckets.width) - 1) >> int(step)) + 1
        begins = np.flatnonzero(np.concatenate([[True], np.diff(index) != 0]))
        parts.append(Buckets(int(index[0]), np.add.reduceat(own, begins, axis=1)))
    low, width = common_range(parts)
    out = np.empty((len(steps), width))
    out[order] = np.concatenate([part.spread(low, width) for part in parts])
    return Buckets(low, out)


def widen_zero(block: Histograms, threshold: Floats) -> Histograms:
    """
    Return rows whose zero bucket reaches at least to *threshold*, and farther where it would end within a bucket that
    is not empty; what it takes in is no longer in the other buckets.
    """
    narrow = (block.zero_threshold < threshold) & ~block.is_custom
    if not narrow.any():
        return block
    rows = np.flatnonzero(narrow)
    own = block.take(rows)
    reach = threshold[rows].copy()
    sides = [side for side in (own.positive, own.negative) if side.width]
    bounds = [(lower_bounds(own.schema, s.low, s.width), upper_bounds(own.schema, s.low, s.width)) for s in sides]
    while True:
        before = reach.copy()
        for side, (lower, upper) in zip(sides, bounds, strict=True):
            cut = (side.counts != 0) & (lower < reach[:, None]) & (upper > reach[:, None])
            reach = np.maximum(reach, np.where(cut, upper, 0.0).max(axis=1, initial=0.0))
        if (reach == before).all():
            break
    zero_count = own.zero_count.copy()
    emptied = []
    for side, (lower, _) in zip(sides, bounds, strict=True):
        inside = lower < reach[:, None]
        zero_count += np.where(inside, side.counts, 0.0).sum(axis=1)
        emptied.append(np.where(inside, 0.0, side.counts))
    made = iter(emptied)
    positive = Buckets(own.positive.low, next(made)) if own.positive.width else own.positive
    negative = Buckets(own.negative.low, next(made)) if own.negative.width else own.negative
    return _put(block, rows, reach, zero_count, positive, negative)


def _put(
    block: Histograms, rows: Index, threshold: Floats, zero_count: Floats, positive: Buckets, negative: Buckets
) -> Histograms:
    def filled(column: Floats, values: Floats) -> Floats:
        out = column.copy()
        out[rows] = values
        return out

    return replace(
        block,
        zero_threshold=filled(block.zero_threshold, threshold),
        zero_count=filled(block.zero_count, zero_count),
        positive=Buckets(positive.low, filled(block.positive.counts, positive.counts)),
        negative=Buckets(negative.low, filled(block.negative.counts, negative.counts)),
    )


def same_zero(left: Histograms, right: Histograms) -> tuple[Histograms, Histograms]:
    """Return two blocks of which each pair of rows has the same zero bucket."""
    while True:
        apart = (left.zero_threshold != right.zero_threshold) & ~left.is_custom & ~right.is_custom
        if not apart.any():
            return left, right
        reach = np.where(apart, np.maximum(left.zero_threshold, right.zero_threshold), 0.0)
        left, right = widen_zero(left, reach), widen_zero(right, reach)


def same_bounds(left: Histograms, right: Histograms) -> tuple[Histograms, Histograms, NDArray[np.bool_]]:
    """Return two blocks of which each pair of custom rows has the bounds that both had, and where these differed."""
    both = left.is_custom & right.is_custom
    differ = both & (_bound_codes(left, right) != _bound_codes(right, left))
    if not differ.any():
        return left, right, differ
    custom: dict[tuple[float, ...], int] = {
        own: at for at, own in enumerate(dict.fromkeys((*left.custom, *right.custom)))
    }
    wanted = np.full(len(left), -1, np.int32)
    for row in np.flatnonzero(differ):
        mine, other = left.custom[left.bounds[row]], right.custom[right.bounds[row]]
        shared = tuple(bound for bound in mine if bound in set(other))
        wanted[row] = custom.setdefault(shared, len(custom))
    return with_bounds(left, wanted, tuple(custom)), with_bounds(right, wanted, tuple(custom)), differ


def _bound_codes(block: Histograms, other: Histograms) -> NDArray[np.int64]:
    known = {own: at for at, own in enumerate(sorted({*block.custom, *other.custom}))}
    codes = np.array([known[own] for own in block.custom] or [-1])
    return np.where(block.bounds >= 0, codes[block.bounds], -1)


def with_bounds(block: Histograms, wanted: NDArray[np.int32], custom: tuple[tuple[float, ...], ...]) -> Histograms:
    """Return custom rows with some of their bounds only: those of *custom* at *wanted*; rows where that is -1 stay."""
    known = {own: at for at, own in enumerate(custom)}
    own_codes = np.array([known.setdefault(own, len(known)) for own in block.custom] or [-1], np.int32)
    bounds = np.where(wanted >= 0, wanted, np.where(block.bounds >= 0, own_codes[block.bounds], -1)).astype(np.int32)
    low, width = common_range([block.positive, Buckets(0, np.zeros((0, 1)))])
    counts = _over(block.positive, low, width).copy()
    for before, after in {(int(b), int(a)) for b, a in zip(block.bounds, wanted, strict=True) if a >= 0}:
        rows = np.flatnonzero((block.bounds == before) & (wanted == after))
        old, new = np.array(block.custom[before]), np.array(custom[after])
        # The counts of a bucket go to that which ends at the next bound that stays, or never.
        target = np.append(np.searchsorted(new, old), len(new))[: width + low]
        merged = np.zeros((len(rows), width))
        np.add.at(merged.T, target - low, counts[rows][:, -low : len(target) - low].T)
        counts[rows] = merged
    return replace(block, positive=Buckets(low, counts), bounds=bounds, custom=tuple(known))


def same_buckets(left: Buckets, right: Buckets) -> tuple[int, Floats, Floats]:
    """Return the counts of both over the same range of indexes, and its first."""
    low, width = common_range([left, right])
    return low, _over(left, low, width), _over(right, low, width)


def _over(buckets: Buckets, low: int, width: int) -> Floats:
    return buckets.spread(low, width) if buckets.width else np.zeros((len(buckets.counts), width))
