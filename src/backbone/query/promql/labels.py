"""The label sets of many series as columns, so that matching and grouping are array work."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xxhash
from numpy.typing import NDArray

from backbone.query.promql.arrays import Codes, Index

METADATA_LABELS = frozenset({"__name__", "__type__", "__unit__"})
"""What a function that makes another metric of its input drops."""


@dataclass(frozen=True, slots=True)
class Column:
    """A label of every series: ``codes`` (series,) into ``values``, whose first is '', which is the same as none."""

    codes: Codes
    values: tuple[str, ...]

    def take(self, index: Index) -> Column:
        return Column(self.codes[index], self.values)

    def texts(self) -> list[str]:
        values = self.values
        return [values[code] for code in self.codes.tolist()]

    def with_values(self, values: Sequence[str]) -> Column:
        """Return the column with each of its values replaced by that at the same place in *values*."""
        known: dict[str, int] = {"": 0}
        renamed = np.array([known.setdefault(value, len(known)) for value in values], np.int32)
        return Column(renamed[self.codes], tuple(known))


class Labels:
    """Label sets of ``size`` series; columns are never changed in place and may be shared."""

    __slots__ = ("columns", "size")

    def __init__(self, size: int, columns: Mapping[str, Column]) -> None:
        self.size = size
        self.columns = columns

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, str]]) -> Labels:
        names = dict.fromkeys(name for row in rows for name in row)
        return cls(len(rows), {name: encode([row.get(name, "") for row in rows]) for name in names})

    def row(self, index: int) -> dict[str, str]:
        """Return a series' labels, sorted by name, without the empty ones."""
        row = {name: column.values[column.codes[index]] for name, column in sorted(self.columns.items())}
        return {name: value for name, value in row.items() if value}

    def rows(self) -> list[dict[str, str]]:
        """Return every series' labels, as `row`."""
        rows: list[dict[str, str]] = [{} for _ in range(self.size)]
        for name, column in sorted(self.columns.items()):
            values = column.values
            for row, code in zip(rows, column.codes.tolist(), strict=True):
                if code:
                    row[name] = values[code]
        return rows

    def take(self, index: Index) -> Labels:
        return Labels(len(index), {name: column.take(index) for name, column in self.columns.items()})

    def keep(self, names: Iterable[str]) -> Labels:
        wanted = set(names)
        return Labels(self.size, {name: column for name, column in self.columns.items() if name in wanted})

    def drop(self, names: Iterable[str]) -> Labels:
        unwanted = set(names)
        return Labels(self.size, {name: column for name, column in self.columns.items() if name not in unwanted})

    def put(self, name: str, column: Column) -> Labels:
        return Labels(self.size, {**self.columns, name: column})

    def blank(self, names: Iterable[str], where: NDArray[np.bool_]) -> Labels:
        """Return the labels without *names* in the series where *where* is true."""
        if not where.any():
            return self
        if where.all():
            return self.drop(names)
        blanked = {
            name: Column(np.where(where, np.int32(0), self.columns[name].codes), self.columns[name].values)
            for name in names
            if name in self.columns
        }
        return Labels(self.size, {**self.columns, **blanked})

    def column(self, name: str) -> Column:
        """Return a label's column, which is all '' where no series has it."""
        return self.columns.get(name) or Column(np.zeros(self.size, np.int32), ("",))

    def groups(self) -> tuple[Index, Index]:
        """
        Return which series have equal labels: a group's number for each series, and a series of each group.

        Groups are numbered in the order in which they first come.
        """
        key = np.zeros(self.size, np.int64)
        size = 1
        for column in self.columns.values():
            values = len(column.values)
            if values == 1:
                continue
            if size * values >= 1 << 62:
                found, key = np.unique(key, return_inverse=True)
                size = len(found)
            key = key * values + column.codes
            size *= values
        _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
        order = np.argsort(first, kind="stable")
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        return rank[inverse], first[order]

    def sort_order(self) -> Index:
        """Return the order in which Prometheus prints series: by labels, sorted by name, one after the other."""
        names = sorted(self.columns)
        keys: list[Codes] = []
        more = np.zeros(self.size, np.bool_)
        for name in reversed(names):
            column = self.columns[name]
            rank = np.empty(len(column.values), np.int32)
            rank[sorted(range(len(column.values)), key=column.values.__getitem__)] = np.arange(len(column.values))
            there = column.codes > 0
            # A series without this label comes after those with it, unless it has no labels any more.
            absent = np.where(more, np.int32(len(rank)), np.int32(-1))
            keys.append(np.where(there, rank[column.codes], absent))
            more |= there
        return np.lexsort(keys) if keys else np.arange(self.size)

    def hashes(self) -> NDArray[np.uint64]:
        """Return Prometheus' hash of each label set. Source: model/labels, labels_stringlabels.go, Hash."""
        hashed = [
            xxhash.xxh64_intdigest(b"".join(_sized(t) for pair in row.items() for t in pair)) for row in self.rows()
        ]
        return np.array(hashed, np.uint64)


def is_label_name(name: str) -> bool:
    """Tell whether a label may be called so: anything that is UTF-8 and not empty."""
    return bool(name) and not any(0xD800 <= ord(character) < 0xE000 for character in name)


def encode(texts: Sequence[str]) -> Column:
    """Return a column with these values, one per series."""
    known: dict[str, int] = {"": 0}
    codes = [known.setdefault(text, len(known)) for text in texts]
    return Column(np.array(codes, np.int32), tuple(known))


def constant(size: int, value: str) -> Column:
    """Return a column with one value for all series."""
    return Column(np.ones(size, np.int32), ("", value)) if value else Column(np.zeros(size, np.int32), ("",))


def concat(parts: Sequence[Labels]) -> Labels:
    """Return the series of all *parts*, one after the other."""
    if len(parts) == 1:
        return parts[0]
    names = dict.fromkeys(name for part in parts for name in part.columns)
    size = sum(part.size for part in parts)
    return Labels(size, {name: _joined([part.column(name) for part in parts]) for name in names})


def group_together(left: Labels, right: Labels) -> tuple[Index, Index, int]:
    """Return each side's groups of equal labels, numbered in common, and how many there are."""
    groups, firsts = concat([left, right]).groups()
    return groups[: left.size], groups[left.size :], len(firsts)


def _joined(columns: Sequence[Column]) -> Column:
    known: dict[str, int] = {"": 0}
    codes = []
    for column in columns:
        if column.values == columns[0].values and len(known) in {1, len(column.values)}:
            known = dict(zip(column.values, range(len(column.values)), strict=True))
            codes.append(column.codes)
            continue
        renamed = np.array([known.setdefault(value, len(known)) for value in column.values], np.int32)
        codes.append(renamed[column.codes])
    return Column(np.concatenate(codes), tuple(known))


def _sized(text: str) -> bytes:
    data = text.encode()
    size = len(data)
    return (bytes([size]) if size < 255 else b"\xff" + size.to_bytes(3, "little")) + data
