"""The time that a selector looks at, as its modifiers tell."""

from __future__ import annotations

import numpy as np

from backbone.query.promql.arrays import Times
from backbone.query.promql.values import Grid


def milliseconds(duration: object) -> int:
    """Return a duration of a tree that `durations.resolve` has seen to."""
    assert isinstance(duration, int)
    return duration


def moments(grid: Grid, query: Grid, at: int | str | None, offset_ms: int) -> Times:
    """Return the time, in milliseconds, that each step of *grid* looks at: (step,), never falling."""
    times = grid.times if at is None else np.full(grid.size, _pinned(at, query), np.int64)
    return times - offset_ms


def _pinned(at: int | str, query: Grid) -> int:
    if isinstance(at, int):
        return at
    return query.start if at == "start" else query.end
