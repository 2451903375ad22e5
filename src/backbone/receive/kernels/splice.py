"""
The texts of a request that have to be asked about, as rows for the engine, and a request with its answers put in.

Rows are the engine's RowBinary: numbers with the lowest byte first, texts after their length.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from backbone.compiled import kernel
from backbone.compiled.decimals import put_integer
from backbone.compiled.protobuf import FIXED64, LEN, Bytes, put_varint, varint
from backbone.receive.kernels.cards import put_mask, put_masked
from backbone.receive.kernels.look import (
    BEGIN,
    CARRIER,
    END,
    FIELD,
    FIRST,
    HOLDS,
    KIND,
    LAST,
    NUMBER,
    PAIR,
    PARENT,
    RULES_FIELD,
    SIZE,
    TEXT,
    VALUE,
    WHAT,
    Numbers,
    Words,
)
from backbone.receive.kernels.suspect import A_CARD

_RULES_TAG = RULES_FIELD << 3 | FIXED64
_RULES_BYTES = 10
_LONGEST_NUMBER = 20
_TEXT_FIELD = 1 << 3 | LEN
_KEPT, _CHANGED, _GONE = 0, 1, 2


class Answers(NamedTuple):
    """
    What the engine says of texts.

    Attributes:
        data: its answer.
        first, last: where the text begins and ends in it that is put in place of a note's, (note,).
        rules: a bit for each rule that found something, (note,).
        fates: whether a note's text is changed or gone, (note,).
    """

    data: Bytes
    first: Numbers
    last: Numbers
    rules: Words
    fates: Bytes


@kernel
def _varint_bytes(value: int) -> int:
    size = 1
    while value > 0x7F:
        value >>= 7
        size += 1
    return size


@kernel
def _copied(data: Bytes, begin: int, end: int, out: Bytes, at: int) -> int:
    out[at : at + end - begin] = data[begin:end]
    return at + end - begin


@kernel
def _put_number(number: int, out: Bytes, at: int) -> int:
    """Write a number's length and digits."""
    begin = int(np.int64(out.ctypes.data)) + at + 1
    out[at] = put_integer(number, begin) - begin
    return at + 1 + int(out[at])


@kernel
def _put_place(place: int, out: Bytes, at: int) -> int:
    for byte in range(4):
        out[at + byte] = place >> 8 * byte & 0xFF
    return at + 4


@kernel
def rows_size(rows: Numbers, count: int, tenant: Bytes) -> int:
    """Return how many bytes `put_rows` writes at most."""
    size = 0
    for note in range(count):
        if rows[note, WHAT] >= TEXT:
            text = rows[note, LAST] - rows[note, FIRST] if rows[note, LAST] != NUMBER else _LONGEST_NUMBER
            size += 15 + len(tenant) + text
    return int(size)


@kernel
def put_rows(data: Bytes, rows: Numbers, count: int, before: int, tenant: Bytes, out: Bytes) -> int:
    """
    Write a row for each text that is to be asked about; return the length.

    *before* is how many notes other requests have before these.
    """
    at = 0
    for note in range(count):
        if rows[note, HOLDS] <= A_CARD:
            continue
        at = _put_place(before + note, out, at)
        out[at] = rows[note, KIND]
        at = put_varint(len(tenant), out, at + 1)
        at = _copied(tenant, 0, len(tenant), out, at)
        if rows[note, LAST] == NUMBER:
            at = _put_number(rows[note, FIRST], out, at)
        else:
            at = put_varint(rows[note, LAST] - rows[note, FIRST], out, at)
            at = _copied(data, rows[note, FIRST], rows[note, LAST], out, at)
    return at


@kernel
def put_cards(data: Bytes, rows: Numbers, count: int, before: int, classes: int, bit: int, out: Bytes) -> int:
    """
    Write an answer for each text in which there is nothing but cards that stand alone; return the length.

    Args:
        data, rows, count, before: as for `put_rows`, which takes more room.
        classes: where a table says of each byte what it is.
        bit: of the rule that masks cards.
        out: for rows as `read_answers` reads them.
    """
    from_, at = int(np.int64(data.ctypes.data)), 0
    to = int(np.int64(out.ctypes.data))
    for note in range(count):
        if rows[note, HOLDS] != A_CARD:
            continue
        at = _put_place(before + note, out, at)
        for byte in range(8):
            out[at + byte] = bit >> 8 * byte & 0xFF
        out[at + 8] = 0
        at += 9
        if rows[note, LAST] == NUMBER:
            begin = at + 1
            size = put_mask(to + begin) - to - begin
        else:
            # Where its text begins depends on how long it will be, which is less than it was.
            first, last = rows[note, FIRST], rows[note, LAST]
            begin = at + _varint_bytes(last - first)
            size = put_masked(from_ + first, from_ + last, classes, to + begin) - to - begin
        place = put_varint(size, out, at)
        for byte in range(size if place < begin else 0):
            out[place + byte] = out[begin + byte]
        at = place + size
    return at


@kernel
def put_names(data: Bytes, unknown: Numbers, count: int, before: int, out: Bytes) -> int:
    """Write a row for each name that is not known; return the length."""
    at = 0
    for name in range(count):
        at = _put_place(before + name, out, at)
        out[at] = out[at + 1] = 0
        at = put_varint(unknown[name, 1] - unknown[name, 0], out, at + 2)
        at = _copied(data, unknown[name, 0], unknown[name, 1], out, at)
    return at


@kernel
def read_answers(answers: Answers) -> int:
    """Read rows of ``place, rules, gone, clean`` from an answer; return how many there are."""
    data, at, count = answers.data, 0, 0
    while at < len(data):
        place, rules = 0, np.uint64(0)
        for byte in range(4):
            place |= int(data[at + byte]) << 8 * byte
        for byte in range(8):
            rules |= np.uint64(data[at + 4 + byte]) << np.uint64(8 * byte)
        answers.rules[place] = rules
        answers.fates[place] = _GONE if data[at + 12] else _CHANGED
        size, at = varint(data, at + 13, len(data))
        answers.first[place], answers.last[place] = at, at + int(size)
        at += int(size)
        count += 1
    return count


@kernel
def plan(rows: Numbers, count: int, before: int, answers: Answers, sizes: Numbers, found: Words, fates: Bytes) -> int:
    """
    Work out what becomes of each note; return by how many bytes the request grows.

    Args:
        rows, count: the request's notes.
        before: how many notes other requests have before these.
        answers: what the engine says.
        sizes: how large the content of each note will be, (count,).
        found: which rules found something in it, (count,).
        fates: whether it is kept, changed or gone, (count,).
    """
    grown = np.zeros(count, np.int64)
    whole = 0
    # Notes stand before those of what they hold, so from the last one on all is known.
    for note in range(count - 1, -1, -1):
        row = rows[note]
        old = row[END] - row[BEGIN]
        if row[WHAT] >= TEXT:
            fates[note], found[note] = answers.fates[before + note], answers.rules[before + note]
            if fates[note] == _GONE and row[PARENT] >= 0 and rows[row[PARENT], WHAT] == PAIR:
                fates[row[PARENT]] = _GONE
            text = answers.last[before + note] - answers.first[before + note]
            sizes[note] = text + 1 + _varint_bytes(text) if row[WHAT] == VALUE else text
        else:
            has_rules = row[WHAT] == CARRIER and found[note] != 0
            sizes[note] = old + grown[note] + (_RULES_BYTES if has_rules else 0)
        if fates[note] == _KEPT:
            continue
        more = (
            row[FIELD] - row[END]
            if fates[note] == _GONE
            else sizes[note] + _varint_bytes(sizes[note]) - (row[END] - row[SIZE])
        )
        parent = row[PARENT]
        if parent < 0:
            whole += more
            continue
        grown[parent] += more
        if fates[parent] == _KEPT:
            fates[parent] = _CHANGED
        if row[WHAT] != CARRIER:
            found[parent] |= found[note]
    return whole


@kernel
def put(
    data: Bytes,
    rows: Numbers,
    count: int,
    before: int,
    answers: Answers,
    planned: tuple[Numbers, Words, Bytes],
    out: Bytes,
) -> int:
    """Write a request with what was planned; return its length."""
    sizes, found, fates = planned
    at, done = 0, 0
    for note in range(count):
        row = rows[note]
        # What stands in something that is gone is gone with it.
        if fates[note] == _KEPT or row[FIELD] < done:
            continue
        if fates[note] == _GONE:
            at = _copied(data, done, row[FIELD], out, at)
            done = row[END]
            continue
        at = _copied(data, done, row[SIZE], out, at)
        at = put_varint(sizes[note], out, at)
        done = row[BEGIN]
        if row[WHAT] >= TEXT:
            first, last = answers.first[before + note], answers.last[before + note]
            if row[WHAT] == VALUE:
                out[at] = _TEXT_FIELD
                at = put_varint(last - first, out, at + 1)
            at = _copied(answers.data, first, last, out, at)
            done = row[END]
        elif row[WHAT] == CARRIER and found[note] != 0:
            at = put_varint(_RULES_TAG, out, at)
            for byte in range(8):
                out[at + byte] = np.uint8(found[note] >> np.uint64(8 * byte) & np.uint64(0xFF))
            at += 8
    return _copied(data, done, len(data), out, at)
