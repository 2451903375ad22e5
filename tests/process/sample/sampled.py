"""A store under a policy of sampling, and what is in it; time passes when a test says so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backbone.config.policy import PolicyConfig
from backbone.model.time import now_ns
from backbone.process import Sweeper, compile_policy, pipeline, sweeper
from backbone.store.engine import Engine, Statement
from backbone.store.flow import install
from backbone.store.wire import WireName
from tests.stored import Stored

WIRES: tuple[WireName, ...] = ("traces", "logs", "metrics", "remote_write")
ERRORS_AND_SLOW: list[Mapping[str, Any]] = [
    {"name": "errors", "kind": "error"},
    {"name": "slow", "kind": "latency", "over": "1s"},
]


class Sampled:
    """Telemetry in an engine under a policy; a minute of waiting is a minute of `pass_seconds`."""

    def __init__(self, stored: Stored) -> None:
        self.stored = stored
        self.sweeper: Sweeper
        self.now_ns = now_ns()

    async def use(self, sample: Mapping[str, Any], engine: Engine | None = None) -> None:
        """Start with the section ``sample`` of a policy, as a server that starts does."""
        policy = compile_policy(PolicyConfig.model_validate({"sample": sample}))
        await install(self.stored.engine, pipeline(policy))
        self.sweeper = sweeper(engine or self.stored.engine, policy)

    async def pass_seconds(self, seconds: int = 1, step: int = 1) -> None:
        """Let so much time pass, and sweep after each step of it."""
        for _ in range(0, seconds, step):
            await self.pass_milliseconds(1000 * step)

    async def pass_milliseconds(self, milliseconds: int) -> None:
        """Let so much time pass, and sweep at the end of it."""
        self.now_ns += milliseconds * 1_000_000
        await self.sweeper.sweep(self.now_ns)

    async def rows(self, sql: str, **parameters: Any) -> list[dict[str, Any]]:
        return await self.stored.engine.rows(Statement(sql, parameters))

    async def values(self, sql: str) -> list[Any]:
        """Return the rows' only column."""
        return [next(iter(row.values())) for row in await self.rows(sql)]

    async def left_out(self, signal: str = "traces") -> dict[str, int]:
        """Return how many items each rule left out."""
        rows = await self.rows(
            "SELECT rule, sum(f.items) AS left_out FROM findings AS f WHERE policy = 'sample' "
            "AND signal = {signal:String} AND outcome = 'left out' GROUP BY rule",
            signal=signal,
        )
        return {row["rule"]: row["left_out"] for row in rows}


def tail(*policies: Mapping[str, Any], wait: str = "2s", **options: Any) -> dict[str, Any]:
    return {"tail": {"wait": wait, "policies": list(policies), **options}}
