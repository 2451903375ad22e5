"""Functions of histograms, native and classic. Source: Prometheus 3.x, promql/functions.go and quantile.go."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from backbone.query.promql.annotations import Annotations
from backbone.query.promql.arguments import Arguments, metric_names
from backbone.query.promql.arrays import Floats, Mask
from backbone.query.promql.ast import Span
from backbone.query.promql.go_floats import print_float
from backbone.query.promql.histograms import Histograms, average, fraction, quantile, stddev, stdvar
from backbone.query.promql.kernels.buckets import bucket_fraction, bucket_quantile
from backbone.query.promql.kernels.groups import Members
from backbone.query.promql.labels import Labels, constant, group_together
from backbone.query.promql.matching import any_in_group, joined
from backbone.query.promql.range_functions import warn_of_quantiles
from backbone.query.promql.values import Vector
from backbone.query.selectors import METRIC_LABEL

_BOUND = "le"
_FIXED = (
    "input to histogram_quantile needed to be fixed for monotonicity "
    "(see https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)"
)


def _of_histograms(arguments: Arguments, make: Callable[[Histograms], Floats]) -> Vector:
    vector = arguments.vector(0)
    points = vector.histogram_points
    values = np.full(vector.values.shape, np.nan)
    if vector.histograms is not None:
        values[points] = make(vector.histograms.block)[vector.histograms.rows[points]]
    return vector.with_floats(values, points).renamed()


@dataclass(frozen=True, slots=True)
class _Split:
    """A vector as native histograms, and as buckets of classic ones in groups by the labels beside ``le``."""

    native: Vector
    buckets: Vector
    bounds: Floats
    """Upper bounds of the buckets, (series,)."""
    members: Members
    labels: Labels
    nameless: Mask


def _split(vector: Vector, notes: Annotations, span: Span) -> _Split:
    """Return the two kinds of histograms; where both are there for the same labels, neither is."""
    bound_column = vector.labels.column(_BOUND)
    parsed = np.array([_parsed(text) for text in bound_column.values])
    floats, points = vector.floats, vector.histogram_points
    has_bound = ~np.isnan(parsed)[bound_column.codes]
    _warn_of_bounds(vector, np.asarray(floats.any(axis=1)) & ~has_bound, notes, span)
    native = replace(vector, present=points).pruned()
    buckets = vector.take(np.flatnonzero(has_bound & floats.any(axis=1)))
    buckets = buckets.with_floats(buckets.values, buckets.floats)
    plain = buckets.labels.drop([_BOUND])
    groups, native_groups, count = group_together(plain, native.labels)
    both = any_in_group(buckets.present, groups, count) & any_in_group(native.present, native_groups, count)
    if both.any():
        _warn_of_mix(native, np.asarray(both[native_groups].any(axis=1)), notes, span)
        native = replace(native, present=native.present & ~both[native_groups]).pruned()
        buckets = replace(buckets, present=buckets.present & ~both[groups])
    bounds = parsed[buckets.labels.column(_BOUND).codes]
    by_bound = np.argsort(bounds, kind="stable")
    buckets, bounds, plain = buckets.take(by_bound), bounds[by_bound], plain.take(by_bound)
    groups, firsts = plain.groups()
    return _Split(
        native, buckets, bounds, Members.of(groups, len(firsts)), plain.take(firsts), buckets.nameless[firsts]
    )


def _parsed(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return np.nan


def _warn_of_bounds(vector: Vector, rows: Mask, notes: Annotations, span: Span) -> None:
    names, bounds = vector.labels.column(METRIC_LABEL), vector.labels.column(_BOUND)
    for row in np.flatnonzero(rows):
        name, bound = names.values[names.codes[row]], bounds.values[bounds.codes[row]]
        notes.warn(f'bucket label "le" is missing or has a malformed value of "{bound}"{_for_metric(name)}', span)


def _warn_of_mix(vector: Vector, rows: Mask, notes: Annotations, span: Span) -> None:
    for name in metric_names(vector.labels.column(METRIC_LABEL).texts(), rows):
        notes.warn(f"vector contains a mix of classic and native histograms{_for_metric(name)}", span)


def _for_metric(name: str) -> str:
    return f' for metric name "{name}"' if name else ""


def _histogram_quantile(arguments: Arguments) -> Vector:
    q = arguments.scalar(0)
    notes = arguments.context.notes
    vector = arguments.vector(1)
    warn_of_quantiles(arguments, q, 0)
    split = _split(vector, notes, arguments.span(1))
    return _quantiles(arguments, split, q, arguments.span(1)).pruned()


def _histogram_quantiles(arguments: Arguments) -> Vector:
    label = arguments.text(1)
    split = _split(arguments.vector(0), arguments.context.notes, arguments.span(0))
    parts = []
    for index in range(2, len(arguments)):
        q = arguments.scalar(index)
        warn_of_quantiles(arguments, q, index)
        made = _quantiles(arguments, split, q, arguments.span(0))
        for value in dict.fromkeys(q.tolist()):
            at = (q == value) | (np.isnan(q) & np.isnan(value))
            named = made.labels.put(label, constant(made.labels.size, _open_metrics(value)))
            parts.append(replace(made, labels=named, present=made.present & at))
    return joined(parts).pruned()


def _open_metrics(value: float) -> str:
    """Return a number as OpenMetrics writes label values, whole ones with a decimal."""
    text = print_float(value)
    return f"{text}.0" if text.lstrip("-").isdecimal() else text


def _quantiles(arguments: Arguments, split: _Split, q: Floats, span: Span) -> Vector:
    notes = arguments.context.notes
    values, present, forced = bucket_quantile(
        q, split.bounds, split.buckets.values, split.buckets.present, split.members
    )
    for name in metric_names(split.labels.column(METRIC_LABEL).texts(), np.asarray(forced.any(axis=1))):
        notes.info(_FIXED + _for_metric(name), span)
    classic = Vector(split.labels, values, present, np.ones(split.labels.size, np.bool_))

    def of_rows(block: Histograms, steps: np.ndarray, names: list[str]) -> Floats:
        found = quantile(block, q[steps])
        _tell(
            notes,
            found.nan_result,
            names,
            "input to histogram_quantile has NaN observations, result is NaN",
            span,
        )
        _tell(
            notes, found.nan_skewed, names,
            "input to histogram_quantile has NaN observations, result is skewed higher", span,
        )  # fmt: skip
        return found.values

    return joined([_of_native(split.native, of_rows), classic])


def _tell(notes: Annotations, where: Mask, names: list[str], what: str, span: Span) -> None:
    for name in metric_names(names, where):
        notes.info(what + _for_metric(name), span)


def _of_native(native: Vector, make: Callable[[Histograms, np.ndarray, list[str]], Floats]) -> Vector:
    points = native.histogram_points
    values = np.full(native.values.shape, np.nan)
    if native.histograms is not None and points.any():
        series, steps = np.nonzero(points)
        names = native.labels.column(METRIC_LABEL).texts()
        block = native.histograms.block.take(native.histograms.rows[points].astype(np.int64))
        values[points] = make(block, steps, [names[row] for row in series.tolist()])
    return native.with_floats(values, points).renamed()


def _histogram_fraction(arguments: Arguments) -> Vector:
    lower, upper = arguments.scalar(0), arguments.scalar(1)
    notes = arguments.context.notes
    split = _split(arguments.vector(2), notes, arguments.span(2))
    values, present = bucket_fraction(
        lower, upper, split.bounds, split.buckets.values, split.buckets.present, split.members
    )
    classic = Vector(split.labels, values, present, np.ones(split.labels.size, np.bool_))

    def of_rows(block: Histograms, steps: np.ndarray, names: list[str]) -> Floats:
        found = fraction(block, lower[steps], upper[steps])
        what = "input to histogram_fraction has NaN observations, which are excluded from all fractions"
        _tell(notes, found.nan_observations, names, what, arguments.span(2))
        return found.values

    return joined([_of_native(split.native, of_rows), classic]).pruned()


HISTOGRAM_FUNCTIONS: Mapping[str, Callable[[Arguments], Vector]] = {
    "histogram_count": partial(_of_histograms, make=lambda block: block.count),
    "histogram_sum": partial(_of_histograms, make=lambda block: block.sum),
    "histogram_avg": partial(_of_histograms, make=average),
    "histogram_stddev": partial(_of_histograms, make=stddev),
    "histogram_stdvar": partial(_of_histograms, make=stdvar),
    "histogram_quantile": _histogram_quantile,
    "histogram_quantiles": _histogram_quantiles,
    "histogram_fraction": _histogram_fraction,
}
