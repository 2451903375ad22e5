"""The windows of a range vector over floats and histograms, found when they are needed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from backbone.query.promql.annotations import Annotations
from backbone.query.promql.arguments import Arguments, metric_names
from backbone.query.promql.arrays import Floats, Index, Mask, Rows, Times
from backbone.query.promql.ast import Span
from backbone.query.promql.kernels.windows import find_windows
from backbone.query.promql.values import HistogramCells, HistogramSamples, Samples, Vector, Windows
from backbone.query.selectors import METRIC_LABEL


class Windowed:
    """A range function's input; shapes (series, step) unless told otherwise."""

    def __init__(self, windows: Windows, notes: Annotations, span: Span) -> None:
        self.windows = windows
        self.series = windows.series
        self._notes = notes
        self._span = span

    @classmethod
    def of(cls, arguments: Arguments, index: int) -> Windowed:
        return cls(arguments.windows(index), arguments.context.notes, arguments.span(index))

    @property
    def floats(self) -> Samples:
        return self.series.floats

    @property
    def histograms(self) -> HistogramSamples:
        assert self.series.histograms is not None
        return self.series.histograms

    @property
    def edges(self) -> tuple[Times, Times]:
        return self.windows.starts, self.windows.ends

    @cached_property
    def float_windows(self) -> tuple[Rows, Rows]:
        """First float of each window and the one after its last."""
        return find_windows(self.floats.times, self.floats.offsets, *self.edges)

    @cached_property
    def histogram_windows(self) -> tuple[Rows, Rows] | None:
        """As `float_windows`; None where no series has histograms."""
        samples = self.series.histograms
        return None if samples is None else find_windows(samples.times, samples.offsets, *self.edges)

    @property
    def has_floats(self) -> Mask:
        low, high = self.float_windows
        return high > low

    @property
    def has_histograms(self) -> Mask:
        if self.histogram_windows is None:
            return np.zeros(self.float_windows[0].shape, np.bool_)
        low, high = self.histogram_windows
        return high > low

    @property
    def starts(self) -> Times:
        """When the series of each float was reset, (sample,); empty where nobody said."""
        return np.zeros(0, np.int64) if self.floats.starts is None else self.floats.starts

    @cached_property
    def names(self) -> list[str]:
        return self.series.labels.column(METRIC_LABEL).texts()

    def warn(self, what: str, where: Mask) -> None:
        """Warn of *what*, followed by the metric's name, for each metric with a window where it is so."""
        for name in self._names(where):
            self._notes.warn(f'{what} "{name}"', self._span)

    def inform(self, what: str, where: Mask) -> None:
        for name in self._names(where):
            self._notes.info(f'{what} "{name}"', self._span)

    def say(self, what: str, where: Mask, *, warning: bool = False) -> None:
        """Give an annotation that names no metric, if it holds anywhere."""
        if where.any():
            (self._notes.warn if warning else self._notes.info)(what, self._span)

    def ignored_histograms(self, floats_used: Mask) -> None:
        """Tell that histograms were passed over in windows where *floats_used*."""
        if self.histogram_windows is not None:
            self.inform(
                "ignored histograms in a range containing both floats and histograms for metric name",
                floats_used & self.has_histograms,
            )

    def without_mixed(self) -> Mask:
        """Return windows that hold only floats or only histograms, and warn of the others."""
        if self.histogram_windows is None:
            return self.has_floats
        mixed = self.has_floats & self.has_histograms
        self.warn("encountered a mix of histograms and floats for metric name", mixed)
        return (self.has_floats | self.has_histograms) & ~mixed

    def vector(self, values: Floats, present: Mask, *, keeps_name: bool = False) -> Vector:
        nameless = self.series.nameless if keeps_name else np.ones(self.series.labels.size, np.bool_)
        return Vector(self.series.labels, values, present, nameless)

    def vector_with(
        self, floats: tuple[Floats, Mask], cells: HistogramCells | None, *, keeps_name: bool = False
    ) -> Vector:
        """Return a vector of floats, and of histograms where *cells* has some."""
        values, present = floats
        made = self.vector(values, present, keeps_name=keeps_name)
        if cells is None:
            return made
        return Vector(made.labels, values, present | (cells.rows >= 0), made.nameless, cells)

    def _names(self, where: Mask) -> list[str]:
        rows = np.asarray(where.any(axis=1)) if where.ndim == 2 else where
        return metric_names(self.names, rows) if rows.any() else []


@dataclass(frozen=True, slots=True)
class Cells:
    """Points of a (series, step) matrix as a list: ``series`` and ``steps`` (cell,) say where each is."""

    shape: tuple[int, int]
    series: Index
    steps: Index

    @classmethod
    def where(cls, mask: Mask) -> Cells:
        series, steps = np.nonzero(mask)
        return cls((mask.shape[0], mask.shape[1]), series, steps)

    def rows(self, kept: Mask) -> Rows:
        """Return the matrix of the rows of a block that holds the cells *kept* (cell,), one after the other."""
        rows = np.full(self.shape, -1, np.int32)
        rows[self.series[kept], self.steps[kept]] = np.arange(int(kept.sum()), dtype=np.int32)
        return rows

    def mask(self, cells: Mask) -> Mask:
        """Return the matrix that is true at *cells*."""
        mask = np.zeros(self.shape, np.bool_)
        mask[self.series[cells], self.steps[cells]] = True
        return mask
