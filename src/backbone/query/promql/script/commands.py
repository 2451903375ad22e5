"""What a script says, line by line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from backbone.query.promql.histograms import HistogramRow

Point = float | HistogramRow | None
"""A value, or nothing at this step."""


@dataclass(frozen=True, slots=True)
class LoadedSeries:
    """A series with a point, and perhaps a start, at each step; times are milliseconds since 1970."""

    labels: dict[str, str]
    points: Sequence[Point]
    starts: Sequence[int | None] = ()
    """Milliseconds between the sample and its start, which is before it."""


@dataclass(frozen=True, slots=True)
class Load:
    line: int
    step_ms: int
    series: tuple[LoadedSeries, ...]
    with_nhcb: bool = False
    """Classic histograms are loaded as native ones with custom buckets, too."""


@dataclass(frozen=True, slots=True)
class Clear:
    line: int


Subject = Literal["fail", "warn", "info", "no_warn", "no_info"]


@dataclass(frozen=True, slots=True)
class Note:
    """An error or an annotation that is expected, or not expected; ``pattern`` is a text or a regular expression."""

    subject: Subject
    text: str = ""
    pattern: str = ""


@dataclass(frozen=True, slots=True)
class ExpectedSeries:
    line: int
    labels: dict[str, str]
    points: Sequence[Point]


@dataclass(frozen=True, slots=True)
class Eval:
    """A query and what it should give; ``step_ms`` of 0 is an instant query at ``start_ms``."""

    line: int
    query: str
    start_ms: int
    end_ms: int
    step_ms: int
    notes: tuple[Note, ...] = ()
    series: tuple[ExpectedSeries, ...] = ()
    scalar: float | None = None
    text: str | None = None
    ordered: bool = False
    matrix_grid: tuple[int, int, int] | None = None
    """Start, end and step of the points of a range vector that an instant query gives."""

    @property
    def fails(self) -> bool:
        return any(note.subject == "fail" for note in self.notes)


Command = Load | Clear | Eval


@dataclass(frozen=True, slots=True)
class Script:
    name: str
    commands: tuple[Command, ...] = field(default=())
