"""The operators ``</`` and ``>/``: what of a histogram lies below, or above, a value."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from backbone.compiled import kernel
from backbone.query.promql.arrays import Floats
from backbone.query.promql.histograms.block import Buckets, Histograms
from backbone.query.promql.histograms.lists import bucket_lists
from backbone.query.promql.histograms.statistics import share_below, with_one_sided_zero

Mask = NDArray[np.bool_]


def trim(block: Histograms, bound: Floats, *, upper: bool) -> Histograms:
    """
    Return each row without what lies above its *bound*, (row,), or below it if not *upper*.

    Where something is taken away, the sum is estimated anew from the middles of what is left.
    """
    lists = with_one_sided_zero(bucket_lists(block), block)
    counts = np.zeros_like(lists.counts)
    sums = np.zeros(len(block))
    changed = np.zeros(len(block), np.bool_)
    zero = lists.zero
    _trim(lists.lower, lists.upper, lists.counts, zero, block.is_custom, bound, upper, counts, sums, changed)
    return replace(
        block,
        count=np.where(changed, counts.sum(axis=1), block.count),
        sum=np.where(changed, sums, block.sum),
        zero_count=np.where(block.is_custom, block.zero_count, counts[:, zero]),
        positive=Buckets(block.positive.low, counts[:, zero + 1 :]),
        negative=Buckets(block.negative.low, counts[:, :zero][:, ::-1]),
    )


@kernel
def _trim(
    lower: Floats,
    upper: Floats,
    counts: Floats,
    zero: int,
    custom: Mask,
    bounds: Floats,
    keep_below: bool,
    kept: Floats,
    sums: Floats,
    changed: Mask,
) -> None:
    for row in range(len(bounds)):
        for at in range(counts.shape[1]):
            count = counts[row, at]
            if count == 0.0:
                continue
            share, middle = _part(
                lower[row, at], upper[row, at], bounds[row], keep_below, custom[row] or at == zero, custom[row]
            )
            kept[row, at] = count * share
            if share > 0.0:
                sums[row] += count * share * middle
            if share != 1.0:
                changed[row] = True


@kernel
def _part(low: float, high: float, bound: float, keep_below: bool, linear: bool, custom: bool) -> tuple[float, float]:
    """Return which share of a bucket stays, and the middle of that part."""
    if math.isnan(bound) or (not keep_below and bound == np.inf):
        return 0.0, 0.0
    if (keep_below and bound == np.inf) or (not keep_below and bound == -np.inf):
        return 1.0, _middle(low, high, linear)
    if custom and low == -np.inf and 0.0 < high < np.inf and bound >= 0.0:
        # The lowest bucket begins at zero, unless it ends there or before.
        low = 0.0
    if low == -np.inf or high == np.inf:
        return _endless(low, high, bound, keep_below)
    if keep_below:
        if high <= bound:
            return 1.0, _middle(low, high, linear)
        if low >= bound:
            return 0.0, 0.0
        return share_below(bound, low, high, linear), _middle(low, bound, linear)
    if low >= bound:
        return 1.0, _middle(low, high, linear)
    if high <= bound:
        return 0.0, 0.0
    return 1.0 - share_below(bound, low, high, linear), _middle(bound, high, linear)


@kernel
def _endless(low: float, high: float, bound: float, keep_below: bool) -> tuple[float, float]:
    """Return the part of a bucket without a lower or an upper end: all of it or nothing."""
    if low == -np.inf and high == np.inf:
        return 0.0, 0.0
    if high == np.inf:
        return (0.0, 0.0) if keep_below else (1.0, max(low, bound))
    if keep_below and high <= 0.0:
        return 1.0, min(high, bound)
    return 0.0, 0.0


@kernel
def _middle(low: float, high: float, linear: bool) -> float:
    if low == -np.inf and high == np.inf:
        return 0.0
    if low == -np.inf:
        return high / 2.0 if high > 0.0 else high
    if high == np.inf:
        return low
    if linear:
        return (low + high) / 2.0
    middle = math.sqrt(low * high)
    return -middle if high < 0.0 else middle
