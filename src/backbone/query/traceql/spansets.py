"""
Spansets, from which spans pass which filter: logic, structure and what pipelines make of them, all traces at once.

A spanset expression's value is a mask over spans; a pipeline's also tells them apart by groups.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backbone.query.traceql.ast import (
    Aggregate,
    Coalesce,
    Combined,
    FieldExpr,
    Filter,
    GroupBy,
    Pipeline,
    Scalar,
    ScalarFilter,
    Select,
    Spanset,
    Static,
)
from backbone.query.traceql.kernels import Ids, Mask, Rows, are_ancestors, find_parents, have_ancestor

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class TraceSpans:
    """
    Spans of some traces.

    Shapes: ``traces`` (span,) is each span's trace, in order; ``offsets`` (trace + 1,) are where traces begin; the
    others (span,). ``passed`` tells of each filter which spans pass, ``numbers`` hold NaN where there is none, and
    ``groups`` are codes, equal for equal values.
    """

    traces: Rows
    offsets: Rows
    spans: Ids
    parents: Ids
    passed: Mapping[Filter, Mask]
    numbers: Mapping[FieldExpr, Floats]
    groups: Mapping[FieldExpr, Rows]

    @cached_property
    def parent_rows(self) -> Rows:
        return find_parents(self.spans, self.parents, self.offsets)

    @cached_property
    def siblings(self) -> Rows:
        """Codes, equal for spans of a trace with the same parent; -1 for those without one."""
        pairs = np.stack([self.traces.astype(np.uint64), self.parents], axis=1)
        _, codes = np.unique(pairs, axis=0, return_inverse=True)
        return np.where(self.parents == 0, -1, codes.reshape(-1)).astype(np.int64)

    def have_any(self, mask: Mask) -> Mask:
        """Return the spans of the traces that have any of *mask*."""
        found = np.zeros(len(self.offsets) - 1, np.bool_)
        found[self.traces[mask]] = True
        return found[self.traces]


@dataclass(frozen=True, slots=True)
class Matched:
    """Spans that matched, and the spanset of each; (span,) both."""

    mask: Mask
    groups: Rows


def evaluate(spans: TraceSpans, pipeline: Pipeline) -> Matched:
    """Return what a pipeline finds."""
    matched = Matched(np.ones(len(spans.traces), np.bool_), spans.traces)
    for stage in pipeline.stages:
        match stage:
            case Filter() | Combined() | Pipeline():
                mask = _spanset(spans, stage, matched.mask)
                matched = replace(matched, mask=mask)
            case GroupBy():
                pairs = np.stack([matched.groups, spans.groups[stage.expr]], axis=1)
                _, codes = np.unique(pairs, axis=0, return_inverse=True)
                matched = replace(matched, groups=codes.reshape(-1).astype(np.int64))
            case Coalesce():
                matched = replace(matched, groups=spans.traces)
            case ScalarFilter():
                matched = replace(matched, mask=matched.mask & _holds(spans, stage, matched)[matched.groups])
            case Select():
                pass
    return matched


def _spanset(spans: TraceSpans, node: Spanset, within: Mask) -> Mask:
    match node:
        case Filter():
            return spans.passed[node] & within
        case Pipeline():
            return evaluate(_only(spans, within), node).mask
        case Combined():
            left, right = _spanset(spans, node.left, within), _spanset(spans, node.right, within)
            return _combined(spans, node.operator, left, right)


def _only(spans: TraceSpans, within: Mask) -> TraceSpans:
    return replace(spans, passed={one: mask & within for one, mask in spans.passed.items()})


def _combined(spans: TraceSpans, operator: str, left: Mask, right: Mask) -> Mask:
    if operator == "||":
        return left | right
    if operator == "&&":
        return (left | right) & spans.have_any(left) & spans.have_any(right)
    kind = operator.lstrip("!&")
    related = _related(spans, kind, left) & right
    if operator.startswith("!"):
        return right & ~related
    if operator.startswith("&"):
        return related | (_related(spans, _INVERSE[kind], right) & left)
    return related


_INVERSE = {">": "<", "<": ">", ">>": "<<", "<<": ">>", "~": "~"}


def _related(spans: TraceSpans, kind: str, to: Mask) -> Mask:
    """Return the spans that are children (``>``), descendants, parents, ancestors or siblings of any of *to*."""
    parents = spans.parent_rows
    match kind:
        case ">":
            return (parents >= 0) & to[np.maximum(parents, 0)]
        case "<":
            found = np.zeros(len(to), np.bool_)
            above = parents[to]
            found[above[above >= 0]] = True
            return found
        case ">>":
            return have_ancestor(parents, to)
        case "<<":
            return are_ancestors(parents, to)
        case _:
            codes = spans.siblings
            known = codes >= 0
            count = np.bincount(codes[to & known], minlength=len(codes) + 1)
            others = count[np.maximum(codes, 0)] - to
            return known & (others > 0)


def _holds(spans: TraceSpans, stage: ScalarFilter, matched: Matched) -> Mask:
    """Return of each group whether a comparison is true; (group,)."""
    size = int(matched.groups.max(initial=-1)) + 1
    left, right = (_scalar(spans, side, matched, size) for side in (stage.left, stage.right))
    with np.errstate(invalid="ignore"):
        found: Mask = _COMPARE[stage.operator](left, right) & ~np.isnan(left) & ~np.isnan(right)
    return found


_COMPARE: Mapping[str, Any] = {
    "=": np.equal, "!=": np.not_equal, "<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal,
}  # fmt: skip
_ARITHMETIC: Mapping[str, Any] = {
    "+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "%": np.fmod, "^": np.power,
}  # fmt: skip


def _scalar(spans: TraceSpans, scalar: Scalar, matched: Matched, size: int) -> Floats:
    match scalar:
        case Static():
            return np.full(size, float(scalar.value or 0))
        case Aggregate():
            return _aggregate(spans, scalar, matched, size)
        case _:
            sides = (_scalar(spans, side, matched, size) for side in (scalar.left, scalar.right))
            with np.errstate(all="ignore"):
                found: Floats = _ARITHMETIC[scalar.operator](*sides)
            return found


def _aggregate(spans: TraceSpans, aggregate: Aggregate, matched: Matched, size: int) -> Floats:
    """Return a number per group, NaN where no span has one."""
    if aggregate.operand is None:
        return np.bincount(matched.groups[matched.mask], minlength=size).astype(np.float64)
    numbers = spans.numbers[aggregate.operand]
    used = matched.mask & ~np.isnan(numbers)
    groups, values = matched.groups[used], numbers[used]
    counts = np.bincount(groups, minlength=size)
    match aggregate.function:
        case "min" | "max":
            lowest = aggregate.function == "min"
            found = np.full(size, np.inf if lowest else -np.inf)
            (np.minimum if lowest else np.maximum).at(found, groups, values)
        case function:
            found = np.bincount(groups, weights=values, minlength=size)
            if function == "avg":
                found = found / np.maximum(counts, 1)
    return np.where(counts > 0, found, np.nan)
