"""The buckets of each row as a list from the lowest to the highest, which is how quantiles and the like read them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backbone.query.promql.arrays import Floats
from backbone.query.promql.histograms.align import lower_bounds, upper_bounds
from backbone.query.promql.histograms.block import Histograms


@dataclass(frozen=True, slots=True)
class BucketLists:
    """
    Shapes (row, bucket): negative buckets, the zero bucket, positive ones, by rising bounds; empty ones are among them.

    ``zero`` is the zero bucket's column.
    """

    lower: Floats
    upper: Floats
    counts: Floats
    zero: int

    @property
    def has_negative(self) -> NDArray[np.bool_]:
        return (self.counts[:, : self.zero] != 0).any(axis=1)

    @property
    def has_positive(self) -> NDArray[np.bool_]:
        return (self.counts[:, self.zero + 1 :] != 0).any(axis=1)


def bucket_lists(block: Histograms) -> BucketLists:
    """Return the buckets of each row."""
    negative, positive = block.negative, block.positive
    own_schema = np.where(block.is_custom, np.int8(0), block.schema)
    lower = lower_bounds(own_schema, positive.low, positive.width)
    upper = upper_bounds(own_schema, positive.low, positive.width)
    for row in np.flatnonzero(block.is_custom):
        lower[row], upper[row] = _custom_bounds(block.custom[block.bounds[row]], positive.low, positive.width)
    mirrored_lower = -upper_bounds(own_schema, negative.low, negative.width)[:, ::-1]
    mirrored_upper = -lower_bounds(own_schema, negative.low, negative.width)[:, ::-1]
    threshold = np.where(block.is_custom, 0.0, block.zero_threshold)[:, None]
    zero_count = np.where(block.is_custom, 0.0, block.zero_count)[:, None]
    return BucketLists(
        np.concatenate([mirrored_lower, -threshold, lower], axis=1),
        np.concatenate([mirrored_upper, threshold, upper], axis=1),
        np.concatenate([negative.counts[:, ::-1], zero_count, positive.counts], axis=1),
        negative.width,
    )


def _custom_bounds(bounds: tuple[float, ...], low: int, width: int) -> tuple[Floats, Floats]:
    edges = np.array([-np.inf, *bounds, np.inf])
    index = np.clip(low + np.arange(width), 0, len(edges) - 2)
    return edges[index], edges[index + 1]
