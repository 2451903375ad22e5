"""``patterns``, ``detected_fields`` and the values of a field. Source: Loki 3, HTTP API, "Patterns detection"."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from backbone.model.time import NANOSECONDS_PER_SECOND
from backbone.query.logql.fields import Field, detected_fields, top_values
from backbone.query.logql.patterns import find_patterns
from backbone.query.logql.streams import EVERYTHING
from backbone.serve.errors import text_error
from backbone.serve.given import given_parameters
from backbone.serve.loki.answers import success
from backbone.serve.loki.given import given_count, given_range, given_selector, given_step_ns
from backbone.serve.responses import json_response
from backbone.serve.running import QueryRunner
from backbone.store.engine import Engine, QueryLimits

_METHODS = ("GET", "POST")
_MOST_LINES = 5_000
_MOST_FIELDS = 1_000
_MOST_PATTERNS = 300


def analysis_routes(engine: Engine, limits: QueryLimits, runner: QueryRunner) -> list[Route]:
    """Return the routes of what is found by looking into lines."""
    face = _Analysis(engine, limits, runner)
    return [
        runner.route("/loki/api/v1/patterns", face.patterns, text_error, _METHODS),
        runner.route("/loki/api/v1/detected_fields", face.fields, text_error, _METHODS),
        runner.route("/loki/api/v1/detected_field/{name}/values", face.values, text_error, _METHODS),
    ]


class _Analysis:
    def __init__(self, engine: Engine, limits: QueryLimits, runner: QueryRunner) -> None:
        self._engine = engine
        self._limits = limits
        self._runner = runner

    async def patterns(self, request: Request, tenant: str) -> Response:
        given = await given_parameters(request)
        range_ = given_range(given)
        step = max(given_step_ns(given, range_), NANOSECONDS_PER_SECOND)
        query = given_selector(given) or EVERYTHING
        window = range_.start, range_.end
        found = await self._runner.run(
            request, tenant, find_patterns(self._engine, tenant, query, window, step_ns=step, limits=self._limits)
        )
        return success(
            [
                {
                    "pattern": pattern.text,
                    "level": pattern.level,
                    "samples": [
                        [start // NANOSECONDS_PER_SECOND, count] for start, count in sorted(pattern.counts.items())
                    ],
                }
                for pattern in found[:_MOST_PATTERNS]
            ]
        )

    async def fields(self, request: Request, tenant: str) -> Response:
        given = await given_parameters(request)
        range_ = given_range(given)
        limit = given_count(given, "limit", _MOST_FIELDS, _MOST_FIELDS)
        sample = given_count(given, "line_limit", 1_000, _MOST_LINES)
        query = given_selector(given) or EVERYTHING
        asked = detected_fields(
            self._engine, tenant, query, (range_.start, range_.end), sample=sample, limits=self._limits
        )
        found = await self._runner.run(request, tenant, asked)
        return json_response({"fields": _by_label(found)[:limit], "limit": limit})

    async def values(self, request: Request, tenant: str) -> Response:
        given = await given_parameters(request)
        range_ = given_range(given)
        limit = given_count(given, "limit", _MOST_FIELDS, _MOST_FIELDS)
        query = given_selector(given) or EVERYTHING
        window, label = (range_.start, range_.end), request.path_params["name"]
        asked = top_values(self._engine, tenant, query, window, label=label, limit=limit, limits=self._limits)
        found = await self._runner.run(request, tenant, asked)
        return json_response({"values": [value for value, _ in found], "limit": limit})


def _by_label(found: list[Field]) -> list[dict[str, object]]:
    """Return each label once, with the parsers that make it; none for what records have."""
    fields: dict[str, dict[str, object]] = {}
    for one in found:
        shown = fields.setdefault(
            one.label, {"label": one.label, "type": one.type, "cardinality": one.cardinality, "parsers": None}
        )
        if one.parser:
            known = shown["parsers"]
            shown["parsers"] = [*(known if isinstance(known, list) else []), one.parser]
    return list(fields.values())
