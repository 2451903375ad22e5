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
BY_MINUTE, FINER = 15, 18
"""Migrations that copy spans or logs."""


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


async def _break_off(engine: EmbeddedEngine, monkeypatch: pytest.MonkeyPatch, number: int, after: int) -> None:
    """Do so many statements of a migration, and then fail."""
    known = module.migrations()
    older = tuple(each for each in known if each.number < number)
    [taking_over] = (each for each in known if each.number == number)
    broken = Migration(number, "broken", (*taking_over.statements[:after], "SELECT broken_off"))
    monkeypatch.setattr(module, "migrations", lambda: (*older, broken))
    with pytest.raises(Exception, match="broken_off"):
        await migrate(engine)
    monkeypatch.setattr(module, "migrations", lambda: known)


@pytest.mark.parametrize(
    ("number", "broken_off_after"),
    [(BY_MINUTE, None), *((BY_MINUTE, n) for n in (3, 6, 9)), *((FINER, n) for n in range(1, 8))],
)
async def test_spans_and_logs_are_taken_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, broken_off_after: int | None
) -> None:
    known = migrations()
    older = tuple(each for each in known if each.number < number)
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
            await _break_off(engine, monkeypatch, number, broken_off_after)
        assert await migrate(engine) == len(known) - len(older)
        assert {table: await _sums(engine, table) for table in before} == before
        found = await engine.rows(
            Statement("SELECT DISTINCT `label:shard_id` AS shard FROM logs WHERE tenant = 't' ORDER BY shard")
        )
        assert [row["shard"] for row in found] == [str(shard) for shard in range(7)]
        left = await engine.rows(
            Statement("SELECT name FROM system.tables WHERE match(name, '(before|by_minute|finer)$')")
        )
        assert left == []


@pytest.mark.parametrize("broken_off_after", [None, 1, 2, 3, 4, 5, 6, 7, 8])
async def test_durations_of_operations_are_taken_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken_off_after: int | None
) -> None:
    known, number = migrations(), 16
    older = tuple(each for each in known if each.number < number)
    async with open_embedded(tmp_path / "data", EmbeddedOptions()) as engine:
        monkeypatch.setattr(module, "migrations", lambda: older)
        await migrate(engine)
        await engine.command(
            Statement(
                "INSERT INTO operations SELECT 't', toDateTime('2026-01-01 00:00:00'), 's', 'op', 'server', "
                "if(number < 3, 'ok', 'error'), 200 + number, number + 1, 10 * number FROM numbers(5)"
            )
        )
        monkeypatch.setattr(module, "migrations", lambda: known)
        if broken_off_after is not None:
            await _break_off(engine, monkeypatch, number, broken_off_after)
        await migrate(engine)
        rows = await engine.rows(
            Statement("SELECT toString(status) AS of, spans, total_ns, durations FROM operations ORDER BY status")
        )
        left = await engine.rows(Statement("SELECT name FROM system.tables WHERE name LIKE 'operations%'"))

    assert rows == [
        {"of": "ok", "spans": 6, "total_ns": 30, "durations": [[200, 201, 202], [1, 2, 3]]},
        {"of": "error", "spans": 9, "total_ns": 70, "durations": [[203, 204], [4, 5]]},
    ]
    assert left == [{"name": "operations"}]


_LOST = Statement("SELECT count() AS found FROM logs WHERE tenant = 't' AND hasAll(tokens(lower(body)), ['lost'])")


async def _granules_by_token(engine: EmbeddedEngine) -> list[str]:
    rows = await engine.rows(Statement(f"EXPLAIN indexes = 1 {_LOST.sql}"))
    lines = [row["explain"].strip() for row in rows]
    at = lines.index("Name: by_token")
    return [line for line in lines[at : at + 4] if line.startswith("Granules:")]


@pytest.mark.parametrize("broken_off_after", [None, 1, 2, 3])
async def test_an_index_of_words_is_made_of_records_that_had_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken_off_after: int | None
) -> None:
    known, number = migrations(), 17
    older = tuple(each for each in known if each.number < number)
    async with open_embedded(tmp_path / "data", EmbeddedOptions()) as engine:
        monkeypatch.setattr(module, "migrations", lambda: older)
        await migrate(engine)
        # Two parts, one of each kind: in one file, and with a file for each column.
        for day, smallest_wide in ((1, 1 << 30), (2, 1)):
            await engine.command(
                Statement(f"ALTER TABLE logs MODIFY SETTING min_bytes_for_wide_part = {smallest_wide}")
            )
            await engine.command(
                Statement(
                    "INSERT INTO logs (tenant, service, time, body) SELECT 't', 's', "
                    "toDateTime({day:String}) + number, if(number = 20000, 'Peer-7: Lost.', 'peer losty') "
                    "FROM numbers(40960)",
                    {"day": f"2026-01-0{day} 00:00:00"},
                )
            )
        monkeypatch.setattr(module, "migrations", lambda: known)
        if broken_off_after is not None:
            await _break_off(engine, monkeypatch, number, broken_off_after)
    async with open_embedded(tmp_path / "data", EmbeddedOptions()) as engine:
        assert await migrate(engine) == len(known) - len(older)
        assert await engine.rows(_LOST) == [{"found": 2}]
        # Said once more, and waited for, which waits for what was said before.
        await engine.command(Statement("ALTER TABLE logs MATERIALIZE INDEX by_token SETTINGS mutations_sync = 1"))
        parts = await engine.rows(
            Statement("SELECT part_type AS kind FROM system.parts WHERE table = 'logs' AND active ORDER BY kind")
        )

        assert [part["kind"] for part in parts] == ["Compact", "Wide"]
        assert await engine.rows(_LOST) == [{"found": 2}]
        assert await _granules_by_token(engine) == ["Granules: 2/10"]
