"""Parts of a long time, each longer than the one before, so that what is found soon is looked for no longer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

_Found = TypeVar("_Found")

_FIRST_PART = 64
_GROWTH = 4
_SHORTEST_NS = 1_000_000_000


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


async def found_in_slices(
    window: tuple[int, int],
    limit: int,
    find: Callable[[int, int, int], Awaitable[list[_Found]]],
    *,
    forward: bool = False,
    by_index: bool = False,
) -> list[_Found]:
    """
    Return what *find* finds in the parts of a time, one after the other, until there is as much as is wanted.

    Args:
        window: nanoseconds, open at its end.
        find: takes a part's start and end, and how much is still wanted.
        forward: the oldest part first.
        by_index: an index is asked, which finds what is rare in a long time as fast as in a short one. So if there is
            nothing in the first part, all others are one.
    """
    found: list[_Found] = []
    for start, end in slices(*window, forward=forward):
        found += await find(start, end, limit - len(found))
        if len(found) >= limit:
            break
        if by_index and not found:
            rest = (end, window[1]) if forward else (window[0], start)
            return await find(*rest, limit) if rest[0] < rest[1] else []
    return found
