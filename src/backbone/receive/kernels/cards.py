"""
Numbers of payment cards that stand alone, told and masked where they are found.

Identifiers of random digits look like cards, and pass their check, in every group of requests; to ask the engine about
them costs as much as thousands of items.
"""

from __future__ import annotations

from backbone.compiled import kernel
from backbone.compiled.memory import byte_at, copy_bytes, put_byte
from backbone.receive.kernels.characters import BACKSLASH, DIGIT, DOT, WORD_CHARACTER

MASK = b"<card>"
LONGEST = 19
"""Digits of a card."""
_ZERO, _UNDERSCORE, _GREATER = 0x30, 0x5F, 0x3E


@kernel
def is_card(number: int) -> bool:
    """Tell whether an integer has an issuer's first digits, their number and the right check digit."""
    size, total, rest, first = 0, 0, number, number
    while rest > 0:
        digit = rest % 10
        if size % 2 == 1:
            digit = 2 * digit - 9 if digit > 4 else 2 * digit
        total += digit
        size += 1
        rest //= 10
    if total % 10 != 0 or size < 14:
        return False
    while first >= 1000:
        first //= 10
    two = first // 10
    if size == 14:
        return 300 <= first <= 305 or two == 36 or two == 38 or two == 39
    if size == 15:
        return two == 34 or two == 37
    if size != 16 and size != LONGEST:
        return False
    return two // 10 == 4 or 50 <= two <= 58 or two == 35 or 60 <= two <= 69 or 22 <= two <= 27


@kernel
def end_of(kind: int, at: int, end: int, classes: int) -> int:
    """Return where bytes of a kind end that begin here; ``classes`` is where a table says of each byte what it is."""
    while at < end and byte_at(classes + byte_at(at)) & kind:
        at += 1
    return at


@kernel
def number_of(at: int, stop: int) -> int:
    """Return the number that digits are; 0 where the first is, or where they are more than a card has."""
    if stop - at > LONGEST or byte_at(at) == _ZERO or (stop - at == LONGEST and byte_at(at) > _ZERO + 6):
        return 0
    number = 0
    for place in range(at, stop):
        number = 10 * number + byte_at(place) - _ZERO
    return number


@kernel
def is_bare(begin: int, at: int, stop: int, end: int) -> bool:
    """Tell whether no sign beside digits has a say in what they are, or goes with them where they are replaced."""
    before = byte_at(at - 1) if at > begin else 0
    after = byte_at(stop) if stop < end else 0
    joined = before == _UNDERSCORE or after == _UNDERSCORE
    return not joined and before != DOT and before != _GREATER and before != BACKSLASH


@kernel
def put_masked(begin: int, end: int, classes: int, out: int) -> int:
    """Write a text with all cards that stand alone in it masked, which makes it shorter; return where it ends."""
    at, done = begin, begin
    while at < end:
        stop = end_of(DIGIT, at, end, classes)
        is_alone = stop == end or not byte_at(classes + byte_at(stop)) & WORD_CHARACTER
        if stop > at and is_alone and is_card(number_of(at, stop)):
            copy_bytes(out, done, at - done)
            out = put_mask(out + at - done)
            done = stop
        at = max(stop, at + 1)
        # What goes on with letters is no number, and neither are digits behind them.
        while at < end and byte_at(classes + byte_at(at - 1)) & WORD_CHARACTER:
            at += 1
    copy_bytes(out, done, end - done)
    return out + end - done


@kernel
def put_mask(out: int) -> int:
    """Write what stands for a card; return where it ends."""
    for byte in MASK:
        put_byte(out, byte)
        out += 1
    return out
