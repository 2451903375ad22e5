"""Whether a histogram that counts was reset."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from backbone.query.promql.histograms.align import same_bounds, same_buckets, to_schema, widen_zero
from backbone.query.promql.histograms.block import GAUGE, Histograms

_RESET, _NOT_RESET = 1, 2


def detect_reset(current: Histograms, previous: Histograms) -> NDArray[np.bool_]:
    """Tell which rows of *current* cannot have come from those of *previous* by counting on: (row,)."""
    told = (current.hint == _RESET) | (current.hint == _NOT_RESET)
    found = (current.count < previous.count) | (current.is_custom != previous.is_custom)
    exponential = ~current.is_custom & ~previous.is_custom
    found |= exponential & ((current.schema > previous.schema) | (current.zero_threshold < previous.zero_threshold))
    before = to_schema(previous, np.where(exponential, current.schema, previous.schema).astype(np.int8))
    before = widen_zero(before, np.where(exponential, current.zero_threshold, 0.0))
    # Where the larger zero bucket would end within a bucket, the bounds cannot have been the same before.
    found |= exponential & (before.zero_threshold > current.zero_threshold)
    found |= exponential & (current.zero_count < before.zero_count)
    current, before, _ = same_bounds(current, before)
    for now, then in ((current.positive, before.positive), (current.negative, before.negative)):
        _, mine, other = same_buckets(now, then)
        found |= (mine < other).any(axis=1)
    return np.where(told, current.hint == _RESET, found)


def inferred_hints(block: Histograms, first: NDArray[np.bool_]) -> tuple[Histograms, NDArray[np.bool_]]:
    """
    Return samples of which those are marked that count on from the sample before, as Prometheus' storage does, and
    which of the others were reset: of these nothing is said, so that resets are looked for where samples are compared.

    Args:
        first: which rows begin a series; the others come after the row before them.
    """
    size = len(block)
    if size < 2:
        return block, np.zeros(size, np.bool_)
    rows = np.arange(1, size)
    reset = np.zeros(size, np.bool_)
    reset[1:] = detect_reset(block.take(rows), block.take(rows - 1))
    after_gauge = np.append(True, block.hint[:-1] == GAUGE)
    counts_on = (block.hint == 0) & ~first & ~reset & ~after_gauge
    marked = block.with_hint(np.where(counts_on, np.int8(_NOT_RESET), block.hint))
    return marked, reset & ~first & (block.hint == 0)
