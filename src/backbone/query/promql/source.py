"""Where series come from, and what is told of the way there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from backbone.model.errors import LimitExceeded
from backbone.query.promql.values import Series
from backbone.query.selectors import Matcher


@dataclass(frozen=True, slots=True)
class Selection:
    """What is asked of a source: the series that *matchers* name, and their samples after ``start`` up to ``end``."""

    matchers: tuple[Matcher, ...]
    start_ms: int
    end_ms: int
    delegated: frozenset[str] = frozenset()
    """Who of those behind the source evaluates what the series are for, and so is not asked for them."""


@dataclass(frozen=True, slots=True)
class Timing:
    """What a part of a query took."""

    part: str
    seconds: float
    rows: int = 0


@dataclass(slots=True)
class Report:
    """What a source tells beside the series: the time of each part, and what the answer lacks."""

    timings: list[Timing] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def took(self, part: str, seconds: float, rows: int = 0) -> None:
        self.timings.append(Timing(part, seconds, rows))

    def warn(self, what: str) -> None:
        self.warnings.append(what)


Moment = tuple[int, ...]
"""A point in the history of what was written; only the source knows what its numbers mean."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What was written since an earlier moment: ``now`` is this one, ``oldest_ms`` is None if nothing was."""

    now: Moment
    oldest_ms: int | None


class Source(Protocol):
    """Where series come from."""

    async def changes(self, since: Moment | None) -> Changes | None:
        """
        Tell how old the oldest sample may be that was written after the moment *since*, which an earlier call gave.

        Without one, only ``now`` means something. What was read before stays true for times before it.
        None is told by a source that does not know.
        """
        ...

    async def select(self, tenant: str, wanted: Selection, report: Report) -> Series:
        """
        Return the series wanted; some of them, and of their samples, may be from outside the time wanted.

        Raises:
            LimitExceeded: they are, or have, more than a query may load.
            DependencyError: the source is not able now.
        """
        ...


def too_many_samples(most: int) -> LimitExceeded:
    """Return the error of a query that would load more samples than one may."""
    return LimitExceeded(
        "query processing would load too many samples into memory in query execution "
        f"(more than {most}, as many as 'promql.max_samples' allows)",
        limit="promql.max_samples",
    )
