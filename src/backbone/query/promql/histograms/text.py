"""Histograms as people and the API read them."""

from __future__ import annotations

import numpy as np

from backbone.query.promql.go_floats import print_short
from backbone.query.promql.histograms.block import CUSTOM, HistogramRow, Histograms
from backbone.query.promql.histograms.lists import bucket_lists

_OPEN_LEFT, _OPEN_RIGHT, _CLOSED = 0, 1, 3
_HINTS = {1: "reset", 2: "not_reset", 3: "gauge"}


def to_bucket_list(block: Histograms, row: int) -> list[tuple[int, float, float, float]]:
    """
    Return a row's buckets that are not empty: boundaries, lower bound, upper bound, count.

    Boundaries are 0 where the lower is not included, 1 where the upper is not, 3 where both are.
    """
    one = block.take(np.array([row]))
    lists = bucket_lists(one)
    found = []
    for at in np.flatnonzero(lists.counts[0]).tolist():
        kind = _OPEN_RIGHT if at < lists.zero else _CLOSED if at == lists.zero else _OPEN_LEFT
        if block.schema[row] == CUSTOM and lists.lower[0, at] == -np.inf:
            kind = _CLOSED
        found.append((kind, float(lists.lower[0, at]), float(lists.upper[0, at]), float(lists.counts[0, at])))
    return found


def text(block: Histograms, row: int) -> str:
    """Return a row as Prometheus prints a histogram that stands in text."""
    parts = [f"count:{print_short(float(block.count[row]))}", f"sum:{print_short(float(block.sum[row]))}"]
    for kind, lower, upper, count in to_bucket_list(block, row):
        left = "[" if kind in {_OPEN_RIGHT, _CLOSED} else "("
        right = "]" if kind in {_OPEN_LEFT, _CLOSED} else ")"
        parts.append(f"{left}{print_short(lower)},{print_short(upper)}{right}:{print_short(count)}")
    return f"{{{', '.join(parts)}}}"


def test_expression(block: Histograms, row: int) -> str:
    """Return a row as Prometheus' test scripts write a histogram."""
    own = block.row(row)
    parts = []
    for name, value in (("schema", own.schema), ("count", own.count), ("sum", own.sum)):
        if value:
            parts.append(f"{name}:{print_short(float(value))}")
    if own.hint:
        parts.append(f"counter_reset_hint:{_HINTS[own.hint]}")
    if own.zero_count:
        parts.append(f"z_bucket:{print_short(own.zero_count)}")
    if own.zero_threshold:
        parts.append(f"z_bucket_w:{print_short(own.zero_threshold)}")
    if own.custom:
        parts.append(f"custom_values:[{' '.join(map(print_short, own.custom))}]")
    parts += _buckets(own, negative=False) + _buckets(own, negative=True)
    return f"{{{{{' '.join(parts)}}}}}"


def _buckets(own: HistogramRow, *, negative: bool) -> list[str]:
    pairs, prefix = (own.negative, "n_") if negative else (own.positive, "")
    if not pairs:
        return []
    first, last = pairs[0][0], pairs[-1][0]
    counts = dict(pairs)
    listed = " ".join(print_short(counts.get(index, 0.0)) for index in range(first, last + 1))
    return ([f"{prefix}offset:{first}"] if first else []) + [f"{prefix}buckets:[{listed}]"]
