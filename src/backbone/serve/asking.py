"""All faces that answer questions, over one engine."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.routing import Route

from backbone.model.tenant import Tenants
from backbone.query.promql.engine import PromQL
from backbone.query.promql.fetch import Source
from backbone.serve.api import build_api
from backbone.serve.prometheus import build_prometheus
from backbone.serve.prometheus.status import ServerFacts
from backbone.serve.running import QueryRunner
from backbone.serve.tempo import build_tempo
from backbone.store.engine import Engine, QueryLimits


@dataclass(frozen=True, slots=True)
class Asked:
    """What the faces ask: the engine, within *limits* a statement, and PromQL over the series of *source*."""

    engine: Engine
    limits: QueryLimits
    source: Source
    promql: PromQL
    facts: ServerFacts


def asking_routes(asked: Asked, *, concurrency: int, tenants: Tenants, waiting: int = 0) -> list[Route]:
    """Return the routes of all faces; a tenant's *concurrency* is one for all of them, and so are its *waiting*."""
    runner = QueryRunner(concurrency, tenants, waiting)
    return [
        *build_api(asked.engine, asked.limits, runner),
        *build_prometheus(asked.engine, asked.source, asked.promql, asked.limits, runner, asked.facts),
        *build_tempo(asked.engine, asked.limits, runner),
    ]
