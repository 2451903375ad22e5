"""
Where texts stand in a row, and how they get back to where they were.

All texts of a row become one array, so that each rule is written once, however many columns there are: first the
columns of text, then the values of attributes, then their names, then arrays of text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from backbone.process.redact.scrub import Scrubber

CLEAN = "redact_clean"
BEGINS = "redact_begins"
NAMES = "redact_keys"


class Attributes(Protocol):
    """A column that holds attributes."""

    @property
    def column(self) -> str: ...
    def joined(self) -> str:
        """Return all values as one text."""

    def values(self) -> str: ...
    def names(self) -> str: ...
    def restored(self, names: str, values: str, scrubber: Scrubber) -> str:
        """Return the column, made of its scrubbed names and values."""


@dataclass(frozen=True, slots=True)
class One:
    """A column of attributes."""

    column: str

    def joined(self) -> str:
        return f"arrayStringConcat(mapValues({self.column}), '\\n')"

    def values(self) -> str:
        return f"mapValues({self.column})"

    def names(self) -> str:
        return f"mapKeys({self.column})"

    def restored(self, names: str, values: str, scrubber: Scrubber) -> str:
        return _map(names, values, scrubber)


@dataclass(frozen=True, slots=True)
class Many:
    """A column of arrays of attributes."""

    column: str

    def joined(self) -> str:
        return f"arrayStringConcat(arrayMap(m -> arrayStringConcat(mapValues(m), '\\n'), {self.column}), '\\n')"

    def values(self) -> str:
        return f"arrayFlatten(arrayMap(m -> mapValues(m), {self.column}))"

    def names(self) -> str:
        return f"arrayFlatten(arrayMap(m -> mapKeys(m), {self.column}))"

    def restored(self, names: str, values: str, scrubber: Scrubber) -> str:
        part = "arraySlice({}, toInt64(o - length(m)) + 1, length(m))"
        one = _map(part.format(names), part.format(values), scrubber)
        return f"arrayMap((m, o) -> {one}, {self.column}, arrayCumSum(m -> length(m), {self.column}))"


def _map(names: str, values: str, scrubber: Scrubber) -> str:
    if not scrubber.drops:
        return f"mapFromArrays({names}, {values})"
    kept = f"arrayFilter((k, v) -> NOT {scrubber.is_gone('v')}, {names}, {values})"
    return f"mapFromArrays({kept}, arrayFilter(v -> NOT {scrubber.is_gone('v')}, {values}))"


@dataclass(frozen=True, slots=True)
class Places:
    """Where a row's texts are; ``names`` are columns of text that hold names of attributes and nothing else."""

    texts: tuple[str, ...] = ()
    attributes: tuple[Attributes, ...] = ()
    arrays: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    name_arrays: tuple[str, ...] = ()

    def without(self, others: Places) -> Places:
        """Return the places that are not among *others*."""
        return Places(
            tuple(text for text in self.texts if text not in others.texts),
            tuple(one for one in self.attributes if one not in others.attributes),
            self.arrays,
            tuple(name for name in self.names if name not in others.names),
            self.name_arrays,
        )

    def looked_at(self) -> str:
        """Return everything but names of attributes as one text."""
        joined = [*self.texts, *(one.joined() for one in self.attributes), *map(_joined, self.arrays)]
        return f"concatWithSeparator('\\n', {', '.join(joined)}, '')"

    def all_names(self) -> str:
        """Return names of attributes as one text, each in a line."""
        lines = ", ".join(f"arrayStringConcat({one.names()}, '\\n'), '\\n'" for one in self.attributes)
        return f"concat({lines})"

    def keys(self) -> str:
        """Return names of attributes as an array, in the order of their values."""
        return f"arrayConcat({', '.join(f'arrayMap(k -> toString(k), {one.names()})' for one in self.attributes)})"

    def gathered(self) -> str:
        """Return the array of all texts."""
        fixed = f"[{', '.join(f'toString({text})' for text in (*self.texts, *self.names))}]::Array(String)"
        arrays = [f"arrayMap(v -> toString(v), {array})" for array in (*self.arrays, *self.name_arrays)]
        return f"arrayConcat({', '.join([fixed, *(one.values() for one in self.attributes), NAMES, *arrays])})"

    def kinds(self, scrubber: Scrubber, texts: str) -> str:
        """Return what names of attributes say of each of the gathered texts."""
        fixed = f"arrayResize(emptyArrayUInt8(), {len(self.texts) + len(self.names)})"
        return (
            f"arrayResize(arrayConcat({fixed}, arrayMap(k -> {scrubber.kind_of_name('k')}, {NAMES})), length({texts}))"
        )

    def begins(self) -> str:
        """Return where the values of each column of attributes begin, and then where each array does."""
        lengths = [f"length({one.names()})" for one in self.attributes]
        arrays = [f"length({array})" for array in (*self.arrays, *self.name_arrays)]
        first = len(self.texts) + len(self.names) + 1
        return f"arrayCumSum([{', '.join([str(first), *lengths, f'length({NAMES})', *arrays])}])"

    def restored(self, scrubber: Scrubber) -> dict[str, str]:
        """Return each column, made of its scrubbed texts."""
        found: dict[str, str] = {}
        for at, text in enumerate((*self.texts, *self.names), 1):
            value = f"{CLEAN}[{at}]"
            found[text] = f"if({scrubber.is_gone(value)}, '', {value})" if scrubber.drops else value
        for at, one in enumerate(self.attributes, 1):
            length = f"{BEGINS}[{at + 1}] - {BEGINS}[{at}]"
            values = f"arraySlice({CLEAN}, {BEGINS}[{at}], {length})"
            names = f"arraySlice({CLEAN}, {BEGINS}[{at}] + length({NAMES}), {length})"
            found[one.column] = one.restored(names, values, scrubber)
        for at, array in enumerate((*self.arrays, *self.name_arrays), len(self.attributes) + 2):
            values = f"arraySlice({CLEAN}, {BEGINS}[{at}], {BEGINS}[{at + 1}] - {BEGINS}[{at}])"
            found[array] = f"arrayMap(v -> if({scrubber.is_gone('v')}, '', v), {values})" if scrubber.drops else values
        return found

    def has_bytes(self, others: Sequence[str]) -> str:
        """Return whether a value was bytes, by the columns that tell kinds and *others*."""
        told = [*self.names, *others, *map(_joined, self.name_arrays)]
        return f"position(concat({', '.join(told)}, ''), 'bytes_value') > 0" if told else "toUInt8(0)"


def _joined(array: str) -> str:
    return f"arrayStringConcat({array}, '\\n')"
