"""What a byte of a text is, and the bytes that are looked at by themselves."""

from __future__ import annotations

from backbone.compiled import kernel
from backbone.compiled.memory import byte_at

WORD_CHARACTER, DIGIT, HEX, UPPER, LETTER, GAP, OTHER = 1, 2, 4, 8, 16, 32, 64
"""Bits of what a byte is; ``OTHER`` are signs of addresses."""
COLON, DASH, DOT, SPACE, BACKSLASH, PLUS = 0x3A, 0x2D, 0x2E, 0x20, 0x5C, 0x2B


@kernel
def are_hex(at: int, count: int, classes: int) -> bool:
    """Tell whether so many hexadecimal digits begin here; ``classes`` is where a table says of each byte what it is."""
    for place in range(at, at + count):
        if not byte_at(classes + byte_at(place)) & HEX:
            return False
    return True
