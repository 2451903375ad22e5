"""Prometheus' HTTP API."""

from __future__ import annotations

from starlette.routing import Route

from backbone.query.promql.engine import PromQL
from backbone.query.promql.fetch import Source
from backbone.serve.prometheus.exemplars import exemplar_routes
from backbone.serve.prometheus.federate import federate_routes
from backbone.serve.prometheus.metadata import metadata_routes
from backbone.serve.prometheus.queries import query_routes
from backbone.serve.prometheus.remote_read import remote_read_routes
from backbone.serve.prometheus.status import ServerFacts, status_routes
from backbone.serve.running import QueryRunner
from backbone.store.engine import Engine, QueryLimits


def build_prometheus(
    engine: Engine, source: Source, promql: PromQL, limits: QueryLimits, runner: QueryRunner, facts: ServerFacts
) -> list[Route]:
    """Return the routes under ``/api/v1``, and ``/federate``."""
    return [
        *query_routes(promql, runner),
        *metadata_routes(engine, limits, runner),
        *exemplar_routes(engine, limits, runner),
        *status_routes(engine, limits, runner, facts),
        *federate_routes(engine, promql, limits, runner),
        *remote_read_routes(source, runner),
    ]
