"""How many lines a query finds, by time and severity."""

from __future__ import annotations

from dataclasses import dataclass

from backbone.query.logql.ast import LogQuery
from backbone.query.logql.base_labels import LEVEL
from backbone.query.logql.columns import label_columns
from backbone.query.logql.fields import Window
from backbone.query.logql.pipeline import Pipeline
from backbone.store.engine import Engine, QueryLimits


@dataclass(frozen=True, slots=True)
class Bar:
    """So many lines of a severity from ``start_ns`` on."""

    start_ns: int
    level: str
    lines: int


async def histogram(
    engine: Engine, tenant: str, query: LogQuery, window: Window, *, step_ns: int, limits: QueryLimits
) -> list[Bar]:
    """Return how many lines there are in each *step_ns*, by severity; steps begin at multiples of it."""
    pipeline = Pipeline(tenant, query, window, label_columns(engine))
    step = pipeline.conditions.bind("Int64", step_ns)
    sql = (
        f"SELECT intDiv(toUnixTimestamp64Nano(time), {step}) * {step} AS start_ns, "
        f"{LEVEL} AS level, count() AS lines {pipeline.source} GROUP BY start_ns, level ORDER BY start_ns, level"
    )
    rows = await engine.rows(pipeline.conditions.statement(sql), limits)
    return [Bar(row["start_ns"], row["level"], row["lines"]) for row in rows]
