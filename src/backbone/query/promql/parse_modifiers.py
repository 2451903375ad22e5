"""What stands between an operator and its operands: ``by (a)``, ``bool on (a) group_left (b) fill (0)``."""

from __future__ import annotations

from backbone.query.promql.ast import Cardinality, Matching
from backbone.query.promql.errors import syntax_error
from backbone.query.promql.lexer import Tokens
from backbone.query.promql.parse_durations import parse_number
from backbone.query.promql.parse_selectors import begins_operand
from backbone.query.promql.quoting import quote

_CONTEXT = "grouping opts"
_WORDS = frozenset({"identifier", "metric identifier", "aggregator", "preprocessor", "keyword", "string"})
_FILLS = {"fill": ("fill_left", "fill_right"), "fill_left": ("fill_left",), "fill_right": ("fill_right",)}


def parse_grouping(tokens: Tokens) -> tuple[str, ...]:
    """Take labels in parentheses; a comma may follow the last one."""
    tokens.expect("(", _CONTEXT, '"("')
    labels: list[str] = []
    while not tokens.take_if(")"):
        labels.append(_label(tokens))
        if not tokens.take_if(",") and tokens.peek().kind != ")":
            raise tokens.unexpected(_CONTEXT, '"," or ")"')
    return tuple(labels)


def _label(tokens: Tokens) -> str:
    token = tokens.peek()
    word = (
        (token.kind in _WORDS and token.word != "without")
        or token.kind == "string"
        or (token.kind == "operator" and token.word.isalnum())
    )
    if not word:
        raise tokens.unexpected(_CONTEXT, "label")
    tokens.take()
    label = token.word if token.kind == "string" else token.text
    if token.kind == "metric identifier" or not label or not _is_text(label):
        raise syntax_error(tokens.text, token.start, f"invalid label name for grouping: {quote(label)}")
    return label


def _is_text(label: str) -> bool:
    return not any(0xD800 <= ord(character) < 0xE000 for character in label)


def parse_binary_modifiers(tokens: Tokens) -> tuple[bool, Matching]:
    """Take what may follow a binary operator; return whether ``bool`` was there, and the matching."""
    returns_bool = _take_word(tokens, "bool") is not None
    cardinality: Cardinality = "one-to-one"
    labels: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    on = _take_word(tokens, "on", "ignoring")
    if on:
        labels = parse_grouping(tokens)
        group = _take_word(tokens, "group_left", "group_right")
        if group:
            cardinality = "many-to-one" if group == "group_left" else "one-to-many"
            ahead = tokens.peek()
            include = () if ahead.kind != "(" and begins_operand(ahead) else parse_grouping(tokens)
    fills = _fills(tokens)
    return returns_bool, Matching(
        cardinality, labels, on == "on", include, fills.get("fill_left"), fills.get("fill_right")
    )


def _fills(tokens: Tokens) -> dict[str, float]:
    """Take ``fill(0)``, or ``fill_left(0)`` and ``fill_right(0)``; without parentheses the words name metrics."""
    fills: dict[str, float] = {}
    while tokens.peek().kind == "keyword" and tokens.peek().word in _FILLS and tokens.peek(1).kind == "(":
        word = tokens.peek().word
        if any(side in fills for side in _FILLS[word]):
            raise tokens.unexpected()
        tokens.take()
        tokens.expect("(")
        sign = tokens.take() if tokens.peek().text in {"+", "-"} else None
        if tokens.peek().kind not in {"number", "duration"}:
            raise tokens.unexpected("fill modifier", "number")
        value = parse_number(tokens).value
        tokens.expect(")")
        fills |= dict.fromkeys(_FILLS[word], -value if sign and sign.text == "-" else value)
    return fills


def _take_word(tokens: Tokens, *words: str) -> str | None:
    token = tokens.peek()
    return tokens.take().word if token.kind == "keyword" and token.word in words else None
