"""One server: load the fleet, wait until it is there and all is quiet, ask."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from bench.measure import ProgressSink
from bench.queries.agreement import Unreadable, read
from bench.queries.client import Browser, Connection, NoAnswer
from bench.queries.fleet import COUNTER, COUNTERS_PER_SHARD, PEER_UP, Fleet
from bench.queries.questions import STEP_S, Question, dashboard, instant, questions
from bench.server import PeakRss, Program, Server
from bench.transports import MAX_RETRY_SECONDS, Target, Transport, attempt, connect

RUNS = 20
LANES = 4
CONNECTIONS = 6
"""What a browser opens to one host."""
QUESTION_SECONDS = 8.0
"""After this a question is asked no more, so that the whole part ends within 6 minutes."""
FEWEST_RUNS = 3
SETTLE_CAP_SECONDS = 45.0
SEEN_CAP_SECONDS = 30.0
OPENED, REFRESHED = "dashboard of 12 panels, opened", "the same, refreshed a step later"


class NotTaken(Exception):  # noqa: N818 - says what happened
    """A server refused samples; the text has its words."""


@dataclass(slots=True)
class Asked:
    """One question's figures of one server."""

    title: str
    seconds: list[float] = field(default_factory=list)
    cpu_seconds: float = 0.0
    """A run, on average."""
    problem: str = ""

    @property
    def median_seconds(self) -> float | None:
        return median(self.seconds) if self.seconds else None


@dataclass(slots=True)
class QueryFigures:
    """What was measured of one server."""

    server: str
    version: str
    load_seconds: float = 0.0
    settled: bool = False
    rss_before_bytes: int = 0
    rss_peak_bytes: int = 0
    asked: list[Asked] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


Answers = dict[str, bytes]
"""A server's answer to each question, by title."""


async def deliver(transport: Transport, body: bytes) -> None:
    """
    Send a request until it is taken.

    Raises:
        NotTaken: the server refused it.
    """
    deadline = time.monotonic() + 2 * MAX_RETRY_SECONDS
    while True:
        answer = await attempt(transport, body)
        if answer.taken:
            return
        if answer.retry_after_seconds is None or time.monotonic() > deadline:
            raise NotTaken(f"samples were refused: {answer.status}: {answer.detail}")
        await asyncio.sleep(answer.retry_after_seconds)


async def send(target: Target, bodies: Sequence[Sequence[bytes]], progress: ProgressSink) -> None:
    """
    Send the rounds one after the other, the requests of each side by side.

    Raises:
        NotTaken: the server refused some.
    """
    transports = [connect(target) for _ in range(max(map(len, bodies)))]
    try:
        for number, together in enumerate(bodies):
            sending = zip(transports, together, strict=False)
            await asyncio.gather(*(deliver(transport, body) for transport, body in sending))
            progress("load", number + 1, len(bodies))
    finally:
        for transport in transports:
            await transport.close()


async def wait_until_seen(port: int, fleet: Fleet) -> None:
    """
    Wait until the newest samples are found.

    Raises:
        NoAnswer: PromQL is not answered, or they were not found in time.
    """
    request = instant(f'count({{__name__=~"{COUNTER}|{PEER_UP}"}})', fleet.end_s).without_cached_results()
    expected = fleet.peers + fleet.shards * COUNTERS_PER_SHARD
    connection = Connection(port)
    deadline = time.monotonic() + SEEN_CAP_SECONDS
    seen: list[float] = []
    while time.monotonic() < deadline:
        seen = list(read((await connection.ask(request)).body).values())
        if seen == [expected]:
            connection.close()
            return
        await asyncio.sleep(0.5)
    connection.close()
    raise NoAnswer(f"{seen} of {expected} series were found after {SEEN_CAP_SECONDS:.0f} s")


class Asker:
    """Asks one server everything, and notes times, CPU and answers."""

    def __init__(self, server: Server, figures: QueryFigures, progress: ProgressSink) -> None:
        self._server, self._figures, self._progress = server, figures, progress
        self.answers: Answers = {}

    async def single(self, question: Question) -> None:
        """Ask *question* once for its answer, and then for the clock."""
        connection = Connection(self._server.ports[0])
        request = question.request.without_cached_results()

        async def first() -> None:
            self.answers[question.title] = (await connection.ask(request)).body

        async def again() -> float:
            return (await connection.ask(request)).seconds

        await self._measure(question.title, first, again)
        connection.close()

    async def dashboards(self, fleet: Fleet) -> None:
        """Open a dashboard again and again; then, with caches, move its window on by one step each time."""
        async with Browser(self._server.ports[0], CONNECTIONS) as browser:
            opening = [request.without_cached_results() for request in dashboard(fleet, fleet.end_s)]
            ends = deque(range(fleet.end_s - RUNS * STEP_S, fleet.end_s + 1, STEP_S))

            async def open_it() -> float:
                return await browser.ask_all(opening)

            async def refresh() -> float:
                return await browser.ask_all(dashboard(fleet, ends.popleft()))

            await self._measure(OPENED, None, open_it)
            await self._measure(REFRESHED, refresh, refresh)

    async def _measure(
        self, title: str, first: Callable[[], Awaitable[object]] | None, again: Callable[[], Awaitable[float]]
    ) -> None:
        asked = Asked(title)
        self._figures.asked.append(asked)
        self._progress(title.strip("`")[:50], 0, RUNS)
        try:
            if first is not None:
                await first()
            started, before = time.monotonic(), self._server.tree.cpu_seconds()
            while len(asked.seconds) < RUNS and (
                len(asked.seconds) < FEWEST_RUNS or time.monotonic() - started < QUESTION_SECONDS
            ):
                asked.seconds.append(await again())
                self._progress(title.strip("`")[:50], len(asked.seconds), RUNS)
            asked.cpu_seconds = (self._server.tree.cpu_seconds() - before) / len(asked.seconds)
        except NoAnswer as problem:
            asked.problem = str(problem)


def measure(
    program: Program, fleet: Fleet, bodies: Sequence[Sequence[bytes]], folder: Path, progress: ProgressSink
) -> tuple[QueryFigures, Answers]:
    """
    Run *program* on a folder of its own; return its figures and answers.

    Raises:
        NotTaken: it refused samples.
        DidNotStart: it was not ready in time.
    """
    figures = QueryFigures(program.name, program.version())
    with Server(program, folder) as server:
        started = time.monotonic()
        asyncio.run(send(program.target("samples", server.ports), bodies, progress))
        figures.load_seconds = time.monotonic() - started
        waited_from = time.monotonic()

        def waiting() -> None:
            progress("wait for merges", time.monotonic() - waited_from, None)

        figures.settled = server.wait_until_idle(SETTLE_CAP_SECONDS, waiting)
        asker = Asker(server, figures, progress)
        figures.rss_before_bytes = server.tree.rss_bytes()
        with PeakRss(server.tree) as rss:
            asyncio.run(_ask_everything(asker, server, fleet, figures))
        figures.rss_peak_bytes = rss.peak_bytes
    return figures, asker.answers


async def _ask_everything(asker: Asker, server: Server, fleet: Fleet, figures: QueryFigures) -> None:
    try:
        await wait_until_seen(server.ports[0], fleet)
    except (NoAnswer, Unreadable) as problem:
        figures.problems.append(f"PromQL: {problem}")
    for question in questions(fleet):
        await asker.single(question)
    await asker.dashboards(fleet)
