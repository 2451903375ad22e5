"""A line chart drawn with braille dots, four rows and two columns to a character."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

COLOURS = ("cyan", "yellow", "magenta", "green", "blue", "red", "white")
"""Of the lines, in their order; more lines begin again."""

_BLANK = 0x2800
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))

Point = tuple[float, float]
"""Seconds and value."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A character of the chart and the line it belongs to; -1 for none."""

    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Chart:
    """``rows`` from the top down, and what the axes go from and to."""

    rows: list[list[Cell]]
    low: float
    high: float
    start: float
    end: float


def chart(lines: Sequence[Sequence[Point]], width: int, height: int) -> Chart | None:
    """Return a chart of *width* by *height* characters, or None where no line has a number."""
    points = [point for line in lines for point in line if math.isfinite(point[1])]
    if not points:
        return None
    start, end = min(time for time, _ in points), max(time for time, _ in points)
    low, high = min(value for _, value in points), max(value for _, value in points)
    if low == high:
        low, high = (0.0, high) if high > 0 else (low - 1.0, high + 1.0)
    across, down = width * 2, height * 4
    dots = [[0] * width for _ in range(height)]
    owners = [[-1] * width for _ in range(height)]

    def place(time: float, value: float) -> tuple[int, int]:
        x = round((time - start) / (end - start or 1.0) * (across - 1))
        return x, down - 1 - round((value - low) / (high - low) * (down - 1))

    for number, line in enumerate(lines):
        before: tuple[int, int] | None = None
        for time, value in line:
            if not math.isfinite(value):
                before = None
                continue
            here = place(time, value)
            for x, y in _between(before or here, here):
                dots[y // 4][x // 2] |= _DOTS[y % 4][x % 2]
                owners[y // 4][x // 2] = number
            before = here
    rows = [
        [Cell(chr(_BLANK + mask), owner) for mask, owner in zip(row, whose, strict=True)]
        for row, whose in zip(dots, owners, strict=True)
    ]
    return Chart(rows, low, high, start, end)


def _between(first: tuple[int, int], last: tuple[int, int]) -> list[tuple[int, int]]:
    """Return the dots of a straight line."""
    steps = max(abs(last[0] - first[0]), abs(last[1] - first[1]), 1)
    return [
        (
            first[0] + round((last[0] - first[0]) * step / steps),
            first[1] + round((last[1] - first[1]) * step / steps),
        )
        for step in range(steps + 1)
    ]
