"""Which attributes explain some spans: values that are more frequent among them than among the rest."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from backbone.query.conditions import Conditions
from backbone.store.engine import Engine, QueryLimits

_SAMPLE = 50_000
"""Of how many spans of each side, the newest."""
_LEAST_SHARE = 0.02


@dataclass(frozen=True, slots=True)
class SpanQuestion:
    """
    Spans of an operation, and which of them are to be explained: those slower, or those that failed.

    Nanoseconds; an operation that is empty is any.
    """

    start_ns: int
    end_ns: int
    service: str
    operation: str = ""
    slower_than_ns: int | None = None
    errors: bool = False


@dataclass(frozen=True, slots=True)
class Cause:
    """An attribute's value: its shares of 1 among the spans selected and the rest, and a trace that has it."""

    scope: str
    name: str
    value: str
    selected: float
    rest: float
    score: float
    trace_id: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """How many spans were looked at on each side, and what tells them apart, best first."""

    selected: int
    rest: int
    causes: list[Cause]


async def explain_spans(
    engine: Engine, tenant: str, question: SpanQuestion, limit: int, limits: QueryLimits
) -> Explanation:
    """
    Return what explains the spans selected, as one number a value: how much its being there tells of the side.

    Values that nearly no span has are left out.
    """
    conditions = Conditions(tenant)
    conditions.between("time", question.start_ns, question.end_ns)
    conditions.add("service = {service}", service=("String", question.service))
    if question.operation:
        conditions.add("name = {name}", name=("String", question.operation))
    tests = ["status = 'error'"] if question.errors else []
    if question.slower_than_ns is not None:
        tests.append(f"duration_ns > {conditions.bind('UInt64', question.slower_than_ns)}")
    sql = f"""
WITH {" AND ".join(tests) or "0"} AS selected, chosen AS (
    SELECT selected AS side, trace_id, arrayConcat(
        arrayMap(p -> ('span', toString(p.1), p.2), CAST(attributes, 'Array(Tuple(String, String))')),
        arrayMap(p -> ('resource', toString(p.1), p.2), CAST(resource, 'Array(Tuple(String, String))')),
        [('', 'name', toString(name)), ('', 'kind', toString(kind)), ('', 'status', toString(status))]) AS pairs
    FROM spans WHERE {conditions.where} ORDER BY time DESC LIMIT {_SAMPLE} BY side
), sides AS (SELECT countIf(side) AS selected_spans, countIf(NOT side) AS rest_spans FROM chosen)
SELECT pair.1 AS scope, pair.2 AS name, pair.3 AS value, countIf(side) AS among_selected,
    countIf(NOT side) AS among_rest, lower(hex(if(among_selected > 0, anyIf(trace_id, side), any(trace_id)))) AS trace,
    any(selected_spans) AS selected_spans, any(rest_spans) AS rest_spans
FROM chosen ARRAY JOIN pairs AS pair CROSS JOIN sides
GROUP BY scope, name, value
HAVING greatest(among_selected / greatest(selected_spans, 1), among_rest / greatest(rest_spans, 1)) >= {_LEAST_SHARE}
ORDER BY among_selected DESC LIMIT 20000
"""
    rows = await engine.rows(conditions.statement(sql), limits)
    if not rows:
        return Explanation(0, 0, [])
    sizes = rows[0]["selected_spans"], rows[0]["rest_spans"]
    causes = sorted((_cause(row, *sizes) for row in rows), key=lambda one: (-one.score, one.scope, one.name, one.value))
    return Explanation(*sizes, [one for one in causes if one.score > 0][:limit])


def _cause(row: dict[str, Any], selected: int, rest: int) -> Cause:
    p, q = row["among_selected"] / max(selected, 1), row["among_rest"] / max(rest, 1)
    score = _divergence(p, q) if selected and rest else 0.0
    return Cause(row["scope"], row["name"], row["value"], p, q, score, row["trace"])


def _divergence(p: float, q: float) -> float:
    """Return the Jensen-Shannon divergence of having the value on the two sides, from 0 to 1."""
    found = 0.0
    for own, other in ((p, q), (1 - p, 1 - q)):
        middle = (own + other) / 2
        for share in (own, other):
            if share > 0:
                found += share / 2 * math.log2(share / middle)
    return max(found, 0.0)
