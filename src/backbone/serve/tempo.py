"""Tempo's way to ask for a trace by its id: OTLP, as JSON or as protobuf."""

from __future__ import annotations

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from backbone.query.otlp_json import otlp_json
from backbone.query.traces import find_trace, parse_trace_id
from backbone.serve.errors import NotFound, text_error
from backbone.serve.running import QueryRunner
from backbone.store.engine import Engine, QueryLimits

_PROTOBUF = "application/protobuf"


def build_tempo(engine: Engine, limits: QueryLimits, runner: QueryRunner) -> list[Route]:
    """
    Return the route of a trace by its id.

    Source: Tempo HTTP API, "Query"; its ``Trace`` message is on the wire what OTLP's ``TracesData`` is.
    """

    async def trace(request: Request, tenant: str) -> Response:
        trace_id = parse_trace_id(request.path_params["trace_id"])
        found = await runner.run(request, tenant, find_trace(engine, tenant, trace_id, limits))
        if found is None:
            raise NotFound(f"trace {trace_id.hex()} is not there")
        if _PROTOBUF in request.headers.get("accept", ""):
            return Response(found.SerializeToString(), media_type=_PROTOBUF)
        return Response(orjson.dumps(otlp_json(found)), media_type="application/json")

    return [runner.route("/api/traces/{trace_id}", trace, text_error)]
