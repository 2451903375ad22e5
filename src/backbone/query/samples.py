"""Samples of the series a selector names, as they were sent."""

from __future__ import annotations

from dataclasses import dataclass

from backbone.model.errors import LimitExceeded
from backbone.query.conditions import Conditions
from backbone.query.selectors import Matcher
from backbone.query.series import SeriesFilter, find_series
from backbone.store.engine import Engine, QueryLimits

MAX_SAMPLES = 1_000_000
"""Of one answer."""

_STALE = 0x7FF0000000000002
"""The bits of the NaN that says a series ended. Source: Prometheus, model/value, StaleNaN."""


@dataclass(frozen=True, slots=True)
class SeriesSamples:
    """A series with its samples in order of time: milliseconds since 1970 and the value."""

    labels: dict[str, str]
    samples: list[tuple[int, float]]


async def select_samples(
    engine: Engine,
    tenant: str,
    selector: tuple[Matcher, ...],
    window: tuple[int, int],
    max_series: int,
    limits: QueryLimits,
) -> list[SeriesSamples]:
    """
    Return the samples of all series that *selector* names; series without any in the window are left out.

    Args:
        window: start and end in nanoseconds, closed.
        max_series: more are refused.

    Raises:
        LimitExceeded: the selector names more series, or they have more samples, than one answer may hold.
    """
    wanted = SeriesFilter(*window, selectors=(selector,))
    series = await find_series(engine, tenant, wanted, max_series + 1, limits)
    if len(series) > max_series:
        raise LimitExceeded(f"the selector names more than {max_series} series; narrow it", limit="series")
    by_fingerprint = {one.fp: one for one in series}
    found = await _samples(engine, tenant, sorted(by_fingerprint), window, limits) if series else {}
    return [SeriesSamples(one.labels, found[one.fp]) for one in series if one.fp in found]


async def _samples(
    engine: Engine, tenant: str, fingerprints: list[int], window: tuple[int, int], limits: QueryLimits
) -> dict[int, list[tuple[int, float]]]:
    conditions = Conditions(tenant)
    conditions.add("fp IN {fps}", fps=("Array(UInt64)", fingerprints))
    conditions.between("time", *window)
    # A sample sent twice is there twice until the engine merges. Values come as text: JSON knows no NaN.
    sql = f"""
SELECT fp, groupArray(time_ms) AS times, groupArray(toString(value)) AS values
FROM (
    SELECT fp, toUnixTimestamp64Milli(time) AS time_ms, value FROM samples FINAL
    WHERE {conditions.where} ORDER BY fp, time LIMIT {MAX_SAMPLES + 1}
)
WHERE reinterpretAsUInt64(value) != {_STALE} GROUP BY fp
"""
    rows = await engine.rows(conditions.statement(sql), limits)
    if sum(len(row["times"]) for row in rows) > MAX_SAMPLES:
        raise LimitExceeded(f"the answer has more than {MAX_SAMPLES} samples; narrow it", limit="samples")
    return {
        row["fp"]: sorted(zip(row["times"], map(float, row["values"]), strict=True), key=lambda sample: sample[0])
        for row in rows
    }
