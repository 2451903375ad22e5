"""``/api/metrics/query_range`` and ``/api/metrics/query``: TraceQL metrics."""

from __future__ import annotations

import math
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from backbone.model.errors import UserInputError
from backbone.model.time import NANOSECONDS_PER_SECOND
from backbone.query.promql.engine import MAX_STEPS
from backbone.query.promql.quoting import quote
from backbone.query.times import parse_duration_ns
from backbone.query.traceql.ast import Query
from backbone.query.traceql.metrics import SpanMetrics, SpanSeries, Steps
from backbone.query.traceql.parser import parse
from backbone.query.traceql.source import Window
from backbone.serve.errors import text_error
from backbone.serve.given import Given, given_parameters
from backbone.serve.responses import json_response
from backbone.serve.running import QueryRunner
from backbone.serve.tempo.answers import key_value
from backbone.serve.tempo.given import given_window
from backbone.store.engine import Engine, QueryLimits

_STEPS = 120
_MS = 1_000_000


def metrics_routes(engine: Engine, limits: QueryLimits, runner: QueryRunner) -> list[Route]:
    """Return the routes of metrics."""

    async def over_time(request: Request, tenant: str) -> Response:
        given = await given_parameters(request)
        query, steps = _query(given), _steps(given, given_window(given))
        found = await runner.run(request, tenant, SpanMetrics(engine, tenant, limits).evaluate(query, steps))
        return json_response({"series": [_shown(series) for series in found], "metrics": {}})

    async def at_once(request: Request, tenant: str) -> Response:
        """Answer with one value for the whole time."""
        given = await given_parameters(request)
        query, window = _query(given), given_window(given)
        steps = Steps(window.start_ns, window.end_ns, window.end_ns - window.start_ns)
        found = await runner.run(request, tenant, SpanMetrics(engine, tenant, limits).evaluate(query, steps))
        shown = [
            {
                "labels": _labels(series),
                "promLabels": _prometheus(series),
                "value": _number(next(iter(series.values.values()))),
            }
            for series in found
        ]
        return json_response({"series": shown, "metrics": {}})

    return [
        runner.route("/api/metrics/query_range", over_time, text_error),
        runner.route("/api/metrics/query", at_once, text_error),
    ]


def _query(given: Given) -> Query:
    query = parse(given.get("q") or given.get("query", ""))
    if query.metric is None:
        raise UserInputError("'q': not a metrics query; such as { } | rate() is accepted")
    return query


def _steps(given: Given, window: Window) -> Steps:
    """Return steps that begin at multiples of their width."""
    text = given.get("step", "")
    if text:
        try:
            step = round(float(text) * NANOSECONDS_PER_SECOND)
        except (ValueError, OverflowError):
            step = parse_duration_ns(text, "step")
    else:
        step = max((window.end_ns - window.start_ns) // _STEPS // NANOSECONDS_PER_SECOND, 1) * NANOSECONDS_PER_SECOND
    if step < _MS or (window.end_ns - window.start_ns) // step > MAX_STEPS:
        raise UserInputError(f"'step': {text[:40]!r} makes more than {MAX_STEPS:,} steps, or is no positive duration")
    start = window.start_ns // step * step
    return Steps(start, window.end_ns, step)


def _shown(series: SpanSeries) -> dict[str, Any]:
    return {
        "labels": _labels(series),
        "promLabels": _prometheus(series),
        "samples": [
            {"timestampMs": str(at // _MS), "value": _number(value)} for at, value in sorted(series.values.items())
        ],
        "exemplars": [
            {
                "labels": [key_value("trace:id", "string_value", exemplar.trace_id)],
                "value": _number(exemplar.value),
                "timestampMs": str(exemplar.time_ns // _MS),
            }
            for exemplar in series.exemplars
        ],
    }


def _labels(series: SpanSeries) -> list[dict[str, Any]]:
    return [key_value(name, kind, text) for name, kind, text in series.labels]


def _prometheus(series: SpanSeries) -> str:
    shown = [f"{name}={quote(text)}" for name, _, text in series.labels]
    return f"{{{', '.join(shown)}}}"


def _number(value: float) -> float | str:
    """Return a number as protobuf's JSON has it."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
