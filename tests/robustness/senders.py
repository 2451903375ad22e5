"""Senders as real ones are: each sends a request until it is answered, the same bytes each time, and then the next."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import grpc
import httpx

from backbone.receive.otlp import Signal, grpc_service
from tests.robustness.bodies import KINDS, PATHS, Items, Kind, body

_GRPC: dict[Kind, Signal] = {"traces": "traces", "logs": "logs", "gauges": "metrics", "deltas": "metrics"}
# What OTLP lists as worth another try. A server that goes down cancels the calls it has not picked up yet.
_TRY_AGAIN = {
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
}
_PAUSE_SECONDS = 0.05


class RefusedError(AssertionError):
    """A sound request was refused for good."""


@dataclass(slots=True)
class Load:
    """What the senders have been told: items acknowledged, and answers by code."""

    acknowledged: dict[Kind, set[str]] = field(default_factory=lambda: {kind: set() for kind in KINDS})
    answers: Counter[str] = field(default_factory=Counter)
    without_retry_after: int = 0
    draining: bool = False


@dataclass(frozen=True, slots=True)
class Address:
    http: str
    grpc: str


async def _send_http(client: httpx.AsyncClient, kind: Kind, content: bytes, load: Load) -> bool:
    try:
        answer = await client.post(PATHS[kind], content=content, headers={"content-type": "application/x-protobuf"})
    except httpx.TransportError:
        load.answers["cut off"] += 1
        return False
    load.answers[str(answer.status_code)] += 1
    if answer.status_code in {429, 503}:
        load.without_retry_after += "retry-after" not in answer.headers
        return False
    if answer.status_code not in {200, 204}:
        raise RefusedError(f"{kind}: {answer.status_code} {answer.text[:300]}")
    return True


async def _send_grpc(channel: grpc.aio.Channel, kind: Kind, content: bytes, load: Load) -> bool:
    export = channel.unary_unary(f"/{grpc_service(_GRPC[kind])}/Export", None, None)
    try:
        await export(content, timeout=60, wait_for_ready=False)
    except grpc.aio.AioRpcError as error:
        load.answers[error.code().name] += 1
        if error.code() not in _TRY_AGAIN:
            raise RefusedError(f"{kind} by gRPC: {error.code()} {error.details()}") from error
        return False
    load.answers["OK"] += 1
    return True


async def _sender(address: Address, kind: Kind, number: int, size: int, padding_bytes: int, load: Load) -> None:
    """Send requests of *size* items each until the load drains; senders of OTLP with odd numbers use gRPC."""
    by_grpc = number % 2 == 1 and kind in _GRPC
    async with (
        httpx.AsyncClient(base_url=address.http, timeout=60) as client,
        grpc.aio.insecure_channel(address.grpc, options=[("grpc.max_reconnect_backoff_ms", 200)]) as channel,
    ):
        for index in itertools.count():
            if load.draining:
                return
            items = Items(kind, number, index * size, size, padding_bytes)
            content = body(items)
            answered = False
            while not answered:
                if by_grpc:
                    answered = await _send_grpc(channel, kind, content, load)
                else:
                    answered = await _send_http(client, kind, content, load)
                await asyncio.sleep(0 if answered else _PAUSE_SECONDS)
            load.acknowledged[kind].update(items.ids)


@asynccontextmanager
async def sending(
    address: Address, *, per_kind: int = 4, size: int = 20, padding_bytes: int = 0
) -> AsyncIterator[Load]:
    """Send on all doors for as long as the context lasts; on leaving it, what is under way is brought to an end."""
    load = Load()
    async with asyncio.TaskGroup() as tasks:
        for order, kind in enumerate(KINDS):
            for number in range(per_kind):
                tasks.create_task(_sender(address, kind, 100 * (order + 1) + number, size, padding_bytes, load))
        try:
            yield load
        finally:
            load.draining = True
