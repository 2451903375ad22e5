"""Tempo's HTTP API. Source: Grafana Tempo 2.8, "Tempo HTTP API"."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute

from backbone.serve.errors import text_error
from backbone.serve.responses import build_info, json_response
from backbone.serve.running import QueryRunner
from backbone.serve.tempo.metrics import metrics_routes
from backbone.serve.tempo.search import search_routes
from backbone.serve.tempo.tags import tag_routes
from backbone.serve.tempo.traces import trace_routes
from backbone.store.engine import Engine, QueryLimits

TEMPO_VERSION = "2.8.0"
"""The Tempo whose API this is; Grafana asks what it may use."""


def build_tempo(engine: Engine, limits: QueryLimits, runner: QueryRunner) -> list[BaseRoute]:
    """Return the routes of traces, searches, tags and metrics."""

    async def echo(request: Request, tenant: str) -> Response:
        del request, tenant
        return PlainTextResponse("echo")

    async def buildinfo(request: Request, tenant: str) -> Response:
        del request, tenant
        return json_response(build_info(TEMPO_VERSION))

    return [
        runner.route("/api/echo", echo, text_error),
        runner.route("/api/status/buildinfo", buildinfo, text_error),
        *trace_routes(engine, limits, runner),
        *search_routes(engine, limits, runner),
        *tag_routes(engine, limits, runner),
        *metrics_routes(engine, limits, runner),
    ]
