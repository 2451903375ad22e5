"""The messages of remote read, walked through. Source: Prometheus, prompb/remote.proto and types.proto."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from backbone.compiled import kernel
from backbone.compiled.protobuf import LEN, Bytes, field, varint
from backbone.query.promql.arrays import Floats, Index, Times

_RESULTS, _TIME_SERIES = 1, 1
_LABELS, _SAMPLES, _HISTOGRAMS = 1, 2, 4
_SERIES, _PAIRS, _POINTS, _BLOCKS = 0, 1, 2, 3
"""Places in the array of counts."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """
    The series of an answer to one query.

    Shapes: ``pairs`` (label, 4): from and to of the name, from and to of the value; ``histograms`` (histogram, 2): from
    and to of the message. The offsets (series + 1,) say which of them are a series'.
    """

    pairs: Index
    pair_offsets: Index
    times: Times
    values: Floats
    offsets: Index
    histograms: Index
    histogram_offsets: Index


def decode(data: bytes) -> Decoded | None:
    """Return the series in a ``ReadResponse``, None if it is none."""
    content = np.frombuffer(data, np.uint8)
    counts = np.zeros(4, np.int64)
    nothing, none = np.zeros((0, 4), np.int64), np.zeros(0, np.int64)
    if not _walk(content, counts, nothing, none, nothing, none, np.zeros(0), none, none, False):
        return None
    series, pairs, samples, histograms = counts.tolist()
    found = Decoded(
        np.zeros((pairs, 4), np.int64),
        np.zeros(series + 1, np.int64),
        np.zeros(samples, np.int64),
        np.zeros(samples),
        np.zeros(series + 1, np.int64),
        np.zeros((histograms, 4), np.int64),
        np.zeros(series + 1, np.int64),
    )
    counts[:] = 0
    _walk(
        content, counts, found.pairs, found.pair_offsets, found.histograms, found.times, found.values, found.offsets,
        found.histogram_offsets, True,
    )  # fmt: skip
    return found


@kernel
def _walk(
    data: Bytes,
    counts: Index,
    pairs: Index,
    pair_offsets: Index,
    histograms: Index,
    times: Times,
    values: Floats,
    offsets: Index,
    histogram_offsets: Index,
    keep: bool,
) -> bool:
    """Count what is there and, if it is to be kept, keep it; tell whether all of it could be read."""
    outer = 0
    while outer < len(data):
        number, kind, outer_begin, outer = field(data, outer, len(data))
        if number < 0:
            return False
        if number != _RESULTS or kind != LEN:
            continue
        at = outer_begin
        while at < outer:
            number, kind, begin, at = field(data, at, outer)
            if number < 0:
                return False
            if number != _TIME_SERIES or kind != LEN:
                continue
            if not _one_series(data, begin, at, counts, pairs, histograms, times, values, keep):
                return False
            counts[_SERIES] += 1
            if keep:
                pair_offsets[counts[_SERIES]] = counts[_PAIRS]
                offsets[counts[_SERIES]] = counts[_POINTS]
                histogram_offsets[counts[_SERIES]] = counts[_BLOCKS]
    return True


@kernel
def _one_series(
    data: Bytes,
    at: int,
    end: int,
    counts: Index,
    pairs: Index,
    histograms: Index,
    times: Times,
    values: Floats,
    keep: bool,
) -> bool:
    while at < end:
        number, kind, begin, at = field(data, at, end)
        if number < 0:
            return False
        if kind != LEN:
            continue
        if number == _LABELS:
            if not _pair(data, begin, at, pairs, counts[_PAIRS], keep):
                return False
            counts[_PAIRS] += 1
        elif number == _SAMPLES:
            if not _sample(data, begin, at, times, values, counts[_POINTS], keep):
                return False
            counts[_POINTS] += 1
        elif number == _HISTOGRAMS:
            if keep:
                histograms[counts[_BLOCKS], 0] = begin
                histograms[counts[_BLOCKS], 1] = at
            counts[_BLOCKS] += 1
    return True


@kernel
def _pair(data: Bytes, at: int, end: int, pairs: Index, place: int, keep: bool) -> bool:
    while at < end:
        number, kind, begin, at = field(data, at, end)
        if number < 0:
            return False
        if keep and kind == LEN and 1 <= number <= 2:
            pairs[place, 2 * number - 2] = begin
            pairs[place, 2 * number - 1] = at
    return True


@kernel
def _sample(data: Bytes, at: int, end: int, times: Times, values: Floats, place: int, keep: bool) -> bool:
    while at < end:
        number, kind, begin, at = field(data, at, end)
        if number < 0:
            return False
        if not keep:
            continue
        if number == 1 and kind == 1:
            values[place] = data[begin:at].view(np.float64)[0]
        elif number == 2 and kind == 0:
            times[place] = np.int64(varint(data, begin, at)[0])
    return True
