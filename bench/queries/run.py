"""The part ``promql`` as a whole: the same bodies to one server after the other, and one report."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

import httpx
from rich.console import Console

from bench.measure import ProgressSink
from bench.queries import report
from bench.queries.fleet import Fleet, rounds
from bench.queries.measure import LANES, RUNS, Answers, NotTaken, QueryFigures, measure
from bench.queries.questions import STEP_S
from bench.report import Machine, publish
from bench.server import DidNotStart, Program

NAME = "promql"
SHARDS, SECONDS = 100, 6 * 3600
QUICK_SHARDS, QUICK_SECONDS = 10, 3600

ShowProgress = Callable[[str], AbstractContextManager[ProgressSink]]


def fleet_of(quick: bool, now_s: float) -> Fleet:
    """Return the fleet whose last samples are less than a minute old at *now_s*."""
    end_s = int(now_s) // 60 * 60
    shards, seconds = (QUICK_SHARDS, QUICK_SECONDS) if quick else (SHARDS, SECONDS)
    return Fleet(shards, seconds, lead_seconds=RUNS * STEP_S, end_s=end_s)


def make_bodies(fleet: Fleet, show: ShowProgress) -> list[list[bytes]]:
    bodies: list[list[bytes]] = []
    with show(NAME) as progress:
        for together in rounds(fleet, LANES):
            bodies.append(together)
            progress("prepare bodies", sum(map(len, bodies)), None)
    return bodies


def run(
    programs: Sequence[Program],
    quick: bool,
    machine: Machine,
    notes: Sequence[str],
    places: tuple[Path, Path],
    show: ShowProgress,
    console: Console,
) -> bool:
    """Measure, print and write; *places* are where to work and where to write. Return whether there are figures."""
    work, results = places
    fleet = fleet_of(quick, time.time())
    bodies = make_bodies(fleet, show)
    all_figures: list[QueryFigures] = []
    answers: dict[str, Answers] = {}
    problems: list[str] = []
    for program in programs:
        title, folder = f"{NAME}, {program.name}", work / f"{NAME}-{program.name}"
        try:
            with show(title) as progress:
                figures, answers[program.name] = measure(program, fleet, bodies, folder, progress)
        except (DidNotStart, NotTaken, httpx.HTTPError) as error:
            problems.append(f"{title}: could not be measured: {error}")
            console.print(problems[-1], style="red", markup=False)
            continue
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        answered = sum(1 for asked in figures.asked if not asked.problem)
        console.print(f"{title}: {answered} of {len(figures.asked)} questions answered")
        all_figures.append(figures)
    if not all_figures:
        return False
    date = datetime.now(UTC)
    compared = list(report.agreements(fleet, answers))
    text = report.markdown(all_figures, fleet, compared, machine, [*notes, *problems], date)
    publish(NAME, report.content(all_figures, compared), machine, text, date, results)
    return True
