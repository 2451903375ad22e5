"""Aggregation operators. Source: Prometheus 3.x, promql/engine.go, aggregation and its kin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from backbone.query.promql.arrays import Floats, Index, Mask
from backbone.query.promql.ast import Aggregation, Span
from backbone.query.promql.context import Context
from backbone.query.promql.errors import EvaluationError
from backbone.query.promql.go_floats import print_float, print_short
from backbone.query.promql.histograms import avg_groups, sum_groups, text
from backbone.query.promql.kernels.groups import Aggregate, Members, aggregate, select_extreme, select_first
from backbone.query.promql.labels import METADATA_LABELS, Column, is_label_name
from backbone.query.promql.quoting import quote
from backbone.query.promql.range_histograms import COLLISION, RECONCILED
from backbone.query.promql.values import HistogramCells, Scalar, Text, Value, Vector
from backbone.query.promql.windowed import Cells

_LARGEST_COUNT = float(2**63)
_SIMPLE: Mapping[str, Aggregate] = {
    "min": Aggregate.MIN,
    "max": Aggregate.MAX,
    "stddev": Aggregate.STDDEV,
    "stdvar": Aggregate.STDVAR,
    "quantile": Aggregate.QUANTILE,
}


def aggregate_vector(context: Context, node: Aggregation, operand: Vector, parameter: Value | None) -> Vector:
    """Return the aggregation of a vector; the checker has seen to the parameter's type."""
    return _OPERATORS[node.operator](_Grouped(context, node, operand, parameter))


class _Grouped:
    """A vector's series by group."""

    def __init__(self, context: Context, node: Aggregation, operand: Vector, parameter: Value | None) -> None:
        self.context, self.node, self.operand = context, node, operand
        self._parameter = parameter
        labels = operand.labels
        if node.without:
            self.labels = labels.drop({*node.grouping, *METADATA_LABELS})
        else:
            self.labels = labels.keep(node.grouping)
        self.groups, self.firsts = self.labels.groups()
        self.members = Members.of(self.groups, len(self.firsts))

    @property
    def numbers(self) -> Floats:
        """The parameter at each step: (step,)."""
        assert isinstance(self._parameter, Scalar)
        return self._parameter.values

    @property
    def text(self) -> str:
        assert isinstance(self._parameter, Text)
        return self._parameter.value

    @property
    def parameter_span(self) -> Span:
        assert self.node.parameter is not None
        return self.node.parameter.span

    def vector(self, values: Floats, present: Mask, cells: HistogramCells | None = None) -> Vector:
        """Return a series for each group."""
        nameless = self.members.counted(self.operand.nameless[:, None])[:, 0] > 0
        return Vector(self.labels.take(self.firsts), values, present, nameless, cells)

    def ignore_histograms(self) -> None:
        if self.operand.histogram_points.any():
            self.context.notes.info(f"ignored histogram in {self.node.operator} aggregation", self.node.operand.span)

    def among(self, chosen: Mask, *, ordered: bool = False) -> Vector:
        """Return the operand with the points *chosen* only."""
        return replace(self.operand, present=self.operand.present & chosen, ordered=ordered).pruned()


def _count(grouped: _Grouped) -> Vector:
    counts = grouped.members.counted(grouped.operand.present)
    return grouped.vector(counts, counts > 0)


def _group(grouped: _Grouped) -> Vector:
    counts = grouped.members.counted(grouped.operand.present)
    return grouped.vector(np.ones_like(counts), counts > 0)


def _floats(grouped: _Grouped) -> Vector:
    operand, what = grouped.operand, _SIMPLE[grouped.node.operator]
    parameter = np.zeros(operand.values.shape[1])
    if what is Aggregate.QUANTILE:
        parameter = grouped.numbers
        _warn_of_quantiles(grouped, parameter)
    grouped.ignore_histograms()
    there = grouped.members.counted(operand.floats) > 0
    return grouped.vector(aggregate(what, operand.values, operand.floats, grouped.members, parameter), there)


def _warn_of_quantiles(grouped: _Grouped, quantiles: Floats) -> None:
    for q in dict.fromkeys(quantiles[~((quantiles >= 0) & (quantiles <= 1))].tolist()):
        message = f"quantile value should be between 0 and 1, got {print_short(q)}"
        grouped.context.notes.warn(message, grouped.parameter_span)


def _total(grouped: _Grouped) -> Vector:
    operand, members = grouped.operand, grouped.members
    what = Aggregate.SUM if grouped.node.operator == "sum" else Aggregate.AVG
    nothing = np.zeros(operand.values.shape[1])
    values = aggregate(what, operand.values, operand.floats, members, nothing)
    there = members.counted(operand.floats) > 0
    if operand.histograms is None:
        return grouped.vector(values, there)
    with_histograms = members.counted(operand.histogram_points) > 0
    mixed = there & with_histograms
    if mixed.any():
        grouped.context.notes.warn(
            "encountered a mix of histograms and floats for aggregation", grouped.node.operand.span
        )
    cells = _histogram_totals(grouped, with_histograms & ~mixed, average=what is Aggregate.AVG)
    return grouped.vector(values, (there & ~mixed) | (cells.rows >= 0), cells)


def _histogram_totals(grouped: _Grouped, wanted: Mask, *, average: bool) -> HistogramCells:
    operand, notes, span = grouped.operand, grouped.context.notes, grouped.node.operand.span
    assert operand.histograms is not None
    cells = Cells.where(wanted)
    number = np.full(wanted.shape, -1, np.int64)
    number[wanted] = np.arange(len(cells.series))
    points = operand.histogram_points & (number[grouped.groups] >= 0)
    series, steps = np.nonzero(points)
    group = number[grouped.groups[series], steps]
    block = operand.histograms.block.take(operand.histograms.rows[points].astype(np.int64))
    made = (avg_groups if average else sum_groups)(block, group, len(cells.series))
    if made.hint_collision.any():
        notes.warn(f"{COLLISION} aggregation", span)
    if made.bounds_reconciled.any():
        notes.info(f"{RECONCILED} aggregation", span)
    if made.incompatible.any():
        notes.warn(
            'vector contains a mix of histograms with exponential and custom buckets schemas for metric name ""', span
        )
    kept = ~made.incompatible
    return HistogramCells(cells.rows(kept), made.block.take(np.flatnonzero(kept)))


def _counts_wanted(grouped: _Grouped) -> Index:
    """Return the parameter of ``topk`` and its kin: how many at each step."""
    numbers = grouped.numbers
    if np.isnan(numbers).any():
        raise EvaluationError("Parameter value is NaN")
    if (np.abs(numbers) >= _LARGEST_COUNT).any():
        over = numbers[np.abs(numbers) >= _LARGEST_COUNT][0]
        what = "overflows" if over > 0 else "underflows"
        raise EvaluationError(f"Scalar value {print_float(over)} {what} int64")
    return np.minimum(numbers, grouped.operand.labels.size).astype(np.int64)


def _extremes(grouped: _Grouped) -> Vector:
    operand, largest = grouped.operand, grouped.node.operator == "topk"
    counts = _counts_wanted(grouped)
    grouped.ignore_histograms()
    chosen = select_extreme(operand.values, operand.floats, grouped.members, counts, largest=largest)
    if operand.values.shape[1] > 1:
        return grouped.among(chosen)
    # An instant query gives them group by group, the most extreme first.
    # No product: what marks a series' end is a NaN that arithmetic complains about.
    value = -operand.values[:, 0] if largest else operand.values[:, 0]
    order = np.lexsort((np.where(np.isnan(value), np.inf, value), grouped.groups))
    sorted_vector = replace(operand, present=operand.present & chosen).take(order)
    return replace(sorted_vector, ordered=True).pruned()


def _first_ones(grouped: _Grouped) -> Vector:
    return grouped.among(select_first(grouped.operand.present, grouped.members, _counts_wanted(grouped)))


def _ratio(grouped: _Grouped) -> Vector:
    ratios = grouped.numbers
    if np.isnan(ratios).any():
        raise EvaluationError("Ratio value is NaN")
    for ratio in dict.fromkeys(ratios[np.abs(ratios) > 1].tolist()):
        capped = 1.0 if ratio > 0 else -1.0
        grouped.context.notes.warn(
            f"ratio value should be between -1 and 1, got {print_short(ratio)}, capping to {print_short(capped)}",
            grouped.parameter_span,
        )
    ratios = np.clip(ratios, -1.0, 1.0)
    place = (grouped.operand.labels.hashes().astype(np.float64) / float(2**64 - 1))[:, None]
    return grouped.among(np.where(ratios >= 0, place < ratios, place >= 1.0 + ratios))


def _count_values(grouped: _Grouped) -> Vector:
    operand, label = grouped.operand, grouped.text
    if not is_label_name(label):
        raise EvaluationError(f"invalid label name {quote(label)}")
    distinct, codes = _value_texts(operand)
    points = codes >= 0
    series, steps = np.nonzero(points)
    size = max(len(distinct), 1)
    pairs, pair = np.unique(grouped.groups[series] * size + codes[points], return_inverse=True)
    labels = grouped.labels.take(grouped.firsts[pairs // size])
    column = Column((pairs % size + 1).astype(np.int32), ("", *distinct))
    # The label may be one of those the groups are made by; then groups become one.
    named = labels.put(label, column.with_values(column.values))
    merged, firsts = named.groups()
    grouped.context.budget.hold(len(firsts) * operand.values.shape[1])
    counts = np.zeros((len(firsts), operand.values.shape[1]))
    np.add.at(counts, (merged[pair], steps), 1.0)
    nameless = grouped.members.counted(operand.nameless[:, None])[:, 0] > 0
    return Vector(named.take(firsts), counts, counts > 0, nameless[(pairs // size)[firsts]])


def _value_texts(operand: Vector) -> tuple[list[str], Index]:
    """Return the distinct values as text, and which of them each point has: (series, step), -1 for none."""
    codes = np.full(operand.values.shape, -1, np.int64)
    floats = operand.floats
    # By bits, so that NaN is one value.
    found, inverse = np.unique(operand.values[floats].view(np.uint64), return_inverse=True)
    known: dict[str, int] = {}
    numbers = np.array(
        [known.setdefault(print_float(v), len(known)) for v in found.view(np.float64).tolist()], np.int64
    )
    codes[floats] = numbers[inverse] if len(found) else 0
    histograms = operand.histogram_points
    if operand.histograms is not None and histograms.any():
        block, rows = operand.histograms.block, operand.histograms.rows[histograms]
        texts = {row: text(block, row) for row in np.unique(rows).tolist()}
        codes[histograms] = [known.setdefault(texts[row], len(known)) for row in rows.tolist()]
    return list(known), codes


_OPERATORS: Mapping[str, Callable[[_Grouped], Vector]] = {
    "sum": _total,
    "avg": _total,
    "count": _count,
    "group": _group,
    "min": _floats,
    "max": _floats,
    "stddev": _floats,
    "stdvar": _floats,
    "quantile": _floats,
    "topk": _extremes,
    "bottomk": _extremes,
    "limitk": _first_ones,
    "limit_ratio": _ratio,
    "count_values": _count_values,
}
