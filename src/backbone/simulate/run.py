"""Runs the fleet second by second and delivers what it says."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from backbone.model.time import NANOSECONDS_PER_SECOND, now_ns
from backbone.simulate.faults import Fault
from backbone.simulate.fleet import Fleet
from backbone.simulate.gauging import Gauging
from backbone.simulate.logs import write_logs
from backbone.simulate.sender import Delivery, Sender, Signal
from backbone.simulate.sizes import SIZES, topology_of
from backbone.simulate.spans import SpanBatch, trace


@dataclass(frozen=True, slots=True)
class SimulationOptions:
    """How large a fleet, how busy, for how long, and where its telemetry goes."""

    otlp_grpc: str = "127.0.0.1:4317"
    series: int = SIZES["demo"]
    calls_per_second: float = 20.0
    metrics_interval_seconds: int = 5
    duration_seconds: float | None = None
    seed: int = 1
    tenant: str | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How a run stands."""

    seconds: int
    series: int
    deliveries: dict[Signal, Delivery]
    faults: tuple[Fault, ...] = field(default_factory=tuple)
    last_error: str = ""


class Simulation:
    """A fleet and its sender; `fleet.faults` may be changed while it runs."""

    def __init__(self, options: SimulationOptions) -> None:
        self._options = options
        self.fleet = Fleet(topology_of(options.series), options.calls_per_second, options.seed)
        self._gauging = Gauging(self.fleet, now_ns())
        self._seconds = 0
        self._sender: Sender | None = None
        self._stopping = False

    def stop(self) -> None:
        """End the run after the second it is in, and try nothing again that fails from now on."""
        self._stopping = True
        if self._sender:
            self._sender.hurry()

    @property
    def progress(self) -> Progress:
        sender = self._sender
        return Progress(
            self._seconds,
            self._gauging.series_count,
            sender.deliveries if sender else {},
            self.fleet.faults.active,
            sender.last_error if sender else "",
        )

    async def run(self, on_second: Callable[[Progress], None] = lambda _: None) -> Progress:
        """
        Run for as long as the options say, or until `stop`, then wait for what is under way.

        *on_second* is called after each second.
        """
        self._sender = sender = Sender(self._options.otlp_grpc, self._options.tenant)
        try:
            await self._run(sender, on_second)
            await sender.drain()
        finally:
            await sender.close()
        return self.progress

    async def _run(self, sender: Sender, on_second: Callable[[Progress], None]) -> None:
        started = time.monotonic()
        limit = self._options.duration_seconds
        while not self._stopping and (limit is None or self._seconds < limit):
            self._seconds += 1
            # When the server holds us up seconds are late, not left out.
            await asyncio.sleep(max(0.0, started + self._seconds - time.monotonic()))
            await self._second(sender)
            on_second(self.progress)

    async def _second(self, sender: Sender) -> None:
        now = now_ns()
        step = self.fleet.step(now)
        batch = SpanBatch()
        for call in step.calls:
            trace(call, self.fleet.topology, batch)
        for body, spans in batch.requests():
            await sender.send("traces", body, spans)
        for body, records in write_logs(self.fleet, step).requests():
            await sender.send("logs", body, records)
        self._gauging.record(step)
        if self._seconds % self._options.metrics_interval_seconds == 0:
            for body, points in self._gauging.export(now):
                await sender.send("metrics", body, points)


def until_ns(seconds: float | None) -> int | None:
    """Return the moment that many seconds from now."""
    return None if seconds is None else now_ns() + int(seconds * NANOSECONDS_PER_SECOND)
