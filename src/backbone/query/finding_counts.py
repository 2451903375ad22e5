"""What policy found and did, all tenants together, as counters of our own."""

from __future__ import annotations

import asyncio

from backbone.store.engine import Engine, Statement
from backbone.telemetry.metrics import Metrics

# Findings are counted by the minute in which items came. Those of traces that waited come late, by ten minutes at most
# and what a pause of the server adds.
_RECENT = """
SELECT toUnixTimestamp(minute) AS at, signal, policy, rule, outcome, sum(items) AS items
FROM findings WHERE minute > now() - INTERVAL 1 HOUR GROUP BY minute, signal, policy, rule, outcome
"""


class FindingCounts:
    """Adds what is new among the findings to a counter; what was found before the first time is not counted."""

    def __init__(self, engine: Engine, metrics: Metrics) -> None:
        self._engine = engine
        self._counter = metrics.policy_items
        self._seen: dict[tuple[int, str, str, str, str], int] | None = None
        self._reading = asyncio.Lock()

    async def read(self) -> None:
        """Bring the counter up to date; raises as `Engine.rows`."""
        async with self._reading:
            rows = await self._engine.rows(Statement(_RECENT))
            seen = {
                (row["at"], row["signal"], row["policy"], row["rule"], row["outcome"]): row["items"] for row in rows
            }
            before = seen if self._seen is None else self._seen
            for key, items in seen.items():
                if items > before.get(key, 0):
                    self._counter.labels(*key[1:]).inc(items - before.get(key, 0))
            self._seen = seen
