"""Services, their operations, and how often, how fast and how well these went: from the rollup by minute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from backbone.query.conditions import Conditions
from backbone.store.engine import Engine, QueryLimits

NS_PER_SECOND = 1_000_000_000
_BUCKETS_PER_DOUBLING = 8
"""Durations are counted in exponential buckets of scale 3: bucket b reaches to 2^((b + 1) / 8) nanoseconds."""


@dataclass(frozen=True, slots=True)
class Operation:
    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Red:
    """Of an operation: spans per second, those that failed of 1, and durations in nanoseconds by quantile."""

    name: str
    kind: str
    spans: int
    per_second: float
    error_ratio: float
    quantiles_ns: dict[float, float]
    slow_trace: str
    """The id of the trace with the slowest span, and of one with a span that failed; empty where there is none."""
    failed_trace: str


def bucket_quantile(level: float) -> str:
    """Return the SQL of a quantile of ``buckets`` with ``counts``, two arrays sorted by bucket, in nanoseconds."""
    reached = f"arrayFirstIndex(c -> c >= {level!r} * arraySum(counts), arrayCumSum(counts))"
    # The middle of the bucket by its logarithm.
    return f"if(empty(counts), nan, pow(2, (buckets[greatest({reached}, 1)] + 0.5) / {_BUCKETS_PER_DOUBLING}))"


def minutes(conditions: Conditions, window: tuple[int, int]) -> None:
    """Add that a minute of a rollup lies within a time in nanoseconds, the minute in which it starts included."""
    start, end = window
    conditions.add(
        "minute >= toStartOfMinute(toDateTime({start}, 'UTC')) AND minute <= toDateTime({end}, 'UTC')",
        start=("UInt32", max(start // NS_PER_SECOND, 0)),
        end=("UInt32", min(end // NS_PER_SECOND, (1 << 32) - 1)),
    )


async def services(engine: Engine, tenant: str, window: tuple[int, int], limits: QueryLimits) -> list[str]:
    """Return the services that have spans."""
    conditions = Conditions(tenant)
    minutes(conditions, window)
    sql = f"SELECT DISTINCT toString(service) AS service FROM operations WHERE {conditions.where} ORDER BY service"
    return [row["service"] for row in await engine.rows(conditions.statement(sql), limits)]


async def operations(
    engine: Engine, tenant: str, service: str, window: tuple[int, int], limits: QueryLimits, *, kind: str = ""
) -> list[Operation]:
    """Return a service's operations; *kind* is that of their spans, any where it is empty."""
    conditions = Conditions(tenant)
    minutes(conditions, window)
    conditions.add("service = {service}", service=("String", service))
    if kind:
        conditions.add("toString(kind) = {kind}", kind=("String", kind))
    sql = (
        f"SELECT DISTINCT toString(name) AS name, toString(kind) AS kind FROM operations WHERE {conditions.where} "
        "ORDER BY name, kind"
    )
    return [Operation(row["name"], row["kind"]) for row in await engine.rows(conditions.statement(sql), limits)]


async def reds(
    engine: Engine,
    tenant: str,
    service: str,
    window: tuple[int, int],
    limits: QueryLimits,
    *,
    quantiles: Sequence[float] = (0.5, 0.95, 0.99),
) -> list[Red]:
    """Return rates, errors and durations of a service's operations, the most frequent first, with example traces."""
    conditions = Conditions(tenant)
    minutes(conditions, window)
    conditions.add("service = {service}", service=("String", service))
    shown = ", ".join(bucket_quantile(level) for level in quantiles)
    sql = f"""
SELECT name, kind, total, failed, [{shown}] AS levels FROM (
    SELECT toString(name) AS name, toString(kind) AS kind, sum(spans) AS total,
        sumIf(spans, status = 'error') AS failed, (sumMap(durations) AS durations).1 AS buckets, durations.2 AS counts
    FROM operations WHERE {conditions.where} GROUP BY name, kind
) ORDER BY total DESC, name, kind LIMIT 1000
"""
    rows = await engine.rows(conditions.statement(sql), limits)
    examples = await _examples(engine, tenant, service, window, limits)
    seconds = max((window[1] - window[0]) / NS_PER_SECOND, 1.0)
    return [_red(row, seconds, quantiles, examples) for row in rows]


async def _examples(
    engine: Engine, tenant: str, service: str, window: tuple[int, int], limits: QueryLimits
) -> dict[tuple[str, str], tuple[str, str]]:
    conditions = Conditions(tenant)
    conditions.between("time", *window)
    conditions.add("service = {service}", service=("String", service))
    sql = f"""
SELECT toString(name) AS name, toString(kind) AS kind, lower(hex(argMax(trace_id, duration_ns))) AS slow,
    if(countIf(status = 'error') = 0, '', lower(hex(argMaxIf(trace_id, time, status = 'error')))) AS failed
FROM spans WHERE {conditions.where} GROUP BY name, kind
"""
    rows = await engine.rows(conditions.statement(sql), limits)
    return {(row["name"], row["kind"]): (row["slow"], row["failed"]) for row in rows}


def _red(
    row: dict[str, Any], seconds: float, quantiles: Sequence[float], examples: dict[tuple[str, str], tuple[str, str]]
) -> Red:
    slow, failed = examples.get((row["name"], row["kind"]), ("", ""))
    return Red(
        name=row["name"],
        kind=row["kind"],
        spans=row["total"],
        per_second=row["total"] / seconds,
        error_ratio=row["failed"] / max(row["total"], 1),
        quantiles_ns=dict(zip(quantiles, row["levels"], strict=True)),
        slow_trace=slow,
        failed_trace=failed,
    )
