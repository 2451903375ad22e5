"""The part ``policy``: what redaction finds of labelled texts and of canaries, and what it costs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from backbone.app import scratch_store
from backbone.cli.canary import Outcome, try_out
from backbone.config.policy import PolicyConfig
from backbone.process import compile_policy
from bench.measure import ProgressSink
from bench.peers import Otlp
from bench.policy.corpus import Score, read, score
from bench.policy.rates import Rate, rates
from bench.policy.texts import scrubbed_texts
from bench.report import Machine, markdown_table, publish

NAME = "policy"
CANARIES, QUICK_CANARIES = 100_000, 5_000
SIGNALS = ("traces", "logs", "metrics", "remote_write")

ShowProgress = Callable[[str], AbstractContextManager[ProgressSink]]


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


def run(otlp: Otlp, quick: bool, machine: Machine, places: tuple[Path, Path], show: ShowProgress) -> bool:
    """Measure, print and write; *places* are where to work and where to write. Return whether there are figures."""
    work, results = places
    folder = work / NAME
    folder.mkdir(parents=True)
    with show(NAME) as progress:
        scores = asyncio.run(corpora(folder / "corpora"))
        count = QUICK_CANARIES if quick else CANARIES
        outcome = asyncio.run(try_out(None, count, 1, SIGNALS, folder / "canary", progress))
        found = rates(otlp, folder / "rates", quick, progress)
    date = datetime.now(UTC)
    text = markdown(scores, outcome, found, machine, date)
    content: dict[str, Any] = {
        "corpora": scores,
        "canaries": {"sent": len(outcome.sent), "found": {where: len(some) for where, some in outcome.found.items()}},
        "rates": found,
    }
    publish(NAME, content, machine, text, date, results)
    return True


def markdown(
    scores: dict[str, dict[str, Score]], outcome: Outcome, measured: Sequence[Rate], machine: Machine, date: datetime
) -> str:
    """Return the report as text to paste."""
    rows = [
        [kind, *(cell for name in scores for cell in _cells(scores[name].get(kind)))]
        for kind in [*sorted(set().union(*scores.values()) - {"all"}), "all"]
    ]
    heads = ["kind", *(f"{name}: {what}" for name in scores for what in ("there", "recall", "precision"))]
    found = {id(one) for some in outcome.found.values() for one in some}
    spent = [[one.signal, one.policy, f"{one.items_per_cpu:,.0f}", f"{one.share:.0%}"] for one in measured]
    blocks = [
        f"## Policy, {date:%Y-%m-%d %H:%M} UTC",
        f"Machine: {machine}.",
        markdown_table(heads, rows),
        (
            f"Canaries: {len(outcome.sent):,} sent in every place, {len(found):,} found in "
            f"{outcome.searched_bytes:,} bytes of tables and files."
        ),
        markdown_table(["signal", "policy", "items / CPU-s", "of the rate without"], spent),
    ]
    return "\n\n".join(blocks) + "\n"


def _cells(found: Score | None) -> list[str]:
    return ["", "", ""] if found is None else [str(found.there), f"{found.recall:.3f}", f"{found.precision:.3f}"]
