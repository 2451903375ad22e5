"""Binary operators on numbers: arithmetic, comparisons, and what they make of histograms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from backbone.query.promql.annotations import Annotations
from backbone.query.promql.arrays import Floats, Mask
from backbone.query.promql.ast import BinaryOperator, Span
from backbone.query.promql.histograms import Histograms, add, divide, equal, scale, subtract, trim
from backbone.query.promql.range_histograms import COLLISION, GAUGE, RECONCILED
from backbone.query.promql.values import HistogramCells

COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})
TRIMS = frozenset({"</", ">/"})
SET_OPERATORS = frozenset({"and", "or", "unless"})

_ARITHMETIC: Mapping[str, Callable[[Floats, Floats], Floats]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": np.fmod,
    "^": np.power,
    "atan2": np.arctan2,
}
_COMPARE: Mapping[str, Callable[[Floats, Floats], Mask]] = {
    "==": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}


def calculate(operator: BinaryOperator, left: Floats, right: Floats) -> Floats:
    """Return an arithmetic operation of floats, or 1 and 0 for a comparison; shapes broadcast."""
    with np.errstate(all="ignore"):
        if operator in COMPARISONS:
            return _COMPARE[operator](left, right).astype(np.float64)
        return _ARITHMETIC[operator](left, right)


def holds(operator: BinaryOperator, left: Floats, right: Floats) -> Mask:
    with np.errstate(all="ignore"):
        return _COMPARE[operator](left, right)


@dataclass(frozen=True, slots=True)
class Side:
    """One side of an operation: points, of which some may be histograms; shapes (series, step)."""

    values: Floats
    present: Mask
    histograms: HistogramCells | None = None

    @property
    def is_histogram(self) -> Mask:
        if self.histograms is None:
            return np.zeros(self.present.shape, np.bool_)
        return self.present & (self.histograms.rows >= 0)

    def block(self, where: Mask) -> Histograms:
        """Return the histograms where *where* is true, in order of series and step."""
        assert self.histograms is not None
        return self.histograms.block.take(self.histograms.rows[where].astype(np.int64))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an operation makes of two sides; ``kept`` is where there is a point."""

    values: Floats
    kept: Mask
    histograms: HistogramCells | None


class Operation:
    """An operator that stands at a place in a query."""

    def __init__(self, operator: BinaryOperator, notes: Annotations, span: Span, *, returns_bool: bool) -> None:
        self._operator = operator
        self._notes = notes
        self._span = span
        self._returns_bool = returns_bool

    def apply(self, left: Side, right: Side, *, keeps: str = "left") -> Outcome:
        """Return the operation of two sides; a comparison that is no bool keeps the points of the side *keeps*."""
        both = left.present & right.present
        if left.histograms is None and right.histograms is None and self._operator not in TRIMS:
            return self._floats(left, right, both, keeps)
        left_h, right_h = left.is_histogram & both, right.is_histogram & both
        made = self._floats(left, right, both & ~left_h & ~right_h, keeps)
        if self._operator in TRIMS:
            # Floats cannot be trimmed.
            self._incompatible(both & ~left_h & ~right_h, "float", "float")
            made = Outcome(made.values, np.zeros_like(both), None)
        parts = [
            self._two_histograms(left, right, left_h & right_h, keeps),
            self._mixed(left, right.values, left_h & ~right_h, histogram_left=True),
            self._mixed(right, left.values, right_h & ~left_h, histogram_left=False),
        ]
        return self._together(made, parts)

    def _floats(self, left: Side, right: Side, where: Mask, keeps: str) -> Outcome:
        operator = self._operator
        if operator in TRIMS:
            return Outcome(np.full(where.shape, np.nan), where, None)
        if operator in COMPARISONS and not self._returns_bool:
            kept = where & holds(operator, left.values, right.values)
            return Outcome(np.broadcast_to(left.values if keeps == "left" else right.values, where.shape), kept, None)
        return Outcome(calculate(operator, left.values, right.values), where, None)

    def _two_histograms(self, left: Side, right: Side, where: Mask, keeps: str) -> Outcome | None:
        if not where.any():
            return None
        first, second = left.block(where), right.block(where)
        operator = self._operator
        if operator in {"+", "-"}:
            return self._sum(first, second, where)
        if operator in {"==", "!="}:
            same = equal(first, second) == (operator == "==")
            if self._returns_bool:
                values = np.full(where.shape, np.nan)
                values[where] = same
                return Outcome(values, where, None)
            return _histograms(where, first if keeps == "left" else second, same)
        self._incompatible(where, "histogram", "histogram")
        return None

    def _sum(self, first: Histograms, second: Histograms, where: Mask) -> Outcome:
        operator, word = self._operator, "addition" if self._operator == "+" else "subtraction"
        made = (add if operator == "+" else subtract)(first, second)
        if made.hint_collision.any():
            self._notes.warn(f"{COLLISION} {word}", self._span)
        if made.bounds_reconciled.any():
            self._notes.info(f"{RECONCILED} {word}", self._span)
        if made.incompatible.any():
            self._notes.warn(f"incompatible bucket layout encountered for binary operator {operator}", self._span)
        block = made.block if operator == "+" else made.block.with_hint(np.full(len(first), GAUGE, np.int8))
        return _histograms(where, block, ~made.incompatible)

    def _mixed(self, side: Side, numbers: Floats, where: Mask, *, histogram_left: bool) -> Outcome | None:
        if not where.any():
            return None
        operator = self._operator
        factors = np.broadcast_to(numbers, where.shape)[where]
        if operator == "*":
            return _histograms(where, scale(side.block(where), factors))
        if operator == "/" and histogram_left:
            return _histograms(where, divide(side.block(where), factors))
        if operator in TRIMS and histogram_left:
            return _histograms(where, trim(side.block(where), factors, upper=operator == "</"))
        kinds = ("histogram", "float") if histogram_left else ("float", "histogram")
        self._incompatible(where, *kinds)
        return None

    def _incompatible(self, where: Mask, left: str, right: str) -> None:
        if where.any():
            operator = self._operator
            self._notes.info(
                f'incompatible sample types encountered for binary operator "{operator}": {left} {operator} {right}',
                self._span,
            )

    def _together(self, made: Outcome, parts: list[Outcome | None]) -> Outcome:
        values, kept = made.values, made.kept.copy()
        rows = np.full(kept.shape, -1, np.int32)
        blocks: list[Histograms] = []
        size = 0
        for part in filter(None, parts):
            if part.histograms is None:
                values = np.where(part.kept, part.values, values)
            else:
                rows = np.where(part.kept, part.histograms.rows + size, rows).astype(np.int32)
                blocks.append(part.histograms.block)
                size += len(part.histograms.block)
            kept |= part.kept
        return Outcome(values, kept, HistogramCells(rows, Histograms.concat(blocks)) if blocks else None)


def _histograms(where: Mask, block: Histograms, good: Mask | None = None) -> Outcome:
    rows = np.full(where.shape, -1, np.int32)
    rows[where] = np.arange(len(block), dtype=np.int32)
    kept = where.copy()
    if good is not None:
        kept[where] = good
    return Outcome(np.full(where.shape, np.nan), kept, HistogramCells(rows, block))
