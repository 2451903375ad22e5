"""What policy found and did, from the table ``findings``."""

from __future__ import annotations

from dataclasses import dataclass

from backbone.store.engine import Engine, QueryLimits, Statement

_TOTALS = """
SELECT policy, rule, signal, service, outcome, sum(items) AS items, anyLast(example) AS example,
    formatDateTime(max(minute), '%Y-%m-%dT%H:%i:%SZ') AS last
FROM findings
WHERE tenant = {tenant:String} AND minute >= toStartOfMinute(fromUnixTimestamp64Nano({start:Int64}))
    AND minute <= fromUnixTimestamp64Nano({end:Int64}) AND (empty({policy:String}) OR policy = {policy:String})
GROUP BY policy, rule, signal, service, outcome
ORDER BY items DESC, policy, rule, signal, service, outcome
LIMIT {limit:UInt32}
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule's finds of one service and outcome: how many items, the last minute with one, and a trace to look at."""

    policy: str
    rule: str
    signal: str
    service: str
    outcome: str
    items: int
    last: str
    example: str


async def read_findings(
    engine: Engine, tenant: str, window: tuple[int, int], policy: str, limit: int, limits: QueryLimits
) -> list[Finding]:
    """
    Return totals, the largest first.

    Args:
        window: nanoseconds since 1970; minutes are counted whole.
        policy: ``redact``, ``tagging`` and so on; all where it is empty.
    """
    start, end = window
    values: dict[str, str | int] = {"tenant": tenant, "start": start, "end": end, "policy": policy, "limit": limit}
    rows = await engine.rows(Statement(_TOTALS, {**values}), limits)
    return [Finding(**{name: row[name] for name in Finding.__slots__}) for row in rows]
