"""Protobuf's wire format, walked through field by field. Source: https://protobuf.dev/programming-guides/encoding/"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from backbone.compiled import kernel

Bytes = NDArray[np.uint8]

VARINT, FIXED64, LEN, FIXED32 = 0, 1, 2, 5
"""Kinds of fields."""


@kernel
def varint(data: Bytes, at: int, end: int) -> tuple[np.uint64, int]:
    """Return a number and where it ends, -1 if it does not."""
    value, shift = np.uint64(0), 0
    while at < end and shift < 64:
        byte = np.uint64(data[at])
        value |= (byte & np.uint64(0x7F)) << np.uint64(shift)
        at += 1
        shift += 7
        if byte < 0x80:
            return value, at
    return value, -1


@kernel
def field(data: Bytes, at: int, end: int) -> tuple[Any, Any, int, Any]:
    """Return a field's number, its kind, and where its content begins and ends; the number is -1 if there is none."""
    tag, at = varint(data, at, end)
    if at < 0 or tag >= np.uint64(1 << 32):
        return np.int64(-1), np.int64(0), 0, 0
    number, kind = np.int64(tag) >> 3, np.int64(tag) & 7
    if kind == LEN:
        size, at = varint(data, at, end)
        if at < 0 or size > np.uint64(end - at):
            return np.int64(-1), np.int64(0), 0, 0
        return number, kind, at, at + np.int64(size)
    begin = at
    if kind == 0:
        _, at = varint(data, at, end)
    elif kind == 1:
        at += 8
    elif kind == 5:
        at += 4
    else:
        at = -1
    return (number, kind, begin, at) if 0 <= at <= end else (-1, 0, 0, 0)


@kernel
def put_varint(value: int, out: Bytes, at: int) -> int:
    """Write a number; return where it ends."""
    while value > 0x7F:
        out[at] = value & 0x7F | 0x80
        value >>= 7
        at += 1
    out[at] = value
    return at + 1
