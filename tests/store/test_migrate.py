"""Data of an older schema is taken over whole, however often the taking over was broken off."""

from __future__ import annotations

from pathlib import Path

import pytest

from backbone.query.logql.columns import LabelColumns
from backbone.store import migrate as module
from backbone.store.embedded import EmbeddedEngine, EmbeddedOptions, open_embedded
from backbone.store.engine import Statement
from backbone.store.migrate import Migration, migrate, migrations

ROWS = 200_000
BEFORE = 14


async def _write(engine: EmbeddedEngine, table: str) -> None:
    # Rows that are alike in all but their number: blocks of them must not be taken for repeats.
    await engine.command(
        Statement(
            f"INSERT INTO {table} (tenant, received, service, time, attributes) SELECT 't', now64(9), 's', "
            "toDateTime('2026-01-01 00:00:00') + number % 90, map('shard.id', toString(number % 7)) "
            "FROM numbers({rows:UInt64})",
            {"rows": ROWS},
        )
    )


async def _sums(engine: EmbeddedEngine, table: str) -> dict[str, str]:
    [row] = await engine.rows(
        Statement(
            "SELECT toString(count()) AS rows, toString(sum(cityHash64(time, attributes, service))) AS sums, "
            f"toString(uniqExact(time)) AS times FROM {table} WHERE tenant = 't'"
        )
    )
    return row


@pytest.mark.parametrize("broken_off_after", [None, 3, 6, 9])
async def test_spans_and_logs_are_taken_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken_off_after: int | None
) -> None:
    known = migrations()
    older = tuple(each for each in known if each.number <= BEFORE)
    async with open_embedded(tmp_path / "data", EmbeddedOptions()) as engine:
        monkeypatch.setattr(module, "migrations", lambda: older)
        await migrate(engine)
        columns = LabelColumns()
        await columns.add(engine, "shard_id")
        before = {}
        for table in ("spans", "logs"):
            await _write(engine, table)
            before[table] = await _sums(engine, table)
        monkeypatch.setattr(module, "migrations", lambda: known)
        if broken_off_after is not None:
            [taking_over] = (each for each in known if each.number == BEFORE + 1)
            first: tuple[Migration, ...] = (
                Migration(BEFORE + 1, "broken", (*taking_over.statements[:broken_off_after], "SELECT broken_off")),
            )
            monkeypatch.setattr(module, "migrations", lambda: older + first)
            with pytest.raises(Exception, match="broken_off"):
                await migrate(engine)
            monkeypatch.setattr(module, "migrations", lambda: known)
        assert await migrate(engine) == len(known) - len(older)
        assert {table: await _sums(engine, table) for table in before} == before
        found = await engine.rows(
            Statement("SELECT DISTINCT `label:shard_id` AS shard FROM logs WHERE tenant = 't' ORDER BY shard")
        )
        assert [row["shard"] for row in found] == [str(shard) for shard in range(7)]
        left = await engine.rows(
            Statement("SELECT name FROM system.tables WHERE name LIKE '%before' OR name LIKE '%by_minute'")
        )
        assert left == []
