"""
Jaeger's query API, as its UI and Grafana's data source call it, under ``/jaeger``.

Source: Jaeger 1.x, cmd/query, "API (internal)", which its UI is served by.
"""

from __future__ import annotations

from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from backbone.model.errors import BackboneError, UserInputError
from backbone.model.time import now_ns
from backbone.query.jaeger_json import jaeger_trace
from backbone.query.operations import operations, services
from backbone.query.service_graph import edges
from backbone.query.traces import find_traces, parse_trace_id, search_traces
from backbone.serve.errors import NotFound, problem
from backbone.serve.given import Given, given_parameters
from backbone.serve.jaeger.given import given_range, given_search
from backbone.serve.running import QueryRunner
from backbone.store.engine import Engine, QueryLimits

_DAY_NS = 86_400_000_000_000
_LOOKBACK_NS = 7 * _DAY_NS
"""How far lists of services and operations look back."""


def build_jaeger(engine: Engine, limits: QueryLimits, runner: QueryRunner) -> list[Route]:
    """Return the routes of services, operations, traces and dependencies."""
    face = _Jaeger(engine, limits, runner)
    return [
        runner.route("/jaeger/api/services", face.services, _failure),
        runner.route("/jaeger/api/services/{service:path}/operations", face.names, _failure),
        runner.route("/jaeger/api/operations", face.operations, _failure),
        runner.route("/jaeger/api/traces", face.traces, _failure),
        runner.route("/jaeger/api/traces/{trace_id}", face.trace, _failure),
        runner.route("/jaeger/api/dependencies", face.dependencies, _failure),
    ]


class _Jaeger:
    def __init__(self, engine: Engine, limits: QueryLimits, runner: QueryRunner) -> None:
        self._engine = engine
        self._limits = limits
        self._runner = runner

    async def services(self, request: Request, tenant: str) -> Response:
        found = await self._runner.run(request, tenant, services(self._engine, tenant, _recent(), self._limits))
        return _success(found)

    async def names(self, request: Request, tenant: str) -> Response:
        service = request.path_params["service"]
        asked = operations(self._engine, tenant, service, _recent(), self._limits)
        found = await self._runner.run(request, tenant, asked)
        return _success(sorted({one.name for one in found}))

    async def operations(self, request: Request, tenant: str) -> Response:
        given = await given_parameters(request)
        if not (service := given.get("service")):
            raise UserInputError("parameter 'service' is required")
        kind = given.get("spanKind", "")
        asked = operations(self._engine, tenant, service, _recent(), self._limits, kind=kind)
        found = await self._runner.run(request, tenant, asked)
        return _success([{"name": one.name, "spanKind": one.kind} for one in found])

    async def traces(self, request: Request, tenant: str) -> Response:
        given = await given_parameters(request)
        return _success(await self._runner.run(request, tenant, self._found(tenant, given)))

    async def _found(self, tenant: str, given: Given) -> list[dict[str, Any]]:
        ids = [parse_trace_id(text) for text in given.getlist("traceID")]
        if not ids:
            search = given_search(given)
            summaries = await search_traces(self._engine, tenant, search, self._limits)
            ids = [bytes.fromhex(summary.trace_id) for summary in summaries]
        found = await find_traces(self._engine, tenant, ids, self._limits)
        return [jaeger_trace(one.hex(), found[one]) for one in ids if one in found]

    async def trace(self, request: Request, tenant: str) -> Response:
        trace_id = parse_trace_id(request.path_params["trace_id"])
        found = await self._runner.run(request, tenant, find_traces(self._engine, tenant, [trace_id], self._limits))
        if trace_id not in found:
            raise NotFound("trace not found")
        return _success([jaeger_trace(trace_id.hex(), found[trace_id])])

    async def dependencies(self, request: Request, tenant: str) -> Response:
        given = await given_parameters(request)
        asked = edges(self._engine, tenant, given_range(given), now_ns(), self._limits)
        found = await self._runner.run(request, tenant, asked)
        return _success([{"parent": one.client, "child": one.server, "callCount": one.calls} for one in found])


def _recent() -> tuple[int, int]:
    now = now_ns()
    return now - _LOOKBACK_NS, now


def _success(data: list[Any]) -> Response:
    body = {"data": data, "total": len(data), "limit": 0, "offset": 0, "errors": None}
    return Response(orjson.dumps(body), media_type="application/json")


def _failure(error: BackboneError) -> Response:
    found = problem(error)
    told = [{"code": found.status, "msg": str(error)}]
    body = {"data": None, "total": 0, "limit": 0, "offset": 0, "errors": told}
    return Response(orjson.dumps(body), found.status, found.headers, "application/json")
