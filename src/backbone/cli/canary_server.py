"""A server of its own for the self-test of redaction, and its doors as senders know them."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import cramjam
import grpc
import httpx
import orjson
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from backbone.model.errors import StartError
from backbone.receive.otlp import Signal, grpc_service

_START_SECONDS, _STOP_SECONDS, _ANSWER_SECONDS = 60.0, 60.0, 120.0
_LARGEST_BYTES = 64 << 20
_MESSAGES: dict[str, Any] = {"traces": TracesData, "logs": LogsData, "metrics": MetricsData}
_IDS = ("traceId", "spanId", "parentSpanId")

Send = Callable[[bytes], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Doors:
    """A server's doors: by signal, the ways in which a request may be sent."""

    http: httpx.AsyncClient
    channel: grpc.aio.Channel

    def of(self, signal: str) -> Sequence[Send]:
        """Return all doors of a signal, or that of ``remote_write``."""
        if signal == "remote_write":
            return (self._remote_write,)
        path = f"/v1/{signal}"

        async def protobuf(body: bytes) -> None:
            await self._post(path, body, {"content-type": "application/x-protobuf"})

        async def json(body: bytes) -> None:
            await self._post(path, as_json(signal, body), {"content-type": "application/json"})

        async def over_grpc(body: bytes) -> None:
            await self.channel.unary_unary(_method(signal), None, None)(body, timeout=_ANSWER_SECONDS)

        return (protobuf, json, over_grpc)

    async def _remote_write(self, body: bytes) -> None:
        headers = {"content-encoding": "snappy", "content-type": "application/x-protobuf"}
        await self._post("/api/v1/write", bytes(cramjam.snappy.compress_raw(body)), headers)

    async def _post(self, path: str, body: bytes, headers: Mapping[str, str]) -> None:
        answer = await self.http.post(path, content=body, headers=headers)
        answer.raise_for_status()


def _method(signal: str) -> str:
    return f"/{grpc_service(cast('Signal', signal))}/Export"


def as_json(signal: str, body: bytes) -> bytes:
    """Return a request as OTLP/JSON, where identifiers are hexadecimal."""
    return orjson.dumps(_with_hex(MessageToDict(_MESSAGES[signal].FromString(body))))


def _with_hex(told: Any) -> Any:
    match told:
        case dict():
            return {
                name: base64.b64decode(one).hex() if name in _IDS and isinstance(one, str) else _with_hex(one)
                for name, one in told.items()
            }
        case list():
            return [_with_hex(one) for one in told]
        case _:
            return told


@contextlib.asynccontextmanager
async def running_server(directory: Path, policy: Path | None) -> AsyncIterator[Doors]:
    """
    Run ``backbone serve`` in a process of its own; all that it writes, its logs among it, is in *directory*.

    Raises:
        StartError: it does not start.
    """
    ports = [_free_port() for _ in range(3)]
    config = directory.parent / f"{directory.name}.yaml"
    config.write_bytes(orjson.dumps({"policy": {"file": str(policy)}} if policy else {}))
    command = [
        sys.executable,
        "-m",
        "backbone",
        "serve",
        "--config",
        str(config),
        "--data-dir",
        str(directory / "data"),
    ]
    for option, port in zip(("--http", "--otlp-grpc", "--otlp-http"), ports, strict=True):
        command += [option, f"127.0.0.1:{port}"]
    directory.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 - before there is anything to wait for
    with (directory / "own.log").open("wb") as output:
        process = await asyncio.create_subprocess_exec(*command, stdout=output, stderr=output)
    options = [("grpc.max_send_message_length", _LARGEST_BYTES)]
    try:
        async with (
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{ports[0]}", timeout=_ANSWER_SECONDS) as http,
            grpc.aio.insecure_channel(f"127.0.0.1:{ports[1]}", options) as channel,
        ):
            await _ready(http, process, directory / "own.log")
            yield Doors(http, channel)
    finally:
        await _stop(process)


async def _ready(http: httpx.AsyncClient, process: asyncio.subprocess.Process, log: Path) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_START_SECONDS):
            while process.returncode is None:
                with contextlib.suppress(httpx.TransportError):
                    if (await http.get("/-/ready")).is_success:
                        return
                await asyncio.sleep(0.05)
    said = log.read_text(errors="replace")[-500:].strip()  # noqa: ASYNC240 - it is over
    raise StartError(f"the canary's own server does not start: {said}")


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
