"""The spans of a time, with what is known of their traces, as the FROM of a statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backbone.query.conditions import Conditions
from backbone.query.traceql.ast import FieldExpr
from backbone.query.traceql.fields import FieldSql, needs_children, needs_trace


@dataclass(frozen=True, slots=True)
class Window:
    """Nanoseconds: spans that start from ``start_ns`` on and before ``end_ns``."""

    start_ns: int
    end_ns: int


class Spans:
    """Of one statement: its parameters, and where its spans come from."""

    def __init__(self, tenant: str, window: Window, exprs: Sequence[FieldExpr]) -> None:
        """Prepare for the expressions that the statement has."""
        self.conditions = Conditions(tenant)
        self.conditions.add(
            "time >= fromUnixTimestamp64Nano({start}, 'UTC') AND time < fromUnixTimestamp64Nano({end}, 'UTC')",
            start=("Int64", window.start_ns),
            end=("Int64", window.end_ns),
        )
        self.sql = FieldSql(self.conditions)
        self._joins = ""
        self._tests: list[str] = []
        chosen = list(exprs)
        if needs_trace(chosen):
            self._joins += (
                " LEFT JOIN (SELECT trace_id, argMin(name, (parent_span_id != toFixedString('', 8), time)) AS "
                "trace_root_name, argMin(toString(service), (parent_span_id != toFixedString('', 8), time)) AS "
                "trace_root_service, max(toUnixTimestamp64Nano(time) + toInt64(duration_ns)) - "
                f"min(toUnixTimestamp64Nano(time)) AS trace_duration_ns FROM spans WHERE {self.conditions.where} "
                "GROUP BY trace_id) AS whole USING (trace_id)"
            )
        if needs_children(chosen):
            self._joins += (
                " LEFT JOIN (SELECT trace_id, parent_span_id AS span_id, uniqExact(spans.span_id) AS child_count "
                f"FROM spans WHERE {self.conditions.where} GROUP BY trace_id, parent_span_id) AS children "
                "USING (trace_id, span_id)"
            )

    def test(self, condition: str) -> None:
        """Take the spans of which this is true."""
        self._tests.append(condition)

    @property
    def source(self) -> str:
        """``FROM`` and ``WHERE``, to which more can be added with AND."""
        tests = "".join(f" AND {test}" for test in self._tests)
        if not self._joins:
            return f"FROM spans WHERE {self.conditions.where}{tests}"
        return f"FROM (SELECT * FROM spans WHERE {self.conditions.where}) AS spans{self._joins} WHERE 1{tests}"
