"""Protobuf's fields, read by address. Source: https://protobuf.dev/programming-guides/encoding/"""

from __future__ import annotations

from backbone.compiled import kernel
from backbone.compiled.memory import byte_at
from backbone.compiled.protobuf import FIXED32, FIXED64, LEN, VARINT


@kernel
def varint_of(at: int, end: int) -> tuple[int, int]:
    """Return a number and where it ends, 0 if it does not."""
    value, shift = 0, 0
    while at < end and shift < 64:
        byte = byte_at(at)
        value |= (byte & 0x7F) << shift
        at += 1
        shift += 7
        if byte < 0x80:
            return value, at
    return value, 0


@kernel
def field_of(at: int, end: int) -> tuple[int, int, int, int, int]:
    """Return a field's number, its kind, where its size stands, where its content begins and ends; -1 if it is none."""
    # Most fields are short: their tag and their size take a byte each.
    if at + 2 <= end:
        tag, size = byte_at(at), byte_at(at + 1)
        if 8 <= tag < 0x80 and tag & 7 == LEN and size < 0x80:
            return (tag >> 3 if at + 2 + size <= end else -1), LEN, at + 1, at + 2, at + 2 + size
    tag, at = varint_of(at, end)
    if at == 0 or not 8 <= tag < 1 << 32:
        return -1, 0, 0, 0, 0
    kind, begin = tag & 7, at
    size_at = at
    if kind == LEN:
        size, begin = varint_of(at, end)
        at = begin + size if begin and 0 <= size <= end - begin else 0
    elif kind == VARINT:
        at = varint_of(at, end)[1]
    elif kind == FIXED64:
        at += 8
    else:
        at = at + 4 if kind == FIXED32 else 0
    return (tag >> 3 if 0 < at <= end else -1), kind, size_at, begin, at
