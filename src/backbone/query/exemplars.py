"""Exemplars of the series that selectors name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backbone.query.conditions import Conditions
from backbone.query.selectors import METRIC_LABEL, Matcher
from backbone.query.series import SeriesFilter, find_series
from backbone.store.engine import Engine, QueryLimits

MAX_EXEMPLARS = 10_000
"""Of one answer."""


@dataclass(frozen=True, slots=True)
class Exemplar:
    labels: dict[str, str]
    value: float
    time_ms: int


@dataclass(frozen=True, slots=True)
class SeriesExemplars:
    """A series with its exemplars in order of time."""

    labels: dict[str, str]
    exemplars: list[Exemplar]


async def find_exemplars(
    engine: Engine,
    tenant: str,
    selectors: Sequence[tuple[Matcher, ...]],
    window: tuple[int, int],
    limits: QueryLimits,
) -> list[SeriesExemplars]:
    """Return the exemplars of all series that *selectors* name in a window, nanoseconds and closed."""
    wanted = SeriesFilter(*window, selectors=selectors)
    series = await find_series(engine, tenant, wanted, 100_000, limits) if selectors else []
    if not series:
        return []
    conditions = Conditions(tenant)
    conditions.add("fp IN {fps}", fps=("Array(UInt64)", sorted(one.fp for one in series)))
    conditions.between("time", *window)
    sql = f"""
SELECT fp, toUnixTimestamp64Milli(time) AS time_ms, toString(value) AS number, anyLast(labels) AS pairs,
    hex(anyLast(trace_id)) AS trace, hex(anyLast(span_id)) AS span
FROM exemplars WHERE {conditions.where} GROUP BY fp, time, value ORDER BY fp, time LIMIT {MAX_EXEMPLARS}
"""
    found: dict[int, list[Exemplar]] = {}
    for row in await engine.rows(conditions.statement(sql), limits):
        ids = {"trace_id": row["trace"].lower(), "span_id": row["span"].lower()}
        labels = {name: value for name, value in ids.items() if value.strip("0")} | row["pairs"]
        found.setdefault(row["fp"], []).append(Exemplar(labels, float(row["number"]), row["time_ms"]))
    return [SeriesExemplars(one.labels, found[one.fp]) for one in series if one.fp in found]


@dataclass(frozen=True, slots=True)
class TracedValue:
    """A value of a series that a trace is the example of."""

    labels: dict[str, str]
    value: float
    time_ms: int
    span_id: str


async def exemplars_of_trace(engine: Engine, tenant: str, trace_id: bytes, limits: QueryLimits) -> list[TracedValue]:
    """Return what a trace is the example of, in order of time."""
    conditions = Conditions(tenant)
    conditions.add("trace_id = toFixedString(unhex({id}), 16)", id=("String", trace_id.hex()))
    sql = f"""
SELECT e.time_ms AS time_ms, e.number AS number, e.span AS span, s.name AS name, s.labels AS labels FROM (
    SELECT fp, toUnixTimestamp64Milli(time) AS time_ms, toString(value) AS number, lower(hex(any(span_id))) AS span
    FROM exemplars WHERE {conditions.where} GROUP BY fp, time, value
) AS e INNER JOIN (
    SELECT fp, any(toString(metric)) AS name, any(labels) AS labels FROM series
    WHERE tenant = {{tenant:String}} AND fp IN (SELECT fp FROM exemplars WHERE {conditions.where}) GROUP BY fp
) AS s USING (fp) ORDER BY time_ms, name LIMIT {MAX_EXEMPLARS}
"""
    return [
        TracedValue(
            {METRIC_LABEL: row["name"]} | row["labels"], float(row["number"]), row["time_ms"],
            row["span"] if row["span"].strip("0") else "",
        )
        for row in await engine.rows(conditions.statement(sql), limits)
    ]  # fmt: skip
