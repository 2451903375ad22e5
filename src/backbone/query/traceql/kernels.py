"""
How spans are related within their traces, as compiled loops.

Shapes: all (span,), the spans of a trace next to each other; ``parents`` are rows, -1 where the parent is not there.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from backbone.compiled import kernel

Rows = NDArray[np.int64]
Ids = NDArray[np.uint64]
Mask = NDArray[np.bool_]

_UNKNOWN, _UNDER_WAY, _NO, _YES = 0, 1, 2, 3


@kernel
def find_parents(spans: Ids, parents: Ids, offsets: Rows) -> Rows:
    """Return each span's parent's row; ``offsets`` (trace + 1,) are where traces begin."""
    found = np.full(len(spans), -1, np.int64)
    for trace in range(len(offsets) - 1):
        begin, end = offsets[trace], offsets[trace + 1]
        order = np.argsort(spans[begin:end])
        ids = spans[begin:end][order]
        for row in range(begin, end):
            if parents[row] == 0:
                continue
            at = np.searchsorted(ids, parents[row])
            if at < end - begin and ids[at] == parents[row]:
                found[row] = begin + order[at]
    return found


@kernel
def have_ancestor(parents: Rows, wanted: Mask) -> Mask:
    """Return which spans have an ancestor that is wanted; spans in a circle are each other's, once around."""
    state = np.zeros(len(parents), np.int8)
    path = np.empty(len(parents), np.int64)
    for start in range(len(parents)):
        size = 0
        row = start
        # Up to what is known, or has no parent.
        while row >= 0 and state[row] == _UNKNOWN:
            state[row] = _UNDER_WAY
            path[size] = row
            size += 1
            row = parents[row]
        above = row >= 0 and (wanted[row] or state[row] == _YES)
        for back in range(size - 1, -1, -1):
            own = path[back]
            state[own] = _YES if above else _NO
            above = above or wanted[own]
    found: Mask = state == _YES
    return found


@kernel
def are_ancestors(parents: Rows, wanted: Mask) -> Mask:
    """Return which spans are an ancestor of one that is wanted."""
    found = np.zeros(len(parents), np.bool_)
    for start in range(len(parents)):
        if not wanted[start]:
            continue
        row = parents[start]
        while row >= 0 and not found[row]:
            found[row] = True
            row = parents[row]
    return found
