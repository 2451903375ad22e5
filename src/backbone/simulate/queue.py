"""A Hugo task queue: items wait, workers lease them, complete them or let the lease expire."""

from __future__ import annotations

import random
from dataclasses import dataclass

HIGH_WATERMARK = 60
LOW_WATERMARK = 20
_DEAD_AFTER_ATTEMPTS = 3
_LEASE_SECONDS = 4
_FAILURE_CHANCE = 0.01


@dataclass(frozen=True, slots=True)
class Moved:
    """What happened in a queue in one step, in items; how long the state of backpressure that ended had lasted."""

    enqueued: int = 0
    leased: int = 0
    completed: int = 0
    failed: int = 0
    expired: int = 0
    requeued: int = 0
    deadlettered: int = 0
    backpressure_changed: bool = False
    previous_state_seconds: int = 0


@dataclass(slots=True)
class TaskQueue:
    """State of one queue; ``pending`` and ``active`` are items."""

    pending: int = 0
    active: int = 0
    workers: int = 100
    backpressure: bool = False
    _state_seconds: int = 0

    def step(self, arrived: int, *, jammed: bool, randomness: random.Random) -> Moved:
        """Advance by one second: jammed workers hold what they leased until it expires, and complete nothing."""
        self.pending += arrived
        if jammed:
            expired = self.active // _LEASE_SECONDS
            dead = expired // _DEAD_AFTER_ATTEMPTS
            completed = failed = 0
        else:
            expired = dead = 0
            failed = sum(randomness.random() < _FAILURE_CHANCE for _ in range(self.active))
            completed = self.active - failed
        requeued = expired - dead + failed
        self.active -= completed + failed + expired
        self.pending += requeued
        leased = min(self.pending, self.workers - self.active)
        self.pending -= leased
        self.active += leased
        changed, lasted = self._weigh()
        return Moved(arrived, leased, completed, failed, expired, requeued, dead, changed, lasted)

    @property
    def wait_ms(self) -> float:
        """How long an item that comes now will wait."""
        return 1000.0 * self.pending / self.workers

    def _weigh(self) -> tuple[bool, int]:
        """Switch backpressure; between the watermarks it stays as it was."""
        before, lasted = self.backpressure, self._state_seconds + 1
        self.backpressure = self.pending > (LOW_WATERMARK if before else HIGH_WATERMARK)
        changed = before != self.backpressure
        self._state_seconds = 0 if changed else lasted
        return changed, lasted if changed else 0
