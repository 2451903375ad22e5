"""Nothing of what a sender sent is in an answer or in our own logs, however wrong it is."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import cramjam
import grpc
import pytest
import structlog
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from backbone.simulate.canary import Hidden
from backbone.store.errors import insert_error
from tests.conftest import Server

SECRET = "hunter2-hunter2"
MAIL = "jane.roe@example.com"
JSON = {"content-type": "application/json"}
PROTOBUF = {"content-type": "application/x-protobuf"}
WRITE = PROTOBUF | {"content-encoding": "snappy"}


def short_ids() -> bytes:
    request = ExportTraceServiceRequest.FromString(Hidden(1).traces(3))
    request.resource_spans[0].scope_spans[0].spans[1].trace_id = SECRET.encode()
    request.resource_spans[0].scope_spans[0].spans[2].name = f"{MAIL} {SECRET}"
    return request.SerializeToString()


def field(number: int, payload: bytes) -> bytes:
    return bytes([number << 3 | 2, len(payload)]) + payload


def write(*labels: tuple[bytes, bytes]) -> bytes:
    pairs = b"".join(field(1, field(1, name) + field(2, value)) for name, value in labels)
    sample = field(2, b"\x09" + bytes(8) + b"\x10\x01")
    return bytes(cramjam.snappy.compress_raw(field(1, pairs + sample)))


def span_json(**fields: object) -> bytes:
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [fields]}]}]}).encode()


@pytest.mark.parametrize(
    ("path", "body", "headers"),
    [
        pytest.param("/v1/traces", span_json(traceId=SECRET), JSON, id="an id that is none"),
        pytest.param("/v1/traces", span_json(name={"a": SECRET}), JSON, id="an object for a name"),
        pytest.param("/v1/traces", span_json(startTimeUnixNano=MAIL), JSON, id="a text for a time"),
        pytest.param("/v1/logs", b'{"resourceLogs": "' + SECRET.encode() + b'"}', JSON, id="a text for an array"),
        pytest.param("/v1/logs", b'{"resourceLogs": ' + SECRET.encode(), JSON, id="no JSON"),
        pytest.param("/v1/traces", short_ids(), PROTOBUF, id="a secret for an id"),
        pytest.param("/v1/traces", short_ids()[:-5], PROTOBUF, id="cut off"),
        pytest.param("/v1/traces", f"password={SECRET}".encode(), PROTOBUF, id="a text for a message"),
        pytest.param("/v1/logs", Hidden(2).traces(3), PROTOBUF, id="spans for logs"),
        pytest.param("/v1/metrics", short_ids(), PROTOBUF, id="spans for metrics"),
        pytest.param(
            "/v1/logs", gzip.compress(SECRET.encode())[:-9], PROTOBUF | {"content-encoding": "gzip"}, id="gzip"
        ),
        pytest.param("/api/v1/write", SECRET.encode(), WRITE, id="no snappy"),
        pytest.param("/api/v1/write", write((b"", SECRET.encode())), WRITE, id="a label without a name"),
        pytest.param(
            "/api/v1/write", write((b"__name__", SECRET.encode() + b"\xff")), WRITE, id="a name that is no text"
        ),
        pytest.param(
            "/api/v1/write",
            write((b"__name__", b"m"), (b"a", SECRET.encode()), (b"a", MAIL.encode())),
            WRITE,
            id="a label twice",
        ),
    ],
)
async def test_no_door_quotes_what_it_refuses(server: Server, path: str, body: bytes, headers: dict[str, str]) -> None:
    with structlog.testing.capture_logs() as logs:
        answer = await server.http.post(path, content=body, headers=headers)
    assert answer.status_code == 400
    told = answer.text + json.dumps(logs, default=str)
    assert [secret for secret in (SECRET, "hunter2", MAIL, "jane") if secret in told] == []


async def test_the_grpc_door_quotes_nothing_either(server: Server) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.otlp_grpc_port}") as channel:
        call = channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export", bytes, bytes)
        with structlog.testing.capture_logs() as logs, pytest.raises(grpc.aio.AioRpcError) as refused:
            await call(short_ids())
    told = str(refused.value.details()) + json.dumps(logs, default=str)
    assert "trace_id: expected 16 bytes" in told
    assert "hunter2" not in told


async def test_no_file_keeps_what_was_refused(server: Server, tmp_path: Path) -> None:
    await server.http.post("/v1/traces", content=short_ids(), headers=PROTOBUF)
    assert holding(tmp_path, SECRET.encode()) == []


def holding(directory: Path, secret: bytes) -> list[Path]:
    return [file for file in directory.rglob("*") if file.is_file() and secret in file.read_bytes()]


def test_the_engines_words_are_not_passed_on() -> None:
    told = insert_error(
        f"Code: 27. DB::Exception: Cannot parse input: expected ',' before: '{SECRET}'. (CANNOT_PARSE_TEXT)"
    )
    assert str(told) == "not a valid request: cannot parse text (27)"
