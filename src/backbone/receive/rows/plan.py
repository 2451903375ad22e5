"""How requests are taken apart: a plan for `backbone.receive.kernels.shred`, made from a wire's messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray

from backbone.receive.kernels import look, shred
from backbone.store.wire import Field, Wire, WireName, wire

_NUMBERS = {
    "int32": shred.INTEGER,
    "uint32": shred.INTEGER,
    "fixed32": shred.SHORT,
    "fixed64": shred.LONG,
}
_TEXTS = {"string", "bytes"}
_KEY, _VALUE = "key", "value"
VALUE_TEXT = "value.text"
"""Where the text of an attribute's value is, if it is one."""


@dataclass(frozen=True, slots=True)
class Table:
    """A message that repeats: its columns by the path of their field, from 1, and how deep its values lie."""

    columns: Mapping[str, int]
    width: int
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """What is done with each field, (message, field), and the tables by the path of their message."""

    fields: NDArray[np.int64]
    tables: Mapping[str, Table]


@cache
def plan_of(name: WireName) -> Plan:
    """Return how requests of a wire are taken apart."""
    making = _Making(wire(name))
    making.message("Request", "", None, "")
    tables = {path: Table(one.columns, one.width, one.depth) for path, one in making.tables.items()}
    return Plan(np.array(making.fields, np.int64), tables)


@dataclass(slots=True)
class _Table:
    number: int
    columns: dict[str, int] = field(default_factory=dict)
    width: int = 1
    depth: int = 0

    def column(self, path: str, width: int) -> int:
        self.columns[path] = self.width
        self.width += width
        return self.columns[path]


@dataclass(slots=True)
class _Making:
    wire: Wire
    fields: list[list[int]] = field(default_factory=list)
    tables: dict[str, _Table] = field(default_factory=dict)

    def message(self, kind: str, path: str, table: _Table | None, prefix: str) -> int:
        """Add a message as part of a table's rows, its fields called by their prefix; return its number."""
        number = len(self.fields)
        self.fields.append([shred.SKIP] * look.FIELDS)
        for one in self.wire.fields(kind):
            if one.number < look.FIELDS:
                self.fields[number][one.number] = self._field(one, path, table, prefix)
            elif one.number == look.RULES_FIELD and table is not None:
                self.fields[number][0] = _said(shred.LONG, table.column(prefix + one.name, 1))
        return number

    def _field(self, one: Field, path: str, table: _Table | None, prefix: str) -> int:
        name = prefix + one.name
        if one.kind.startswith("Pair"):
            return self._attributes(f"{path}{name}", int(one.kind[-1]))
        if one.repeated:
            below = f"{path}{name}"
            fresh = self.tables[below] = _Table(len(self.tables))
            return _said(shred.ROW, fresh.number, self.message(one.kind, f"{below}.", fresh, ""))
        assert table is not None, f"{one.name} stands in no message that repeats"
        if one.kind in _TEXTS:
            return _said(shred.TEXT, table.column(name, 2))
        if one.kind in _NUMBERS:
            return _said(_NUMBERS[one.kind], table.column(name, 1))
        if one.kind.startswith("Value"):
            table.depth = int(one.kind[-1])
            return _said(shred.VALUE, table.column(name, 3), table.depth)
        return _said(shred.INSIDE, 0, self.message(one.kind, path, table, f"{name}."))

    def _attributes(self, path: str, depth: int) -> int:
        table = self.tables[path] = _Table(len(self.tables), depth=depth)
        table.column(_KEY, 2)
        table.column(_VALUE, 1)
        table.column(VALUE_TEXT, 2)
        return _said(shred.PAIR, table.number, depth)


def _said(action: int, column: int, inner: int = 0) -> int:
    return action | column << shred.ACTION_BITS | inner << shred.ACTION_BITS + shred.COLUMN_BITS
