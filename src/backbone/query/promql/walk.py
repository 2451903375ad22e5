"""The parts of a tree."""

from __future__ import annotations

from collections.abc import Iterator

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


def everything(expr: Expr) -> Iterator[Expr]:
    """Yield *expr* and all that is below it."""
    yield expr
    for child in children(expr):
        yield from everything(child)
