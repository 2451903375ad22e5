"""LogQL's trees as text."""

from __future__ import annotations

import re2

from backbone.query.logql import ast
from backbone.query.promql import ast as promql
from backbone.query.promql.go_floats import print_float
from backbone.query.promql.quoting import quote
from backbone.query.selectors import Matcher


def print_query(query: ast.Query) -> str:
    """Return text that parses to the same tree, positions aside."""
    return _lines(query) if isinstance(query, ast.LogQuery) else _Numbers(query).text(query.expr)


def _lines(query: ast.LogQuery) -> str:
    # What the search box makes may select everything, which a selector has to say.
    matchers = ", ".join(_matcher(matcher) for matcher in query.matchers) or 'service_name=~".+"'
    return " ".join([f"{{{matchers}}}", *(_stage(stage) for stage in query.stages)])


def _matcher(matcher: Matcher) -> str:
    return f"{matcher.label}{matcher.operator}{quote(matcher.value)}"


def _stage(stage: ast.Stage) -> str:  # noqa: PLR0911 - one a kind of stage
    match stage:
        case ast.LineFilter():
            needles = (f"ip({quote(one.value)})" if one.is_ip else quote(one.value) for one in stage.needles)
            return f"{stage.operator} {' or '.join(needles)}"
        case ast.Words():
            shown = "|".join(_phrase(phrase) for phrase in stage.phrases)
            return f"{'!~' if stage.negated else '|~'} {quote(f'(?i){shown}')}"
        case ast.LabelFilter():
            return f"| {_predicate(stage.predicate)}"
        case ast.Keep():
            return f"| {stage.kind} " + ", ".join(
                _matcher(one) if isinstance(one, Matcher) else one for one in stage.labels
            )
        case ast.Distinct():
            return f"| distinct {', '.join(stage.labels)}"
        case ast.Decolorize():
            return "| decolorize"
        case _:
            return _made(stage)


def _phrase(phrase: ast.Phrase) -> str:
    text: str = re2.escape(phrase.text)
    return rf"\b{text}\b" if phrase.whole else text


def _made(stage: ast.Json | ast.Logfmt | ast.Unpack | ast.Capture | ast.LineFormat | ast.LabelFormat) -> str:
    match stage:
        case ast.Json():
            return f"| json {_fields(stage.fields)}".rstrip()
        case ast.Logfmt():
            flags = [*(["--strict"] if stage.strict else []), *(["--keep-empty"] if stage.keep_empty else [])]
            return " ".join(["| logfmt", *flags, _fields(stage.fields)]).rstrip()
        case ast.Unpack():
            return "| unpack"
        case ast.Capture():
            return f"| {stage.kind} {quote(stage.text)}"
        case ast.LineFormat():
            return f"| line_format {quote(stage.template)}"
        case ast.LabelFormat():
            changes = (f"{label}={quote(text) if made else text}" for label, text, made in stage.changes)
            return f"| label_format {', '.join(changes)}"


def _fields(fields: tuple[tuple[str, str], ...]) -> str:
    return ", ".join(f"{label}={quote(path)}" for label, path in fields)


def _predicate(predicate: ast.LabelPredicate) -> str:
    match predicate:
        case ast.Logical():
            return f"({_predicate(predicate.left)} {predicate.operator} {_predicate(predicate.right)})"
        case ast.TextFilter():
            return f"{predicate.label}{predicate.operator}{quote(predicate.value)}"
        case ast.IpFilter():
            return f"{predicate.label}{predicate.operator}ip({quote(predicate.value)})"
        case ast.NumberFilter():
            return f"{predicate.label} {predicate.operator} {_measure(predicate.value, predicate.unit)}"


def _measure(value: float, unit: ast.Unit) -> str:
    suffix = {"number": "", "duration": "s", "bytes": "B"}[unit]
    return print_float(value) + suffix


class _Numbers:
    def __init__(self, query: ast.MetricQuery) -> None:
        self._leaves = dict(query.leaves)

    def text(self, expr: promql.Expr) -> str:  # noqa: PLR0911 - one a kind of node
        match expr:
            case promql.VectorSelector(matchers=(key,)):
                return _range(self._leaves[key])
            case promql.NumberLiteral():
                return print_float(expr.value)
            case promql.StringLiteral():
                return quote(expr.value)
            case promql.Paren():
                return f"({self.text(expr.inner)})"
            case promql.Call():
                return f"{expr.function}({', '.join(self.text(argument) for argument in expr.arguments)})"
            case promql.Aggregation():
                inner = [self.text(one) for one in (expr.parameter, expr.operand) if one is not None]
                return f"{expr.operator}{_grouping(expr.grouping, without=expr.without)}({', '.join(inner)})"
            case promql.Binary():
                return self._binary(expr)
            case _:
                raise TypeError(f"LogQL has no {type(expr).__name__}")

    def _binary(self, expr: promql.Binary) -> str:
        parts = [self.text(expr.left), expr.operator, *(["bool"] if expr.returns_bool else [])]
        if matching := expr.matching:
            if matching.on or matching.labels:
                parts.append(f"{'on' if matching.on else 'ignoring'}({', '.join(matching.labels)})")
            side = {"many-to-one": "group_left", "one-to-many": "group_right"}.get(matching.cardinality)
            if side:
                parts.append(f"{side}({', '.join(matching.include)})")
        return " ".join([*parts, self.text(expr.right)])


def _range(leaf: ast.RangeAggregation) -> str:
    parts = [_lines(leaf.query)]
    if unwrap := leaf.unwrap:
        label = unwrap.label if unwrap.unit == "number" else f"{unwrap.unit}({unwrap.label})"
        parts += [f"| unwrap {label}", *(_stage(stage) for stage in unwrap.filters)]
    parts.append(f"[{leaf.range_ms}ms]")
    if leaf.offset_ms:
        parts.append(f"offset {'-' if leaf.offset_ms < 0 else ''}{abs(leaf.offset_ms)}ms")
    parameter = f"{print_float(leaf.parameter)}, " if leaf.parameter is not None else ""
    grouping = "" if leaf.grouping is None else _grouping(leaf.grouping, without=leaf.without)
    return f"{leaf.operator}({parameter}{' '.join(parts)}){grouping}"


def _grouping(labels: tuple[str, ...], *, without: bool) -> str:
    return f" {'without' if without else 'by'} ({', '.join(labels)})"
