"""What selectors name, read from the tables: a statement for the labels, and one for the samples of each kind."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import pyarrow as pa

from backbone.model.errors import LimitExceeded
from backbone.query.conditions import Conditions
from backbone.query.promql.histograms import Histograms, from_columns, inferred_hints
from backbone.query.promql.kernels.arrange import Chunk, Fingerprints, arrange
from backbone.query.promql.labels import Column, Labels
from backbone.query.promql.values import Floats, HistogramSamples, Samples, Series, Times
from backbone.query.selectors import METRIC_LABEL, Matcher
from backbone.query.series import SeriesFilter, series_conditions
from backbone.store.engine import Engine, QueryLimits, Statement

STALE_BITS = 0x7FF0000000000002
"""The bits of the NaN that says a series ended. Source: Prometheus, model/value, StaleNaN."""

_NS_PER_MS = 1_000_000
_HINT_MARGIN_MS = 900_000


@dataclass(frozen=True, slots=True)
class Selection:
    """What is asked of a source: the series that *matchers* name, and their samples after ``start`` up to ``end``."""

    matchers: tuple[Matcher, ...]
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Timing:
    """What a part of a query took."""

    part: str
    seconds: float
    rows: int = 0


class Source(Protocol):
    """Where series come from."""

    async def select(self, tenant: str, wanted: Selection, timings: list[Timing]) -> Series:
        """
        Return the series wanted; those without samples in the range may be among them.

        Raises:
            LimitExceeded: they are, or have, more than a query may load.
            DependencyError: the source is not able now.
        """
        ...


@dataclass(frozen=True, slots=True)
class TableOptions:
    """Bounds of one selector, and what is read beside labels and samples."""

    limits: QueryLimits
    max_series: int
    max_samples: int
    start_timestamps: bool = False
    type_and_unit_labels: bool = False


class TableSource:
    """The tables of this server."""

    def __init__(self, engine: Engine, options: TableOptions) -> None:
        self._engine = engine
        self._options = options

    async def select(self, tenant: str, wanted: Selection, timings: list[Timing]) -> Series:
        known, labels = await self._series(tenant, wanted, timings)
        nameless = np.zeros(labels.size, bool)
        if not labels.size:
            return Series(labels, nameless, _no_samples(0))
        floats, histograms = await asyncio.gather(
            self._floats(tenant, known, wanted, timings), self._histograms(tenant, known, wanted, timings)
        )
        if histograms is not None:
            floats, histograms = _moved_stale(floats, histograms)
        if self._options.start_timestamps:
            floats, histograms = await self._with_starts(tenant, known, wanted, floats, histograms, timings)
        return Series(labels, nameless, floats, histograms)

    async def _series(self, tenant: str, wanted: Selection, timings: list[Timing]) -> tuple[Fingerprints, Labels]:
        options = self._options
        day_filter = SeriesFilter(wanted.start_ms * _NS_PER_MS, wanted.end_ms * _NS_PER_MS, (wanted.matchers,))
        conditions = series_conditions(tenant, day_filter)
        most = conditions.bind("UInt64", options.max_series + 1)
        described = ", toString(max(type)) AS type, max(unit) AS unit" if options.type_and_unit_labels else ""
        sql = f"""
SELECT fp, any(metric) AS name, anyLast(labels) AS pairs{described} FROM series
WHERE {conditions.where} GROUP BY fp ORDER BY fp LIMIT {most}
"""
        table = await self._arrow(conditions.statement(sql), "series", timings)
        if table.num_rows > options.max_series:
            raise LimitExceeded(
                f"the selector names more than {options.max_series} series ('promql.max_series'); narrow it",
                limit="promql.max_series",
            )
        return _whole(table.column("fp")).view(np.uint64), _labels(table)

    async def _floats(self, tenant: str, known: Fingerprints, wanted: Selection, timings: list[Timing]) -> Samples:
        conditions = _sample_conditions(tenant, known, wanted)
        sql = f"SELECT fp, time, value FROM samples WHERE {conditions.where}"
        table = await self._arrow(conditions.statement(sql), "samples", timings, most=self._options.max_samples)
        chunks = _chunks(table)
        offsets, times, values = await asyncio.to_thread(arrange, known, chunks)
        return Samples(times, offsets, values)

    async def _histograms(
        self, tenant: str, known: Fingerprints, wanted: Selection, timings: list[Timing]
    ) -> HistogramSamples | None:
        # A sample's hint depends on the sample before it.
        conditions = _sample_conditions(tenant, known, replace(wanted, start_ms=wanted.start_ms - _HINT_MARGIN_MS))
        sql = f"""
SELECT fp, time, count, sum, schema, zero_threshold, zero_count, positive_offsets, positive_lengths, positive_counts,
    negative_offsets, negative_lengths, negative_counts, custom_bounds, toInt8(reset) AS hint
FROM histograms WHERE {conditions.where}
"""
        most = self._options.max_samples
        table = await self._arrow(conditions.statement(sql), "histograms", timings, most=most)
        if not table.num_rows:
            return None
        fingerprints, times = _whole(table.column("fp")).view(np.uint64), _whole(table.column("time"))
        rows = np.arange(table.num_rows, dtype=np.float64)
        offsets, times, order = arrange(known, [(fingerprints, times, rows)])
        first = np.zeros(len(times), np.bool_)
        first[offsets[:-1][np.diff(offsets) > 0]] = True
        block, resets = inferred_hints(_block(table).take(order.astype(np.int64)), first)
        return HistogramSamples(times, offsets, block, resets)

    async def _with_starts(
        self,
        tenant: str,
        known: Fingerprints,
        wanted: Selection,
        floats: Samples,
        histograms: HistogramSamples | None,
        timings: list[Timing],
    ) -> tuple[Samples, HistogramSamples | None]:
        conditions = _sample_conditions(tenant, known, wanted)
        sql = f"SELECT fp, time, toFloat64(toUnixTimestamp64Milli(start)) AS value FROM starts WHERE {conditions.where}"
        table = await self._arrow(conditions.statement(sql), "starts", timings, most=self._options.max_samples)
        if not table.num_rows:
            return floats, histograms
        offsets, times, values = arrange(known, _chunks(table))
        found = offsets, times, values.astype(np.int64)
        floats = replace(floats, starts=_starts_of(found, floats.offsets, floats.times))
        if histograms is not None:
            histograms = replace(histograms, starts=_starts_of(found, histograms.offsets, histograms.times))
        return floats, histograms

    async def _arrow(self, statement: Statement, part: str, timings: list[Timing], most: int = 0) -> pa.Table:
        began = time.perf_counter()
        limits = replace(self._options.limits, max_result_rows=most)
        columns = Statement(f"{statement.sql}", statement.parameters)
        try:
            data = await self._engine.query(columns, limits, output="ArrowStream")
        except LimitExceeded as error:
            if most and "rows" in error.limit:
                raise too_many_samples(most) from error
            raise
        table = pa.ipc.open_stream(data).read_all() if data else pa.table({})
        timings.append(
            Timing(f"{part}: {' '.join(statement.sql.split())}", time.perf_counter() - began, table.num_rows)
        )
        return table


def too_many_samples(most: int) -> LimitExceeded:
    """Return the error of a query that would load more samples than one may."""
    return LimitExceeded(
        "query processing would load too many samples into memory in query execution "
        f"(more than {most}, as many as 'promql.max_samples' allows)",
        limit="promql.max_samples",
    )


def _sample_conditions(tenant: str, known: Fingerprints, wanted: Selection) -> Conditions:
    conditions = Conditions(tenant)
    # The range lets the engine skip what a set of thousands cannot.
    conditions.add(
        "fp BETWEEN {low} AND {high} AND fp IN {fps}",
        low=("UInt64", int(known[0])),
        high=("UInt64", int(known[-1])),
        fps=("Array(UInt64)", known.tolist()),
    )
    conditions.add(
        "time > fromUnixTimestamp64Milli({start}, 'UTC') AND time <= fromUnixTimestamp64Milli({end}, 'UTC')",
        start=("Int64", wanted.start_ms),
        end=("Int64", wanted.end_ms),
    )
    return conditions


def _labels(table: pa.Table) -> Labels:
    size = table.num_rows
    columns = {METRIC_LABEL: _encoded(table.column("name"))}
    pairs = table.column("pairs").combine_chunks()
    if isinstance(pairs, pa.ChunkedArray):
        pairs = pa.concat_arrays(pairs.chunks) if pairs.num_chunks else pa.array([], pairs.type)
    offsets = pairs.offsets.to_numpy()
    rows = np.repeat(np.arange(size), np.diff(offsets))
    keys = pairs.keys.slice(offsets[0], offsets[-1] - offsets[0]).dictionary_encode() if size else None
    if keys is not None and len(keys):
        items = pairs.items.slice(offsets[0], offsets[-1] - offsets[0]).dictionary_encode()
        columns |= _columns(size, rows, keys, items)
    for name in ("type", "unit"):
        if name in table.column_names:
            columns[f"__{name}__"] = _encoded(table.column(name))
    return Labels(size, columns)


def _columns(size: int, rows: Times, keys: pa.DictionaryArray, items: pa.DictionaryArray) -> dict[str, Column]:
    key_codes, item_codes = keys.indices.to_numpy(), items.indices.to_numpy()
    texts = np.array(items.dictionary.to_pylist(), object)
    columns = {}
    for code, name in enumerate(keys.dictionary.to_pylist()):
        here = key_codes == code
        used, local = np.unique(item_codes[here], return_inverse=True)
        codes = np.zeros(size, np.int32)
        codes[rows[here]] = local + 1
        columns[name] = Column(codes, ("", *texts[used]))
    return columns


def _encoded(column: pa.ChunkedArray) -> Column:
    values = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], pa.string())
    found = values.cast(pa.string()).dictionary_encode()
    known = {"": 0}
    renamed = np.array([known.setdefault(text, len(known)) for text in found.dictionary.to_pylist()], np.int32)
    codes = renamed[found.indices.to_numpy()] if len(values) else np.zeros(0, np.int32)
    return Column(codes, tuple(known))


def _chunks(table: pa.Table) -> list[Chunk]:
    return [
        (
            _raw(batch.column("fp"), np.uint64),
            _raw(batch.column("time"), np.int64),
            _raw(batch.column("value"), np.float64),
        )
        for batch in table.to_batches()
    ]


def _raw(array: pa.Array, kind: type[np.generic]) -> np.ndarray:
    """Return an array's numbers as they lie in memory; none of ours is null."""
    return np.frombuffer(array.buffers()[1], kind)[array.offset : array.offset + len(array)]


def _whole(column: pa.ChunkedArray) -> Times:
    """Return a column of 64 bits a value in one piece."""
    return np.concatenate([np.zeros(0, np.int64), *(_raw(chunk, np.int64) for chunk in column.chunks)])


def _block(table: pa.Table) -> Histograms:
    def numbers(name: str) -> Floats:
        return table.column(name).to_numpy().astype(np.float64)

    def lists(name: str) -> tuple[Times, np.ndarray]:
        array = pa.concat_arrays(table.column(name).chunks)
        offsets = array.offsets.to_numpy().astype(np.int64)
        return offsets - offsets[0], array.values.to_numpy()[offsets[0] : offsets[-1]]

    return from_columns(
        schema=numbers("schema").astype(np.int8),
        hint=numbers("hint").astype(np.int8),
        count=numbers("count"),
        sum=numbers("sum"),
        zero_threshold=numbers("zero_threshold"),
        zero_count=numbers("zero_count"),
        positive=(lists("positive_offsets"), lists("positive_lengths"), lists("positive_counts")),
        negative=(lists("negative_offsets"), lists("negative_lengths"), lists("negative_counts")),
        custom=lists("custom_bounds"),
    )


def _no_samples(series: int) -> Samples:
    return Samples(np.zeros(0, np.int64), np.zeros(series + 1, np.int64), np.zeros(0))


def is_stale(values: Floats) -> np.ndarray:
    """Tell which values are the marker of a series' end."""
    return values.view(np.uint64) == STALE_BITS


def _moved_stale(floats: Samples, histograms: HistogramSamples) -> tuple[Samples, HistogramSamples]:
    """Turn histograms that mark their series' end into floats that do, so that there is one such mark."""
    stale = is_stale(np.ascontiguousarray(histograms.block.sum))
    if not stale.any():
        return floats, histograms
    series = np.repeat(np.arange(len(histograms.offsets) - 1), np.diff(histograms.offsets)).astype(np.uint64)
    marks = series[stale], histograms.times[stale], np.full(stale.sum(), STALE_BITS, np.uint64).view(np.float64)
    of_floats = np.repeat(np.arange(len(floats.offsets) - 1), np.diff(floats.offsets)).astype(np.uint64)
    everyone = np.arange(len(floats.offsets) - 1).astype(np.uint64)
    offsets, times, values = arrange(everyone, [(of_floats, floats.times, floats.values), marks])
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
