"""One server, one part: full speed, then quiet until merges settle, then half of the speed."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench import markers
from bench.load import LoadPlan, LoadResult, SenderProcess
from bench.parts import Part, PartName
from bench.server import Disk, PeakRss, Program, Server

HISTORY_S = 12 * 3600
"""Samples start so long ago, so that hours of them can be sent in seconds and none is of the future."""
SETTLE_CAP_SECONDS = 60.0

ProgressSink = Callable[[str, float, float | None], None]
"""Told what is done, how much of it, and how much there is (None when nobody knows)."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How long and how hard to measure."""

    seconds: float
    """Work at full speed, in CPU-seconds of a server that reaches the goal."""
    half_seconds: float
    """0 measures at full speed only."""
    lanes: int
    rest_seconds: float = 0.0
    """How long work may come after what was sent last, although there was none before: what waits is decided on."""


@dataclass(slots=True)
class Figures:
    """What was measured of one server in one part."""

    server: str
    version: str
    part: PartName
    items: int = 0
    seconds: float = 0.0
    cpu_sending: float = 0.0
    cpu_settled: float = 0.0
    settled: bool = False
    rss_peak_bytes: int = 0
    disk: Disk | None = None
    half_items_per_second: float = 0.0
    ack_p50_seconds: float | None = None
    ack_p99_seconds: float | None = None
    lag_p50_seconds: float | None = None
    lag_p99_seconds: float | None = None
    lag_how: str = ""
    markers: int = 0
    asked_to_wait: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def per_cpu_sending(self) -> float | None:
        return self.items / self.cpu_sending if self.cpu_sending else None

    @property
    def per_cpu_settled(self) -> float | None:
        return self.items / self.cpu_settled if self.cpu_settled else None

    @property
    def bytes_per_item(self) -> float | None:
        return self.disk.total_bytes / self.items if self.disk and self.items else None


def percentile(values: Sequence[float], share: float) -> float | None:
    """Return the smallest value that at least *share* of *values* do not exceed; None of no values."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[max(math.ceil(share * len(ordered)), 1) - 1]


def measure(program: Program, part: Part, settings: Settings, folder: Path, progress: ProgressSink) -> Figures:
    """Run *program* on a folder of its own and return its figures; what went wrong stands among them."""
    figures = Figures(program.name, program.version(), part.name)
    start_ns = (int(time.time()) - HISTORY_S) * 1_000_000_000
    with Server(program, folder) as server:
        plan = LoadPlan(
            part=part.name,
            target=program.target(part.name, server.ports),
            lanes=settings.lanes,
            requests=part.requests(settings.seconds),
            start_ns=start_ns,
        )
        _full_speed(server, plan, settings.rest_seconds, figures, progress)
        if not figures.items:
            figures.problems.append(f"nothing was taken; the end of the server's log:\n{server.log_end()}")
            return figures
        figures.disk = program.disk(folder, server.ports, figures.items)
        if settings.half_seconds:
            _half_speed(server, plan, part, settings, figures, progress)
    return figures


def _full_speed(server: Server, plan: LoadPlan, rest_seconds: float, figures: Figures, progress: ProgressSink) -> None:
    progress("prepare bodies", 0, None)
    with SenderProcess(plan) as sender, PeakRss(server.tree) as rss:
        before = server.tree.cpu_seconds()
        sender.go()
        result = _follow(sender, "full speed", plan.items, progress)
        figures.cpu_sending = server.tree.cpu_seconds() - before
        started = time.monotonic()

        def waiting() -> None:
            progress("wait for merges", time.monotonic() - started, None)

        figures.settled = server.wait_until_idle(SETTLE_CAP_SECONDS, waiting, rest_seconds)
        figures.cpu_settled = server.tree.cpu_seconds() - before
    figures.items, figures.seconds, figures.rss_peak_bytes = result.items, result.seconds, rss.peak_bytes
    _note_refusals(result, figures)


def _half_speed(
    server: Server, full: LoadPlan, part: Part, settings: Settings, figures: Figures, progress: ProgressSink
) -> None:
    rate = figures.items / figures.seconds / 2
    probe = markers.first_answered(server.program.probes(part.name, server.ports, full.start_ns))
    plan = LoadPlan(
        part=part.name,
        target=full.target,
        lanes=full.lanes,
        requests=max(1, round(rate * settings.half_seconds / part.items_per_request)),
        start_ns=full.start_ns,
        first_round=-(-full.requests // full.lanes),
        items_per_second=rate,
        probe=probe,
    )
    progress("prepare bodies", 0, None)
    with SenderProcess(plan) as sender:
        sender.go()
        result = _follow(sender, "half speed", plan.items, progress)
    figures.half_items_per_second = rate
    figures.ack_p50_seconds = percentile(result.ack_seconds, 0.50)
    figures.ack_p99_seconds = percentile(result.ack_seconds, 0.99)
    figures.lag_p50_seconds = percentile(result.lag_seconds, 0.50)
    figures.lag_p99_seconds = percentile(result.lag_seconds, 0.99)
    figures.lag_how = probe.how if probe else "no query that the server answers"
    figures.markers = len(result.lag_seconds)
    if result.markers_unseen:
        figures.problems.append(f"{result.markers_unseen} markers were acknowledged and not seen by {figures.lag_how}")
    _note_refusals(result, figures)


def _follow(sender: SenderProcess, phase: str, total: int, progress: ProgressSink) -> LoadResult:
    while True:
        heard = sender.poll(0.5)
        if isinstance(heard, LoadResult):
            return heard
        if heard is not None:
            progress(phase, heard, total)


def _note_refusals(result: LoadResult, figures: Figures) -> None:
    for status, count in result.asked_to_wait.items():
        figures.asked_to_wait[status] = figures.asked_to_wait.get(status, 0) + count
    figures.problems += [f"{count} requests failed, {text}" for text, count in result.failures.items()]
