"""What series there are, counted: by metric, label and value."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from backbone.query.conditions import Conditions
from backbone.query.selectors import METRIC_LABEL
from backbone.store.engine import Engine, QueryLimits

_ACTIVE = "last_seen >= now64(3) - INTERVAL 1 DAY"
"""Series are written down once a day that they have samples."""

Counts = list[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Cardinality:
    """Totals, and for each question the largest counts first."""

    series: int
    label_pairs: int
    first_ms: int
    last_ms: int
    series_by_metric: Counts
    values_by_label: Counts
    bytes_by_label: Counts
    series_by_pair: Counts


async def cardinality(engine: Engine, tenant: str, limit: int, limits: QueryLimits) -> Cardinality:
    """Return counts of the tenant's series of the last day, *limit* of each kind."""
    active = f"SELECT DISTINCT fp, metric, labels FROM series WHERE {{where}} AND {_ACTIVE}"
    pairs = (
        f"SELECT fp, pair.1 AS label, pair.2 AS value FROM ({active}) "
        "ARRAY JOIN CAST(labels, 'Array(Tuple(String, String))') AS pair"
    )
    names = f"SELECT fp, '{METRIC_LABEL}' AS label, toString(metric) AS value FROM ({active})"

    async def counted(sql: str) -> Counts:
        conditions = Conditions(tenant)
        most = conditions.bind("UInt64", limit)
        where = conditions.where
        text = f"SELECT * FROM ({sql.replace('{where}', where)}) ORDER BY count DESC, name LIMIT {most}"
        rows = await engine.rows(conditions.statement(text), limits)
        return [(row["name"], row["count"]) for row in rows]

    totals, by_metric, by_label, by_bytes, by_pair = await asyncio.gather(
        _totals(engine, tenant, limits),
        counted(f"SELECT toString(metric) AS name, uniqExact(fp) AS count FROM ({active}) GROUP BY metric"),
        counted(f"SELECT label AS name, uniqExact(value) AS count FROM ({pairs} UNION ALL {names}) GROUP BY label"),
        counted(
            f"SELECT label AS name, sum(length(value)) AS count FROM (SELECT DISTINCT label, value FROM ({pairs})) "
            "GROUP BY label"
        ),
        counted(f"SELECT concat(label, '=', value) AS name, uniqExact(fp) AS count FROM ({pairs}) GROUP BY name"),
    )
    return Cardinality(*totals, by_metric, by_label, by_bytes, by_pair)


async def _totals(engine: Engine, tenant: str, limits: QueryLimits) -> tuple[int, int, int, int]:
    conditions = Conditions(tenant)
    sql = f"""
SELECT uniqExact(fp) AS series, length(groupUniqArrayArray(arrayMap(p -> cityHash64(p.1, p.2),
    CAST(labels, 'Array(Tuple(String, String))')))) AS pairs,
    toUnixTimestamp64Milli(min(first_seen)) AS first, toUnixTimestamp64Milli(max(last_seen)) AS last
FROM series WHERE {conditions.where} AND {_ACTIVE}
"""
    [row] = await engine.rows(conditions.statement(sql), limits)
    return row["series"], row["pairs"], row["first"], row["last"]
