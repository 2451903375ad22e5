"""
Request bodies that are encoded once and made unique by writing into them.

Encoding a body anew for each request would cost the sender more than it costs the server. So a few are encoded, the
places of ids, times and values in them are looked up, and each request is a copy with other bytes there. Every field
written to is of fixed width on the wire, so the body's length never changes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

HEX = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)


class Bodies(Protocol):
    """A row of request bodies, each unlike the others; the same arguments make the same row, clock times apart."""

    def body(self, number: int) -> bytes:
        """
        Return request *number*, counted from 0.

        Numbers of one lane (number modulo lanes) must be asked for in order: counters rise from call to call.
        """
        ...


@dataclass(frozen=True, slots=True)
class Places:
    """Where equally wide fields stand in a body; ``index`` is (field, byte)."""

    index: Ints

    @classmethod
    def find(cls, body: bytes, needles: Iterable[bytes], *, prefix: bytes = b"") -> Places:
        """Look up each of *needles*, which stand in *body* in this order, each after *prefix* (its tag, say)."""
        offsets, position, width = [], 0, 0
        for needle in needles:
            position = body.index(prefix + needle, position) + len(prefix)
            offsets.append(position)
            width = len(needle)
            position += width
        return cls(np.array(offsets, dtype=np.int64)[:, None] + np.arange(width))

    def write(self, target: Bytes, values: Bytes) -> None:
        """Put *values*, (field, byte), in their places."""
        target[self.index] = values


def random_ids(random: np.random.Generator, count: int, width: int) -> Bytes:
    """Return *count* random ids of *width* bytes, (count, width)."""
    return random.integers(0, 256, size=(count, width), dtype=np.uint8)


def random_hex(random: np.random.Generator, count: int, width: int) -> Bytes:
    """Return *count* texts of *width* hexadecimal digits, (count, width)."""
    return HEX[random.integers(0, 16, size=(count, width), dtype=np.uint8)]


def little_endian(values: Ints | Floats) -> Bytes:
    """Return 64-bit values as protobuf's fixed64, sfixed64 and double have them, (value, 8)."""
    return np.ascontiguousarray(values).view(np.uint8).reshape(-1, 8)
