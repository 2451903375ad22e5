"""The lines around a line."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from backbone.query.logql.ast import LogQuery
from backbone.query.logql.lines import Line, Window, find_lines
from backbone.store.engine import Engine, QueryLimits


@dataclass(frozen=True, slots=True)
class Surroundings:
    """So many lines before a moment and from it on, within a time; nanoseconds."""

    moment_ns: int
    before: int
    after: int
    range_ns: tuple[int, int]


async def lines_around(
    engine: Engine, tenant: str, stream: LogQuery, around: Surroundings, limits: QueryLimits
) -> tuple[list[Line], list[Line]]:
    """Return the lines of a stream before a moment and those from it on, each in order of time."""
    start, end = around.range_ns

    async def found(window: Window) -> list[Line]:
        if window.limit == 0 or window.end_ns <= window.start_ns:
            return []
        return await find_lines(engine, tenant, stream, window, limits)

    before, after = await asyncio.gather(
        found(Window(start, around.moment_ns, around.before)),
        found(Window(around.moment_ns, end + 1, around.after, forward=True)),
    )
    return before[::-1], after
