"""Which series, labels and values there are, as those ask who choose among them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from typing import Protocol

from backbone.model.time import now_ns
from backbone.query.promql.source import Report
from backbone.query.series import DAY_NS, SeriesFilter, find_series, label_names, label_values
from backbone.query.times import LATEST_NS
from backbone.query.versioned import VersionedCache, version_of_series
from backbone.store.engine import Engine, QueryLimits

_MAX_KEPT = 1_000_000
"""Names and values kept in memory."""


class Catalog(Protocol):
    """Lists in order, of at most *limit* items each; what is missing from them is told in the report."""

    async def series(self, tenant: str, wanted: SeriesFilter, limit: int, report: Report) -> list[dict[str, str]]:
        """Return label sets."""
        ...

    async def names(self, tenant: str, wanted: SeriesFilter, limit: int, report: Report) -> list[str]:
        """Return the names of labels."""
        ...

    async def values(self, tenant: str, label: str, wanted: SeriesFilter, limit: int, report: Report) -> list[str]:
        """Return the values of a label."""
        ...


class TableCatalog:
    """The series of this server; names and values are kept until a series is written."""

    def __init__(self, engine: Engine, limits: QueryLimits) -> None:
        self._engine = engine
        self._limits = limits
        self._kept: VersionedCache[list[str]] = VersionedCache(_MAX_KEPT)

    async def series(self, tenant: str, wanted: SeriesFilter, limit: int, report: Report) -> list[dict[str, str]]:
        del report
        found = await find_series(self._engine, tenant, wanted, limit, self._limits)
        return [series.labels for series in found]

    async def names(self, tenant: str, wanted: SeriesFilter, limit: int, report: Report) -> list[str]:
        del report
        wanted = _rounded(wanted)
        return await self._known(
            (tenant, "", wanted, limit), lambda: label_names(self._engine, tenant, wanted, limit, self._limits)
        )

    async def values(self, tenant: str, label: str, wanted: SeriesFilter, limit: int, report: Report) -> list[str]:
        del report
        wanted = _rounded(wanted)
        return await self._known(
            (tenant, label, wanted, limit),
            lambda: label_values(self._engine, tenant, label, wanted, limit, self._limits),
        )

    async def _known(self, key: Hashable, read: Callable[[], Awaitable[list[str]]]) -> list[str]:
        version = await version_of_series(self._engine, self._limits)
        found = self._kept.get(key, version)
        if found is None:
            found = await read()
            self._kept.put(key, version, found, len(found))
        return found


def _rounded(wanted: SeriesFilter) -> SeriesFilter:
    """Return what means the same, and is the same when it is asked again a little later."""
    end = LATEST_NS if wanted.end_ns >= now_ns() else wanted.end_ns
    return SeriesFilter(wanted.start_ns // DAY_NS * DAY_NS, end, tuple(wanted.selectors))
