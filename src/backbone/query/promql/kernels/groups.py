"""Aggregations of series into groups, step by step."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from backbone.compiled import kernel
from backbone.query.promql.arrays import Floats, Index, Mask
from backbone.query.promql.kernels.parallel import over_rows
from backbone.query.promql.kernels.sums import add, mean, quantile, sorted_nan_first, variance


class Aggregate(IntEnum):
    """What is made of the values of a group."""

    SUM = 0
    MIN = 1
    MAX = 2
    AVG = 3
    STDVAR = 4
    STDDEV = 5
    QUANTILE = 6


@dataclass(frozen=True, slots=True)
class Members:
    """Series by group: ``order`` (series,) holds group after group, ``bounds`` (group + 1,) where each begins."""

    order: Index
    bounds: Index

    @classmethod
    def of(cls, groups: Index, count: int) -> Members:
        order = np.argsort(groups, kind="stable")
        bounds = np.concatenate([[0], np.cumsum(np.bincount(groups, minlength=count))])
        return cls(order, bounds)

    @property
    def count(self) -> int:
        return len(self.bounds) - 1

    def counted(self, present: Mask) -> Floats:
        """Return how many series of each group have a point at each step: (group, step)."""
        out = np.zeros((self.count, present.shape[1]))
        over_rows(
            lambda first, last: _count(self.order, self.bounds, present, out, first, last), self.count, present.size
        )
        return out


def aggregate(what: Aggregate, values: Floats, present: Mask, members: Members, parameter: Floats) -> Floats:
    """
    Return an aggregate of each group at each step, (group, step); NaN where no series of the group has a point.

    Args:
        values: and *present*, (series, step).
        parameter: the quantile at each step, (step,).
    """
    out = np.full((members.count, values.shape[1]), np.nan)
    simple = what <= Aggregate.MAX

    def run(first: int, last: int) -> None:
        if simple:
            _by_rows(int(what), values, present, members.order, members.bounds, out, first, last)
        else:
            _by_cells(int(what), values, present, members.order, members.bounds, parameter, out, first, last)

    over_rows(run, members.count, values.size)
    return out


def select_extreme(values: Floats, present: Mask, members: Members, counts: Index, *, largest: bool) -> Mask:
    """Return which points are among the ``counts`` (step,) largest or smallest of their group; NaN comes last."""
    chosen = np.zeros(values.shape, np.bool_)
    sign = 1.0 if largest else -1.0
    over_rows(
        lambda first, last: _extremes(
            values, present, members.order, members.bounds, counts, sign, chosen, first, last
        ),
        members.count,
        values.size,
    )
    return chosen


def select_first(present: Mask, members: Members, counts: Index) -> Mask:
    """Return which points are among the first ``counts`` (step,) of their group."""
    chosen = np.zeros(present.shape, np.bool_)
    over_rows(
        lambda first, last: _firsts(present, members.order, members.bounds, counts, chosen, first, last),
        members.count,
        present.size,
    )
    return chosen


@kernel
def _count(order: Index, bounds: Index, present: Mask, out: Floats, first: int, last: int) -> None:
    for group in range(first, last):
        for place in range(bounds[group], bounds[group + 1]):
            row = present[order[place]]
            for step in range(len(row)):
                if row[step]:
                    out[group, step] += 1.0


@kernel
def _by_rows(
    what: int, values: Floats, present: Mask, order: Index, bounds: Index, out: Floats, first: int, last: int
) -> None:
    steps = values.shape[1]
    rest = np.zeros(steps)
    found = np.zeros(steps, np.bool_)
    for group in range(first, last):
        rest[:] = 0.0
        found[:] = False
        for place in range(bounds[group], bounds[group + 1]):
            series = order[place]
            for step in range(steps):
                if not present[series, step]:
                    continue
                value = values[series, step]
                if not found[step]:
                    found[step] = True
                    out[group, step] = value
                elif what == 0:
                    out[group, step], rest[step] = add(value, out[group, step], rest[step])
                else:
                    out[group, step] = _better(what, out[group, step], value)
        if what == 0:
            for step in range(steps):
                if found[step] and not math.isinf(out[group, step]):
                    out[group, step] += rest[step]


@kernel
def _better(what: int, best: float, value: float) -> float:
    if math.isnan(best):
        return value
    if what == 1:
        return min(best, value) if not math.isnan(value) else best
    return max(best, value) if not math.isnan(value) else best


@kernel
def _by_cells(
    what: int,
    values: Floats,
    present: Mask,
    order: Index,
    bounds: Index,
    parameter: Floats,
    out: Floats,
    first: int,
    last: int,
) -> None:
    for group in range(first, last):
        gathered = np.empty(bounds[group + 1] - bounds[group])
        for step in range(values.shape[1]):
            count = 0
            for place in range(bounds[group], bounds[group + 1]):
                if present[order[place], step]:
                    gathered[count] = values[order[place], step]
                    count += 1
            if count == 0:
                continue
            found = gathered[:count]
            if what == 3:
                out[group, step] = mean(found)
            elif what == 4:
                out[group, step] = variance(found)
            elif what == 5:
                out[group, step] = math.sqrt(variance(found))
            else:
                out[group, step] = quantile(parameter[step], sorted_nan_first(found))


@kernel
def _extremes(
    values: Floats,
    present: Mask,
    order: Index,
    bounds: Index,
    counts: Index,
    sign: float,
    chosen: Mask,
    first: int,
    last: int,
) -> None:
    for group in range(first, last):
        size = bounds[group + 1] - bounds[group]
        rank = np.empty(size)
        series = np.empty(size, np.int64)
        for step in range(values.shape[1]):
            count = 0
            for place in range(bounds[group], bounds[group + 1]):
                if present[order[place], step]:
                    value = -sign * values[order[place], step]
                    # What is no number sorts after everything else.
                    rank[count] = np.inf if math.isnan(value) else value
                    series[count] = order[place]
                    count += 1
            wanted = min(counts[step], count)
            if wanted <= 0:
                continue
            if wanted == count:
                for place in range(count):
                    chosen[series[place], step] = True
                continue
            _choose(rank[:count], series, wanted, chosen, step)


@kernel
def _choose(rank: Floats, series: Index, wanted: int, chosen: Mask, step: int) -> None:
    """Choose the series of the lowest ranks; of equal ones the first."""
    bound = np.partition(rank, wanted - 1)[wanted - 1]
    taken = 0
    for place in range(len(rank)):
        if rank[place] < bound:
            chosen[series[place], step] = True
            taken += 1
    for place in range(len(rank)):
        if taken < wanted and rank[place] == bound:
            chosen[series[place], step] = True
            taken += 1


@kernel
def _firsts(present: Mask, order: Index, bounds: Index, counts: Index, chosen: Mask, first: int, last: int) -> None:
    for group in range(first, last):
        for step in range(present.shape[1]):
            taken = 0
            for place in range(bounds[group], bounds[group + 1]):
                if taken < counts[step] and present[order[place], step]:
                    chosen[order[place], step] = True
                    taken += 1
