"""What building the tree needs everywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from lark import Token
from lark.tree import Meta

from backbone.query.grammars import BuildError
from backbone.query.logql.ast import Span
from backbone.query.logql.texts import TextError, string


def span_of(meta: Meta) -> Span:
    return Span(meta.start_pos, meta.end_pos)


def names_of(items: Iterable[Any]) -> tuple[str, ...]:
    """Return the names among what a rule has."""
    return tuple(str(item) for item in items if isinstance(item, Token) and item.type == "NAME")


def text_of(token: Token) -> str:
    """Return what a string in quotes means."""
    return read(string, token, str(token))


def read(reader: Callable[[str], str], token: Token, text: str) -> str:
    """Return what *reader* makes of a text; its error stands at the token's place."""
    try:
        return reader(text)
    except TextError as error:
        raise BuildError(token.start_pos or 0, str(error)) from None
