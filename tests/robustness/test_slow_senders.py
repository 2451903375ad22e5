"""Senders that take their time, lie about sizes, or speak another protocol; asked on raw sockets."""

from __future__ import annotations

import asyncio
import gzip

import grpc
import pytest

from backbone.receive.otlp import grpc_service
from tests.conftest import Server, StartServer
from tests.robustness.bodies import Items, body

_EXPORT = f"/{grpc_service('traces')}/Export"


async def _say(port: int, *parts: bytes) -> bytes:
    """Send the parts and return all that comes back until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
        return await asyncio.wait_for(reader.read(), 20)
    finally:
        writer.close()


POST = b"POST /v1/traces HTTP/1.1\r\nhost: x\r\n"


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        pytest.param(
            POST + b"content-type: application/x-protobuf\r\ncontent-length: 99\r\n\r\nabc",
            b"HTTP/1.1 408",
            id="body that never ends",
        ),
        pytest.param(POST + b"content-length: 99999999999\r\n\r\n", b"HTTP/1.1 413", id="huge length"),
        pytest.param(POST + b"content-length: -1\r\n\r\n", b"HTTP/1.1 400", id="length of -1"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"HTTP/1.1 400", id="TLS to a plain port"),
    ],
)
async def test_sender_is_cut_off_with_a_reason(start_server: StartServer, said: bytes, answer: bytes) -> None:
    async with start_server(http__body_timeout="500ms") as server:
        assert (await _say(server.http_port, said)).startswith(answer)
        assert (await server.http.get("/-/ready")).status_code == 200


async def test_slow_body_does_not_hold_up_others(start_server: StartServer) -> None:
    async with start_server(http__body_timeout="10s") as server:
        slow = [await asyncio.open_connection("127.0.0.1", server.http_port) for _ in range(50)]
        for _, writer in slow:
            writer.write(POST + b"content-length: 1000\r\n\r\na")
            await writer.drain()

        answer = await server.http.post(
            "/v1/traces",
            content=body(Items("traces", 9, 0, 5)),
            headers={"content-type": "application/x-protobuf"},
        )
        assert answer.status_code == 200
        for _, writer in slow:
            writer.close()


@pytest.mark.parametrize(
    ("method", "content", "code"),
    [
        pytest.param(_EXPORT, b"garbage", grpc.StatusCode.INVALID_ARGUMENT, id="no protobuf"),
        pytest.param(_EXPORT, b"x" * (2 << 20), grpc.StatusCode.RESOURCE_EXHAUSTED, id="over the limit"),
        pytest.param("/no.such.Service/Export", b"", grpc.StatusCode.UNIMPLEMENTED, id="unknown service"),
        pytest.param(f"/{grpc_service('logs')}/Import", b"", grpc.StatusCode.UNIMPLEMENTED, id="unknown method"),
    ],
)
async def test_grpc_refusal_has_the_right_status(
    start_server: StartServer, method: str, content: bytes, code: grpc.StatusCode
) -> None:
    async with (
        start_server(receivers__otlp_grpc__max_message="1MiB") as server,
        grpc.aio.insecure_channel(f"127.0.0.1:{server.otlp_grpc_port}") as channel,
    ):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await channel.unary_unary(method, None, None)(content, timeout=20)
        assert refused.value.code() == code


async def test_compressed_grpc_is_taken_and_a_bomb_refused(start_server: StartServer) -> None:
    async with (
        start_server(receivers__otlp_grpc__max_message="1MiB") as server,
        grpc.aio.insecure_channel(f"127.0.0.1:{server.otlp_grpc_port}", compression=grpc.Compression.Gzip) as channel,
    ):
        export = channel.unary_unary(_EXPORT, None, None)
        await export(body(Items("traces", 9, 0, 5)), timeout=20)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await export(b"\0" * (8 << 20), timeout=20)
        assert refused.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert await server.rows("SELECT count() AS spans FROM spans") == [{"spans": 5}]


async def test_packed_body_is_taken(server: Server) -> None:
    answer = await server.http.post(
        "/v1/traces",
        content=gzip.compress(body(Items("traces", 9, 0, 5))),
        headers={"content-type": "application/x-protobuf", "content-encoding": "gzip"},
    )

    assert answer.status_code == 200
