"""TraceQL's abstract syntax tree. Source: Grafana Tempo 2.8, "Construct a TraceQL query"."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Scope = Literal["", "span", "resource", "event", "link", "instrumentation"]
"""Where an attribute is looked for; '' is the span and then its resource."""

Kind = Literal["string", "number", "duration", "boolean", "nil", "status", "kind"]
"""What a value is; durations are nanoseconds."""


@dataclass(frozen=True, slots=True)
class Static:
    kind: Kind
    value: str | float | bool | None


@dataclass(frozen=True, slots=True)
class Attribute:
    scope: Scope
    name: str


@dataclass(frozen=True, slots=True)
class Intrinsic:
    """What every span has; by its newest name, such as ``span:duration`` for ``duration``."""

    name: str


@dataclass(frozen=True, slots=True)
class Unary:
    operator: Literal["-", "!"]
    operand: FieldExpr


FieldOperator = Literal["&&", "||", "=", "!=", "<", "<=", ">", ">=", "=~", "!~", "+", "-", "*", "/", "%", "^"]


@dataclass(frozen=True, slots=True)
class Operation:
    operator: FieldOperator
    left: FieldExpr
    right: FieldExpr


FieldExpr = Static | Attribute | Intrinsic | Unary | Operation
Field = Attribute | Intrinsic


@dataclass(frozen=True, slots=True)
class Filter:
    """``{ condition }``; no condition is true of every span."""

    condition: FieldExpr | None = None


SpansetOperator = Literal[
    "&&", "||", ">", ">>", "<", "<<", "~", "!>", "!>>", "!<", "!<<", "!~", "&>", "&>>", "&<", "&<<", "&~"
]
"""
Logical, and by structure: child, descendant, parent, ancestor, sibling; with ``!`` the right side's spans that are not
so to any of the left, with ``&`` the spans of both sides that are.
"""


@dataclass(frozen=True, slots=True)
class Combined:
    operator: SpansetOperator
    left: Spanset
    right: Spanset


@dataclass(frozen=True, slots=True)
class Aggregate:
    """``count()``, ``avg(duration)``: a number per spanset."""

    function: Literal["count", "avg", "min", "max", "sum"]
    operand: FieldExpr | None = None


@dataclass(frozen=True, slots=True)
class ScalarOperation:
    operator: Literal["+", "-", "*", "/", "%", "^"]
    left: Scalar
    right: Scalar


Scalar = Aggregate | Static | ScalarOperation


@dataclass(frozen=True, slots=True)
class ScalarFilter:
    """``count() > 2``: spansets of which it is true stay."""

    operator: Literal["=", "!=", "<", "<=", ">", ">="]
    left: Scalar
    right: Scalar


@dataclass(frozen=True, slots=True)
class GroupBy:
    """``by(field)``: each spanset becomes one per value."""

    expr: FieldExpr


@dataclass(frozen=True, slots=True)
class Coalesce:
    """``coalesce()``: a trace's spansets become one again."""


@dataclass(frozen=True, slots=True)
class Select:
    """``select(a, b)``: what is told of each span beside the rest."""

    fields: tuple[Field, ...]


Stage = Filter | Combined | ScalarFilter | GroupBy | Coalesce | Select


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Spans, and what is done with them, stage by stage."""

    stages: tuple[Stage | Pipeline, ...]


Spanset = Filter | Combined | Pipeline

MetricFunction = Literal[
    "rate", "count_over_time", "min_over_time", "max_over_time", "avg_over_time", "sum_over_time", "quantile_over_time",
    "histogram_over_time", "compare",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Metric:
    """``rate() by (a)``; ``compare({selection}, top, start, end)``, whose times are nanoseconds."""

    function: MetricFunction
    operand: FieldExpr | None = None
    quantiles: tuple[float, ...] = ()
    by: tuple[Field, ...] = ()
    selection: Filter | None = None
    top: int = 10
    window: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Ranked:
    """``topk(n)`` or ``bottomk(n)`` of the series of a metric."""

    function: Literal["topk", "bottomk"]
    count: int


@dataclass(frozen=True, slots=True)
class Query:
    pipeline: Pipeline
    metric: Metric | None = None
    ranked: Ranked | None = None
    hints: tuple[tuple[str, Static], ...] = field(default=())
