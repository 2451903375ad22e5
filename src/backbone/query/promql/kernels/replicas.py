"""Samples of one series that several servers have, made one series again."""

from __future__ import annotations

import numpy as np

from backbone.compiled import kernel
from backbone.query.promql.arrays import Index, Times

_GAP = 1.5
"""After so many of a replica's usual intervals without a sample, another one is followed."""


@kernel
def unite(members: Index, bounds: Index, offsets: Index, times: Times) -> tuple[Index, Index]:
    """
    Return each group's samples in order of time; of samples at one time that of the group's first member stands.

    Shapes: ``members`` (series,) are series, group by group; ``bounds`` (groups + 1,) say which of them are a group's.
    Returned are offsets (groups + 1,), and the place of each sample in *times*.
    """
    kept = np.empty(len(times), np.int64)
    new_offsets = np.zeros(len(bounds), np.int64)
    count = 0
    for group in range(len(bounds) - 1):
        own = members[bounds[group] : bounds[group + 1]]
        at = offsets[own].copy()
        while True:
            first = _earliest(own, at, offsets, times)
            if first < 0:
                break
            now = times[at[first]]
            kept[count] = at[first]
            count += 1
            for member in range(len(own)):
                while at[member] < offsets[own[member] + 1] and times[at[member]] <= now:
                    at[member] += 1
        new_offsets[group + 1] = count
    return new_offsets, kept[:count]


@kernel
def follow(members: Index, bounds: Index, offsets: Index, times: Times) -> tuple[Index, Index]:
    """
    Return each group's samples as `unite` does, but taken from one replica for as long as that has no gap.

    Replicas scrape at times of their own, so that their samples side by side would be twice as many as there are, and
    of a counter some would seem to fall.
    """
    kept = np.empty(len(times), np.int64)
    new_offsets = np.zeros(len(bounds), np.int64)
    count = 0
    for group in range(len(bounds) - 1):
        own = members[bounds[group] : bounds[group + 1]]
        at = offsets[own].copy()
        interval = _usual_interval(own, offsets, times)
        current = _earliest(own, at, offsets, times)
        while current >= 0:
            last = times[at[current]]
            kept[count] = at[current]
            count += 1
            for member in range(len(own)):
                least = last if member == current else last + interval / 2
                while at[member] < offsets[own[member] + 1] and times[at[member]] <= least:
                    at[member] += 1
            goes_on = at[current] < offsets[own[current] + 1]
            if not goes_on or times[at[current]] - last > _GAP * interval:
                current = _earliest(own, at, offsets, times)
        new_offsets[group + 1] = count
    return new_offsets, kept[:count]


@kernel
def _earliest(own: Index, at: Index, offsets: Index, times: Times) -> int:
    """Return the member whose next sample is the earliest, the first of them, -1 if none has one."""
    found = -1
    for member in range(len(own)):
        if at[member] == offsets[own[member] + 1]:
            continue
        if found < 0 or times[at[member]] < times[at[found]]:
            found = member
    return found


@kernel
def _usual_interval(own: Index, offsets: Index, times: Times) -> float:
    """Return the least of the members' median intervals, 0 where none has two samples."""
    least = 0.0
    for member in range(len(own)):
        begin, end = offsets[own[member]], offsets[own[member] + 1]
        if end - begin < 2:
            continue
        usual = np.median(np.diff(times[begin:end]).astype(np.float64))
        if least == 0.0 or usual < least:
            least = usual
    return least
