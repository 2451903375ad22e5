"""Samples as the engine gives them, a few series here and a few there, brought into order of series and time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from backbone.query.promql.kernels.compile import kernel
from backbone.query.promql.values import Floats, Mask, Times

Fingerprints = NDArray[np.uint64]
Chunk = tuple[Fingerprints, Times, Floats]
"""Fingerprint, time and value of each sample."""


def arrange(known: Fingerprints, chunks: Sequence[Chunk]) -> tuple[Times, Times, Floats]:
    """
    Return offsets (series + 1,), times and values of the samples of the series *known*, which are sorted.

    Of samples with the same series and time, the last stands.
    """
    counts = np.zeros(len(known) + 1, np.int64)
    for fingerprints, _, _ in chunks:
        _count(known, fingerprints, counts)
    offsets = np.cumsum(counts)
    times = np.empty(offsets[-1], np.int64)
    values = np.empty(offsets[-1], np.float64)
    free = offsets[:-1].copy()
    for fingerprints, chunk_times, chunk_values in chunks:
        _place(known, fingerprints, chunk_times, chunk_values, free, times, values)
    if not _in_order(offsets, times):
        offsets, times, values = _sorted(offsets, times, values)
    return offsets, times, values


def subset(offsets: Times, kept: Mask) -> Times:
    """Return the offsets when only the samples *kept* stay."""
    return np.concatenate([[0], np.cumsum(kept)])[offsets]


@kernel
def _find(known: Fingerprints, fingerprint: np.uint64) -> int:
    at = np.searchsorted(known, fingerprint)
    return int(at) if at < len(known) and known[at] == fingerprint else -1


@kernel
def _count(known: Fingerprints, fingerprints: Fingerprints, counts: Times) -> None:
    series = -1
    for at in range(len(fingerprints)):
        if at == 0 or fingerprints[at] != fingerprints[at - 1]:
            series = _find(known, fingerprints[at])
        if series >= 0:
            counts[series + 1] += 1


@kernel
def _place(
    known: Fingerprints,
    fingerprints: Fingerprints,
    chunk_times: Times,
    chunk_values: Floats,
    free: Times,
    times: Times,
    values: Floats,
) -> None:
    series = -1
    for at in range(len(fingerprints)):
        if at == 0 or fingerprints[at] != fingerprints[at - 1]:
            series = _find(known, fingerprints[at])
        if series >= 0:
            place = free[series]
            times[place] = chunk_times[at]
            values[place] = chunk_values[at]
            free[series] = place + 1


@kernel
def _in_order(offsets: Times, times: Times) -> bool:
    for series in range(len(offsets) - 1):
        for at in range(offsets[series] + 1, offsets[series + 1]):
            if times[at] <= times[at - 1]:
                return False
    return True


@kernel
def _sorted(offsets: Times, times: Times, values: Floats) -> tuple[Times, Times, Floats]:
    """Sort each series by time, keeping the last of equal times."""
    kept = np.zeros(len(offsets), np.int64)
    new_times = np.empty_like(times)
    new_values = np.empty_like(values)
    at = 0
    for series in range(len(offsets) - 1):
        begin, end = offsets[series], offsets[series + 1]
        order = np.argsort(times[begin:end], kind="mergesort")
        for place in range(end - begin):
            index = begin + order[place]
            if place > 0 and times[index] == new_times[at - 1]:
                new_values[at - 1] = values[index]
                continue
            new_times[at] = times[index]
            new_values[at] = values[index]
            at += 1
        kept[series + 1] = at
    return kept, new_times[:at], new_values[:at]
