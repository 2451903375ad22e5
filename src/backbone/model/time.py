"""Units of time; conversions stand here and nowhere else."""

from __future__ import annotations

import time

NANOSECONDS_PER_SECOND = 1_000_000_000
NANOSECONDS_PER_MILLISECOND = 1_000_000
MILLISECONDS_PER_SECOND = 1_000


def now_ns() -> int:
    """Return the wall clock in nanoseconds since 1970, UTC."""
    return time.time_ns()


def seconds_from_ns(nanoseconds: int) -> float:
    return nanoseconds / NANOSECONDS_PER_SECOND
