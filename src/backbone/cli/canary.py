"""The self-test of redaction: secrets go through every door of a server, and all it keeps is searched."""

from __future__ import annotations

import asyncio
import itertools
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from backbone.cli.canary_server import Doors, running_server
from backbone.cli.client import print_lines
from backbone.cli.tables import print_table
from backbone.simulate.canary import Hidden, Placed, Search
from backbone.store.embedded import EmbeddedOptions, open_embedded
from backbone.store.engine import Engine, QueryLimits, Statement

_ITEMS = 200
_LIMITS = QueryLimits(timeout_seconds=600, max_memory_bytes=4 << 30)

Tell = Callable[[str, int, int], None]
"""Takes what is done, how much of it is, and how much there is of it."""


@dataclass(slots=True)
class Outcome:
    """What was sent, and what was found where."""

    sent: list[Placed]
    searched_bytes: int = 0
    found: dict[str, list[Placed]] = field(default_factory=dict)
    """By table or file."""


async def try_out(
    policy: Path | None, count: int, seed: int, signals: Sequence[str], directory: Path, tell: Tell
) -> Outcome:
    """
    Send *count* secrets or a few more to a server of its own, then search all that it keeps.

    Args:
        policy: the policy's file; without one, the default.
        count: how many, over all signals and doors.
        seed: the same seed makes the same secrets.
        signals: traces, logs, metrics and remote_write.
        directory: where the server writes; it is made.
        tell: told how far it is.
    """
    hidden = Hidden(seed)
    async with running_server(directory, policy) as doors:
        await _send(doors, hidden, count, signals, tell)
    # Tables are searched as what they hold, since files are packed; files as they are, since tables are not all.
    search, outcome = Search(hidden.placed), Outcome(hidden.placed)
    async with open_embedded(directory / "data", EmbeddedOptions()) as engine:
        async for table, content in _tables(engine):
            _look(outcome, search, f"table {table}", content)
            tell(f"search {table}", len(outcome.sent), len(outcome.sent))
    await asyncio.to_thread(_look_through, outcome, search, directory)
    return outcome


def _look_through(outcome: Outcome, search: Search, directory: Path) -> None:
    for file in sorted(directory.rglob("*")):
        if file.is_file() and not file.is_symlink():
            _look(outcome, search, f"file {file.relative_to(directory)}", file.read_bytes())


async def _send(doors: Doors, hidden: Hidden, count: int, signals: Sequence[str], tell: Tell) -> None:
    """Send requests through each signal's doors in turn."""
    make = {
        "traces": hidden.traces,
        "logs": hidden.logs,
        "metrics": hidden.metrics,
        "remote_write": hidden.remote_write,
    }
    ways = [(signal, itertools.cycle(doors.of(signal))) for signal in signals]
    while len(hidden.placed) < count:
        for signal, way in ways:
            few = min(_ITEMS, max(1, (count - len(hidden.placed)) // 20))
            await next(way)(make[signal](few))
            tell(f"send {signal}", min(len(hidden.placed), count), count)


async def _tables(engine: Engine) -> AsyncIterator[tuple[str, bytes]]:
    """Yield all that each table holds, as text without escapes."""
    rows = await engine.rows(
        Statement("SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree'")
    )
    for row in rows:
        yield row["name"], await engine.query(Statement(f"SELECT * FROM {row['name']}"), _LIMITS, output="TSVRaw")  # noqa: S608 - a table's name


def _look(outcome: Outcome, search: Search, where: str, content: bytes) -> None:
    outcome.searched_bytes += len(content)
    if found := search.find(content):
        outcome.found[where] = found


def run(policy: Path | None, count: int, seed: int, signals: Sequence[str], as_json: bool) -> bool:
    """Try a policy out and print what came of it; return whether anything was found."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with (
        Progress(*columns, console=Console(file=sys.stderr), transient=True) as progress,
        tempfile.TemporaryDirectory(prefix="backbone-canary-") as directory,
    ):
        task = progress.add_task("canary", total=count)

        def tell(what: str, done: int, of: int) -> None:
            progress.update(task, description=what, completed=done, total=of)

        outcome = asyncio.run(try_out(policy, count, seed, signals, Path(directory), tell))
    _print(outcome, as_json)
    return bool(outcome.found)


def _print(outcome: Outcome, as_json: bool) -> None:
    kept = {id(one): one for found in outcome.found.values() for one in found}
    sent = Counter(one.canary.kind for one in outcome.sent)
    found = Counter(one.canary.kind for one in kept.values())
    if as_json:
        print_lines({"kind": kind, "sent": count, "found": found[kind]} for kind, count in sorted(sent.items()))
        print_lines(
            {"where": where, "place": one.place, "kind": one.canary.kind}
            for where, some in outcome.found.items()
            for one in some
        )
        return
    rows = [[kind, f"{count:,}", f"{found[kind]:,}"] for kind, count in sorted(sent.items())]
    rows.append(["all", f"{len(outcome.sent):,}", f"{len(kept):,}"])
    print_table(["kind", "sent", "found"], rows)
    places = Counter((where, one.place) for where, some in outcome.found.items() for one in some)
    if places:
        print_table(["where", "place", "found"], [[*at, f"{count:,}"] for at, count in places.most_common(40)])
    print(f"{outcome.searched_bytes:,} bytes searched")
