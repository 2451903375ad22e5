"""All faces that answer questions, over one engine."""

from __future__ import annotations

from starlette.routing import Route

from backbone.model.tenant import Tenants
from backbone.query.promql.engine import PromQL
from backbone.serve.api import build_api
from backbone.serve.prometheus import build_prometheus
from backbone.serve.running import QueryRunner
from backbone.serve.tempo import build_tempo
from backbone.store.engine import Engine, QueryLimits


def asking_routes(
    engine: Engine, promql: PromQL, limits: QueryLimits, *, concurrency: int, waiting: int = 0, tenants: Tenants
) -> list[Route]:
    """
    Return the routes of all faces; a tenant's *concurrency* is one for all of them.

    Args:
        limits: bounds of each statement.
    """
    runner = QueryRunner(concurrency, tenants, waiting)
    return [
        *build_api(engine, limits, runner),
        *build_prometheus(engine, promql, limits, runner),
        *build_tempo(engine, limits, runner),
    ]
