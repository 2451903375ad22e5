"""From the grammar's tree to ranges of lines and, above them, PromQL's tree."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lark import Token, Transformer, v_args
from lark.tree import Meta

from backbone.query.grammars import BuildError
from backbone.query.logql import ast
from backbone.query.logql.built import names_of, span_of, text_of
from backbone.query.logql.texts import seconds
from backbone.query.promql import ast as promql
from backbone.query.promql.checks import COMPARISONS, Problem, aggregation_problems, binary_problems, value_type
from backbone.query.selectors import Matcher

LEAF_LABEL = "__range__"
"""By the value of this label a vector selector names a range."""

_UNWRAPPED = frozenset(
    {"sum_over_time", "avg_over_time", "max_over_time", "min_over_time", "first_over_time", "last_over_time",
     "stdvar_over_time", "stddev_over_time", "quantile_over_time", "rate_counter"}
)  # fmt: skip
_GROUPED = frozenset(
    {"avg_over_time", "max_over_time", "min_over_time", "first_over_time", "last_over_time", "stdvar_over_time",
     "stddev_over_time", "quantile_over_time"}
)  # fmt: skip
_NOTHING_UNWRAPPED = frozenset({"count_over_time", "bytes_rate", "bytes_over_time"})


@v_args(meta=True)
class BuildMetrics(Transformer[Any, Any]):
    """The rules of numbers."""

    def number(self, meta: Meta, items: list[Any]) -> promql.NumberLiteral:
        sign, digits = items
        value = float(digits) * (-1 if sign == "-" else 1)
        return promql.NumberLiteral(span_of(meta), value)

    def paren(self, meta: Meta, items: list[Any]) -> promql.Paren:
        return promql.Paren(span_of(meta), items[0])

    def vector(self, meta: Meta, items: list[Any]) -> promql.Call:
        return promql.Call(span_of(meta), "vector", (items[1],))

    def offset(self, _meta: Meta, items: list[Any]) -> int:
        return round(seconds(items[2]) * 1000) * (-1 if items[1] else 1)

    def range(self, meta: Meta, items: list[Any]) -> ast.RangeAggregation:
        query, length, offset, *later = items
        stages = (*query.stages, *later)
        unwraps = [at for at, stage in enumerate(stages) if isinstance(stage, ast.Unwrap)]
        if len(unwraps) > 1:
            raise BuildError(stages[unwraps[1]].span.start, "a range is unwrapped once only")
        unwrap = None
        if unwraps:
            filters = stages[unwraps[0] + 1 :]
            wrong = [stage for stage in filters if not isinstance(stage, ast.LabelFilter)]
            if wrong:
                raise BuildError(wrong[0].span.start, "only label filters may follow unwrap")
            unwrap = replace(stages[unwraps[0]], filters=filters)
            stages = stages[: unwraps[0]]
        length_ms = round(seconds(str(length)) * 1000)
        if length_ms <= 0:
            raise BuildError(length.start_pos or 0, "a range must be at least a millisecond")
        span = span_of(meta)
        return ast.RangeAggregation(span, "rate", replace(query, stages=stages), length_ms, offset or 0, unwrap)

    def range_aggregation(self, meta: Meta, items: list[Any]) -> ast.RangeAggregation:
        operator, parameter, found, grouping = items
        start = meta.start_pos
        if operator in _UNWRAPPED and found.unwrap is None:
            raise BuildError(start, f"invalid aggregation {operator} without unwrap")
        if operator in _NOTHING_UNWRAPPED and found.unwrap is not None:
            raise BuildError(start, f"invalid aggregation {operator} with unwrap")
        if (operator == "quantile_over_time") != (parameter is not None):
            need = "requires a parameter" if parameter is None else "takes no parameter"
            raise BuildError(start, f"{operator} {need}")
        if grouping and operator not in _GROUPED:
            raise BuildError(start, f"grouping not allowed for {operator} aggregation")
        labels, without = grouping or (None, False)
        aggregation: ast.RangeAggregation = replace(
            found, span=span_of(meta), operator=str(operator), parameter=parameter and parameter.value, grouping=labels,
            without=without,
        )  # fmt: skip
        return aggregation

    def grouping(self, _meta: Meta, items: list[Any]) -> tuple[tuple[str, ...], bool]:
        return names_of(items), items[0].type == "WITHOUT"

    def vector_aggregation(self, meta: Meta, items: list[Any]) -> promql.Aggregation | promql.Call:
        operator, before, parameter, operand, after = items
        if before and after:
            raise BuildError(meta.start_pos, "grouping is given twice")
        if operator in {"sort", "sort_desc"}:
            if before or after or parameter:
                raise BuildError(meta.start_pos, f"{operator} takes a vector only")
            return promql.Call(span_of(meta), str(operator), (operand,))
        name: Any = "topk" if operator == "approx_topk" else str(operator)
        if (name in {"topk", "bottomk"}) != (parameter is not None):
            raise BuildError(meta.start_pos, f"{operator} {'requires' if parameter is None else 'takes no'} parameter")
        labels, without = before or after or ((), False)
        node = promql.Aggregation(span_of(meta), name, operand, parameter, labels, without)
        types = (*((promql.ValueType.SCALAR,) if parameter else ()), _type(operand))
        _refuse(aggregation_problems(node, types))
        return node

    def label_replace(self, meta: Meta, items: list[Any]) -> promql.Call:
        texts = [promql.StringLiteral(_span(token), text_of(token)) for token in items[2:]]
        return promql.Call(span_of(meta), "label_replace", (items[1], *texts))

    def modifiers(self, _meta: Meta, items: list[Any]) -> tuple[bool, promql.Matching | None]:
        return items[0] is not None, items[1]

    def matching(self, _meta: Meta, items: list[Any]) -> promql.Matching:
        side: tuple[promql.Cardinality, tuple[str, ...]] = items[-1] or ("one-to-one", ())
        return promql.Matching(side[0], names_of(items), items[0].type == "ON", side[1])

    def side(self, _meta: Meta, items: list[Any]) -> tuple[promql.Cardinality, tuple[str, ...]]:
        return ("many-to-one" if items[0].type == "GROUP_LEFT" else "one-to-many"), names_of(items)

    def binary(self, meta: Meta, items: list[Any]) -> promql.Binary:
        left, operator, (returns_bool, matching), right = items
        types = _type(left), _type(right)
        both = types[0] is types[1] is promql.ValueType.VECTOR
        name: Any = str(operator)
        known = matching or promql.Matching()
        if name in {"and", "or", "unless"}:
            known = replace(known, cardinality="many-to-many")
        # Two numbers compare to a number.
        returns_bool = returns_bool or (types == (promql.ValueType.SCALAR,) * 2 and name in COMPARISONS)
        node = promql.Binary(span_of(meta), name, left, right, returns_bool, known if both else None)
        _refuse(binary_problems(node, operator.start_pos or 0, *types, known))
        return node


def metric_query(found: Any) -> ast.MetricQuery:
    """Return the query, with its ranges by the selectors that stand for them."""
    leaves: list[tuple[Matcher, ast.RangeAggregation]] = []
    expr = _without_ranges(found, leaves)
    return ast.MetricQuery(expr, tuple(leaves))


def _span(token: Token) -> promql.Span:
    return promql.Span(token.start_pos or 0, token.end_pos or 0)


def _type(expr: Any) -> promql.ValueType:
    return promql.ValueType.VECTOR if isinstance(expr, ast.RangeAggregation) else value_type(expr)


def _refuse(problems: Any) -> None:
    problem: Problem
    for problem in problems:
        raise BuildError(problem.position or 0, problem.what)


def _without_ranges(node: Any, leaves: list[tuple[Matcher, ast.RangeAggregation]]) -> promql.Expr:
    """Return the tree with a selector in the place of each range."""
    match node:
        case ast.RangeAggregation():
            matcher = Matcher(LEAF_LABEL, "=", str(len(leaves)))
            leaves.append((matcher, node))
            return promql.VectorSelector(node.span, "", (matcher,))
        case promql.Paren():
            return replace(node, inner=_without_ranges(node.inner, leaves))
        case promql.Call():
            return replace(node, arguments=tuple(_without_ranges(argument, leaves) for argument in node.arguments))
        case promql.Aggregation():
            return replace(node, operand=_without_ranges(node.operand, leaves))
        case promql.Binary():
            return replace(node, left=_without_ranges(node.left, leaves), right=_without_ranges(node.right, leaves))
        case _:
            found: promql.Expr = node
            return found
