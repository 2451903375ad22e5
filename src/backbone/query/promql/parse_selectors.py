"""Selectors, and what may follow an expression: ``name{a="b"}``, ``[5m:1m]``, ``offset``, ``@``, ``smoothed``."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Final, cast

from backbone.query.promql.ast import Edge, Expr, Extension, MatrixSelector, Span, Subquery, VectorSelector
from backbone.query.promql.errors import PromQLSyntaxError, syntax_error
from backbone.query.promql.lexer import OPERATOR_WORDS, Token, Tokens
from backbone.query.promql.literals import show_number
from backbone.query.promql.parse_durations import parse_number, parse_offset, parse_range, parse_step
from backbone.query.promql.quoting import quote
from backbone.query.selectors import METRIC_LABEL, Matcher, Operator, PatternError

_NO_METRICS: Final = frozenset({"on", "ignoring", "group_left", "group_right", "bool", "atan2"})
_MATCH_OPERATORS: Final = frozenset({"=", "!=", "=~", "!~"})
_MATCHING = "label matching"


def names_metric(token: Token) -> bool:
    """Whether the token may be a metric's name, which most keywords may."""
    if token.kind == "operator":
        return token.word in OPERATOR_WORDS - _NO_METRICS
    words = {"identifier", "metric identifier", "aggregator", "preprocessor", "keyword"}
    return token.kind in words and token.word not in _NO_METRICS


def begins_operand(token: Token) -> bool:
    """Whether an expression may begin with the token."""
    return token.kind in {"{", "(", "number", "duration", "string"} or token.text in {"+", "-"} or names_metric(token)


def parse_vector_selector(tokens: Tokens) -> VectorSelector:
    """Take a name, matchers in braces, or both; the next token is known to begin one."""
    first = tokens.peek()
    end, name, matchers = first.end, "", []
    if first.kind != "{":
        name = tokens.take().text
    if tokens.peek().kind == "{":
        tokens.take()
        matchers = _matchers(tokens)
        end = tokens.last_closing
    if name:
        matchers.append(Matcher(METRIC_LABEL, "=", name))
    return VectorSelector(Span(first.start, end), name, tuple(matchers))


def _matchers(tokens: Tokens) -> list[Matcher]:
    matchers: list[Matcher] = []
    while not tokens.take_if("}"):
        if tokens.peek().kind not in {"identifier", "string"}:
            raise tokens.unexpected(_MATCHING, 'identifier or "}"')
        matchers.append(_matcher(tokens))
        if not tokens.take_if(",") and tokens.peek().kind != "}":
            raise tokens.unexpected(_MATCHING, '"," or "}"')
    return matchers


def _matcher(tokens: Tokens) -> Matcher:
    label = tokens.take()
    if label.kind == "string" and tokens.peek().kind in {",", "}"}:
        return Matcher(METRIC_LABEL, "=", _text(tokens, label))
    if tokens.peek().word not in _MATCH_OPERATORS or tokens.peek().kind == "string":
        raise tokens.unexpected(_MATCHING, "label matching operator")
    operator = cast("Operator", tokens.take().word)
    value = tokens.expect("string", _MATCHING, "string")
    name = _text(tokens, label)
    if not name:
        raise syntax_error(tokens.text, label.start, f"invalid label name {quote(name)}")
    try:
        return Matcher(name, operator, _text(tokens, value)).checked()
    except PatternError as error:
        raise syntax_error(tokens.text, label.start, f"error parsing regexp: {error}") from error


def _text(tokens: Tokens, token: Token) -> str:
    """Return what the token says, which has to be text: labels are."""
    if any(0xD800 <= ord(character) < 0xE000 for character in token.word):
        raise syntax_error(tokens.text, token.start, f"expected UTF-8, got {quote(token.word)}")
    return token.word


def begins_suffix(token: Token) -> bool:
    """Whether `parse_suffix` takes it."""
    return token.kind in {"[", "@"} or (token.kind == "keyword" and token.word in {"offset", "anchored", "smoothed"})


def parse_suffix(tokens: Tokens, operand: Expr) -> Expr:
    """Take one of what may follow an expression, and return the expression with it."""
    token = tokens.take()
    if token.kind == "[":
        return _ranged(tokens, token, operand)
    if token.kind == "@":
        return _fixed(tokens, operand)
    if token.word != "offset":
        return _extended(tokens, operand, cast("Extension", token.word))
    offset = parse_offset(tokens)
    if isinstance(operand, MatrixSelector | VectorSelector | Subquery):
        if _selector(operand).offset != 0:
            raise syntax_error(tokens.text, operand.span.start, "offset may not be set multiple times")
        return _changed(tokens, operand, offset=offset)
    raise _misplaced(tokens, operand, "offset")


def _ranged(tokens: Tokens, bracket: Token, operand: Expr) -> Expr:
    length = parse_range(tokens)
    if tokens.take_if(":"):
        step = parse_step(tokens)
        close = tokens.expect("]", "subquery selector", '"]"')
        return Subquery(Span(operand.span.start, close.end), operand, length, step)
    close = tokens.expect("]", "subquery or range", '":" or "]"')
    if not isinstance(operand, VectorSelector):
        raise syntax_error(tokens.text, bracket.start, "ranges only allowed for vector selectors")
    if operand.offset != 0:
        raise syntax_error(tokens.text, bracket.start, "no offset modifiers allowed before range")
    if operand.at is not None:
        raise syntax_error(tokens.text, bracket.start, "no @ modifiers allowed before range")
    return MatrixSelector(Span(operand.span.start, close.end), operand, length)


def _fixed(tokens: Tokens, operand: Expr) -> Expr:
    at: int | Edge
    if tokens.peek().kind == "preprocessor" and tokens.peek().word in {"start", "end"}:
        at = cast("Edge", tokens.take().word)
        tokens.expect("(", "@", "timestamp")
        tokens.expect(")", "@", "timestamp")
    else:
        at = _timestamp(tokens, operand)
    if not isinstance(operand, MatrixSelector | VectorSelector | Subquery):
        raise _misplaced(tokens, operand, "@")
    if _selector(operand).at is not None:
        raise syntax_error(tokens.text, operand.span.start, "@ <timestamp> may not be set multiple times")
    return _changed(tokens, operand, at=at)


def _timestamp(tokens: Tokens, operand: Expr) -> int:
    sign = tokens.take() if tokens.peek().text in {"+", "-"} else None
    if tokens.peek().kind not in {"number", "duration"}:
        raise tokens.unexpected("" if sign else "@", "" if sign else "timestamp")
    seconds = parse_number(tokens).value * (-1 if sign and sign.text == "-" else 1)
    if not abs(seconds) < 1 << 63:
        what = f"timestamp out of bounds for @ modifier: {_fixed_point(seconds)}"
        raise syntax_error(tokens.text, operand.span.start, what)
    return int(math.copysign(math.floor(abs(seconds) * 1000 + 0.5), seconds))


def _fixed_point(value: float) -> str:
    return f"{value:.6f}" if math.isfinite(value) else show_number(value)


def _extended(tokens: Tokens, operand: Expr, extension: Extension) -> Expr:
    start = operand.span.start
    if isinstance(operand, Subquery):
        raise syntax_error(tokens.text, start, f"{extension} modifier is not supported for subqueries")
    if not isinstance(operand, MatrixSelector | VectorSelector):
        raise syntax_error(tokens.text, start, f"{extension} modifier not implemented")
    if cast("VectorSelector", _selector(operand)).extension not in {None, extension}:
        raise syntax_error(tokens.text, start, "anchored and smoothed modifiers cannot be used together")
    if isinstance(operand, VectorSelector):
        return replace(operand, extension=extension)
    return replace(operand, vector=replace(operand.vector, extension=extension))


def _selector(operand: MatrixSelector | VectorSelector | Subquery) -> VectorSelector | Subquery:
    return operand.vector if isinstance(operand, MatrixSelector) else operand


def _changed(tokens: Tokens, operand: MatrixSelector | VectorSelector | Subquery, **changes: Any) -> Expr:
    span = Span(operand.span.start, tokens.last_closing)
    if isinstance(operand, MatrixSelector):
        return replace(operand, span=span, vector=replace(operand.vector, **changes))
    return replace(operand, span=span, **changes)


def _misplaced(tokens: Tokens, operand: Expr, modifier: str) -> PromQLSyntaxError:
    what = f"{modifier} modifier must be preceded by an instant vector selector or range vector selector or a subquery"
    return syntax_error(tokens.text, operand.span.start, what)
