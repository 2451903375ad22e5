"""
Numbers as text: the shortest decimal that is read back as the same double, spelled as the engine spells it.

Source: R. Giulietti, "The Schubfach way to render doubles" (2020).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from backbone.compiled import kernel
from backbone.compiled.memory import byte_at, put_byte
from backbone.compiled.words import upper_product

MOST_DIGITS = 25
"""Bytes that the text of any number takes at most: sign, 17 digits, point, and an exponent of four."""

_LOWEST, _HIGHEST = -292, 324
_FRACTION_BITS = 52
_HIDDEN = np.uint64(1 << _FRACTION_BITS)
_FRACTION = _HIDDEN - np.uint64(1)
_BIAS = 1075
_POINT, _MINUS, _ZERO, _E = 0x2E, 0x2D, 0x30, 0x65
_PLAIN_FROM, _PLAIN_BELOW = -6, 21
"""Where the point may stand, from the first digit on, in a number without an exponent."""
_ONE, _TWO, _FOUR, _TEN, _FORTY = (np.uint64(number) for number in (1, 2, 4, 10, 40))


def _powers() -> NDArray[np.uint64]:
    """Return the powers of ten from `_LOWEST` on with their first 128 bits, rounded up, the upper half first."""
    halves = []
    for exponent in range(_LOWEST, _HIGHEST + 1):
        shift = 127 - math.floor(exponent * math.log2(10))
        if exponent >= 0:
            bits = 10**exponent << shift if shift >= 0 else -(-(10**exponent) >> -shift)
        else:
            bits = -(-(1 << shift) // 10**-exponent)
        halves.append((bits >> 64, bits & (1 << 64) - 1))
    return np.array(halves, np.uint64)


_POWERS = _powers()


@kernel
def _rounded_to_odd(upper: np.uint64, lower: np.uint64, factor: np.uint64) -> np.uint64:
    """Return the upper bits of a product, the lowest of them set if any below is."""
    carried = upper_product(lower, factor)
    middle = upper * factor + carried
    top = upper_product(upper, factor) + np.uint64(middle < carried)
    return np.uint64(top | np.uint64(middle > _ONE))


@kernel
def _shortest(fraction: np.uint64, exponent: int) -> tuple[np.uint64, int]:
    """Return digits and the power of ten that they are to be multiplied with, of a double's two parts."""
    significand = fraction | _HIDDEN if exponent else fraction
    power = max(exponent, 1) - _BIAS
    is_lopsided = fraction == 0 and exponent > 1
    rounds_to_even = significand & _ONE == 0
    ten = (power * 1262611 - (524031 if is_lopsided else 0)) >> 22
    shift = np.uint64(power + ((-ten * 1741647) >> 19) + 1)
    upper, lower = _POWERS[-ten - _LOWEST]
    middle = significand << _TWO
    below = _rounded_to_odd(upper, lower, (middle - (_ONE if is_lopsided else _TWO)) << shift)
    value = _rounded_to_odd(upper, lower, middle << shift)
    above = _rounded_to_odd(upper, lower, (middle + _TWO) << shift)
    least = below if rounds_to_even else below + _ONE
    most = above if rounds_to_even else above - _ONE
    digits = value >> _TWO
    if digits >= _TEN:
        tens = digits // _TEN
        down, up = least <= _FORTY * tens, _FORTY * tens + _FORTY <= most
        if down != up:
            return tens + np.uint64(up), ten + 1
    down, up = least <= _FOUR * digits, _FOUR * digits + _FOUR <= most
    if down != up:
        return digits + np.uint64(up), ten
    half = _FOUR * digits + _TWO
    return digits + np.uint64(value > half or (value == half and digits & _ONE == _ONE)), ten


@kernel
def _put_digits(number: np.uint64, at: int) -> int:
    """Write a number's digits; return where they end."""
    count, rest = 1, number // _TEN
    while rest > 0:
        count += 1
        rest //= _TEN
    rest = number
    for place in range(count):
        put_byte(at + count - 1 - place, _ZERO + int(rest % _TEN))
        rest //= _TEN
    return at + count


@kernel
def put_integer(number: int, at: int) -> int:
    """Write a signed number; return where it ends."""
    if number >= 0:
        return _put_digits(np.uint64(number), at)
    put_byte(at, _MINUS)
    return _put_digits(np.uint64(0) - np.uint64(number), at + 1)


@kernel
def _put_zeros(count: int, at: int) -> int:
    for place in range(count):
        put_byte(at + place, _ZERO)
    return at + max(count, 0)


@kernel
def _put_word(first: int, second: int, third: int, at: int) -> int:
    put_byte(at, first)
    put_byte(at + 1, second)
    put_byte(at + 2, third)
    return at + 3


@kernel
def _move_up(begin: int, by: int, size: int) -> None:
    """Move bytes to a later place, the last one first, since the two overlap."""
    for place in range(begin + size - 1, begin - 1, -1):
        put_byte(place + by, byte_at(place))


@kernel
def _put_finite(fraction: np.uint64, exponent: int, at: int) -> int:
    digits, ten = _shortest(fraction, exponent)
    while digits % _TEN == 0:
        digits //= _TEN
        ten += 1
    end = _put_digits(digits, at)
    count = end - at
    point = count + ten
    if not _PLAIN_FROM < point <= _PLAIN_BELOW:
        if count > 1:
            _move_up(at + 1, 1, count - 1)
            put_byte(at + 1, _POINT)
            end += 1
        put_byte(end, _E)
        return put_integer(point - 1, end + 1)
    if point >= count:
        return _put_zeros(point - count, end)
    if point > 0:
        _move_up(at + point, 1, count - point)
        put_byte(at + point, _POINT)
        return end + 1
    _move_up(at, 2 - point, count)
    put_byte(at, _ZERO)
    put_byte(at + 1, _POINT)
    _put_zeros(-point, at + 2)
    return end + 2 - point


@kernel
def put_double(bits: int, at: int) -> int:
    """Write the double of these bits; return where it ends."""
    if bits < 0:
        if bits & 0x7FFFFFFFFFFFFFFF <= 0x7FF0000000000000:
            put_byte(at, _MINUS)
            at += 1
        bits &= 0x7FFFFFFFFFFFFFFF
    if bits == 0:
        put_byte(at, _ZERO)
        return at + 1
    exponent, fraction = bits >> _FRACTION_BITS, np.uint64(bits) & _FRACTION
    if exponent == 0x7FF:
        return _put_word(0x69, 0x6E, 0x66, at) if fraction == 0 else _put_word(0x6E, 0x61, 0x6E, at)
    return _put_finite(fraction, exponent, at)
