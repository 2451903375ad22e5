"""What was written last gets its indexes once nothing is written."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from backbone.store.engine import Statement
from backbone.store.settle import settle
from tests.stored import Stored, open_stored


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stored]:
    with open_stored(tmp_path_factory.mktemp("settled"), governed=False) as stored:
        yield stored


async def _write(stored: Stored, rows: int, body: str = "concat('line ', toString(number))") -> None:
    await stored.engine.command(
        Statement(
            "INSERT INTO logs (tenant, received, service, time, body) SELECT 't', now64(9), 's', "
            f"toDateTime('2026-01-01 00:00:00'), {body} FROM numbers({{rows:UInt64}})",
            {"rows": rows},
        )
    )


async def _parts(stored: Stored) -> list[int]:
    found = await stored.engine.rows(
        Statement("SELECT rows FROM system.parts WHERE active AND table = 'logs' ORDER BY min_block_number")
    )
    return [row["rows"] for row in found]


@pytest.mark.parametrize(
    ("written", "quiet_seconds", "parts"),
    [
        pytest.param([30_000, 30_000, 20_000], -5, [80_000], id="much, and nothing since"),
        pytest.param([30_000, 30_000, 10], 3_600, [30_000, 30_000, 10], id="just written"),
        pytest.param([10, 10, 10], -5, [10, 10, 10], id="little"),
        pytest.param([60_000], -5, [60_000], id="one part"),
    ],
)
async def test_parts_are_merged_when_it_is_worth_it(
    stored: Stored, written: list[int], quiet_seconds: int, parts: list[int]
) -> None:
    await stored.engine.command(Statement("TRUNCATE TABLE logs"))
    for rows in written:
        await _write(stored, rows)

    await settle(stored.engine, {"logs": quiet_seconds})

    assert await _parts(stored) == parts


async def test_parts_before_a_large_one_are_left_where_they_are_few(stored: Stored) -> None:
    await stored.engine.command(Statement("TRUNCATE TABLE logs"))
    for _ in range(2):
        await _write(stored, 30_000, "randomPrintableASCII(500)")
    for _ in range(6):
        await _write(stored, 50_000)

    for _ in range(2):
        await settle(stored.engine, {"logs": -5})

    assert await _parts(stored) == [30_000, 30_000, 300_000]


async def test_two_parts_after_a_large_one_are_left_since_only_with_it_they_would_be_merged(stored: Stored) -> None:
    await stored.engine.command(Statement("TRUNCATE TABLE logs"))
    body = "randomPrintableASCII(500)"
    for _ in range(6):
        await _write(stored, 20_000, body)
    await settle(stored.engine, {"logs": -5})
    for parts in ([120_000, 20_000], [120_000, 20_000, 20_000], [120_000, 60_000]):
        await _write(stored, 20_000, body)

        await settle(stored.engine, {"logs": -5})

        assert await _parts(stored) == parts


async def test_parts_are_left_that_would_be_merged_with_many_more_rows_only(stored: Stored) -> None:
    await stored.engine.command(Statement("TRUNCATE TABLE logs"))
    for _ in range(4):
        await _write(stored, 150_000)
    await settle(stored.engine, {"logs": -5})
    for _ in range(3):
        await _write(stored, 40_000)

    await settle(stored.engine, {"logs": -5})

    assert await _parts(stored) == [600_000, 40_000, 40_000, 40_000]


async def test_samples_are_merged_when_nothing_comes_in(stored: Stored) -> None:
    await stored.engine.command(Statement("TRUNCATE TABLE samples"))
    for first in (0, 1):
        await stored.engine.command(
            Statement(
                "INSERT INTO samples SELECT 't', number % 100, "
                "toDateTime64('2026-01-01 00:00:00', 3, 'UTC') "
                "+ INTERVAL (intDiv(number, 100) * 2 + {first:UInt8}) SECOND, 1 FROM numbers(30000)",
                {"first": first},
            )
        )

    await settle(stored.engine, {"samples": -5})

    found = await stored.engine.rows(Statement("SELECT rows FROM system.parts WHERE active AND table = 'samples'"))
    assert found == [{"rows": 60_000}]


async def test_samples_are_merged_with_many_more_that_were_merged_before(stored: Stored) -> None:
    await stored.engine.command(Statement("TRUNCATE TABLE samples"))
    numbers = itertools.count()
    for burst in ([200_000, 200_000], [20_000, 20_000, 20_000]):
        for rows in burst:
            await _write_samples(stored, rows, next(numbers))
        await settle(stored.engine, {"samples": -5})

    [found] = await stored.engine.rows(
        Statement(
            "SELECT sum(rows) AS samples, countIf(min_block_number = max_block_number) AS fresh FROM system.parts "
            "WHERE active AND table = 'samples'"
        )
    )
    assert found == {"samples": 460_000, "fresh": 0}


async def _write_samples(stored: Stored, rows: int, number: int) -> None:
    """Write samples of a hundred series, others each time."""
    await stored.engine.command(
        Statement(
            "INSERT INTO samples SELECT 't', number % 100 + 100 * {number:UInt32}, "
            "toDateTime64('2026-01-01 00:00:00', 3, 'UTC') + INTERVAL intDiv(number, 100) SECOND, 1 "
            "FROM numbers({rows:UInt32})",
            {"rows": rows, "number": number},
        )
    )


async def test_what_merges_write_is_in_a_file_a_column_and_inserts_are_in_one(stored: Stored) -> None:
    await stored.engine.command(Statement("TRUNCATE TABLE logs"))
    for _ in range(3):
        await _write(stored, 20_000, "randomPrintableASCII(500)")
    before = await _kinds(stored)

    await settle(stored.engine, {"logs": -5})

    assert (before, await _kinds(stored)) == (["Compact"] * 3, ["Wide"])


async def _kinds(stored: Stored) -> list[str]:
    found = await stored.engine.rows(
        Statement("SELECT part_type AS kind FROM system.parts WHERE active AND table = 'logs'")
    )
    return [row["kind"] for row in found]
