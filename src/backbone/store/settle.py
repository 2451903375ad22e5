"""
What was written last, merged: after a burst some parts would wait long for their merge.

While telemetry comes in, parts are merged ten at a time. When it stops, up to nine are left: of log records without
their indexes, which merges build; of samples a fifth larger than they will be, a few samples of each series in a part.
They are merged once nothing was written for a while. Spans stay as they are: their ids are read through fast, and small
parts, which lie in the order of time, help searches that begin with the newest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import inf

from backbone.store.engine import Engine, Statement

LOOK_SECONDS = 2
"""How often to look for what is quiet."""
QUIET_SECONDS: Mapping[str, int] = {"logs": 5, "samples": 2}
"""How long nothing was written to a partition of a table before its parts are merged; up to a second less is enough."""

_FEW_ROWS = 50_000
"""Are read through in a moment, and merging them over and over would cost more than it gives."""
_LEAST_FRESH: Mapping[str, float] = {"logs": 0.25, "samples": 0.05}
"""How much of what is merged no merge has seen, at least: small parts are often merged with a large one only."""
_BYTES_OF_A_PART, _PARTS_LEFT = 5 << 20, 1.9
"""How the engine weighs what a merge costs: each part as so many bytes more, and the part that is left as so many."""
_PARTS = """
SELECT table, partition_id AS partition, rows, bytes_on_disk AS bytes,
    min_block_number AS first, max_block_number AS last,
    toUInt32(now()) - toUInt32(modification_time) AS quiet
FROM system.parts
WHERE active AND database = currentDatabase() AND table IN {tables:Array(String)}
    AND table NOT IN (SELECT table FROM system.merges WHERE database = currentDatabase())
ORDER BY table, partition_id, first
"""


async def settle(engine: Engine, quiet_seconds: Mapping[str, int] = QUIET_SECONDS) -> None:
    """Merge the parts that nothing merged yet, where nothing was written to their partition for so long."""
    partitions = defaultdict[tuple[str, str], list[dict[str, int]]](list)
    for row in await engine.rows(Statement(_PARTS, {"tables": list(quiet_seconds)})):
        partitions[row.pop("table"), row.pop("partition")].append(row)
    for table in quiet_seconds:
        of_table = (parts for (name, _), parts in partitions.items() if name == table)
        if not any(
            _is_quiet(parts, quiet_seconds[table]) and _is_worth_it(parts, _LEAST_FRESH[table]) for parts in of_table
        ):
            continue
        # Neither FINAL nor of a partition, which would merge large parts, too: this takes the parts that are merged at
        # the least cost, which are the small ones.
        await engine.command(Statement(f"OPTIMIZE TABLE {table}"))


def _is_quiet(parts: Sequence[Mapping[str, int]], seconds: int) -> bool:
    return min(part["quiet"] for part in parts) >= seconds


def _is_worth_it(parts: Sequence[Mapping[str, int]], least_fresh: float) -> bool:
    """Return whether what nothing merged yet is enough of what the engine would merge, of a partition."""
    taken = _taken(parts)
    # A part of one insert has one number; its level tells nothing, since what is put together as it is written begins
    # at level 1.
    fresh = sum(part["rows"] for part in taken if part["first"] == part["last"])
    return fresh >= max(_FEW_ROWS, least_fresh * sum(part["rows"] for part in taken))


def _taken(parts: Sequence[Mapping[str, int]]) -> Sequence[Mapping[str, int]]:
    """Return the parts that the engine would merge: those for which each part less costs the fewest bytes."""
    best, least = parts[:0], inf
    for begin in range(len(parts) - 1):
        size = 0
        for end, part in enumerate(parts[begin:], begin + 1):
            size += part["bytes"] + _BYTES_OF_A_PART
            score = size / (end - begin - _PARTS_LEFT)
            if begin + 1 < end and score < least:
                best, least = parts[begin:end], score
    return best
