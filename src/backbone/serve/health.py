"""Backbone about itself: ``/metrics``, ``/-/healthy``, ``/-/ready``; and ``/-/reload``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from backbone.model.errors import BackboneError, ConfigError
from backbone.query.finding_counts import FindingCounts
from backbone.store.engine import Engine, Statement
from backbone.telemetry.metrics import Metrics

_log = structlog.get_logger("backbone.serve")

_TABLES = """
SELECT table, sum(rows) AS rows, sum(bytes_on_disk) AS bytes, count() AS parts
FROM system.parts WHERE active AND database = currentDatabase() GROUP BY table
"""
_ENGINE = """
SELECT metric AS name, toFloat64(value) AS value FROM system.metrics
WHERE metric IN ('Query', 'Merge', 'PartsActive', 'MemoryTracking', 'BackgroundMergesAndMutationsPoolTask')
"""
_QUANTITIES = {
    "Query": "running_statements",
    "Merge": "running_merges",
    "PartsActive": "parts",
    "MemoryTracking": "memory_bytes",
    "BackgroundMergesAndMutationsPoolTask": "background_tasks",
}


def health_routes(
    engine: Engine,
    metrics: Metrics,
    found: FindingCounts,
    is_ready: Callable[[], bool],
    reload: Callable[[], Awaitable[None]],
) -> list[Route]:
    """Return the routes; ``is_ready`` tells whether requests are taken, ``reload`` puts the policy's file in force."""

    async def own_metrics(_: Request) -> Response:
        try:
            await _read_engine(engine, metrics)
            await found.read()
        except BackboneError as error:
            _log.warning("the engine says nothing of itself", error=str(error))
            # An engine that cannot answer is no reason to hide what the rest of the process says.
            metrics.engine.clear()
        return Response(metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    async def healthy(_: Request) -> Response:
        return PlainTextResponse("Backbone is healthy.\n")

    async def ready(_: Request) -> Response:
        if is_ready():
            return PlainTextResponse("Backbone is ready.\n")
        return PlainTextResponse("Backbone is not ready.\n", status_code=503)

    async def reload_policy(_: Request) -> Response:
        try:
            await reload()
        except ConfigError as error:
            return PlainTextResponse(f"{error}\n", status_code=400)
        except BackboneError as error:
            return PlainTextResponse(f"the policy before stays in force: {error}\n", status_code=500)
        return PlainTextResponse("Policy reloaded.\n")

    return [
        Route("/metrics", own_metrics),
        Route("/-/healthy", healthy),
        Route("/-/ready", ready),
        Route("/-/reload", reload_policy, methods=["POST", "PUT"]),
    ]


async def _read_engine(engine: Engine, metrics: Metrics) -> None:
    for row in await engine.rows(Statement(_TABLES)):
        metrics.table_rows.labels(row["table"]).set(row["rows"])
        metrics.table_bytes.labels(row["table"]).set(row["bytes"])
        metrics.table_parts.labels(row["table"]).set(row["parts"])
    for row in await engine.rows(Statement(_ENGINE)):
        metrics.engine.labels(_QUANTITIES[row["name"]]).set(row["value"])
