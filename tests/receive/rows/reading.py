"""What the engine reads in the block of a group, as plain values: nothing is lost that JSON would lose."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from backbone.receive.form import Request
from backbone.receive.rows.group import GroupRows
from backbone.store.embedded import EmbeddedEngine
from backbone.store.engine import Piece
from backbone.store.wire import WireName, wire
from backbone.store.wire.columns import declared

Row = dict[str, Any]

FORMS = {name: GroupRows(name) for name in ("traces", "logs")}
"""One for all tests: what groups leave behind in it must not be seen by those that follow."""


def _plain(name: str, kind: str) -> str:
    """Return an expression of a column's values: bytes in hexadecimal, times in nanoseconds, maps as two lists."""
    if kind.startswith("Array("):
        return f"arrayMap(one -> {_plain('one', kind[6:-1])}, {name})"
    if kind.startswith("FixedString"):
        return f"lower(hex({name}))"
    if kind.startswith("DateTime64"):
        return f"toUnixTimestamp64Nano({name})"
    if kind.startswith("Map("):
        return f"[mapKeys({name}), mapValues({name})]"
    return name


def read(engine: EmbeddedEngine, name: WireName, payload: Sequence[Piece], where: str = "1") -> list[Row]:
    """Return the rows of a block."""
    selected = ", ".join(
        f"{_plain(f'requests.`{column}`', kind)} AS `{column}`" for column, kind in declared(wire(name).columns).items()
    )
    sql = f"SELECT {selected} FROM requests WHERE {where}"
    return asyncio.run(engine.inspect(sql, None, wire(name).columns, payload))


def count(engine: EmbeddedEngine, name: WireName, payload: Sequence[Piece]) -> int:
    """Return how many rows a block has, all of which are read, whatever they hold."""
    [row] = asyncio.run(
        engine.inspect("SELECT count() AS rows, sum(cityHash64(*)) FROM requests", None, wire(name).columns, payload)
    )
    return int(row["rows"])


def stored(engine: EmbeddedEngine, name: WireName, requests: Sequence[Request]) -> list[Row]:
    """Return the rows of a group."""
    return read(engine, name, FORMS[name].payload(requests))
