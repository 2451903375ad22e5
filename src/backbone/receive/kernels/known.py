"""The table of known series: open places, found by a key of 64 bits that is never 0."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from backbone.compiled import kernel

Words = NDArray[np.uint64]
Numbers = NDArray[np.int64]
Table = tuple[Words, Words, Numbers]
"""Keys, fingerprints, and the days on which labels were last written; keys of 0 are free places."""
Columns = tuple[Words, Numbers, Words]
"""Samples: fingerprints, times in ms, values as their bits."""


@kernel
def place_of(key: np.uint64, keys: Words) -> int:
    """Return where a key stands in an open table, or the free place where it would."""
    mask = len(keys) - 1
    place = np.int64(key & np.uint64(mask))
    while keys[place] != np.uint64(0) and keys[place] != key:
        place = (place + 1) & mask
    return int(place)


@kernel
def put(new_keys: Words, new_fps: Words, new_days: Numbers, keys: Words, fps: Words, days: Numbers) -> int:
    """Put series into a table that has room for them; return how many it did not have."""
    added = 0
    for number in range(len(new_keys)):
        place = place_of(new_keys[number], keys)
        fps[place] = new_fps[number]
        days[place] = new_days[number]
        if keys[place] == np.uint64(0):
            added += 1
        # Last, since others look while this goes on.
        keys[place] = new_keys[number]
    return added
