"""
LogQL's abstract syntax tree.

Of a metric query, what is above the ranges of lines is PromQL's tree: its leaves are selectors that name the ranges.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from backbone.query.promql import ast as promql
from backbone.query.selectors import Matcher

Span = promql.Span

LineOperator = Literal["|=", "!=", "|~", "!~", "|>", "!>"]
"""Holds, does not; matches the expression, does not; matches the pattern, does not."""
TextOperator = Literal["=", "!=", "=~", "!~"]
NumberOperator = Literal["==", "!=", ">", ">=", "<", "<="]
Unit = Literal["number", "duration", "bytes"]
"""What a label is read as before it is compared: seconds for durations."""


@dataclass(frozen=True, slots=True)
class Needle:
    """What a line is looked through for; of an ``ip`` a range or CIDR of addresses."""

    value: str
    is_ip: bool = False


@dataclass(frozen=True, slots=True)
class LineFilter:
    """``|= "a" or "b"``: a line passes when any of the needles is met, for negations when none is."""

    span: Span
    operator: LineOperator
    needles: tuple[Needle, ...]


@dataclass(frozen=True, slots=True)
class Phrase:
    """A text to be found in letters of any case; as whole words, or wherever it stands."""

    text: str
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Words:
    r"""
    What people type: a line passes when it has one of the phrases.

    Only the search box makes it; in LogQL it is like ``|~ "(?i)\bpeer lost\b"``, which no index answers.
    """

    span: Span
    phrases: tuple[Phrase, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Json:
    """``| json`` of all fields, or of some: pairs of label and path."""

    span: Span
    fields: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Logfmt:
    """``| logfmt`` of all fields, or of some: pairs of label and key."""

    span: Span
    fields: tuple[tuple[str, str], ...] = ()
    strict: bool = False
    keep_empty: bool = False


@dataclass(frozen=True, slots=True)
class Unpack:
    span: Span


@dataclass(frozen=True, slots=True)
class Capture:
    """``| regexp`` or ``| pattern``: an expression whose named groups become labels."""

    span: Span
    kind: Literal["regexp", "pattern"]
    text: str
    expression: str


@dataclass(frozen=True, slots=True)
class TextFilter:
    """``label = "text"``; a label that is not there is empty."""

    span: Span
    label: str
    operator: TextOperator
    value: str


@dataclass(frozen=True, slots=True)
class NumberFilter:
    """``label > 250ms``; a label that is no such number gives an error, and passes."""

    span: Span
    label: str
    operator: NumberOperator
    value: float
    unit: Unit


@dataclass(frozen=True, slots=True)
class IpFilter:
    """``label = ip("10.0.0.0/8")``."""

    span: Span
    label: str
    operator: Literal["=", "!="]
    value: str


@dataclass(frozen=True, slots=True)
class Logical:
    span: Span
    operator: Literal["and", "or"]
    left: LabelPredicate
    right: LabelPredicate


LabelPredicate = TextFilter | NumberFilter | IpFilter | Logical


@dataclass(frozen=True, slots=True)
class LabelFilter:
    span: Span
    predicate: LabelPredicate


@dataclass(frozen=True, slots=True)
class LineFormat:
    """``| line_format`` with a template of Go."""

    span: Span
    template: str


@dataclass(frozen=True, slots=True)
class LabelFormat:
    """``| label_format``: label, what it is made of, and whether that is a template rather than a label."""

    span: Span
    changes: tuple[tuple[str, str, bool], ...]


@dataclass(frozen=True, slots=True)
class Keep:
    """``| keep`` or ``| drop`` of labels; with a matcher, only where that is met."""

    span: Span
    kind: Literal["keep", "drop"]
    labels: tuple[str | Matcher, ...]


@dataclass(frozen=True, slots=True)
class Decolorize:
    span: Span


@dataclass(frozen=True, slots=True)
class Distinct:
    """``| distinct``: of lines with equal labels the first one passes."""

    span: Span
    labels: tuple[str, ...]


Stage = (
    LineFilter
    | Words
    | Json
    | Logfmt
    | Unpack
    | Capture
    | LabelFilter
    | LineFormat
    | LabelFormat
    | Keep
    | Decolorize
    | Distinct
)


@dataclass(frozen=True, slots=True)
class LogQuery:
    """``{matchers} stages``."""

    span: Span
    matchers: tuple[Matcher, ...]
    stages: tuple[Stage, ...] = ()


@dataclass(frozen=True, slots=True)
class Unwrap:
    """``| unwrap label``, read as a unit; the filters after it."""

    span: Span
    label: str
    unit: Unit = "number"
    filters: tuple[LabelFilter, ...] = ()


RangeOperator = Literal[
    "rate", "rate_counter", "count_over_time", "bytes_rate", "bytes_over_time", "absent_over_time", "sum_over_time",
    "avg_over_time", "max_over_time", "min_over_time", "first_over_time", "last_over_time", "stdvar_over_time",
    "stddev_over_time", "quantile_over_time",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class RangeAggregation:
    """``operator(parameter, query | unwrap label [range] offset) by (grouping)``; milliseconds."""

    span: Span
    operator: RangeOperator
    query: LogQuery
    range_ms: int
    offset_ms: int = 0
    unwrap: Unwrap | None = None
    parameter: float | None = None
    grouping: tuple[str, ...] | None = None
    """None where nothing was said."""
    without: bool = False


@dataclass(frozen=True, slots=True)
class MetricQuery:
    """A tree of PromQL; ``leaves`` are what its vector selectors stand for, by their one matcher."""

    expr: promql.Expr
    leaves: tuple[tuple[Matcher, RangeAggregation], ...]


Query = LogQuery | MetricQuery
