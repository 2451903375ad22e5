"""What comes in now: rates by signal and service, what was refused, and how old telemetry is when it arrives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from backbone.model.time import NANOSECONDS_PER_SECOND
from backbone.query.conditions import Conditions
from backbone.store.engine import Engine, QueryLimits, Statement

SHORT_SECONDS, LONG_SECONDS = 10, 60

_MAX_PART_ROWS = 2_000_000
_PARTS = 4


@dataclass(frozen=True, slots=True)
class Rate:
    """Items a second of one signal of one service, over the last ten and sixty seconds."""

    signal: str
    service: str
    per_second_10s: float
    per_second_60s: float
    idle_seconds: float
    """Since the last item came in."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Items refused in the last sixty seconds, by reason."""

    signal: str
    service: str
    reason: str
    items: int


@dataclass(frozen=True, slots=True)
class Lag:
    """
    Seconds from when something happened (a span's end, a record's time) to when it was received.

    Read from the newest parts only, so it costs the same however much is stored. Metrics have none: their samples do
    not keep when they were received.
    """

    signal: str
    median_seconds: float
    p99_seconds: float


@dataclass(frozen=True, slots=True)
class Rates:
    """One look at what comes in."""

    now_ns: int
    rates: list[Rate]
    refused: list[Refused]
    lags: list[Lag]


_HAPPENED = {
    "traces": ("spans", "toUnixTimestamp64Nano(time) + toInt64(duration_ns)"),
    "logs": ("logs", "toUnixTimestamp64Nano(time)"),
}
"""By signal: its table, and when an item of it happened in nanoseconds."""


async def read_rates(engine: Engine, tenant: str, now_ns: int, limits: QueryLimits) -> Rates:
    """Return what came in over the minute that ends at *now_ns*."""
    conditions = _recent(tenant, now_ns)
    newest = conditions.bind("Int64", now_ns - SHORT_SECONDS * NANOSECONDS_PER_SECOND)
    sql = f"""
SELECT signal, service, refused, sum(items) AS long, sumIf(items, received_ns > {newest}) AS short,
    max(received_ns) AS last_ns
FROM (SELECT *, toUnixTimestamp64Nano(received) AS received_ns FROM ingested WHERE {conditions.where})
GROUP BY signal, service, refused ORDER BY signal, service, refused
"""
    rows = await engine.rows(conditions.statement(sql), limits)
    return Rates(
        now_ns=now_ns,
        rates=[_rate(row, now_ns) for row in rows if not row["refused"]],
        refused=[Refused(row["signal"], row["service"], row["refused"], row["long"]) for row in rows if row["refused"]],
        lags=[lag for signal in _HAPPENED if (lag := await _lag(engine, tenant, signal, now_ns, limits))],
    )


async def _lag(engine: Engine, tenant: str, signal: str, now_ns: int, limits: QueryLimits) -> Lag | None:
    table, happened = _HAPPENED[signal]
    parts = await engine.rows(
        Statement(
            "SELECT name FROM system.parts WHERE database = currentDatabase() AND table = {table:String} AND active "
            f"AND rows <= {_MAX_PART_ROWS} ORDER BY modification_time DESC, max_block_number DESC LIMIT {_PARTS}",
            {"table": table},
        ),
        limits,
    )
    conditions = _recent(tenant, now_ns)
    conditions.add("_part IN {parts}", parts=("Array(String)", [part["name"] for part in parts]))
    sql = f"""
SELECT count() AS items, quantiles(0.5, 0.99)(toUnixTimestamp64Nano(received) - ({happened})) AS lags
FROM {table} WHERE {conditions.where}
"""
    row = (await engine.rows(conditions.statement(sql), limits))[0]
    if not row["items"]:
        return None
    median, high = (ns / NANOSECONDS_PER_SECOND for ns in row["lags"])
    return Lag(signal, median, high)


def _recent(tenant: str, now_ns: int) -> Conditions:
    conditions = Conditions(tenant)
    conditions.between("received", now_ns - LONG_SECONDS * NANOSECONDS_PER_SECOND, now_ns)
    return conditions


def _rate(row: dict[str, Any], now_ns: int) -> Rate:
    return Rate(
        signal=row["signal"],
        service=row["service"],
        per_second_10s=row["short"] / SHORT_SECONDS,
        per_second_60s=row["long"] / LONG_SECONDS,
        idle_seconds=max(now_ns - row["last_ns"], 0) / NANOSECONDS_PER_SECOND,
    )
