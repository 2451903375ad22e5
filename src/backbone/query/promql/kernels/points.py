"""Points as Prometheus' JSON has them: ``[1435781451.781,"0.5"],``, written from numbers that orjson has printed."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import orjson
from numpy.typing import NDArray

from backbone.compiled import kernel
from backbone.query.promql.arrays import Floats, Times

Bytes = NDArray[np.uint8]

_LONGEST = 64
"""Bytes of the longest point: a time, a number of up to 25 characters, and what is around them."""
_NAN = np.frombuffer(b"NaN", np.uint8)
_PLUS_INF = np.frombuffer(b"+Inf", np.uint8)
_MINUS_INF = np.frombuffer(b"-Inf", np.uint8)


def print_points(times: Times, values: Floats, offsets: Times) -> list[bytes]:
    """Return the points of each series, each with a comma after it."""
    if not len(values):
        return [b""] * (len(offsets) - 1)
    printed = np.frombuffer(orjson.dumps(np.ascontiguousarray(values), option=orjson.OPT_SERIALIZE_NUMPY), np.uint8)
    out = np.empty(len(values) * 24 + len(printed) + _LONGEST, np.uint8)
    ends = np.zeros(len(offsets), np.int64)
    _print(printed, times, values, offsets, out, ends, _NAN, _PLUS_INF, _MINUS_INF)
    bounds = ends.tolist()
    return [out[begin:end].tobytes() for begin, end in pairwise(bounds)]


@kernel
def _print(
    printed: Bytes,
    times: Times,
    values: Floats,
    offsets: Times,
    out: Bytes,
    ends: Times,
    nan: Bytes,
    plus: Bytes,
    minus: Bytes,
) -> None:
    at = 1
    end = 0
    for series in range(len(offsets) - 1):
        for point in range(offsets[series], offsets[series + 1]):
            stop = at
            while printed[stop] != 44 and printed[stop] != 93:
                stop += 1
            out[end] = 91
            end = _time(times[point], out, end + 1)
            out[end] = 44
            out[end + 1] = 34
            end += 2
            value = values[point]
            if math.isnan(value):
                end = _copy(nan, 0, len(nan), out, end)
            elif math.isinf(value):
                end = _copy(plus if value > 0 else minus, 0, 4, out, end)
            else:
                end = _number(printed, at, stop, out, end)
            out[end] = 34
            out[end + 1] = 93
            out[end + 2] = 44
            end += 3
            at = stop + 1
        ends[series + 1] = end


@kernel
def _copy(source: Bytes, begin: int, stop: int, out: Bytes, end: int) -> int:
    for at in range(begin, stop):
        out[end] = source[at]
        end += 1
    return end


@kernel
def _time(milliseconds: int, out: Bytes, end: int) -> int:
    """Write a time in seconds, with three decimals where it is not a whole one."""
    if milliseconds < 0:
        out[end] = 45
        end += 1
        milliseconds = -milliseconds
    seconds = milliseconds // 1000
    size = 1
    rest = seconds
    while rest >= 10:
        rest //= 10
        size += 1
    for place in range(size):
        out[end + size - 1 - place] = 48 + seconds % 10
        seconds //= 10
    end += size
    fraction = milliseconds % 1000
    if fraction:
        out[end] = 46
        out[end + 1] = 48 + fraction // 100
        out[end + 2] = 48 + fraction // 10 % 10
        out[end + 3] = 48 + fraction % 10
        end += 4
    return end


@kernel
def _number(printed: Bytes, begin: int, stop: int, out: Bytes, end: int) -> int:
    """Write a number as Go does: no ``.0``, and an exponent only below 1e-6 and from 1e21 on."""
    mark = -1
    for at in range(begin, stop):
        if printed[at] == 101:
            mark = at
    if mark < 0:
        if stop - begin > 2 and printed[stop - 1] == 48 and printed[stop - 2] == 46:
            stop -= 2
        return _copy(printed, begin, stop, out, end)
    exponent = 0
    for at in range(mark + 1, stop):
        if 48 <= printed[at] <= 57:
            exponent = exponent * 10 + printed[at] - 48
    if printed[mark + 1] == 45:
        exponent = -exponent
    if exponent > 20 or exponent < -9:
        return _copy(printed, begin, stop, out, end)
    if exponent < -6:
        # Go gives exponents at least two digits.
        end = _copy(printed, begin, stop - 1, out, end)
        out[end] = 48
        out[end + 1] = printed[stop - 1]
        return end + 2
    return _written_out(printed, begin, mark, exponent, out, end)


@kernel
def _written_out(printed: Bytes, begin: int, mark: int, exponent: int, out: Bytes, end: int) -> int:
    """Write a mantissa with one digit before its point without the exponent that follows it."""
    if printed[begin] == 45:
        out[end] = 45
        end += 1
        begin += 1
    if exponent < 0:
        out[end] = 48
        out[end + 1] = 46
        end += 2
        for _ in range(-exponent - 1):
            out[end] = 48
            end += 1
    digits = 0
    for at in range(begin, mark):
        if printed[at] == 46:
            continue
        if exponent >= 0 and digits == exponent + 1:
            out[end] = 46
            end += 1
        out[end] = printed[at]
        end += 1
        digits += 1
    for _ in range(digits, exponent + 1):
        out[end] = 48
        end += 1
    return end
