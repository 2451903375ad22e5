"""What selectors name, read from the tables: a statement for the labels, and one for the samples of each kind."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import numpy as np
import pyarrow as pa

from backbone.model.errors import LimitExceeded
from backbone.query.promql.arrays import Floats, Times
from backbone.query.promql.columns import block_of, chunks_of, labels_of, whole_column
from backbone.query.promql.float_samples import FloatSamples, days_of
from backbone.query.promql.histograms import inferred_hints
from backbone.query.promql.kernels.arrange import Arranged, Fingerprints, arrange
from backbone.query.promql.labels import Labels
from backbone.query.promql.source import Changes, Moment, Report, Selection
from backbone.query.promql.table_reader import TableOptions, TableReader, around, sample_conditions
from backbone.query.promql.values import HistogramSamples, Samples, Series
from backbone.query.selectors import METRIC_LABEL, Matcher
from backbone.query.series import SeriesFilter, series_conditions
from backbone.query.usage import Usage
from backbone.query.versioned import VersionedCache, version_of_series
from backbone.store.engine import Engine, Statement

STALE_BITS = 0x7FF0000000000002
"""The bits of the NaN that says a series ended. Source: Prometheus, model/value, StaleNaN."""

_NS_PER_MS = 1_000_000
_HINT_MARGIN_MS = 900_000
_DAY_MS = 86_400_000


class TableSource:
    """The tables of this server."""

    def __init__(self, engine: Engine, options: TableOptions, usage: Usage | None = None) -> None:
        self._engine = engine
        self._usage = usage
        self._options = options
        self._reader = TableReader(engine, options)
        self._floats = FloatSamples(self._reader, self.changes)
        self._known: VersionedCache[tuple[Fingerprints, Labels]] = VersionedCache(options.max_cached_series)

    async def changes(self, since: Moment | None) -> Changes:
        before = dict(zip(_SAMPLE_TABLES, since or [-1] * len(_SAMPLE_TABLES), strict=True))
        rows = await self._engine.rows(Statement(_CHANGES, before), self._options.limits)
        newest = {row["table"]: row["newest"] for row in rows}
        oldest = min((row["oldest"] for row in rows if row["written"]), default=None)
        now = tuple(max(newest.get(table, -1), before[table]) for table in _SAMPLE_TABLES)
        return Changes(now, None if oldest is None or since is None else oldest * 1000)

    async def select(self, tenant: str, wanted: Selection, report: Report) -> Series:
        if self._usage is not None:
            self._usage.note(tenant, _named(wanted.matchers))
        version = await version_of_series(self._engine, self._options.limits)
        known, labels = await self._series(tenant, wanted, version, report)
        nameless = np.zeros(labels.size, bool)
        if not labels.size:
            return Series(labels, nameless, _no_samples(0))
        floats, histograms = await asyncio.gather(
            self._floats.read(tenant, known, wanted, version, report), self._histograms(tenant, known, wanted, report)
        )
        if histograms is not None:
            floats, histograms = moved_stale(floats, histograms)
        if self._options.start_timestamps:
            floats, histograms = await self._with_starts(tenant, known, wanted, floats, histograms, report)
        return Series(labels, nameless, floats, histograms)

    async def _series(
        self, tenant: str, wanted: Selection, version: int, report: Report
    ) -> tuple[Fingerprints, Labels]:
        # Series are written down by the day, so that is how they can be kept.
        days = days_of(wanted)
        key = (tenant, wanted.matchers, days)
        began = time.perf_counter()
        if (found := self._known.get(key, version)) is not None:
            report.took("series: known", time.perf_counter() - began, len(found[0]))
            return found
        fresh = await self._read_series(tenant, wanted.matchers, days, report)
        self._known.put(key, version, fresh, fresh[1].size)
        return fresh

    async def _read_series(
        self, tenant: str, matchers: tuple[Matcher, ...], days: tuple[int, int], report: Report
    ) -> tuple[Fingerprints, Labels]:
        options = self._options
        start_ns, end_ns = days[0] * _DAY_MS * _NS_PER_MS, ((days[1] + 1) * _DAY_MS - 1) * _NS_PER_MS
        conditions = series_conditions(tenant, SeriesFilter(start_ns, end_ns, (matchers,)))
        most = conditions.bind("UInt64", options.max_series + 1)
        described = ", toString(max(type)) AS type, max(unit) AS unit" if options.type_and_unit_labels else ""
        sql = f"""
SELECT fp, any(metric) AS name, anyLast(labels) AS pairs{described} FROM series
WHERE {conditions.where} GROUP BY fp ORDER BY fp LIMIT {most}
"""
        table, _ = await self._reader.arrow(conditions.statement(sql), "series", report)
        if table.num_rows > options.max_series:
            raise LimitExceeded(
                f"the selector names more than {options.max_series} series ('promql.max_series'); narrow it",
                limit="promql.max_series",
            )
        return whole_column(table.column("fp")).view(np.uint64), labels_of(table)

    async def _histograms(
        self, tenant: str, known: Fingerprints, wanted: Selection, report: Report
    ) -> HistogramSamples | None:
        # A sample's hint depends on the sample before it.
        wanted = replace(wanted, start_ms=wanted.start_ms - _HINT_MARGIN_MS)
        conditions = around(tenant, known, wanted)
        some = await self._engine.rows(
            conditions.statement(f"SELECT 1 AS one FROM histograms WHERE {conditions.where} LIMIT 1"),
            self._options.limits,
        )
        if not some:
            return None
        table, _owner = await self._read_histograms(tenant, known, wanted, report)
        if not table.num_rows:
            return None
        found = _arranged_rows(known, table)
        if found.contended:
            # Of what was written for the same time, the last is not what is read last.
            table, _owner = await self._read_histograms(tenant, known, wanted, report, final="FINAL")
            found = _arranged_rows(known, table)
        offsets, times, order, _ = found
        first = np.zeros(len(times), np.bool_)
        first[offsets[:-1][np.diff(offsets) > 0]] = True
        block, resets = inferred_hints(block_of(table).take(order.astype(np.int64)), first)
        return HistogramSamples(times, offsets, block, resets)

    async def _read_histograms(
        self, tenant: str, known: Fingerprints, wanted: Selection, report: Report, final: str = ""
    ) -> tuple[pa.Table, object]:
        conditions = sample_conditions(tenant, known, wanted)
        sql = f"""
SELECT fp, time, count, sum, schema, zero_threshold, zero_count, positive_offsets, positive_lengths, positive_counts,
    negative_offsets, negative_lengths, negative_counts, custom_bounds, toInt8(reset) AS hint
FROM histograms {final} WHERE {conditions.where}
"""
        most = self._options.max_samples
        return await self._reader.arrow(conditions.statement(sql), "histograms", report, most=most)

    async def _with_starts(
        self,
        tenant: str,
        known: Fingerprints,
        wanted: Selection,
        floats: Samples,
        histograms: HistogramSamples | None,
        report: Report,
    ) -> tuple[Samples, HistogramSamples | None]:
        conditions = sample_conditions(tenant, known, wanted)
        sql = f"SELECT fp, time, toFloat64(toUnixTimestamp64Milli(start)) AS value FROM starts WHERE {conditions.where}"
        table, _owner = await self._reader.arrow(
            conditions.statement(sql), "starts", report, most=self._options.max_samples
        )
        if not table.num_rows:
            return floats, histograms
        offsets, times, values, _ = arrange(known, chunks_of(table))
        found = offsets, times, values.astype(np.int64)
        floats = replace(floats, starts=_starts_of(found, floats.offsets, floats.times))
        if histograms is not None:
            histograms = replace(histograms, starts=_starts_of(found, histograms.offsets, histograms.times))
        return floats, histograms


_SAMPLE_TABLES = ("samples", "histograms", "starts")
# Each insert takes the next number of its table, and a merged part has the last number of what is in it.
_CHANGES = """
WITH transform(table, ['samples', 'histograms', 'starts'], [{samples:Int64}, {histograms:Int64}, {starts:Int64}], 0)
    AS since
SELECT table, max(max_block_number) AS newest, countIf(max_block_number > since) AS written,
    minIf(toUnixTimestamp(min_time), max_block_number > since) AS oldest
FROM system.parts
WHERE active AND database = currentDatabase() AND table IN ('samples', 'histograms', 'starts') GROUP BY table
"""


def _arranged_rows(known: Fingerprints, table: pa.Table) -> Arranged:
    """Return the numbers of a table's rows as samples."""
    fingerprints, times = whole_column(table.column("fp")).view(np.uint64), whole_column(table.column("time"))
    return arrange(known, [(fingerprints, times, np.arange(table.num_rows, dtype=np.float64))])


def _no_samples(series: int) -> Samples:
    return Samples(np.zeros(0, np.int64), np.zeros(series + 1, np.int64), np.zeros(0))


def is_stale(values: Floats) -> np.ndarray:
    """Tell which values are the marker of a series' end."""
    return values.view(np.uint64) == STALE_BITS


def moved_stale(floats: Samples, histograms: HistogramSamples) -> tuple[Samples, HistogramSamples]:
    """Turn histograms that mark their series' end into floats that do, so that there is one such mark."""
    stale = is_stale(np.ascontiguousarray(histograms.block.sum))
    if not stale.any():
        return floats, histograms
    series = np.repeat(np.arange(len(histograms.offsets) - 1), np.diff(histograms.offsets)).astype(np.uint64)
    marks = series[stale], histograms.times[stale], np.full(stale.sum(), STALE_BITS, np.uint64).view(np.float64)
    of_floats = np.repeat(np.arange(len(floats.offsets) - 1), np.diff(floats.offsets)).astype(np.uint64)
    everyone = np.arange(len(floats.offsets) - 1).astype(np.uint64)
    offsets, times, values, _ = arrange(everyone, [(of_floats, floats.times, floats.values), marks])
    kept = ~stale
    rest = HistogramSamples(
        histograms.times[kept],
        np.concatenate([[0], np.cumsum(kept)])[histograms.offsets],
        histograms.block.take(np.flatnonzero(kept)),
        histograms.resets[kept],
    )
    return Samples(times, offsets, values), rest


def _starts_of(found: tuple[Times, Times, Times], offsets: Times, times: Times) -> Times:
    """Return the start written for each sample, 0 where there is none."""
    known_offsets, known_times, starts = found

    def key(of: Times, at: Times) -> np.ndarray:
        series = np.repeat(np.arange(len(of) - 1), np.diff(of))
        return np.rec.fromarrays([series, at])

    keys = key(known_offsets, known_times)
    wanted = key(offsets, times)
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, starts[place], 0)


def _named(matchers: tuple[Matcher, ...]) -> list[str]:
    """Return the metrics that a selector names; one that takes any of many is not meant to ask for each of them."""
    return [matcher.value for matcher in matchers if matcher.label == METRIC_LABEL and matcher.operator == "="]
