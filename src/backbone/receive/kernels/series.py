"""
A remote-write request, parted: samples of series that are known, as columns, and all else, as it came.

Source: Prometheus, prompb/remote.proto and types.proto (remote write 1.0).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from backbone.compiled import kernel
from backbone.compiled.protobuf import FIXED64, LEN, VARINT, Bytes, field, varint

Words = NDArray[np.uint64]
Numbers = NDArray[np.int64]

FIRST_FINGERPRINT = 16
"""Smaller ones say why a series is left out."""
MALFORMED, NO_ROOM = -1, -2
SAMPLES, OTHERS, LEFT_OUT = 0, 1, 2
"""Places in the array of counts; from `LEFT_OUT` on there is one for each reason, up to `FIRST_FINGERPRINT`."""
KEY_BYTES = 10
"""What a series that is not known gets appended: field 1002, eight bytes."""

_TIME_SERIES = 1
_LABELS, _SAMPLES = 1, 2
_VALUE, _TIME = 1, 2
_DAY_MS = 86_400_000


@kernel
def _rotated(word: np.uint64, bits: int) -> np.uint64:
    return (word << np.uint64(bits)) | (word >> np.uint64(64 - bits))


@kernel
def _word(data: Bytes, at: int) -> np.uint64:
    return (
        np.uint64(data[at])
        | np.uint64(data[at + 1]) << np.uint64(8)
        | np.uint64(data[at + 2]) << np.uint64(16)
        | np.uint64(data[at + 3]) << np.uint64(24)
        | np.uint64(data[at + 4]) << np.uint64(32)
        | np.uint64(data[at + 5]) << np.uint64(40)
        | np.uint64(data[at + 6]) << np.uint64(48)
        | np.uint64(data[at + 7]) << np.uint64(56)
    )


@kernel
def _mixed(state: np.uint64, word: np.uint64) -> np.uint64:
    word = _rotated(word * np.uint64(0x87C37B91114253D5), 31) * np.uint64(0x4CF5AD432745937F)
    return _rotated(state ^ word, 27) * np.uint64(5) + np.uint64(0x52DCE729)


@kernel
def _hashed(data: Bytes, at: int, end: int, state: np.uint64) -> np.uint64:
    """Take bytes into a hash; the steps are MurmurHash3's, over words of 64 bits, the length first."""
    state = _mixed(state, np.uint64(end - at))
    while at + 8 <= end:
        state = _mixed(state, _word(data, at))
        at += 8
    last = np.uint64(0)
    shift = 0
    while at < end:
        last |= np.uint64(data[at]) << np.uint64(shift)
        shift += 8
        at += 1
    return _mixed(state, last) if shift else state


@kernel
def _finished(state: np.uint64) -> np.uint64:
    state ^= state >> np.uint64(33)
    state *= np.uint64(0xFF51AFD7ED558CCD)
    state ^= state >> np.uint64(33)
    state *= np.uint64(0xC4CEB9FE1A85EC53)
    state ^= state >> np.uint64(33)
    return state or np.uint64(1)


@kernel
def place_of(key: np.uint64, keys: Words) -> int:
    """Return where a key stands in an open table, or the free place where it would."""
    mask = len(keys) - 1
    place = np.int64(key & np.uint64(mask))
    while keys[place] != np.uint64(0) and keys[place] != key:
        place = (place + 1) & mask
    return int(place)


@kernel
def part(
    data: Bytes,
    seed: np.uint64,
    keys: Words,
    fps: Words,
    days: Numbers,
    out_fps: Words,
    out_times: Numbers,
    out_values: Words,
    others: Numbers,
    other_keys: Words,
    counts: Numbers,
) -> int:
    """
    Part a request; return 0, `MALFORMED`, or `NO_ROOM` where the arrays are too short for it.

    Args:
        data: the request.
        seed: where the keys of its tenant's series begin.
        keys, fps, days: the table of known series: a key's fingerprint, and the day its labels were last written.
        out_fps, out_times, out_values: samples of known series, values as their bits.
        others: all else, (field, 3): where it begins and ends, and whether it is a series.
        other_keys: the keys of the series among them, 0 of those that cannot become known.
        counts: what was found; zeros before.
    """
    at, end = 0, len(data)
    while at < end:
        start = at
        number, kind, begin, at = field(data, at, end)
        if number < 0:
            return MALFORMED
        key = np.uint64(0)
        is_series = number == _TIME_SERIES and kind == LEN
        if is_series:
            status, key = _series(data, begin, at, seed, keys, fps, days, out_fps, out_times, out_values, counts)
            if status == 1:
                continue
            if status < 0:
                return status
        other = counts[OTHERS]
        if other == len(others):
            return NO_ROOM
        others[other, 0] = begin if is_series else start
        others[other, 1] = at
        others[other, 2] = 1 if is_series else 0
        other_keys[other] = key
        counts[OTHERS] = other + 1
    return 0


@kernel
def _series(
    data: Bytes,
    at: int,
    end: int,
    seed: np.uint64,
    keys: Words,
    fps: Words,
    days: Numbers,
    out_fps: Words,
    out_times: Numbers,
    out_values: Words,
    counts: Numbers,
) -> tuple[int, np.uint64]:
    """Return 1 if the series is known and its samples are out, 0 if not, and its key; or what is wrong."""
    first = counts[SAMPLES]
    count = first
    state = seed
    plain = True
    while at < end:
        # Nearly all fields are short messages, whose two bytes of tag and length need no loop.
        if at + 2 <= end and data[at + 1] < 0x80 and data[at] == _LABELS << 3 | LEN and at + 2 + data[at + 1] <= end:
            begin = at + 2
            at = begin + int(data[at + 1])
            state = _hashed(data, begin, at, state)
            continue
        number, kind, begin, at = field(data, at, end)
        if number < 0:
            return MALFORMED, np.uint64(0)
        if number == _LABELS and kind == LEN:
            state = _hashed(data, begin, at, state)
        elif number == _SAMPLES and kind == LEN:
            if count == len(out_fps):
                return NO_ROOM, np.uint64(0)
            plain = _sample(data, begin, at, out_times, out_values, count) and plain
            count += 1
        else:
            plain = False
    if not plain or count == first:
        return 0, np.uint64(0)
    key = _finished(state)
    place = place_of(key, keys)
    if keys[place] != key or not _on_day(out_times, first, count, days[place]):
        return 0, key
    fp = fps[place]
    if fp < np.uint64(FIRST_FINGERPRINT):
        counts[LEFT_OUT + np.int64(fp)] += count - first
        return 1, key
    for sample in range(first, count):
        out_fps[sample] = fp
    counts[SAMPLES] = count
    return 1, key


@kernel
def _on_day(times: Numbers, first: int, end: int, day: int) -> bool:
    for sample in range(first, end):
        if times[sample] < 0 or times[sample] // _DAY_MS != day:
            return False
    return True


@kernel
def _sample(data: Bytes, at: int, end: int, times: Numbers, values: Words, place: int) -> bool:
    """Read a sample; tell whether it is one, and nothing besides."""
    times[place] = 0
    values[place] = np.uint64(0)
    # A value and a time, as Prometheus writes them.
    if at + 10 < end and data[at] == _VALUE << 3 | FIXED64 and data[at + 9] == _TIME << 3 | VARINT:
        time, stop = varint(data, at + 10, end)
        if stop == end:
            values[place] = _word(data, at + 1)
            times[place] = np.int64(time)
            return True
    while at < end:
        number, kind, begin, at = field(data, at, end)
        if number == _VALUE and kind == FIXED64:
            values[place] = _word(data, begin)
        elif number == _TIME and kind == VARINT:
            times[place] = np.int64(varint(data, begin, at)[0])
        else:
            return False
    return True


@kernel
def _put_varint(value: int, out: Bytes, at: int) -> int:
    while value > 0x7F:
        out[at] = value & 0x7F | 0x80
        value >>= 7
        at += 1
    out[at] = value
    return at + 1


@kernel
def gather(data: Bytes, others: Numbers, other_keys: Words, count: int, out: Bytes) -> int:
    """Put the first *count* others together to a request, the series among them with their keys; return its length."""
    at = 0
    for other in range(count):
        begin, end = others[other, 0], others[other, 1]
        if others[other, 2]:
            out[at] = _TIME_SERIES << 3 | LEN
            at = _put_varint(end - begin + KEY_BYTES, out, at + 1)
        for byte in range(begin, end):
            out[at] = data[byte]
            at += 1
        if others[other, 2]:
            # Field 1002, of eight bytes; it comes last, so one that a sender put there does not count.
            out[at], out[at + 1] = 0xD1, 0x3E
            for byte in range(8):
                out[at + 2 + byte] = np.uint8(other_keys[other] >> np.uint64(8 * byte) & np.uint64(0xFF))
            at += KEY_BYTES
    return at


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
