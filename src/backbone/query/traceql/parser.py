"""TraceQL's text → tree, by `grammar.lark`."""

from __future__ import annotations

from typing import Final

from backbone.query.grammars import BuildError, Language
from backbone.query.traceql.ast import Query
from backbone.query.traceql.build import Build
from backbone.query.traceql.errors import TraceQLSyntaxError

MAX_DEPTH: Final = 60

_WORDS = {"RANKED": "topk or bottomk", "WORD": "hint"}


def parse(text: str) -> Query:
    """
    Return the tree of a query; nothing is ``{ }``.

    Raises:
        TraceQLSyntaxError: it is none; with line, column, and what would be accepted there.
    """
    return _TRACEQL.parse(text if text.strip() else "{ }")


def _refuse_depth(text: str) -> None:
    """Refuse what would make a tree too deep to walk: brackets in brackets, and signs before signs."""
    depth = signs = 0
    for position, character in enumerate(text):
        depth += {"(": 1, ")": -1, "{": 1, "}": -1}.get(character, 0)
        signs = signs + 1 if character in "-!" else signs if character.isspace() else 0
        if max(depth, signs) > MAX_DEPTH:
            raise BuildError(position, f"more than {MAX_DEPTH} levels of parentheses or signs")


_TRACEQL = Language[Query](__package__, Build, TraceQLSyntaxError, _refuse_depth, _WORDS)
