from __future__ import annotations

from pathlib import Path

import pytest

from tests.robustness.mutations import MEMORY_BOUND_BYTES, RECEIVERS, mutate_all


@pytest.mark.parametrize("receiver", RECEIVERS)
async def test_wrong_requests_are_answered_and_sound_ones_between_them_stored(tmp_path: Path, receiver: str) -> None:
    outcome = await mutate_all(tmp_path / "data", requests=100, seed=5, receivers=(receiver,))

    assert outcome.differences == []
    assert [report.wrong for report in outcome.reports] == [[]]
    assert all(report.most_resident_bytes < MEMORY_BOUND_BYTES for report in outcome.reports)
