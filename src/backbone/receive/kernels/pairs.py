"""What is known of names and pairs of attributes before a request is seen. Places are addresses."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from backbone.compiled import kernel
from backbone.compiled.memory import byte_at, long_at, put_long
from backbone.model.scrubbing import Kind
from backbone.receive.kernels.names import key_of
from backbone.receive.kernels.suspect import INTEGERS, NOTHING, suspicion

PLAIN_PAIRS = 1 << 13
_WIDEST_PAIR = 64
"""Bytes of a pair that are looked up."""
_TEXT_TAG, _VALUE_TAG, _INT_TAG, _SHORT_NUMBER = 0x0A, 0x12, 0x18, 6
"""Tags of a name and of a value that is a text, of a pair's value, of an integer; how many bytes a small one has."""
_SAYS_NOTHING = int(Kind.ANY)


class Known(NamedTuple):
    """
    What is known before a request is seen, all of it by address.

    Attributes:
        shapes: what each field holds, 32 bytes for each message.
        tables, besides: what makes a text suspicious, see `backbone.receive.kernels.suspect`.
        keys, kinds, places, seed: a table with open places of names, hashed with the seed: eight bytes for each key,
            one byte for what it says of its value.
        plain: a place for each of `PLAIN_PAIRS` hashes of pairs in which nothing was found.
    """

    shapes: int
    tables: int
    besides: int
    keys: int
    kinds: int
    places: int
    seed: int
    plain: int


@kernel
def said_of(begin: int, end: int, known: Known) -> tuple[int, int]:
    """Return what a name says of its value, -1 if that is not known, and the name's key."""
    key = key_of(begin, end, known.seed)
    mask = known.places - 1
    place = key & mask
    while True:
        there = long_at(known.keys + 8 * place)
        if there == key:
            return byte_at(known.kinds + place), key
        if there == 0:
            return -1, key
        place = (place + 1) & mask


@kernel
def find_suspicious(data: int, names: NDArray[np.int64], tables: int, besides: int, out: NDArray[np.bool_]) -> None:
    """Tell which names are suspicious themselves; they stand in *data* where the first two numbers of each row say."""
    for name in range(len(names)):
        begin, end = data + names[name, 0], data + names[name, 1]
        out[name] = suspicion(begin, end, tables, besides, False) != NOTHING


@kernel
def is_plain(at: int, end: int, known: Known) -> bool:
    """
    Tell whether a pair is a name that says nothing and a short text or a number in which there is nothing.

    Most pairs come again and again, and are known by a hash, of which as little can be worked out as of names'.
    """
    if end - at > _WIDEST_PAIR:
        return _is_found_plain(at, end, known)
    key = key_of(at, end, known.seed)
    place = known.plain + 8 * (key & (PLAIN_PAIRS - 1))
    if long_at(place) == key:
        return True
    if not _is_found_plain(at, end, known):
        return False
    put_long(place, key)
    return True


@kernel
def _is_found_plain(at: int, end: int, known: Known) -> bool:
    if at + 4 > end or byte_at(at) != _TEXT_TAG or byte_at(at + 1) >= 0x80:
        return False
    name_end = at + 2 + byte_at(at + 1)
    value = name_end + 2
    if value + 2 > end or byte_at(name_end) != _VALUE_TAG or byte_at(name_end + 1) != end - value:
        return False
    is_text = byte_at(value) == _TEXT_TAG and byte_at(value + 1) == end - value - 2
    is_number = byte_at(value) == _INT_TAG and end - value <= _SHORT_NUMBER and not known.besides & INTEGERS
    if not is_text and not is_number:
        return False
    kind, _ = said_of(at + 2, name_end, known)
    if kind != _SAYS_NOTHING:
        return False
    return is_number or suspicion(value + 2, end, known.tables, known.besides, False) == NOTHING
