"""
The sender: a process of its own, so that its work is never counted as the server's.

Requests are numbered and dealt to lanes; a lane is one connection with one request on its way. At full speed a lane
sends as soon as it is answered; at a pace, request *n* is due *n* / rate after the start, and its latency counts from
then, so that a server that stalls cannot hide it by holding the sender up.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Self

import uvloop

from bench.bodies.points import PointBodies
from bench.bodies.samples import SERIES, STEP_MS, SampleBodies
from bench.bodies.template import Bodies
from bench.markers import Probe
from bench.marking import Marking
from bench.parts import PARTS, PartName
from bench.transports import MAX_RETRY_SECONDS, Target, Transport, attempt, connect

ROUNDS_AHEAD = 2
"""How far one lane may run ahead of the slowest: Prometheus refuses samples an hour older than its newest."""
FAILURES_IN_A_ROW = 5
PROGRESS_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """What to send where, and how fast."""

    part: PartName
    target: Target
    lanes: int
    requests: int
    start_ns: int
    """Time of the first sample; spans and logs carry the clock's time."""
    first_round: int = 0
    """Rounds of all lanes that were sent before: metrics go on after them."""
    items_per_second: float | None = None
    """None is as fast as the server answers."""
    probe: Probe | None = None
    cap_seconds: float = 90.0
    """No request is sent after this time, however many are left."""
    seed: int = 20

    @property
    def items(self) -> int:
        return self.requests * PARTS[self.part].items_per_request


@dataclass(slots=True)
class LoadResult:
    """What was acknowledged and how long it took; times in seconds."""

    items: int = 0
    requests: int = 0
    seconds: float = 0.0
    ack_seconds: list[float] = field(default_factory=list)
    lag_seconds: list[float] = field(default_factory=list)
    markers_unseen: int = 0
    asked_to_wait: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)


def make_bodies(plan: LoadPlan) -> Bodies:
    from bench.bodies.logs import LogBodies  # noqa: PLC0415 - slow to load, and one part needs one
    from bench.bodies.spans import SpanBodies  # noqa: PLC0415

    match plan.part:
        case "spans":
            return SpanBodies(plan.seed)
        case "logs":
            return LogBodies(plan.seed)
        case "points":
            return PointBodies(plan.seed, lanes=plan.lanes, start_ns=plan.start_ns, first_step=plan.first_round)
        case "samples":
            return SampleBodies(
                plan.seed,
                lanes=plan.lanes,
                requests=plan.requests,
                start_ms=plan.start_ns // 1_000_000,
                first_step=plan.first_round * steps_per_round("samples", plan.lanes),
            )


def steps_per_round(part: PartName, lanes: int) -> int:
    """Return how many 15-second steps a request holds of each of its series."""
    return PARTS[part].items_per_request * lanes // SERIES if part == "samples" else 1


class Rounds:
    """Keeps the lanes within `ROUNDS_AHEAD` of each other."""

    def __init__(self, lanes: int) -> None:
        self._done = [0] * lanes
        self._moved = asyncio.Condition()

    async def enter(self, round_: int) -> None:
        async with self._moved:
            await self._moved.wait_for(lambda: round_ - min(self._done) <= ROUNDS_AHEAD)

    async def leave(self, lane: int, round_: int) -> None:
        async with self._moved:
            self._done[lane] = round_ + 1
            self._moved.notify_all()


class Sender:
    """Runs one plan and gathers its result."""

    def __init__(self, plan: LoadPlan, bodies: Bodies) -> None:
        self._plan, self._bodies = plan, bodies
        self._rounds = Rounds(plan.lanes)
        self._per_request = PARTS[plan.part].items_per_request
        self._newest = 0
        self._start = 0.0
        self.result = LoadResult()

    async def run(self) -> LoadResult:
        plan = self._plan
        if plan.probe is None:
            await self._run_lanes()
            return self.result
        async with Marking(plan.part, plan.target, plan.probe, self._marker_time_ns) as marking:
            await marking.warm_up()
            sending = asyncio.create_task(self._run_lanes())
            await marking.follow(sending)
        self.result.lag_seconds, self.result.markers_unseen = marking.lag_seconds, marking.unseen()
        self.result.asked_to_wait += marking.asked_to_wait
        self.result.failures += marking.failures
        return self.result

    async def _run_lanes(self) -> None:
        self._start = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for lane in range(min(self._plan.lanes, self._plan.requests)):
                group.create_task(self._run_lane(lane))
        self.result.seconds = time.monotonic() - self._start

    async def _run_lane(self, lane: int) -> None:
        transport = connect(self._plan.target)
        failures = 0
        for number in range(lane, self._plan.requests, self._plan.lanes):
            round_ = number // self._plan.lanes
            await self._rounds.enter(round_)
            due = await self._wait_until_due(number)
            if due - self._start > self._plan.cap_seconds or failures >= FAILURES_IN_A_ROW:
                break
            self._newest = max(self._newest, number)
            taken = await self._deliver(transport, self._bodies.body(number), due)
            failures = 0 if taken else failures + 1
            await self._rounds.leave(lane, round_)
        await self._rounds.leave(lane, self._plan.requests)
        await transport.close()

    async def _wait_until_due(self, number: int) -> float:
        """Return the monotonic time from which the request's latency counts."""
        if self._plan.items_per_second is None:
            return time.monotonic()
        due = self._start + number * self._per_request / self._plan.items_per_second
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        return due

    async def _deliver(self, transport: Transport, body: bytes, due: float) -> bool:
        """Send until the server takes the request or refuses it for good; return whether it took it."""
        while True:
            answer = await attempt(transport, body)
            if answer.retry_after_seconds is None:
                break
            self.result.asked_to_wait[answer.status] += 1
            await asyncio.sleep(answer.retry_after_seconds)
            if time.monotonic() - self._start > self._plan.cap_seconds + MAX_RETRY_SECONDS:
                break
        if not answer.taken:
            self.result.failures[f"{answer.status}: {answer.detail}"] += 1
            return False
        self.result.ack_seconds.append(time.monotonic() - due)
        self.result.requests += 1
        self.result.items += self._per_request
        return True

    def _marker_time_ns(self, number: int) -> int:
        """Return the time of what is sent just now, later than the last marker's: servers want samples in order."""
        if self._plan.part != "samples":
            return time.time_ns()
        round_ = self._plan.first_round + self._newest // self._plan.lanes
        steps = round_ * steps_per_round("samples", self._plan.lanes)
        return self._plan.start_ns + (steps * STEP_MS + number) * 1_000_000


async def _tell_progress(sender: Sender, parent: Connection) -> None:
    while True:
        await asyncio.sleep(PROGRESS_SECONDS)
        parent.send(sender.result.items)


def _serve_plan(plan: LoadPlan, parent: Connection) -> None:
    """Be the sender process: prepare, say so, wait for the word, send, and hand the result over."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    bodies = make_bodies(plan)
    parent.send("ready")
    parent.recv()

    async def work() -> LoadResult:
        sender = Sender(plan, bodies)
        telling = asyncio.create_task(_tell_progress(sender, parent))
        try:
            return await sender.run()
        finally:
            telling.cancel()

    parent.send(uvloop.run(work()))


class SenderDied(Exception):  # noqa: N818 - says what happened
    """The sender process ended without a result."""


class SenderProcess:
    """A sender that is ready to start; leave the context and it is gone, whatever it was doing."""

    def __init__(self, plan: LoadPlan) -> None:
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve_plan, args=(plan, theirs), daemon=True, name=f"sender-{plan.part}"
        )
        self._process.start()
        theirs.close()
        self._receive()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.join()
        self._ours.close()

    def go(self) -> None:
        self._ours.send("go")

    def poll(self, timeout_seconds: float) -> LoadResult | int | None:
        """Return the result when there is one, else how many items are acknowledged, None when nothing was heard."""
        if not self._ours.poll(timeout_seconds):
            return None
        received = self._receive()
        assert isinstance(received, LoadResult | int)
        return received

    def _receive(self) -> object:
        try:
            return self._ours.recv()
        except EOFError:
            raise SenderDied(
                f"the sender ended with exit code {self._process.exitcode}; its error stands above"
            ) from None
