"""
Whether a text may hold something that is to be scrubbed: what is certain not to is told here, the rest by the engine.

A text is looked at once, byte by byte. The last three bytes, each folded to six bits, are looked up in a table of
all threes that a word has; digits are looked at where a group of them begins. Places are addresses.
"""

from __future__ import annotations

from backbone.compiled import kernel
from backbone.compiled.memory import byte_at, int_at, short_at

TRAITS, CLASSES, THREES, HEADS = 0, 512, 768, 768 + (1 << 15)
"""
Where tables begin among the tables of a policy: two bytes of what each byte folds to, six bits, and what it is; what
each byte is; a bit for each three of folded bytes that a word has; which word is the first one of a three, two bytes
each and -1 where there is none.
"""
WORDS = HEADS + (1 << 19)
"""Where words begin: four numbers of four bytes each, which are where its bytes are among the tables, how many there
are, at which of them the three ends, and its bits."""
BOUNDARY, EXACT, SIGN, DIGITS, MORE = 1, 2, 4, 8, 16
"""Bits of what is known of a word; the last one tells that another one of the same three follows."""
ALL, NUMBERS, AT, INTEGERS = 1, 2, 4, 8
"""Bits of what makes a text suspicious besides words."""

WORD_CHARACTER, DIGIT, HEX, UPPER, LETTER, GAP, OTHER = 1, 2, 4, 8, 16, 32, 64
"""Bits of what a byte is; ``OTHER`` is what `_is_sign` looks at."""
_MOST_DIGITS = 7
_FAR, _NEAR = 40, 24
_COLON, _DASH, _DOT, _SPACE, _BACKSLASH = 0x3A, 0x2D, 0x2E, 0x20, 0x5C


@kernel
def is_suspicious(begin: int, end: int, tables: int, besides: int, loosely: bool) -> bool:
    """
    Tell whether something may be in a text.

    Args:
        begin, end: where it is.
        tables: where the tables of the policy are.
        besides: what is suspicious besides words.
        loosely: whether a word is enough, whatever stands around it: among bytes that are no text.
    """
    if besides & ALL:
        return end > begin
    three, before, cleared = 0, 0, begin
    for at in range(begin, end):
        byte = byte_at(at)
        traits = short_at(tables + TRAITS + 2 * byte)
        three = (three << 6 | traits & 0x3F) & 0x3FFFF
        if byte_at(tables + THREES + (three >> 3)) >> (three & 7) & 1 and _is_word(
            begin, at, end, tables, short_at(tables + HEADS + 2 * three), loosely
        ):
            return True
        kind = traits >> 6
        if kind & (DIGIT | OTHER):
            if kind & OTHER:
                if _is_sign(begin, at, end, byte, besides, tables + CLASSES):
                    return True
            elif not before & DIGIT and at >= cleared and besides & NUMBERS:
                cleared = _cleared(begin, at, end, tables + CLASSES)
                if cleared < 0:
                    return True
        before = kind
    return False


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
    if byte == _DOT:
        dotted = at - 4 >= begin and at + 9 < end and byte_at(at + 5) == _DOT
        return dotted and _are_hex(at - 4, 4, classes) and _are_hex(at + 1, 4, classes) and _are_hex(at + 6, 4, classes)
    if at - 2 < begin or at + 8 >= end or not _is_colon(at + 3) or not _is_colon(at + 6):
        return False
    # Four pairs of hexadecimal digits stand around three signs, of which this is the first.
    left = _are_hex(at - 2, 2, classes) and _are_hex(at + 1, 2, classes)
    return left and _are_hex(at + 4, 2, classes) and _are_hex(at + 7, 2, classes)


@kernel
def _is_colon(at: int) -> bool:
    return byte_at(at) == _COLON or byte_at(at) == _DASH


@kernel
def _are_hex(at: int, count: int, classes: int) -> bool:
    for place in range(at, at + count):
        if not byte_at(classes + byte_at(place)) & HEX:
            return False
    return True


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
    return start - 2 >= begin and byte_at(start - 2) == _BACKSLASH


@kernel
def _has_sign(begin: int, start: int, stop: int, end: int, classes: int) -> bool:
    """Tell whether a value may follow a word: ``=``, ``:``, ``>`` or a quote soon after it, or ``--`` before it."""
    spaces = False
    for at in range(stop, min(end, stop + _NEAR)):
        byte = byte_at(at)
        if byte == 0x3D or byte == _COLON or byte == 0x3E or byte == 0x25:
            return True
        if byte == _SPACE or 0x09 <= byte <= 0x0D:
            spaces = True
        elif byte == 0x22 or byte == 0x27 or byte == _BACKSLASH:
            if spaces:
                return True
        elif spaces or not (byte_at(classes + byte) & WORD_CHARACTER or byte >= 0x80 or _is_joint(byte)):
            break
    at = start - 1
    while at > begin and (byte_at(classes + byte_at(at)) & LETTER or _is_joint(byte_at(at))):
        if byte_at(at) == _DASH and byte_at(at - 1) == _DASH:
            return True
        at -= 1
    return False


@kernel
def _is_joint(byte: int) -> bool:
    """Tell whether a byte stands between the words of a name."""
    return byte == 0x5F or byte == _DASH or byte == _DOT


@kernel
def _has_digits(begin: int, end: int, classes: int) -> bool:
    digits = 0
    for at in range(begin, min(end, begin + _FAR)):
        digits += 1 if byte_at(classes + byte_at(at)) & DIGIT else 0
    return digits >= 5


@kernel
def _cleared(begin: int, at: int, end: int, classes: int) -> int:
    """
    Return -1 if a number of something may begin with the group of digits that begins here.

    Else the place before which no other group has to be looked at.
    """
    escaped = at - 2 >= begin and byte_at(at - 2) == _BACKSLASH
    if at > begin and byte_at(classes + byte_at(at - 1)) & WORD_CHARACTER and not escaped:
        if _is_after_letters(begin, at, end, classes):
            return -1
        # A letter of a Spanish number is the only one that may stand before so many digits.
        if not 0x58 <= byte_at(at - 1) <= 0x5A:
            return at
    private = _after_address(at, end, classes)
    if private != at:
        return private
    return -1 if _is_long(at, end, classes, at > begin and byte_at(at - 1) == 0x2B) else at


@kernel
def _is_long(at: int, end: int, classes: int, has_plus: bool) -> bool:
    """Tell whether seven digits follow, with no more than gaps between them; or six and a letter up to D."""
    digits, gap = 0, 0
    while at < end and gap < 8:
        kind = byte_at(classes + byte_at(at))
        if kind & DIGIT:
            digits += 1
            gap = 0
            if digits >= _MOST_DIGITS and has_plus:
                return True
        elif kind & GAP:
            if digits >= _MOST_DIGITS:
                return True
            gap += 1
        else:
            break
        at += 1
    if at == end or not byte_at(classes + byte_at(at)) & WORD_CHARACTER:
        return digits >= _MOST_DIGITS
    if digits == 6 and 0x41 <= byte_at(at) <= 0x44:
        return True
    if gap > 0 or at + 1 == end or not byte_at(classes + byte_at(at + 1)) & WORD_CHARACTER:
        return digits >= _MOST_DIGITS
    # The last group goes on with letters, so it is no number.
    return False


@kernel
def _is_after_letters(begin: int, at: int, end: int, classes: int) -> bool:
    """Tell whether letters and digits as in accounts and tax numbers stand here."""
    if at + 1 >= end or not byte_at(classes + byte_at(at + 1)) & DIGIT:
        return False
    letters = 0
    while at - letters > begin and letters < 5 and byte_at(classes + byte_at(at - letters - 1)) & UPPER:
        letters += 1
    if letters >= 5:
        return True
    if letters < 2:
        return _is_small_account(begin, at, end, classes)
    count, gap, place = 0, 0, at
    while place < end and gap < 4 and count < 11:
        kind = byte_at(classes + byte_at(place))
        if kind & WORD_CHARACTER:
            count += 1
            gap = 0
        elif kind & GAP:
            gap += 1
        else:
            break
        place += 1
    return count == 11 or _is_short(at, end, classes)


@kernel
def _is_small_account(begin: int, at: int, end: int, classes: int) -> bool:
    """Tell whether an account in small letters stands here: two letters, two digits, a few letters, seven digits."""
    if at - 2 < begin or not 0x61 <= byte_at(at - 1) <= 0x7A or not 0x61 <= byte_at(at - 2) <= 0x7A:
        return False
    if (
        at - 2 > begin
        and byte_at(classes + byte_at(at - 3)) & WORD_CHARACTER
        and not (at - 3 > begin and byte_at(at - 4) == _BACKSLASH)
    ):
        return False
    place, letters, digits = at + 2, 0, 0
    while place < end and letters < 7 and 0x61 <= byte_at(place) <= 0x7A:
        letters += 1
        place += 1
    while place < end and digits < _MOST_DIGITS and byte_at(classes + byte_at(place)) & DIGIT:
        digits += 1
        place += 1
    return digits == _MOST_DIGITS


@kernel
def _is_short(at: int, end: int, classes: int) -> bool:
    """Tell whether six digits and a letter up to D stand here, in pairs or not."""
    digits = 0
    while at < end and digits < 6 and (byte_at(classes + byte_at(at)) & DIGIT or byte_at(at) == _SPACE):
        digits += 1 if byte_at(classes + byte_at(at)) & DIGIT else 0
        at += 1
    if at < end and byte_at(at) == _SPACE:
        at += 1
    return digits == 6 and at < end and 0x41 <= byte_at(at) <= 0x44


@kernel
def _after_address(at: int, end: int, classes: int) -> int:
    """
    Return -1 if a public address may begin here, and where a private one ends; its beginning if it is none.

    Of the newer kind of addresses those are public that begin with 2 or 3.
    """
    place, numbers, number, digits = at, 0, 0, 0
    first, second, largest = 0, 0, 0
    while place <= end:
        byte = byte_at(place) if place < end else 0
        if 0x30 <= byte <= 0x39 and digits < 3:
            number = 10 * number + byte - 0x30
            digits += 1
        elif digits == 0:
            break
        else:
            numbers += 1
            largest = max(largest, number)
            if numbers == 1:
                first = number
            elif numbers == 2:
                second = number
            if byte != _DOT or numbers == 4:
                break
            number, digits = 0, 0
        place += 1
    if numbers == 4:
        goes_on = place < end and (byte_at(place) == _DOT or byte_at(classes + byte_at(place)) & DIGIT)
        private = first == 10 or first == 127 or first == 0 or (first == 172 and 16 <= second <= 31)
        private = private or (first == 192 and second == 168)
        return place if private and largest < 256 and not goes_on else -1
    if not 0x32 <= byte_at(at) <= 0x33 or at + 5 >= end or byte_at(at + 4) != _COLON or not _are_hex(at, 4, classes):
        return at
    for place in range(at + 5, min(end, at + 10)):
        if byte_at(place) == _COLON:
            return -1
        if not byte_at(classes + byte_at(place)) & HEX:
            break
    return at
