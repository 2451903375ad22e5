"""
A request, walked through: where texts stand in it that may have to be scrubbed.

Of messages only those that hold such a text are noted, each before what it holds, so that notes stand in the order of
the request's bytes. Places are addresses. Source: opentelemetry/proto/{common,resource,logs,metrics,trace}/v1,
prometheus/prompb/types.proto.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from backbone.compiled import kernel
from backbone.compiled.memory import byte_at, long_at, put_long
from backbone.compiled.protobuf import FIXED64, LEN, VARINT
from backbone.model.scrubbing import NOT_TEXT, ODD_NAME, Kind
from backbone.receive.kernels.cards import is_card
from backbone.receive.kernels.digits import is_person
from backbone.receive.kernels.fields import field_of, varint_of
from backbone.receive.kernels.pairs import Known, is_plain, said_of
from backbone.receive.kernels.suspect import A_CARD, A_NUMBER, ANYTHING, CARDS, INTEGERS, NOTHING, suspicion

Bytes = NDArray[np.uint8]
Words = NDArray[np.uint64]
Numbers = NDArray[np.int64]

MALFORMED, NO_ROOM, RESERVED, TOO_DEEP = -1, -2, -3, -4
DEEPEST = 100
"""Messages within each other; protobuf's own readers go no deeper."""
RULES_FIELD = 1003
"""The field by which a message tells which rules found something in it; no sender may set it."""

MESSAGE, PAIR, CARRIER, TEXT, VALUE = range(5)
"""
What is noted: a message, a pair of a name and a value, a message that has `RULES_FIELD`, a field of text, and a value,
which becomes a text whatever it was.
"""
WHAT, FIELD, SIZE, BEGIN, END, PARENT, KIND, FIRST, LAST, HOLDS = range(10)
"""
Columns of a note: what it is; where its field, the field's size and its content begin, and where that ends; the note of
the message around it; what the name says of it; where its text begins and ends; what may be in that, see
`backbone.receive.kernels.suspect`.
"""
COLUMNS = 10
_ROW_BYTES = 8 * COLUMNS
NUMBER = -1
"""In place of the end of a text: its beginning is a number, and the text that number's digits."""

SKIP, STRING, ANY_VALUE, KEY_VALUE, KEY, LABEL, FIRST_MESSAGE = range(7)
"""
What a field holds: an attribute is a `KEY_VALUE`, a `LABEL` is one whose value is a text. From `FIRST_MESSAGE` on it is
the message of that number less six.
"""
FIELDS = 32
"""Fields that a message has at most; there is none of the number 0, whose place says `HAS_RULES`, or nothing."""
HAS_RULES = 1
REQUEST, ANY_VALUE_MESSAGE, PAIR_MESSAGE, LABEL_MESSAGE = range(4)
"""Messages that are there in every shape."""

_ANY, _ADDRESS, _KEPT, _NAMED, _BYTES = (
    int(kind) for kind in (Kind.ANY, Kind.ADDRESS, Kind.KEPT, Kind.NAMED, Kind.BYTES)
)
_ODD, _NOT_TEXT = ODD_NAME, NOT_TEXT
_EMPTY, _TEXT, _BOOL, _INT, _DOUBLE, _LIST, _PAIRS, _RAW = range(8)
"""What a value is, by the number of its field."""


Place = tuple[int, int, int, int]
"""Where a field, its size and its content begin, and where that ends."""


class Notes(NamedTuple):
    """
    Where to write what is found, by address; numbers are of eight bytes.

    Attributes:
        rows, room: notes of `COLUMNS` numbers each, and how many there may be.
        unknown, names: where names begin and end that are not known, and their keys, three numbers each.
        counts: how many notes and names there are, two numbers.
    """

    rows: int
    room: int
    unknown: int
    names: int
    counts: int


@kernel
def _noted(notes: Notes, what: int, place: Place, parent: int, kind: int, holds: int) -> int:
    """Take a note of a field; return its number, or `NO_ROOM`."""
    number = long_at(notes.counts)
    if number >= notes.room:
        return NO_ROOM
    row = notes.rows + number * _ROW_BYTES
    put_long(row + 8 * WHAT, what)
    put_long(row + 8 * FIELD, place[0])
    put_long(row + 8 * SIZE, place[1])
    put_long(row + 8 * BEGIN, place[2])
    put_long(row + 8 * END, place[3])
    put_long(row + 8 * PARENT, parent)
    put_long(row + 8 * KIND, kind)
    put_long(row + 8 * FIRST, place[2])
    put_long(row + 8 * LAST, place[3])
    put_long(row + 8 * HOLDS, holds)
    put_long(notes.counts, number + 1)
    return number


@kernel
def _form(begin: int, end: int) -> tuple[int, int, int]:
    """Return what a value is, and where its text begins and ends, or its number; -1 if it cannot be read."""
    if begin == end:
        return _EMPTY, 0, 0
    number, kind, _, first, last = field_of(begin, end)
    # Of several fields only one counts, and which one readers do not agree on.
    if number < 0 or last != end:
        return -1, 0, 0
    if kind == LEN and (number == _TEXT or _LIST <= number <= _RAW):
        return number, first, last
    if number == _INT and kind == VARINT:
        return _INT, varint_of(first, last)[0], NUMBER
    if number == _DOUBLE and kind == FIXED64:
        value = np.int64(long_at(first)).view(np.float64)
        return _DOUBLE, int(np.int64(value)) if 1e12 <= value < 9e18 else 0, NUMBER
    return (_BOOL if number == _BOOL else _EMPTY), 0, 0


@kernel
def _parts(at: int, end: int) -> tuple[int, int, Place]:
    """Return where the name of a pair begins and ends and the place of its value, -1 and 0 where there is none."""
    name, name_end, value = at, at, (0, 0, 0, 0)
    names, values = 0, 0
    while at < end:
        begin = at
        number, kind, size_at, first, at = field_of(at, end)
        if number < 0:
            return -1, 0, value
        if number == 1 and kind == LEN:
            name, name_end, names = first, at, names + 1
        elif number == 2 and kind == LEN:
            value, values = (begin, size_at, first, at), values + 1
    return (name if names < 2 and values < 2 else -1), name_end, value


@kernel
def _asked_of(begin: int, end: int, key: int, notes: Notes) -> int:
    """Note a name that is not known; return what is taken of it until it is, or `NO_ROOM`."""
    number = long_at(notes.counts + 8)
    if number >= notes.names:
        return NO_ROOM
    row = notes.unknown + 24 * number
    put_long(row, begin)
    put_long(row + 8, end)
    put_long(row + 16, key)
    put_long(notes.counts + 8, number + 1)
    return _ANY


@kernel
def _kind_of(begin: int, end: int, known: Known, notes: Notes) -> int:
    """Return what a name says of its value, having noted it if that is not known; or `NO_ROOM`."""
    kind, key = said_of(begin, end, known)
    return kind if kind >= 0 else _asked_of(begin, end, key, notes)


@kernel
def _asked(form: tuple[int, int, int], place: Place, kind: int, known: Known) -> tuple[int, int, int, int]:
    """Return what may be in a value, where its text begins and ends, and its kind."""
    what, first, last = form
    if kind >= _NAMED:
        if what == _TEXT or what == _INT:
            return ANYTHING if what == _INT or first != last else NOTHING, first, last, kind
        return ANYTHING if what != _EMPTY else NOTHING, place[2], place[3], kind | _NOT_TEXT
    if what == _TEXT:
        return suspicion(first, last, known.tables, known.besides, False), first, last, kind
    if what == _RAW:
        found = suspicion(first, last, known.tables, known.besides, True)
        return ANYTHING if found != NOTHING else NOTHING, first, last, _BYTES
    if what == _INT and known.besides & INTEGERS:
        return ANYTHING, first, last, kind
    if what == _INT or what == _DOUBLE:
        if is_card(first):
            return A_CARD if what == _INT and known.besides & CARDS else A_NUMBER, first, last, kind
        return A_NUMBER if is_person(first) else NOTHING, first, last, kind
    return NOTHING, 0, 0, 0


@kernel
def _value(place: Place, parent: int, kind: int, known: Known, notes: Notes) -> int:
    """Note a value if it may have to be scrubbed; return 1 if what it holds is to be gone through, or what is wrong."""
    form = _form(place[2], place[3])
    if form[0] < 0:
        return MALFORMED
    if kind == _KEPT:
        return 0
    if kind < _KEPT and _LIST <= form[0] <= _PAIRS:
        return 1
    holds, first, last, kind = _asked(form, place, kind, known)
    if holds == NOTHING:
        return 0
    note = _noted(notes, VALUE, place, parent, kind, holds)
    if note < 0:
        return NO_ROOM
    row = notes.rows + note * _ROW_BYTES
    put_long(row + 8 * FIRST, first)
    put_long(row + 8 * LAST, last)
    return 0


@kernel
def _pair(place: Place, parent: int, around: int, known: Known, notes: Notes) -> tuple[int, int]:
    """Note a pair as `_value` does a value; return what that returns, and the pair's kind."""
    name, name_end, value = _parts(place[2], place[3])
    if name < 0:
        return MALFORMED, 0
    kind = _kind_of(name, name_end, known, notes)
    if kind < 0:
        return NO_ROOM, 0
    if kind == _ANY and around == _ADDRESS:
        kind = _ADDRESS
    if kind & _ODD:
        return 1, kind
    if value[0] == 0:
        return 0, kind
    # Its value is noted as that of the note that is taken of the pair if there is need to.
    number = long_at(notes.counts)
    put_long(notes.counts, number + 1)
    status = _value(value, number, kind, known, notes) if number < notes.room else NO_ROOM
    noted = long_at(notes.counts) > number + 1
    put_long(notes.counts, number)
    if status == 0 and noted:
        _noted(notes, PAIR, place, parent, kind, NOTHING)
        put_long(notes.counts, number + 2)
    return status, kind


@kernel
def _label(begin: int, end: int, known: Known, notes: Notes) -> tuple[int, int]:
    """Return 1 if a label is to be gone through, 0 if nothing is in it, or what is wrong, and its kind."""
    name, name_end, value = _parts(begin, end)
    if name < 0:
        return MALFORMED, 0
    kind = _kind_of(name, name_end, known, notes)
    if kind < 0:
        return NO_ROOM, 0
    if kind < _KEPT:
        return suspicion(value[2], value[3], known.tables, known.besides, False) != NOTHING, kind
    return kind != _KEPT, kind


@kernel
def _string(place: Place, parent: int, is_name: bool, around: int, known: Known, notes: Notes) -> int:
    """Note a field of text if it may have to be scrubbed; a name where it is known that it has to."""
    kind = _ANY if is_name else around & (_ODD - 1)
    if is_name:
        holds = ANYTHING if around & _ODD else NOTHING
    elif kind >= _KEPT:
        holds = ANYTHING if kind != _KEPT and place[2] != place[3] else NOTHING
    else:
        holds = suspicion(place[2], place[3], known.tables, known.besides, False)
    return min(_noted(notes, TEXT, place, parent, kind, holds), 0) if holds != NOTHING else 0


@kernel
def _what(message: int, shapes: int) -> int:
    """Return what a message is noted as."""
    if message == PAIR_MESSAGE or message == LABEL_MESSAGE:
        return PAIR
    return CARRIER if byte_at(shapes + FIELDS * message) == HAS_RULES else MESSAGE


@kernel
def _held(holds: int, place: Place, own: int, around: int, known: Known, notes: Notes) -> tuple[int, int, int]:
    """
    Note a field if it may have to be scrubbed.

    Returns 1 if what it holds is to be gone through, 0 if not, or what is wrong; what is said of it; and its message.
    """
    if holds == STRING or holds == KEY:
        return _string(place, own, holds == KEY, around, known, notes), around, ANY_VALUE_MESSAGE
    if holds == KEY_VALUE:
        status, around = _pair(place, own, around, known, notes)
        return status, around, PAIR_MESSAGE
    if holds == LABEL:
        status, around = _label(place[2], place[3], known, notes)
        return status, around, LABEL_MESSAGE
    if holds == ANY_VALUE:
        around &= _ODD - 1
        return _value(place, own, around, known, notes), around, ANY_VALUE_MESSAGE
    return 1, around, holds - FIRST_MESSAGE


@kernel
def look(data: int, end: int, known: Known, notes: Notes) -> int:
    """
    Note what may have to be scrubbed in a request; return 0, or what is wrong with it.

    Names that are not known are noted as well; what is noted of their values is worth nothing until they are.
    """
    # Of each level: where its message ends, which message it is, its note, and what is said of what it holds.
    ends, messages = np.zeros(DEEPEST, np.int64), np.zeros(DEEPEST, np.int64)
    owners, said = np.zeros(DEEPEST, np.int64), np.zeros(DEEPEST, np.int64)
    ends[0], owners[0] = end, -1
    level, at = 0, data
    while True:
        own = owners[level]
        if at == ends[level]:
            if level == 0:
                return 0
            # A message in which nothing was found is not noted.
            if long_at(notes.counts) == own + 1:
                put_long(notes.counts, own)
            level -= 1
            continue
        begin = at
        number, kind, size_at, first, at = field_of(at, ends[level])
        if number < 0:
            return MALFORMED
        shape = known.shapes + FIELDS * messages[level]
        if number == RULES_FIELD and byte_at(shape) == HAS_RULES:
            return RESERVED
        holds = byte_at(shape + number) if kind == LEN and number < FIELDS else SKIP
        if holds == SKIP or (holds == KEY_VALUE and is_plain(first, at, known)):
            continue
        place = begin, size_at, first, at
        status, around, inner = _held(holds, place, own, said[level], known, notes)
        if status < 0:
            return status
        if status == 1:
            # What it holds is gone through next.
            if level + 1 == DEEPEST:
                return TOO_DEEP
            own = _noted(notes, _what(inner, known.shapes), place, own, _ANY, NOTHING)
            if own < 0:
                return own
            level += 1
            ends[level], messages[level], owners[level], said[level] = at, inner, own, around
            at = first
