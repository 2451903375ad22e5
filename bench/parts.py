"""The parts of the bench: what is sent, how much of it, and what the project promises for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PartName = Literal["spans", "logs", "points", "samples"]

MAX_RSS_BYTES = 3 << 29
"""1.5 GiB."""
MAX_LAG_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Part:
    """One kind of telemetry; rates are items per CPU-second of the whole server process, merges included."""

    name: PartName
    title: str
    items_per_request: int
    floor: int | None
    goal: int
    max_bytes_per_item: float | None = None
    """What an item may take on disk once merges have settled."""
    beside_peers: bool = False

    def requests(self, seconds: float) -> int:
        """Return how many requests make *seconds* of work for a server that reaches the goal."""
        return max(1, round(self.goal * seconds / self.items_per_request))


PARTS: dict[PartName, Part] = {
    "spans": Part("spans", "spans, 15 attributes", 1_000, floor=100_000, goal=150_000),
    "logs": Part("logs", "log records, 250-byte body, 12 attributes", 2_000, floor=100_000, goal=150_000),
    "points": Part("points", "OTLP metric points, 1 of 10 a histogram", 2_000, floor=None, goal=300_000),
    "samples": Part(
        "samples",
        "remote-write samples, 10,000 series",
        10_000,
        floor=500_000,
        goal=1_000_000,
        max_bytes_per_item=1.1,
        beside_peers=True,
    ),
}
