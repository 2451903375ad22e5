"""
Series that remote write sends again and again: what their samples are stored under, known without asking the engine.

The engine reads a series' labels, governs and stores them once; from then on the bytes of its labels alone tell its
fingerprint. A key is a hash of those bytes with a seed that nobody else knows.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

import numpy as np
import xxhash
from numpy.typing import NDArray

from backbone.receive.kernels import series as kernels

_FIRST_PLACES = 1 << 12
_MOST_PLACES = 1 << 24
"""Of the table, which takes 24 bytes for each; a table that would be larger is begun anew."""
_FULLEST = 0.6
_LIKELY_BYTES = 16
"""A sample or a series rarely takes fewer; where they do, the request is parted once more with more room."""

RESOLVED = np.dtype([("key", "<u8"), ("fp", "<u8"), ("day", "<i4")])
"""What the engine says of series: `KnownSeries.learn` takes rows of these."""


@dataclass(frozen=True, slots=True)
class Parted:
    """
    A request in parts.

    Attributes:
        fps, times_ms, values: samples of known series, (sample,); values as their bits.
        left_out: samples of known series that policy leaves out, by reason, (reason,).
        rest: a request of all else.
        unknown: how many series in ``rest`` may be known the next time.
    """

    fps: NDArray[np.uint64]
    times_ms: NDArray[np.int64]
    values: NDArray[np.uint64]
    left_out: NDArray[np.int64]
    rest: bytes
    unknown: int


@dataclass(slots=True)
class _Table:
    """A table with open places; ``keys`` of 0 are free."""

    keys: NDArray[np.uint64]
    fps: NDArray[np.uint64]
    days: NDArray[np.int64]
    used: int = 0

    @classmethod
    def empty(cls, places: int) -> _Table:
        return cls(np.zeros(places, np.uint64), np.zeros(places, np.uint64), np.zeros(places, np.int64))


@dataclass(slots=True)
class KnownSeries:
    """The series of all tenants that the engine has said something of; forgets all of them when there are too many."""

    _secret: int = field(default_factory=lambda: secrets.randbits(64))
    _table: _Table = field(default_factory=lambda: _Table.empty(_FIRST_PLACES))
    era: int = 0
    """Which policy it is that what is known comes from: one more each time everything is forgotten."""

    def part(self, message: bytes, tenant: str) -> Parted | None:
        """Part a ``prometheus.WriteRequest``; nothing if it cannot be read, and others are to say why."""
        data = np.frombuffer(message, np.uint8)
        seed = np.uint64(xxhash.xxh3_64_intdigest(tenant.encode(), seed=self._secret))
        parted = self._part(data, seed, len(data) // _LIKELY_BYTES + 16)
        if parted == kernels.NO_ROOM:
            parted = self._part(data, seed, len(data) // 2 + 16)
        return parted if isinstance(parted, Parted) else None

    def _part(self, data: NDArray[np.uint8], seed: np.uint64, room: int) -> Parted | int:
        table = self._table
        fps, times, values = np.empty(room, np.uint64), np.empty(room, np.int64), np.empty(room, np.uint64)
        others, keys = np.empty((room, 3), np.int64), np.empty(room, np.uint64)
        counts = np.zeros(kernels.LEFT_OUT + kernels.FIRST_FINGERPRINT, np.int64)
        status = kernels.part(
            data, seed, table.keys, table.fps, table.days, fps, times, values, others, keys, counts
        )  # fmt: skip
        if status < 0:
            return status
        samples, unparted = int(counts[kernels.SAMPLES]), int(counts[kernels.OTHERS])
        return Parted(
            fps[:samples],
            times[:samples],
            values[:samples],
            counts[kernels.LEFT_OUT + 1 :],
            _gathered(data, others, keys, unparted),
            int(np.count_nonzero(keys[:unparted])),
        )

    def learn(self, rows: NDArray[np.void], era: int) -> None:
        """Remember what the engine said of series, rows of `RESOLVED`, unless all was forgotten since that *era*."""
        if era != self.era:
            return
        table = self._table
        wanted = len(table.keys)
        while table.used + len(rows) > wanted * _FULLEST:
            wanted *= 2
        if wanted > len(table.keys):
            table = self._grown(wanted)
        table.used += kernels.put(*_columns(rows), table.keys, table.fps, table.days)
        self._table = table

    def forget(self) -> None:
        """Forget all series, since what was said of them holds no more."""
        self._table = _Table.empty(_FIRST_PLACES)
        self.era += 1

    def _grown(self, places: int) -> _Table:
        old, table = self._table, _Table.empty(min(places, _MOST_PLACES))
        if places > _MOST_PLACES:
            return table
        there = old.keys != 0
        table.used = kernels.put(old.keys[there], old.fps[there], old.days[there], table.keys, table.fps, table.days)
        return table


def _columns(rows: NDArray[np.void]) -> tuple[NDArray[np.uint64], NDArray[np.uint64], NDArray[np.int64]]:
    most = int(_MOST_PLACES * _FULLEST)
    return (
        np.ascontiguousarray(rows["key"][:most]),
        np.ascontiguousarray(rows["fp"][:most]),
        rows["day"][:most].astype(np.int64),
    )


def _gathered(data: NDArray[np.uint8], others: NDArray[np.int64], keys: NDArray[np.uint64], count: int) -> bytes:
    if count == 0:
        return b""
    size = int((others[:count, 1] - others[:count, 0]).sum()) + count * (kernels.KEY_BYTES + 6)
    out = np.empty(size, np.uint8)
    return out[: kernels.gather(data, others, keys, count, out)].tobytes()
