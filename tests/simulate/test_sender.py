"""The sender against a server that answers by a script."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import grpc
import pytest
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsPartialSuccess, ExportLogsServiceResponse

from backbone.simulate.sender import Sender
from tests.conftest import free_port

Answer = bytes | tuple[grpc.StatusCode, float | None]
PARTIAL = ExportLogsServiceResponse(
    partial_success=ExportLogsPartialSuccess(rejected_log_records=2, error_message="2 records had no time")
).SerializeToString()
REFUSED: Answer = (grpc.StatusCode.INVALID_ARGUMENT, None)
BUSY: Answer = (grpc.StatusCode.UNAVAILABLE, 0.01)
FULL: Answer = (grpc.StatusCode.RESOURCE_EXHAUSTED, 0.01)


class Scripted:
    """Answers each call with the next of its answers, and with the last one from then on."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.arrived: list[tuple[float, bytes]] = []

    async def answer(self, body: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        self.arrived.append((time.monotonic(), body))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, bytes):
            return answer
        code, retry_seconds = answer
        await context.abort(code, "as the script says", _retry_info(code, retry_seconds))
        raise AssertionError


def _retry_info(code: grpc.StatusCode, seconds: float | None) -> tuple[tuple[str, bytes], ...]:
    if seconds is None:
        return ()
    detail = any_pb2.Any()
    delay = duration_pb2.Duration()
    delay.FromMilliseconds(int(seconds * 1000))
    detail.Pack(error_details_pb2.RetryInfo(retry_delay=delay))
    status = status_pb2.Status(code=code.value[0], details=[detail])
    return (("grpc-status-details-bin", status.SerializeToString()),)


@asynccontextmanager
async def serving(script: Scripted, port: int = 0) -> AsyncIterator[str]:
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    handler = grpc.unary_unary_rpc_method_handler(script.answer)
    for name in ("trace.v1.TraceService", "logs.v1.LogsService", "metrics.v1.MetricsService"):
        service = f"opentelemetry.proto.collector.{name}"
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {"Export": handler}),))
    bound = server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    try:
        yield f"127.0.0.1:{bound}"
    finally:
        await server.stop(0)


@pytest.mark.parametrize(
    ("answers", "acknowledged", "refused", "retries"),
    [
        pytest.param([b""], 7, 0, 0, id="taken"),
        pytest.param([PARTIAL], 5, 2, 0, id="taken but for two"),
        pytest.param([REFUSED], 0, 7, 0, id="bad is not sent again"),
        pytest.param([BUSY, FULL, b""], 7, 0, 14, id="busy twice, then taken"),
        pytest.param([BUSY, REFUSED], 0, 7, 7, id="busy, then refused"),
        pytest.param([BUSY], 0, 7, 49, id="busy for ever"),
    ],
)
async def test_every_item_is_counted_once(answers: list[Answer], acknowledged: int, refused: int, retries: int) -> None:
    async with serving(Scripted(*answers)) as address:
        sender = Sender(address)
        await sender.send("logs", b"records", 7)
        await sender.drain()
        await sender.close()

    delivery = sender.deliveries["logs"]
    assert (delivery.sent, delivery.under_way) == (7, 0)
    assert (delivery.acknowledged, delivery.refused, delivery.retries) == (acknowledged, refused, retries)


async def test_sender_comes_back_no_sooner_than_asked() -> None:
    script = Scripted((grpc.StatusCode.UNAVAILABLE, 0.3), b"")
    async with serving(script) as address:
        sender = Sender(address)
        await sender.send("traces", b"spans", 1)
        await sender.drain()
        await sender.close()

    (first, body), (second, again) = script.arrived
    assert second - first >= 0.3
    assert body == again == b"spans"


async def test_server_that_dies_and_comes_back_gets_everything() -> None:
    port, before, after = free_port(), Scripted(b""), Scripted(b"")
    async with serving(before, port) as address:
        sender = Sender(address)
        await sender.send("logs", b"one", 1)
        await sender.drain()
    await sender.send("logs", b"two", 2)
    await _until(lambda: sender.deliveries["logs"].retries > 0)
    assert sender.deliveries["logs"].under_way == 2
    async with serving(after, port):
        await sender.drain()
        await sender.close()

    delivery = sender.deliveries["logs"]
    assert (delivery.sent, delivery.acknowledged, delivery.refused) == (3, 3, 0)
    assert [body for _, body in (*before.arrived, *after.arrived)] == [b"one", b"two"]


async def test_hurried_sender_does_not_wait_for_a_dead_server() -> None:
    async with serving(Scripted((grpc.StatusCode.UNAVAILABLE, 3600.0))) as address:
        sender = Sender(address)
        await sender.send("metrics", b"points", 4)
        await _until(lambda: sender.deliveries["metrics"].retries > 0)
        sender.hurry()
        await sender.drain()
        await sender.close()

    assert (sender.deliveries["metrics"].refused, sender.deliveries["metrics"].under_way) == (4, 0)


async def test_no_more_than_the_bound_is_under_way() -> None:
    async with serving(Scripted((grpc.StatusCode.UNAVAILABLE, 3600.0))) as address:
        sender = Sender(address, max_under_way=2)
        for _ in range(2):
            await sender.send("logs", b"x", 1)
        third = asyncio.create_task(sender.send("logs", b"x", 1))
        await _until(lambda: sender.deliveries["logs"].retries == 2)

        assert not third.done()
        assert sender.deliveries["logs"].sent == 2
        sender.hurry()
        await third
        await sender.drain()
        await sender.close()


async def _until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not reached():  # noqa: ASYNC110 - the sender's counts have no event
            await asyncio.sleep(0.01)
