"""
The part ``bomb``: what others notice while one sender's label has a new value in each sample.

Others are a fleet of 10,000 series, a sample of each a second, and somebody who asks for rates of them again and again.
They are watched before, while and after a million series come that were never seen before.
"""

from __future__ import annotations

import asyncio
import dataclasses
import shutil
import struct
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Literal

import cramjam
import numpy as np

from bench.bodies.samples import SERIES, TIME_NEEDLE, VALUE_NEEDLE, SampleLane, time_bytes, time_series
from bench.bodies.template import Places, random_hex
from bench.measure import ProgressSink
from bench.peers import Backbone, Otlp
from bench.queries.client import Connection, Request
from bench.queries.measure import deliver
from bench.report import Machine, markdown_table, publish
from bench.server import PeakRss, Program, Server
from bench.transports import connect

NAME = "bomb"
NEW_SERIES, QUICK_SERIES = 1_000_000, 300_000
AT_ONCE = 10_000
"""New series in a request."""
WARM_SECONDS, WATCHED_SECONDS = 40.0, 20.0
"""Until the window of the question is full, and how long it is watched before and after."""
QUESTION = "sum by (service) (rate(requests_total[30s]))"
PAUSE_SECONDS = 0.1
ID_NEEDLE = b"0123456789abcdeg"

Phase = Literal["before", "while", "after"]
ShowProgress = Callable[[str], AbstractContextManager[ProgressSink]]


@dataclass(slots=True)
class BombFigures:
    """Seconds of each question and of each request of the others, by phase."""

    new_series: int
    seconds: float = 0.0
    asked: dict[Phase, list[float]] = field(default_factory=dict)
    acknowledged: dict[Phase, list[float]] = field(default_factory=dict)
    rss_peak_bytes: int = 0


class NewSeries:
    """Requests of series that differ in one label, which no other request has."""

    def __init__(self, seed: int) -> None:
        one = time_series({"__name__": "bomb_total", "id": ID_NEEDLE.decode(), "job": "bad", "service": "bad"})
        one = one.replace(VALUE_NEEDLE, VALUE_NEEDLE[:1] + struct.pack("<d", 1.0))
        self._once = np.frombuffer(one * AT_ONCE, dtype=np.uint8)
        self._ids = Places.find(one * AT_ONCE, [ID_NEEDLE] * AT_ONCE)
        self._times = Places.find(one * AT_ONCE, [TIME_NEEDLE[1:]] * AT_ONCE, prefix=TIME_NEEDLE[:1])
        self._random = np.random.default_rng(seed)

    def next(self) -> bytes:
        body = self._once.copy()
        self._ids.write(body, random_hex(self._random, AT_ONCE, len(ID_NEEDLE)))
        self._times.write(body, time_bytes(int(time.time() * 1000)))
        return bytes(cramjam.snappy.compress_raw(body.tobytes()))


class _Others:
    """What goes on all the time, and how long each of it takes."""

    def __init__(self, program: Program, server: Server, figures: BombFigures) -> None:
        self._program, self._server, self._figures = program, server, figures
        self._phase: Phase | None = None

    @contextmanager
    def watched(self, phase: Phase) -> Iterator[None]:
        self._phase = phase
        self._figures.asked[phase], self._figures.acknowledged[phase] = [], []
        yield
        self._phase = None

    async def send(self) -> None:
        transport = connect(self._program.target("samples", self._server.ports))
        lane = SampleLane(np.random.default_rng(1), range(SERIES), 1)
        while True:
            body = await asyncio.to_thread(lane.next, int(time.time() * 1000))
            await self._timed(self._figures.acknowledged, partial(deliver, transport, body))
            await asyncio.sleep(1.0)

    async def ask(self) -> None:
        connection = Connection(self._server.ports[0])
        request = Request("/api/v1/query", {"query": QUESTION}).without_cached_results()
        while True:
            await self._timed(self._figures.asked, partial(connection.ask, request))
            await asyncio.sleep(PAUSE_SECONDS)

    async def _timed(self, into: dict[Phase, list[float]], work: Callable[[], Awaitable[object]]) -> None:
        phase, started = self._phase, time.perf_counter()
        await work()
        if phase is not None and phase == self._phase:
            into[phase].append(time.perf_counter() - started)


async def _measured(program: Program, server: Server, figures: BombFigures, progress: ProgressSink) -> None:
    others = _Others(program, server, figures)
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(others.send()), tasks.create_task(others.ask())]
        await _wait("warm up", WARM_SECONDS, progress)
        with others.watched("before"):
            await _wait("before", WATCHED_SECONDS, progress)
        transport, bomb = connect(program.target("samples", server.ports)), NewSeries(2)
        with others.watched("while"):
            started = time.monotonic()
            for number in range(figures.new_series // AT_ONCE):
                await deliver(transport, await asyncio.to_thread(bomb.next))
                progress("new series", number * AT_ONCE, figures.new_series)
            figures.seconds = time.monotonic() - started
        with others.watched("after"):
            await _wait("after", WATCHED_SECONDS, progress)
        for task in running:
            task.cancel()


async def _wait(phase: str, seconds: float, progress: ProgressSink) -> None:
    for second in range(int(seconds)):
        progress(phase, second, int(seconds))
        await asyncio.sleep(1.0)


def run(otlp: Otlp, quick: bool, machine: Machine, places: tuple[Path, Path], show: ShowProgress) -> bool:
    """Measure, print and write; *places* are where to work and where to write. Return whether there are figures."""
    work, results = places
    program = Backbone(otlp)
    figures = BombFigures(QUICK_SERIES if quick else NEW_SERIES)
    with show(NAME) as progress, Server(program, work / NAME) as server, PeakRss(server.tree) as rss:
        asyncio.run(_measured(program, server, figures, progress))
    figures.rss_peak_bytes = rss.peak_bytes
    shutil.rmtree(work / NAME, ignore_errors=True)
    date = datetime.now(UTC)
    text = markdown(figures, machine, date)
    publish(NAME, {"figures": dataclasses.asdict(figures)}, machine, text, date, results)
    return True


def markdown(figures: BombFigures, machine: Machine, date: datetime) -> str:
    """Return the report as text to paste."""
    rows = [
        [what, *(_cell(by_phase[phase]) for phase in ("before", "while", "after"))]
        for what, by_phase in (("a query", figures.asked), ("a request of known series", figures.acknowledged))
    ]
    blocks = [
        f"## A bomb of new series, {date:%Y-%m-%d %H:%M} UTC",
        f"Machine: {machine}.",
        (
            f"{figures.new_series:,} new series of one metric, {AT_ONCE:,} a request, one request after the other: "
            f"taken in {figures.seconds:.0f} s; peak RSS {figures.rss_peak_bytes / (1 << 20):,.0f} MiB."
        ),
        markdown_table(["ms, p50 / p95", "before", "while", "after"], rows),
    ]
    return "\n\n".join(blocks) + "\n"


def _cell(seconds: list[float]) -> str:
    return " / ".join(f"{np.percentile(seconds, level) * 1000:,.0f}" for level in (50, 95)) if seconds else ""
