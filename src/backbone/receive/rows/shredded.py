"""A group of requests as tables of places, see `backbone.receive.kernels.shred`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backbone.receive.form import Unfit
from backbone.receive.kernels import look, shred
from backbone.receive.rows.plan import Table, plan_of
from backbone.store.wire import WireName

Numbers = NDArray[np.int64]
_FIRST_ROOM = 1 << 10
MOST_ROOM_BYTES = 512 << 20
"""What rows of a group may take: of two bytes an attribute may be, and its row is of 48."""
_KEPT_BYTES = 96 << 20
_TOO_MANY = (
    f"body: expected at most {MOST_ROOM_BYTES >> 20} MiB of attributes, events and links, each of them as places in it"
)


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a table, (row, column); the first column holds the number of the row around it."""

    table: Table
    numbers: Numbers

    def __len__(self) -> int:
        return len(self.numbers)

    def column(self, path: str) -> int:
        return self.table.columns[path]

    def number(self, path: str) -> Numbers:
        """Return the numbers of a field."""
        return self.numbers[:, self.column(path)]

    def size(self, path: str) -> Numbers:
        """Return how many bytes a field's texts take."""
        column = self.column(path)
        return self.numbers[:, column + 1] - self.numbers[:, column]

    @property
    def parents(self) -> Numbers:
        return self.numbers[:, 0]

    def chosen(self, places: Numbers) -> Rows:
        """Return some of the rows."""
        return Rows(self.table, self.numbers[places])

    def ends(self, owners: int) -> Numbers:
        """Return where the rows of each of so many owners end."""
        return np.cumsum(np.bincount(self.parents, minlength=owners))


@dataclass(frozen=True, slots=True)
class Shredded:
    """The rows of a group by the path of their message, and which requests cannot be read."""

    rows: Mapping[str, Rows]
    malformed: frozenset[int]


class Shredder:
    """Takes groups of a wire's requests apart; the room for rows is used again, so one group is done at a time."""

    def __init__(self, name: WireName) -> None:
        self._plan = plan_of(name)
        self._tables = list(self._plan.tables.values())
        self._rooms = _rooms(self._tables)

    def shred(self, bodies: Sequence[bytes]) -> Shredded:
        """
        Return the rows of all requests that can be read; they hold until the next group is taken apart.

        Raises:
            Unfit: a request has more rows than may be, or all together have.
        """
        self._let_go()
        about = np.zeros((len(self._tables), 4), np.int64)
        self._say(about)
        plan = shred.Plan(self._plan.fields.ctypes.data, about.ctypes.data)
        malformed = set()
        for request, body in enumerate(bodies):
            data = np.frombuffer(body, np.uint8)
            begin, counts = data.ctypes.data, about[:, 1].copy()
            while (status := shred.shred(begin, begin + len(body), request, plan)) != 0:
                about[:, 1], counts = counts, about[:, 1].copy()
                if status == look.MALFORMED:
                    malformed.add(request)
                    break
                if not self._grow(about, counts):
                    raise Unfit({} if about[:, 1].any() else {request: _TOO_MANY})
                counts = about[:, 1].copy()
        counted = zip(self._plan.tables.items(), self._rooms, about[:, 1], strict=True)
        return Shredded(
            {path: Rows(table, room[:count]) for (path, table), room, count in counted}, frozenset(malformed)
        )

    def _grow(self, about: Numbers, wanted: Numbers) -> bool:
        """Make room in the tables that were full; tell whether there may be so much."""
        for place, room in enumerate(self._rooms):
            if wanted[place] >= len(room):
                if self._bytes + room.nbytes > MOST_ROOM_BYTES:
                    return False
                fresh = np.empty((2 * len(room), room.shape[1]), np.int64)
                fresh[: about[place, 1]] = room[: about[place, 1]]
                self._rooms[place] = fresh
        self._say(about)
        return True

    @property
    def _bytes(self) -> int:
        return sum(room.nbytes for room in self._rooms)

    def _let_go(self) -> None:
        """Give back what an unusual group took."""
        if self._bytes > _KEPT_BYTES:
            self._rooms = _rooms(self._tables)

    def _say(self, about: Numbers) -> None:
        about[:, 0] = [room.ctypes.data for room in self._rooms]
        about[:, 2] = [len(room) for room in self._rooms]
        about[:, 3] = [table.width for table in self._tables]


def _rooms(tables: Sequence[Table]) -> list[Numbers]:
    return [np.empty((_FIRST_ROOM, table.width), np.int64) for table in tables]
