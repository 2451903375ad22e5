"""LogQL's text → tree, by `grammar.lark`."""

from __future__ import annotations

from typing import Final

from backbone.query.grammars import BuildError, Language
from backbone.query.logql.ast import LogQuery, MetricQuery, Query
from backbone.query.logql.build import Build
from backbone.query.logql.errors import LogQLSyntaxError, syntax_error

MAX_DEPTH: Final = 100

_WORDS = {
    "STRING": "string", "NAME": "identifier", "NUMBER": "number", "DURATION": "duration", "BYTES": "bytes",
    "DURATION_RANGE": "[range]", "LINE_OPERATOR": "line filter", "RANGE_OPERATOR": "range aggregation",
    "VECTOR_OPERATOR": "aggregation",
}  # fmt: skip


def parse(text: str) -> Query:
    """
    Return the tree of a query.

    Raises:
        LogQLSyntaxError: it is none; with line, column, and what would be accepted there.
    """
    return _LOGQL.parse(text)


def parse_log_query(text: str) -> LogQuery:
    """Return the tree of a query of lines; raises as `parse`, also where it is a query of numbers."""
    query = parse(text)
    if isinstance(query, MetricQuery):
        raise syntax_error(text, 0, "expected a query of lines, got one of numbers")
    return query


def _refuse_depth(text: str) -> None:
    depth = 0
    for position, character in enumerate(text):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth > MAX_DEPTH:
            raise BuildError(position, f"more than {MAX_DEPTH} levels of parentheses")


_LOGQL = Language[Query](__package__, Build, LogQLSyntaxError, _refuse_depth, _WORDS)
