"""Names and values of attributes, which people complete queries with."""

from __future__ import annotations

from typing import Final

from backbone.query.traceql.ast import Attribute, Field, Filter, Pipeline
from backbone.query.traceql.source import Spans, Window
from backbone.query.traceql.walk import filters
from backbone.store.engine import Engine, QueryLimits

INTRINSICS: Final = (
    "duration", "event:name", "event:timeSinceStart", "instrumentation:name", "instrumentation:version", "kind",
    "link:spanID", "link:traceID", "name", "rootName", "rootServiceName", "span:duration", "span:kind", "span:name",
    "span:status", "span:statusMessage", "status", "statusMessage", "trace:duration", "trace:rootName",
    "trace:rootService", "traceDuration",
)  # fmt: skip
_COLUMNS = {
    "resource": "mapKeys(resource)",
    "span": "mapKeys(attributes)",
    "event": "arrayFlatten(arrayMap(m -> mapKeys(m), events.attributes))",
    "link": "arrayFlatten(arrayMap(m -> mapKeys(m), links.attributes))",
    "instrumentation": "mapKeys(scope_attributes)",
}
SCOPES: Final = tuple(_COLUMNS)
_SAMPLE = 1_000_000
"""Of how many spans names and values are told, the first that are read."""


async def attribute_names(
    engine: Engine, tenant: str, window: Window, scope: str, most: int, limits: QueryLimits
) -> list[str]:
    """Return the names of the attributes of a scope."""
    spans = Spans(tenant, window, [])
    limit = spans.conditions.bind("UInt32", most)
    sql = (
        f"SELECT DISTINCT arrayJoin(arrayDistinct({_COLUMNS[scope]})) AS name FROM (SELECT * {spans.source} "
        f"LIMIT {_SAMPLE}) ORDER BY name LIMIT {limit}"
    )
    return [str(row["name"]) for row in await engine.rows(spans.conditions.statement(sql), limits)]


async def attribute_values(
    engine: Engine, tenant: str, window: Window, field: Field, within: Pipeline | None, most: int, limits: QueryLimits
) -> list[tuple[str, str]]:
    """
    Return the most frequent values of a field, each with its type as OTLP names it.

    Args:
        within: a query; of its filters those that stand alone choose the spans that are looked at.
    """
    alone = filters(within) if within and all(isinstance(stage, Filter) for stage in within.stages) else []
    conditions = [one.condition for one in alone if one.condition is not None]
    spans = Spans(tenant, window, [field, *conditions])
    for condition in conditions:
        spans.test(spans.sql.condition(condition))
    limit = spans.conditions.bind("UInt32", most)
    if isinstance(field, Attribute) and field.scope in {"event", "link"}:
        column = {"event": "events", "link": "links"}[field.scope]
        key = spans.conditions.bind("String", field.name)
        shown = f"arrayJoin(arrayMap(m -> ('string_value', m[{key}]), {column}.attributes))"
    else:
        shown = spans.sql.shown(field)
    sql = (
        f"SELECT shown FROM (SELECT {shown} AS shown {spans.source} LIMIT {_SAMPLE}) WHERE shown.1 != '' "
        f"AND shown.2 != '' GROUP BY shown ORDER BY count() DESC, shown LIMIT {limit}"
    )
    return [
        (kind, text)
        for kind, text in (row["shown"] for row in await engine.rows(spans.conditions.statement(sql), limits))
    ]
