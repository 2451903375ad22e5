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

from backbone.receive.kernels import known as table_kernels
from backbone.receive.kernels import series as kernels
from backbone.receive.kernels.labels import SECRETS
from backbone.receive.scratch import Scratch

_FIRST_PLACES = 1 << 12
_MOST_PLACES = 1 << 24
"""Of the table, which takes 24 bytes for each; a table that would be larger is begun anew."""
_FULLEST = 0.6
_WORD = (1 << 64) - 1
_LEFT_OUT_BY_RULE, _ADDED_UP = 1, kernels.FIRST_FINGERPRINT - 1
"""What is no fingerprint: left out by a rule of tagging; by a limit, those between; added up in another series."""
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
        again: a request of series that are in ``rest`` as well, with other samples of the same day; they are to be
            parted once more when the engine has said what it makes of the rest.
        unknown: how many series in ``rest`` may be known the next time.
    """

    fps: NDArray[np.uint64]
    times_ms: NDArray[np.int64]
    values: NDArray[np.uint64]
    left_out: NDArray[np.int64]
    rest: bytes = b""
    again: bytes = b""
    unknown: int = 0

    @property
    def size(self) -> int:
        """How many bytes its parts take."""
        return 3 * self.fps.nbytes + len(self.rest) + len(self.again)

    def with_columns_of(self, other: Parted) -> Parted:
        """Return this with the samples that *other* has of known series, too, and with nothing else."""
        return Parted(
            np.concatenate((self.fps, other.fps)),
            np.concatenate((self.times_ms, other.times_ms)),
            np.concatenate((self.values, other.values)),
            self.left_out + other.left_out,
        )


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
    _scratch: Scratch = field(default_factory=Scratch)
    era: int = 0
    """Which policy it is that what is known comes from: one more each time everything is forgotten."""

    def part(self, message: bytes | NDArray[np.uint8], tenant: str, *, last: bool = False) -> Parted | None:
        """
        Part a ``prometheus.WriteRequest``; return nothing if it cannot be read, and others are to say why.

        Args:
            message: the request; what is returned holds nothing of it.
            tenant: whose it is.
            last: whether nothing is to be parted again.
        """
        data = np.frombuffer(message, np.uint8) if isinstance(message, bytes) else message
        data.flags.writeable = False
        parted = self._part(data, tenant, len(data) // _LIKELY_BYTES + 16, last=last)
        if parted == kernels.NO_ROOM:
            parted = self._part(data, tenant, len(data) // 2 + 16, last=last)
        return parted if isinstance(parted, Parted) else None

    def _part(self, data: NDArray[np.uint8], tenant: str, room: int, *, last: bool) -> Parted | int:
        table, scratch = self._table, self._scratch
        out = (
            scratch.take("fps", room, np.uint64),
            scratch.take("times", room, np.int64),
            scratch.take("values", room, np.uint64),
        )
        others, keys = (
            scratch.take("others", 4 * room, np.int64).reshape(room, 4),
            scratch.take("keys", room, np.uint64),
        )
        counts = np.zeros(kernels.LEFT_OUT + kernels.FIRST_FINGERPRINT, np.int64)
        status = kernels.part(
            data, self._secrets(tenant), (table.keys, table.fps, table.days), out, others, keys, counts
        )  # fmt: skip
        if status < 0:
            return int(status)
        samples, unparted = int(counts[kernels.SAMPLES]), int(counts[kernels.OTHERS])
        columns = (out[0][:samples].copy(), out[1][:samples].copy(), out[2][:samples].copy())
        left_out = counts[kernels.LEFT_OUT + 1 :]
        if not unparted:
            return Parted(*columns, left_out)
        others, keys = others[:unparted], keys[:unparted]
        again = np.zeros(unparted, np.bool_) if last else _is_again(others, keys)
        rest = _gathered(data, others[~again], keys[~again])
        unknown = int(np.count_nonzero(keys[~again]))
        return Parted(*columns, left_out, rest, _gathered(data, others[again], keys[:0]), unknown)

    def _secrets(self, tenant: str) -> NDArray[np.uint64]:
        name = tenant.encode()
        words = [xxhash.xxh3_64_intdigest(name, seed=self._secret + number & _WORD) for number in range(SECRETS)]
        return np.array(words, np.uint64)

    def learn(self, rows: NDArray[np.void], era: int) -> int:
        """
        Remember what the engine said of series, unless all was forgotten since that *era*.

        Args:
            rows: of `RESOLVED`.
            era: when they were asked about.

        Returns:
            How many of them are over a limit.
        """
        if era == self.era:
            self._remember(rows[rows["fp"] != _ADDED_UP])
        return int(np.count_nonzero((rows["fp"] > _LEFT_OUT_BY_RULE) & (rows["fp"] <= _ADDED_UP)))

    def _remember(self, rows: NDArray[np.void]) -> None:
        table = self._table
        wanted = len(table.keys)
        while table.used + len(rows) > wanted * _FULLEST:
            wanted *= 2
        if wanted > len(table.keys):
            table = self._grown(wanted)
        table.used += table_kernels.put(*_columns(rows), table.keys, table.fps, table.days)
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
        table.used = table_kernels.put(
            old.keys[there], old.fps[there], old.days[there], table.keys, table.fps, table.days
        )
        return table


def _columns(rows: NDArray[np.void]) -> tuple[NDArray[np.uint64], NDArray[np.uint64], NDArray[np.int64]]:
    most = int(_MOST_PLACES * _FULLEST)
    return (
        np.ascontiguousarray(rows["key"][:most]),
        np.ascontiguousarray(rows["fp"][:most]),
        rows["day"][:most].astype(np.int64),
    )


def _is_again(others: NDArray[np.int64], keys: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Return which of the series have one before them that is the same, with samples of the same day."""
    _, firsts, inverse = np.unique(keys, return_index=True, return_inverse=True)
    first, days = firsts[inverse], others[:, 3]
    again: NDArray[np.bool_] = (keys != 0) & (first != np.arange(len(keys))) & (days >= 0) & (days == days[first])
    return again


def _gathered(data: NDArray[np.uint8], others: NDArray[np.int64], keys: NDArray[np.uint64]) -> bytes:
    if not len(others):
        return b""
    size = int((others[:, 1] - others[:, 0]).sum()) + len(others) * (kernels.KEY_BYTES + 6)
    out = np.empty(size, np.uint8)
    return out[: kernels.gather(data, others, keys, out)].tobytes()
