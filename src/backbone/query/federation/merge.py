"""The series of several servers → each series once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from backbone.query.promql.arrays import Index, Times
from backbone.query.promql.histograms import Histograms
from backbone.query.promql.kernels.replicas import follow, unite
from backbone.query.promql.labels import Labels, concat
from backbone.query.promql.values import HistogramSamples, Samples, Series

_Choose = Callable[[Index, Index, Times, Times], tuple[Times, Index]]


def merged(parts: Sequence[Series], replica_labels: Sequence[str]) -> Series:
    """
    Return the series of all *parts*, of which equal samples stand once.

    Series that differ in *replica_labels* only are replicas: of them one is followed, and another where it has a gap.
    """
    some = [part for part in parts if part.labels.size] or list(parts[:1])
    if len(some) == 1 and not some[0].labels.columns.keys() & set(replica_labels):
        return some[0]
    whole = _regrouped(_side_by_side(some), concat([part.labels for part in some]), unite)
    if not whole.labels.columns.keys() & set(replica_labels):
        return whole
    return _regrouped(whole, whole.labels.drop(replica_labels), follow)


def _side_by_side(parts: Sequence[Series]) -> Series:
    labels = concat([part.labels for part in parts])
    floats = [part.floats for part in parts]
    starts = None
    if any(one.starts is not None for one in floats):
        starts = np.concatenate([np.zeros_like(one.times) if one.starts is None else one.starts for one in floats])
    samples = Samples(
        np.concatenate([one.times for one in floats]),
        _joined_offsets([one.offsets for one in floats]),
        np.concatenate([one.values for one in floats]),
        starts,
    )
    return Series(labels, np.zeros(labels.size, np.bool_), samples, _histograms(parts))


def _histograms(parts: Sequence[Series]) -> HistogramSamples | None:
    have = [part.histograms for part in parts if part.histograms is not None]
    if not have:
        return None
    starts = None
    if any(one.starts is not None for one in have):
        starts = np.concatenate([np.zeros_like(one.times) if one.starts is None else one.starts for one in have])
    offsets = [
        np.zeros(part.labels.size + 1, np.int64) if part.histograms is None else part.histograms.offsets
        for part in parts
    ]
    return HistogramSamples(
        np.concatenate([one.times for one in have]),
        _joined_offsets(offsets),
        Histograms.concat([one.block for one in have]),
        np.concatenate([one.resets for one in have]),
        starts,
    )


def _joined_offsets(parts: Sequence[Times]) -> Times:
    """Return the offsets of all parts' series, one part after the other."""
    return np.concatenate([[0], np.cumsum(np.concatenate([np.diff(offsets) for offsets in parts]))]).astype(np.int64)


def _regrouped(series: Series, labels: Labels, choose: _Choose) -> Series:
    """Return the series with these *labels*; of those that come to be equal, the samples are chosen."""
    groups, firsts = labels.groups()
    if len(firsts) == labels.size:
        return Series(labels, series.nameless, series.floats, series.histograms)
    members = np.argsort(groups, kind="stable")
    bounds = np.concatenate([[0], np.cumsum(np.bincount(groups, minlength=len(firsts)))]).astype(np.int64)
    floats = series.floats
    offsets, kept = choose(members, bounds, floats.offsets, floats.times)
    starts = None if floats.starts is None else floats.starts[kept]
    samples = Samples(floats.times[kept], offsets, floats.values[kept], starts)
    histograms = series.histograms
    if histograms is not None:
        offsets, kept = choose(members, bounds, histograms.offsets, histograms.times)
        histograms = HistogramSamples(
            histograms.times[kept],
            offsets,
            histograms.block.take(kept),
            histograms.resets[kept],
            None if histograms.starts is None else histograms.starts[kept],
        )
    return Series(labels.take(firsts), np.zeros(len(firsts), np.bool_), samples, histograms)
