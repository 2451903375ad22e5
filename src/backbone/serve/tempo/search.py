"""``/api/search``: traces by TraceQL, or by tags as earlier clients ask."""

from __future__ import annotations

import re
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from backbone.model.errors import UserInputError
from backbone.query.promql.quoting import quote
from backbone.query.times import parse_duration_ns
from backbone.query.traceql.ast import Query
from backbone.query.traceql.found import FoundSpanset, FoundTrace
from backbone.query.traceql.parser import parse
from backbone.query.traceql.search import SearchLimits, TraceSearch
from backbone.serve.errors import text_error
from backbone.serve.given import Given, given_parameters
from backbone.serve.responses import json_response
from backbone.serve.running import QueryRunner
from backbone.serve.tempo.answers import key_value
from backbone.serve.tempo.given import given_count, given_window
from backbone.store.engine import Engine, QueryLimits

_TRACES, _MOST_TRACES = 20, 1_000
_SPANS, _MOST_SPANS = 3, 1_000
_TAG = re.compile(r'\s*([^\s="]+)=(?:"((?:\\.|[^"\\])*)"|([^\s"]*))')
_INTRINSIC_TAGS = {"name": "name", "status": "status", "root.name": "rootName", "root.service.name": "rootServiceName"}


def search_routes(engine: Engine, limits: QueryLimits, runner: QueryRunner) -> list[Route]:
    """Return the route of searches."""

    async def search(request: Request, tenant: str) -> Response:
        given = await given_parameters(request)
        query = _query(given)
        if query.metric is not None:
            raise UserInputError("'q': a query with a metric is for /api/metrics/query_range")
        wanted = SearchLimits(
            given_count(given, "limit", _TRACES, _MOST_TRACES), given_count(given, "spss", _SPANS, _MOST_SPANS)
        )
        searching = TraceSearch(engine, tenant, given_window(given), limits)
        found = await runner.run(request, tenant, searching.find(query, wanted))
        return json_response(
            {
                "traces": [_shown(trace) for trace in found],
                "metrics": {"inspectedTraces": len(found), "completedJobs": 1},
            }
        )

    return [runner.route("/api/search", search, text_error)]


def _query(given: Given) -> Query:
    """Return the query; tags, and the shortest and longest duration, are put into one."""
    if text := given.get("q"):
        return parse(text)
    tests = []
    tags = given.get("tags", "")
    at = 0
    while at < len(tags.rstrip()):
        found = _TAG.match(tags, at)
        if found is None:
            raise UserInputError(f"'tags': expected key=value pairs, got {tags[at : at + 40]!r}")
        key, quoted, bare = found.groups()
        value = bare if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
        if key == "status":
            tests.append(f"status = {value}")
        else:
            tests.append(f"{_INTRINSIC_TAGS.get(key, f'.{quote(key)}')} = {quote(value)}")
        at = found.end()
    for name, sign in (("minDuration", ">="), ("maxDuration", "<=")):
        if duration := given.get(name):
            tests.append(f"traceDuration {sign} {parse_duration_ns(duration, name)}ns")
    return parse(f"{{ {' && '.join(tests)} }}")


def _shown(trace: FoundTrace) -> dict[str, Any]:
    spansets = [_spanset(one) for one in trace.spansets]
    return {
        "traceID": trace.trace_id,
        "rootServiceName": trace.root_service,
        "rootTraceName": trace.root_name,
        "startTimeUnixNano": str(trace.start_ns),
        "durationMs": trace.duration_ns // 1_000_000,
        "spanSet": spansets[0],
        "spanSets": spansets,
        "serviceStats": {
            service: {"spanCount": spans, **({"errorCount": errors} if errors else {})}
            for service, (spans, errors) in sorted(trace.services.items())
        },
    }


def _spanset(spanset: FoundSpanset) -> dict[str, Any]:
    return {
        "spans": [
            {
                "spanID": span.span_id,
                "name": span.name,
                "startTimeUnixNano": str(span.start_ns),
                "durationNanos": str(span.duration_ns),
                "attributes": [key_value(_bare(name), kind, text) for name, kind, text in span.attributes],
            }
            for span in spanset.spans
        ],
        "matched": spanset.matched,
    }


def _bare(name: str) -> str:
    """Return a field's name as Tempo tells it: attributes without their scope, intrinsics without ``span:``."""
    scope, mark, rest = name.partition(".")
    if mark and scope in {"", "span", "resource", "event", "link", "instrumentation"}:
        return rest
    return name.removeprefix("span:")
