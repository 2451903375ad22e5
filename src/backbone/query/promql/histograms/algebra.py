"""Sums, differences and multiples of histograms, and whether they are equal."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from backbone.query.promql.arrays import Floats
from backbone.query.promql.histograms.align import same_bounds, same_buckets, same_zero, to_schema
from backbone.query.promql.histograms.block import CUSTOM, GAUGE, Buckets, Histograms, Small

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Combined:
    """
    What became of rows put together; shapes (row,).

    ``incompatible`` rows, exponential buckets with custom ones, have no meaning. ``bounds_reconciled``: custom bounds
    differed, and those in common stayed. ``hint_collision``: one row was reset, the other was told not to be.
    """

    block: Histograms
    incompatible: Mask
    bounds_reconciled: Mask
    hint_collision: Mask


def scale(block: Histograms, factor: Floats) -> Histograms:
    """Return each row times its factor, (row,); what a negative factor makes is a gauge."""
    with np.errstate(all="ignore"):
        return replace(
            block,
            hint=np.where(factor < 0, np.int8(GAUGE), block.hint),
            count=block.count * factor,
            sum=block.sum * factor,
            zero_count=block.zero_count * factor,
            positive=_times(block.positive, factor),
            negative=_times(block.negative, factor),
        )


def _times(buckets: Buckets, factor: Floats) -> Buckets:
    # A bucket that is not there stays so, whatever the factor is.
    return Buckets(buckets.low, np.where(buckets.counts != 0, buckets.counts * factor[:, None], 0.0))


def divide(block: Histograms, divisor: Floats) -> Histograms:
    """Return each row divided; by zero, its buckets are gone."""
    with np.errstate(all="ignore"):
        return replace(
            block,
            hint=np.where(divisor < 0, np.int8(GAUGE), block.hint),
            count=block.count / divisor,
            sum=block.sum / divisor,
            zero_count=block.zero_count / divisor,
            positive=_over(block.positive, divisor),
            negative=_over(block.negative, divisor),
        )


def _over(buckets: Buckets, divisor: Floats) -> Buckets:
    there = (buckets.counts != 0) & (divisor != 0)[:, None]
    return Buckets(buckets.low, np.where(there, buckets.counts / divisor[:, None], 0.0))


def add(left: Histograms, right: Histograms) -> Combined:
    """Return each row of *left* plus that of *right*."""
    return _together(left, right, 1.0)


def subtract(left: Histograms, right: Histograms) -> Combined:
    """Return each row of *left* minus that of *right*."""
    return _together(left, right, -1.0)


def _together(left: Histograms, right: Histograms, sign: float) -> Combined:
    incompatible = left.is_custom != right.is_custom
    schema = np.where(incompatible, left.schema, np.minimum(left.schema, right.schema)).astype(np.int8)
    left, right = aligned(left, right)
    left, right, reconciled = same_bounds(left, right)
    with np.errstate(all="ignore"):
        made = replace(
            left,
            schema=schema,
            count=left.count + sign * right.count,
            sum=left.sum + sign * right.sum,
            zero_count=left.zero_count + sign * right.zero_count,
            positive=_sum(left.positive, right.positive, sign),
            negative=_sum(left.negative, right.negative, sign),
        )
    hint, collision = combined_hint(left.hint, right.hint)
    return Combined(made.with_hint(hint), incompatible, reconciled & ~incompatible, collision)


def aligned(left: Histograms, right: Histograms) -> tuple[Histograms, Histograms]:
    """Return two blocks of which each pair of exponential rows has the same schema and zero bucket."""
    lowest = np.minimum(
        np.where(left.is_custom, np.int8(127), left.schema), np.where(right.is_custom, np.int8(127), right.schema)
    )
    return same_zero(to_schema(left, lowest), to_schema(right, lowest))


def _sum(left: Buckets, right: Buckets, sign: float) -> Buckets:
    low, mine, other = same_buckets(left, right)
    return Buckets(low, mine + sign * other)


def combined_hint(left: Small, right: Small) -> tuple[Small, Mask]:
    """Return the hint of a sum, and where one part was reset and the other was not."""
    same = left == right
    gauge = (left == GAUGE) | (right == GAUGE)
    collision = ~same & ~gauge & (left != 0) & (right != 0)
    return np.where(gauge, np.int8(GAUGE), np.where(same, left, np.int8(0))), collision


def equal(left: Histograms, right: Histograms) -> Mask:
    """Tell which pairs of rows are the same; their hints do not matter."""
    same = (left.schema == right.schema) & _alike(left.count, right.count) & _alike(left.sum, right.sum)
    same &= _same_custom(left, right)
    zero = _alike(left.zero_count, right.zero_count) & _alike(left.zero_threshold, right.zero_threshold)
    same &= zero | (left.schema == CUSTOM)
    for mine, other in ((left.positive, right.positive), (left.negative, right.negative)):
        _, first, second = same_buckets(mine, other)
        same &= _alike(first, second).all(axis=1)
    return same


def _alike(left: Floats, right: Floats) -> Mask:
    return (left == right) | (np.isnan(left) & np.isnan(right))


def _same_custom(left: Histograms, right: Histograms) -> Mask:
    _, _, differ = same_bounds(left, right)
    return ~differ
