"""
Send each receiver requests with something wrong with them, sound ones between them, and see what becomes of both.

A wrong request is answered as wrong, or stored where it is sound after all; the sound ones are all stored; memory stays
bounded and the process lives. Run ``python -m tests.robustness.mutations --requests 10000``.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import cramjam
import grpc
import httpx
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from backbone.receive.otlp import grpc_service
from tests.robustness import hostile
from tests.robustness.bodies import KINDS, PATHS, Items, Kind, body, snappy
from tests.robustness.counting import differences
from tests.robustness.mutate import PROTOBUF, Sending, mutate_bytes, mutate_http, mutate_json
from tests.robustness.process import ServerProcess, running
from tests.robustness.senders import Load

MEMORY_BOUND_BYTES = 3 << 29
_AT_ONCE = 48
_SOUND_EVERY = 8
_PATIENCE_SECONDS = 120.0
_HTTP_CODES = {"200", "204", "400", "408", "413", "415"}
_GRPC_CODES = {"OK", "INVALID_ARGUMENT", "RESOURCE_EXHAUSTED", "INTERNAL: over the limit", "UNIMPLEMENTED"}
_REQUESTS: dict[str, type[Message]] = {
    "traces": ExportTraceServiceRequest,
    "logs": ExportLogsServiceRequest,
    "gauges": ExportMetricsServiceRequest,
    "deltas": ExportMetricsServiceRequest,
}
_HOSTILE = {
    "traces": hostile.traces,
    "logs": hostile.logs,
    "gauges": hostile.metrics,
    "deltas": hostile.metrics,
    "remote_write": hostile.remote_write,
}
RECEIVERS = ("http_traces", "http_logs", "http_metrics", "http_json", "grpc", "remote_write")
_KINDS: dict[str, tuple[Kind, ...]] = {
    "http_traces": ("traces",),
    "http_logs": ("logs",),
    "http_metrics": ("gauges", "deltas"),
    "http_json": ("traces", "logs", "gauges"),
    "grpc": ("traces", "logs", "gauges", "deltas"),
    "remote_write": ("remote_write",),
}


@dataclass(slots=True)
class Report:
    """What became of the requests of one receiver."""

    receiver: str
    codes: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    slowest_seconds: float = 0.0
    seconds: float = 0.0
    most_resident_bytes: int = 0


Send = Callable[[Kind, Sending], Awaitable[str]]


def _http(client: httpx.AsyncClient) -> Send:
    async def send(kind: Kind, request: Sending) -> str:
        answer = await client.post(
            PATHS[kind], content=request.body, headers={"content-type": PROTOBUF} | request.headers
        )
        if answer.status_code in {429, 503} and "retry-after" not in answer.headers:
            return f"{answer.status_code} without retry-after"
        return str(answer.status_code)

    return send


def _grpc(channel: grpc.aio.Channel) -> Send:
    async def send(kind: Kind, request: Sending) -> str:
        signal = "metrics" if kind in {"gauges", "deltas"} else kind
        export = channel.unary_unary(f"/{grpc_service(signal)}/Export", None, None)  # type: ignore[arg-type]
        try:
            await export(request.body, timeout=_PATIENCE_SECONDS)
        except grpc.aio.AioRpcError as error:
            return error.code().name
        return "OK"

    return send


class _Stream:
    """The requests of one receiver: most of them wrong, sound ones of a known number between them."""

    def __init__(self, receiver: str, seed: int, sender: int) -> None:
        self._receiver = receiver
        self._chance = random.Random(f"{receiver}-{seed}")
        self._sender = sender
        self._hostile = {kind: self._hostiles(kind) for kind in _KINDS[receiver]}
        self._samples = {kind: self._plain(kind, 0) for kind in _KINDS[receiver]}
        self._sound: Counter[Kind] = Counter()

    def wrong(self) -> tuple[Kind, Sending]:
        kind = self._chance.choice(_KINDS[self._receiver])
        sample = self._samples[kind]
        if self._receiver == "http_json":
            return kind, mutate_json(self._chance, _REQUESTS[kind].FromString(sample))
        if self._receiver == "http_metrics" or self._receiver.startswith("http"):
            return kind, mutate_http(self._chance, sample, self._hostile[kind])
        content = self._chance.choice(self._hostile[kind])
        how = "hostile"
        if self._chance.random() < 0.7:
            content, how = mutate_bytes(self._chance, sample)
        if self._receiver == "remote_write":
            packed = snappy(content)
            return kind, Sending(
                mutate_bytes(self._chance, packed)[0] if self._chance.random() < 0.2 else packed, what=how
            )
        return kind, Sending(content, what=how)

    def sound(self) -> tuple[Items, Sending]:
        kind = self._chance.choice(_KINDS[self._receiver])
        sender = self._sender + KINDS.index(kind)
        items = Items(kind, sender, self._sound[kind] * 5, 5)
        self._sound[kind] += 1
        return items, Sending(body(items))

    def _plain(self, kind: Kind, sender: int) -> bytes:
        content = body(Items(kind, sender, 0, 3))
        return bytes(cramjam.snappy.decompress_raw(content)) if kind == "remote_write" else content

    def _hostiles(self, kind: Kind) -> list[bytes]:
        both = [*_HOSTILE[kind](), *hostile.any_signal()]
        return [content for _, content in both]


async def mutated(server: ServerProcess, receiver: str, requests: int, seed: int, load: Load) -> Report:
    """Send *requests* wrong requests to one receiver, with sound ones between them that *load* keeps account of."""
    report = Report(receiver)
    stream = _Stream(receiver, seed, 1000 * (RECEIVERS.index(receiver) + 1))
    numbers = iter(range(requests))
    started = time.monotonic()
    async with (
        httpx.AsyncClient(
            base_url=server.url, timeout=_PATIENCE_SECONDS, limits=httpx.Limits(max_connections=100)
        ) as client,
        grpc.aio.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel,
        asyncio.TaskGroup() as tasks,
    ):
        send = _grpc(channel) if receiver == "grpc" else _http(client)
        for _ in range(_AT_ONCE):
            tasks.create_task(_worker(server, numbers, stream, send, load, report))
    report.seconds = time.monotonic() - started
    return report


async def _worker(
    server: ServerProcess, numbers: object, stream: _Stream, send: Send, load: Load, report: Report
) -> None:
    for number in numbers:  # type: ignore[attr-defined]
        if number % _SOUND_EVERY == 0:
            items, request = stream.sound()
            code = await _answered(send, items.kind, request, report)
            if code in {"200", "204", "OK"}:
                load.acknowledged[items.kind].update(items.ids)
            else:
                report.wrong.append(f"sound request of {items.kind} answered {code}")
            report.most_resident_bytes = max(report.most_resident_bytes, server.resident_bytes())
        kind, request = stream.wrong()
        code = await _answered(send, kind, request, report)
        report.codes[code] += 1
        if code not in _HTTP_CODES | _GRPC_CODES:
            report.wrong.append(f"{kind}, {request.what}: answered {code}")


async def _answered(send: Send, kind: Kind, request: Sending, report: Report) -> str:
    """Send until the answer is not to come back later."""
    while True:
        started = time.monotonic()
        try:
            code = await send(kind, request)
        except httpx.TransportError as error:
            code = type(error).__name__
        report.slowest_seconds = max(report.slowest_seconds, time.monotonic() - started)
        if code not in {"429", "503", "UNAVAILABLE"}:
            return code
        report.codes[f"{code}, sent again"] += 1
        await asyncio.sleep(0.5)


@dataclass(frozen=True, slots=True)
class Outcome:
    reports: list[Report]
    differences: list[str]


async def mutate_all(data_dir: Path, requests: int, seed: int, receivers: tuple[str, ...] = RECEIVERS) -> Outcome:
    """Go through the receivers, one after the other, on one server; then count the sound items."""
    load = Load()
    reports = []
    async with running(data_dir) as server:
        for receiver in receivers:
            report = await mutated(server, receiver, requests, seed, load)
            print(
                f"{receiver}: {requests} in {report.seconds:.0f} s, slowest {report.slowest_seconds:.1f} s, "
                f"{report.most_resident_bytes >> 20} MiB, {dict(report.codes.most_common())} {report.wrong[:5]}",
                flush=True,
            )
            reports.append(report)
        assert await server.stop() == 0
    return Outcome(reports, await differences(data_dir, load))


def _main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000, help="per receiver")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--receiver", choices=RECEIVERS, action="append")
    arguments = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="backbone-mutations-"))
    try:
        outcome = asyncio.run(
            mutate_all(directory / "data", arguments.requests, arguments.seed, tuple(arguments.receiver or RECEIVERS))
        )
    finally:
        shutil.rmtree(directory)
    print("\n".join(outcome.differences) or "every sound item is there, none twice")
    return bool(outcome.differences) or any(report.wrong for report in outcome.reports)


if __name__ == "__main__":
    sys.exit(_main())
