from __future__ import annotations

from pathlib import Path

from tests.robustness.kills import kill_under_load


async def test_every_acknowledged_item_outlives_kills_and_none_is_there_twice(tmp_path: Path) -> None:
    outcome = await kill_under_load(tmp_path / "data", times=4, seed=3)

    assert outcome.differences == []
    assert all(outcome.load.acknowledged.values()), "a kind of item was never acknowledged"
