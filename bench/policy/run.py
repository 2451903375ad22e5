"""The part ``policy``: what redaction finds of labelled texts and of canaries, and what it costs."""

from __future__ import annotations

import asyncio
import dataclasses
import resource
import shutil
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import orjson
from rich.console import Console

from backbone.app import scratch_store
from backbone.cli.canary import Outcome, try_out
from backbone.config.policy import PolicyConfig
from backbone.model.time import now_ns
from backbone.process import Policy, compile_policy
from backbone.receive.envelope import seal
from backbone.receive.scrub.requests import Request, RequestScrubber
from backbone.store.engine import Engine
from backbone.store.wire import WireName, wire
from bench.bodies.logs import RECORDS, LogBodies
from bench.bodies.spans import SPANS, SpanBodies
from bench.measure import ProgressSink
from bench.policy.corpus import Score, read, score
from bench.policy.texts import scrubbed_texts
from bench.report import Machine, markdown_table

NAME = "policy"
CANARIES, QUICK_CANARIES = 100_000, 5_000
SIGNALS = ("traces", "logs", "metrics", "remote_write")
REQUESTS = 20
RUNS = 5

ShowProgress = Callable[[str], AbstractContextManager[ProgressSink]]


class Bodies(Protocol):
    def body(self, number: int) -> bytes: ...


@dataclasses.dataclass(frozen=True, slots=True)
class Cost:
    """CPU-seconds for 100,000 items put in at once, the least of several runs."""

    signal: str
    without: float
    redacted: float

    @property
    def share(self) -> float:
        """How much of the rate without redaction is left."""
        return self.without / self.redacted


async def corpora(directory: Path) -> dict[str, dict[str, Score]]:
    """Return the scores of both corpora."""
    policy = compile_policy(PolicyConfig())
    found: dict[str, dict[str, Score]] = {}
    async with scratch_store(directory, policy) as engine:
        for name in ("first", "second"):
            corpus = read(name)
            scrubbed = await scrubbed_texts(engine, policy.redaction, [one.text for one in corpus])
            found[name] = dict(score(corpus, lambda _, scrubbed=scrubbed: scrubbed))  # type: ignore[misc]
    return found


async def cost(work: Path, signal: WireName, bodies: Bodies, items: int, progress: ProgressSink) -> Cost:
    """Measure inserts without redaction and with it, in turns, since others use the machine too."""
    least: dict[str, float] = {}
    policies = {"without": Policy(), "redacted": compile_policy(PolicyConfig())}
    for run in range(RUNS):
        for name, policy in policies.items():
            directory = work / f"{signal}-{name}-{run}"
            async with scratch_store(directory, policy) as engine:
                seconds = await _insert(engine, policy, signal, bodies)
            shutil.rmtree(directory)
            least[name] = min(least.get(name, seconds), seconds)
            progress(f"cost of {signal}", run + 1, RUNS)
    return Cost(signal, *(least[name] * 100_000 / (items * REQUESTS) for name in ("without", "redacted")))


async def _insert(engine: Engine, policy: Policy, signal: WireName, bodies: Bodies) -> float:
    shape = wire(signal)
    requests = [(bodies.body(number), "bench") for number in range(REQUESTS)]
    scrubber = RequestScrubber(engine, policy.redaction.requests) if policy.redaction.requests else None

    async def insert(group: Sequence[Request], token: str) -> None:
        found = await scrubber.scrub(signal, group) if scrubber else [body for body, _ in group]
        payload = [seal(body, "bench", now_ns() + at) for at, body in enumerate(found) if isinstance(body, bytes)]
        await engine.insert(shape.table, shape.proto, payload, token=token)

    # The first one fills caches.
    await insert(requests[:1], "first")
    before = _cpu_seconds()
    await insert(requests, "group")
    return _cpu_seconds() - before


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def run(quick: bool, machine: Machine, places: tuple[Path, Path], show: ShowProgress, console: Console) -> bool:
    """Measure, print and write; *places* are where to work and where to write. Return whether there are figures."""
    work, results = places
    folder = work / NAME
    folder.mkdir(parents=True)
    with show(NAME) as progress:
        scores = asyncio.run(corpora(folder / "corpora"))
        count = QUICK_CANARIES if quick else CANARIES
        outcome = asyncio.run(try_out(None, count, 1, SIGNALS, folder / "canary", progress))
        kinds: tuple[tuple[WireName, Bodies, int], ...] = (
            ("logs", LogBodies(1), RECORDS), ("traces", SpanBodies(2), SPANS),
        )  # fmt: skip
        costs = [asyncio.run(cost(folder, signal, bodies, items, progress)) for signal, bodies, items in kinds]
    date = datetime.now(UTC)
    text = markdown(scores, outcome, costs, machine, date)
    results.mkdir(parents=True, exist_ok=True)
    path = results / f"{date:%Y-%m-%d-%H%M}-{NAME}.md"
    path.write_text(text)
    content: dict[str, Any] = {
        "date": date,
        "machine": dataclasses.asdict(machine),
        "corpora": scores,
        "canaries": {"sent": len(outcome.sent), "found": {where: len(some) for where, some in outcome.found.items()}},
        "costs": costs,
    }
    path.with_suffix(".json").write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2))
    console.print(text, markup=False)
    console.print(f"written to {path} and {path.with_suffix('.json').name}")
    return True


def markdown(
    scores: dict[str, dict[str, Score]], outcome: Outcome, costs: Sequence[Cost], machine: Machine, date: datetime
) -> str:
    """Return the report as text to paste."""
    rows = [
        [kind, *(cell for name in scores for cell in _cells(scores[name].get(kind)))]
        for kind in [*sorted(set().union(*scores.values()) - {"all"}), "all"]
    ]
    heads = ["kind", *(f"{name}: {what}" for name in scores for what in ("there", "recall", "precision"))]
    found = {id(one) for some in outcome.found.values() for one in some}
    spent = [[one.signal, f"{one.without:.2f}", f"{one.redacted:.2f}", f"{one.share:.0%}"] for one in costs]
    blocks = [
        f"## Policy, {date:%Y-%m-%d %H:%M} UTC",
        f"Machine: {machine}.",
        markdown_table(heads, rows),
        (
            f"Canaries: {len(outcome.sent):,} sent in every place, {len(found):,} found in "
            f"{outcome.searched_bytes:,} bytes of tables and files."
        ),
        markdown_table(["signal", "CPU-s per 100,000 without", "with redaction", "of the rate left"], spent),
    ]
    return "\n\n".join(blocks) + "\n"


def _cells(found: Score | None) -> list[str]:
    return ["", "", ""] if found is None else [str(found.there), f"{found.recall:.3f}", f"{found.precision:.3f}"]
