"""
Conditions and values of spans, as SQL.

An attribute's text is kept beside its kind: it equals only what is of its own type. A comparison with what is not
there, or of another type, is not met.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from backbone.query.conditions import Conditions
from backbone.query.traceql.ast import Attribute, Field, FieldExpr, Intrinsic, Operation, Static, Unary
from backbone.query.traceql.walk import fields

_NO_PARENT = "toFixedString('', 8)"
_MAPS = {
    "span": ("attributes", "attribute_kinds"),
    "resource": ("resource", "resource_kinds"),
    "instrumentation": ("scope_attributes", "scope_kinds"),
    "event": ("event_map", "event_kinds"),
    "link": ("link_map", "link_kinds"),
}
_MANY = {
    "event": (
        "(event_map, event_kinds, event_name, event_time)",
        "events.attributes, events.attribute_kinds, events.name, events.time",
    ),
    "link": (
        "(link_map, link_kinds, link_trace, link_span)",
        "links.attributes, links.attribute_kinds, links.trace_id, links.span_id",
    ),
}
"""What a span has many of: names in a lambda, and the columns they stand for."""
_TEXTS = {
    "span:name": "name",
    "span:status": "toString(status)",
    "span:kind": "toString(kind)",
    "span:statusMessage": "status_message",
    "span:id": "lower(hex(span_id))",
    "span:parentID": f"if(parent_span_id = {_NO_PARENT}, NULL, lower(hex(parent_span_id)))",
    "trace:id": "lower(hex(trace_id))",
    "trace:rootName": "trace_root_name",
    "trace:rootService": "trace_root_service",
    "event:name": "event_name",
    "link:traceID": "lower(hex(link_trace))",
    "link:spanID": "lower(hex(link_span))",
    "instrumentation:name": "scope",
    "instrumentation:version": "scope_version",
}
_NUMBERS = {
    "span:duration": "toFloat64(duration_ns)",
    "span:childCount": "toFloat64(child_count)",
    "trace:duration": "toFloat64(trace_duration_ns)",
    "event:timeSinceStart": "toFloat64(toUnixTimestamp64Nano(event_time) - toUnixTimestamp64Nano(time))",
    # Where a span stands in its trace is known once that is put together; of roots it is known at once.
    "nestedSetParent": f"if(parent_span_id = {_NO_PARENT}, -1., NULL)",
}
_NAMES = {
    "span:kind": frozenset({"unspecified", "internal", "server", "client", "producer", "consumer"}),
    "span:status": frozenset({"unset", "ok", "error"}),
}
_ARITHMETIC = {
    "+": "{0} + {1}",
    "-": "{0} - {1}",
    "*": "{0} * {1}",
    "/": "{0} / {1}",
    "%": "{0} % {1}",
    "^": "pow({0}, {1})",
}
_LONGEST_NS = 1 << 62
_TRACE_WIDE = frozenset({"trace:rootName", "trace:rootService", "trace:duration"})


@dataclass(frozen=True, slots=True)
class Value:
    """SQL of a value as each type, NULL where it is not of that; and whether there is one."""

    text: str = "NULL"
    number: str = "NULL"
    truth: str = "NULL"
    present: str = "1"


class FieldSql:
    """Prints expressions for one statement, whose parameters are those of *conditions*."""

    def __init__(self, conditions: Conditions) -> None:
        self._conditions = conditions

    def condition(self, expr: FieldExpr | None) -> str:  # noqa: PLR0911 - one a kind of node
        """Return the SQL of whether a span is such; 1 or 0."""
        match expr:
            case None:
                return "1"
            case Operation(operator="&&" | "||" as operator):
                word = "AND" if operator == "&&" else "OR"
                return f"({self.condition(expr.left)} {word} {self.condition(expr.right)})"
            case Unary(operator="!", operand=Operation() | Unary() as inner):
                return f"(NOT {self.condition(inner)})"
            case Unary(operator="!"):
                return self._of_any(expr, f"ifNull(NOT {self.value(expr.operand).truth}, 0)")
            case Operation(operator="=" | "!=" as operator, right=Static(kind="nil")):
                present = self._of_any(expr.left, self.value(expr.left).present)
                return f"(NOT {present})" if operator == "=" else present
            case Operation(operator=operator) if operator in {"=", "!=", "<", "<=", ">", ">=", "=~", "!~"}:
                return self._of_any(expr, f"ifNull({self._comparison(expr)}, 0)")
            case _:
                return self._of_any(expr, f"ifNull({self.value(expr).truth}, 0)")

    def number(self, expr: FieldExpr) -> str:
        """Return the SQL of a number, NULL where there is none."""
        return self.value(expr).number

    def shown(self, expr: FieldExpr) -> str:
        """Return the SQL of a pair: a value's type as OTLP names it, '' where there is none, and its text."""
        match expr:
            case Attribute() | Intrinsic() if _many(expr):
                return "('', '')"
            case Attribute(scope="", name=name):
                own, shared = (self._shown_attribute(scope, name) for scope in ("span", "resource"))
                return f"if({own}.1 != '', {own}, {shared})"
            case Attribute(scope=scope, name=name):
                return self._shown_attribute(scope, name)
        value = self.value(expr)
        if value.text != "NULL":
            return f"if(ifNull({value.text}, '') = '', ('', ''), ('string_value', toString(ifNull({value.text}, ''))))"
        if value.number != "NULL":
            kind = "int_value" if isinstance(expr, Intrinsic) else "double_value"
            number = f"assumeNotNull({value.number})"
            shown = f"toString(toInt64({number}))" if isinstance(expr, Intrinsic) else f"toString({number})"
            return f"if(isNull({value.number}), ('', ''), ('{kind}', {shown}))"
        return f"('bool_value', if({self.condition(expr)}, 'true', 'false'))"

    def value(self, expr: FieldExpr) -> Value:  # noqa: PLR0911 - one a kind of node
        """Return the SQL of a value."""
        match expr:
            case Static():
                return self._static(expr)
            case Attribute(scope="", name=name):
                own, shared = (self._attribute(scope, name) for scope in ("span", "resource"))
                return Value(
                    f"if({own.present}, {own.text}, {shared.text})",
                    f"if({own.present}, {own.number}, {shared.number})",
                    f"if({own.present}, {own.truth}, {shared.truth})",
                    f"({own.present} OR {shared.present})",
                )
            case Attribute():
                return self._attribute(expr.scope, expr.name)
            case Intrinsic(name=name):
                text, number = _TEXTS.get(name, "NULL"), _NUMBERS.get(name, "NULL")
                held = number if text == "NULL" else text
                return Value(text, number, present="0" if held == "NULL" else f"isNotNull({held})")
            case Unary(operator="-"):
                return Value(number=f"(-{self.number(expr.operand)})")
            case Operation(operator=operator) if operator in _ARITHMETIC:
                sides = self.number(expr.left), self.number(expr.right)
                return Value(number=f"({_ARITHMETIC[operator].format(*sides)})")
            case _:
                return Value(truth=self.condition(expr))

    def _static(self, static: Static) -> Value:
        match static.value:
            case bool():
                return Value(truth="1" if static.value else "0")
            case str():
                return Value(text=self._conditions.bind("String", static.value))
            case None:
                return Value(present="0")
            case number:
                return Value(number=self._conditions.bind("Float64", float(number)))

    def _attribute(self, scope: str, name: str) -> Value:
        if (scope, name) == ("resource", "service.name"):
            # The table is sorted by it.
            return Value(text="nullIf(service, '')", present="(service != '')")
        column, kinds = _MAPS[scope]
        key = self._conditions.bind("String", name)
        kind, raw = f"JSONExtractString({kinds}, {key})", f"{column}[{key}]"
        present = f"mapContains({column}, {key})"
        return Value(
            text=f"if({present} AND {kind} = '', {raw}, NULL)",
            number=f"if({kind} IN ('int_value', 'double_value'), toFloat64OrNull({raw}), NULL)",
            truth=f"if({kind} = 'bool_value', {raw} = 'true', NULL)",
            present=present,
        )

    def _shown_attribute(self, scope: str, name: str) -> str:
        column, kinds = _MAPS[scope]
        key = self._conditions.bind("String", name)
        kind = f"JSONExtractString({kinds}, {key})"
        return f"if(mapContains({column}, {key}), (if({kind} = '', 'string_value', {kind}), {column}[{key}]), ('', ''))"

    def _comparison(self, expr: Operation) -> str:
        """Return what may be NULL."""
        if named := _named(expr):
            return named
        fast = self._by_index(expr)
        left, right = self.value(expr.left), self.value(expr.right)
        if expr.operator in {"=~", "!~"}:
            assert isinstance(expr.right, Static)
            pattern = self._conditions.bind("String", f"^(?s:{expr.right.value})$")
            return f"{'NOT ' if expr.operator == '!~' else ''}match({left.text}, {pattern})"
        pairs = [
            (left.number, right.number),
            (left.text, right.text),
            (left.truth, right.truth),
        ]
        compared = [f"{a} {expr.operator} {b}" for a, b in pairs if "NULL" not in {a, b}]
        if not compared:
            return "0"
        sql = compared[0] if len(compared) == 1 else f"coalesce({', '.join(compared)})"
        return f"{fast}({sql})"

    def _by_index(self, expr: Operation) -> str:
        """Return a condition that an index answers and that all spans meet which meet the comparison, and `` AND ``."""
        match expr:
            case Operation(
                operator="=", left=Attribute(scope="span"), right=Static(kind="string", value=str() as value)
            ):
                return f"has(mapValues(attributes), {self._conditions.bind('String', value)}) AND "
            case Operation(
                operator="=", left=Attribute(scope="resource", name="service.name"), right=Static(value=str() as value)
            ):
                return f"service = {self._conditions.bind('String', value)} AND "
            case Operation(operator="=", left=Intrinsic(name="trace:id"), right=Static(value=str() as value)):
                return f"trace_id = toFixedString(unhex({self._conditions.bind('String', _padded(value))}), 16) AND "
            case Operation(
                operator=">" | ">=", left=Intrinsic(name="span:duration"), right=Static(value=float() as value)
            ):
                return f"duration_ns >= {self._conditions.bind('UInt64', min(max(int(value), 0), _LONGEST_NS))} AND "
            case _:
                return ""

    def _of_any(self, expr: FieldExpr, sql: str) -> str:
        """Return whether *sql* is true of any of the events, or links, that the expression speaks of."""
        for scope in sorted({_many(field) for field in fields(expr)} - {""}):
            names, columns = _MANY[scope]
            sql = f"arrayExists({names} -> {sql}, {columns})"
        return f"({sql})"


def _named(expr: Operation) -> str:
    """Return a comparison of what has few names, of which the engine compares the numbers; '' for any other."""
    match expr:
        case Operation(
            operator="=" | "!=" as operator, left=Intrinsic(name=field), right=Static(value=str() as name)
        ) if name in _NAMES.get(field, ()):
            return f"{field.removeprefix('span:')} {operator} '{name}'"
        case _:
            return ""


def _padded(identifier: str) -> str:
    """Return a trace's id with all its digits; zeros for what is none."""
    return identifier.rjust(32, "0") if re.fullmatch("[0-9a-fA-F]{1,32}", identifier) else "0" * 32


def _many(field: Field) -> str:
    """Return 'event' or 'link' for a field that a span may have many of."""
    scope = field.scope if isinstance(field, Attribute) else field.name.partition(":")[0]
    return scope if scope in _MANY else ""


def is_looked_up(expr: FieldExpr | None) -> bool:
    """Return whether an index finds the spans that are such, and few where there are few."""
    match expr:
        case Operation(operator="&&"):
            return is_looked_up(expr.left) or is_looked_up(expr.right)
        case Operation(operator="=", left=Attribute(scope="span"), right=Static(kind="string", value=str() as value)):
            return bool(value)
        case Operation(operator="=", left=Intrinsic(name="trace:id")):
            return True
        case _:
            return False


def needs_trace(exprs: list[FieldExpr]) -> bool:
    """Return whether any of the expressions speaks of a span's whole trace."""
    return any(isinstance(field, Intrinsic) and field.name in _TRACE_WIDE for expr in exprs for field in fields(expr))


def needs_children(exprs: list[FieldExpr]) -> bool:
    """Return whether any of the expressions speaks of a span's children."""
    return any(
        isinstance(field, Intrinsic) and field.name == "span:childCount" for expr in exprs for field in fields(expr)
    )
