"""Where series come from: the largest metrics, labels, values and owners, what grows, and what nobody asks for."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from backbone.query.conditions import Conditions
from backbone.store.engine import Engine, QueryLimits

_ACTIVE = "last_seen >= now64(3) - INTERVAL 1 DAY"
"""Series are written down once a day that they have samples."""
_HOURS = 24


@dataclass(frozen=True, slots=True)
class Question:
    """What is looked at: the active series of a tenant, or those of one metric or owner, *limit* rows of each kind."""

    metric: str = ""
    owner: str = ""
    unqueried_days: int = 7
    limit: int = 20


@dataclass(frozen=True, slots=True)
class Exploration:
    """
    Rows of each kind, the largest first.

    ``metrics``: name, series, new in the last hour, the label with most values and how many, when it was last queried.
    ``labels``: name, values, series, metrics. ``values``: label, value, series. ``owners``: service, series, metrics,
    new in the last hour. ``growth``: hour in seconds since 1970, new series. ``unqueried``: name, series, last queried.
    """

    series: int
    new_last_hour: int
    metrics: list[dict[str, Any]]
    labels: list[dict[str, Any]]
    values: list[dict[str, Any]]
    owners: list[dict[str, Any]]
    growth: list[dict[str, Any]]
    unqueried: list[dict[str, Any]]


async def explore_cardinality(engine: Engine, tenant: str, question: Question, limits: QueryLimits) -> Exploration:
    """Return where the tenant's series of the last day come from."""

    async def asked(sql: str) -> list[dict[str, Any]]:
        conditions = Conditions(tenant)
        conditions.add(_ACTIVE)
        if question.metric:
            conditions.add("metric = {metric}", metric=("String", question.metric))
        if question.owner:
            conditions.add("labels['job'] = {owner}", owner=("String", question.owner))
        series = f"""
SELECT fp, name AS metric, pairs AS labels, first, pairs['job'] AS owner
FROM (
    SELECT fp, any(metric) AS name, any(labels) AS pairs, min(first_seen) AS first
    FROM series WHERE {conditions.where} GROUP BY fp, id
)
"""
        bound = {
            "{series}": f"({series})",
            "{limit}": conditions.bind("UInt64", question.limit),
            "{days}": conditions.bind("UInt32", question.unqueried_days),
        }
        for name, text in bound.items():
            sql = sql.replace(name, text)
        return await engine.rows(conditions.statement(sql), limits)

    kinds: Sequence[str] = (_TOTALS, _METRICS, _LABELS, _VALUES, _OWNERS, _GROWTH, _UNQUERIED)
    [totals], *rows = await asyncio.gather(*(asked(sql) for sql in kinds))
    return Exploration(totals["series"], totals["new"], *rows)


_NEW = "countIf(first >= now64(3) - INTERVAL 1 HOUR)"
_PAIRS = (
    "(SELECT fp, metric, pair.1 AS label, pair.2 AS value FROM {series} "
    "ARRAY JOIN CAST(labels, 'Array(Tuple(String, String))') AS pair)"
)
_LAST_QUERIED = """
(SELECT metric, toUnixTimestamp(max(last)) AS last_queried FROM queried
WHERE tenant = {tenant:String} GROUP BY metric)
"""

_TOTALS = f"SELECT count() AS series, {_NEW} AS new FROM {{series}}"
_METRICS = f"""
SELECT toString(m.metric) AS name, m.series AS series, m.new AS new_last_hour, l.label AS widest_label,
    l.values AS widest_values, q.last_queried AS last_queried
FROM (SELECT metric, count() AS series, {_NEW} AS new FROM {{series}} GROUP BY metric) AS m
LEFT JOIN (
    SELECT metric, argMax(label, count) AS label, max(count) AS values
    FROM (SELECT metric, label, uniq(value) AS count FROM {_PAIRS} GROUP BY metric, label) GROUP BY metric
) AS l USING (metric)
LEFT JOIN {_LAST_QUERIED} AS q USING (metric)
ORDER BY series DESC, name LIMIT {{limit}}
"""
_LABELS = f"""
SELECT label AS name, uniq(value) AS values, count() AS series, uniq(metric) AS metrics
FROM {_PAIRS} GROUP BY label ORDER BY values DESC, name LIMIT {{limit}}
"""
_VALUES = f"""
SELECT label, value, count() AS series FROM {_PAIRS} GROUP BY label, value ORDER BY series DESC, label, value
LIMIT {{limit}}
"""
_OWNERS = f"""
SELECT owner AS service, count() AS series, uniq(metric) AS metrics, {_NEW} AS new_last_hour
FROM {{series}} GROUP BY service ORDER BY series DESC, service LIMIT {{limit}}
"""
_GROWTH = f"""
SELECT toUnixTimestamp(hour) AS time, new_series FROM (
    SELECT toStartOfHour(first) AS hour, count() AS new_series FROM {{series}} GROUP BY hour
    ORDER BY hour WITH FILL FROM toStartOfHour(now64(3, 'UTC')) - INTERVAL {_HOURS - 1} HOUR
        TO toStartOfHour(now64(3, 'UTC')) + INTERVAL 1 HOUR STEP INTERVAL 1 HOUR
) WHERE hour > now64(3, 'UTC') - INTERVAL {_HOURS} HOUR ORDER BY hour
"""
_UNQUERIED = f"""
SELECT toString(m.metric) AS name, m.series AS series, q.last_queried AS last_queried
FROM (SELECT metric, count() AS series FROM {{series}} GROUP BY metric) AS m
LEFT JOIN {_LAST_QUERIED} AS q USING (metric)
WHERE q.last_queried < toUnixTimestamp(now()) - 86400 * {{days}}
ORDER BY series DESC, name LIMIT {{limit}}
"""
