"""From the grammar's tree to the typed one."""

from __future__ import annotations

from typing import Any

from lark import Token, v_args
from lark.tree import Meta

from backbone.query.grammars import BuildError
from backbone.query.logql import ast
from backbone.query.logql.build_metrics import BuildMetrics, metric_query
from backbone.query.logql.built import names_of, read, span_of, text_of
from backbone.query.logql.texts import capturing, expression, measured, pattern_expression
from backbone.query.selectors import Matcher

_EMPTY_SELECTOR = "queries require at least one regexp or equality matcher that does not have an empty-compatible value"
_NUMBER_OPERATORS = {"=": "=="}


@v_args(meta=True)
class Build(BuildMetrics):
    """Turns each rule into its node; positions are offsets of characters in the text."""

    def start(self, _meta: Meta, items: list[Any]) -> ast.Query:
        found = items[0]
        if isinstance(found, ast.LogQuery):
            if unwraps := [stage for stage in found.stages if isinstance(stage, ast.Unwrap)]:
                raise BuildError(unwraps[0].span.start, "unwrap is for range aggregations only")
            return found
        return metric_query(found)

    def lines(self, meta: Meta, items: list[Any]) -> ast.LogQuery:
        return ast.LogQuery(span_of(meta), items[0], tuple(items[1:]))

    def selector(self, meta: Meta, items: list[Any]) -> tuple[Matcher, ...]:
        matchers = tuple(item for item in items if isinstance(item, Matcher))
        if all(matcher.takes_empty for matcher in matchers):
            raise BuildError(meta.start_pos, _EMPTY_SELECTOR)
        return matchers

    def matcher(self, _meta: Meta, items: list[Any]) -> Matcher:
        name, operator, value = items
        return _matcher(name, operator, value)

    def text_operator(self, _meta: Meta, items: list[Any]) -> str:
        return str(items[0])

    def number_operator(self, _meta: Meta, items: list[Any]) -> str:
        return _NUMBER_OPERATORS.get(str(items[0]), str(items[0]))

    def text_needle(self, _meta: Meta, items: list[Any]) -> tuple[ast.Needle, Token]:
        return ast.Needle(text_of(items[0])), items[0]

    def ip_needle(self, _meta: Meta, items: list[Any]) -> tuple[ast.Needle, Token]:
        return ast.Needle(text_of(items[1]), is_ip=True), items[1]

    def line_filter(self, meta: Meta, items: list[Any]) -> ast.LineFilter:
        operator: Any = str(items[0])
        needles = [item for item in items[1:] if isinstance(item, tuple)]
        for needle, token in needles:
            if operator in {"|~", "!~"} and not needle.is_ip:
                read(expression, token, needle.value)
            if operator in {"|>", "!>"}:
                read(lambda text: pattern_expression(text, filters=True), token, needle.value)
            if needle.is_ip and operator not in {"|=", "!="}:
                raise BuildError(token.start_pos, "ip() stands after |= or != only")
        return ast.LineFilter(span_of(meta), operator, tuple(needle for needle, _ in needles))

    def piped(self, _meta: Meta, items: list[Any]) -> Any:
        return items[-1]

    def json(self, meta: Meta, items: list[Any]) -> ast.Json:
        return ast.Json(span_of(meta), tuple(item for item in items[1:] if item))

    def logfmt(self, meta: Meta, items: list[Any]) -> ast.Logfmt:
        flags = {str(item) for item in items[1:] if isinstance(item, Token)}
        fields = tuple(item for item in items[1:] if isinstance(item, tuple))
        return ast.Logfmt(span_of(meta), fields, "--strict" in flags, "--keep-empty" in flags)

    def field(self, _meta: Meta, items: list[Any]) -> tuple[str, str]:
        label, path = items
        return str(label), str(label) if path is None else text_of(path)

    def unpack(self, meta: Meta, _items: list[Any]) -> ast.Unpack:
        return ast.Unpack(span_of(meta))

    def capture(self, meta: Meta, items: list[Any]) -> ast.Capture:
        text = text_of(items[1])
        if items[0].type == "REGEXP":
            return ast.Capture(span_of(meta), "regexp", text, read(capturing, items[1], text))
        return ast.Capture(span_of(meta), "pattern", text, read(pattern_expression, items[1], text))

    def line_format(self, meta: Meta, items: list[Any]) -> ast.LineFormat:
        return ast.LineFormat(span_of(meta), text_of(items[1]))

    def label_format(self, meta: Meta, items: list[Any]) -> ast.LabelFormat:
        changes = tuple(items[1:])
        labels = [label for label, _, _ in changes]
        if len(set(labels)) < len(labels):
            raise BuildError(meta.start_pos, "a label can be formatted only once per stage")
        return ast.LabelFormat(span_of(meta), changes)

    def change(self, _meta: Meta, items: list[Any]) -> tuple[str, str, bool]:
        label, made_of = items
        is_template = made_of.type == "STRING"
        return str(label), text_of(made_of) if is_template else str(made_of), is_template

    def keep(self, meta: Meta, items: list[Any]) -> ast.Keep:
        return ast.Keep(span_of(meta), "keep" if items[0].type == "KEEP" else "drop", tuple(items[1:]))

    def kept(self, _meta: Meta, items: list[Any]) -> str | Matcher:
        name, operator, value = items
        return str(name) if operator is None else _matcher(name, operator, value)

    def decolorize(self, meta: Meta, _items: list[Any]) -> ast.Decolorize:
        return ast.Decolorize(span_of(meta))

    def distinct(self, meta: Meta, items: list[Any]) -> ast.Distinct:
        return ast.Distinct(span_of(meta), names_of(items[1:]))

    def label_filter(self, meta: Meta, items: list[Any]) -> ast.LabelFilter:
        return ast.LabelFilter(span_of(meta), items[0])

    def either(self, meta: Meta, items: list[Any]) -> ast.Logical:
        return ast.Logical(span_of(meta), "or", items[0], items[-1])

    def both(self, meta: Meta, items: list[Any]) -> ast.Logical:
        return ast.Logical(span_of(meta), "and", items[0], items[-1])

    def text_filter(self, meta: Meta, items: list[Any]) -> ast.TextFilter:
        name, operator, value = items
        _matcher(name, operator, value)
        return ast.TextFilter(span_of(meta), str(name), operator, text_of(value))

    def ip_filter(self, meta: Meta, items: list[Any]) -> ast.IpFilter:
        name, operator, _, value = items
        if operator not in {"=", "!="}:
            raise BuildError(meta.start_pos, "ip() stands after = or != only")
        return ast.IpFilter(span_of(meta), str(name), operator, text_of(value))

    def number_filter(self, meta: Meta, items: list[Any]) -> ast.NumberFilter:
        name, operator, value = items
        number, unit = measured(value.type, str(value))
        return ast.NumberFilter(span_of(meta), str(name), operator, number, unit)

    def unwrap(self, meta: Meta, items: list[Any]) -> ast.Unwrap:
        units: dict[str, ast.Unit] = {"duration": "duration", "duration_seconds": "duration", "bytes": "bytes"}
        unit: ast.Unit = units[str(items[1])] if len(items) == 3 else "number"
        return ast.Unwrap(span_of(meta), str(items[-1]), unit)


def _matcher(name: Token, operator: Any, value: Token) -> Matcher:
    text = text_of(value)
    if operator in {"=~", "!~"}:
        read(expression, value, text)
    return Matcher(str(name), operator, text)
