"""The floats of many series, of which those read before are kept in memory for as long as they are true."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from weakref import WeakValueDictionary

import numpy as np

from backbone.query.promql.columns import chunks_of
from backbone.query.promql.kernels.arrange import Arranged, Fingerprints, Runs, arrange_runs, runs_of
from backbone.query.promql.source import Changes, Moment, Report, Selection
from backbone.query.promql.table_reader import TableReader, pieces, sample_conditions
from backbone.query.promql.values import Samples
from backbone.query.versioned import VersionedCache

_DAY_MS = 86_400_000
_HOUR_MS = 3_600_000
_WORTH_KEEPING_SERIES_HOURS = 2_000
"""What is less is read again as quickly as it is looked for."""
_SAMPLE_BYTES = 16
_MOST_IN_ENGINE = 4_000_000
"""How many samples of a query may lie in the engine's memory, which all queries share."""

_Key = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class _Kept:
    """What was read of a time; ``moment`` is the source's, before it was."""

    start_ms: int
    end_ms: int
    moment: Moment
    samples: Samples


class FloatSamples:
    """Reads floats; a cache of them is shared by the queries of all tenants, each of which finds its own only."""

    def __init__(self, reader: TableReader, changes: Callable[[Moment | None], Awaitable[Changes]]) -> None:
        self._reader = reader
        self._changes = changes
        self._kept: VersionedCache[_Kept] = VersionedCache(reader.options.max_cached_bytes)
        self._reading: WeakValueDictionary[_Key, asyncio.Lock] = WeakValueDictionary()

    async def read(self, tenant: str, known: Fingerprints, wanted: Selection, version: int, report: Report) -> Samples:
        """
        Return the samples of the series *known*; there may be some from before and after the time wanted.

        Args:
            version: of the table of series, when *known* was read.
        """
        hours = (wanted.end_ms - wanted.start_ms) / _HOUR_MS
        if len(known) * hours < _WORTH_KEEPING_SERIES_HOURS:
            return await self._assembled(known, tenant, [wanted], [], report)
        key = (tenant, wanted.matchers, *days_of(wanted))
        # Panels of a dashboard ask for the same at the same time: one of them reads, the others find it.
        lock = self._reading.setdefault(key, asyncio.Lock())
        async with lock:
            return await self._read_or_kept(key, tenant, known, wanted, version, report)

    async def _read_or_kept(
        self, key: _Key, tenant: str, known: Fingerprints, wanted: Selection, version: int, report: Report
    ) -> Samples:
        kept = self._kept.get(key, version)
        changes = await self._changes(kept.moment if kept else None)
        before: list[Runs] = []
        missing = wanted
        if kept and kept.start_ms <= wanted.start_ms:
            until = kept.end_ms if changes.oldest_ms is None else min(kept.end_ms, changes.oldest_ms - 1)
            if until >= wanted.end_ms:
                report.took("samples: known", 0.0, len(kept.samples.times))
                return kept.samples
            if until - wanted.start_ms > (kept.end_ms - kept.start_ms) / 2:
                before = [_as_runs(kept.samples)]
                missing = replace(wanted, start_ms=until)
        samples = await self._assembled(known, tenant, list(pieces(missing, len(known))), before, report)
        start = kept.start_ms if kept and before else wanted.start_ms
        found = _Kept(start, wanted.end_ms, changes.now, samples)
        self._kept.put(key, version, found, len(samples.times) * _SAMPLE_BYTES)
        return samples

    async def _assembled(
        self, known: Fingerprints, tenant: str, parts: list[Selection], before: list[Runs], report: Report
    ) -> Samples:
        """Return the samples of all parts, and those from *before* where none was read that replaces them."""
        found = await self._arranged(known, tenant, parts, before, report)
        if found.contended:
            # What was written last is not what is read last; the engine knows, at some cost.
            found = await self._arranged(known, tenant, parts, before, report, final="FINAL")
        return Samples(found.times, found.offsets, found.values)

    async def _arranged(
        self,
        known: Fingerprints,
        tenant: str,
        parts: list[Selection],
        before: list[Runs],
        report: Report,
        final: str = "",
    ) -> Arranged:
        runs, owners = list(before), []
        in_engine, count = 0, 0
        for part in parts:
            conditions = sample_conditions(tenant, known, part)
            sql = f"SELECT fp, time, value FROM samples {final} WHERE {conditions.where}"
            most = max(self._reader.options.max_samples - count, 1)
            table, owner = await self._reader.arrow(conditions.statement(sql), "samples", report, most=most)
            count += table.num_rows
            in_engine += table.num_rows
            runs += runs_of(known, chunks_of(table))
            owners.append(owner)
            if in_engine > _MOST_IN_ENGINE:
                runs = await asyncio.to_thread(_copied, runs)
                owners.clear()
                in_engine = 0
        arranged = await asyncio.to_thread(arrange_runs, len(known), runs)
        # Until here, what was arranged lay in the engine's memory.
        owners.clear()
        return arranged


def days_of(wanted: Selection) -> tuple[int, int]:
    """Return the first and the last day of the time wanted."""
    return wanted.start_ms // _DAY_MS, wanted.end_ms // _DAY_MS


def _copied(runs: list[Runs]) -> list[Runs]:
    return [one if one.owned else one.copied() for one in runs]


def _as_runs(samples: Samples) -> Runs:
    series = np.arange(len(samples.offsets) - 1)
    return Runs(series, samples.offsets, samples.times, samples.values, owned=True)
