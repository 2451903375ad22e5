"""Samples as remote read sends them: messages, or XOR chunks. Source: Prometheus, tsdb/chunkenc/xor.go."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from backbone.compiled import kernel
from backbone.query.promql.arrays import Floats, Times

Bytes = NDArray[np.uint8]
Bits = NDArray[np.uint64]

CHUNK_SAMPLES = 120
_SAMPLE_BYTES = 22
"""Of the longest message: two tags, a length, eight bytes of value, ten of time."""
_CHUNK_SAMPLE_BYTES = 20


def sample_messages(times: Times, values: Floats) -> bytes:
    """Return the samples as the repeated field 2 of a ``TimeSeries``."""
    out = np.empty(len(times) * _SAMPLE_BYTES, np.uint8)
    return out[: _messages(times, np.ascontiguousarray(values).view(np.uint64), out)].tobytes()


def xor_chunk(times: Times, values: Floats) -> bytes:
    """Return samples, one at least, as the data of an XOR chunk."""
    out = np.zeros(len(times) * _CHUNK_SAMPLE_BYTES + 32, np.uint8)
    out[0], out[1] = len(times) >> 8, len(times) & 0xFF
    return out[: _chunk(times, np.ascontiguousarray(values).view(np.uint64), out)].tobytes()


@kernel
def _varint(value: np.uint64, out: Bytes, at: int) -> int:
    while value > np.uint64(0x7F):
        out[at] = np.uint8(value & np.uint64(0x7F)) | np.uint8(0x80)
        value >>= np.uint64(7)
        at += 1
    out[at] = np.uint8(value)
    return at + 1


@kernel
def _messages(times: Times, bits: Bits, out: Bytes) -> int:
    at = 0
    for sample in range(len(times)):
        start = at
        out[at] = 0x12
        out[at + 2] = 0x09
        at += 3
        for byte in range(8):
            out[at + byte] = np.uint8((bits[sample] >> np.uint64(8 * byte)) & np.uint64(0xFF))
        out[at + 8] = 0x10
        at = _varint(np.uint64(times[sample]), out, at + 9)
        out[start + 1] = at - start - 2
    return at


@kernel
def _put(value: np.uint64, count: int, out: Bytes, position: int) -> int:
    """Write the lowest *count* bits of a value, the highest of them first, from a bit's position on."""
    for bit in range(count - 1, -1, -1):
        if (value >> np.uint64(bit)) & np.uint64(1):
            out[position >> 3] |= np.uint8(0x80 >> (position & 7))
        position += 1
    return position


@kernel
def _put_varint(value: np.uint64, out: Bytes, position: int) -> int:
    while value > np.uint64(0x7F):
        position = _put((value & np.uint64(0x7F)) | np.uint64(0x80), 8, out, position)
        value >>= np.uint64(7)
    return _put(value, 8, out, position)


@kernel
def _put_delta(change: int, out: Bytes, position: int) -> int:
    """Write by how much the time between samples changed, in as few bits as it fits."""
    if change == 0:
        return _put(np.uint64(0), 1, out, position)
    if -8191 <= change <= 8192:
        position = _put(np.uint64(0b10), 2, out, position)
        return _put(np.uint64(change), 14, out, position)
    if -65535 <= change <= 65536:
        position = _put(np.uint64(0b110), 3, out, position)
        return _put(np.uint64(change), 17, out, position)
    if -524287 <= change <= 524288:
        position = _put(np.uint64(0b1110), 4, out, position)
        return _put(np.uint64(change), 20, out, position)
    position = _put(np.uint64(0b1111), 4, out, position)
    return _put(np.uint64(change), 64, out, position)


@kernel
def _leading(value: np.uint64) -> int:
    count = 0
    while count < 64 and not (value >> np.uint64(63 - count)) & np.uint64(1):
        count += 1
    return count


@kernel
def _trailing(value: np.uint64) -> int:
    count = 0
    while count < 64 and not (value >> np.uint64(count)) & np.uint64(1):
        count += 1
    return count


@kernel
def _chunk(times: Times, bits: Bits, out: Bytes) -> int:
    position = 16
    delta = 0
    leading, trailing = 0xFF, 0
    for sample in range(len(times)):
        if sample == 0:
            time = times[0]
            position = _put_varint(np.uint64((time << 1) ^ (time >> 63)), out, position)
            position = _put(bits[0], 64, out, position)
            continue
        now = times[sample] - times[sample - 1]
        if sample == 1:
            position = _put_varint(np.uint64(now), out, position)
        else:
            position = _put_delta(now - delta, out, position)
        delta = now
        changed = bits[sample] ^ bits[sample - 1]
        if changed == np.uint64(0):
            position = _put(np.uint64(0), 1, out, position)
            continue
        position = _put(np.uint64(1), 1, out, position)
        own_leading, own_trailing = min(_leading(changed), 31), _trailing(changed)
        if leading != 0xFF and own_leading >= leading and own_trailing >= trailing:
            position = _put(np.uint64(0), 1, out, position)
        else:
            leading, trailing = own_leading, own_trailing
            position = _put(np.uint64(1), 1, out, position)
            position = _put(np.uint64(leading), 5, out, position)
            # 64 bits are written as 0, for which there is no other use.
            position = _put(np.uint64((64 - leading - trailing) & 63), 6, out, position)
        position = _put(changed >> np.uint64(trailing), 64 - leading - trailing, out, position)
    return (position + 7) // 8
