"""The part ``search``: millions of records and spans in one server, asked one question after the other."""

from __future__ import annotations

import asyncio
import dataclasses
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import numpy as np
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from bench.bodies.logs import RECORDS, LogBodies
from bench.bodies.spans import SPANS, SpanBodies
from bench.measure import ProgressSink
from bench.peers import Backbone, Otlp
from bench.queries.client import Connection, NoAnswer
from bench.queries.measure import NotTaken, deliver
from bench.report import Machine, markdown_table, publish
from bench.search.questions import Known, Question, few_questions, log_questions, span_questions
from bench.server import PeakRss, Program, Server
from bench.transports import connect

NAME = "search"
LOGS, QUICK_LOGS = 10_000_000, 500_000
FEW_LOGS = 300_000
TRACE_SPANS, QUICK_SPANS = 5_000_000, 300_000
RUNS = 20
QUESTION_SECONDS = 10.0
FEWEST_RUNS = 3
LANES = 8
SETTLE_CAP_SECONDS = 90.0
KNOWN_TRACES = 50
QUIET_SECONDS = 12.0
"""So long few records are left alone; then the server has built indexes for what came last."""
COLUMN_SECONDS = 5.0
"""So long is waited after a question was asked twice, in which the server may make ready for more."""

ShowProgress = Callable[[str], AbstractContextManager[ProgressSink]]


class Bodies(Protocol):
    def body(self, number: int) -> bytes: ...


@dataclass(slots=True)
class Asked:
    """One question's figures: seconds of each run, bytes read from files a run, the answer's, and what went wrong."""

    title: str
    promised_ms: int | None
    seconds: list[float] = field(default_factory=list)
    read_bytes: float = 0.0
    answer_bytes: int = 0
    problem: str = ""

    def percentile_ms(self, level: float) -> float:
        return float(np.percentile(self.seconds, level)) * 1000


@dataclass(slots=True)
class SearchFigures:
    logs: int
    spans: int
    load_seconds: float = 0.0
    settled: bool = False
    rss_peak_bytes: int = 0
    asked: list[Asked] = field(default_factory=list)
    few_logs: int = FEW_LOGS
    asked_of_few: list[Asked] = field(default_factory=list)


async def _load(program: Program, ports: Sequence[int], logs: int, spans: int, progress: ProgressSink) -> Known:
    """Send so many records and spans; return what is known of them."""
    start = time.time()
    words: dict[str, str] = {}
    traces: list[str] = []
    kinds: list[tuple[str, Bodies, int]] = [
        ("logs", LogBodies(1), logs // RECORDS), ("spans", SpanBodies(2), spans // SPANS)
    ]  # fmt: skip
    logs_end = start
    for part, bodies, count in kinds:
        logs_end = logs_end if part == "logs" else time.time()
        transports = [connect(program.target(part, ports)) for _ in range(LANES)]  # type: ignore[arg-type]
        try:
            for number in range(0, count, LANES):
                together = [bodies.body(number + lane) for lane in range(min(LANES, count - number))]
                if part == "logs" and len(words) < RUNS and number % (LANES * 20) == 0:
                    words.update([_words(together[0])])
                if part == "spans" and len(traces) < KNOWN_TRACES and number % (LANES * 20) == 0:
                    traces.append(_trace(together[0]))
                await asyncio.gather(*(deliver(one, body) for one, body in zip(transports, together, strict=False)))
                progress(f"load {part}", number, count)
        finally:
            for one in transports:
                await one.close()
    return Known(tuple(words), tuple(words.values()), tuple(traces), start - 2, logs_end + 1, time.time() + 1)


def _words(body: bytes) -> tuple[str, str]:
    """Return a word that one line has, and the value of one attribute of one record."""
    request = ExportLogsServiceRequest.FromString(body)
    record = request.resource_logs[2].scope_logs[0].log_records[7]
    attributes = {one.key: one.value.string_value for one in record.attributes}
    return record.body.string_value.split()[1], attributes["rpc.request_id"]


def _trace(body: bytes) -> str:
    request = ExportTraceServiceRequest.FromString(body)
    return request.resource_spans[0].scope_spans[0].spans[0].trace_id.hex()


async def _ask(server: Server, questions: Sequence[Question], progress: ProgressSink) -> list[Asked]:
    connection = Connection(server.ports[0])
    found = []
    for question in questions:
        asked = Asked(question.title, question.promised_ms)
        found.append(asked)
        started = time.monotonic()
        try:
            before = server.tree.read_bytes()
            while len(asked.seconds) < RUNS and (
                len(asked.seconds) < FEWEST_RUNS or time.monotonic() - started < QUESTION_SECONDS
            ):
                reply = await connection.ask(question.request(len(asked.seconds)))
                asked.seconds.append(reply.seconds)
                asked.answer_bytes = len(reply.body)
                if len(asked.seconds) == 2:
                    await asyncio.sleep(COLUMN_SECONDS)
                    started += COLUMN_SECONDS
                progress(question.title[:50], len(asked.seconds), RUNS)
            asked.read_bytes = (server.tree.read_bytes() - before) / len(asked.seconds)
        except NoAnswer as problem:
            asked.problem = str(problem)
    connection.close()
    return found


def measure(program: Program, quick: bool, folder: Path, progress: ProgressSink) -> SearchFigures:
    """
    Run *program* on folders of its own; return its figures.

    Raises:
        NotTaken: it refused what was sent.
        DidNotStart: it was not ready in time.
    """
    figures = SearchFigures(QUICK_LOGS if quick else LOGS, QUICK_SPANS if quick else TRACE_SPANS)
    with Server(program, folder / "few") as server:
        known = asyncio.run(_load(program, server.ports, figures.few_logs, 0, progress))
        time.sleep(QUIET_SECONDS)
        server.wait_until_idle(SETTLE_CAP_SECONDS, lambda: progress("wait for merges", 0, None))
        figures.asked_of_few = asyncio.run(_ask(server, few_questions(known), progress))
    with Server(program, folder / "many") as server:
        started = time.monotonic()
        known = asyncio.run(_load(program, server.ports, figures.logs, figures.spans, progress))
        figures.load_seconds = time.monotonic() - started
        waited_from = time.monotonic()
        figures.settled = server.wait_until_idle(
            SETTLE_CAP_SECONDS, lambda: progress("wait for merges", time.monotonic() - waited_from, None)
        )
        with PeakRss(server.tree) as rss:
            questions = [*log_questions(known), *span_questions(known)]
            figures.asked = asyncio.run(_ask(server, questions, progress))
        figures.rss_peak_bytes = rss.peak_bytes
    return figures


def run(otlp: Otlp, quick: bool, machine: Machine, places: tuple[Path, Path], show: ShowProgress) -> bool:
    """Measure, print and write; *places* are where to work and where to write. Return whether there are figures."""
    work, results = places
    folder = work / NAME
    try:
        with show(NAME) as progress:
            figures = measure(Backbone(otlp), quick, folder, progress)
    except NotTaken as error:
        print(f"{NAME}: could not be measured: {error}")
        return False
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    date = datetime.now(UTC)
    text = markdown(figures, machine, date)
    publish(NAME, {"figures": dataclasses.asdict(figures)}, machine, text, date, results)
    return True


def markdown(figures: SearchFigures, machine: Machine, date: datetime) -> str:
    """Return the report as text to paste."""
    quiet = "then quiet" if figures.settled else "then still merging when the questions began"
    blocks = [
        f"## Search, {date:%Y-%m-%d %H:%M} UTC",
        f"Machine: {machine}.",
        (
            f"Held: {figures.logs:,} log records and {figures.spans:,} spans, loaded in {figures.load_seconds:.0f} s, "
            f"{quiet}; peak RSS while asked {figures.rss_peak_bytes / (1 << 20):,.0f} MiB."
        ),
        _table(figures.asked),
        f"Held: {figures.few_logs:,} log records; promised is to be ahead of what a peer was measured at.",
        _table(figures.asked_of_few),
    ]
    return "\n\n".join(blocks) + "\n"


def _table(questions: Sequence[Asked]) -> str:
    rows = [
        [
            asked.title,
            "" if asked.problem else f"{asked.seconds[0] * 1000:,.0f}",
            asked.problem or f"{asked.percentile_ms(50):,.0f}",
            "" if asked.problem else f"{asked.percentile_ms(95):,.0f}",
            "" if asked.problem else f"{asked.read_bytes / (1 << 20):,.1f}",
            "" if asked.problem else f"{asked.answer_bytes:,}",
            "" if asked.promised_ms is None else f"< {asked.promised_ms:,}",
        ]
        for asked in questions
    ]
    return markdown_table(["question", "first ms", "p50 ms", "p95 ms", "MiB read", "answer, bytes", "promised"], rows)
