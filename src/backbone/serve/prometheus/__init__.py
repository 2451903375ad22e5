"""Prometheus' HTTP API."""

from __future__ import annotations

from starlette.routing import Route

from backbone.serve.asked import Asked
from backbone.serve.prometheus.exemplars import exemplar_routes
from backbone.serve.prometheus.federate import federate_routes
from backbone.serve.prometheus.metadata import metadata_routes
from backbone.serve.prometheus.queries import query_routes
from backbone.serve.prometheus.remote_read import remote_read_routes
from backbone.serve.prometheus.status import status_routes
from backbone.serve.running import QueryRunner


def build_prometheus(asked: Asked, runner: QueryRunner) -> list[Route]:
    """Return the routes under ``/api/v1``, and ``/federate``."""
    engine, limits = asked.engine, asked.limits
    return [
        *query_routes(asked.promql, runner),
        *metadata_routes(engine, asked.catalog, limits, runner),
        *exemplar_routes(engine, limits, runner),
        *status_routes(engine, limits, runner, asked.facts),
        *federate_routes(engine, asked.promql, limits, runner),
        *remote_read_routes(asked.source, runner),
    ]
