"""What tells some lines from others: labels whose texts are more, or less, frequent among them."""

from __future__ import annotations

from dataclasses import dataclass

from backbone.query.logql.ast import LogQuery
from backbone.query.logql.columns import label_columns
from backbone.query.logql.fields import Window
from backbone.query.logql.pipeline import Pipeline
from backbone.store.engine import Engine, QueryLimits

_SAMPLE = 50_000
_LEAST_SHARE = 0.02


@dataclass(frozen=True, slots=True)
class Difference:
    """A label's text, and how many lines of those selected and of the rest have it; shares are of 1."""

    label: str
    value: str
    selected: float
    rest: float

    @property
    def score(self) -> float:
        return abs(self.selected - self.rest)


async def differences(
    engine: Engine,
    tenant: str,
    selected: tuple[LogQuery, Window],
    rest: tuple[LogQuery, Window],
    *,
    limit: int,
    limits: QueryLimits,
) -> list[Difference]:
    """
    Return what is more or less frequent among the lines selected than among the rest, the largest difference first.

    Of each side the newest lines are looked at, at most 50,000. Ids, of which every line has its own, are left out.
    """
    one = await _shares(engine, tenant, *selected, limits)
    other = await _shares(engine, tenant, *rest, limits)
    found = [
        Difference(label, value, one.get((label, value), 0.0), other.get((label, value), 0.0))
        for label, value in one.keys() | other.keys()
    ]
    return sorted(found, key=lambda difference: (-difference.score, difference.label, difference.value))[:limit]


async def _shares(
    engine: Engine, tenant: str, query: LogQuery, window: Window, limits: QueryLimits
) -> dict[tuple[str, str], float]:
    pipeline = Pipeline(tenant, query, window, label_columns(engine))
    conditions = pipeline.conditions
    sql = f"""
SELECT pair.1 AS label, pair.2 AS value, count() / any(total) AS share FROM (
    SELECT CAST(labels, 'Array(Tuple(String, String))') AS pairs, count() OVER () AS total FROM (
        SELECT {pipeline.labels.everything()} AS labels
        {pipeline.source} ORDER BY time DESC LIMIT {_SAMPLE}
    )
) ARRAY JOIN pairs AS pair
WHERE value != '' AND label NOT IN ('trace_id', 'span_id')
GROUP BY label, value HAVING share >= {_LEAST_SHARE} ORDER BY share DESC LIMIT 10000
"""
    rows = await engine.rows(conditions.statement(sql), limits)
    return {(row["label"], row["value"]): row["share"] for row in rows}
