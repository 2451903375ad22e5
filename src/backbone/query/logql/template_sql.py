"""Templates as SQL."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from backbone.query.conditions import Conditions
from backbone.query.logql.labels import LineLabels
from backbone.query.logql.template import Apply, Choice, Expression, Label, Literal, Part, TemplateError
from backbone.query.logql.template_functions import FUNCTIONS, Made, text_of

_COMPARISONS = {"eq": "=", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}


def template_sql(parts: Sequence[Part], conditions: Conditions, line: str, labels: LineLabels) -> str:
    """
    Return the SQL of a template's text.

    Raises:
        TemplateError: it calls a function that there is not, or not as it is to be called.
    """
    return _Writer(conditions, line, labels).text(parts)


class _Writer:
    def __init__(self, conditions: Conditions, line: str, labels: LineLabels) -> None:
        self._conditions = conditions
        self._line = line
        self._labels = labels

    def text(self, parts: Sequence[Part]) -> str:
        found = [self._part(part) for part in parts]
        # `concat` wants two texts.
        return f"concat('', {', '.join(found)})" if found else "''"

    def _part(self, part: Part) -> str:
        match part:
            case str():
                return self._conditions.bind("String", part)
            case Choice():
                condition = truth(self._made(part.condition))
                return f"if({condition}, {self.text(part.then)}, {self.text(part.otherwise)})"
            case _:
                return text_of(self._made(part))

    def _made(self, expression: Expression) -> Made:
        match expression:
            case Literal(value=value):
                return self._literal(value)
            case Label():
                return Made(self._labels.text(expression.name), "text")
            case Apply():
                return self._applied(expression)

    def _literal(self, value: str | float | bool) -> Made:
        if isinstance(value, bool):
            return Made("1" if value else "0", "truth")
        if isinstance(value, str):
            return Made(self._conditions.bind("String", value), "text", value)
        return Made(repr(value), "number", value)

    def _applied(self, call: Apply) -> Made:
        match call.function:
            case "__line__":
                return Made(self._line, "text")
            case "__timestamp__":
                return Made("time", "time")
            case "and" | "or" | "not":
                return self._logical(call.function, call.arguments)
            case name if name in _COMPARISONS:
                return self._comparison(name, call.arguments)
        function = FUNCTIONS.get(call.function)
        if function is None:
            raise TemplateError(f'function "{call.function}" not defined')
        made = [self._made(argument) for argument in call.arguments]
        return function(call.function, made, partial(self._conditions.bind, "String"))

    def _logical(self, name: str, arguments: Sequence[Expression]) -> Made:
        made = [self._made(argument) for argument in arguments]
        if not made or (name == "not" and len(made) > 1):
            raise TemplateError(f"wrong number of arguments for {name}")
        if name == "not":
            return Made(f"NOT {truth(made[0])}", "truth")
        # As in Go, the value is that of the argument that decided.
        sql = text_of(made[-1])
        for one in reversed(made[:-1]):
            pair = (sql, text_of(one)) if name == "and" else (text_of(one), sql)
            sql = f"if({truth(one)}, {pair[0]}, {pair[1]})"
        return Made(sql, "truth" if all(one.kind == "truth" for one in made) else "text", logical=True)

    def _comparison(self, name: str, arguments: Sequence[Expression]) -> Made:
        made = [self._made(argument) for argument in arguments]
        if len(made) < 2 or (name != "eq" and len(made) > 2):
            raise TemplateError(f"wrong number of arguments for {name}")
        first, *others = made
        numbers = all(one.kind == "number" for one in made)
        shown = [one.sql if numbers else text_of(one) for one in others]
        own = first.sql if numbers else text_of(first)
        any_of = " OR ".join(f"{own} {_COMPARISONS[name]} {other}" for other in shown)
        return Made(f"({any_of})", "truth")


def truth(made: Made) -> str:
    """Return the SQL of whether a value counts as true: it is not empty, not zero."""
    match made.kind:
        case "truth" if not made.logical:
            return f"({made.sql})"
        case "truth":
            return f"({made.sql} = 'true')"
        case "number":
            return f"({made.sql} != 0)"
        case _:
            return f"({text_of(made)} != '')"
