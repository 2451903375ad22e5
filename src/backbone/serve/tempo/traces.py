"""A trace by its id: OTLP, as JSON or as protobuf."""

from __future__ import annotations

from opentelemetry.proto.trace.v1.trace_pb2 import TracesData
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from backbone.query.otlp_json import otlp_json
from backbone.query.traces import find_trace, parse_trace_id
from backbone.serve.errors import NotFound, text_error
from backbone.serve.responses import json_response
from backbone.serve.running import QueryRunner
from backbone.store.engine import Engine, QueryLimits

_PROTOBUF = "application/protobuf"
_TRACE_FIELD = b"\x0a"
"""Of ``TraceByIDResponse``: field 1, a message."""


def trace_routes(engine: Engine, limits: QueryLimits, runner: QueryRunner) -> list[Route]:
    """
    Return the routes of a trace by its id.

    Tempo's ``Trace`` message is on the wire what OTLP's ``TracesData`` is.
    """

    async def found(request: Request, tenant: str) -> TracesData | None:
        trace_id = parse_trace_id(request.path_params["trace_id"])
        return await runner.run(request, tenant, find_trace(engine, tenant, trace_id, limits))

    async def first(request: Request, tenant: str) -> Response:
        trace = await found(request, tenant)
        if trace is None:
            raise NotFound(f"trace {parse_trace_id(request.path_params['trace_id']).hex()} is not there")
        if _PROTOBUF in request.headers.get("accept", ""):
            return Response(trace.SerializeToString(), media_type=_PROTOBUF)
        return json_response(otlp_json(trace))

    async def second(request: Request, tenant: str) -> Response:
        trace = await found(request, tenant)
        if trace is None:
            raise NotFound(f"trace {parse_trace_id(request.path_params['trace_id']).hex()} is not there")
        if _PROTOBUF in request.headers.get("accept", ""):
            body = trace.SerializeToString()
            return Response(_TRACE_FIELD + _varint(len(body)) + body, media_type=_PROTOBUF)
        return json_response({"trace": otlp_json(trace), "metrics": {}, "status": "COMPLETE", "message": ""})

    return [
        runner.route("/api/traces/{trace_id}", first, text_error),
        runner.route("/api/v2/traces/{trace_id}", second, text_error),
    ]


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
