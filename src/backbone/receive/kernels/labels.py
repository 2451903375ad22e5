"""
A hash of a series' labels, as their bytes stand in a request.

The steps are wyhash's: products of 64 by 64 bits, folded. All that is mixed in is secret, so that nobody can send
labels that are taken for others. Source: https://github.com/wangyi-fudan/wyhash, final version 4.
"""

from __future__ import annotations

import numpy as np

from backbone.compiled import kernel
from backbone.compiled.protobuf import Bytes
from backbone.compiled.words import folded, word_at
from backbone.receive.kernels.known import Words

SECRETS = 4
"""How many secret words a hash takes."""


@kernel
def key_of(data: Bytes, at: int, end: int, secret: Words) -> np.uint64:
    """Return the key of a series whose labels stand from *at* to *end*; never 0."""
    size = np.uint64(end - at)
    one, other = secret[0], secret[1] ^ size
    while at + 32 <= end:
        one = folded(word_at(data, at) ^ secret[2], word_at(data, at + 8) ^ one)
        other = folded(word_at(data, at + 16) ^ secret[3], word_at(data, at + 24) ^ other)
        at += 32
    if at + 16 <= end:
        one = folded(word_at(data, at) ^ secret[2], word_at(data, at + 8) ^ one)
        at += 16
    if at < end:
        # Words may overlap those before: the length is mixed in.
        low, high = np.uint64(0), np.uint64(0)
        if size >= np.uint64(16):
            low, high = word_at(data, end - 16), word_at(data, end - 8)
        else:
            for place in range(at, end):
                high = high << np.uint64(8) | low >> np.uint64(56)
                low = low << np.uint64(8) | np.uint64(data[place])
        other = folded(low ^ secret[3], high ^ other)
    return folded(one ^ secret[2], other ^ secret[3]) or np.uint64(1)
