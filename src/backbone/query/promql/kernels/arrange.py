"""Samples as the engine gives them, a few series here and a few there, brought into order of series and time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from backbone.compiled import kernel
from backbone.query.promql.arrays import Floats, Index, Mask, Times
from backbone.query.promql.kernels.parallel import in_parallel, over_rows

Fingerprints = NDArray[np.uint64]
Chunk = tuple[Fingerprints, Times, Floats]
"""Fingerprint, time and value of each sample."""


@dataclass(frozen=True, slots=True)
class Runs:
    """
    Samples, a few of a series and then a few of another.

    Shapes: ``series`` (run,) is -1 where it is not known, ``bounds`` (run + 1,) say which samples are a run's,
    ``times`` and ``values`` (sample,).
    """

    series: Index
    bounds: Index
    times: Times
    values: Floats
    owned: bool = False
    """Whether times and values lie in memory of their own, rather than in the engine's."""

    def copied(self) -> Runs:
        """Return the same in memory of its own."""
        return Runs(self.series, self.bounds, self.times.copy(), self.values.copy(), owned=True)


class Arranged(NamedTuple):
    """Samples of series; offsets (series + 1,) say which times and values (sample,) are a series'."""

    offsets: Times
    times: Times
    values: Floats
    contended: bool
    """Whether there were different values of one time, of which one was taken."""


def runs_of(known: Fingerprints, chunks: Sequence[Chunk]) -> list[Runs]:
    """Return the samples of each chunk by series, which are numbered by their place in *known*; that is sorted."""
    some = [chunk for chunk in chunks if len(chunk[1])]
    return in_parallel(lambda chunk: Runs(*_runs(known, chunk[0]), chunk[1], chunk[2]), some)


def arrange(known: Fingerprints, chunks: Sequence[Chunk]) -> Arranged:
    """Return the samples of the series *known*, which are sorted, as `arrange_runs` does."""
    return arrange_runs(len(known), runs_of(known, chunks))


def arrange_runs(size: int, runs: Sequence[Runs]) -> Arranged:
    """Return the samples of as many series; of those with the same series and time, the last stands."""
    # The engine reads hours side by side; put back in order, most series need no sorting.
    runs = sorted((one for one in runs if len(one.times)), key=lambda one: int(one.times[0]))
    counts = np.zeros(size + 1, np.int64)
    for one in runs:
        np.add.at(counts, one.series + 1, np.diff(one.bounds))
    # Samples of series that are not known have the number -1.
    counts[0] = 0
    offsets = np.cumsum(counts)
    times = np.empty(offsets[-1], np.int64)
    values = np.empty(offsets[-1], np.float64)
    free = offsets[:-1].copy()
    disordered = np.zeros(1, np.bool_)

    def copy(first: int, last: int) -> None:
        for one in runs:
            _copy(one.series, one.bounds, one.times, one.values, offsets, free, times, values, disordered, first, last)

    over_rows(copy, size, len(times))
    return Arranged(*_sorted(offsets, times, values)) if disordered[0] else Arranged(offsets, times, values, False)


def subset(offsets: Times, kept: Mask) -> Times:
    """Return the offsets when only the samples *kept* stay."""
    return np.concatenate([[0], np.cumsum(kept)])[offsets]


@kernel
def _find(known: Fingerprints, fingerprint: np.uint64) -> int:
    at = np.searchsorted(known, fingerprint)
    return int(at) if at < len(known) and known[at] == fingerprint else -1


@kernel
def _runs(known: Fingerprints, fingerprints: Fingerprints) -> tuple[Index, Index]:
    """Return the series of each run of equal fingerprints, -1 if it is not known, and where runs begin and end."""
    count = 1 if len(fingerprints) else 0
    for at in range(1, len(fingerprints)):
        if fingerprints[at] != fingerprints[at - 1]:
            count += 1
    series = np.empty(count, np.int64)
    bounds = np.empty(count + 1, np.int64)
    run = -1
    for at in range(len(fingerprints)):
        if at == 0 or fingerprints[at] != fingerprints[at - 1]:
            run += 1
            series[run] = _find(known, fingerprints[at])
            bounds[run] = at
    bounds[count] = len(fingerprints)
    return series, bounds


@kernel
def _copy(
    series: Index,
    bounds: Index,
    chunk_times: Times,
    chunk_values: Floats,
    offsets: Times,
    free: Times,
    times: Times,
    values: Floats,
    disordered: Mask,
    first: int,
    last: int,
) -> None:
    """Copy the runs of the series from *first* to before *last* to their places."""
    for run in range(len(series)):
        own = series[run]
        if own < first or own >= last:
            continue
        place = free[own]
        for at in range(bounds[run], bounds[run + 1]):
            times[place] = chunk_times[at]
            values[place] = chunk_values[at]
            if place > offsets[own] and times[place] <= times[place - 1]:
                disordered[0] = True
            place += 1
        free[own] = place


@kernel
def _sorted(offsets: Times, times: Times, values: Floats) -> tuple[Times, Times, Floats, bool]:
    """Sort each series by time, keeping the last of equal times; tell whether such had different values."""
    bits = values.view(np.int64)
    contended = False
    kept = np.zeros(len(offsets), np.int64)
    new_times = np.empty_like(times)
    new_values = np.empty_like(values)
    at = 0
    for series in range(len(offsets) - 1):
        begin, end = offsets[series], offsets[series + 1]
        if _rising(times, begin, end):
            for index in range(begin, end):
                new_times[at] = times[index]
                new_values[at] = values[index]
                at += 1
            kept[series + 1] = at
            continue
        order = np.argsort(times[begin:end], kind="mergesort")
        for place in range(end - begin):
            index = begin + order[place]
            if place > 0 and times[index] == new_times[at - 1]:
                contended = contended or bits[index] != bits[begin + order[place - 1]]
                new_values[at - 1] = values[index]
                continue
            new_times[at] = times[index]
            new_values[at] = values[index]
            at += 1
        kept[series + 1] = at
    return kept, new_times[:at], new_values[:at], contended


@kernel
def _rising(times: Times, begin: int, end: int) -> bool:
    for at in range(begin + 1, end):
        if times[at] <= times[at - 1]:
            return False
    return True
