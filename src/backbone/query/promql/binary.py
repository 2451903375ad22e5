"""Binary operations of vectors and scalars. Source: Prometheus 3.x, promql/engine.go, VectorBinop and its kin."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from backbone.query.promql.arrays import Floats, Index, Mask
from backbone.query.promql.ast import Binary
from backbone.query.promql.context import Context
from backbone.query.promql.labels import METADATA_LABELS, Labels
from backbone.query.promql.matching import (
    any_in_group,
    joined,
    match_groups,
    merge_equal,
    pairs,
    refuse_ambiguous,
    refuse_duplicates,
    signature,
    twice_in_group,
)
from backbone.query.promql.operators import COMPARISONS, SET_OPERATORS, TRIMS, Operation, Outcome, Side, calculate
from backbone.query.promql.values import Scalar, Value, Vector

_MANY_TO_ONE = "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
_UNIQUE = "multiple matches for labels: grouping labels must ensure unique matches"


def binary(context: Context, node: Binary, left: Value, right: Value) -> Value:
    """Return ``left operator right``; the checker has seen that the operator takes such values."""
    if isinstance(left, Scalar) and isinstance(right, Scalar):
        return Scalar(calculate(node.operator, left.values, right.values))
    if isinstance(left, Vector) and isinstance(right, Vector):
        if node.operator in SET_OPERATORS:
            return _set_operation(node, left, right)
        return _Join(context, node, left, right).result()
    if isinstance(left, Vector):
        assert isinstance(right, Scalar)
        return _with_scalar(context, node, left, right.values, scalar_left=False)
    assert isinstance(left, Scalar)
    assert isinstance(right, Vector)
    return _with_scalar(context, node, right, left.values, scalar_left=True)


def _operation(context: Context, node: Binary) -> Operation:
    return Operation(node.operator, context.notes, node.span, returns_bool=node.returns_bool)


def _renames(node: Binary) -> bool:
    """Tell whether the result is another metric than the left side."""
    return node.operator not in COMPARISONS and node.operator not in TRIMS


def _with_scalar(context: Context, node: Binary, vector: Vector, numbers: Floats, *, scalar_left: bool) -> Vector:
    own = Side(vector.values, vector.present, vector.histograms)
    other = Side(np.broadcast_to(numbers, vector.values.shape), np.ones(vector.present.shape, np.bool_))
    operation = _operation(context, node)
    made = operation.apply(other, own, keeps="right") if scalar_left else operation.apply(own, other)
    result = Vector(vector.labels, made.values, made.kept, vector.nameless, made.histograms, vector.ordered)
    return result.renamed() if _renames(node) or node.returns_bool else result


def _set_operation(node: Binary, left: Vector, right: Vector) -> Vector:
    assert node.matching is not None
    groups = match_groups(left, right, node.matching)
    if node.operator == "or":
        taken = any_in_group(left.present, groups.left, groups.count)
        rest = replace(right, present=right.present & ~taken[groups.right])
        return merge_same(joined([left, rest.pruned()]))
    there = any_in_group(right.present, groups.right, groups.count)[groups.left]
    return replace(left, present=left.present & (there if node.operator == "and" else ~there)).pruned()


def merge_same(vector: Vector) -> Vector:
    """Return a vector in which series of equal labels that never have a point at the same step are one."""
    groups, firsts = vector.labels.groups()
    if len(firsts) == vector.labels.size or twice_in_group(vector.present, groups, len(firsts)):
        return vector
    same_names = np.array_equal(vector.nameless, vector.nameless[firsts][groups])
    return merge_equal(vector) if same_names else vector


class _Join:
    """An operation of two vectors whose series are matched; ``many`` is the side that may have several of a group."""

    def __init__(self, context: Context, node: Binary, left: Vector, right: Vector) -> None:
        assert node.matching is not None
        self.context, self.node, self.matching = context, node, node.matching
        self.left, self.right = left, right
        self.groups = match_groups(left, right, self.matching)
        self.many_is_left = self.matching.cardinality != "one-to-many"

    def result(self) -> Vector:
        groups, matching = self.groups, self.matching
        one = self.right if self.many_is_left else self.left
        one_groups = groups.right if self.many_is_left else groups.left
        refuse_duplicates(one, one_groups, groups.count, matching, "right" if self.many_is_left else "left")
        left_rows, right_rows = pairs(groups)
        parts = [self._pairs(left_rows, right_rows)]
        if matching.fill_right is not None:
            parts.append(self._filled(of_left=True, fill=matching.fill_right))
        if matching.fill_left is not None:
            parts.append(self._filled(of_left=False, fill=matching.fill_left))
        return merge_equal((joined(parts) if len(parts) > 1 else parts[0]).pruned())

    def _refuse_ambiguous(self, labels: Labels, matched: Mask) -> None:
        """Raise if two series match the same, or make the same, at a step, though a comparison may drop either."""
        if self.matching.cardinality == "one-to-one":
            refuse_ambiguous(signature(labels, self.matching), matched, _MANY_TO_ONE)
        else:
            refuse_ambiguous(labels, matched, _UNIQUE)

    def _pairs(self, left_rows: Index, right_rows: Index) -> Vector:
        self.context.budget.hold(len(left_rows) * self.context.grid.size)
        left, right = self.left.take(left_rows), self.right.take(right_rows)
        made = self._apply(
            Side(left.values, left.present, left.histograms), Side(right.values, right.present, right.histograms)
        )
        many, one = (left, right) if self.many_is_left else (right, left)
        labels = self._labels(many.labels, one.labels)
        self._refuse_ambiguous(labels, left.present & right.present)
        return self._vector(made, labels, many.nameless)

    def _filled(self, *, of_left: bool, fill: float) -> Vector:
        """Return the operation of a side's points that have no partner with what is filled in for it."""
        groups = self.groups
        own, other = (self.left, self.right) if of_left else (self.right, self.left)
        own_groups, other_groups = (groups.left, groups.right) if of_left else (groups.right, groups.left)
        alone = own.present & ~any_in_group(other.present, other_groups, groups.count)[own_groups]
        mine = Side(own.values, alone, own.histograms)
        filled = Side(np.full(own.values.shape, fill), np.ones_like(alone))
        made = self._apply(mine, filled) if of_left else self._apply(filled, mine)
        is_many = of_left == self.many_is_left
        if is_many:
            labels = self._labels(own.labels, own.labels.keep(()))
        else:
            labels = signature(own.labels, self.matching)
            included = own.labels.keep(self.matching.include)
            labels = Labels(labels.size, {**labels.columns, **included.columns})
        return self._vector(made, labels, own.nameless)

    def _apply(self, left: Side, right: Side) -> Outcome:
        return _operation(self.context, self.node).apply(left, right, keeps="left")

    def _labels(self, many: Labels, one: Labels) -> Labels:
        labels = many
        if _renames(self.node):
            labels = labels.drop(METADATA_LABELS)
        if self.matching.cardinality == "one-to-one":
            labels = labels.keep(self.matching.labels) if self.matching.on else labels.drop(self.matching.labels)
        for name in self.matching.include:
            labels = labels.put(name, one.column(name))
        return labels

    def _vector(self, made: Outcome, labels: Labels, nameless: Mask) -> Vector:
        if self.node.returns_bool:
            nameless = np.ones_like(nameless)
        return Vector(labels, made.values, made.kept, nameless, made.histograms)
