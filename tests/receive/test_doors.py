from __future__ import annotations

import time

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from tests.conftest import Server

PROTOBUF = {"content-type": "application/x-protobuf"}


def one_span(span_id: bytes = b"12345678") -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add()
    span.trace_id, span.span_id, span.name = b"0123456789abcdef", span_id, "checkout"
    span.start_time_unix_nano = span.end_time_unix_nano = 2_000_000_000 * 10**9
    return request


@pytest.mark.parametrize(
    ("body", "code", "part"),
    [
        pytest.param(b"garbage", 400, b"expected a protobuf message", id="no protobuf"),
        pytest.param(one_span(b"short").SerializeToString(), 400, b"span.span_id: expected 8 bytes", id="short id"),
        pytest.param(one_span().SerializeToString()[:-3], 400, b"expected a protobuf message", id="truncated"),
        pytest.param(
            one_span().SerializeToString() + b"\xc2\x3e\x05other", 400, b"field 1000 is reserved", id="tenant smuggled"
        ),
        pytest.param(b"", 200, b"", id="empty"),
    ],
)
async def test_body_is_answered_for_what_it_is(server: Server, body: bytes, code: int, part: bytes) -> None:
    answer = await server.http.post("/v1/traces", content=body, headers=PROTOBUF)

    assert answer.status_code == code
    assert part in answer.content
    assert await server.rows("SELECT count() AS spans FROM spans") == [{"spans": 0}]


async def test_accepted_span_is_there_when_it_is_answered(server: Server) -> None:
    answer = await server.http.post("/v1/traces", content=one_span().SerializeToString(), headers=PROTOBUF)

    assert answer.status_code == 200
    assert await server.rows("SELECT name, hex(span_id) AS id FROM spans") == [
        {"name": "checkout", "id": "3132333435363738"}
    ]


async def test_what_is_older_than_it_is_kept_is_told_as_left_out(server: Server) -> None:
    request = one_span()
    fresh, old = request.resource_spans[0].scope_spans[0].spans[0], request.resource_spans.add().scope_spans.add()
    old.spans.add().CopyFrom(fresh)
    old.spans[0].start_time_unix_nano = time.time_ns() - 30 * 86_400 * 10**9

    answer = await server.http.post("/v1/traces", content=request.SerializeToString(), headers=PROTOBUF)

    partial = ExportTraceServiceResponse.FromString(answer.content).partial_success
    assert (partial.rejected_spans, partial.error_message) == (1, "1 expired")
    assert await server.rows("SELECT count() AS spans FROM spans") == [{"spans": 1}]
