"""The queries' figures as Markdown and JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from bench.queries.agreement import TOLERANCE, Agreement, Unreadable, agree
from bench.queries.fleet import Fleet
from bench.queries.measure import CONNECTIONS, RUNS, Answers, Asked, QueryFigures
from bench.queries.questions import questions, span
from bench.report import NOT_MEASURED, Machine, markdown_table, mebibytes

REFERENCE = "prometheus"
EXACT = "backbone"
"""Held to `TOLERANCE`; VictoriaMetrics extrapolates rates otherwise, so of it only the distance is told."""
CAPTION = f"""\
Milliseconds until the last byte of the answer, median (least) of {RUNS} runs, or of as many as stand beside; the first
run is not counted. Answers are not compressed. CPU ms: of the server's process, a run, on average.

Caches: single questions and the opened dashboard are asked with `nocache=1`: VictoriaMetrics and Backbone then neither
use nor fill their caches of results; Prometheus has none. Each server's caches of blocks and index and the system's of
files are warm. The refreshed dashboard is asked with all caches, after one opening that is not counted. Dashboards: 12
range queries over {CONNECTIONS} connections, until the last is answered."""


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:,.1f}" if seconds < 0.1 else f"{seconds * 1000:,.0f}"


def cells(asked: Asked) -> tuple[str, str]:
    """Return the time and the CPU time of a question."""
    if asked.median_seconds is None or asked.problem:
        status = asked.problem.split(":")[0] or NOT_MEASURED
        return f"no answer ({status})" if asked.problem else NOT_MEASURED, NOT_MEASURED
    runs = "" if len(asked.seconds) == RUNS else f", {len(asked.seconds)} runs"
    time = f"{milliseconds(asked.median_seconds)} ({milliseconds(min(asked.seconds))}{runs})"
    return time, milliseconds(asked.cpu_seconds)


def rows(all_figures: Sequence[QueryFigures]) -> Iterator[list[str]]:
    """Yield a row for each question, then one for memory: two cells for each server."""
    titles = dict.fromkeys(asked.title for figures in all_figures for asked in figures.asked)
    for title in titles:
        of = [{asked.title: asked for asked in figures.asked}.get(title, Asked(title)) for figures in all_figures]
        yield [title, *(cell for asked in of for cell in cells(asked))]
    memory = ((mebibytes(f.rss_peak_bytes), f"from {mebibytes(f.rss_before_bytes)}") for f in all_figures)
    yield ["peak RSS while asked, MiB", *(cell for pair in memory for cell in pair)]


def _held(title: str, server: str, agreement: Agreement) -> str:
    if agreement.holds:
        return f"{server}: {title}: agrees, {agreement.points:,} points within {agreement.worst:.0e}"
    counted = f"{agreement.missing:,} of {agreement.points:,} points missing, {agreement.extra:,} more"
    verdict = "**DIFFERS**" if server == EXACT else "differs"
    return (
        f"{server}: {title}: {verdict} by up to {agreement.worst:.1e}; {counted}; "
        f"sums of everything {agreement.total:.1e} apart"
    )


def agreements(fleet: Fleet, answers: Mapping[str, Answers]) -> Iterator[str]:
    """Yield a line for each answer that can be held against the reference's."""
    reference = answers.get(REFERENCE, {})
    for server, of_server in answers.items():
        for question in questions(fleet):
            if server == REFERENCE or question.title not in of_server or question.title not in reference:
                continue
            try:
                found = agree(of_server[question.title], reference[question.title], question.compared)
            except Unreadable as problem:
                yield f"{server}: {question.title}: unreadable: {problem}"
                continue
            yield _held(question.title, server, found)


def _details(figures: QueryFigures) -> Iterator[str]:
    quiet = "then quiet" if figures.settled else "then still merging when the questions began"
    yield f"{figures.server}: loaded in {figures.load_seconds:.0f} s, {quiet}"
    for problem in figures.problems:
        yield f"{figures.server}: {problem}"
    for problem in dict.fromkeys(asked.problem for asked in figures.asked if asked.problem):
        titles = [asked.title for asked in figures.asked if asked.problem == problem]
        yield f"{figures.server}: {len(titles)} questions without answer, {titles[0]} first: {problem}"


def markdown(
    all_figures: Sequence[QueryFigures],
    fleet: Fleet,
    compared: Sequence[str],
    machine: Machine,
    notes: Sequence[str],
    date: datetime,
) -> str:
    """Return the report as text to paste."""
    head = ["question", *(cell for figures in all_figures for cell in (f"{figures.server} ms", "CPU ms"))]
    details = [line for figures in all_figures for line in _details(figures)]
    blocks = [
        f"## PromQL, {date:%Y-%m-%d %H:%M} UTC",
        f"Machine: {machine}.",
        "Servers: " + "; ".join(f"{figures.server} {figures.version}" for figures in all_figures) + ".",
        (
            f"Held: {fleet.samples:,} samples by remote write: {fleet.series:,} series over {span(fleet.seconds)} and "
            f"{span(fleet.lead_seconds)} before, a sample each 15 s, and {fleet.peers:,} of the last two minutes."
        ),
        markdown_table(head, list(rows(all_figures))),
        CAPTION,
        f"Answers held against {REFERENCE}'s, point by point, {EXACT}'s within {TOLERANCE:.0e}:",
        "\n".join(f"- {line}" for line in compared) or "- none: there were not two to compare",
        "\n".join(f"- {line}" for line in [*details, *notes]),
    ]
    return "\n\n".join(blocks) + "\n"


def content(all_figures: Sequence[QueryFigures], compared: Sequence[str]) -> dict[str, Any]:
    """Return the figures, and how the answers compare."""
    return {"figures": [dataclasses.asdict(figures) for figures in all_figures], "agreement": compared}
