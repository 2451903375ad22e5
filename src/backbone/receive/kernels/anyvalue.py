"""
OpenTelemetry's AnyValue as text: what a person searches for, and what tells exactly what was sent.

Strings are as they are, numbers and booleans in their usual form, bytes are base64, arrays and lists of pairs JSON.
What JSON cannot say stands in OTLP/JSON's tagged form (``{"bytesValue": "aGk="}``, ``{"doubleValue": "nan"}``). What
lies deeper than `DEEPEST` is the bytes of its message in base64 (``{"arrayProto": "…"}``, ``{"kvlistProto": "…"}``),
which `backbone.query.values` unfolds when it reads.

Source: opentelemetry/proto/common/v1/common.proto.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from backbone.compiled import kernel
from backbone.compiled.decimals import MOST_DIGITS, put_double, put_integer
from backbone.compiled.memory import byte_at, copy_bytes, long_at, put_byte
from backbone.compiled.protobuf import FIXED64, LEN, VARINT
from backbone.receive.kernels.fields import field_of, varint_of

NOTHING, STRING, BOOL, INT, DOUBLE, ARRAY, PAIRS, RAW = range(8)
"""What a value is, by the number of its field."""
KINDS = ("", "string_value", "bool_value", "int_value", "double_value", "array_value", "kvlist_value", "bytes_value")
"""The fields' names."""
DEEPEST = 2
"""How many arrays or lists of pairs may lie within each other to be told as JSON."""
MOST_AROUND = 64
GROWTH = 6
"""A value's text takes at most so many bytes for each of the value's, and `MOST_AROUND` besides."""

_MOST_LEVELS = DEEPEST + 2
_QUOTE, _BACKSLASH, _COMMA, _COLON = 0x22, 0x5C, 0x2C, 0x3A


def _escapes() -> NDArray[np.uint8]:
    """Return for each byte the letter of its escape in JSON, ``u`` where that takes digits, 0 where there is none."""
    table = np.zeros(256, np.uint8)
    table[:0x20] = ord("u")
    for byte, letter in zip(b'\b\t\n\f\r"\\/', b'btnfr"\\/', strict=True):
        table[byte] = letter
    return table


_ESCAPES = _escapes()
_DIGITS = np.frombuffer(b"0123456789ABCDEF", np.uint8).copy()
_BASE64 = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", np.uint8).copy()


def _words(*texts: bytes) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    ends = np.cumsum([0, *map(len, texts)])
    return np.frombuffer(b"".join(texts), np.uint8).copy(), ends


_TEXTS, _ENDS = _words(
    b"true", b"false", b"null", b'{"doubleValue":"', b'{"bytesValue":"', b'{"arrayProto":"', b'{"kvlistProto":"', b'"}'
)
_TRUE, _FALSE, _NULL, _OF_DOUBLE, _OF_BYTES, _OF_ARRAY, _OF_PAIRS, _END = range(8)


@kernel
def value_of(begin: int, end: int) -> tuple[int, int, int]:
    """Return what a value is, and where it begins and ends, or its number; -1 if it cannot be read."""
    what, first, last = NOTHING, 0, 0
    at = begin
    while at < end:
        number, kind, _, content, at = field_of(at, end)
        if number < 0:
            return -1, 0, 0
        if number > RAW:
            continue
        if kind == LEN and number != BOOL and number != INT and number != DOUBLE:
            what, first, last = number, content, at
        elif kind == VARINT and (number == BOOL or number == INT):
            what, first, last = number, varint_of(content, at)[0], 0
        elif kind == FIXED64 and number == DOUBLE:
            what, first, last = number, long_at(content), 0
        else:
            return -1, 0, 0
    return what, first, last


@kernel
def pair_of(begin: int, end: int) -> tuple[int, int, int, int, int]:
    """Return where a pair's name begins and ends and what its value is, see `value_of`; -1 if it cannot be read."""
    name, name_end, what, first, last = begin, begin, NOTHING, 0, 0
    at = begin
    while at < end:
        number, kind, _, content, at = field_of(at, end)
        if number < 0 or (number <= 2 and kind != LEN):
            return -1, 0, 0, 0, 0
        if number == 1:
            name, name_end = content, at
        elif number == 2:
            what, first, last = value_of(content, at)
            if what < 0:
                return -1, 0, 0, 0, 0
    return name, name_end, what, first, last


@kernel
def _member(what: int, begin: int, end: int) -> tuple[int, int, int, int, int]:
    """Return a member of an array or a list of pairs as `pair_of` does; those of arrays have no name."""
    if what == PAIRS:
        return pair_of(begin, end)
    inner, first, last = value_of(begin, end)
    return (begin if inner >= 0 else -1), begin, inner, first, last


@kernel
def _is_flat_sound(what: int, begin: int, end: int) -> bool:
    at = begin
    while at < end:
        number, kind, _, first, at = field_of(at, end)
        if number < 0 or (number == 1 and (kind != LEN or _member(what, first, at)[0] < 0)):
            return False
    return True


@kernel
def is_sound(what: int, begin: int, end: int, depth: int) -> bool:
    """Tell whether a value can be read as deep as its text goes."""
    if depth >= DEEPEST or what < ARRAY or what > PAIRS:
        return True
    at = begin
    while at < end:
        number, kind, _, first, at = field_of(at, end)
        if number < 0 or (number == 1 and kind != LEN):
            return False
        if number != 1:
            continue
        name, _, inner, inner_begin, inner_end = _member(what, first, at)
        if name < 0:
            return False
        if ARRAY <= inner <= PAIRS and depth + 1 < DEEPEST and not _is_flat_sound(inner, inner_begin, inner_end):
            return False
    return True


@kernel
def _put_text(number: int, at: int) -> int:
    for place in range(_ENDS[number], _ENDS[number + 1]):
        put_byte(at, _TEXTS[place])
        at += 1
    return at


@kernel
def put_base64(begin: int, end: int, at: int) -> int:
    """Write bytes in base64; return where it ends."""
    while begin < end:
        left = end - begin
        word = byte_at(begin) << 16
        if left > 1:
            word |= byte_at(begin + 1) << 8
        if left > 2:
            word |= byte_at(begin + 2)
        for place in range(4):
            put_byte(at + place, _BASE64[word >> (18 - 6 * place) & 63] if place <= left else 0x3D)
        begin += 3
        at += 4
    return at


@kernel
def _is_separator(at: int, end: int) -> bool:
    """Tell whether U+2028 or U+2029 stands here, which JSON may hold and JavaScript may not."""
    return at + 3 <= end and byte_at(at) == 0xE2 and byte_at(at + 1) == 0x80 and byte_at(at + 2) & 0xFE == 0xA8


@kernel
def put_json_string(begin: int, end: int, at: int) -> int:
    """Write a text in quotes; return where it ends."""
    put_byte(at, _QUOTE)
    at += 1
    while begin < end:
        byte = byte_at(begin)
        letter = _ESCAPES[byte]
        if letter == 0 and not _is_separator(begin, end):
            put_byte(at, byte)
            begin += 1
            at += 1
            continue
        put_byte(at, _BACKSLASH)
        put_byte(at + 1, letter or 0x75)
        at += 2
        if letter == 0:
            code = 0x2028 | byte_at(begin + 2) & 1
            begin += 3
        else:
            code = byte
            begin += 1
        if letter == 0 or letter == 0x75:
            for place in range(4):
                put_byte(at + place, _DIGITS[code >> (12 - 4 * place) & 15])
            at += 4
    put_byte(at, _QUOTE)
    return at + 1


@kernel
def _is_whole(begin: int, end: int) -> bool:
    """Tell whether a number's text is nothing but digits, and a sign."""
    for place in range(begin, end):
        byte = byte_at(place)
        if not 0x30 <= byte <= 0x39 and not (byte == 0x2D and place == begin):
            return False
    return True


@kernel
def _put_json_double(bits: int, at: int) -> int:
    if bits & 0x7FF0000000000000 == 0x7FF0000000000000:
        return _put_text(_END, put_double(bits, _put_text(_OF_DOUBLE, at)))
    end = put_double(bits, at)
    # It keeps its point, so that 1.0 does not come back as an integer.
    if _is_whole(at, end):
        put_byte(end, 0x2E)
        put_byte(end + 1, 0x30)
        end += 2
    return end


@kernel
def _put_json_scalar(what: int, first: int, last: int, at: int) -> int:
    if what == STRING:
        return put_json_string(first, last, at)
    if what == INT:
        return put_integer(first, at)
    if what == DOUBLE:
        return _put_json_double(first, at)
    if what == BOOL:
        return _put_text(_TRUE if first != 0 else _FALSE, at)
    if what == RAW:
        return _put_text(_END, put_base64(first, last, _put_text(_OF_BYTES, at)))
    if what == NOTHING:
        return _put_text(_NULL, at)
    # Deeper than told as JSON.
    at = _put_text(_OF_ARRAY if what == ARRAY else _OF_PAIRS, at)
    return _put_text(_END, put_base64(first, last, at))


@kernel
def _put_bracket(what: int, closing: int, at: int) -> int:
    put_byte(at, (0x5B if what == ARRAY else 0x7B) + closing)
    return at + 1


@kernel
def _put_nested(what: int, begin: int, end: int, depth: int, out: int) -> int:
    """Write an array or a list of pairs that `is_sound`, as JSON."""
    # Of each level: what it is, where it ends, and where the one around it goes on.
    whats, ends, around = (
        np.zeros(_MOST_LEVELS, np.int64),
        np.zeros(_MOST_LEVELS, np.int64),
        np.zeros(_MOST_LEVELS, np.int64),
    )
    level, at, is_first = 0, begin, True
    whats[0], ends[0] = what, end
    out = _put_bracket(what, 0, out)
    while level >= 0:
        if at == ends[level]:
            out = _put_bracket(whats[level], 2, out)
            at = around[level]
            level -= 1
            is_first = False
            continue
        number, _, _, first, at = field_of(at, ends[level])
        if number != 1:
            continue
        if not is_first:
            put_byte(out, _COMMA)
            out += 1
        name, name_end, inner, begin, end = _member(whats[level], first, at)
        if whats[level] == PAIRS:
            out = put_json_string(name, name_end, out)
            put_byte(out, _COLON)
            out += 1
        is_first = False
        if ARRAY <= inner <= PAIRS and depth + level + 1 < DEEPEST:
            level += 1
            whats[level], ends[level], around[level] = inner, end, at
            out = _put_bracket(inner, 0, out)
            at, is_first = begin, True
        else:
            out = _put_json_scalar(inner, begin, end, out)
    return out


@kernel
def most_bytes(what: int, first: int, last: int) -> int:
    """Return how many bytes `put_value` writes at most."""
    if what == STRING:
        return last - first
    if what < ARRAY:
        return MOST_DIGITS
    return GROWTH * (last - first) + MOST_AROUND


@kernel
def put_value(what: int, first: int, last: int, depth: int, at: int) -> int:
    """Write the text of a value, see `value_of`, that lies so deep; return where it ends."""
    if what == STRING:
        copy_bytes(at, first, last - first)
        return at + last - first
    if what == INT:
        return put_integer(first, at)
    if what == DOUBLE:
        return put_double(first, at)
    if what == BOOL:
        return _put_text(_TRUE if first != 0 else _FALSE, at)
    if what == RAW:
        return put_base64(first, last, at)
    if what == NOTHING:
        return at
    return _put_nested(what, first, last, depth, at) if depth < DEEPEST else _put_json_scalar(what, first, last, at)
