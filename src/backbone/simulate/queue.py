"""A Hugo task queue: items wait, workers lease them, complete them or let the lease expire."""

from __future__ import annotations

import random
from dataclasses import dataclass

HIGH_WATERMARK = 60
LOW_WATERMARK = 20
_DEAD_AFTER_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Moved:
    """What happened in a queue in one step, in items."""

    enqueued: int = 0
    leased: int = 0
    completed: int = 0
    failed: int = 0
    expired: int = 0
    requeued: int = 0
    deadlettered: int = 0
    backpressure_changed: bool = False


@dataclass(slots=True)
class TaskQueue:
    """State of one queue; ``pending`` and ``active`` are items."""

    pending: int = 0
    active: int = 0
    workers: int = 60
    backpressure: bool = False

    def step(self, arrived: int, *, jammed: bool, randomness: random.Random) -> Moved:
        """Advance by one second: jammed workers hold what they leased until it expires, and complete nothing."""
        self.pending += arrived
        if jammed:
            expired = self.active // 4
            dead = expired // _DEAD_AFTER_ATTEMPTS
            completed = failed = 0
        else:
            expired = dead = 0
            done = self.active
            failed = sum(randomness.random() < 0.01 for _ in range(done))
            completed = done - failed
        requeued = expired - dead + failed
        self.active -= completed + failed + expired
        self.pending += requeued
        leased = min(self.pending, self.workers - self.active)
        self.pending -= leased
        self.active += leased
        before = self.backpressure
        # Between the watermarks it stays as it was.
        self.backpressure = self.pending > (LOW_WATERMARK if before else HIGH_WATERMARK)
        return Moved(arrived, leased, completed, failed, expired, requeued, dead, before != self.backpressure)

    @property
    def wait_ms(self) -> float:
        """How long an item that comes now will wait."""
        return 1000.0 * self.pending / self.workers
