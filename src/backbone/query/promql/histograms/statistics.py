"""Quantiles, fractions and moments of histograms. Source: Prometheus 3.x, promql/quantile.go."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backbone.compiled import kernel
from backbone.query.promql.arrays import Floats
from backbone.query.promql.histograms.block import Histograms
from backbone.query.promql.histograms.lists import BucketLists, bucket_lists
from backbone.query.promql.kernels.sums import add

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Shapes (row,). Observations that are no number make a quantile NaN, or higher than it should be."""

    values: Floats
    nan_result: Mask
    nan_skewed: Mask


@dataclass(frozen=True, slots=True)
class Fractions:
    """Shapes (row,); ``nan_observations``: some observations are no number and in no bucket."""

    values: Floats
    nan_observations: Mask


def average(block: Histograms) -> Floats:
    with np.errstate(all="ignore"):
        return block.sum / block.count


def stdvar(block: Histograms) -> Floats:
    """Return the variance of each row as its buckets tell it: (row,)."""
    lists = bucket_lists(block)
    return _variance(lists.lower, lists.upper, lists.counts, block.is_custom, average(block), block.count)


def stddev(block: Histograms) -> Floats:
    with np.errstate(all="ignore"):
        return np.sqrt(stdvar(block))


def quantile(block: Histograms, q: Floats) -> Quantiles:
    """Return a quantile of each row; *q* (row,)."""
    lists = with_one_sided_zero(bucket_lists(block), block)
    out = np.full(len(block), np.nan)
    state = np.zeros(len(block), np.int8)
    _quantiles(q, lists.lower, lists.upper, lists.counts, block.is_custom, block.count, block.sum, out, state)
    return Quantiles(out, state == 1, state == 2)


def fraction(block: Histograms, lower: Floats, upper: Floats) -> Fractions:
    """Return the share of observations between two values, (row,) each."""
    lists = with_one_sided_zero(bucket_lists(block), block)
    total = lists.counts.sum(axis=1)
    limit = np.where(np.isnan(block.sum), total, block.count)
    out = np.full(len(block), np.nan)
    _fractions(lower, upper, lists.lower, lists.upper, lists.counts, block.is_custom, block.count, limit, out)
    return Fractions(out, np.isnan(block.sum) & (total < block.count) & ~np.isnan(out) & (lower < upper))


def with_one_sided_zero(lists: BucketLists, block: Histograms) -> BucketLists:
    """Return lists in which the zero bucket lies on the side where the other buckets are, if that is only one."""
    negative, positive = lists.has_negative, lists.has_positive
    lower, upper = lists.lower.copy(), lists.upper.copy()
    exponential = ~block.is_custom
    lower[exponential & positive & ~negative, lists.zero] = 0.0
    upper[exponential & negative & ~positive, lists.zero] = 0.0
    return BucketLists(lower, upper, lists.counts, lists.zero)


@kernel
def _variance(lower: Floats, upper: Floats, counts: Floats, custom: Mask, means: Floats, totals: Floats) -> Floats:
    out = np.empty(len(means))
    for row in range(len(means)):
        spread = 0.0
        rest = 0.0
        for at in range(counts.shape[1]):
            count, low, high = counts[row, at], lower[row, at], upper[row, at]
            if count == 0.0:
                continue
            if custom[row]:
                middle = (low + high) / 2.0
            elif low <= 0.0 <= high:
                middle = 0.0
            else:
                middle = math.sqrt(low * high)
                if high < 0.0:
                    middle = -middle
            apart = middle - means[row]
            spread, rest = add(count * apart * apart, spread, rest)
        out[row] = (spread + rest) / totals[row]
    return out


@kernel
def _quantiles(
    q: Floats,
    lower: Floats,
    upper: Floats,
    counts: Floats,
    custom: Mask,
    totals: Floats,
    sums: Floats,
    out: Floats,
    state: NDArray[np.int8],
) -> None:
    for row in range(len(q)):
        if q[row] < 0.0:
            out[row] = -np.inf
        elif q[row] > 1.0:
            out[row] = np.inf
        elif totals[row] != 0.0 and not math.isnan(q[row]):
            out[row], state[row] = _quantile(
                q[row], lower[row], upper[row], counts[row], custom[row], totals[row], math.isnan(sums[row])
            )


@kernel
def _quantile(
    q: float, lower: Floats, upper: Floats, counts: Floats, custom: bool, total: float, has_nan: bool
) -> tuple[float, int]:
    # From the end that is nearer, so that less is lost by rounding.
    forward = has_nan or q < 0.5
    rank = q * total if forward else (1.0 - q) * total
    seen = 0.0
    found = -1
    for place in range(len(counts)):
        at = place if forward else len(counts) - 1 - place
        if counts[at] == 0.0:
            continue
        found = at
        seen += counts[at]
        if seen >= rank:
            break
    if found < 0:
        return np.nan, (1 if has_nan else 0)
    low, high = lower[found], upper[found]
    if custom and low == -np.inf:
        if high <= 0.0:
            return high, 0
        low = 0.0
    elif custom and high == np.inf:
        return low, 0
    seen = min(seen, total)
    if seen < rank:
        return (np.nan, 1) if has_nan else (high, 0)
    rank = rank - (seen - counts[found]) if forward else seen - rank
    skewed = 2 if has_nan and counts.sum() < total else 0
    share = rank / counts[found]
    if custom or low <= 0.0 <= high:
        return low + (high - low) * share, skewed
    log_low, log_high = math.log2(abs(low)), math.log2(abs(high))
    if low > 0.0:
        return 2.0 ** (log_low + (log_high - log_low) * share), skewed
    return -(2.0 ** (log_high + (log_low - log_high) * (1.0 - share))), skewed


@kernel
def _fractions(
    lower: Floats,
    upper: Floats,
    lows: Floats,
    highs: Floats,
    counts: Floats,
    custom: Mask,
    totals: Floats,
    limits: Floats,
    out: Floats,
) -> None:
    for row in range(len(lower)):
        if totals[row] == 0.0 or math.isnan(lower[row]) or math.isnan(upper[row]):
            continue
        if lower[row] >= upper[row]:
            out[row] = 0.0
            continue
        above = _rank(upper[row], lows[row], highs[row], counts[row], custom[row], limits[row])
        below = _rank(lower[row], lows[row], highs[row], counts[row], custom[row], limits[row])
        out[row] = (above - below) / totals[row]


@kernel
def _rank(value: float, lows: Floats, highs: Floats, counts: Floats, custom: bool, limit: float) -> float:
    """Return how many observations are below *value*."""
    rank = 0.0
    for at in range(len(counts)):
        if counts[at] == 0.0:
            continue
        low, high = lows[at], highs[at]
        if custom and low == -np.inf and high > 0.0:
            low = 0.0
        if low >= value:
            return min(rank, limit)
        if high > value:
            return min(rank + counts[at] * share_below(value, low, high, custom), limit)
        rank += counts[at]
    return limit


@kernel
def share_below(value: float, low: float, high: float, custom: bool) -> float:
    """Return the share of a bucket that is below a value within it."""
    if low == -np.inf:
        return 1.0
    if high == np.inf:
        return 0.0
    if custom or low <= 0.0 <= high:
        return (value - low) / (high - low)
    log_low, log_high, log_value = math.log2(abs(low)), math.log2(abs(high)), math.log2(abs(value))
    if low > 0.0:
        return (log_value - log_low) / (log_high - log_low)
    return 1.0 - (log_value - log_high) / (log_low - log_high)
