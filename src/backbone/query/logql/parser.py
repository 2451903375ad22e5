"""LogQL's text → tree, by `grammar.lark`."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Final

from lark import Lark
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken, VisitError

from backbone.query.logql.ast import LogQuery, MetricQuery, Query
from backbone.query.logql.build import Build, BuildError
from backbone.query.logql.errors import LogQLSyntaxError, syntax_error

MAX_LENGTH: Final = 1 << 16
MAX_DEPTH: Final = 100

_EXPECTED = {
    "STRING": "string", "NAME": "identifier", "NUMBER": "number", "DURATION": "duration", "BYTES": "bytes",
    "DURATION_RANGE": "[range]", "$END": "end of query", "VBAR": "|", "LBRACE": "{", "RBRACE": "}", "LPAR": "(",
    "RPAR": ")", "COMMA": ",", "EQ": "=", "NEQ": "!=", "RE": "=~", "NRE": "!~", "LINE_OPERATOR": "line filter",
    "RANGE_OPERATOR": "range aggregation", "VECTOR_OPERATOR": "aggregation",
}  # fmt: skip
_MOST_TOLD = 6


def parse(text: str) -> Query:
    """
    Return the tree of a query.

    Raises:
        LogQLSyntaxError: it is none; with line, column, and what would be accepted there.
    """
    if len(text) > MAX_LENGTH:
        raise LogQLSyntaxError(f"the query has {len(text)} characters, at most {MAX_LENGTH} are read")
    _refuse_depth(text)
    try:
        found: Query = Build().transform(_grammar().parse(text))
    except UnexpectedInput as error:
        raise _unexpected(text, error) from None
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


def _unexpected(text: str, error: UnexpectedInput) -> LogQLSyntaxError:
    position = len(text) if error.pos_in_stream is None or error.pos_in_stream < 0 else error.pos_in_stream
    if isinstance(error, UnexpectedToken):
        end = error.token.type == "$END"
        seen = "end of query" if end else f'"{error.token}"'
        position = len(text) if end else position
        wanted = error.accepts or error.expected
    elif isinstance(error, UnexpectedCharacters):
        seen = f'"{text[position : position + 1]}"'
        wanted = error.allowed or set()
    else:
        seen, wanted = "end of query", set()
    names = sorted({_EXPECTED.get(name, name.lower()) for name in wanted})
    more = ", …" if len(names) > _MOST_TOLD else ""
    told = f", expecting {' or '.join(names[:_MOST_TOLD])}{more}" if names else ""
    return syntax_error(text, position, f"syntax error: unexpected {seen}{told}")
