"""The values of expressions, over all steps of a query at once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from backbone.query.promql.arrays import Floats, Index, Mask, Rows, Times
from backbone.query.promql.histograms import Histograms
from backbone.query.promql.labels import METADATA_LABELS, Labels


@dataclass(frozen=True, slots=True)
class Grid:
    """The steps at which an expression is evaluated, in milliseconds; an instant query has one."""

    start: int
    end: int
    step: int
    """Of an instant query 0."""

    @property
    def size(self) -> int:
        return 1 if self.step == 0 else (self.end - self.start) // self.step + 1

    @property
    def times(self) -> Times:
        return self.start + np.arange(self.size, dtype=np.int64) * self.step


@dataclass(frozen=True, slots=True)
class Scalar:
    """A number at each step: ``values`` (step,)."""

    values: Floats


@dataclass(frozen=True, slots=True)
class Text:
    value: str


@dataclass(frozen=True, slots=True)
class HistogramCells:
    """``rows`` (series, step): the row of ``block`` where a vector's point is a histogram, else -1."""

    rows: Rows
    block: Histograms


@dataclass(frozen=True, slots=True)
class Vector:
    """
    An instant vector at each step.

    Shapes: ``values`` and ``present`` (series, step), ``nameless`` (series,). Where ``present`` is false, or the point
    is a histogram, ``values`` means nothing. ``nameless`` says whose metric name is to be dropped when the query is
    over: until then functions may still read it.
    """

    labels: Labels
    values: Floats
    present: Mask
    nameless: Mask
    histograms: HistogramCells | None = None
    ordered: bool = False
    """The order of the series is part of the result."""

    @property
    def floats(self) -> Mask:
        """Where a point is there and is a float."""
        return self.present if self.histograms is None else self.present & (self.histograms.rows < 0)

    @property
    def histogram_points(self) -> Mask:
        if self.histograms is None:
            return np.zeros_like(self.present)
        return self.present & (self.histograms.rows >= 0)

    def take(self, index: Index) -> Vector:
        cells = self.histograms
        return Vector(
            self.labels.take(index),
            self.values[index],
            self.present[index],
            self.nameless[index],
            cells and HistogramCells(cells.rows[index], cells.block),
            self.ordered,
        )

    def pruned(self) -> Vector:
        """Return the vector without series that have no point."""
        some = self.present.any(axis=1)
        return self if some.all() else self.take(np.flatnonzero(some))

    def renamed(self) -> Vector:
        """Return the vector marked as another metric than its input."""
        return replace(self, nameless=np.ones(self.labels.size, bool))

    def with_floats(self, values: Floats, present: Mask) -> Vector:
        """Return the vector with these points, none of them a histogram."""
        return Vector(self.labels, values, present, self.nameless, None, self.ordered)

    def plain_labels(self) -> Labels:
        """Return the labels as they are when the query is over."""
        return self.labels.blank(METADATA_LABELS, self.nameless)


def empty_vector(steps: int) -> Vector:
    nothing = np.zeros((0, steps))
    return Vector(Labels(0, {}), nothing, nothing.astype(bool), np.zeros(0, bool))


@dataclass(frozen=True, slots=True)
class Samples:
    """
    Samples of many series, flat, in order of series and time.

    Shapes: ``times`` (sample,) in milliseconds, ``values`` (sample,) floats or rows of a block of histograms,
    ``offsets`` (series + 1,): a series' samples are those between its offset and the next.
    ``starts`` (sample,) is when the series was reset before the sample, 0 where that is unknown; None if it always is.
    """

    times: Times
    offsets: NDArray[np.int64]
    values: Floats
    starts: Times | None = None


@dataclass(frozen=True, slots=True)
class HistogramSamples:
    """
    Native histograms of many series, as `Samples`: a sample is the row of ``block`` at its place.

    ``resets`` (sample,) are those that were reset and do not say so.
    """

    times: Times
    offsets: NDArray[np.int64]
    block: Histograms
    resets: Mask
    starts: Times | None = None

    def telling_resets(self) -> HistogramSamples:
        """Return the samples with a hint at each reset."""
        return replace(self, block=self.block.with_hint(np.where(self.resets, np.int8(1), self.block.hint)))


@dataclass(frozen=True, slots=True)
class Series:
    """What a selector or a subquery found: series with their floats and, where there are any, histograms."""

    labels: Labels
    nameless: Mask
    floats: Samples
    histograms: HistogramSamples | None = None


@dataclass(frozen=True, slots=True)
class Windows:
    """
    A range vector at each step: series, and the window that each step sees.

    ``starts`` and ``ends`` (step,) in milliseconds; a window is open at its start and closed at its end.
    """

    series: Series
    starts: Times
    ends: Times
    range_ms: int
    extension: str | None = None


Value = Scalar | Text | Vector | Windows


@dataclass(slots=True)
class Selected:
    """Series fetched for a selector, for the whole of the time any of its uses needs."""

    series: Series
    statements: list[str] = field(default_factory=list)
