"""Functions of instant vectors and of scalars. Source: Prometheus 3.x, promql/functions.go."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import numpy as np

from backbone.query.promql.arguments import Arguments
from backbone.query.promql.arrays import Floats, Mask, Times
from backbone.query.promql.ast import MatrixSelector, VectorSelector
from backbone.query.promql.labels import Labels
from backbone.query.promql.select import newest_starts, newest_times
from backbone.query.promql.values import Scalar, Value, Vector, empty_vector
from backbone.query.promql.windowed import Windowed
from backbone.query.selectors import METRIC_LABEL

Function = Callable[[Arguments], Value]

_SORT_HINT = "sort is ineffective for range queries since results are always ordered by labels"


def _of_floats(arguments: Arguments, make: Callable[[Floats], Floats]) -> Vector:
    vector = arguments.vector(0)
    with np.errstate(all="ignore"):
        values = make(vector.values)
    return vector.with_floats(values, vector.floats).renamed()


def _sign(values: Floats) -> Floats:
    return np.where((values < 0) | (values > 0), np.sign(values), values)


def _round(arguments: Arguments) -> Vector:
    nearest = arguments.scalar(1) if len(arguments) > 1 else np.ones(arguments.context.grid.size)
    with np.errstate(all="ignore"):
        inverse = 1.0 / nearest
        return _of_floats(arguments, lambda values: np.floor(values * inverse + 0.5) / inverse)


def _clamp(arguments: Arguments, *, low: int | None, high: int | None) -> Vector:
    steps = arguments.context.grid.size
    least = np.full(steps, -np.inf) if low is None else arguments.scalar(low)
    most = np.full(steps, np.inf) if high is None else arguments.scalar(high)
    vector = arguments.vector(0)
    values = np.maximum(least, np.minimum(most, vector.values))
    return vector.with_floats(values, vector.floats & ~(most < least)).renamed()


def _scalar(arguments: Arguments) -> Scalar:
    vector = arguments.vector(0)
    floats = vector.floats
    summed = np.where(floats, vector.values, 0.0).sum(axis=0) if vector.labels.size < 2 else _only(vector, floats)
    return Scalar(np.where(floats.sum(axis=0) == 1, summed, np.nan))


def _only(vector: Vector, floats: Mask) -> Floats:
    """Return the value of the first float at each step."""
    first = floats.argmax(axis=0)
    return vector.values[first, np.arange(floats.shape[1])]


def _vector(arguments: Arguments) -> Vector:
    values = arguments.scalar(0)[None, :]
    return Vector(Labels(1, {}), values, np.ones(values.shape, np.bool_), np.zeros(1, np.bool_))


def _two_scalars(arguments: Arguments, choose: Callable[[Floats, Floats], Floats]) -> Scalar:
    return Scalar(choose(arguments.scalar(0), arguments.scalar(1)))


def _absent(arguments: Arguments) -> Vector:
    there = np.asarray(arguments.vector(0).present.any(axis=0))
    return missing(arguments, there)


def _absent_over_time(arguments: Arguments) -> Vector:
    windowed = Windowed.of(arguments, 0)
    return missing(arguments, np.asarray((windowed.has_floats | windowed.has_histograms).any(axis=0)))


def missing(arguments: Arguments, there: Mask) -> Vector:
    """Return 1 at the steps where nothing is *there*, with the labels that the selector asks for by equality."""
    expr = arguments.expr(0)
    selector = expr.vector if isinstance(expr, MatrixSelector) else expr
    labels: dict[str, str] = {}
    if isinstance(selector, VectorSelector):
        seen: set[str] = set()
        for matcher in selector.matchers:
            if matcher.label == METRIC_LABEL:
                continue
            if matcher.operator == "=" and matcher.label not in seen:
                labels[matcher.label] = matcher.value
                seen.add(matcher.label)
            else:
                labels.pop(matcher.label, None)
    present = ~there[None, :]
    return Vector(Labels.of([labels]), np.ones(present.shape), present, np.zeros(1, np.bool_)).pruned()


def _timestamp(arguments: Arguments) -> Vector:
    expr = arguments.expr(0)
    if isinstance(expr, VectorSelector):
        return newest_times(arguments.context, expr).renamed()
    vector = arguments.vector(0)
    times = np.broadcast_to(arguments.context.grid.times / 1000.0, vector.values.shape)
    return vector.with_floats(times, vector.present).renamed()


def _start_timestamp(arguments: Arguments) -> Vector:
    expr = arguments.expr(0)
    if isinstance(expr, VectorSelector):
        return newest_starts(arguments.context, expr).renamed()
    return empty_vector(arguments.context.grid.size)


def _sort(arguments: Arguments, *, descending: bool) -> Vector:
    vector = arguments.vector(0)
    context = arguments.context
    if context.query.step:
        context.notes.warn(_SORT_HINT, arguments.call.span)
        return vector.with_floats(vector.values, vector.floats)
    floats = vector.with_floats(vector.values, vector.floats).pruned()
    value = floats.values[:, 0] * (-1.0 if descending else 1.0)
    order = np.argsort(np.where(np.isnan(value), np.inf, value), kind="stable")
    # What is no number comes last, after infinities.
    order = np.concatenate([order[~np.isnan(value[order])], order[np.isnan(value[order])]])
    return replace(floats.take(order), ordered=True)


def _date(arguments: Arguments, part: Callable[[Times], Floats]) -> Vector:
    if len(arguments) == 0:
        seconds = np.floor(arguments.context.grid.times / 1000.0)[None, :]
        return Vector(Labels(1, {}), part(_days_safe(seconds)), np.ones(seconds.shape, np.bool_), np.zeros(1, np.bool_))
    return _of_floats(arguments, lambda values: part(_days_safe(values)))


def _days_safe(seconds: Floats) -> Times:
    """Return whole seconds within what dates can hold; what is no number is 1970 as good as any other year."""
    return np.trunc(np.clip(np.nan_to_num(seconds, nan=0.0), -6e10, 2.5e11)).astype(np.int64)


def _calendar(seconds: Times) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    moments = seconds.astype("datetime64[s]")
    return moments.astype("datetime64[D]"), moments.astype("datetime64[M]"), moments.astype("datetime64[Y]")


def _day_of_month(seconds: Times) -> Floats:
    day, month, _ = _calendar(seconds)
    return (day - month.astype("datetime64[D]")).astype(np.float64) + 1


def _day_of_year(seconds: Times) -> Floats:
    day, _, year = _calendar(seconds)
    return (day - year.astype("datetime64[D]")).astype(np.float64) + 1


def _days_in_month(seconds: Times) -> Floats:
    _, month, _ = _calendar(seconds)
    return ((month + 1).astype("datetime64[D]") - month.astype("datetime64[D]")).astype(np.float64)


def _day_of_week(seconds: Times) -> Floats:
    # 1970 began on a Thursday.
    return ((seconds // 86_400 + 4) % 7).astype(np.float64)


def _month(seconds: Times) -> Floats:
    _, month, year = _calendar(seconds)
    return (month - year.astype("datetime64[M]")).astype(np.float64) + 1


def _year(seconds: Times) -> Floats:
    return _calendar(seconds)[2].astype(np.int64).astype(np.float64) + 1970


_DATES: Mapping[str, Callable[[Times], Floats]] = {
    "minute": lambda seconds: (seconds // 60 % 60).astype(np.float64),
    "hour": lambda seconds: (seconds // 3_600 % 24).astype(np.float64),
    "day_of_week": _day_of_week,
    "day_of_month": _day_of_month,
    "day_of_year": _day_of_year,
    "days_in_month": _days_in_month,
    "month": _month,
    "year": _year,
}

_MATHS: Mapping[str, Callable[[Floats], Floats]] = {
    "abs": np.abs,
    "ceil": np.ceil,
    "floor": np.floor,
    "exp": np.exp,
    "sqrt": np.sqrt,
    "ln": np.log,
    "log2": np.log2,
    "log10": np.log10,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "rad": lambda values: values * np.pi / 180,
    "deg": lambda values: values * 180 / np.pi,
    "sgn": _sign,
}


def _constant(arguments: Arguments, of: Callable[[Arguments], float]) -> Scalar:
    return Scalar(np.full(arguments.context.grid.size, of(arguments)))


def _query_range(arguments: Arguments) -> float:
    query = arguments.context.query
    return (query.end - query.start) / 1000.0


INSTANT_FUNCTIONS: Mapping[str, Function] = {
    **{name: partial(_of_floats, make=make) for name, make in _MATHS.items()},
    **{name: partial(_date, part=part) for name, part in _DATES.items()},
    "round": _round,
    "clamp": partial(_clamp, low=1, high=2),
    "clamp_min": partial(_clamp, low=1, high=None),
    "clamp_max": partial(_clamp, low=None, high=1),
    "scalar": _scalar,
    "vector": _vector,
    "max_of": partial(_two_scalars, choose=np.maximum),
    "min_of": partial(_two_scalars, choose=np.minimum),
    "absent": _absent,
    "absent_over_time": _absent_over_time,
    "timestamp": _timestamp,
    "start_timestamp": _start_timestamp,
    "sort": partial(_sort, descending=False),
    "sort_desc": partial(_sort, descending=True),
    "time": lambda arguments: Scalar(arguments.context.grid.times / 1000.0),
    "pi": partial(_constant, of=lambda _: np.pi),
    "step": partial(_constant, of=lambda arguments: arguments.context.query.step / 1000.0),
    "range": partial(_constant, of=_query_range),
    "start": partial(_constant, of=lambda arguments: arguments.context.query.start / 1000.0),
    "end": partial(_constant, of=lambda arguments: arguments.context.query.end / 1000.0),
}
