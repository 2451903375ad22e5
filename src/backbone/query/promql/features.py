"""Parts of the language that Prometheus has behind a flag."""

from __future__ import annotations

from collections.abc import Iterator

from backbone.query.promql.ast import (
    Aggregation,
    Binary,
    Call,
    DurationCall,
    DurationOperation,
    Expr,
    MatrixSelector,
    Span,
    Subquery,
    VectorSelector,
)
from backbone.query.promql.errors import syntax_error
from backbone.query.promql.functions import FUNCTIONS
from backbone.query.promql.walk import everything

FUNCTIONS_FEATURE = "promql-experimental-functions"
DURATIONS_FEATURE = "promql-duration-expr"
RANGES_FEATURE = "promql-extended-range-selectors"
FILL_FEATURE = "promql-binop-fill-modifiers"
ALL_FEATURES = frozenset({FUNCTIONS_FEATURE, DURATIONS_FEATURE, RANGES_FEATURE, FILL_FEATURE})


def check_features(expr: Expr, text: str, enabled: frozenset[str]) -> None:
    """
    Refuse what needs a feature that is not enabled.

    Raises:
        PromQLSyntaxError: with its place and the option that would allow it.
    """
    for node in everything(expr):
        for feature, span, what in _used(node):
            if feature not in enabled:
                message = f"{what} is experimental and must be enabled with 'promql.features: [{feature}]'"
                raise syntax_error(text, span.start, message)


def _used(node: Expr) -> Iterator[tuple[str, Span, str]]:
    match node:
        case Call() if FUNCTIONS[node.function].experimental:
            yield FUNCTIONS_FEATURE, node.span, f"{node.function}()"
        case Aggregation(operator="limitk" | "limit_ratio"):
            yield FUNCTIONS_FEATURE, node.span, f"{node.operator}()"
        case Binary(matching=matching) if matching and not matching.fill_left is matching.fill_right is None:
            yield FILL_FEATURE, node.span, "a fill modifier"
        case VectorSelector(extension=extension) if extension:
            yield RANGES_FEATURE, node.span, f"modifier {extension}"
        case _:
            pass
    for duration in _durations(node):
        if isinstance(duration, DurationOperation | DurationCall):
            yield DURATIONS_FEATURE, duration.span, "duration expression"


def _durations(node: Expr) -> tuple[object, ...]:
    match node:
        case VectorSelector():
            return (node.offset,)
        case MatrixSelector():
            return (node.range,)
        case Subquery():
            return (node.range, node.step, node.offset)
        case _:
            return ()
