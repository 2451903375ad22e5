"""
What was written last, merged: after a burst some parts would wait long for their merge.

While telemetry comes in, parts are merged ten at a time. When it stops, up to nine are left: of log records without
their indexes, which merges build; of samples a fifth larger than they will be, a few samples of each series in a part.
They are merged once nothing was written for a while. Spans stay as they are: their ids are read through fast, and small
parts, which lie in the order of time, help searches that begin with the newest.
"""

from __future__ import annotations

from collections.abc import Mapping

from backbone.store.engine import Engine, Statement

LOOK_SECONDS = 2
"""How often to look for what is quiet."""
QUIET_SECONDS: Mapping[str, int] = {"logs": 5, "samples": 2}
"""How long nothing was written to a partition of a table before its parts are merged; up to a second less is enough."""

# Few rows are read through in a moment, and merging them over and over would cost more than it gives. A part of one
# insert has one number; its level tells nothing, since what is put together as it is written begins at level 1.
# Few that lie before a large part can only be merged with it, which would write all of it once more.
_UNMERGED = """
SELECT DISTINCT table FROM (
    SELECT table, sum(rows) AS everything, max(modification_time) AS modified,
        groupArrayIf((min_block_number, rows), min_block_number = max_block_number) AS fresh,
        arrayFilter(p -> p.1 > maxIf(max_block_number, min_block_number != max_block_number), fresh) AS last
    FROM system.parts
    WHERE active AND database = currentDatabase() AND table IN {tables:Array(String)}
        AND table NOT IN (SELECT table FROM system.merges WHERE database = currentDatabase())
    GROUP BY table, partition_id
)
WHERE (length(last) > 1 AND arraySum(last.2) >= 50000
        OR length(fresh) > 1 AND arraySum(fresh.2) >= greatest(50000, everything / 4))
    AND modified <= now() - transform(table, {tables:Array(String)}, {quiet:Array(Int32)}, 0)
"""


async def settle(engine: Engine, quiet_seconds: Mapping[str, int] = QUIET_SECONDS) -> None:
    """Merge the parts that nothing merged yet, where nothing was written to their partition for so long."""
    tables, quiet = list(quiet_seconds), list(quiet_seconds.values())
    for row in await engine.rows(Statement(_UNMERGED, {"tables": tables, "quiet": quiet})):
        # Neither FINAL nor of a partition, which would merge large parts, too: this takes the parts that are merged at
        # the least cost, which are the small ones.
        await engine.command(Statement(f"OPTIMIZE TABLE {row['table']}"))
