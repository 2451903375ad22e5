"""What grammars read by lark have in common: where a text stops being one, and what would be accepted there."""

from __future__ import annotations

from collections.abc import Mapping

from lark import Lark
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken
from lark.lexer import PatternStr

_MOST_TOLD = 6
_END = "$END"


def unexpected(text: str, error: UnexpectedInput, grammar: Lark, words: Mapping[str, str]) -> tuple[int, str]:
    """
    Return a character's position, and what is wrong there: ``syntax error: unexpected "x", expecting a or b``.

    Args:
        words: what terminals are called that are no fixed texts.
    """
    position = len(text) if error.pos_in_stream is None or error.pos_in_stream < 0 else error.pos_in_stream
    wanted: set[str] = set()
    if isinstance(error, UnexpectedToken):
        end = error.token.type == _END
        seen = "end of query" if end else f'"{error.token}"'
        position = len(text) if end else position
        wanted = error.accepts or error.expected
    elif isinstance(error, UnexpectedCharacters):
        seen = f'"{text[position : position + 1]}"'
        wanted = error.allowed or set()
    else:
        seen = "end of query"
    names = sorted({_shown(grammar, name, words) for name in wanted})
    more = ", …" if len(names) > _MOST_TOLD else ""
    told = f", expecting {' or '.join(names[:_MOST_TOLD])}{more}" if names else ""
    return position, f"syntax error: unexpected {seen}{told}"


def _shown(grammar: Lark, name: str, words: Mapping[str, str]) -> str:
    if name == _END:
        return "end of query"
    pattern = grammar.get_terminal(name).pattern
    return pattern.value if isinstance(pattern, PatternStr) else words.get(name, name.lower())
