"""Prometheus' HTTP API."""

from __future__ import annotations

from starlette.routing import Route

from backbone.query.promql.engine import PromQL
from backbone.serve.prometheus.metadata import metadata_routes
from backbone.serve.prometheus.queries import query_routes
from backbone.serve.running import QueryRunner
from backbone.store.engine import Engine, QueryLimits


def build_prometheus(engine: Engine, promql: PromQL, limits: QueryLimits, runner: QueryRunner) -> list[Route]:
    """Return the routes under ``/api/v1``."""
    return [*query_routes(promql, runner), *metadata_routes(engine, limits, runner)]
