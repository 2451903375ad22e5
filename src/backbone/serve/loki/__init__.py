"""Loki's HTTP API."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from backbone.serve.asked import Asked
from backbone.serve.errors import text_error
from backbone.serve.loki.analysis import analysis_routes
from backbone.serve.loki.queries import query_routes
from backbone.serve.loki.streams import stream_routes
from backbone.serve.loki.tail import tail_route
from backbone.serve.loki.volume import volume_routes
from backbone.serve.responses import build_info, json_response
from backbone.serve.running import QueryRunner

LOKI_VERSION = "3.5.0"
"""The Loki whose API this is; Grafana asks what it may use."""


def build_loki(asked: Asked, runner: QueryRunner) -> list[BaseRoute]:
    """Return the routes under ``/loki/api/v1``."""
    engine, limits, logql = asked.engine, asked.limits, asked.logql

    async def buildinfo(request: Request, tenant: str) -> Response:
        del request, tenant
        return json_response(build_info(LOKI_VERSION))

    async def drilldown_limits(request: Request, tenant: str) -> Response:
        del request, tenant
        told = {
            "discover_log_levels": True,
            "discover_service_name": ["service.name"],
            "max_entries_limit_per_query": logql.options.max_lines,
            "max_query_series": logql.options.max_series,
            "volume_enabled": True,
        }
        return json_response({"limits": told, "pattern_ingester_enabled": True, "version": LOKI_VERSION})

    return [
        *query_routes(logql, runner),
        *stream_routes(engine, limits, runner),
        *volume_routes(logql, runner),
        *analysis_routes(engine, limits, runner),
        tail_route(engine, limits, logql.options.max_lines, runner),
        runner.route("/loki/api/v1/status/buildinfo", buildinfo, text_error),
        runner.route("/loki/api/v1/drilldown-limits", drilldown_limits, text_error),
    ]
