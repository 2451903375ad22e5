"""
Columns as the engine's Native format has them, written from tables of places, see `backbone.receive.kernels.shred`.

Texts stand one after the other, each after its length. Source: ClickHouse, src/DataTypes/Serializations.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from backbone.compiled import kernel
from backbone.compiled.memory import byte_at, copy_bytes, long_at, put_byte, put_long
from backbone.receive.kernels.anyvalue import KINDS, STRING, most_bytes, put_json_string, put_value
from backbone.receive.kernels.names import key_of, mixed

Numbers = NDArray[np.int64]
Bytes = NDArray[np.uint8]

MOST_LENGTH = 5
"""Bytes that the length of a text takes at most."""
TEXT_NUMBERS, TEXT_BYTES = 4, 32
"""What is known of a text, see `Names`."""
_MOST_KIND = 1 + 5 + max(map(len, KINDS))
"""Bytes that a kind takes at most in a JSON object, besides its name's."""
_KNOWN_LISTS = 256
_KIND_TEXTS = np.frombuffer(b"".join(f':"{kind}"'.encode().ljust(_MOST_KIND, b" ") for kind in KINDS), np.uint8).copy()
_KIND_SIZES = np.array([len(kind) + 3 for kind in KINDS], np.int64)


class Names(NamedTuple):
    """
    Texts that are there again and again, each once; all by address, numbers of eight bytes.

    Attributes:
        places: the number of the text that has a place, plus one; 0 is free.
        room: how many places there are, a power of two; texts may be half as many.
        texts: where each text begins and ends, its hash, and which text came after it last, plus one.
        counted: how many texts there are.
        seed: what they are hashed with.
    """

    places: int
    room: int
    texts: int
    counted: int
    seed: int


@kernel
def _same(one: int, other: int, size: int) -> bool:
    place = 0
    while place + 8 <= size:
        if long_at(one + place) != long_at(other + place):
            return False
        place += 8
    while place < size:
        if byte_at(one + place) != byte_at(other + place):
            return False
        place += 1
    return True


@kernel
def number_of(begin: int, end: int, names: Names) -> int:
    """Return the number of a text, a new one if it has none; -1 if there is no room for it."""
    key = key_of(begin, end, names.seed)
    mask = names.room - 1
    place = key & mask
    while True:
        number = long_at(names.places + 8 * place) - 1
        if number < 0:
            break
        text = names.texts + TEXT_BYTES * number
        if long_at(text + 16) == key:
            there = long_at(text)
            if long_at(text + 8) - there == end - begin and _same(there, begin, end - begin):
                return number
        place = (place + 1) & mask
    number = long_at(names.counted)
    if 2 * number >= names.room:
        return -1
    put_long(names.places + 8 * place, number + 1)
    text = names.texts + TEXT_BYTES * number
    put_long(text, begin)
    put_long(text + 8, end)
    put_long(text + 16, key)
    put_long(text + 24, 0)
    put_long(names.counted, number + 1)
    return number


@kernel
def _followed(before: int, begin: int, end: int, names: Names) -> int:
    """Return the number of the text that came after another last, if this is the same; -1 otherwise."""
    number = long_at(names.texts + TEXT_BYTES * before + 24) - 1
    if number >= 0:
        text = names.texts + TEXT_BYTES * number
        there = long_at(text)
        if long_at(text + 8) - there == end - begin and _same(there, begin, end - begin):
            return number
    return -1


@kernel
def put_places(names: Names) -> None:
    """Give all texts a place, in a table that has room for them."""
    mask = names.room - 1
    for number in range(long_at(names.counted)):
        place = long_at(names.texts + TEXT_BYTES * number + 16) & mask
        while long_at(names.places + 8 * place) != 0:
            place = (place + 1) & mask
        put_long(names.places + 8 * place, number + 1)


@kernel
def number_texts(rows: NDArray[np.int64], column: int, first: int, names: Names, out: NDArray[np.int32]) -> int:
    """Write the number of each row's text, from the *first* row on; return how far there was room."""
    # Attributes come in the same order again and again, so what came after a name last is looked at first.
    before = -1
    for row in range(first, len(rows)):
        begin, end = rows[row, column], rows[row, column + 1]
        number = -1
        if before >= 0:
            number = _followed(before, begin, end, names)
        if number < 0:
            number = number_of(begin, end, names)
            if number < 0:
                return row
            if before >= 0:
                put_long(names.texts + TEXT_BYTES * before + 24, number + 1)
        out[row] = before = number
    return len(rows)


@kernel
def find_renamed(
    keys: NDArray[np.int32], becomes: NDArray[np.int32], there: NDArray[np.bool_], out: NDArray[np.int64]
) -> int:
    """Mark which names are *there*, write the rows of those that become others, and return how many these are."""
    count = 0
    for row in range(len(keys)):
        key = keys[row]
        there[key] = True
        if becomes[key] != key:
            out[count] = row
            count += 1
    return count


@kernel
def rename(
    rows: NDArray[np.int64],
    column: int,
    chosen: NDArray[np.int64],
    ids: NDArray[np.int32],
    names: Names,
    keys: NDArray[np.int32],
) -> None:
    """Make the texts of these *ids* the names of the *chosen* rows; *keys* are the numbers of all rows' names."""
    for number in range(len(chosen)):
        row, text = chosen[number], names.texts + TEXT_BYTES * ids[number]
        rows[row, column], rows[row, column + 1] = long_at(text), long_at(text + 8)
        keys[row] = ids[number]


@kernel
def put_kinds(rows: NDArray[np.int64], column: int, first: int, last: int, at: int) -> int:
    """Write a JSON object of the names of those rows whose values are no strings, and their kinds; return its end."""
    begin = at
    for row in range(first, last):
        what = rows[row, column + 2]
        if what == STRING:
            continue
        put_byte(at, 0x7B if at == begin else 0x2C)
        at = put_json_string(rows[row, column], rows[row, column + 1], at + 1)
        for place in range(_MOST_KIND * what, _MOST_KIND * what + _KIND_SIZES[what]):
            put_byte(at, _KIND_TEXTS[place])
            at += 1
    if at > begin:
        put_byte(at, 0x7D)
        at += 1
    return at


@kernel
def kinds_size(rows: NDArray[np.int64], column: int) -> int:
    """Return how many bytes all `put_kinds` of a table write at most."""
    size = 0
    for row in range(len(rows)):
        if rows[row, column + 2] != STRING:
            size += 6 * (rows[row, column + 1] - rows[row, column]) + _MOST_KIND + 4
    return int(size)


@kernel
def _kinds_hash(rows: NDArray[np.int64], column: int, keys: NDArray[np.int32], first: int, last: int, seed: int) -> int:
    state = seed
    for row in range(first, last):
        what = rows[row, column + 2]
        if what != STRING:
            state = mixed(state, int(keys[row]) << 3 | what, seed)
    return state or 1


@kernel
def put_lines(rows: NDArray[np.int64], column: int, first: int, last: int, at: int) -> int:
    """Write the names of those rows, a line each; return their end."""
    for row in range(first, last):
        if row > first:
            put_byte(at, 0x0A)
            at += 1
        begin, end = rows[row, column], rows[row, column + 1]
        copy_bytes(at, begin, end - begin)
        at += end - begin
    return at


@kernel
def _lines_hash(keys: NDArray[np.int32], first: int, last: int, seed: int) -> int:
    state = seed
    for row in range(first, last):
        state = mixed(state, int(keys[row]), seed)
    return state or 1


@kernel
def number_lists(
    rows: NDArray[np.int64],
    column: int,
    keys: NDArray[np.int32],
    ends: Numbers,
    progress: tuple[int, int],
    names: Names,
    kinds: bool,
    out: NDArray[np.int32],
) -> tuple[int, int]:
    """
    Write the number of each owner's `put_kinds`, or of its `put_lines`.

    Args:
        rows: attributes; their names stand from *column* on, their values after them.
        keys: the numbers of the names.
        ends: where the attributes of each owner end.
        progress: the owner to begin with, and where there is room for texts, which stay there.
        kinds: whether it is kinds.

    Returns how far there was room among the names, and where there is room now.
    """
    owner, at = progress
    # Few lists of names and kinds are there again and again: of each its hash, and its number.
    hashes, numbers = np.zeros(_KNOWN_LISTS, np.int64), np.zeros(_KNOWN_LISTS, np.int64)
    while owner < len(ends):
        first, last = ends[owner - 1] if owner else 0, ends[owner]
        if kinds:
            key = _kinds_hash(rows, column, keys, first, last, names.seed)
        else:
            key = _lines_hash(keys, first, last, names.seed)
        place = key & _KNOWN_LISTS - 1
        number = numbers[place]
        if hashes[place] != key:
            end = put_kinds(rows, column, first, last, at) if kinds else put_lines(rows, column, first, last, at)
            number = number_of(at, end, names)
            if number < 0:
                break
            # One that was there before is not kept a second time.
            if long_at(names.texts + TEXT_BYTES * number) == at:
                at = end
            hashes[place], numbers[place] = key, number
        out[owner] = number
        owner += 1
    return owner, at


@kernel
def _put_length(size: int, at: int) -> int:
    while size > 0x7F:
        put_byte(at, size & 0x7F | 0x80)
        size >>= 7
        at += 1
    put_byte(at, size)
    return at + 1


@kernel
def texts_size(rows: NDArray[np.int64], column: int) -> int:
    """Return how many bytes `put_texts` writes at most."""
    size = MOST_LENGTH * len(rows)
    for row in range(len(rows)):
        size += rows[row, column + 1] - rows[row, column]
    return int(size)


@kernel
def put_texts(rows: NDArray[np.int64], column: int, at: int) -> int:
    """Write each row's text; return where they end."""
    for row in range(len(rows)):
        begin, end = rows[row, column], rows[row, column + 1]
        at = _put_length(end - begin, at)
        copy_bytes(at, begin, end - begin)
        at += end - begin
    return at


@kernel
def put_sized(rows: NDArray[np.int64], column: int, size: int, at: int) -> None:
    """Write each row's text, which takes *size* bytes or none; of the latter zeros."""
    for row in range(len(rows)):
        begin, end = rows[row, column], rows[row, column + 1]
        if end - begin == size:
            copy_bytes(at, begin, size)
        else:
            for place in range(size):
                put_byte(at + place, 0)
        at += size


@kernel
def values_size(rows: NDArray[np.int64], column: int) -> int:
    """Return how many bytes `put_values` writes at most."""
    size = MOST_LENGTH * len(rows)
    for row in range(len(rows)):
        size += most_bytes(rows[row, column], rows[row, column + 1], rows[row, column + 2])
    return int(size)


@kernel
def put_values(rows: NDArray[np.int64], column: int, depth: int, begin: int, ends: Numbers) -> int:
    """Write the text of each row's value, and where it ends, counted from the first one's beginning; return the end."""
    at = begin
    for row in range(len(rows)):
        what, first, last = rows[row, column], rows[row, column + 1], rows[row, column + 2]
        if what == STRING:
            at = _put_length(last - first, at)
            copy_bytes(at, first, last - first)
            at += last - first
        else:
            # The length comes before, and is known after: most take one byte.
            end = put_value(what, first, last, depth, at + 1)
            size = end - at - 1
            if size > 0x7F:
                end = put_value(what, first, last, depth, _put_length(size, at))
            else:
                put_byte(at, size)
            at = end
        ends[row] = at - begin
    return at


@kernel
def localize(numbers: NDArray[np.int32], seen: NDArray[np.int32], used: NDArray[np.int32]) -> int:
    """
    Number texts anew by those that are there.

    Args:
        numbers: of texts among all, and afterwards among those that are used.
        seen: -1 for each text.
        used: becomes the numbers of those that are used; returned is how many there are.
    """
    count = 0
    for row in range(len(numbers)):
        number = numbers[row]
        if seen[number] < 0:
            seen[number] = count
            used[count] = number
            count += 1
        numbers[row] = seen[number]
    return count


@kernel
def put_names(names: Names, used: NDArray[np.int32], at: int) -> int:
    """Write those texts; return where they end."""
    for number in used:
        text = names.texts + TEXT_BYTES * number
        begin, end = long_at(text), long_at(text + 8)
        at = _put_length(end - begin, at)
        copy_bytes(at, begin, end - begin)
        at += end - begin
    return at


@kernel
def repeat(data: int, ends: Numbers, owners: Numbers, at: int) -> None:
    """Write the bytes of each row's owner, where *ends* tells where those of each owner end."""
    for row in range(len(owners)):
        owner = owners[row]
        begin = ends[owner - 1] if owner else 0
        copy_bytes(at, data + begin, ends[owner] - begin)
        at += ends[owner] - begin
