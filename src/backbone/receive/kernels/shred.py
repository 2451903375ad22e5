"""
A request, taken apart: a table of numbers for each message that repeats, with a row for each time it is there.

A row holds the number of the row around it, and of each field where its text begins and ends, or its number. Texts stay
where they are, in the request; places are addresses. Which field goes where, a plan says that is made from the wire's
messages, see `backbone.receive.rows.plan`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from backbone.compiled import kernel
from backbone.compiled.memory import byte_at, int_at, long_at, put_long
from backbone.compiled.protobuf import FIXED32, FIXED64, LEN, VARINT
from backbone.receive.kernels.anyvalue import is_sound, pair_of, value_of
from backbone.receive.kernels.fields import field_of, varint_of
from backbone.receive.kernels.look import FIELDS, MALFORMED, NO_ROOM, RULES_FIELD

DEEPEST = 16
"""Messages within each other that a plan may have."""

SKIP, TEXT, INTEGER, LONG, SHORT, VALUE, PAIR, INSIDE, ROW = range(9)
"""
What is done with a field: a `TEXT` takes two columns, a `VALUE` three, see `backbone.receive.kernels.anyvalue`, numbers
take one. A `PAIR` has a row of its own, of a text and a value; any other message is gone through, as part of the row
that it is in or as a row of its own.
"""
ACTION_BITS, COLUMN_BITS = 4, 12
"""A field of the plan: what is done, its column or its table, and its message; of values how deep they lie."""

_KEY_TAG, _VALUE_TAG = 0x0A, 0x12
_TEXT_TAG, _BOOL_TAG, _INT_TAG, _DOUBLE_TAG = 0x0A, 0x10, 0x18, 0x21
_LEAST_PAIR = 6
"""Bytes of a pair, its name among them, that `_put_short_pair` looks at."""


class Plan(NamedTuple):
    """
    What is done with fields, and where rows go, all by address.

    Attributes:
        fields: a number of eight bytes for each field, `look.FIELDS` for each message, the request's first; the place
            of the field 0, which there is none of, is that of `look.RULES_FIELD`.
        tables: of each table where its rows begin, how many there are, how many there may be, and how many numbers a
            row has.
    """

    fields: int
    tables: int


@kernel
def _new_row(tables: int, table: int, parent: int) -> tuple[int, int]:
    """Return where the next row of a table begins, emptied, and its number, -1 if there is no room."""
    about = tables + 32 * table
    number = long_at(about + 8)
    if number >= long_at(about + 16):
        return 0, -1
    width = long_at(about + 24)
    row = long_at(about) + 8 * width * number
    put_long(row, parent)
    for column in range(1, width):
        put_long(row + 8 * column, 0)
    put_long(about + 8, number + 1)
    return row, number


@kernel
def _put_value(begin: int, end: int, depth: int, place: int) -> bool:
    """Write what a value is and where; tell whether it can be read."""
    what, first, last = value_of(begin, end)
    put_long(place, what)
    put_long(place + 8, first)
    put_long(place + 16, last)
    return what >= 0 and is_sound(what, first, last, depth)


@kernel
def _put_five(name: int, name_end: int, what: int, first: int, last: int, row: int) -> None:
    put_long(row + 8, name)
    put_long(row + 16, name_end)
    put_long(row + 24, what)
    put_long(row + 32, first)
    put_long(row + 40, last)


@kernel
def _put_short_pair(begin: int, end: int, row: int) -> bool:
    """Write a pair as most are: a short name, then a value that is a short text or a number; tell whether it is one."""
    if end - begin < _LEAST_PAIR or byte_at(begin) != _KEY_TAG:
        return False
    value = begin + 2 + byte_at(begin + 1)
    if value + 4 > end or byte_at(value) != _VALUE_TAG or value + 2 + byte_at(value + 1) != end:
        return False
    tag, inner = byte_at(value + 2), value + 3
    what, first, last = tag >> 3, inner + 1, end
    if tag == _TEXT_TAG:
        if inner + 1 + byte_at(inner) != end:
            return False
    elif tag == _DOUBLE_TAG:
        if end - inner != 8:
            return False
        first, last = long_at(inner), 0
    elif tag == _INT_TAG or tag == _BOOL_TAG:
        first, last = byte_at(inner), 0
        if first >= 0x80:
            first = first & 0x7F | byte_at(inner + 1) << 7
            inner += 1
        if inner + 1 != end or byte_at(inner) >= 0x80:
            return False
    else:
        return False
    # A size that goes on after its first byte leads nowhere by chance.
    _put_five(begin + 2, value, what, first, last, row)
    return byte_at(begin + 1) < 0x80 and byte_at(value + 1) < 0x80


@kernel
def _put_pair(begin: int, end: int, depth: int, row: int) -> bool:
    """Write where a name is, and what its value is and where; tell whether they can be read."""
    if _put_short_pair(begin, end, row):
        return True
    name, name_end, what, first, last = pair_of(begin, end)
    _put_five(name, name_end, what, first, last, row)
    return name >= 0 and is_sound(what, first, last, depth)


@kernel
def _put_number(action: int, kind: int, begin: int, end: int, place: int) -> bool:
    """Write a number; tell whether it is of the kind that it has to be."""
    if action == INTEGER:
        put_long(place, varint_of(begin, end)[0])
        return kind == VARINT
    if action == LONG:
        if kind == FIXED64:
            put_long(place, long_at(begin))
        return kind == FIXED64
    if kind == FIXED32:
        put_long(place, int_at(begin))
    return kind == FIXED32


@kernel
def shred(data: int, end: int, request: int, plan: Plan) -> int:
    """
    Add a request's rows to tables; return 0, or what is wrong.

    Args:
        data, end: where the request begins and ends.
        request: its number, which the rows of its outermost messages hold.
    """
    # Of each level: where its message ends, which message it is, its row and that row's number.
    ends, messages = np.zeros(DEEPEST, np.int64), np.zeros(DEEPEST, np.int64)
    rows, numbers = np.zeros(DEEPEST, np.int64), np.zeros(DEEPEST, np.int64)
    ends[0], numbers[0] = end, request
    level, at = 0, data
    while True:
        if at == ends[level]:
            if level == 0:
                return 0
            level -= 1
            continue
        field, kind, _, first, at = field_of(at, ends[level])
        if field < 0:
            return MALFORMED
        if field >= FIELDS:
            if field != RULES_FIELD:
                continue
            field = 0
        said = long_at(plan.fields + 8 * (FIELDS * messages[level] + field))
        action = said & (1 << ACTION_BITS) - 1
        if action == SKIP:
            continue
        column, inner = said >> ACTION_BITS & (1 << COLUMN_BITS) - 1, said >> ACTION_BITS + COLUMN_BITS
        place = rows[level] + 8 * column
        if INTEGER <= action <= SHORT:
            if not _put_number(action, kind, first, at, place):
                return MALFORMED
            continue
        if kind != LEN:
            return MALFORMED
        if action == TEXT:
            put_long(place, first)
            put_long(place + 8, at)
        elif action == VALUE:
            if not _put_value(first, at, inner, place):
                return MALFORMED
        else:
            row, number = rows[level], numbers[level]
            if action != INSIDE:
                row, number = _new_row(plan.tables, column, number)
                if number < 0:
                    return NO_ROOM
            if action == PAIR:
                if not _put_pair(first, at, inner, row):
                    return MALFORMED
                continue
            level += 1
            ends[level], messages[level], rows[level], numbers[level] = at, inner, row, number
            at = first
