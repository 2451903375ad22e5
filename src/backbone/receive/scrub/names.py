"""Names of attributes that the engine was asked about, and what they say of their values."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from backbone.receive.kernels.names import put_kinds
from backbone.receive.kernels.pairs import PLAIN_PAIRS

_FIRST_PLACES = 1 << 12
_MOST_PLACES = 1 << 20
_FULLEST = 0.5


@dataclass(frozen=True, slots=True)
class Table:
    """A table with open places; ``keys`` of 0 are free."""

    keys: NDArray[np.int64]
    kinds: NDArray[np.uint8]

    @classmethod
    def empty(cls, places: int) -> Table:
        return cls(np.zeros(places, np.int64), np.zeros(places, np.uint8))


@dataclass(slots=True)
class KnownNames:
    """A table that grows as names come; begun anew when it would take more than some megabytes."""

    table: Table = field(default_factory=lambda: Table.empty(_FIRST_PLACES))
    seed: int = field(default_factory=lambda: secrets.randbits(63))
    """Nobody else knows it, so nobody can find names that are taken for others."""
    plain: NDArray[np.int64] = field(default_factory=lambda: np.zeros(PLAIN_PAIRS, np.int64))
    """Hashes of pairs of a name and a value in which nothing was found; a newer one takes an older one's place."""
    _used: int = 0

    def learn(self, keys: NDArray[np.int64], kinds: NDArray[np.uint8]) -> None:
        """Remember names by the hashes of their bytes."""
        places = len(self.table.keys)
        while self._used + len(keys) > places * _FULLEST:
            places *= 2
        if places > len(self.table.keys):
            self._grow(places)
        self._used += put_kinds(keys, kinds, self.table.keys, self.table.kinds)

    def _grow(self, places: int) -> None:
        old, self.table, self._used = self.table, Table.empty(places), 0
        if places <= _MOST_PLACES:
            there = old.keys != 0
            self._used = put_kinds(old.keys[there], old.kinds[there], self.table.keys, self.table.kinds)
