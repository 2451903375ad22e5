"""What functions are given: the values of their arguments and the places where they stand in the query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from backbone.query.promql.arrays import Floats, Mask
from backbone.query.promql.ast import Call, Expr, Paren, Span
from backbone.query.promql.context import Context
from backbone.query.promql.values import Scalar, Text, Value, Vector, Windows

_Kind = TypeVar("_Kind", Scalar, Text, Vector, Windows)


@dataclass(frozen=True, slots=True)
class Arguments:
    """A call with its arguments evaluated; the checker has seen to their number and types."""

    context: Context
    call: Call
    values: tuple[Value, ...]

    def __len__(self) -> int:
        return len(self.values)

    def windows(self, index: int) -> Windows:
        return self._get(index, Windows)

    def vector(self, index: int) -> Vector:
        return self._get(index, Vector)

    def scalar(self, index: int) -> Floats:
        """Return a number at each step: (step,)."""
        return self._get(index, Scalar).values

    def text(self, index: int) -> str:
        return self._get(index, Text).value

    def span(self, index: int) -> Span:
        return self.call.arguments[index].span

    def expr(self, index: int) -> Expr:
        """Return an argument as it was written, without parentheses around it."""
        return unwrapped(self.call.arguments[index])

    def _get(self, index: int, kind: type[_Kind]) -> _Kind:
        value = self.values[index]
        assert isinstance(value, kind)
        return value


def unwrapped(expr: Expr) -> Expr:
    while isinstance(expr, Paren):
        expr = expr.inner
    return expr


def metric_names(names: list[str], rows: Mask) -> list[str]:
    """Return the distinct names of the series where *rows* is true, in their order."""
    return list(dict.fromkeys(names[row] for row in np.flatnonzero(rows)))
