"""All faces that answer questions, over one engine."""

from __future__ import annotations

from starlette.routing import BaseRoute

from backbone.model.tenant import Tenants
from backbone.serve.api import build_api
from backbone.serve.asked import Asked
from backbone.serve.jaeger import build_jaeger
from backbone.serve.loki import build_loki
from backbone.serve.prometheus import build_prometheus
from backbone.serve.running import QueryRunner
from backbone.serve.tempo import build_tempo


def asking_routes(asked: Asked, *, concurrency: int, tenants: Tenants, waiting: int = 0) -> list[BaseRoute]:
    """Return the routes of all faces; a tenant's *concurrency* is one for all of them, and so are its *waiting*."""
    runner = QueryRunner(concurrency, tenants, waiting)
    return [
        *build_api(asked, runner),
        *build_prometheus(asked, runner),
        *build_loki(asked, runner),
        *build_tempo(asked.engine, asked.limits, runner),
        *build_jaeger(asked.engine, asked.limits, runner),
    ]
