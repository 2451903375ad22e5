"""TraceQL's text → tree, by `grammar.lark`."""

from __future__ import annotations

from functools import cache, lru_cache
from importlib.resources import files
from typing import Final

from lark import Lark
from lark.exceptions import UnexpectedInput, VisitError

from backbone.query.grammars import unexpected
from backbone.query.traceql.ast import Query
from backbone.query.traceql.build import Build, BuildError
from backbone.query.traceql.errors import TraceQLSyntaxError, syntax_error

MAX_LENGTH: Final = 1 << 16
_MOST_KEPT_LENGTH: Final = 2_000
MAX_DEPTH: Final = 60

_WORDS = {"RANKED": "topk or bottomk", "WORD": "hint"}


def parse(text: str) -> Query:
    """
    Return the tree of a query; nothing is ``{ }``.

    Raises:
        TraceQLSyntaxError: it is none; with line, column, and what would be accepted there.
    """
    if len(text) > MAX_LENGTH:
        raise TraceQLSyntaxError(f"the query has {len(text)} characters, at most {MAX_LENGTH} are read")
    if not text.strip():
        text = "{ }"
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


@cache
def _grammar() -> Lark:
    source = files("backbone.query.traceql").joinpath("grammar.lark").read_text()
    return Lark(source, parser="lalr", propagate_positions=True, maybe_placeholders=True)


def _refuse_depth(text: str) -> None:
    """Refuse what would make a tree too deep to walk: brackets in brackets, and signs before signs."""
    depth = signs = 0
    for position, character in enumerate(text):
        depth += {"(": 1, ")": -1, "{": 1, "}": -1}.get(character, 0)
        signs = signs + 1 if character in "-!" else signs if character.isspace() else 0
        if max(depth, signs) > MAX_DEPTH:
            raise syntax_error(text, position, f"more than {MAX_DEPTH} levels of parentheses or signs")
