"""What a query is made of."""

from __future__ import annotations

from collections.abc import Iterator

from backbone.query.traceql.ast import (
    Aggregate,
    Attribute,
    Coalesce,
    Combined,
    Field,
    FieldExpr,
    Filter,
    GroupBy,
    Intrinsic,
    Operation,
    Pipeline,
    Scalar,
    ScalarFilter,
    ScalarOperation,
    Select,
    Stage,
    Unary,
)

Node = Stage | Pipeline

ANCESTRY = frozenset({">>", "<<", "!>>", "!<<", "&>>", "&<<"})
"""Operators that look at the spans between two spans."""


def nodes(node: Node) -> Iterator[Node]:
    """Yield a node and all under it, in the order in which they are written."""
    yield node
    match node:
        case Combined():
            yield from nodes(node.left)
            yield from nodes(node.right)
        case Pipeline():
            for stage in node.stages:
                yield from nodes(stage)


def filters(node: Node) -> list[Filter]:
    """Return each filter once."""
    return list(dict.fromkeys(found for found in nodes(node) if isinstance(found, Filter)))


def aggregated(node: Node) -> list[FieldExpr]:
    """Return what is aggregated, each once."""
    scalars = [one for found in nodes(node) if isinstance(found, ScalarFilter) for one in (found.left, found.right)]
    operands = [one.operand for scalar in scalars for one in _aggregates(scalar) if one.operand is not None]
    return list(dict.fromkeys(operands))


def grouped(node: Node) -> list[FieldExpr]:
    """Return what spansets are told apart by, each once."""
    return list(dict.fromkeys(found.expr for found in nodes(node) if isinstance(found, GroupBy)))


def _aggregates(scalar: Scalar) -> Iterator[Aggregate]:
    match scalar:
        case Aggregate():
            yield scalar
        case ScalarOperation():
            yield from _aggregates(scalar.left)
            yield from _aggregates(scalar.right)


def fields(expr: FieldExpr | None) -> Iterator[Field]:
    """Yield the attributes and intrinsics of an expression."""
    match expr:
        case Attribute() | Intrinsic():
            yield expr
        case Unary():
            yield from fields(expr.operand)
        case Operation():
            yield from fields(expr.left)
            yield from fields(expr.right)


def told(node: Node) -> list[Field]:
    """Return the fields that a query speaks of, which are told of the spans that it finds."""
    found: list[Field] = []
    for one in nodes(node):
        match one:
            case Filter():
                found += fields(one.condition)
            case GroupBy():
                found += fields(one.expr)
            case Select():
                found += one.fields
            case ScalarFilter() | Coalesce() | Combined() | Pipeline():
                pass
    for expr in aggregated(node):
        found += fields(expr)
    return list(dict.fromkeys(found))
