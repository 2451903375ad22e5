"""``info``: labels of info metrics beside those of a vector. Source: Prometheus 3.x, promql/info.go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import re2

from backbone.query.promql.arguments import Arguments, unwrapped
from backbone.query.promql.arrays import Index
from backbone.query.promql.ast import Call, Edge, Expr, Subquery, VectorSelector
from backbone.query.promql.errors import EvaluationError
from backbone.query.promql.labels import Labels, encode, group_together
from backbone.query.promql.matching import joined
from backbone.query.promql.moments import milliseconds
from backbone.query.promql.select import instant_vector, newest_times
from backbone.query.promql.values import Vector
from backbone.query.promql.walk import children
from backbone.query.selectors import METRIC_LABEL, Matcher

_IDENTITY = ("instance", "job")
"""The labels by which info series and others belong together."""
_DEFAULT_METRIC = Matcher(METRIC_LABEL, "=", "target_info")
_ANY_METRIC = Matcher(METRIC_LABEL, "=~", ".+_info")
"""What is meant where only metrics that are not meant are named."""


def info_selector(call: Call) -> VectorSelector:
    """Return what selects the info series of a call, at the time at which its vector is looked at."""
    data = _data_matchers(call)
    names = tuple(matcher for matcher in data if matcher.label == METRIC_LABEL) or (_DEFAULT_METRIC,)
    if all(matcher.operator in {"!=", "!~"} for matcher in names):
        names = (*names, _ANY_METRIC)
    others = tuple(matcher for matcher in data if matcher.label != METRIC_LABEL)
    at, offset = _moment(call.arguments[0]) or (None, 0)
    return VectorSelector(call.span, "", (*names, *others), at, offset)


def _data_matchers(call: Call) -> tuple[Matcher, ...]:
    if len(call.arguments) < 2:
        return ()
    selector = unwrapped(call.arguments[1])
    assert isinstance(selector, VectorSelector)
    return selector.matchers


def _moment(expr: Expr) -> tuple[int | Edge | None, int] | None:
    """Return ``@`` and ``offset`` of the first selector in *expr*, with those of subqueries around it."""
    if isinstance(expr, VectorSelector):
        return expr.at, milliseconds(expr.offset)
    for child in children(expr):
        found = _moment(child)
        if found is None:
            continue
        at, offset = found
        if isinstance(expr, Subquery) and at is None:
            return expr.at, offset + milliseconds(expr.offset)
        return found
    return None


def info(arguments: Arguments) -> Vector:
    """
    Return the vector with labels of the info series that have the same ``job`` and ``instance``.

    Raises:
        EvaluationError: info metrics disagree on a label, or one is no info metric.
    """
    data = _data_matchers(arguments.call)
    selector = info_selector(arguments.call)
    vector = arguments.vector(0)
    found = _Found.of(arguments, selector)
    names = [matcher for matcher in selector.matchers if matcher.label == METRIC_LABEL]
    is_info = _matching_names(vector.labels, names)
    wanted = {matcher.label for matcher in data if matcher.label != METRIC_LABEL}
    required = any(not matcher.takes_empty for matcher in data if matcher.label != METRIC_LABEL)
    untouched = vector.take(np.flatnonzero(is_info))
    rest = vector.take(np.flatnonzero(~is_info))
    parts = [untouched, *_enriched(rest, found, wanted, required=required)]
    return joined(parts).pruned()


def _matching_names(labels: Labels, names: list[Matcher]) -> np.ndarray:
    column = labels.column(METRIC_LABEL)
    matching = np.array([all(_passes(matcher, value) for matcher in names) for value in column.values])
    return matching[column.codes]


def _passes(matcher: Matcher, value: str) -> bool:
    if matcher.operator in {"=", "!="}:
        return (value == matcher.value) == (matcher.operator == "=")
    found = re2.fullmatch(f"(?s:{matcher.value})", value) is not None
    return found == (matcher.operator == "=~")


@dataclass(frozen=True, slots=True)
class _Found:
    """Info series and when each was last written, in seconds: ``times`` (series, step)."""

    vector: Vector
    times: np.ndarray

    @classmethod
    def of(cls, arguments: Arguments, selector: VectorSelector) -> _Found:
        vector = instant_vector(arguments.context, selector)
        if vector.histogram_points.any():
            raise EvaluationError("this should be an info metric, with float samples")
        return cls(vector, np.where(vector.present, newest_times(arguments.context, selector).values, -np.inf))


def _enriched(vector: Vector, found: _Found, wanted: set[str], *, required: bool) -> Iterator[Vector]:
    """Yield the vector in parts: those series that get the same labels at the same steps."""
    info_labels = found.vector.labels
    groups, info_groups, count = group_together(vector.labels.keep(_IDENTITY), info_labels.keep(_IDENTITY))
    identified = np.zeros(count, np.bool_)
    identified[groups] = sum((vector.labels.column(name).codes > 0).astype(int) for name in _IDENTITY) > 0
    metrics = info_labels.column(METRIC_LABEL).codes
    for group in range(count):
        members = np.flatnonzero(groups == group)
        if not len(members):
            continue
        own = vector.take(members)
        sources = np.flatnonzero(info_groups == group) if identified[group] else np.zeros(0, np.int64)
        for chosen, steps in _combinations(found, sources, metrics):
            labels = _merged_labels(info_labels, chosen, wanted)
            if required and not chosen:
                continue
            yield _with_labels(replace(own, present=own.present & steps), labels)


def _combinations(found: _Found, sources: Index, metrics: np.ndarray) -> Iterator[tuple[list[int], np.ndarray]]:
    """Yield which info series hold together, the newest of each metric, and at which steps: (step,)."""
    steps = found.times.shape[1]
    newest = []
    for metric in np.unique(metrics[sources]):
        of_metric = sources[metrics[sources] == metric]
        times = found.times[of_metric]
        best = of_metric[times.argmax(axis=0)]
        newest.append(np.where(np.isfinite(times.max(axis=0)), best, -1))
    if not newest:
        yield [], np.ones(steps, np.bool_)
        return
    columns, of_step = np.unique(np.array(newest), axis=1, return_inverse=True)
    for index, column in enumerate(columns.T.tolist()):
        yield [series for series in column if series >= 0], of_step.reshape(-1) == index


def _merged_labels(labels: Labels, chosen: list[int], wanted: set[str]) -> Mapping[str, str]:
    merged: dict[str, str] = {}
    for series in chosen:
        for name, value in labels.row(series).items():
            if name == METRIC_LABEL or name in _IDENTITY or (wanted and name not in wanted):
                continue
            if merged.setdefault(name, value) != value:
                raise EvaluationError(f"conflicting label: {name}")
    return merged


def _with_labels(vector: Vector, added: Mapping[str, str]) -> Vector:
    labels = vector.labels
    for name, value in added.items():
        labels = labels.put(name, encode([own or value for own in labels.column(name).texts()]))
    return replace(vector, labels=labels)
