"""What was read from a table, kept for as long as nothing is written to it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from backbone.store.engine import Engine, QueryLimits, Statement

T = TypeVar("T")

_ROWS_OF_SERIES = Statement("SELECT count() AS count FROM series")


async def version_of_series(engine: Engine, limits: QueryLimits) -> int:
    """Return a number that changes when a series is written."""
    rows = await engine.rows(_ROWS_OF_SERIES, limits)
    return int(rows[0]["count"])


@dataclass(frozen=True, slots=True)
class _Entry(Generic[T]):
    version: int
    size: int
    found: T


class VersionedCache(Generic[T]):
    """What was found for a key, the least recently used forgotten first; safe within one event loop."""

    def __init__(self, max_size: int) -> None:
        self._max_size = max_size
        self._held = 0
        self._entries: OrderedDict[Hashable, _Entry[T]] = OrderedDict()

    def get(self, key: Hashable, version: int) -> T | None:
        """Return what was put for *key* if the table was of the same *version* then."""
        entry = self._entries.get(key)
        if entry is None or entry.version != version:
            return None
        self._entries.move_to_end(key)
        return entry.found

    def put(self, key: Hashable, version: int, found: T, size: int) -> None:
        """Keep what was found; *size* is how many items it has."""
        self._drop(key)
        self._entries[key] = _Entry(version, size + 1, found)
        self._held += size + 1
        while self._held > self._max_size:
            self._drop(next(iter(self._entries)))

    def _drop(self, key: Hashable) -> None:
        if (entry := self._entries.pop(key, None)) is not None:
            self._held -= entry.size
