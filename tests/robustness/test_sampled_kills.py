"""Kills under load while traces wait: what the policy keeps is there once, what it does not is not there."""

from __future__ import annotations

from pathlib import Path

from backbone.config.load import load_policy
from backbone.model.time import NANOSECONDS_PER_SECOND, now_ns
from backbone.process import compile_policy, sweeper
from backbone.store.embedded import EmbeddedOptions, open_embedded
from backbone.store.engine import QueryLimits, Statement
from tests.robustness.kills import kill_under_load

POLICY = """
sample:
  traces:
    tail:
      wait: 1s
      policies: [{name: even, kind: attribute, key: item, pattern: '[02468]$'}]
  logs:
    rules: [{name: odd, match: {pattern: '[13579]$'}, drop: true}]
"""
STORED = {
    "traces": "SELECT attributes['item'] AS item, count() AS times FROM spans GROUP BY item",
    "logs": "SELECT body AS item, count() AS times FROM logs GROUP BY item",
}


async def test_sampled_stream_outlives_kills(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(POLICY)
    outcome = await kill_under_load(tmp_path / "data", times=4, seed=11, options=f"policy: {{file: '{file}'}}\n")
    others = [line for line in outcome.differences if not line.startswith(("traces:", "logs:"))]
    assert others == []

    async with open_embedded(tmp_path / "data", EmbeddedOptions()) as engine:
        sweeps = sweeper(engine, compile_policy(load_policy(file)))
        for seconds in range(0, 20, 2):
            await sweeps.sweep(now_ns() + seconds * NANOSECONDS_PER_SECOND)
        stored = {kind: await engine.rows(Statement(sql), QueryLimits()) for kind, sql in STORED.items()}

    acknowledged = {"traces": outcome.load.acknowledged["traces"], "logs": outcome.load.acknowledged["logs"]}
    for kind, rows in stored.items():
        even = {item for item in acknowledged[kind] if int(item[-1]) % 2 == 0}
        times = {row["item"]: row["times"] for row in rows}
        assert len(even) >= 100
        assert even - times.keys() == set(), kind
        assert {item for item in times if int(item[-1]) % 2} == set(), kind
        assert {item: n for item, n in times.items() if n > 1} == {}, kind
