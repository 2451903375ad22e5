"""PromQL's functions and their types; Source: Prometheus 3.14, querying, "Query functions"."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from backbone.query.promql.ast import ValueType


@dataclass(frozen=True, slots=True)
class Function:
    """
    A function's signature.

    ``variadic`` is 0 for exactly the arguments of ``argument_types``; with n > 0 the last of them and n - 1 more of its
    type may be left out; with -1 the last may be left out or repeated at will.
    """

    name: str
    argument_types: tuple[ValueType, ...]
    variadic: int
    returns: ValueType
    experimental: bool = False


_TYPES = {"s": ValueType.SCALAR, "v": ValueType.VECTOR, "m": ValueType.MATRIX, "t": ValueType.STRING}

_PLAIN = {
    "v": """abs absent acos acosh asin asinh atan atanh ceil cos cosh deg exp floor histogram_avg histogram_count
        histogram_stddev histogram_stdvar histogram_sum ln log10 log2 rad sgn sin sinh sort sort_desc sqrt tan tanh
        timestamp""",
    "m": """absent_over_time avg_over_time changes count_over_time delta deriv idelta increase irate last_over_time
        max_over_time min_over_time present_over_time rate resets stddev_over_time stdvar_over_time sum_over_time""",
    "vss": "clamp",
    "vs": "clamp_max clamp_min",
    "ssv": "histogram_fraction",
    "sv": "histogram_quantile",
    "vtttt": "label_replace",
    "ms": "predict_linear",
    "sm": "quantile_over_time",
    "s": "vector",
}
"""Argument types → functions that take just these and return an instant vector."""

_EXPERIMENTAL = {
    "m": """first_over_time mad_over_time ts_of_first_over_time ts_of_last_over_time ts_of_max_over_time
        ts_of_min_over_time""",
    "mss": "double_exponential_smoothing",
    "v": "start_timestamp",
}

_SPECIAL = (
    *(
        Function(name, (ValueType.VECTOR,), 1, ValueType.VECTOR)
        for name in ["day_of_month", "day_of_week", "day_of_year", "days_in_month", "hour", "minute", "month", "year"]
    ),
    Function("histogram_quantiles", tuple(_TYPES[t] for t in "vtss"), 9, ValueType.VECTOR, experimental=True),
    Function("info", (ValueType.VECTOR, ValueType.VECTOR), 1, ValueType.VECTOR, experimental=True),
    Function("label_join", tuple(_TYPES[t] for t in "vttt"), -1, ValueType.VECTOR),
    Function("round", (ValueType.VECTOR, ValueType.SCALAR), 1, ValueType.VECTOR),
    Function("scalar", (ValueType.VECTOR,), 0, ValueType.SCALAR),
    Function("sort_by_label", (ValueType.VECTOR, ValueType.STRING), -1, ValueType.VECTOR, experimental=True),
    Function("sort_by_label_desc", (ValueType.VECTOR, ValueType.STRING), -1, ValueType.VECTOR, experimental=True),
    Function("pi", (), 0, ValueType.SCALAR),
    Function("time", (), 0, ValueType.SCALAR),
    *(Function(name, (), 0, ValueType.SCALAR, experimental=True) for name in ("start", "end", "step", "range")),
    *(
        Function(name, (ValueType.SCALAR, ValueType.SCALAR), 0, ValueType.SCALAR, experimental=True)
        for name in ("max_of", "min_of")
    ),
)


def _functions() -> Iterator[Function]:
    for experimental, table in ((False, _PLAIN), (True, _EXPERIMENTAL)):
        for types, names in table.items():
            for name in names.split():
                yield Function(name, tuple(_TYPES[t] for t in types), 0, ValueType.VECTOR, experimental)
    yield from _SPECIAL


FUNCTIONS: Final[Mapping[str, Function]] = MappingProxyType(
    {f.name: f for f in sorted(_functions(), key=lambda f: f.name)}
)
