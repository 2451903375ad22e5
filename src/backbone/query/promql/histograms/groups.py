"""Sums and means of groups of histograms."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from backbone.compiled import kernel
from backbone.query.promql.arrays import Floats, Index
from backbone.query.promql.histograms.algebra import Combined, scale
from backbone.query.promql.histograms.align import to_schema, widen_zero, with_bounds
from backbone.query.promql.histograms.block import CUSTOM, GAUGE, Buckets, Histograms, Small
from backbone.query.promql.kernels.sums import add

Mask = NDArray[np.bool_]


def sum_groups(block: Histograms, group: Index, groups: int) -> Combined:
    """
    Return the sum of each group's rows.

    Args:
        group: the group of each row, (row,); each of the *groups* has one at least.
    """
    custom = np.bincount(group, block.is_custom, groups)
    sizes = np.bincount(group, minlength=groups)
    incompatible = (custom > 0) & (custom < sizes)
    block, reconciled = _aligned(block, group, groups)
    first = np.zeros(groups, np.int64)
    first[group[::-1]] = np.arange(len(group))[::-1]
    hint, collision = _hints(block.hint, group, groups)
    made = replace(
        block.take(first),
        hint=hint,
        count=_summed(block.count[:, None], group, groups)[:, 0],
        sum=_summed(block.sum[:, None], group, groups)[:, 0],
        zero_count=_summed(block.zero_count[:, None], group, groups)[:, 0],
        positive=Buckets(block.positive.low, _summed(block.positive.counts, group, groups)),
        negative=Buckets(block.negative.low, _summed(block.negative.counts, group, groups)),
    )
    return Combined(made, incompatible, reconciled, collision)


def avg_groups(block: Histograms, group: Index, groups: int) -> Combined:
    """Return the mean of each group's rows; arguments as for `sum_groups`."""
    sizes = np.bincount(group, minlength=groups).astype(np.float64)
    summed = sum_groups(block, group, groups)
    if _overflows(summed.block):
        # Each part first, so that the sum stays within what floats can hold.
        return sum_groups(scale(block, 1.0 / sizes[group]), group, groups)
    return replace(summed, block=scale(summed.block, 1.0 / sizes))


def _overflows(block: Histograms) -> bool:
    columns = (block.count, block.sum, block.zero_count, block.positive.counts, block.negative.counts)
    return any(bool(np.isinf(column).any()) for column in columns)


def _aligned(block: Histograms, group: Index, groups: int) -> tuple[Histograms, Mask]:
    """Return rows that have schema, zero bucket and bounds in common with their group's others."""
    schema = np.full(groups, 127, np.int64)
    np.minimum.at(schema, group, np.where(block.is_custom, 127, block.schema))
    block = to_schema(block, schema[group].astype(np.int8))
    while True:
        reach = np.zeros(groups)
        np.maximum.at(reach, group, np.where(block.is_custom, 0.0, block.zero_threshold))
        if (block.is_custom | (block.zero_threshold == reach[group])).all():
            break
        block = widen_zero(block, reach[group])
    return _same_bounds(block, group, groups)


def _same_bounds(block: Histograms, group: Index, groups: int) -> tuple[Histograms, Mask]:
    reconciled = np.zeros(groups, np.bool_)
    if not block.is_custom.any():
        return block, reconciled
    rows = np.flatnonzero(block.is_custom)
    pairs = np.unique(np.stack([group[rows], block.bounds[rows]]), axis=1)
    several = np.flatnonzero(np.bincount(pairs[0], minlength=groups) > 1)
    if not len(several):
        return block, reconciled
    custom = {own: at for at, own in enumerate(block.custom)}
    wanted_of = np.full(groups, -1, np.int32)
    for number in several.tolist():
        sets = [block.custom[code] for code in pairs[1][pairs[0] == number].tolist()]
        shared = tuple(bound for bound in sets[0] if all(bound in other for other in sets[1:]))
        wanted_of[number] = custom.setdefault(shared, len(custom))
    reconciled[several] = True
    wanted = np.where(block.schema == CUSTOM, wanted_of[group], np.int32(-1)).astype(np.int32)
    return with_bounds(block, wanted, tuple(custom)), reconciled


def _hints(hint: Small, group: Index, groups: int) -> tuple[Small, Mask]:
    seen = np.zeros((groups, 4), np.bool_)
    seen[group, hint] = True
    only = seen.argmax(axis=1).astype(np.int8)
    one = seen.sum(axis=1) == 1
    made = np.where(seen[:, GAUGE], np.int8(GAUGE), np.where(one, only, np.int8(0)))
    return made, seen[:, 1] & seen[:, 2]


@kernel
def _summed(columns: Floats, group: Index, groups: int) -> Floats:
    """Return the sum of each group's rows, column by column."""
    width = columns.shape[1]
    out = np.zeros((groups, width))
    rest = np.zeros((groups, width))
    for row in range(len(group)):
        own = group[row]
        for column in range(width):
            value = columns[row, column]
            if value != 0.0:
                out[own, column], rest[own, column] = add(value, out[own, column], rest[own, column])
    for own in range(groups):
        for column in range(width):
            if not np.isinf(out[own, column]):
                out[own, column] += rest[own, column]
    return out
