"""Delivers OTLP over gRPC: a bounded number of requests under way, patience when asked to, and exact counts."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

import grpc
from google.rpc import error_details_pb2, status_pb2
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

Signal = Literal["traces", "logs", "metrics"]
SIGNALS: tuple[Signal, ...] = ("traces", "logs", "metrics")
_METHODS: dict[Signal, str] = {
    "traces": "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    "logs": "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
    "metrics": "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
}
_COME_BACK = {
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.OUT_OF_RANGE,
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DATA_LOSS,
}
"""Source: OTLP specification 1.x, OTLP/gRPC response, failures."""
_TIMEOUT_SECONDS = 30.0
_TRIES = 8


@dataclass(slots=True)
class Delivery:
    """
    What became of a signal's items; each sent one is acknowledged, refused or still under way.

    ``retries`` are items too: one that was sent again twice counts two.
    """

    sent: int = 0
    acknowledged: int = 0
    refused: int = 0
    retries: int = 0
    ack_seconds: deque[float] = field(default_factory=lambda: deque(maxlen=500))

    @property
    def under_way(self) -> int:
        return self.sent - self.acknowledged - self.refused

    @property
    def ack_p99_ms(self) -> float:
        ordered = sorted(self.ack_seconds)
        return ordered[int(len(ordered) * 0.99)] * 1000 if ordered else 0.0


class Sender:
    """Sends to one server; `drain` waits for what is under way."""

    def __init__(self, address: str, tenant: str | None = None, max_under_way: int = 16) -> None:
        self._channel = grpc.aio.insecure_channel(address, options=[("grpc.max_send_message_length", -1)])
        self._calls = {signal: self._channel.unary_unary(method, None, None) for signal, method in _METHODS.items()}
        self._metadata = (("x-scope-orgid", tenant),) if tenant else ()
        self._room = asyncio.Semaphore(max_under_way)
        self._tasks: set[asyncio.Task[None]] = set()
        self._hurried = asyncio.Event()
        self.deliveries: dict[Signal, Delivery] = {signal: Delivery() for signal in SIGNALS}
        self.last_error = ""

    async def send(self, signal: Signal, body: bytes, items: int) -> None:
        """Hand a request over; returns when there is room for it, before it is acknowledged."""
        await self._room.acquire()
        self.deliveries[signal].sent += items
        task = asyncio.create_task(self._deliver(signal, body, items))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def drain(self) -> None:
        """Wait until every request is acknowledged or refused."""
        while self._tasks:
            await asyncio.gather(*self._tasks)

    def hurry(self) -> None:
        """From now on try nothing again: what fails is refused."""
        self._hurried.set()

    async def close(self) -> None:
        await self._channel.close(None)

    async def _deliver(self, signal: Signal, body: bytes, items: int) -> None:
        delivery = self.deliveries[signal]
        started = time.monotonic()
        try:
            for attempt in range(_TRIES):
                try:
                    answer = await self._calls[signal](body, timeout=_TIMEOUT_SECONDS, metadata=self._metadata)
                except grpc.aio.AioRpcError as error:
                    self.last_error = f"{error.code().name.lower()}: {error.details()}"
                    if error.code() not in _COME_BACK or attempt == _TRIES - 1 or self._hurried.is_set():
                        delivery.refused += items
                        return
                    delivery.retries += items
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._hurried.wait(), retry_delay_seconds(error, attempt))
                else:
                    rejected = self._rejected_items(signal, answer)
                    delivery.acknowledged += items - rejected
                    delivery.refused += rejected
                    delivery.ack_seconds.append(time.monotonic() - started)
                    return
        finally:
            self._room.release()

    def _rejected_items(self, signal: Signal, answer: bytes) -> int:
        """Return how many items of an accepted request the server left out."""
        match signal:
            case "traces":
                spans = ExportTraceServiceResponse.FromString(answer).partial_success
                rejected, message = spans.rejected_spans, spans.error_message
            case "logs":
                records = ExportLogsServiceResponse.FromString(answer).partial_success
                rejected, message = records.rejected_log_records, records.error_message
            case "metrics":
                points = ExportMetricsServiceResponse.FromString(answer).partial_success
                rejected, message = points.rejected_data_points, points.error_message
        self.last_error = message or self.last_error
        return rejected


def retry_delay_seconds(error: grpc.aio.AioRpcError, attempt: int) -> float:
    """Return when to come back: as the server asks in its RetryInfo, else twice as long each time."""
    trailers: Any = error.trailing_metadata() or ()
    for key, value in trailers:
        if key == "grpc-status-details-bin" and isinstance(value, bytes):
            for detail in status_pb2.Status.FromString(value).details:
                info = error_details_pb2.RetryInfo()
                if detail.Unpack(info):
                    return float(info.retry_delay.ToNanoseconds()) / 1e9
    return 0.1 * 2.0**attempt
