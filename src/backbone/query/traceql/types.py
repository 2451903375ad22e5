"""Which values go together. What an attribute holds is known only span by span."""

from __future__ import annotations

from typing import Literal

from backbone.query.traceql.ast import Aggregate, Attribute, FieldExpr, Intrinsic, Operation, Scalar, Static, Unary

Type = Literal["any", "string", "number", "boolean", "nil", "status", "kind"]

_INTRINSICS: dict[str, Type] = {
    "span:duration": "number", "trace:duration": "number", "span:childCount": "number", "nestedSetLeft": "number",
    "nestedSetRight": "number", "nestedSetParent": "number", "event:timeSinceStart": "number", "span:status": "status",
    "span:kind": "kind",
}  # fmt: skip
_LOGICAL = frozenset({"&&", "||"})
_ORDERED = frozenset({"<", "<=", ">", ">="})
_ARITHMETIC = frozenset({"+", "-", "*", "/", "%", "^"})


class TypeProblem(Exception):  # noqa: N818 - told on as the error of a place
    """Values that do not go together."""


def type_of(expr: FieldExpr) -> Type:
    """
    Return what an expression's values are.

    Raises:
        TypeProblem: an operator is given what it does not take.
    """
    match expr:
        case Static(kind=kind):
            return "number" if kind == "duration" else kind
        case Attribute():
            return "any"
        case Intrinsic(name=name):
            return _INTRINSICS.get(name, "string")
        case Unary(operator=operator, operand=operand):
            wanted: Type = "number" if operator == "-" else "boolean"
            _want(operand, wanted, operator)
            return wanted
        case Operation():
            return _of_operation(expr)


def _of_operation(expr: Operation) -> Type:
    operator = expr.operator
    if operator in _LOGICAL:
        for side in (expr.left, expr.right):
            _want(side, "boolean", operator)
        return "boolean"
    if operator in _ARITHMETIC:
        for side in (expr.left, expr.right):
            _want(side, "number", operator)
        return "number"
    left, right = type_of(expr.left), type_of(expr.right)
    if "nil" in {left, right} and operator not in {"=", "!="}:
        raise TypeProblem(f"illegal operation for the given types: {operator} with nil")
    if left != right and not {left, right} & {"any", "nil"}:
        raise TypeProblem(f"binary operations must operate on the same type: {left} {operator} {right}")
    if operator in _ORDERED and {left, right} & {"boolean", "status", "kind"}:
        raise TypeProblem(f"illegal operation for the given types: {left} {operator} {right}")
    if operator in {"=~", "!~"} and left not in {"any", "string"}:
        raise TypeProblem(f"illegal operation for the given types: {left} {operator} {right}")
    return "boolean"


def _want(expr: FieldExpr, wanted: Type, operator: str) -> None:
    found = type_of(expr)
    if found not in {"any", wanted}:
        raise TypeProblem(f"illegal operation for the given types: {operator} takes a {wanted}, got a {found}")


def check_filter(condition: FieldExpr) -> None:
    """
    Check that a condition is one.

    Raises:
        TypeProblem: it is no boolean, or has values that do not go together.
    """
    found = type_of(condition)
    if found not in {"any", "boolean"}:
        raise TypeProblem(f"span filter field expressions must resolve to a boolean, got a {found}")


def check_number(expr: FieldExpr) -> None:
    """Check that an expression is a number; raises as `check_filter`."""
    found = type_of(expr)
    if found not in {"any", "number"}:
        raise TypeProblem(f"aggregates take numbers, got a {found}")


def check_scalars(pair: tuple[Scalar, Scalar]) -> None:
    """Check that a comparison is one of aggregates; raises as `check_filter`."""
    if not any(_has_aggregate(side) for side in pair):
        raise TypeProblem("a comparison of numbers alone says nothing of spans")


def _has_aggregate(scalar: Scalar) -> bool:
    match scalar:
        case Aggregate():
            return True
        case Static():
            return False
        case _:
            return _has_aggregate(scalar.left) or _has_aggregate(scalar.right)
