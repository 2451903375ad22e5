"""How requests leave the sender: HTTP/1.1 on kept connections, and gRPC; both wait as long as a full server asks."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import httptools

DEFAULT_RETRY_SECONDS = 0.5
MAX_RETRY_SECONDS = 30.0
PAUSE_SECONDS = 0.1
"""After a connection broke, so that a server that is gone is not asked in a busy loop."""
MAX_GRPC_MESSAGE_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Target:
    """Where requests of a part go; ``path`` is the URL's or the gRPC method's."""

    kind: Literal["http", "grpc"]
    host: str
    port: int
    path: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said: taken, or come back in a while, or neither."""

    taken: bool
    status: str
    retry_after_seconds: float | None = None
    detail: str = ""


class Transport(Protocol):
    async def send(self, body: bytes) -> Answer: ...

    async def close(self) -> None: ...


class _Response:
    """Collects one HTTP response as httptools parses it."""

    def __init__(self) -> None:
        self.headers: dict[bytes, bytes] = {}
        self.body = bytearray()
        self.complete = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.lower()] = value

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.complete = True


class HttpTransport:
    """One kept connection, one request at a time; it is opened anew after the server closed it."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        lines = [f"POST {target.path} HTTP/1.1", f"Host: {target.host}:{target.port}"]
        lines += [f"{name}: {value}" for name, value in target.headers.items()]
        self._head = "\r\n".join(lines)

    async def send(self, body: bytes) -> Answer:
        try:
            return await self._exchange(body)
        except (OSError, EOFError):
            await self.close()
            raise

    async def _exchange(self, body: bytes) -> Answer:
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._target.host, self._target.port)
        reader, writer = self._streams
        writer.write(f"{self._head}\r\nContent-Length: {len(body)}\r\n\r\n".encode())
        writer.write(body)
        await writer.drain()
        response = _Response()
        parser = httptools.HttpResponseParser(response)
        while not response.complete:
            received = await reader.read(65536)
            if not received:
                raise EOFError("the server closed the connection before it answered")
            parser.feed_data(received)
        if not parser.should_keep_alive():
            await self.close()
        return _http_answer(parser.get_status_code(), response)

    async def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


def _http_answer(status: int, response: _Response) -> Answer:
    if 200 <= status < 300:
        return Answer(taken=True, status=str(status))
    detail = bytes(response.body[:300]).decode(errors="replace").strip()
    if status not in (429, 503):
        return Answer(taken=False, status=str(status), detail=detail)
    asked = response.headers.get(b"retry-after", b"").decode()
    seconds = float(asked) if asked.replace(".", "", 1).isdigit() else DEFAULT_RETRY_SECONDS
    return Answer(taken=False, status=str(status), retry_after_seconds=min(seconds, MAX_RETRY_SECONDS), detail=detail)


class GrpcTransport:
    """One channel with a connection of its own; bodies travel as they are."""

    def __init__(self, target: Target) -> None:
        import grpc.aio  # noqa: PLC0415 - heavy, and only the sender process needs it

        options = [
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.max_send_message_length", MAX_GRPC_MESSAGE_BYTES),
        ]
        self._channel = grpc.aio.insecure_channel(f"{target.host}:{target.port}", options=options)
        self._call: Any = self._channel.unary_unary(target.path, request_serializer=None, response_deserializer=None)
        self._error = grpc.aio.AioRpcError
        self._metadata = tuple((name.lower(), value) for name, value in target.headers.items())

    async def send(self, body: bytes) -> Answer:
        try:
            await self._call(body, metadata=self._metadata, timeout=60)
        except self._error as error:
            return _grpc_answer(error)
        return Answer(taken=True, status="OK")

    async def close(self) -> None:
        await self._channel.close(None)


def _grpc_answer(error: Any) -> Answer:
    status = error.code().name
    detail = (error.details() or "")[:300]
    if status not in ("RESOURCE_EXHAUSTED", "UNAVAILABLE"):
        return Answer(taken=False, status=status, detail=detail)
    seconds = min(_retry_info_seconds(error), MAX_RETRY_SECONDS)
    return Answer(taken=False, status=status, retry_after_seconds=seconds, detail=detail)


def _retry_info_seconds(error: Any) -> float:
    """Return the delay of ``google.rpc.RetryInfo`` among the trailing metadata."""
    from google.rpc.error_details_pb2 import RetryInfo  # noqa: PLC0415 - only after a refusal
    from google.rpc.status_pb2 import Status  # noqa: PLC0415

    for name, value in error.trailing_metadata() or ():
        if name != "grpc-status-details-bin":
            continue
        for packed in Status.FromString(value).details:
            info = RetryInfo()
            if packed.Unpack(info):
                return float(info.retry_delay.seconds + info.retry_delay.nanos / 1e9)
    return DEFAULT_RETRY_SECONDS


async def attempt(transport: Transport, body: bytes) -> Answer:
    """Send once; a connection that broke is an answer too."""
    try:
        return await transport.send(body)
    except (OSError, EOFError) as error:
        await asyncio.sleep(PAUSE_SECONDS)
        return Answer(taken=False, status="connection", detail=str(error))


def connect(target: Target) -> Transport:
    return GrpcTransport(target) if target.kind == "grpc" else HttpTransport(target)
