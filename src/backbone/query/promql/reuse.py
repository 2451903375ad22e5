"""
Range queries asked again a little later: what was computed is kept, and only the new steps are evaluated.

A step's value depends on samples up to its own time, so it stands until something is written that is not newer.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, replace

import numpy as np

from backbone.query.promql.ast import Call, Expr, MatrixSelector, Subquery, VectorSelector
from backbone.query.promql.histograms import Histograms
from backbone.query.promql.labels import Labels, concat
from backbone.query.promql.source import Moment
from backbone.query.promql.values import Grid, HistogramCells, Vector
from backbone.query.promql.walk import everything

_OF_THE_QUERY = frozenset({"start", "end", "range", "step"})


@dataclass(frozen=True, slots=True)
class Computed:
    """A query's value at each step of a grid, with its annotations."""

    grid: Grid
    vector: Vector
    warnings: tuple[str, ...]
    infos: tuple[str, ...]
    moment: Moment
    """Of the source, before anything was read; see `fetch.Source.changes`."""


class ResultCache:
    """Values of range queries by key, the least recently used forgotten first; safe within one event loop."""

    def __init__(self, max_points: int) -> None:
        self._max_points = max_points
        self._held = 0
        self._kept: OrderedDict[Hashable, Computed] = OrderedDict()

    def get(self, key: Hashable) -> Computed | None:
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def put(self, key: Hashable, computed: Computed) -> None:
        self._drop(key)
        self._kept[key] = computed
        self._held += computed.vector.values.size
        while self._held > self._max_points and self._kept:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: Hashable) -> None:
        if (dropped := self._kept.pop(key, None)) is not None:
            self._held -= dropped.vector.values.size


def can_be_continued(expr: Expr) -> bool:
    """Tell whether a step's value does not depend on which query the step is part of, nor on what comes after it."""
    return not any(_looks_elsewhere(node) for node in everything(expr))


def _looks_elsewhere(node: Expr) -> bool:
    match node:
        case VectorSelector():
            return node.at is not None or node.extension == "smoothed" or _ahead(node.offset)
        case MatrixSelector():
            return False
        case Subquery():
            return node.at is not None or _ahead(node.offset)
        case Call():
            return node.function in _OF_THE_QUERY
        case _:
            return False


def _ahead(offset: object) -> bool:
    return not isinstance(offset, int) or offset < 0


def still_true(kept: Computed, grid: Grid, oldest_ms: int | None) -> Grid | None:
    """
    Return the steps of *grid* that *kept* has and that still stand, None if these are not the first of them.

    Args:
        oldest_ms: of the samples written since.
    """
    if grid.start < kept.grid.start or (grid.start - kept.grid.start) % grid.step:
        return None
    last = min(grid.end, kept.grid.start + (kept.grid.size - 1) * grid.step)
    if oldest_ms is not None:
        last = min(last, oldest_ms - 1)
    return Grid(grid.start, last, grid.step) if last >= grid.start else None


def steps_of(kept: Computed, grid: Grid) -> Vector:
    """Return what was computed for some of the steps."""
    first = (grid.start - kept.grid.start) // grid.step
    chosen = slice(first, first + grid.size)
    vector = kept.vector
    cells = vector.histograms
    return replace(
        vector,
        values=vector.values[:, chosen],
        present=vector.present[:, chosen],
        histograms=cells and HistogramCells(cells.rows[:, chosen], cells.block),
    ).pruned()


def side_by_side(earlier: Vector, later: Vector) -> Vector:
    """Return a vector with the steps of both; labels are as they are when a query is over."""
    labels = concat([earlier.labels, later.labels])
    groups, firsts = labels.groups()
    size, steps = len(firsts), (earlier.values.shape[1], later.values.shape[1])
    values = np.full((size, sum(steps)), np.nan)
    present = np.zeros((size, sum(steps)), np.bool_)
    rows = np.full((size, sum(steps)), -1, np.int32)
    blocks: list[Histograms] = []
    held = 0
    for part, own, begin in (
        (earlier, groups[: earlier.labels.size], 0),
        (later, groups[earlier.labels.size :], steps[0]),
    ):
        here = slice(begin, begin + part.values.shape[1])
        values[own, here] = part.values
        present[own, here] = part.present
        if part.histograms is not None:
            rows[own, here] = np.where(part.histograms.rows >= 0, part.histograms.rows + held, -1)
            blocks.append(part.histograms.block)
            held += len(part.histograms.block)
    cells = HistogramCells(rows, Histograms.concat(blocks)) if blocks else None
    taken: Labels = labels.take(firsts)
    return Vector(taken, values, present, np.zeros(size, np.bool_), cells)
