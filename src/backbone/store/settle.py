"""
Indexes for what was written last: merges build them, and after a burst some parts would wait long for their merge.

While telemetry comes in, parts are merged ten at a time. When it stops, up to nine are left without indexes; they are
merged once nothing was written for a while, and then are found as fast as all others. Spans stay as they are: their ids
are read through fast, and small parts, which lie in the order of time, help searches that begin with the newest.
"""

from __future__ import annotations

from backbone.store.engine import Engine, Statement

QUIET_SECONDS = 5
# Few rows are read through in a moment, and merging them over and over would cost more than it gives.
_UNMERGED = """
SELECT DISTINCT table FROM system.parts
WHERE active AND database = currentDatabase() AND table = 'logs'
    AND table NOT IN (SELECT table FROM system.merges WHERE database = currentDatabase())
GROUP BY table, partition_id
HAVING countIf(level = 0) > 1 AND sumIf(rows, level = 0) >= 50000
    AND max(modification_time) <= now() - {quiet:Int32}
"""


async def settle(engine: Engine, quiet_seconds: int = QUIET_SECONDS) -> None:
    """Merge the parts that nothing merged yet, where nothing was written to their partition for so long."""
    for row in await engine.rows(Statement(_UNMERGED, {"quiet": quiet_seconds})):
        # Neither FINAL nor of a partition, which would merge large parts, too: this takes the parts that are merged at
        # the least cost, which are the small ones.
        await engine.command(Statement(f"OPTIMIZE TABLE {row['table']}"))
