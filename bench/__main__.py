"""``python -m bench [PARTS…]``: measure, print, write."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import httpx
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench import report
from bench.load import SenderDied
from bench.measure import Figures, ProgressSink, Settings, measure
from bench.parts import PARTS, Part
from bench.peers import PEERS, Backbone, Otlp, install_command, installed_peers, missing_packages
from bench.policy import bomb
from bench.policy import run as policy
from bench.queries import run as queries
from bench.search import run as search
from bench.server import DidNotStart, Program

RESULTS = Path(__file__).parent / "results"
QUICK_SHARE = 0.2
BUDGET_SECONDS = 14 * 60
"""After this no other measurement of ingest is started, so that all of it ends within 15 minutes."""

console = Console()

ALONE = {search.NAME: search.run, policy.NAME: policy.run, bomb.NAME: bomb.run}
"""The parts in which nobody is beside Backbone."""


def offer_peers(install: bool) -> list[str]:
    """Install missing peers if the person wants it; return what to tell of those left out."""
    missing = missing_packages()
    if not missing:
        return []
    command = install_command(missing)
    names = " and ".join(missing)
    if not install and sys.stdin.isatty():
        console.print(f"{names}: not installed; the bench compares with them on the same bodies.")
        install = typer.confirm(f"Install with '{' '.join(command)}'?", default=False)
    if install:
        console.print(f"Installing: {' '.join(command)}")
        if subprocess.run(command, check=False).returncode == 0:
            return []
        console.print("[yellow]apt-get failed, its words stand above; 'apt-get update' may help[/]")
    return [f"{names} left out: not installed; `{' '.join(command)}` or `--install` does it"]


@contextmanager
def shown_progress(title: str) -> Iterator[ProgressSink]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(title, total=None)
        yield lambda phase, done, total: progress.update(
            task, description=f"{title}: {phase}", completed=int(done), total=total
        )


def programs(beside_peers: bool, otlp: Otlp, only: list[str]) -> list[Program]:
    """Return who is measured in a part: Backbone, and where they take its bodies, the peers that are installed."""
    everyone: list[Program] = [Backbone(otlp), *(installed_peers() if beside_peers else ())]
    return [program for program in everyone if not only or program.name in only]


def run(
    parts: list[Part], otlp: Otlp, only: list[str], settings: Settings, work: Path
) -> tuple[list[Figures], list[str]]:
    """Measure one after the other; return the figures, and notes about what could not be measured."""
    all_figures: list[Figures] = []
    notes: list[str] = []
    started = time.monotonic()
    for part in parts:
        for program in programs(part.beside_peers, otlp, only):
            title = f"{part.name}, {program.name}"
            if time.monotonic() - started > BUDGET_SECONDS:
                notes.append(f"{title}: left out, the bench's time was over")
                continue
            folder = work / f"{part.name}-{program.name}"
            try:
                with shown_progress(title) as progress:
                    figures = measure(program, part, settings, folder, progress)
            except (DidNotStart, SenderDied, httpx.HTTPError) as error:
                notes.append(f"{title}: could not be measured: {error}")
                console.print(notes[-1], style="red", markup=False)
                continue
            finally:
                shutil.rmtree(folder, ignore_errors=True)
            console.print(f"{title}: {report.count(figures.per_cpu_settled)} items / CPU-s")
            all_figures.append(figures)
    return all_figures, notes


def choose(names: list[str]) -> list[Part]:
    """Return the parts of ingest that are named, each once; all when nothing is."""
    known = [*PARTS, queries.NAME, *ALONE]
    for name in names:
        if name not in known:
            raise typer.BadParameter(f"unknown part {name!r}; there are {', '.join(known)}")
    return [part for name, part in PARTS.items() if not names or name in names]


def check_servers(only: list[str]) -> None:
    """Raise `BadParameter` for a server that the bench does not know."""
    names = [Backbone.name, *(peer.name for peer in PEERS)]
    if unknown := set(only) - set(names):
        raise typer.BadParameter(
            f"unknown server {', '.join(unknown)}; there are {', '.join(names)}", param_hint="--only"
        )


def main(
    parts: Annotated[
        list[str] | None,
        typer.Argument(
            help="spans, logs, points, samples, promql, search, policy, bomb; without any all, the last four small"
        ),
    ] = None,
    seconds: Annotated[float, typer.Option(help="work at full speed, in CPU-seconds of a server at its goal")] = 6.0,
    half_seconds: Annotated[float, typer.Option(help="how long half of that speed is held")] = 12.0,
    quick: Annotated[
        bool,
        typer.Option("--quick", help="a fifth of the work, of promql a sixtieth: for a look, not for a comparison"),
    ] = False,
    lanes: Annotated[int, typer.Option(help="requests on their way at once; divides 10,000")] = 40,
    otlp: Annotated[Otlp, typer.Option(help="the door for spans, logs and points")] = "grpc",
    only: Annotated[
        list[str] | None, typer.Option(help="servers to measure: backbone, prometheus, victoria-metrics")
    ] = None,
    install: Annotated[bool, typer.Option("--install", help="install missing peers without asking")] = False,
) -> None:
    """
    Measure what the server ingests per CPU-second, what it keeps on disk, and how fast it answers.

    The tables are printed, and written to bench/results/ as Markdown and JSON.
    """
    if 10_000 % lanes:
        raise typer.BadParameter(f"{lanes} does not divide the 10,000 series", param_hint="--lanes")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    chosen = choose(parts or [])
    check_servers(only or [])
    with_queries = not parts or queries.NAME in parts
    beside_peers = with_queries or any(part.beside_peers for part in chosen)
    notes = offer_peers(install) if beside_peers and only != [Backbone.name] else []
    share = QUICK_SHARE if quick else 1.0
    settings = Settings(seconds * share, half_seconds * share, lanes)
    machine = report.Machine.this()
    console.print(f"{machine}")
    measured = False
    with tempfile.TemporaryDirectory(prefix="backbone-bench-") as work:
        if chosen:
            all_figures, more = run(chosen, otlp, only or [], settings, Path(work))
            measured = tell(all_figures, machine, notes + more)
        # All together are to end within a quarter of an hour; one that is named is measured at its full size.
        small, places = quick or not parts, (Path(work), RESULTS)
        if with_queries:
            servers = programs(True, otlp, only or [])
            measured |= queries.run(servers, small, machine, notes, places, shown_progress, console)
        for name, alone in ALONE.items():
            if not parts or name in parts:
                measured |= alone(otlp, small, machine, places, shown_progress)
    if not measured:
        console.print("nothing was measured")
        raise typer.Exit(1)


def tell(all_figures: list[Figures], machine: report.Machine, notes: list[str]) -> bool:
    """Print and write the figures of ingest; return whether there are any."""
    if not all_figures:
        return False
    if console.is_terminal:
        for table in report.tables(all_figures):
            console.print(table)
    date = datetime.now(UTC)
    text = report.markdown(all_figures, machine, notes, date)
    report.publish("", report.content(all_figures), machine, text, date, RESULTS)
    return True


if __name__ == "__main__":
    try:
        typer.run(main)
    except KeyboardInterrupt:
        sys.exit(130)
