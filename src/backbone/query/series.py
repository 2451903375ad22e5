"""Series as selectors name them: which there are, their labels, and what is known of their metrics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from backbone.model.time import NANOSECONDS_PER_SECOND
from backbone.query.conditions import Conditions
from backbone.query.selectors import METRIC_LABEL, Matcher
from backbone.store.engine import Engine, QueryLimits

DAY_NS = 86_400 * NANOSECONDS_PER_SECOND


@dataclass(frozen=True, slots=True)
class Series:
    """A series; ``labels`` holds its metric's name too, as ``__name__``."""

    fp: int
    labels: dict[str, str]


@dataclass(frozen=True, slots=True)
class SeriesFilter:
    """
    Series that pass any of ``selectors`` (all, where there is none) and had samples around the range.

    Series are written down once a day, so the range is exact to the day at its start.
    """

    start_ns: int
    end_ns: int
    selectors: Sequence[tuple[Matcher, ...]] = ()


@dataclass(frozen=True, slots=True)
class Metadata:
    """What senders said of a metric."""

    metric: str
    type: str
    unit: str
    help: str


async def find_series(
    engine: Engine, tenant: str, wanted: SeriesFilter, limit: int, limits: QueryLimits
) -> list[Series]:
    """Return at most *limit* series, in order of their names and labels."""
    conditions = series_conditions(tenant, wanted)
    most = conditions.bind("UInt64", limit)
    sql = f"""
SELECT fp, metric, anyLast(labels) AS last_labels FROM series WHERE {conditions.where}
GROUP BY tenant, metric, fp, id ORDER BY metric, mapSort(last_labels), fp LIMIT {most}
"""
    rows = await engine.rows(conditions.statement(sql), limits)
    return [Series(row["fp"], {METRIC_LABEL: row["metric"], **row["last_labels"]}) for row in rows]


async def label_names(engine: Engine, tenant: str, wanted: SeriesFilter, limit: int, limits: QueryLimits) -> list[str]:
    """Return the names of all labels of the series wanted, sorted."""
    conditions = series_conditions(tenant, wanted)
    most = conditions.bind("UInt64", limit)
    sql = f"""
SELECT DISTINCT toString(arrayJoin(arrayPushBack(mapKeys(labels), '{METRIC_LABEL}'))) AS name
FROM series WHERE {conditions.where} ORDER BY name LIMIT {most}
"""
    return _texts(await engine.rows(conditions.statement(sql), limits), "name")


async def label_values(
    engine: Engine, tenant: str, label: str, wanted: SeriesFilter, limit: int, limits: QueryLimits
) -> list[str]:
    """Return the values of *label* among the series wanted, sorted."""
    conditions = series_conditions(tenant, wanted)
    value = _label(conditions, label)
    most = conditions.bind("UInt64", limit)
    sql = f"""
SELECT DISTINCT toString({value}) AS found FROM series
WHERE {conditions.where} AND found != '' ORDER BY found LIMIT {most}
"""
    return _texts(await engine.rows(conditions.statement(sql), limits), "found")


async def find_metadata(engine: Engine, tenant: str, metric: str, limit: int, limits: QueryLimits) -> list[Metadata]:
    """Return what is known of *metric*, or of all metrics where it is empty, in order of their names."""
    conditions = Conditions(tenant)
    if metric:
        conditions.add("metric = {metric}", metric=("String", metric))
    most = conditions.bind("UInt64", limit)
    # Of a metric written twice, what was said last stands.
    sql = f"""
SELECT metric, argMax((toString(type), toString(unit), help), updated) AS said FROM metadata
WHERE {conditions.where} GROUP BY metric ORDER BY metric LIMIT {most}
"""
    rows = await engine.rows(conditions.statement(sql), limits)
    return [Metadata(row["metric"], *row["said"]) for row in rows]


def series_conditions(tenant: str, wanted: SeriesFilter) -> Conditions:
    """Return what the rows of the table ``series`` must meet."""
    conditions = Conditions(tenant)
    conditions.add(
        "first_seen <= fromUnixTimestamp64Nano({end}, 'UTC') AND last_seen >= fromUnixTimestamp64Nano({day}, 'UTC')",
        end=("Int64", wanted.end_ns),
        day=("Int64", wanted.start_ns // DAY_NS * DAY_NS),
    )
    if wanted.selectors:
        conditions.add(" OR ".join(_selected(conditions, selector) for selector in wanted.selectors))
    return conditions


def _selected(conditions: Conditions, selector: tuple[Matcher, ...]) -> str:
    return "(" + " AND ".join(_matched(conditions, matcher) for matcher in selector) + ")"


def _matched(conditions: Conditions, matcher: Matcher) -> str:
    # A label that is not there reads as '', in Prometheus as in the engine's maps.
    label = _label(conditions, matcher.label)
    if matcher.operator in {"=", "!="}:
        return f"{label} {matcher.operator} {conditions.bind('String', matcher.value)}"
    matches = f"match({label}, {conditions.bind('String', f'^(?s:{matcher.value})$')})"
    return matches if matcher.operator == "=~" else f"NOT {matches}"


def _label(conditions: Conditions, label: str) -> str:
    return "metric" if label == METRIC_LABEL else f"labels[{conditions.bind('String', label)}]"


def _texts(rows: list[dict[str, Any]], column: str) -> list[str]:
    return [row[column] for row in rows]
