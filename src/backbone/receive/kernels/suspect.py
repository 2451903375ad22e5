"""
What a text may hold that is to be scrubbed: what is certain is told here, the rest by the engine.

A text is looked at once, byte by byte. The last three bytes, each folded to six bits, are looked up in a table of
all threes that a word has; of digits `backbone.receive.kernels.digits` tells where a group of them begins. Places are
addresses.
"""

from __future__ import annotations

from backbone.compiled import kernel
from backbone.compiled.memory import byte_at, int_at, short_at
from backbone.receive.kernels.characters import (
    BACKSLASH,
    COLON,
    DASH,
    DIGIT,
    DOT,
    LETTER,
    OTHER,
    SPACE,
    WORD_CHARACTER,
    are_hex,
)  # fmt: skip
from backbone.receive.kernels.digits import ACCOUNTS, CARD, clear_until

TRAITS, CLASSES = 0, 512
THREES = CLASSES + ACCOUNTS + 26 * 26
HEADS = THREES + (1 << 15)
"""
Where tables begin among the tables of a policy: two bytes of what each byte folds to, six bits, and what it is; what
each byte is, and lengths of accounts behind that; a bit for each three of folded bytes that a word has; which word is
the first one of a three, two bytes each and -1 where there is none.
"""
WORDS = HEADS + (1 << 19)
"""Where words begin: four numbers of four bytes each, which are where its bytes are among the tables, how many there
are, at which of them the three ends, and its bits."""
BOUNDARY, EXACT, SIGN, DIGITS, MORE = 1, 2, 4, 8, 16
"""Bits of what is known of a word; the last one tells that another one of the same three follows."""
ALL, NUMBERS, AT, INTEGERS, CARDS = 1, 2, 4, 8, 16
"""Bits of what makes a text suspicious besides words; the last one tells that cards are masked."""
NOTHING, A_CARD, A_NUMBER, ANYTHING = range(4)
"""
What may be in a text: nothing; cards that stand alone, for certain, and nothing else; numbers, e-mail addresses and
passwords in URLs; all that is looked for.
"""

_FAR, _NEAR = 40, 24


@kernel
def suspicion(begin: int, end: int, tables: int, besides: int, loosely: bool) -> int:
    """
    Return the most that may be in a text.

    Args:
        begin, end: where it is.
        tables: where the tables of the policy are.
        besides: what is suspicious besides words.
        loosely: whether a word is enough, whatever stands around it: among bytes that are no text.
    """
    if besides & ALL:
        return ANYTHING if end > begin else NOTHING
    three, before, cleared, high, found = 0, 0, begin, 0, NOTHING
    for at in range(begin, end):
        byte = byte_at(at)
        high |= byte
        traits = short_at(tables + TRAITS + 2 * byte)
        three = (three << 6 | traits & 0x3F) & 0x3FFFF
        if byte_at(tables + THREES + (three >> 3)) >> (three & 7) & 1 and _is_word(
            begin, at, end, tables, short_at(tables + HEADS + 2 * three), loosely
        ):
            return ANYTHING
        kind = traits >> 6
        if at >= cleared and kind & (DIGIT | OTHER) and found < A_NUMBER:
            if kind & OTHER:
                if _is_sign(begin, at, end, byte, besides, tables + CLASSES):
                    found = A_NUMBER
            elif not before & DIGIT and besides & NUMBERS:
                cleared = clear_until(begin, at, end, tables + CLASSES)
                if cleared < 0:
                    found = A_CARD if cleared == CARD and besides & CARDS else A_NUMBER
                    cleared = at + 1
        before = kind
    # Signs that are not of ASCII may stand beside a card, and bytes that are of no text are replaced.
    return A_NUMBER if found == A_CARD and high >= 0x80 else found


@kernel
def _is_sign(begin: int, at: int, end: int, byte: int, besides: int, classes: int) -> bool:
    """Tell whether a sign may belong to an address of whatever kind."""
    if byte == 0x40:
        return besides & AT != 0
    if byte == 0x25:
        return besides & AT != 0 and at + 3 < end and byte_at(at + 1) == 0x34 and byte_at(at + 2) == 0x30
    if byte == 0xEF:
        # Digits and the sign of an address as they are written between characters of double width.
        wide = at + 2 < end and byte_at(at + 1) == 0xBC
        return wide and (0x90 <= byte_at(at + 2) <= 0x99 or byte_at(at + 2) == 0xA0)
    if not besides & NUMBERS:
        return False
    if byte == DOT:
        dotted = at - 4 >= begin and at + 9 < end and byte_at(at + 5) == DOT
        return dotted and are_hex(at - 4, 4, classes) and are_hex(at + 1, 4, classes) and are_hex(at + 6, 4, classes)
    if at - 2 < begin or at + 8 >= end or not _is_colon(at + 3) or not _is_colon(at + 6):
        return False
    # Four pairs of hexadecimal digits stand around three signs, of which this is the first.
    left = are_hex(at - 2, 2, classes) and are_hex(at + 1, 2, classes)
    return left and are_hex(at + 4, 2, classes) and are_hex(at + 7, 2, classes)


@kernel
def _is_colon(at: int) -> bool:
    return byte_at(at) == COLON or byte_at(at) == DASH


@kernel
def _is_word(begin: int, at: int, end: int, tables: int, word: int, loosely: bool) -> bool:
    """Tell whether a word or one that follows it stands here, and around it what has to be."""
    while word >= 0:
        row = tables + WORDS + 16 * word
        text, size, offset, bits = int_at(row), int_at(row + 4), int_at(row + 8), int_at(row + 12)
        start = at - offset
        stop = start + size
        if start >= begin and stop <= end and _is_same(start, tables + text, size, bits & EXACT != 0):
            if loosely:
                return True
            stands = not bits & BOUNDARY or _is_boundary(begin, start, tables + CLASSES)
            if stands and bits & SIGN:
                stands = _has_sign(begin, start, stop, end, tables + CLASSES)
            elif stands and bits & DIGITS:
                stands = _has_digits(stop, end, tables + CLASSES)
            if stands:
                return True
        word = word + 1 if bits & MORE else -1
    return False


@kernel
def _is_same(start: int, word: int, size: int, exact: bool) -> bool:
    for place in range(size):
        byte, wanted = byte_at(start + place), byte_at(word + place)
        if byte != wanted and (exact or byte + 32 != wanted or not 0x41 <= byte <= 0x5A):
            return False
    return True


@kernel
def _is_boundary(begin: int, start: int, classes: int) -> bool:
    """Tell whether a word may begin here; the end of a line as JSON writes it is no letter."""
    if start == begin or not byte_at(classes + byte_at(start - 1)) & WORD_CHARACTER:
        return True
    return start - 2 >= begin and byte_at(start - 2) == BACKSLASH


@kernel
def _has_sign(begin: int, start: int, stop: int, end: int, classes: int) -> bool:
    """Tell whether a value may follow a word: ``=``, ``:``, ``>`` or a quote soon after it, or ``--`` before it."""
    spaces = False
    for at in range(stop, min(end, stop + _NEAR)):
        byte = byte_at(at)
        if byte == 0x3D or byte == COLON or byte == 0x3E or byte == 0x25:
            return True
        if byte == SPACE or 0x09 <= byte <= 0x0D:
            spaces = True
        elif byte == 0x22 or byte == 0x27 or byte == BACKSLASH:
            if spaces:
                return True
        elif spaces or not (byte_at(classes + byte) & WORD_CHARACTER or byte >= 0x80 or _is_joint(byte)):
            break
    at = start - 1
    while at > begin and (byte_at(classes + byte_at(at)) & LETTER or _is_joint(byte_at(at))):
        if byte_at(at) == DASH and byte_at(at - 1) == DASH:
            return True
        at -= 1
    return False


@kernel
def _is_joint(byte: int) -> bool:
    """Tell whether a byte stands between the words of a name."""
    return byte == 0x5F or byte == DASH or byte == DOT


@kernel
def _has_digits(begin: int, end: int, classes: int) -> bool:
    digits = 0
    for at in range(begin, min(end, begin + _FAR)):
        digits += 1 if byte_at(classes + byte_at(at)) & DIGIT else 0
    return digits >= 5
