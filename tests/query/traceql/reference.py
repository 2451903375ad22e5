"""TraceQL in plain Python, span by span: slow, and easy to check against Tempo's documentation."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from backbone.query.traceql import ast

Value = str | float | bool | None


@dataclass
class Plain:
    """A span; attributes hold texts, numbers and booleans."""

    trace: str
    span: str
    parent: str
    name: str
    service: str
    start_ns: int
    duration_ns: int
    status: str
    kind: str
    attributes: dict[str, Value]
    resource: dict[str, Value]
    events: list[tuple[str, dict[str, Value]]] = field(default_factory=list)


Spanset = list[Plain]


def search(query: ast.Query, spans: Sequence[Plain]) -> dict[str, list[list[str]]]:
    """Return the ids of the spans of each spanset by trace."""
    found = {}
    for trace in dict.fromkeys(span.trace for span in spans):
        own = [span for span in spans if span.trace == trace]
        sets = [one for one in _Trace(own).pipeline(query.pipeline, [own]) if one]
        if sets:
            found[trace] = sorted(sorted(span.span for span in one) for one in sets)
    return found


class _Trace:
    def __init__(self, spans: Spanset) -> None:
        self.spans = spans
        self.by_id = {span.span: span for span in spans}

    def pipeline(self, pipeline: ast.Pipeline, sets: list[Spanset]) -> list[Spanset]:
        for stage in pipeline.stages:
            sets = [found for one in self.stage(stage, sets) if (found := one)]
        return sets

    def stage(self, stage: Any, sets: list[Spanset]) -> list[Spanset]:
        match stage:
            case ast.GroupBy():
                grouped: list[Spanset] = []
                for one in sets:
                    by: dict[Any, Spanset] = {}
                    for span in one:
                        value = self.value(stage.expr, span)
                        by.setdefault((type(value), value), []).append(span)
                    grouped += by.values()
                return grouped
            case ast.Coalesce():
                return [[span for one in sets for span in one]]
            case ast.Select():
                return sets
            case ast.ScalarFilter():
                return [one for one in sets if self.holds(stage, one)]
            case _:
                if isinstance(stage, ast.Combined):
                    # Which spansets they were in says nothing of how they are related.
                    everything = [span for one in sets for span in one]
                    kept = {id(span) for span in self.spanset(stage, everything)}
                    return [[span for span in one if id(span) in kept] for one in sets]
                return [self.spanset(stage, one) for one in sets]

    def spanset(self, node: Any, within: Spanset) -> Spanset:
        match node:
            case ast.Filter():
                return [span for span in within if node.condition is None or self.condition(node.condition, span)]
            case ast.Pipeline():
                return [span for one in self.pipeline(node, [within]) for span in one]
            case _:
                left, right = self.spanset(node.left, within), self.spanset(node.right, within)
                return self.combined(node.operator, left, right)

    def combined(self, sign: str, left: Spanset, right: Spanset) -> Spanset:
        if sign == "||":
            return _union(left, right)
        if sign == "&&":
            return _union(left, right) if left and right else []
        kind = sign.lstrip("!&")
        met = [span for span in right if any(self.related(kind, one, span) for one in left)]
        if sign.startswith("!"):
            return [span for span in right if span not in met]
        if sign.startswith("&"):
            return _union([one for one in left if any(self.related(kind, one, span) for span in right)], met)
        return met

    def related(self, kind: str, left: Plain, right: Plain) -> bool:
        match kind:
            case ">":
                return right.parent == left.span
            case "<":
                return left.parent == right.span
            case ">>":
                return left in self.ancestors(right)
            case "<<":
                return right in self.ancestors(left)
            case _:
                return left is not right and left.parent == right.parent != ""

    def ancestors(self, span: Plain) -> Spanset:
        found: Spanset = []
        above = self.by_id.get(span.parent)
        while above is not None and above not in found:
            found.append(above)
            above = self.by_id.get(above.parent)
        return found

    def condition(self, expr: Any, span: Plain) -> bool:  # noqa: PLR0911 - one a kind of node
        match expr:
            case ast.Operation(operator="&&"):
                return self.condition(expr.left, span) and self.condition(expr.right, span)
            case ast.Operation(operator="||"):
                return self.condition(expr.left, span) or self.condition(expr.right, span)
            case ast.Unary(operator="!", operand=ast.Operation() | ast.Unary() as inner):
                return not self.condition(inner, span)
            case ast.Unary(operator="!"):
                return self.value(expr.operand, span) is False
            case ast.Operation(operator="=" | "!=" as sign, right=ast.Static(kind="nil")):
                return (self.value(expr.left, span) is None) == (sign == "=")
            case ast.Operation(operator=sign) if sign in _COMPARE or sign in {"=~", "!~"}:
                wanted = self.value(expr.right, span)
                if isinstance(expr.left, ast.Intrinsic) and expr.left.name == "event:name":
                    return any(_compared(sign, name, wanted) for name, _ in span.events)
                if isinstance(expr.left, ast.Attribute) and expr.left.scope == "event":
                    name = expr.left.name
                    return any(_compared(sign, values.get(name), wanted) for _, values in span.events)
                return _compared(sign, self.value(expr.left, span), self.value(expr.right, span))
            case _:
                return self.value(expr, span) is True

    def value(self, expr: Any, span: Plain) -> Value:  # noqa: PLR0911 - one a kind of node
        match expr:
            case ast.Static():
                return expr.value
            case ast.Attribute(scope="resource", name=name):
                return span.resource.get(name)
            case ast.Attribute(scope="", name=name):
                return span.attributes[name] if name in span.attributes else span.resource.get(name)
            case ast.Attribute(name=name):
                return span.attributes.get(name)
            case ast.Intrinsic(name=name):
                return self.intrinsic(name, span)
            case ast.Unary(operator="-"):
                number = self.value(expr.operand, span)
                return -number if _is_number(number) else None  # type: ignore[operator]
            case ast.Operation(operator=sign) if sign in _ARITHMETIC:
                left, right = self.value(expr.left, span), self.value(expr.right, span)
                return _ARITHMETIC[sign](left, right) if _is_number(left) and _is_number(right) else None
            case _:
                return self.condition(expr, span)

    def intrinsic(self, name: str, span: Plain) -> Value:
        roots = sorted(self.spans, key=lambda one: (one.parent != "", one.start_ns))
        end = max(one.start_ns + one.duration_ns for one in self.spans)
        known: dict[str, Value] = {
            "span:name": span.name,
            "span:duration": float(span.duration_ns),
            "span:status": span.status,
            "span:kind": span.kind,
            "span:childCount": float(sum(one.parent == span.span for one in self.spans)),
            "span:parentID": span.parent or None,
            "trace:rootName": roots[0].name,
            "trace:rootService": roots[0].service,
            "trace:duration": float(end - min(one.start_ns for one in self.spans)),
            "nestedSetParent": None if span.parent else -1.0,
        }
        return known[name]

    def holds(self, stage: ast.ScalarFilter, spans: Spanset) -> bool:
        left, right = self.scalar(stage.left, spans), self.scalar(stage.right, spans)
        if left is None or right is None or math.isnan(left) or math.isnan(right):
            return False
        return bool(_COMPARE[stage.operator](left, right))

    def scalar(self, scalar: Any, spans: Spanset) -> float | None:
        match scalar:
            case ast.Static(value=value):
                return float(str(value))
            case ast.Aggregate(function="count"):
                return float(len(spans))
            case ast.Aggregate():
                values = [value for span in spans if _is_number(value := self.value(scalar.operand, span))]
                return _AGGREGATES[scalar.function](values) if values else None
            case _:
                left, right = self.scalar(scalar.left, spans), self.scalar(scalar.right, spans)
                return None if left is None or right is None else _ARITHMETIC[scalar.operator](left, right)


def _union(left: Spanset, right: Spanset) -> Spanset:
    return [*left, *(span for span in right if span not in left)]


def _is_number(value: Value) -> bool:
    return isinstance(value, float) and not isinstance(value, bool)


def _compared(sign: str, left: Value, right: Value) -> bool:
    if left is None or right is None or type(left) is not type(right):
        return False
    if sign in {"=~", "!~"}:
        return (re.fullmatch(str(right), str(left), re.DOTALL) is not None) == (sign == "=~")
    return bool(_COMPARE[sign](left, right))


def _divided(left: float, right: float) -> float:
    return left / right if right else math.copysign(math.inf, left) if left else math.nan


_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_ARITHMETIC: dict[str, Callable[[Any, Any], float]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": _divided, "%": math.fmod, "^": operator.pow,
}  # fmt: skip
_AGGREGATES: dict[str, Callable[[Any], float]] = {
    "avg": lambda values: sum(values) / len(values), "min": min, "max": max, "sum": sum,
}  # fmt: skip
