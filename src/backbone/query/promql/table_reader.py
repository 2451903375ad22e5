"""Statements over the tables of samples, read as columns."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pyarrow as pa

from backbone.model.errors import LimitExceeded
from backbone.query.conditions import Conditions
from backbone.query.promql.kernels.arrange import Fingerprints
from backbone.query.promql.source import Report, Selection, too_many_samples
from backbone.query.selectors import METRIC_LABEL
from backbone.store.engine import Engine, QueryLimits, Statement

_HOUR_MS = 3_600_000
_PIECE_SERIES_HOURS = 20_000
"""How many series by hours are read at a time."""
_FEW_SERIES = 1_000
"""Up to so many, a list of series is cheaper for the engine than reading their neighbours."""


@dataclass(frozen=True, slots=True)
class TableOptions:
    """Bounds of one selector, and what is read beside labels and samples."""

    limits: QueryLimits
    max_series: int
    max_samples: int
    max_cached_series: int = 1_000_000
    """How many series' labels are kept in memory."""
    max_cached_bytes: int = 256 << 20
    """How many bytes of samples are kept in memory."""
    start_timestamps: bool = False
    type_and_unit_labels: bool = False


class TableReader:
    """Reads columns within the bounds of one query."""

    def __init__(self, engine: Engine, options: TableOptions) -> None:
        self.engine = engine
        self.options = options

    async def arrow(self, statement: Statement, part: str, report: Report, most: int = 0) -> tuple[pa.Table, object]:
        """Return a table and what has to live as long as it is read."""
        began = time.perf_counter()
        limits = replace(self.options.limits, max_result_rows=most)
        try:
            stream = await self.engine.arrow(statement, limits)
        except LimitExceeded as error:
            if most and "rows" in error.limit:
                raise too_many_samples(self.options.max_samples) from error
            raise
        table = pa.ipc.open_stream(pa.py_buffer(stream.data)).read_all() if stream.data else _NOTHING
        text = " ".join(statement.sql.split())
        report.took(f"{part}: {text}", time.perf_counter() - began, table.num_rows)
        return table, stream


_NOTHING = pa.Table.from_batches([], pa.schema({"fp": pa.uint64(), "time": pa.int64()}))


def pieces(wanted: Selection, series: int) -> Iterator[Selection]:
    """Yield the selection in parts that end with hours, so that what many series have is not in memory twice."""
    hours = max(_PIECE_SERIES_HOURS // max(series, 1), 1)
    start = wanted.start_ms
    while start < wanted.end_ms:
        end = min((start // _HOUR_MS + hours) * _HOUR_MS, wanted.end_ms)
        end = end if end > start else min(end + hours * _HOUR_MS, wanted.end_ms)
        yield replace(wanted, start_ms=start, end_ms=end)
        start = end


def sample_conditions(tenant: str, known: Fingerprints, wanted: Selection) -> Conditions:
    conditions = around(tenant, known, wanted)
    # Of a whole metric, what is asked for is all that lies around it, but for what shares its place by chance.
    if any(matcher.label != METRIC_LABEL for matcher in wanted.matchers) or len(known) < _FEW_SERIES:
        conditions.add("fp IN {fps}", fps=("Array(UInt64)", known.tolist()))
    return conditions


def around(tenant: str, known: Fingerprints, wanted: Selection) -> Conditions:
    """Return conditions that the engine checks by where it keeps things: the range of fingerprints and of time."""
    conditions = Conditions(tenant)
    conditions.add("fp BETWEEN {low} AND {high}", low=("UInt64", int(known[0])), high=("UInt64", int(known[-1])))
    conditions.add(
        "time > fromUnixTimestamp64Milli({start}, 'UTC') AND time <= fromUnixTimestamp64Milli({end}, 'UTC')",
        start=("Int64", wanted.start_ms),
        end=("Int64", wanted.end_ms),
    )
    return conditions
