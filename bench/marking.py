"""Sends markers among the load and looks for them: how ingest lag is measured."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from typing import Self

import httpx

from bench import markers
from bench.markers import LANES, Probe
from bench.parts import PartName
from bench.transports import Answer, Target, attempt, connect

MARKER_SECONDS = 0.2
POLL_SECONDS = 0.05
PATIENCE_SECONDS = 20.0
"""A marker that was not seen so long after the load is over is taken for lost."""


class Marking:
    """
    The markers of one load: `warm_up` before it, `follow` while it lasts; then the figures are there.

    Lag counts from sending a marker to the arrival of the first answer that has it.
    """

    def __init__(self, part: PartName, target: Target, probe: Probe, time_ns: Callable[[int], int]) -> None:
        self._part, self._probe, self._time_ns = part, probe, time_ns
        self._transports = [connect(target) for _ in range(LANES)]
        self._client = httpx.AsyncClient(timeout=30)
        self._next = 0
        self._sent: dict[int, float] = {}
        self._seen: set[int] = set()
        self.lag_seconds: list[float] = []
        self.asked_to_wait: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for transport in self._transports:
            await transport.close()
        await self._client.aclose()

    def unseen(self) -> int:
        """Return how many markers the server took and no query has shown."""
        return len(self._sent.keys() - self._seen)

    async def warm_up(self) -> None:
        """Make the markers' series known to the server; how long it takes to see a new series is not the lag."""
        for lane in range(LANES):
            await self._send_next(lane)
        await self._look_until_seen()
        self.lag_seconds.clear()

    async def follow(self, load: asyncio.Task[None]) -> None:
        """Send markers and look for them until *load* is done, then until they were all seen."""
        async with asyncio.TaskGroup() as group:
            lanes = [group.create_task(self._run_lane(lane, load)) for lane in range(LANES)]
            # What a lane sent last is on its way when the load is done.
            while not all(lane.done() for lane in lanes):
                await self._look()
        await load
        await self._look_until_seen()

    async def _run_lane(self, lane: int, load: asyncio.Task[None]) -> None:
        await asyncio.sleep(lane * MARKER_SECONDS)
        while not load.done():
            due = time.monotonic() + LANES * MARKER_SECONDS
            await self._send_next(lane)
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def _send_next(self, lane: int) -> None:
        number = self._next + (lane - self._next) % LANES
        self._next = number + 1
        body = markers.body(self._part, number, self._time_ns(number))
        sent = time.monotonic()
        self._sent[number] = sent
        answer = await attempt(self._transports[lane], body)
        if not answer.taken:
            del self._sent[number]
            self._note_refused(answer)

    def _note_refused(self, answer: Answer) -> None:
        if answer.retry_after_seconds is not None:
            self.asked_to_wait[answer.status] += 1
        else:
            self.failures[f"marker {answer.status}: {answer.detail}"] += 1

    async def _look_until_seen(self) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.unseen() and time.monotonic() < deadline:
            await self._look()

    async def _look(self) -> None:
        await asyncio.sleep(POLL_SECONDS)
        try:
            found = await self._probe.seen(self._client)
        except httpx.HTTPError as error:
            self.failures[f"query for markers: {error!r}"] += 1
            return
        now = time.monotonic()
        self.lag_seconds += [now - self._sent[number] for number in found - self._seen if number in self._sent]
        self._seen |= found
