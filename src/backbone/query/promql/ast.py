"""
PromQL's abstract syntax tree: what `parser` returns and `engine` evaluates.

Nodes are plain values; positions are offsets of characters in the query's text. Source: Prometheus 3.x, promql/parser.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from backbone.query.selectors import Matcher


class ValueType(StrEnum):
    """The type of an expression's value, as the HTTP API names it in ``resultType``."""

    SCALAR = "scalar"
    VECTOR = "vector"
    MATRIX = "matrix"
    STRING = "string"


@dataclass(frozen=True, slots=True)
class Span:
    """From ``start`` up to, not including, ``end``: offsets of characters in the query's text."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class NumberLiteral:
    """A number, or a duration that stands where a number may (``5m`` is 300)."""

    span: Span
    value: float
    is_duration: bool = False


@dataclass(frozen=True, slots=True)
class StringLiteral:
    span: Span
    value: str


DurationOperator = Literal["+", "-", "*", "/", "%", "^"]
DurationFunction = Literal["step", "range", "min", "max"]


@dataclass(frozen=True, slots=True)
class DurationOperation:
    """An operation of durations; a sign has no ``left``."""

    span: Span
    operator: DurationOperator
    left: DurationExpr | None
    right: DurationExpr


@dataclass(frozen=True, slots=True)
class DurationCall:
    """``step()`` and ``range()`` of the query, ``min(a, b)``, ``max(a, b)``."""

    span: Span
    function: DurationFunction
    arguments: tuple[DurationExpr, ...] = ()


DurationExpr = NumberLiteral | DurationOperation | DurationCall
"""Its value is in seconds."""

Duration = int | DurationExpr
"""Milliseconds, or what gives them once the query's step and range are known; `durations.resolve` leaves only int."""

Edge = Literal["start", "end"]
"""``@ start()`` and ``@ end()``: the query's first and last step."""

Extension = Literal["anchored", "smoothed"]


@dataclass(frozen=True, slots=True)
class VectorSelector:
    """
    ``name{matchers} @ at offset o``.

    ``matchers`` holds the name too, as ``__name__``; ``name`` is empty where it was given by a matcher or not at all.
    """

    span: Span
    name: str
    matchers: tuple[Matcher, ...]
    at: int | Edge | None = None
    offset: Duration = 0
    extension: Extension | None = None


@dataclass(frozen=True, slots=True)
class MatrixSelector:
    """``selector[range]``."""

    span: Span
    vector: VectorSelector
    range: Duration


@dataclass(frozen=True, slots=True)
class Subquery:
    """``inner[range:step] @ at offset o``; no step is the default evaluation interval."""

    span: Span
    inner: Expr
    range: Duration
    step: Duration | None
    at: int | Edge | None = None
    offset: Duration = 0


@dataclass(frozen=True, slots=True)
class Paren:
    span: Span
    inner: Expr


UnaryOperator = Literal["+", "-"]


@dataclass(frozen=True, slots=True)
class Unary:
    span: Span
    operator: UnaryOperator
    operand: Expr


@dataclass(frozen=True, slots=True)
class Call:
    """A function, by its name in `functions.FUNCTIONS`; arguments left out are not in ``arguments``."""

    span: Span
    function: str
    arguments: tuple[Expr, ...]


AggregationOperator = Literal[
    "sum", "avg", "count", "min", "max", "group", "stddev", "stdvar",
    "topk", "bottomk", "quantile", "count_values", "limitk", "limit_ratio",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Aggregation:
    """``operator by (grouping) (parameter, operand)``."""

    span: Span
    operator: AggregationOperator
    operand: Expr
    parameter: Expr | None = None
    grouping: tuple[str, ...] = ()
    without: bool = False


BinaryOperator = Literal[
    "+", "-", "*", "/", "%", "^", "atan2", "==", "!=", "<", "<=", ">", ">=", "</", ">/", "and", "or", "unless"
]

Cardinality = Literal["one-to-one", "many-to-one", "one-to-many", "many-to-many"]


@dataclass(frozen=True, slots=True)
class Matching:
    """
    How the series of two vectors find each other.

    ``group_left(include)`` is many-to-one, ``group_right`` one-to-many, set operators many-to-many.
    ``fill_left`` and ``fill_right`` are what stands for a series that is missing on that side.
    """

    cardinality: Cardinality = "one-to-one"
    labels: tuple[str, ...] = ()
    on: bool = False
    include: tuple[str, ...] = ()
    fill_left: float | None = None
    fill_right: float | None = None


@dataclass(frozen=True, slots=True)
class Binary:
    """``left operator bool? matching right``; ``matching`` is there when both sides are vectors."""

    span: Span
    operator: BinaryOperator
    left: Expr
    right: Expr
    returns_bool: bool = False
    matching: Matching | None = None


Expr = (
    NumberLiteral
    | StringLiteral
    | VectorSelector
    | MatrixSelector
    | Subquery
    | Paren
    | Unary
    | Call
    | Aggregation
    | Binary
)
