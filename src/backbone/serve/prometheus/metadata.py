"""
Prometheus' metadata endpoints: series, labels, label values, metadata.

Source: Prometheus 3.x, HTTP API, "Querying metadata". Parameters it does not know are passed over, as Prometheus does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from backbone.model.errors import UserInputError
from backbone.model.time import now_ns
from backbone.query.promql.parser import parse_selector
from backbone.query.series import SeriesFilter, find_metadata, find_series, label_names, label_values
from backbone.query.times import LATEST_NS, parse_time_ns
from backbone.serve.errors import json_error
from backbone.serve.prometheus.given import Given, given_parameters, result_limit
from backbone.serve.running import QueryRunner
from backbone.store.engine import Engine, QueryLimits

_METHODS = ("GET", "POST")


def metadata_routes(engine: Engine, limits: QueryLimits, runner: QueryRunner) -> list[Route]:
    """Return the routes of series, labels, their values and metadata."""
    face = _Metadata(engine, limits, runner)
    return [
        runner.route("/api/v1/series", face.series, json_error, _METHODS),
        runner.route("/api/v1/labels", face.labels, json_error, _METHODS),
        runner.route("/api/v1/label/{name:path}/values", face.values, json_error),
        runner.route("/api/v1/metadata", face.metadata, json_error),
    ]


class _Metadata:
    def __init__(self, engine: Engine, limits: QueryLimits, runner: QueryRunner) -> None:
        self._engine = engine
        self._limits = limits
        self._runner = runner

    async def series(self, request: Request, tenant: str) -> Response:
        given = await given_parameters(request)
        wanted, limit = _filter(given), result_limit(given)
        if not wanted.selectors:
            raise UserInputError("'match[]': at least one is required")
        asked = find_series(self._engine, tenant, wanted, limit + 1, self._limits)
        found = await self._runner.run(request, tenant, asked)
        return _success([series.labels for series in found], limit)

    async def labels(self, request: Request, tenant: str) -> Response:
        given = await given_parameters(request)
        wanted, limit = _filter(given), result_limit(given)
        asked = label_names(self._engine, tenant, wanted, limit + 1, self._limits)
        return _success(await self._runner.run(request, tenant, asked), limit)

    async def values(self, request: Request, tenant: str) -> Response:
        given = await given_parameters(request)
        wanted, limit = _filter(given), result_limit(given)
        label = request.path_params["name"]
        asked = label_values(self._engine, tenant, label, wanted, limit + 1, self._limits)
        return _success(await self._runner.run(request, tenant, asked), limit)

    async def metadata(self, request: Request, tenant: str) -> Response:
        given = await given_parameters(request)
        asked = find_metadata(self._engine, tenant, given.get("metric", ""), result_limit(given), self._limits)
        found = await self._runner.run(request, tenant, asked)
        return _json({one.metric: [{"type": one.type, "help": one.help, "unit": one.unit}] for one in found})


def _filter(given: Given) -> SeriesFilter:
    now = now_ns()
    start = parse_time_ns(given["start"], "start", now_ns=now) if given.get("start") else 0
    end = parse_time_ns(given["end"], "end", now_ns=now) if given.get("end") else LATEST_NS
    if end < start:
        raise UserInputError("'end': is before 'start'")
    return SeriesFilter(start, end, [parse_selector(text) for text in given.getlist("match[]")])


def _success(found: Sequence[Any], limit: int) -> Response:
    warnings = ["results truncated due to limit"] if len(found) > limit else []
    return _json(found[:limit], warnings)


def _json(data: Any, warnings: Sequence[str] = ()) -> Response:
    body = {"status": "success", "data": data, **({"warnings": warnings} if warnings else {})}
    return Response(orjson.dumps(body), media_type="application/json")
