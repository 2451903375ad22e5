"""
Columns as the engine's Native format has them.

Source: ClickHouse, src/Formats/NativeWriter.cpp and src/DataTypes/Serializations.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backbone.receive.envelope import varint
from backbone.receive.kernels import columns
from backbone.receive.rows.shredded import Numbers, Rows
from backbone.store.engine import Piece

Ids = NDArray[np.int32]
"""Numbers of texts, see `Texts`."""
_FIRST_NAMES = 1 << 10
_DICTIONARY_VERSION = (1).to_bytes(8, "little")
_OWN_KEYS = 0b110 << 8
"""The dictionary stands with the numbers, and is not that of another block."""


class Texts:
    """The texts of a group that are there again and again, each once; they are places in its requests."""

    def __init__(self) -> None:
        self._places = np.zeros(2 * _FIRST_NAMES, np.int64)
        self._texts = np.empty((_FIRST_NAMES, columns.TEXT_NUMBERS), np.int64)
        self._count = np.zeros(1, np.int64)
        self._seed = secrets.randbits(63)
        self._names = self._addresses()
        self._kept: list[NDArray[np.uint8]] = []

    def _addresses(self) -> columns.Names:
        places, texts, count = (each.ctypes.data for each in (self._places, self._texts, self._count))
        return columns.Names(places, len(self._places), texts, count, self._seed)

    def ids(self, rows: Rows, path: str) -> Ids:
        """Return the number of each row's text."""
        out = np.empty(len(rows), np.int32)
        done, place = 0, rows.column(path)
        while (done := columns.number_texts(rows.numbers, place, done, self._names, out)) < len(out):
            self._grow()
        return out

    @property
    def count(self) -> int:
        """How many there are."""
        return int(self._count[0])

    def rename(self, rows: Rows, keys: Ids, chosen: Numbers, ids: Ids) -> None:
        """Make these texts the names of some attributes; *keys* are the numbers of all their names."""
        columns.rename(rows.numbers, rows.column("key"), chosen, ids, self._names, keys)

    def id(self, text: bytes) -> int:
        """Return the number of a text."""
        data = np.frombuffer(text, np.uint8)
        self._kept.append(data)
        while (number := columns.number_of(data.ctypes.data, data.ctypes.data + len(text), self._names)) < 0:
            self._grow()
        return number

    def kinds(self, rows: Rows, runs: Runs) -> Ids:
        """Return the number of the text that tells what is no string of each owner's attributes."""
        return self._lists(rows, runs, columns.kinds_size(rows.numbers, rows.column("key")), kinds=True)

    def lines(self, rows: Rows, runs: Runs) -> Ids:
        """Return the number of the text that has the names of each owner's attributes, a line each."""
        return self._lists(rows, runs, int(rows.size("key").sum()) + len(rows), kinds=False)

    def _lists(self, rows: Rows, runs: Runs, size: int, *, kinds: bool) -> Ids:
        out = np.empty(len(runs.ends), np.int32)
        room = np.empty(size + 1, np.uint8)
        self._kept.append(room)
        done, at, key = 0, room.ctypes.data, rows.column("key")
        while done < len(out):
            done, at = columns.number_lists(
                rows.numbers, key, runs.keys, runs.ends, (done, at), self._names, kinds, out
            )
            if done < len(out):
                self._grow()
        return out

    def column(self, ids: Ids) -> list[Piece]:
        """Return a column of texts with a dictionary; *ids* are no longer valid."""
        if not len(ids):
            return []
        everything = self.count
        used = np.empty(min(everything, len(ids)), np.int32)
        count = columns.localize(ids, np.full(everything, -1, np.int32), used)
        used = used[:count]
        size, kind = (0, np.uint8) if count <= 1 << 8 else (1, np.uint16) if count <= 1 << 16 else (2, np.uint32)
        return [
            _word(_OWN_KEYS | size),
            _word(count),
            self.texts(used),
            _word(len(ids)),
            column(ids.astype(kind)),
        ]

    def texts(self, ids: Ids) -> Piece:
        """Return a column of these texts, each written out."""
        places = self._texts[ids]
        out = np.empty(int((places[:, 1] - places[:, 0]).sum()) + columns.MOST_LENGTH * len(ids), np.uint8)
        return out[: columns.put_names(self._names, ids, out.ctypes.data) - out.ctypes.data].data

    def _grow(self) -> None:
        texts = np.empty((4 * len(self._texts), columns.TEXT_NUMBERS), np.int64)
        texts[: self.count] = self._texts[: self.count]
        self._texts, self._places = texts, np.zeros(4 * len(self._places), np.int64)
        self._names = self._addresses()
        columns.put_places(self._names)


@dataclass(frozen=True, slots=True)
class Runs:
    """Lists of attributes, one for each owner: where each ends, the numbers of their names, their values' texts."""

    ends: Numbers
    keys: Ids
    values: NDArray[np.uint8]
    value_ends: Numbers
    """Where the text of each value ends."""

    @classmethod
    def of(cls, rows: Rows, owners: int, texts: Texts) -> Runs:
        values, value_ends = _values(rows, "value")
        return cls(rows.ends(owners), texts.ids(rows, "key"), values, value_ends)

    def bytes_of(self) -> Numbers:
        """Return how many bytes each list takes, about."""
        sizes: Numbers = np.diff(self._bytes_until, prepend=0) + 4 * np.diff(self.ends, prepend=0)
        return sizes

    @property
    def _bytes_until(self) -> Numbers:
        """Where the texts of each list end."""
        ends: Numbers = np.concatenate([[0], self.value_ends])[self.ends]
        return ends

    def given(self, owners: Numbers) -> Runs:
        """Return the lists of these owners, one after the other."""
        counts = np.diff(self.ends, prepend=0)[owners]
        total, ends = int(counts.sum()), np.cumsum(counts)
        places = np.arange(total) + np.repeat(self.ends[owners] - ends, counts)
        list_ends = self._bytes_until
        sizes = np.diff(list_ends, prepend=0)[owners]
        values = np.empty(int(sizes.sum()), np.uint8)
        columns.repeat(self.values.ctypes.data, list_ends, owners, values.ctypes.data)
        return Runs(ends, self.keys[places], values, np.empty(0, np.int64))


class Block:
    """A block of so many rows: each declared column is put once."""

    def __init__(self, types: Mapping[str, str], rows: int) -> None:
        self._types = types
        self._rows = rows
        self._columns: dict[str, list[Piece]] = {}

    def put(self, name: str, *pieces: Piece) -> None:
        """Put a column as it is; a dictionary has its version before it."""
        prefix = [_DICTIONARY_VERSION] if "LowCardinality" in self._types[name] else []
        self._columns[name] = [*prefix, *pieces]

    def numbers(self, name: str, numbers: NDArray[np.generic]) -> None:
        self.put(name, column(numbers))

    def pieces(self) -> list[Piece]:
        """Return the block, its columns in the order of their declaration."""
        pieces: list[Piece] = [varint(len(self._types)), varint(self._rows)]
        for name, kind in self._types.items():
            data = self._columns.pop(name)
            pieces += [varint(len(name)), name.encode(), varint(len(kind)), kind.encode()]
            pieces += data if self._rows else []
        assert not self._columns, f"columns that no table has: {', '.join(self._columns)}"
        return pieces


def text_column(rows: Rows, path: str) -> Piece:
    """Return a column of a field's texts."""
    place = rows.column(path)
    out = np.empty(columns.texts_size(rows.numbers, place), np.uint8)
    return out[: columns.put_texts(rows.numbers, place, out.ctypes.data) - out.ctypes.data].data


def values_column(rows: Rows, path: str) -> Piece:
    """Return a column of the texts of a field's values."""
    return _values(rows, path)[0].data


def _values(rows: Rows, path: str) -> tuple[NDArray[np.uint8], Numbers]:
    """Return the texts of a field's values, and where each of them ends."""
    place = rows.column(path)
    out = np.empty(columns.values_size(rows.numbers, place), np.uint8)
    ends = np.empty(len(rows), np.int64)
    end = columns.put_values(rows.numbers, place, rows.table.depth, out.ctypes.data, ends)
    return out[: end - out.ctypes.data], ends


def sized_column(rows: Rows, path: str, size: int) -> Piece:
    """Return a column of a field's texts of one size; those that are empty become zeros."""
    out = np.empty(size * len(rows), np.uint8)
    columns.put_sized(rows.numbers, rows.column(path), size, out.ctypes.data)
    return out.data


def map_column(runs: Runs, texts: Texts) -> list[Piece]:
    """Return a column of maps, without the dictionary's version."""
    return [column(runs.ends.astype(np.uint64)), *texts.column(runs.keys), runs.values.data]


def column(numbers: NDArray[np.generic]) -> Piece:
    """Return a column of numbers."""
    return np.ascontiguousarray(numbers).view(np.uint8).reshape(-1).data


def _word(number: int) -> bytes:
    return number.to_bytes(8, "little")
