"""How long telemetry is kept: a TTL per table, which the engine applies as whole days of data age out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from backbone.store.engine import Engine, Statement

Keeping = Literal["metrics", "logs", "traces", "rollups"]

_TABLES: dict[Keeping, dict[str, str]] = {
    "metrics": {
        "samples": "time",
        "histograms": "time",
        "exemplars": "time",
        "starts": "time",
        "series": "last_seen",
        "totals": "time",
    },
    "logs": {"logs": "time"},
    "traces": {"spans": "time"},
    "rollups": {"operations": "minute", "edges": "minute", "ingested": "received", "findings": "minute"},
}


async def apply_retention(engine: Engine, seconds: Mapping[Keeping, float]) -> None:
    """Set each table's TTL where it differs from what the configuration says."""
    rows = await engine.rows(
        Statement(
            "SELECT name, create_table_query AS ddl FROM system.tables "
            "WHERE database = currentDatabase() AND has({names:Array(String)}, name)",
            {"names": [table for tables in _TABLES.values() for table in tables]},
        )
    )
    ddl = {row["name"]: row["ddl"] for row in rows}
    for keeping, tables in _TABLES.items():
        for table, column in tables.items():
            ttl = f"toDateTime({column}) + toIntervalSecond({int(seconds[keeping])})"
            if ttl not in ddl.get(table, ""):
                await engine.command(
                    Statement(f"ALTER TABLE {table} MODIFY TTL {ttl} SETTINGS materialize_ttl_after_modify = 0")
                )
