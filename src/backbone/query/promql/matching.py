"""How the series of two vectors find each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from backbone.query.promql.arrays import Index, Mask
from backbone.query.promql.ast import Matching
from backbone.query.promql.errors import EvaluationError
from backbone.query.promql.histograms import Histograms
from backbone.query.promql.kernels.groups import Members
from backbone.query.promql.labels import METADATA_LABELS, Labels, concat, group_together
from backbone.query.promql.values import HistogramCells, Vector


@dataclass(frozen=True, slots=True)
class Groups:
    """The match group of each series of both sides, (series,), and how many there are."""

    left: Index
    right: Index
    count: int


def match_groups(left: Vector, right: Vector, matching: Matching) -> Groups:
    return Groups(*group_together(signature(left.labels, matching), signature(right.labels, matching)))


def signature(labels: Labels, matching: Matching) -> Labels:
    """Return the labels by which series match."""
    return labels.keep(matching.labels) if matching.on else labels.drop({*matching.labels, *METADATA_LABELS})


def any_in_group(present: Mask, groups: Index, count: int) -> Mask:
    """Return at which steps some series of each group has a point: (group, step)."""
    return Members.of(groups, count).counted(present) > 0


def twice_in_group(present: Mask, groups: Index, count: int) -> bool:
    """Tell whether two series of a group have a point at the same step."""
    return bool((Members.of(groups, count).counted(present) > 1).any())


def pairs(groups: Groups) -> tuple[Index, Index]:
    """Return each pair of a left and a right series of the same group, (pair,), in order of the left ones."""
    right = Members.of(groups.right, groups.count)
    sizes = np.diff(right.bounds)[groups.left]
    left = np.repeat(np.arange(len(groups.left)), sizes)
    place = np.arange(len(left)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return left, right.order[right.bounds[groups.left[left]] + place]


def series_at(vector: Vector, members: Members) -> Index:
    """Return which series of each group has a point at each step, (group, step); -1 where none has."""
    rows = np.full((members.count, vector.present.shape[1]), -1, np.int64)
    group = np.repeat(np.arange(members.count), np.diff(members.bounds))
    for series, of in zip(members.order.tolist(), group.tolist(), strict=True):
        rows[of, vector.present[series]] = series
    return rows


def refuse_duplicates(one: Vector, groups: Index, count: int, matching: Matching, side: str) -> None:
    """
    Raise if two series of a group have a point at the same step.

    Raises:
        EvaluationError: with both of them, worded as Prometheus does.
    """
    members = Members.of(groups, count)
    if (np.diff(members.bounds) <= 1).all():
        return
    counts = members.counted(one.present)
    if not (counts > 1).any():
        return
    group, step = (int(index[0]) for index in np.nonzero(counts > 1))
    series = [row for row in members.order[members.bounds[group] : members.bounds[group + 1]] if one.present[row, step]]
    first, second = (print_labels(one.labels.row(int(row))) for row in series[:2])
    shared = print_labels(signature(one.labels, matching).row(int(series[0])))
    raise EvaluationError(
        f"found duplicate series for the match group {shared} on the {side} hand-side of the operation: "
        f"[{second}, {first}];many-to-many matching not allowed: matching labels must be unique on one side"
    )


def refuse_ambiguous(out: Labels, present: Mask, message: str) -> None:
    """
    Raise if two series of a result have the same labels and a point at the same step.

    Raises:
        EvaluationError: with *message*.
    """
    groups, firsts = out.groups()
    if len(firsts) < out.size and twice_in_group(present, groups, len(firsts)):
        raise EvaluationError(message)


def print_labels(labels: dict[str, str]) -> str:
    """Return a series' labels as Prometheus prints them in messages, the metric's name as a label."""
    quoted = ", ".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{quoted}}}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def merge_equal(vector: Vector) -> Vector:
    """
    Return a vector in which series of equal labels are one.

    Raises:
        EvaluationError: two of them have a point at the same step.
    """
    groups, firsts = vector.labels.groups()
    if len(firsts) == vector.labels.size:
        return vector
    if twice_in_group(vector.present, groups, len(firsts)):
        raise EvaluationError("vector cannot contain metrics with the same labelset")
    rows = series_at(vector, Members.of(groups, len(firsts)))
    there, safe, steps = rows >= 0, np.maximum(rows, 0), np.arange(rows.shape[1])
    cells = vector.histograms
    return Vector(
        vector.labels.take(firsts),
        vector.values[safe, steps],
        there,
        any_in_group(vector.nameless[:, None], groups, len(firsts))[:, 0],
        cells and HistogramCells(np.where(there, cells.rows[safe, steps], -1).astype(np.int32), cells.block),
        vector.ordered,
    )


def joined(parts: list[Vector]) -> Vector:
    """Return the series of all *parts*, one after the other."""
    rows, blocks, size = [], [], 0
    for part in parts:
        cells = part.histograms
        if cells is None:
            rows.append(np.full(part.values.shape, -1, np.int32))
            continue
        rows.append(np.where(cells.rows >= 0, cells.rows + size, -1).astype(np.int32))
        blocks.append(cells.block)
        size += len(cells.block)
    return Vector(
        concat([part.labels for part in parts]),
        np.concatenate([part.values for part in parts]),
        np.concatenate([part.present for part in parts]),
        np.concatenate([part.nameless for part in parts]),
        HistogramCells(np.concatenate(rows), Histograms.concat(blocks)) if blocks else None,
    )
