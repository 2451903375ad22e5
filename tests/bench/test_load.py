"""The sender against small servers of the test's own that answer by a script, over real connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import grpc.aio
import pytest
from bench.load import LoadPlan, Sender
from bench.transports import Answer, GrpcTransport, HttpTransport, Target
from google.protobuf.any_pb2 import Any as Packed
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

OK = b"HTTP/1.1 204 No Content\r\n\r\n"
FULL = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 0.05\r\nContent-Length: 4\r\n\r\nfull"
METHOD = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


@dataclass
class Script:
    """An HTTP server that gives the answers of a list, then `OK` for ever; None closes the connection."""

    answers: list[bytes | None] = field(default_factory=list)
    received: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                body = await reader.readexactly(length)
                answer = self.answers.pop(0) if self.answers else OK
                if answer is None:
                    return
                self.received += [body] if answer == OK else []
                writer.write(answer)
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def http_server(script: Script) -> AsyncIterator[Target]:
    server = await asyncio.start_server(script.serve, "127.0.0.1", 0)
    async with server:
        yield Target("http", "127.0.0.1", server.sockets[0].getsockname()[1], "/v1/traces", {"Content-Type": "x"})


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(OK, Answer(taken=True, status="204"), id="204 is taken"),
        pytest.param(FULL, Answer(False, "429", 0.05, "full"), id="429 says how long to wait"),
        pytest.param(
            b"HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n",
            Answer(False, "503", 0.5, "no"),
            id="503 without a time waits half a second",
        ),
        pytest.param(
            b"HTTP/1.1 400 Bad\r\nRetry-After: 5\r\nContent-Length: 3\r\n\r\nbad",
            Answer(False, "400", None, "bad"),
            id="400 is for good",
        ),
    ],
)
async def test_http_answers_are_understood(answer: bytes, expected: Answer) -> None:
    async with http_server(Script([answer])) as target:
        transport = HttpTransport(target)

        assert await transport.send(b"body") == expected
        assert (await transport.send(b"again on the same connection")).taken
        await transport.close()


async def test_a_closed_connection_is_told_and_opened_anew() -> None:
    async with http_server(Script([None])) as target:
        transport = HttpTransport(target)
        with pytest.raises(EOFError):
            await transport.send(b"first")

        assert (await transport.send(b"second")).taken
        await transport.close()


@asynccontextmanager
async def grpc_server(behave: Callable[[bytes, Any], Any]) -> AsyncIterator[Target]:
    handler = grpc.unary_unary_rpc_method_handler(behave)
    service, method = METHOD[1:].split("/")
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {method: handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield Target("grpc", "127.0.0.1", port, METHOD, {})
    finally:
        await server.stop(None)


async def test_grpc_bodies_arrive_as_they_are_and_a_refusal_says_how_long_to_wait() -> None:
    received: list[bytes] = []

    async def behave(request: bytes, context: Any) -> bytes:
        received.append(request)
        if request == b"refused":
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "bad")
        if request == b"too much":
            info = Packed()
            info.Pack(RetryInfo(retry_delay=Duration(seconds=1, nanos=500_000_000)))
            status = Status(code=8, message="full", details=[info]).SerializeToString()
            metadata = (("grpc-status-details-bin", status),)
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "full", metadata)
        return b""

    async with grpc_server(behave) as target:
        transport = GrpcTransport(target)
        answers = [await transport.send(body) for body in (b"taken", b"too much", b"refused")]
        await transport.close()

    assert received == [b"taken", b"too much", b"refused"]
    assert answers == [
        Answer(taken=True, status="OK"),
        Answer(False, "RESOURCE_EXHAUSTED", 1.5, "full"),
        Answer(False, "INVALID_ARGUMENT", None, "bad"),
    ]


class Numbered:
    """Bodies that are their number."""

    def body(self, number: int) -> bytes:
        return str(number).encode()


async def _send(script: Script, **options: Any) -> Sender:
    async with http_server(script) as target:
        plan = LoadPlan("spans", target, lanes=2, requests=6, start_ns=0, **options)
        sender = Sender(plan, Numbered())
        await sender.run()
        return sender


async def test_every_request_arrives_once_and_those_of_a_lane_in_order_however_full_the_server_was() -> None:
    script = Script([FULL, FULL, OK, FULL])
    result = (await _send(script)).result

    assert sorted(script.received) == [b"0", b"1", b"2", b"3", b"4", b"5"]
    assert [body for body in script.received if int(body) % 2 == 0] == [b"0", b"2", b"4"]
    assert (result.requests, result.items) == (6, 6_000)
    assert result.asked_to_wait == {"429": 3}
    assert not result.failures


async def test_a_request_refused_for_good_is_counted_and_the_others_go_on() -> None:
    script = Script([b"HTTP/1.1 400 Bad\r\nContent-Length: 3\r\n\r\nbad"])
    result = (await _send(script)).result

    assert len(script.received) == result.requests == 5
    assert result.failures == {"400: bad": 1}


async def test_a_pace_is_kept_and_waiting_counts_as_latency() -> None:
    result = (await _send(Script([FULL]), items_per_second=20_000.0)).result

    assert result.seconds >= 5 * 1_000 / 20_000
    assert max(result.ack_seconds) >= 0.05


async def test_no_request_is_begun_after_the_cap() -> None:
    script = Script()
    await _send(script, items_per_second=2_000.0, cap_seconds=1.2)

    assert sorted(script.received) == [b"0", b"1", b"2"]
