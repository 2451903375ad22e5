"""Parts of a long time, each longer than the one before, so that what is found soon is looked for no longer."""

from __future__ import annotations

from collections.abc import Iterator

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
