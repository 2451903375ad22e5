"""What a data directory holds, item by item, compared to what senders were told."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from backbone.store.embedded import EmbeddedOptions, open_embedded
from backbone.store.engine import QueryLimits, Statement
from tests.robustness.bodies import Kind
from tests.robustness.senders import Load

_ITEMS: dict[Kind, str] = {
    "traces": "SELECT attributes['item'] AS item, count() AS times FROM spans GROUP BY item",
    "logs": "SELECT body AS item, count() AS times FROM logs GROUP BY item",
    # A sample is told by its series and time: what was written twice is one when it is read.
    "gauges": "SELECT s.item AS item, count() AS times FROM (SELECT DISTINCT fp, time FROM samples) AS p INNER JOIN "
    "(SELECT DISTINCT fp, labels['item'] AS item FROM series WHERE metric = 'robust_gauge') AS s ON p.fp = s.fp "
    "GROUP BY item",
    "remote_write": "SELECT s.item AS item, count() AS times FROM (SELECT DISTINCT fp, time FROM samples) AS p "
    "INNER JOIN (SELECT DISTINCT fp, labels['item'] AS item FROM series WHERE metric = 'robust_written') AS s "
    "ON p.fp = s.fp GROUP BY item",
}
_DELTAS = """
SELECT s.job AS job, count() AS points, max(value) AS total
FROM (SELECT fp, time, max(value) AS value FROM samples GROUP BY fp, time) AS p
INNER JOIN (SELECT DISTINCT fp, labels['job'] AS job FROM series WHERE metric = 'robust_deltas_total') AS s
    ON p.fp = s.fp
GROUP BY job
"""
_LIMITS = QueryLimits(timeout_seconds=120, max_memory_bytes=1 << 30)


async def differences(data_dir: Path, load: Load) -> list[str]:
    """Return what is missing, doubled or unknown in a data directory no server has open; nothing where all is well."""
    found: list[str] = []
    async with open_embedded(data_dir, EmbeddedOptions(max_memory_bytes=2 << 30)) as engine:
        for kind, sql in _ITEMS.items():
            rows = await engine.rows(Statement(sql), _LIMITS)
            stored = {row["item"]: row["times"] for row in rows}
            found += _compare(kind, stored, load.acknowledged[kind])
        sums = await engine.rows(Statement(_DELTAS), _LIMITS)
    expected = Counter(f"sender-{item.split('-')[0]}" for item in load.acknowledged["deltas"])
    totals = {row["job"]: row["total"] for row in sums}
    return found + [
        f"deltas of {job}: sum {totals.get(job, 0)}, expected {count}"
        for job, count in expected.items()
        if totals.get(job) != count
    ]


def _compare(kind: Kind, stored: dict[str, int], acknowledged: set[str]) -> list[str]:
    missing = acknowledged - stored.keys()
    doubled = {item: times for item, times in stored.items() if times > 1 and item in acknowledged}
    # What other senders brought is nobody's concern here.
    senders = {item.split("-")[0] for item in acknowledged}
    unknown = {item for item in stored.keys() - acknowledged if item.split("-")[0] in senders}
    return [
        f"{kind}: {len(items)} items {what}, such as {sorted(items)[:3]}"
        for what, items in (("missing", missing), ("more than once", doubled), ("never acknowledged", unknown))
        if items
    ]
