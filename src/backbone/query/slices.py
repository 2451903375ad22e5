"""Parts of a long time, each longer than the one before, so that what is found soon is looked for no longer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from backbone.model.errors import LimitExceeded
from backbone.store.engine import MAX_ROWS_READ, QueryLimits

_Found = TypeVar("_Found")

_FIRST_PART = 64
_GROWTH = 4
_SHORTEST_NS = 1_000_000_000
_FEW_ROWS = 262_144
"""So many are looked at in a moment: 32 granules, of which an index takes some for ones with what is looked for."""


def slices(start_ns: int, end_ns: int, *, forward: bool = False) -> Iterator[tuple[int, int]]:
    """
    Yield parts that make up a time together, the newest first or, *forward*, the oldest.

    Nanoseconds; a part is open at its end. The first is a 64th of the time, and a second at least.
    """
    width = max((end_ns - start_ns) // _FIRST_PART, _SHORTEST_NS)
    while start_ns < end_ns:
        if forward:
            border = min(start_ns + width, end_ns)
            yield start_ns, border
            start_ns = border
        else:
            border = max(end_ns - width, start_ns)
            yield border, end_ns
            end_ns = border
        width *= _GROWTH


@dataclass(frozen=True, slots=True)
class Finder(Generic[_Found]):
    """
    What looks for things in a part of a time.

    ``find`` takes the part's start and end, how many are wanted and within which limits; ``by_index`` tells that an
    index is asked, which finds what is rare in a long time as fast as in a short one.
    """

    find: Callable[[int, int, int, QueryLimits], Awaitable[list[_Found]]]
    limits: QueryLimits
    by_index: bool = False

    async def among_few(self, window: tuple[int, int], limit: int) -> list[_Found] | None:
        """Return what an index finds in all of a time; None where it leaves too many rows to be looked at."""
        most = min(self.limits.max_rows_read or _FEW_ROWS, _FEW_ROWS)
        try:
            return await self.find(*window, limit, replace(self.limits, max_rows_read=most))
        except LimitExceeded as error:
            if error.limit != MAX_ROWS_READ:
                raise
            return None


async def found_in_slices(
    window: tuple[int, int], limit: int, finder: Finder[_Found], *, forward: bool = False
) -> list[_Found]:
    """
    Return what is found in the parts of a time, one after the other, until there is as much as is wanted.

    What an index says is rare is looked for in the whole time at once. If it is not, yet there is nothing in the first
    part, all others are one.

    Args:
        window: nanoseconds, open at its end.
        limit: how many are wanted.
        finder: what looks for them.
        forward: the oldest part first.
    """
    if finder.by_index and (few := await finder.among_few(window, limit)) is not None:
        return few
    found: list[_Found] = []
    for start, end in slices(*window, forward=forward):
        found += await finder.find(start, end, limit - len(found), finder.limits)
        if len(found) >= limit:
            break
        if finder.by_index and not found:
            rest = (end, window[1]) if forward else (window[0], start)
            return await finder.find(*rest, limit, finder.limits) if rest[0] < rest[1] else []
    return found
