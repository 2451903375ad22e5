"""Long times are searched in parts."""

from __future__ import annotations

import pytest

from backbone.model.errors import LimitExceeded
from backbone.query.slices import Finder, found_in_slices
from backbone.store.engine import MAX_ROWS_READ, QueryLimits

_S = 1_000_000_000
_WHOLE = (0, 1_024 * _S)


@pytest.mark.parametrize(
    ("forward", "by_index", "at", "parts"),
    [
        pytest.param(False, False, [], [(1008, 1024), (944, 1008), (688, 944), (0, 688)], id="nothing, newest first"),
        pytest.param(True, False, [], [(0, 16), (16, 80), (80, 336), (336, 1024)], id="nothing, oldest first"),
        pytest.param(
            False, True, [], [(0, 1024), (1008, 1024), (0, 1008)], id="nothing, but an index says there may be much"
        ),
        pytest.param(
            True, True, [], [(0, 1024), (0, 16), (16, 1024)], id="nothing, but an index says so, oldest first"
        ),
        pytest.param(
            False,
            True,
            [1010, 5],
            [(0, 1024), (1008, 1024), (944, 1008), (688, 944), (0, 688)],
            id="some, and an index says there may be much",
        ),
        pytest.param(False, True, [1010, 1011], [(0, 1024), (1008, 1024)], id="enough in the first part"),
        pytest.param(False, False, [700, 701, 702], [(1008, 1024), (944, 1008), (688, 944)], id="enough in the third"),
    ],
)
async def test_parts_are_looked_at_until_there_is_enough(
    forward: bool, by_index: bool, at: list[int], parts: list[tuple[int, int]]
) -> None:
    looked_at = []

    async def find(start: int, end: int, limit: int, limits: QueryLimits) -> list[int]:
        looked_at.append((start // _S, end // _S))
        if limits.max_rows_read:
            raise LimitExceeded("too many rows", limit=MAX_ROWS_READ)
        return sorted((one for one in at if start <= one * _S < end), reverse=not forward)[:limit]

    found = await found_in_slices(_WHOLE, 2, Finder(find, QueryLimits(), by_index), forward=forward)

    assert looked_at == parts
    assert found == sorted(at, reverse=not forward)[:2]


@pytest.mark.parametrize(
    ("allowed", "most"),
    [
        pytest.param(0, 262_144, id="without a bound"),
        pytest.param(1_000, 1_000, id="within the bound there is"),
        pytest.param(1_000_000, 262_144, id="within less than the bound there is"),
    ],
)
async def test_what_is_rare_is_looked_for_in_the_whole_time_at_once(allowed: int, most: int) -> None:
    looked_at = []

    async def find(start: int, end: int, limit: int, limits: QueryLimits) -> list[int]:
        looked_at.append((start // _S, end // _S, limit, limits.max_rows_read))
        return [5]

    found = await found_in_slices(_WHOLE, 2, Finder(find, QueryLimits(max_rows_read=allowed), by_index=True))

    assert looked_at == [(0, 1024, 2, most)]
    assert found == [5]


async def test_a_statement_that_takes_too_long_is_no_sign_of_many_rows() -> None:
    async def find(start: int, end: int, limit: int, limits: QueryLimits) -> list[int]:
        raise LimitExceeded("too slow", limit="store.query.timeout")

    with pytest.raises(LimitExceeded, match="too slow"):
        await found_in_slices(_WHOLE, 2, Finder(find, QueryLimits(), by_index=True))
