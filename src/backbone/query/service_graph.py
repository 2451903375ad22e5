"""Who calls whom: edges between services with rates, errors and durations."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from backbone.query.conditions import Conditions
from backbone.query.operations import NS_PER_SECOND, bucket_quantile, minutes
from backbone.store.edges import SETTLED_AFTER_SECONDS, call_spans
from backbone.store.engine import Engine, QueryLimits

QUANTILES = (0.5, 0.95, 0.99)
_MINUTE_NS = 60 * NS_PER_SECOND


@dataclass(frozen=True, slots=True)
class Edge:
    """Calls of ``client`` to ``server``, as the server saw them."""

    client: str
    server: str
    calls: int
    per_second: float
    error_ratio: float
    mean_ns: float
    quantiles_ns: dict[float, float]


async def edges(engine: Engine, tenant: str, window: tuple[int, int], now_ns: int, limits: QueryLimits) -> list[Edge]:
    """
    Return the edges of a time in nanoseconds, the most frequent first.

    What is old enough is summed up by minute; calls of the newest minutes are found in the spans, so that a call shows
    as soon as it is stored.
    """
    start, end = window
    conditions = Conditions(tenant)
    tables = _settled(conditions, window, now_ns), _recent(conditions, window, now_ns)
    levels = ", ".join(bucket_quantile(level) for level in QUANTILES)
    sql = f"""
SELECT client, server, calls, errors, total_ns, [{levels}] AS levels FROM (
    SELECT client, server, sum(n) AS calls, sum(f) AS errors, sum(t) AS total_ns, groupArray(bucket) AS buckets,
        groupArray(n) AS counts
    FROM (
        SELECT client, server, bucket, sum(calls) AS n, sum(errors) AS f, sum(total_ns) AS t
        FROM ({" UNION ALL ".join(tables)}) GROUP BY client, server, bucket ORDER BY bucket
    ) GROUP BY client, server
) ORDER BY calls DESC, client, server LIMIT 10000
"""
    seconds = max((end - start) / NS_PER_SECOND, 1.0)
    return [
        Edge(
            client=row["client"],
            server=row["server"],
            calls=row["calls"],
            per_second=row["calls"] / seconds,
            error_ratio=row["errors"] / max(row["calls"], 1),
            mean_ns=row["total_ns"] / max(row["calls"], 1),
            quantiles_ns=dict(zip(QUANTILES, row["levels"], strict=True)),
        )
        for row in await engine.rows(conditions.statement(sql), limits)
    ]


def _next_minute_ns(now_ns: int) -> int:
    """Return the start of the minute that is next to be summed up."""
    return (now_ns - SETTLED_AFTER_SECONDS * NS_PER_SECOND) // _MINUTE_NS * _MINUTE_NS


def _settled(conditions: Conditions, window: tuple[int, int], now_ns: int) -> str:
    """Return the SQL of what is summed up."""
    minutes(conditions, window)
    last = conditions.bind("UInt32", max(_next_minute_ns(now_ns) // NS_PER_SECOND, 0))
    return f"""
SELECT toString(client) AS client, toString(server) AS server, bucket, sum(calls) AS calls, sum(errors) AS errors,
    sum(total_ns) AS total_ns
FROM edges WHERE {conditions.where} AND minute < toDateTime({last}, 'UTC') GROUP BY client, server, bucket
"""


def _recent(conditions: Conditions, window: tuple[int, int], now_ns: int) -> str:
    """Return the SQL of the calls found in spans that are not summed up."""
    start = max(window[0], _next_minute_ns(now_ns))
    low, high = (f"fromUnixTimestamp64Nano({conditions.bind('Int64', at)}, 'UTC')" for at in (start, window[1]))
    served = call_spans(
        "trace_id, parent_span_id, service, duration_ns, status",
        f"tenant = {{tenant:String}} AND time >= {low} AND time < {high} AND kind IN ('server', 'consumer') "
        "AND parent_span_id != toFixedString('', 8)",
    )
    called = call_spans(
        "trace_id, span_id, service",
        f"tenant = {{tenant:String}} AND time >= {low} - INTERVAL 1 MINUTE AND time < {high} + INTERVAL 1 MINUTE "
        "AND kind IN ('client', 'producer')",
    )
    return f"""
SELECT toString(c.service) AS client, toString(s.service) AS server,
    toInt16(ceil(log2(greatest(s.duration_ns, 1)) * 8) - 1) AS bucket, count() AS calls,
    countIf(s.status = 'error') AS errors, sum(s.duration_ns) AS total_ns
FROM ({served}) AS s INNER JOIN ({called}) AS c ON s.trace_id = c.trace_id AND s.parent_span_id = c.span_id
GROUP BY client, server, bucket
"""


def around(found: Iterable[Edge], service: str, depth: int) -> list[Edge]:
    """Return the edges within so many calls of a service, in both directions."""
    known = list(found)
    reached = {service}
    kept: dict[tuple[str, str], Edge] = {}
    for _ in range(depth):
        near = [one for one in known if one.client in reached or one.server in reached]
        kept.update(((one.client, one.server), one) for one in near)
        reached |= {name for one in near for name in (one.client, one.server)}
    return sorted(kept.values(), key=lambda one: (-one.calls, one.client, one.server))
