"""What is told of traces that were found."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from backbone.query.conditions import Conditions
from backbone.query.traceql.ast import Attribute, Field
from backbone.query.traceql.source import Spans, Window
from backbone.store.engine import Engine, QueryLimits


class Key(Protocol):
    """A span that matched."""

    @property
    def trace(self) -> str: ...
    @property
    def span(self) -> str: ...
    @property
    def group(self) -> int: ...


@dataclass(frozen=True, slots=True)
class FoundSpan:
    """A span; ``attributes`` are name, type as OTLP names it, and text."""

    span_id: str
    name: str
    start_ns: int
    duration_ns: int
    attributes: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class FoundSpanset:
    """Some of the spans of a spanset, and how many there are."""

    spans: tuple[FoundSpan, ...]
    matched: int


@dataclass(frozen=True, slots=True)
class FoundTrace:
    """A trace; its root is the span without a parent, or the first of all where that one is missing."""

    trace_id: str
    root_service: str
    root_name: str
    start_ns: int
    duration_ns: int
    services: Mapping[str, tuple[int, int]]
    """Spans and errors by service."""
    spansets: tuple[FoundSpanset, ...]


def field_name(field: Field) -> str:
    """Return a field as it is written."""
    if isinstance(field, Attribute):
        return f"{field.scope}.{field.name}"
    return field.name


async def describe(
    engine: Engine,
    tenant: str,
    window: Window,
    limits: QueryLimits,
    matched: Mapping[str, Sequence[Key]],
    fields: Sequence[Field],
    most: int,
) -> list[FoundTrace]:
    """Return traces in the order given, with at most so many spans of each spanset, and their *fields*."""
    if not matched:
        return []
    chosen = {
        (key.trace, key.span) for keys in matched.values() for group in _groups(keys).values() for key in group[:most]
    }
    summaries, spans = await asyncio.gather(
        _summaries(engine, tenant, list(matched), limits),
        _spans(engine, tenant, window, limits, sorted(chosen), fields),
    )
    found = []
    for trace, keys in matched.items():
        row = summaries[trace]
        spansets = tuple(
            FoundSpanset(
                tuple(spans[trace, key.span] for key in group[:most] if (trace, key.span) in spans), len(group)
            )
            for group in _groups(keys).values()
        )
        service, name = row["root"]
        found.append(
            FoundTrace(
                trace, service, name, row["start_ns"], row["duration_ns"],
                {one: (count, errors) for one, count, errors in row["services"]}, spansets,
            )
        )  # fmt: skip
    return found


def _groups(keys: Sequence[Key]) -> dict[int, list[Key]]:
    found: dict[int, list[Key]] = {}
    for key in keys:
        found.setdefault(key.group, []).append(key)
    return found


async def _summaries(
    engine: Engine, tenant: str, traces: Sequence[str], limits: QueryLimits
) -> dict[str, dict[str, Any]]:
    conditions = Conditions(tenant)
    conditions.of_traces(traces)
    sql = f"""
SELECT lower(hex(trace_id)) AS id, argMin(first_of_service, first_key) AS root, min(first) AS start_ns,
    max(last) - start_ns AS duration_ns, groupArray((service, spans, errors)) AS services
FROM (
    SELECT trace_id, toString(service) AS service, min((parent_span_id != toFixedString('', 8), time)) AS first_key,
        argMin((toString(service), toString(name)), (parent_span_id != toFixedString('', 8), time)) AS first_of_service,
        min(toUnixTimestamp64Nano(time)) AS first, max(toUnixTimestamp64Nano(time) + toInt64(duration_ns)) AS last,
        uniqExact(span_id, kind) AS spans, uniqExactIf((span_id, kind), status = 'error') AS errors
    FROM spans WHERE {conditions.where} GROUP BY trace_id, service ORDER BY service
) GROUP BY trace_id
"""
    return {row["id"]: row for row in await engine.rows(conditions.statement(sql), limits)}


async def _spans(
    engine: Engine,
    tenant: str,
    window: Window,
    limits: QueryLimits,
    keys: Sequence[tuple[str, str]],
    fields: Sequence[Field],
) -> dict[tuple[str, str], FoundSpan]:
    spans = Spans(tenant, window, fields)
    spans.conditions.of_traces(sorted({trace for trace, _ in keys}))
    wanted = spans.conditions.bind("Array(String)", [span for _, span in keys])
    shown = ", ".join(spans.sql.shown(field) for field in fields)
    sql = (
        f"SELECT lower(hex(trace_id)) AS trace, lower(hex(span_id)) AS span, toString(name) AS span_name, "
        f"toUnixTimestamp64Nano(time) AS start_ns, duration_ns, "
        f"CAST([{shown}], 'Array(Tuple(String, String))') AS shown "
        f"{spans.source} AND span_id IN (SELECT toFixedString(unhex(id), 8) FROM (SELECT arrayJoin({wanted}) AS id)) "
        "LIMIT 1 BY trace_id, span_id"
    )
    names = [field_name(field) for field in fields]
    return {
        (row["trace"], row["span"]): FoundSpan(
            row["span"], row["span_name"], row["start_ns"], row["duration_ns"],
            tuple((name, kind, text) for name, (kind, text) in zip(names, row["shown"], strict=True) if kind),
        )
        for row in await engine.rows(spans.conditions.statement(sql), limits)
    }  # fmt: skip
