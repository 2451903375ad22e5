"""From the grammar's tree to the typed one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from lark import Token, Transformer, v_args
from lark.tree import Meta

from backbone.query.grammars import BuildError
from backbone.query.promql.quoting import EscapeError, unescape
from backbone.query.selectors import PatternError, compiled
from backbone.query.traceql import ast
from backbone.query.traceql.types import TypeProblem, check_filter, check_number, check_scalars

_OLD_NAMES = {
    "duration": "span:duration", "name": "span:name", "status": "span:status", "statusMessage": "span:statusMessage",
    "kind": "span:kind", "childCount": "span:childCount", "rootName": "trace:rootName", "parent": "span:parentID",
    "rootServiceName": "trace:rootService", "traceDuration": "trace:duration",
}  # fmt: skip
_UNIT_NS = {"ns": 1, "us": 1e3, "µs": 1e3, "ms": 1e6, "s": 1e9, "m": 60e9, "h": 3600e9, "d": 86400e9}
_SEGMENT = re.compile(r'"((?:\\.|[^"\\])*)"|([^"]+)')
_HISTOGRAM, _QUANTILES = "histogram_over_time", "quantile_over_time"
_WITHOUT_OPERAND = frozenset({"rate", "count_over_time"})
_MOST_QUANTILES = 20


@v_args(meta=True)
class Build(Transformer[Any, Any]):
    """Turns each rule into its node."""

    def start(self, meta: Meta, items: list[Any]) -> ast.Query:
        pipeline, hints = items
        stages = list(pipeline.stages)
        ranked = stages.pop() if isinstance(stages[-1], ast.Ranked) else None
        metric = stages.pop() if isinstance(stages[-1], ast.Metric) else None
        if ranked and not metric:
            raise BuildError(meta.start_pos, f"{ranked.function} takes the series of a metric, such as rate()")
        _refuse_metrics(meta, stages)
        return ast.Query(ast.Pipeline(tuple(stages)), metric, ranked, hints or ())

    def pipeline(self, meta: Meta, items: list[Any]) -> ast.Pipeline:
        if not isinstance(items[0], (ast.Filter, ast.Combined, ast.Pipeline)):
            raise BuildError(meta.start_pos, "a query begins with spans, such as { }")
        return ast.Pipeline(tuple(items))

    def wrapped(self, meta: Meta, items: list[Any]) -> Any:
        [pipeline] = items
        _refuse_metrics(meta, pipeline.stages)
        # Parentheses around spans alone only group.
        if len(pipeline.stages) == 1:
            return pipeline.stages[0]
        return pipeline

    def combined(self, _meta: Meta, items: list[Any]) -> ast.Combined:
        left, operator, right = items
        return ast.Combined(str(operator), left, right)  # type: ignore[arg-type]

    def structural(self, _meta: Meta, items: list[Any]) -> str:
        return str(items[0])

    def filter(self, meta: Meta, items: list[Any]) -> ast.Filter:
        [condition] = items
        if condition is not None:
            _checked(meta, check_filter, condition)
        return ast.Filter(condition)

    def group_by(self, _meta: Meta, items: list[Any]) -> ast.GroupBy:
        return ast.GroupBy(items[1])

    def coalesce(self, _meta: Meta, _items: list[Any]) -> ast.Coalesce:
        return ast.Coalesce()

    def select(self, _meta: Meta, items: list[Any]) -> ast.Select:
        return ast.Select(tuple(items[1:]))

    def scalar_filter(self, meta: Meta, items: list[Any]) -> ast.ScalarFilter:
        left, operator, right = items
        _checked(meta, check_scalars, (left, right))
        return ast.ScalarFilter(operator, left, right)

    def comparison(self, _meta: Meta, items: list[Any]) -> str:
        return str(items[0])

    def scalar_operation(self, _meta: Meta, items: list[Any]) -> ast.ScalarOperation:
        left, operator, right = items
        return ast.ScalarOperation(str(operator), left, right)  # type: ignore[arg-type]

    def aggregate(self, meta: Meta, items: list[Any]) -> ast.Aggregate:
        function, operand = str(items[0]), items[1]
        if (function == "count") != (operand is None):
            what = "takes nothing" if function == "count" else "takes what it is to be of"
            raise BuildError(meta.start_pos, f"{function}() {what}")
        if operand is not None:
            _checked(meta, check_number, operand)
        return ast.Aggregate(function, operand)  # type: ignore[arg-type]

    def operation(self, _meta: Meta, items: list[Any]) -> ast.Operation:
        left, operator, right = items
        if operator in {"=~", "!~"}:
            if not isinstance(right, ast.Static) or not isinstance(right.value, str):
                raise BuildError(operator.start_pos, f"{operator} takes a regular expression in quotes")
            try:
                compiled(right.value)
            except PatternError as error:
                raise BuildError(operator.start_pos, f"invalid regex: {error}") from None
        return ast.Operation(str(operator), left, right)  # type: ignore[arg-type]

    def unary(self, _meta: Meta, items: list[Any]) -> ast.Unary:
        return ast.Unary(str(items[0]), items[1])  # type: ignore[arg-type]

    def attribute(self, meta: Meta, items: list[Any]) -> ast.Attribute:
        scope, _, rest = str(items[0]).partition(".")
        if scope == "parent":
            raise BuildError(meta.start_pos, "attributes of the parent span are not searched; use { … } > { … }")
        name = "".join(_text(f'"{quoted}"', meta) if quoted else plain for quoted, plain in _SEGMENT.findall(rest))
        return ast.Attribute(scope, name)  # type: ignore[arg-type]

    def intrinsic(self, _meta: Meta, items: list[Any]) -> ast.Intrinsic:
        return ast.Intrinsic(_OLD_NAMES.get(str(items[0]), str(items[0])))

    def string(self, meta: Meta, items: list[Any]) -> ast.Static:
        return ast.Static("string", _text(str(items[0]), meta))

    def plain_number(self, _meta: Meta, items: list[Any]) -> ast.Static:
        return ast.Static("number", float(items[0]))

    def number(self, _meta: Meta, items: list[Any]) -> ast.Static:
        sign, digits = items
        return ast.Static("number", float(digits) * (-1 if sign else 1))

    def duration(self, _meta: Meta, items: list[Any]) -> ast.Static:
        parts = re.findall(r"([0-9.]+)(ns|us|µs|ms|s|m|h|d)", str(items[0]))
        return ast.Static("duration", float(round(sum(float(number) * _UNIT_NS[unit] for number, unit in parts))))

    def boolean(self, _meta: Meta, items: list[Any]) -> ast.Static:
        return ast.Static("boolean", str(items[0]) == "true")

    def nil(self, _meta: Meta, _items: list[Any]) -> ast.Static:
        return ast.Static("nil", None)

    def status(self, _meta: Meta, items: list[Any]) -> ast.Static:
        return ast.Static("status", str(items[0]))

    def kind(self, _meta: Meta, items: list[Any]) -> ast.Static:
        return ast.Static("kind", str(items[0]))

    def arguments(self, _meta: Meta, items: list[Any]) -> tuple[Any, ...]:
        return tuple(items)

    def metric(self, meta: Meta, items: list[Any]) -> ast.Metric:
        name, arguments, *fields = items
        function: Any = str(name)
        operand, *numbers = arguments or (None,)
        by = tuple(field for field in fields if isinstance(field, (ast.Attribute, ast.Intrinsic)))
        if (function in _WITHOUT_OPERAND) != (operand is None):
            what = "takes nothing" if function in _WITHOUT_OPERAND else "takes what it is to be of"
            raise BuildError(meta.start_pos, f"{function}() {what}")
        if operand is not None:
            _checked(meta, check_number, operand)
        quantiles = tuple(float(number.value) for number in numbers)
        if (function == _QUANTILES) != bool(quantiles):
            raise BuildError(meta.start_pos, f"{function} {'needs' if function == _QUANTILES else 'has no'} quantiles")
        if len(quantiles) > _MOST_QUANTILES or any(not 0 <= quantile <= 1 for quantile in quantiles):
            raise BuildError(meta.start_pos, f"quantiles are numbers from 0 to 1, at most {_MOST_QUANTILES} of them")
        return ast.Metric(function, operand, quantiles, by)

    def compare(self, meta: Meta, items: list[Any]) -> ast.Metric:
        selection = items[1]
        if not isinstance(selection, ast.Filter):
            raise BuildError(meta.start_pos, "compare takes one filter, such as { status = error }")
        numbers = [int(float(item)) for item in items[2:] if isinstance(item, Token) and item.type == "NUMBER"]
        if len(numbers) not in {0, 1, 3}:
            raise BuildError(meta.start_pos, "compare takes a filter, how many values, and a start and an end")
        window = (numbers[1], numbers[2]) if len(numbers) == 3 else None
        return ast.Metric("compare", selection=selection, top=numbers[0] if numbers else 10, window=window)

    def ranked(self, meta: Meta, items: list[Any]) -> ast.Ranked:
        count = float(items[1])
        if not count.is_integer() or count < 1:
            raise BuildError(meta.start_pos, f"{items[0]} takes a whole number from 1 on")
        return ast.Ranked(str(items[0]), int(count))  # type: ignore[arg-type]

    def hints(self, _meta: Meta, items: list[Any]) -> tuple[tuple[str, ast.Static], ...]:
        return tuple(items[1:])

    def hint(self, _meta: Meta, items: list[Any]) -> tuple[str, ast.Static]:
        return str(items[0]), items[2]


def _refuse_metrics(meta: Meta, stages: Sequence[Any]) -> None:
    if any(isinstance(stage, (ast.Metric, ast.Ranked)) for stage in stages):
        raise BuildError(meta.start_pos, "a metric such as rate() stands at the end of a query only")


def _text(token: str, meta: Meta) -> str:
    if token[0] == "`":
        return token[1:-1]
    try:
        return unescape(token[1:-1], '"')
    except EscapeError as error:
        raise BuildError(meta.start_pos, str(error)) from None


def _checked(meta: Meta, check: Any, value: Any) -> None:
    try:
        check(value)
    except TypeProblem as problem:
        raise BuildError(meta.start_pos, str(problem)) from None
