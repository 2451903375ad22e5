"""LogQL's text → tree, by `grammar.lark`."""

from __future__ import annotations

from functools import cache, lru_cache
from importlib.resources import files
from typing import Final

from lark import Lark
from lark.exceptions import UnexpectedInput, VisitError

from backbone.query.grammars import unexpected
from backbone.query.logql.ast import LogQuery, MetricQuery, Query
from backbone.query.logql.build import Build, BuildError
from backbone.query.logql.errors import LogQLSyntaxError, syntax_error

MAX_LENGTH: Final = 1 << 16
_MOST_KEPT_LENGTH: Final = 2_000
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
    if len(text) > MAX_LENGTH:
        raise LogQLSyntaxError(f"the query has {len(text)} characters, at most {MAX_LENGTH} are read")
    _refuse_depth(text)
    return _kept(text) if len(text) <= _MOST_KEPT_LENGTH else _parsed(text)


@lru_cache(maxsize=256)
def _kept(text: str) -> Query:
    """Return the tree; panels ask the same again and again, and trees never change."""
    return _parsed(text)


def _parsed(text: str) -> Query:
    try:
        found: Query = Build().transform(_grammar().parse(text))
    except UnexpectedInput as error:
        raise syntax_error(text, *unexpected(text, error, _grammar(), _WORDS)) from None
    except VisitError as error:
        if isinstance(error.orig_exc, BuildError):
            raise syntax_error(text, error.orig_exc.position, str(error.orig_exc)) from None
        raise
    return found


def parse_log_query(text: str) -> LogQuery:
    """Return the tree of a query of lines; raises as `parse`, also where it is a query of numbers."""
    query = parse(text)
    if isinstance(query, MetricQuery):
        raise syntax_error(text, 0, "expected a query of lines, got one of numbers")
    return query


@cache
def _grammar() -> Lark:
    source = files("backbone.query.logql").joinpath("grammar.lark").read_text()
    return Lark(source, parser="lalr", propagate_positions=True, maybe_placeholders=True)


def _refuse_depth(text: str) -> None:
    depth = 0
    for position, character in enumerate(text):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth > MAX_DEPTH:
            raise syntax_error(text, position, f"more than {MAX_DEPTH} levels of parentheses")
