"""The parts of a tree."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from backbone.query.promql.ast import (
    Aggregation,
    Binary,
    Call,
    Expr,
    MatrixSelector,
    NumberLiteral,
    Paren,
    StringLiteral,
    Subquery,
    Unary,
    VectorSelector,
)


def children(expr: Expr) -> tuple[Expr, ...]:
    """Return the expressions right below *expr*."""
    match expr:
        case NumberLiteral() | StringLiteral() | VectorSelector():
            return ()
        case MatrixSelector():
            return (expr.vector,)
        case Subquery() | Paren():
            return (expr.inner,)
        case Unary():
            return (expr.operand,)
        case Call():
            return expr.arguments
        case Aggregation():
            return (expr.operand,) if expr.parameter is None else (expr.parameter, expr.operand)
        case Binary():
            return (expr.left, expr.right)


def mapped(expr: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """Return the tree with every node changed, those below a node before it."""
    match expr:
        case MatrixSelector():
            vector = mapped(expr.vector, change)
            assert isinstance(vector, VectorSelector)
            expr = replace(expr, vector=vector)
        case Subquery() | Paren():
            expr = replace(expr, inner=mapped(expr.inner, change))
        case Unary():
            expr = replace(expr, operand=mapped(expr.operand, change))
        case Call():
            expr = replace(expr, arguments=tuple(mapped(argument, change) for argument in expr.arguments))
        case Aggregation():
            parameter = expr.parameter and mapped(expr.parameter, change)
            expr = replace(expr, operand=mapped(expr.operand, change), parameter=parameter)
        case Binary():
            expr = replace(expr, left=mapped(expr.left, change), right=mapped(expr.right, change))
        case _:
            pass
    return change(expr)


def everything(expr: Expr) -> Iterator[Expr]:
    """Yield *expr* and all that is below it."""
    yield expr
    for child in children(expr):
        yield from everything(child)
