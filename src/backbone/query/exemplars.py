"""Exemplars of the series that selectors name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backbone.query.conditions import Conditions
from backbone.query.selectors import Matcher
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
