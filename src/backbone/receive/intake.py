"""The bytes of requests that wait to be answered, bounded over all doors."""

from __future__ import annotations

from typing import Self

from backbone.model.errors import LimitExceeded
from backbone.telemetry.metrics import Metrics


class Intake:
    """Counts the bytes held for senders; over the bound a sender is asked to come back."""

    def __init__(self, max_waiting_bytes: int, retry_after_seconds: float, metrics: Metrics) -> None:
        self._max = max_waiting_bytes
        self._retry_after_seconds = retry_after_seconds
        self._held = 0
        self._gauge = metrics.waiting_bytes

    def hold(self, size: int) -> None:
        """
        Count *size* bytes more as held.

        Raises:
            LimitExceeded: there is no room for them now.
        """
        if self._held + size > self._max:
            raise LimitExceeded(
                f"{self._held} bytes wait to be stored, over 'commit.max_waiting' ({self._max}) with these {size}",
                limit="commit.max_waiting",
                retry_after_seconds=self._retry_after_seconds,
            )
        self._held += size
        self._gauge.set(self._held)

    def release(self, size: int) -> None:
        self._held -= size
        self._gauge.set(self._held)

    @property
    def held_bytes(self) -> int:
        return self._held


class Hold:
    """What one request holds of the intake, given back as a whole when it is answered."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._size = 0

    def grow(self, size: int) -> None:
        self._intake.hold(size)
        self._size += size

    def shrink(self, size: int) -> None:
        self._intake.release(size)
        self._size -= size

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.shrink(self._size)
