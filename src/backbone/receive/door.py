"""
What every HTTP door has in common: a path, a body within bounds, a tenant, the commit, an answer, and counting it all.

A door gives the rest: how its bodies become protobuf (`Door.decode`) and what its answers look like.
"""

from __future__ import annotations

import asyncio
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from backbone.model.errors import BackboneError, DependencyError, LimitExceeded, UserInputError
from backbone.model.tenant import Tenants
from backbone.receive.body import BodyLimits, TooLargeError, TooSlowError, UnknownEncodingError, read_body
from backbone.receive.commit import Receipt
from backbone.receive.intake import Hold, Intake
from backbone.telemetry.metrics import Metrics

_log = structlog.get_logger("backbone.receive")

_CODES: Sequence[tuple[type[BackboneError], int]] = (
    (TooLargeError, 413),
    (TooSlowError, 408),
    (UnknownEncodingError, 415),
    (UserInputError, 400),
    (LimitExceeded, 429),
    (DependencyError, 503),
)


@dataclass(frozen=True, slots=True)
class Answer:
    code: int
    content_type: str = "text/plain; charset=utf-8"
    body: bytes = b""


class Door(Protocol):
    """One protocol over HTTP."""

    receiver: str
    signal: str
    path: str
    overload_code: int
    """What its senders understand as: come back later."""

    def decode(self, body: bytes, content_type: str) -> bytes:
        """Return the body as protobuf; raises `UserInputError`."""
        ...

    def accept(self, receipt: Receipt, content_type: str) -> Answer: ...

    def refuse(self, code: int, message: str, content_type: str) -> Answer: ...


class Commits(Protocol):
    """Where requests go: a `Lane`, or what parts them among several."""

    async def commit(self, body: bytes, tenant: str) -> Receipt: ...


@dataclass(frozen=True, slots=True)
class Reception:
    """What doors share: bounds, the tenant's header, counters."""

    intake: Intake
    limits: BodyLimits
    tenants: Tenants
    metrics: Metrics


@dataclass(frozen=True, slots=True)
class Sender:
    """Of one request: whose it is, what it says its body is, and what is held for it."""

    tenant: str
    content_type: str
    hold: Hold


class DoorApplication(ABC):
    """A door as an ASGI application; `_store` says how its requests are read and stored."""

    def __init__(self, door: Door, reception: Reception) -> None:
        self._door = door
        self._reception = reception
        self._tenant_header = reception.tenants.header.lower().encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.monotonic()
        door, metrics = self._door, self._reception.metrics
        headers = dict(scope["headers"])
        content_type = headers.get(b"content-type", b"").decode("latin-1").split(";")[0].strip().lower()
        retry_after = 0.0
        try:
            answer = door.accept(await self._take(scope, receive, headers, content_type), content_type)
        except ClientDisconnect:
            metrics.refused_requests.labels(door.receiver, door.signal, "disconnected").inc()
            return
        except BackboneError as error:
            code, retry_after = http_code(error, door.overload_code)
            metrics.refused_requests.labels(door.receiver, door.signal, type(error).__name__).inc()
            answer = door.refuse(code, str(error), content_type)
        metrics.requests.labels(door.receiver, door.signal, str(answer.code)).inc()
        metrics.request_seconds.labels(door.signal).observe(time.monotonic() - started)
        await send_answer(send, answer, retry_after)

    async def _take(self, scope: Scope, receive: Receive, headers: Mapping[bytes, bytes], content_type: str) -> Receipt:
        if scope["method"] != "POST":
            raise WrongMethodError(f"method: expected POST, got {scope['method']}")
        tenant = self._reception.tenants.parse(headers.get(self._tenant_header))
        with Hold(self._reception.intake) as hold:
            return await self._store(scope, receive, Sender(tenant, content_type, hold))

    @abstractmethod
    async def _store(self, scope: Scope, receive: Receive, sender: Sender) -> Receipt:
        """Read a request and return when it is durable."""

    def _count_bytes(self, size: int) -> None:
        """Count the bytes of a request's message."""
        self._reception.metrics.received_bytes.labels(self._door.receiver, self._door.signal).inc(size)


class HttpDoor(DoorApplication):
    """A door whose requests go to a lane as they came."""

    def __init__(self, door: Door, lane: Commits, reception: Reception) -> None:
        super().__init__(door, reception)
        self._lane = lane

    async def _store(self, scope: Scope, receive: Receive, sender: Sender) -> Receipt:
        body = await read_body(scope, receive, sender.hold, self._reception.limits)
        message = await decode(self._door, body, sender.content_type)
        self._count_bytes(len(message))
        return await self._lane.commit(message, sender.tenant)


class WrongMethodError(UserInputError):
    """The path takes POST (405)."""


async def decode(door: Door, body: bytes, content_type: str) -> bytes:
    """Return the body as protobuf, in a thread where that is work."""
    if content_type == "application/json" and len(body) > 64 << 10:
        return await asyncio.to_thread(door.decode, body, content_type)
    return door.decode(body, content_type)


def http_code(error: BackboneError, overload_code: int) -> tuple[int, float]:
    """Return the status for an error and after how many seconds to come back, 0 where that does not help."""
    if isinstance(error, WrongMethodError):
        return 405, 0.0
    code = next((code for kind, code in _CODES if isinstance(error, kind)), 500)
    if isinstance(error, LimitExceeded):
        return overload_code, error.retry_after_seconds or 0.0
    return code, error.retry_after_seconds if isinstance(error, DependencyError) else 0.0


async def send_answer(send: Send, answer: Answer, retry_after_seconds: float = 0.0) -> None:
    headers = [
        (b"content-type", answer.content_type.encode()),
        (b"content-length", str(len(answer.body)).encode()),
    ]
    if retry_after_seconds:
        headers.append((b"retry-after", str(math.ceil(retry_after_seconds)).encode()))
    if answer.code in {408, 413}:
        # The rest of the body is still on its way; the connection is of no more use.
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": answer.code, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
