"""Sends recorded requests again: in their own time, faster, at a rate, or as fast as they are acknowledged."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal

import httpx

from backbone.model.errors import UserInputError
from backbone.model.time import seconds_from_ns
from backbone.simulate.recording import Recorded

_TRIES = 10
_COME_BACK = {429, 502, 503, 504}


@dataclass(frozen=True, slots=True)
class Rate:
    """How fast: a multiple of the recorded times, requests a second, or as fast as possible."""

    kind: Literal["times", "per second", "max"]
    number: float = 1.0

    @classmethod
    def parse(cls, text: str) -> Rate:
        """Return the rate that ``2x``, ``500/s`` or ``max`` mean; raises `UserInputError`."""
        if text == "max":
            return cls("max")
        match = re.fullmatch(r"(\d+(?:\.\d+)?)(x|/s)", text)
        if not match or float(match[1]) == 0:
            raise UserInputError(f"rate: expected a multiple like 2x, a number like 500/s, or max, got '{text}'")
        return cls("times" if match[2] == "x" else "per second", float(match[1]))

    def due_seconds(self, index: int, request: Recorded, first: Recorded) -> float:
        """Return when a request is to be sent, in seconds after the first."""
        match self.kind:
            case "times":
                return seconds_from_ns(request.received_ns - first.received_ns) / self.number
            case "per second":
                return index / self.number
            case "max":
                return 0.0


@dataclass(slots=True)
class Replayed:
    """How a replay stands."""

    sent: int = 0
    acknowledged: int = 0
    failed: int = 0
    bytes: int = 0
    answers: Counter[int] = field(default_factory=Counter)
    lag_seconds: float = 0.0
    """How far behind its schedule the last request was sent."""
    first_error: str = ""


async def replay(
    requests: Iterable[Recorded],
    client: httpx.AsyncClient,
    rate: Rate,
    connections: int,
    on_answer: Callable[[Replayed], None] = lambda _: None,
) -> Replayed:
    """
    Send requests, *connections* at a time, each until it is acknowledged or refused for good.

    One that the server asks to bring later is sent again when it says. *on_answer* is called after each request.
    """
    state = Replayed()
    room = asyncio.Semaphore(connections)
    started = time.monotonic()
    first: Recorded | None = None
    async with asyncio.TaskGroup() as tasks:
        for index, request in enumerate(requests):
            first = first or request
            due = rate.due_seconds(index, request, first)
            await asyncio.sleep(max(0.0, started + due - time.monotonic()))
            await room.acquire()
            state.sent += 1
            state.bytes += len(request.body)
            state.lag_seconds = max(0.0, time.monotonic() - started - due) if rate.kind != "max" else 0.0
            tasks.create_task(_deliver(request, client, state, room, on_answer))
    return state


async def _deliver(
    request: Recorded,
    client: httpx.AsyncClient,
    state: Replayed,
    room: asyncio.Semaphore,
    on_answer: Callable[[Replayed], None],
) -> None:
    headers = {"content-type": request.content_type}
    if request.content_encoding:
        headers["content-encoding"] = request.content_encoding
    if request.tenant:
        headers["x-scope-orgid"] = request.tenant
    try:
        for attempt in range(_TRIES):
            try:
                answer = await client.post(request.path, content=request.body, headers=headers)
            except httpx.HTTPError as error:
                state.first_error = state.first_error or f"no answer: {error}"
                await asyncio.sleep(0.1 * 2**attempt)
                continue
            state.answers[answer.status_code] += 1
            if answer.is_success:
                state.acknowledged += 1
                return
            state.first_error = state.first_error or f"{answer.status_code}: {answer.text[:200]}"
            if answer.status_code not in _COME_BACK:
                break
            await asyncio.sleep(float(answer.headers.get("retry-after", 0.1 * 2**attempt)))
        state.failed += 1
    finally:
        room.release()
        on_answer(state)
