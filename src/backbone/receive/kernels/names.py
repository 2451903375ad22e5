"""Names of attributes as keys of a table with open places, in which a key of 0 is a free place."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from backbone.compiled import kernel
from backbone.compiled.memory import byte_at, long_at
from backbone.compiled.words import folded


@kernel
def mixed(state: int, word: int, seed: int) -> int:
    """Return a word with another one mixed in."""
    # As in wyhash a product whose factors are both secret, folded: which words give the same cannot be worked out.
    return int(np.int64(folded(np.uint64(word ^ seed), np.uint64(state))))


@kernel
def key_of(at: int, end: int, seed: int) -> int:
    """Return the hash of a name's bytes, eight at a time; the last eight may have been among those before."""
    state = int(np.int64(folded(np.uint64(seed ^ (end - at)), np.uint64(0x9FB21C651E98DF25))))
    if end - at < 8:
        word = 0
        for place in range(at, end):
            word = word << 8 | byte_at(place)
        return mixed(mixed(state, word, seed), end - at, seed) or 1
    while at + 8 < end:
        state = mixed(state, long_at(at), seed)
        at += 8
    return mixed(mixed(state, long_at(end - 8), seed), end - at, seed) or 1


@kernel
def put_kinds(
    new_keys: NDArray[np.int64], new_kinds: NDArray[np.uint8], keys: NDArray[np.int64], kinds: NDArray[np.uint8]
) -> int:
    """Put names into a table that has room for them; return how many it did not have."""
    added = 0
    mask = len(keys) - 1
    for number in range(len(new_keys)):
        place = new_keys[number] & mask
        while keys[place] != 0 and keys[place] != new_keys[number]:
            place = (place + 1) & mask
        kinds[place] = new_kinds[number]
        added += keys[place] == 0
        # Last, since others look while this goes on.
        keys[place] = new_keys[number]
    return added
