"""
Whether digits in a text may be a number of something: of a card, an account, a person, a telephone or a machine.

Places are addresses; ``classes`` is where a table says of each byte what it is.
"""

from __future__ import annotations

from backbone.compiled import kernel
from backbone.compiled.memory import byte_at
from backbone.receive.kernels.cards import end_of, is_bare, is_card, number_of
from backbone.receive.kernels.characters import (
    BACKSLASH,
    COLON,
    DIGIT,
    DOT,
    GAP,
    HEX,
    LETTER,
    PLUS,
    SPACE,
    UPPER,
    WORD_CHARACTER,
    are_hex,
)  # fmt: skip

ACCOUNTS = 256
"""Where a table stands behind that of what each byte is: how long accounts of a country are, by its two letters."""
NUMBER, CARD = -1, -2

_MOST_DIGITS = 7
_WIDEST_GAP = 8
_LOWER = 0x20
_ZERO, _SMALL_X = 0x30, 0x78
_PHONE_ENDINGS = tuple(
    ord(ending[0]) << 8 | ord(ending[1])
    for ending in ("ne", "el", "le", "ll", "ax", "dn", "on", "dy", "pp", "ms", "er", "no", "nr")
)
"""Of phone, tel, mobile, cell, fax, msisdn, telefon, handy, whatsapp, sms, number, no, nr."""


@kernel
def clear_until(begin: int, at: int, end: int, classes: int) -> int:
    """
    Return `NUMBER` if a number of something may begin with the group of digits that begins here, `CARD` if it is one.

    Else the place before which no other group has to be looked at.
    """
    escaped = at - 2 >= begin and byte_at(at - 2) == BACKSLASH
    if at > begin and byte_at(classes + byte_at(at - 1)) & WORD_CHARACTER and not escaped:
        if _is_after_letters(begin, at, end, classes):
            return NUMBER
        # A letter of a Spanish number is the only one that may stand before so many digits.
        if not 0x58 <= byte_at(at - 1) <= 0x5A:
            return end_of(WORD_CHARACTER, at, end, classes)
    private = _after_address(at, end, classes)
    if private != at:
        return private
    has_plus = at > begin and byte_at(at - 1) == PLUS
    if not _is_long(at, end, classes, has_plus):
        # Nothing begins within a word.
        return end_of(WORD_CHARACTER, at, end, classes)
    stop = end_of(DIGIT, at, end, classes)
    if has_plus or not _is_alone(begin, at, stop, end, classes):
        return NUMBER
    number = number_of(at, stop)
    if is_person(number) or _is_after_phone(begin, at, classes):
        return NUMBER
    if is_card(number):
        return CARD if is_bare(begin, at, stop, end) else NUMBER
    return stop


@kernel
def _is_long(at: int, end: int, classes: int, has_plus: bool) -> bool:
    """Tell whether seven digits follow, with no more than gaps between them; or six and a letter up to D."""
    digits, gap = 0, 0
    while at < end and gap < _WIDEST_GAP:
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
    letter = byte_at(at)
    if digits == 6 and 0x41 <= letter <= 0x44:
        return True
    if gap == 0:
        # A number ends with one capital letter or a small x at most.
        goes_on = at + 1 < end and byte_at(classes + byte_at(at + 1)) & WORD_CHARACTER
        if goes_on or not (byte_at(classes + letter) & UPPER or letter == _SMALL_X):
            return False
    return digits >= _MOST_DIGITS


@kernel
def _is_alone(begin: int, at: int, stop: int, end: int, classes: int) -> bool:
    """Tell whether digits belong to no letters, and to no others across a gap."""
    if at > begin and byte_at(classes + byte_at(at - 1)) & WORD_CHARACTER:
        return False
    place = stop
    while place < end and place < stop + _WIDEST_GAP and byte_at(classes + byte_at(place)) & GAP:
        place += 1
    if place == end:
        return True
    after = byte_at(classes + byte_at(place))
    if place == stop:
        return not after & WORD_CHARACTER
    return not after & DIGIT and not (place == stop + 1 and after & UPPER)


@kernel
def is_person(number: int) -> bool:
    """Tell whether an integer may be the number of a person in France or China."""
    if 10**14 <= number < 3 * 10**14:
        month = number // 10**10 % 100
        return 1 <= month <= 12 and 97 - number // 100 % 97 == number % 100
    if 10**17 <= number < 10**18:
        century, month, day = number // 10**10 % 100, number // 10**6 % 100, number // 10**4 % 100
        return 19 <= century <= 20 and 1 <= month <= 12 and 1 <= day <= 31
    return False


@kernel
def _is_after_phone(begin: int, at: int, classes: int) -> bool:
    """Tell whether a word for a telephone may stand before digits; its last two letters are enough to ask."""
    place = at - 1
    while place >= begin and _is_before_phone(byte_at(place)):
        place -= 1
    if place <= begin or place == at - 1 or not byte_at(classes + byte_at(place)) & LETTER:
        return False
    last = (byte_at(place - 1) | _LOWER) << 8 | byte_at(place) | _LOWER
    for ending in _PHONE_ENDINGS:
        if last == ending:
            return True
    return False


@kernel
def _is_before_phone(byte: int) -> bool:
    """Tell whether a byte may stand between the word and its number: a space, a sign, a quote or its escape."""
    return (
        byte == SPACE or byte == COLON or byte == 0x3D or byte == DOT or byte == 0x23 or byte == 0x22
        or byte == 0x27 or byte == BACKSLASH or byte == 0x28 or byte == PLUS
    )  # fmt: skip


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
    if at - 2 < begin or not _is_small(byte_at(at - 1)) or not _is_small(byte_at(at - 2)):
        return False
    if (
        at - 2 > begin
        and byte_at(classes + byte_at(at - 3)) & WORD_CHARACTER
        and not (at - 3 > begin and byte_at(at - 4) == BACKSLASH)
    ):
        return False
    place, letters, digits = at + 2, 0, 0
    while place < end and letters < 7 and _is_small(byte_at(place)):
        letters += 1
        place += 1
    while place < end and digits < _MOST_DIGITS and byte_at(classes + byte_at(place)) & DIGIT:
        digits += 1
        place += 1
    return digits == _MOST_DIGITS and _is_checked(at - 2, end, classes)


@kernel
def _is_checked(at: int, end: int, classes: int) -> bool:
    """Tell whether an account in small letters has its country's length and the right check digits."""
    size = byte_at(classes + ACCOUNTS + 26 * (byte_at(at) - 0x61) + byte_at(at + 1) - 0x61)
    if size == 0 or at + size > end or (at + size < end and byte_at(classes + byte_at(at + size)) & WORD_CHARACTER):
        return False
    for place in range(at, at + size):
        if not (_is_small(byte_at(place)) or byte_at(classes + byte_at(place)) & DIGIT):
            return False
    # The first four stand behind the others, and letters for numbers from 10 on.
    rest = 0
    for place in range(size):
        byte = byte_at(at + (place + 4) % size)
        rest = (100 * rest + byte - 0x57 if _is_small(byte) else 10 * rest + byte - _ZERO) % 97
    return rest == 1


@kernel
def _is_small(byte: int) -> bool:
    return 0x61 <= byte <= 0x7A


@kernel
def _is_short(at: int, end: int, classes: int) -> bool:
    """Tell whether six digits and a letter up to D stand here, in pairs or not."""
    digits = 0
    while at < end and digits < 6 and (byte_at(classes + byte_at(at)) & DIGIT or byte_at(at) == SPACE):
        digits += 1 if byte_at(classes + byte_at(at)) & DIGIT else 0
        at += 1
    if at < end and byte_at(at) == SPACE:
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
            if byte != DOT or numbers == 4:
                break
            number, digits = 0, 0
        place += 1
    if numbers == 4:
        goes_on = place < end and (byte_at(place) == DOT or byte_at(classes + byte_at(place)) & DIGIT)
        private = first == 10 or first == 127 or first == 0 or (first == 172 and 16 <= second <= 31)
        private = private or (first == 192 and second == 168)
        return place if private and largest < 256 and not goes_on else -1
    if not 0x32 <= byte_at(at) <= 0x33 or at + 5 >= end or byte_at(at + 4) != COLON or not are_hex(at, 4, classes):
        return at
    for place in range(at + 5, min(end, at + 10)):
        if byte_at(place) == COLON:
            return -1
        if not byte_at(classes + byte_at(place)) & HEX:
            break
    return at
