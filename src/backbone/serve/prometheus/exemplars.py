"""``query_exemplars``. Source: Prometheus 3.x, HTTP API, "Querying exemplars"."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from backbone.model.errors import UserInputError
from backbone.model.time import now_ns
from backbone.query.exemplars import find_exemplars
from backbone.query.promql.ast import VectorSelector
from backbone.query.promql.parser import parse
from backbone.query.promql.print_json import print_api
from backbone.query.promql.walk import everything
from backbone.serve.given import given_parameters
from backbone.serve.prometheus.answers import failure, success
from backbone.serve.prometheus.given import given_time_ms
from backbone.serve.running import QueryRunner
from backbone.store.engine import Engine, QueryLimits

_NS_PER_MS = 1_000_000
_HOUR_MS = 3_600_000


def exemplar_routes(engine: Engine, limits: QueryLimits, runner: QueryRunner) -> list[Route]:
    """Return the route of exemplars."""

    async def query_exemplars(request: Request, tenant: str) -> Response:
        given = await given_parameters(request)
        now_ms = now_ns() // _NS_PER_MS
        start = given_time_ms(given, "start", now_ms=now_ms, default_ms=now_ms - _HOUR_MS)
        end = given_time_ms(given, "end", now_ms=now_ms, default_ms=now_ms)
        if end < start:
            raise UserInputError('invalid parameter "end": end timestamp must not be before start time')
        expr = parse(given.get("query", ""))
        selectors = [node.matchers for node in everything(expr) if isinstance(node, VectorSelector)]
        window = max(start, 0) * _NS_PER_MS, max(end, 0) * _NS_PER_MS
        found = await runner.run(request, tenant, find_exemplars(engine, tenant, selectors, window, limits))
        return success(
            [
                {
                    "seriesLabels": one.labels,
                    "exemplars": [
                        {
                            "labels": exemplar.labels,
                            "value": print_api(exemplar.value),
                            "timestamp": exemplar.time_ms / 1000,
                        }
                        for exemplar in one.exemplars
                    ],
                }
                for one in found
            ]
        )

    return [runner.route("/api/v1/query_exemplars", query_exemplars, failure, ("GET", "POST"))]
