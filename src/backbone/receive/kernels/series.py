"""
A remote-write request, parted: samples of series that are known, as columns, and all else, as it came.

A series is known by the bytes of its labels as they stand in the request. Nearly all series come with one sample, whose
bytes have a fixed length, so where labels end is known before they are looked at; if their hash is known, too, they
were once looked through, and need not be again.

Source: Prometheus, prompb/remote.proto and types.proto (remote write 1.0).
"""

from __future__ import annotations

import numpy as np

from backbone.compiled import kernel
from backbone.compiled.protobuf import FIXED64, LEN, VARINT, Bytes, field, put_varint, varint
from backbone.compiled.words import word_at
from backbone.receive.kernels.known import Columns, Numbers, Table, Words, place_of
from backbone.receive.kernels.labels import key_of

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
_LAST_DAY = 47_482
"""Of what is stored: the first of the year 2100."""
_NO_DAY = -1

_SAMPLE_BYTES = 18
"""A sample as a field: tag and length, a tag and eight bytes of value, a tag and six bytes of time."""
_SAMPLE_HEAD = np.uint64(0x091012)
"""The first three of these bytes, as a number."""
_TIME_MASK, _TIME_HEAD = np.uint64(0x8080_8080_8080_FF00), np.uint64(0x0080_8080_8080_1000)
"""What stands before a time of six bytes, and which of them say that another one follows."""


@kernel
def part(
    data: Bytes, secret: Words, known: Table, out: Columns, others: Numbers, other_keys: Words, counts: Numbers
) -> int:
    """
    Part a request; return 0, `MALFORMED`, or `NO_ROOM` where the arrays are too short for it.

    Args:
        data: the request.
        secret: what the keys of its tenant's series are made with.
        known: the table of known series: keys, fingerprints, and the days their labels were last written.
        out: samples of known series: fingerprints, times, values as their bits.
        others: all else, (field, 4): where it begins and ends, whether it is a series, and on which day, -1 if on none.
        other_keys: the keys of the series among them, 0 of those that cannot become known.
        counts: what was found; zeros before.
    """
    at, end = 0, len(data)
    while at < end:
        start = at
        number, kind, begin, at = _entry(data, at, end)
        if number < 0:
            return MALFORMED
        key, day = np.uint64(0), _NO_DAY
        is_series = number == _TIME_SERIES and kind == LEN
        if is_series:
            if _single(data, begin, at, secret, known, out, counts):
                continue
            status, key, day = _series(data, begin, at, secret, known, out, counts)
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
        others[other, 3] = day
        other_keys[other] = key
        counts[OTHERS] = other + 1
    return 0


@kernel
def _entry(data: Bytes, at: int, end: int) -> tuple[int, int, int, int]:
    """Return what `field` does; of series of usual size without its loops."""
    if at + 3 <= end and data[at] == _TIME_SERIES << 3 | LEN:
        low, high = int(data[at + 1]), int(data[at + 2])
        if low < 0x80:
            begin, stop = at + 2, at + 2 + low
        else:
            begin, stop = at + 3, at + 3 + (low & 0x7F | high << 7)
        if (low < 0x80 or high < 0x80) and stop <= end:
            return _TIME_SERIES, LEN, begin, stop
    number, kind, begin, stop = field(data, at, end)
    return number, kind, begin, stop


@kernel
def _single(data: Bytes, begin: int, end: int, secret: Words, known: Table, out: Columns, counts: Numbers) -> bool:
    """Tell whether this is a known series with a sample of the usual length, which is out then."""
    at = end - _SAMPLE_BYTES
    if at < begin or word_at(data, at) & np.uint64(0xFFFFFF) != _SAMPLE_HEAD:
        return False
    last = word_at(data, end - 8)
    if last & _TIME_MASK != _TIME_HEAD:
        return False
    place = counts[SAMPLES]
    if place == len(out[0]):
        return False
    time = _time(last)
    fp = _fingerprint(known, key_of(data, begin, at, secret), time // _DAY_MS)
    if fp < np.uint64(FIRST_FINGERPRINT):
        if fp != np.uint64(0):
            counts[LEFT_OUT + np.int64(fp)] += 1
        return bool(fp != np.uint64(0))
    out[0][place], out[1][place], out[2][place] = fp, time, word_at(data, at + 3)
    counts[SAMPLES] = place + 1
    return True


@kernel
def _time(last: np.uint64) -> int:
    """Return the time of which six bytes stand at the end of a word."""
    sevens = last >> np.uint64(16) & np.uint64(0x7F7F_7F7F_7F7F)
    pairs = sevens & np.uint64(0x007F_007F_007F) | (sevens & np.uint64(0x7F00_7F00_7F00)) >> np.uint64(1)
    part = np.uint64(0x3FFF)
    time = pairs & part | (pairs >> np.uint64(16) & part) << np.uint64(14) | (pairs >> np.uint64(32)) << np.uint64(28)
    return int(time)


@kernel
def _fingerprint(known: Table, key: np.uint64, day: int) -> np.uint64:
    """Return what a series' samples are stored under, 0 if it is not known or was not written on the day."""
    place = place_of(key, known[0])
    if known[0][place] != key or known[2][place] != day:
        return np.uint64(0)
    return np.uint64(known[1][place])


@kernel
def _series(
    data: Bytes, at: int, end: int, secret: Words, known: Table, out: Columns, counts: Numbers
) -> tuple[int, np.uint64, int]:
    """Return 1 if the series is known and its samples are out, 0 if not; its key and day; or what is wrong."""
    begin, labels_end = at, at
    first = counts[SAMPLES]
    count = first
    plain = True
    while at < end:
        number, kind, content, at = field(data, at, end)
        if number < 0:
            return MALFORMED, np.uint64(0), _NO_DAY
        if number == _LABELS and kind == LEN and count == first:
            labels_end = at
        elif number == _SAMPLES and kind == LEN:
            if count == len(out[0]):
                return NO_ROOM, np.uint64(0), _NO_DAY
            plain = _sample(data, content, at, out[1], out[2], count) and plain
            count += 1
        else:
            plain = False
    if not plain or count == first:
        return 0, np.uint64(0), _NO_DAY
    key, day = key_of(data, begin, labels_end, secret), _day(out[1], first, count)
    fp = _fingerprint(known, key, day)
    if fp == np.uint64(0) or day == _NO_DAY:
        return 0, key, day
    if fp < np.uint64(FIRST_FINGERPRINT):
        counts[LEFT_OUT + np.int64(fp)] += count - first
        return 1, key, day
    out[0][first:count] = fp
    counts[SAMPLES] = count
    return 1, key, day


@kernel
def _day(times: Numbers, first: int, end: int) -> int:
    """Return the day that all times are on, -1 if there is none, or none that is stored."""
    day = times[first] // _DAY_MS
    for sample in range(first, end):
        if times[sample] // _DAY_MS != day:
            return _NO_DAY
    return day if 0 <= day < _LAST_DAY else _NO_DAY


@kernel
def _sample(data: Bytes, at: int, end: int, times: Numbers, values: Words, place: int) -> bool:
    """Read a sample; tell whether it is one, and nothing besides."""
    times[place] = 0
    values[place] = np.uint64(0)
    while at < end:
        number, kind, begin, at = field(data, at, end)
        if number == _VALUE and kind == FIXED64:
            values[place] = word_at(data, begin)
        elif number == _TIME and kind == VARINT:
            times[place] = np.int64(varint(data, begin, at)[0])
        else:
            return False
    return True


@kernel
def gather(data: Bytes, others: Numbers, other_keys: Words, out: Bytes) -> int:
    """Put others together to a request, those of the series among them that have a key with it; return its length."""
    at = 0
    for other in range(len(others)):
        begin, end = others[other, 0], others[other, 1]
        key_bytes = KEY_BYTES if others[other, 2] and len(other_keys) else 0
        if others[other, 2]:
            out[at] = _TIME_SERIES << 3 | LEN
            at = put_varint(end - begin + key_bytes, out, at + 1)
        for byte in range(begin, end):
            out[at] = data[byte]
            at += 1
        if key_bytes:
            # Field 1002, of eight bytes; it comes last, so one that a sender put there does not count.
            out[at], out[at + 1] = 0xD1, 0x3E
            for byte in range(8):
                out[at + 2 + byte] = np.uint8(other_keys[other] >> np.uint64(8 * byte) & np.uint64(0xFF))
            at += KEY_BYTES
    return at
