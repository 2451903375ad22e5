"""Figures as a table on the terminal, as Markdown to paste, and as JSON."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import orjson
import psutil
from rich.table import Table

from bench.measure import Figures
from bench.parts import MAX_LAG_SECONDS, MAX_RSS_BYTES, PARTS, Part, PartName

OURS = "backbone"
NOT_MEASURED = "-"
Verdict = Literal["goal", "floor", "missed", "unknown"]
COLOURS: dict[Verdict, str] = {"goal": "green", "floor": "yellow", "missed": "bold red", "unknown": "magenta"}
WORDS: dict[Verdict, str] = {
    "goal": "reached",
    "floor": "floor held, goal missed",
    "missed": "MISSED",
    "unknown": "not measured",
}


@dataclass(frozen=True, slots=True)
class Check:
    """One promise of the project against what was measured."""

    what: str
    measured: str
    promised: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Machine:
    """Where the figures come from: absolute times mean nothing without it."""

    cores: int
    memory_gib: float
    system: str
    python: str
    engine: str

    @classmethod
    def this(cls) -> Machine:
        return cls(
            cores=psutil.cpu_count() or 1,
            memory_gib=round(psutil.virtual_memory().total / 2**30, 1),
            system=f"{platform.system()} {platform.release()} {platform.machine()}",
            python=platform.python_version(),
            engine=f"chdb-core {importlib.metadata.version('chdb-core')}",
        )

    def __str__(self) -> str:
        return (
            f"{self.cores} cores, {self.memory_gib} GiB, {self.system}, Python {self.python}, {self.engine}; "
            f"other work on the machine: {psutil.getloadavg()[0]:.1f} of load in the last minute"
        )


def count(value: float | None) -> str:
    return NOT_MEASURED if value is None else f"{value:,.0f}"


def milliseconds(value: float | None) -> str:
    return NOT_MEASURED if value is None else f"{value * 1000:,.0f}"


def two_digits(value: float | None) -> str:
    return NOT_MEASURED if value is None else f"{value:.2f}"


def mebibytes(value: float) -> str:
    return f"{value / 2**20:,.0f}"


FULL_SPEED = ("part", "server", "items / CPU-s", "while sending", "bytes / item", "RSS MiB", "items / s")
HALF_SPEED = ("part", "server", "items / s", "ack p50 ms", "ack p99 ms", "lag p50 ms", "lag p99 ms", "told to wait")


def full_speed_row(figures: Figures) -> list[str]:
    """Return the cells of one measurement, in the order of `FULL_SPEED`."""
    return [
        figures.part,
        figures.server,
        count(figures.per_cpu_settled) + ("" if figures.settled else " (still merging)"),
        count(figures.per_cpu_sending),
        two_digits(figures.bytes_per_item),
        mebibytes(figures.rss_peak_bytes),
        count(figures.items / figures.seconds if figures.seconds else None),
    ]


def half_speed_row(figures: Figures) -> list[str]:
    """Return the cells of one measurement, in the order of `HALF_SPEED`."""
    return [
        figures.part,
        figures.server,
        count(figures.half_items_per_second),
        milliseconds(figures.ack_p50_seconds),
        milliseconds(figures.ack_p99_seconds),
        milliseconds(figures.lag_p50_seconds),
        milliseconds(figures.lag_p99_seconds),
        count(sum(figures.asked_to_wait.values())),
    ]


def checks(all_figures: Sequence[Figures]) -> list[Check]:
    """Return every promise that the parts measured can tell of."""
    found: list[Check] = []
    for figures in all_figures:
        if figures.server == OURS:
            part = PARTS[figures.part]
            found += _rate(part, figures)
            found += _disk(part, figures)
            found += _bounds(figures)
            found += _ahead(figures, [f for f in all_figures if f.server != OURS and f.part == figures.part])
    return found


def _rate(part: Part, figures: Figures) -> Iterator[Check]:
    rate = figures.per_cpu_settled or 0.0
    floor = part.floor if part.floor is not None else part.goal
    verdict: Verdict = "goal" if rate >= part.goal else "floor" if rate >= floor else "missed"
    promised = f"goal {part.goal:,}" + (f", floor {part.floor:,}" if part.floor else "")
    yield Check(f"{part.name} / CPU-s, settled", count(rate), promised, verdict)


def _disk(part: Part, figures: Figures) -> Iterator[Check]:
    if part.max_bytes_per_item is not None:
        measured = figures.bytes_per_item
        kept = measured is not None and round(measured, 2) <= part.max_bytes_per_item
        verdict: Verdict = "goal" if kept else "missed"
        yield Check(f"{part.name}: bytes / item", two_digits(measured), f"at most {part.max_bytes_per_item}", verdict)


def _bounds(figures: Figures) -> Iterator[Check]:
    rss = figures.rss_peak_bytes
    verdict: Verdict = "goal" if 0 < rss < MAX_RSS_BYTES else "missed"
    yield Check(f"{figures.part}: RSS MiB at full speed", mebibytes(rss), f"under {mebibytes(MAX_RSS_BYTES)}", verdict)
    lag = figures.lag_p99_seconds
    verdict = "unknown" if lag is None else "goal" if lag < MAX_LAG_SECONDS and not figures.problems else "missed"
    promised = f"under {milliseconds(MAX_LAG_SECONDS)}"
    yield Check(f"{figures.part}: lag p99 ms at half load", milliseconds(lag), promised, verdict)


def _ahead(figures: Figures, peers: Sequence[Figures]) -> Iterator[Check]:
    for peer in peers:
        ours, theirs = figures.per_cpu_settled or 0.0, peer.per_cpu_settled
        if theirs is not None:
            verdict: Verdict = "goal" if ours > theirs else "missed"
            promised = f"over {peer.server}'s {count(theirs)}"
            yield Check(f"{figures.part} / CPU-s beside {peer.server}", count(ours), promised, verdict)


def tables(all_figures: Sequence[Figures]) -> Iterator[Table]:
    """Yield the tables for a terminal: the figures, then the promises in colours."""
    for title, head, row in (("Full speed", FULL_SPEED, full_speed_row), ("Half load", HALF_SPEED, half_speed_row)):
        table = Table(*head, title=title, title_justify="left")
        for figures in all_figures:
            table.add_row(*row(figures))
        yield table
    found = checks(all_figures)
    if found:
        promises = Table("promise", "measured", "promised", "verdict", title="Floors and goals", title_justify="left")
        for check in found:
            colour = COLOURS[check.verdict]
            promises.add_row(check.what, check.measured, check.promised, f"[{colour}]{WORDS[check.verdict]}[/]")
        yield promises


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(cells) + " |" for cells in rows])


def markdown(all_figures: Sequence[Figures], machine: Machine, notes: Sequence[str], date: datetime) -> str:
    """Return the whole report as text to paste."""
    parts: list[PartName] = list(dict.fromkeys(figures.part for figures in all_figures))
    blocks = [
        f"## Ingest, {date:%Y-%m-%d %H:%M} UTC",
        f"Machine: {machine}.",
        "Servers: " + "; ".join(dict.fromkeys(f"{figures.server} {figures.version}" for figures in all_figures)) + ".",
        "Sent: " + "; ".join(f"*{name}*: {PARTS[name].title}" for name in parts) + ".",
        "Full speed; `items / CPU-s` with the merges that follow:",
        markdown_table(FULL_SPEED, [full_speed_row(figures) for figures in all_figures]),
        "Half of that speed:",
        markdown_table(HALF_SPEED, [half_speed_row(figures) for figures in all_figures]),
    ]
    found = checks(all_figures)
    if found:
        cells = [(check.what, check.measured, check.promised, WORDS[check.verdict]) for check in found]
        blocks.append(markdown_table(("promise", "measured", "promised", "verdict"), cells))
    details = [f"- {line}" for figures in all_figures for line in _details(figures)]
    blocks.append("\n".join([*details, *(f"- {note}" for note in notes)]))
    return "\n\n".join(blocks) + "\n"


def _details(figures: Figures) -> Iterator[str]:
    where = f"{figures.server}, {figures.part}"
    if figures.disk and figures.disk.shares:
        shares = "; ".join(f"{name} {value:.2f}" for name, value in figures.disk.shares.items())
        yield f"{where}: bytes per item: {shares}"
    rate = count(figures.half_items_per_second)
    found = f"{figures.markers} markers, from sending to `{figures.lag_how}`" if figures.markers else figures.lag_how
    yield f"{where}: lag at {rate} items/s: {found}"
    if figures.asked_to_wait:
        waits = ", ".join(f"{times} times by {status}" for status, times in figures.asked_to_wait.items())
        yield f"{where}: told to wait: {waits}"
    for problem in figures.problems:
        yield f"{where}: " + problem.replace("\n", "\n      ")


def publish(part: str, content: Mapping[str, Any], machine: Machine, text: str, date: datetime, folder: Path) -> Path:
    """
    Print a report, write it to *folder* as Markdown and as JSON, and return the Markdown's path.

    Args:
        part: the name of what was measured, empty for ingest.
        content: what the JSON has besides the date and the machine.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{date:%Y-%m-%d-%H%M}{part and f'-{part}'}.md"
    path.write_text(text)
    whole = {"date": date, "machine": dataclasses.asdict(machine), **content}
    path.with_suffix(".json").write_bytes(orjson.dumps(whole, option=orjson.OPT_INDENT_2))
    print(text)
    print(f"written to {path} and {path.with_suffix('.json').name}")
    return path


def content(all_figures: Sequence[Figures]) -> dict[str, Any]:
    """Return the figures of ingest and how they stand beside what is promised."""
    return {
        "figures": [dataclasses.asdict(figures) for figures in all_figures],
        "checks": [dataclasses.asdict(check) for check in checks(all_figures)],
    }
