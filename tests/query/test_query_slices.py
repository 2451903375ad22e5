"""Long times are searched in parts."""

from __future__ import annotations

import pytest

from backbone.query.slices import found_in_slices

_S = 1_000_000_000
_WHOLE = (0, 1_024 * _S)


@pytest.mark.parametrize(
    ("forward", "by_index", "at", "parts"),
    [
        pytest.param(False, False, [], [(1008, 1024), (944, 1008), (688, 944), (0, 688)], id="nothing, newest first"),
        pytest.param(True, False, [], [(0, 16), (16, 80), (80, 336), (336, 1024)], id="nothing, oldest first"),
        pytest.param(False, True, [], [(1008, 1024), (0, 1008)], id="nothing, by an index"),
        pytest.param(True, True, [], [(0, 16), (16, 1024)], id="nothing, by an index, oldest first"),
        pytest.param(False, True, [1010, 5], [(1008, 1024), (944, 1008), (688, 944), (0, 688)], id="some, by an index"),
        pytest.param(False, True, [1010, 1011], [(1008, 1024)], id="enough in the first part"),
        pytest.param(False, False, [700, 701, 702], [(1008, 1024), (944, 1008), (688, 944)], id="enough in the third"),
    ],
)
async def test_parts_are_looked_at_until_there_is_enough(
    forward: bool, by_index: bool, at: list[int], parts: list[tuple[int, int]]
) -> None:
    looked_at = []

    async def find(start: int, end: int, limit: int) -> list[int]:
        looked_at.append((start // _S, end // _S))
        return sorted((one for one in at if start <= one * _S < end), reverse=not forward)[:limit]

    found = await found_in_slices(_WHOLE, 2, find, forward=forward, by_index=by_index)

    assert looked_at == parts
    assert found == sorted(at, reverse=not forward)[:2]
