"""Durations where PromQL takes them: ``[5m]``, ``[1h / 2:step()]``, ``offset -(30s + step())``."""

from __future__ import annotations

from typing import Final, cast

from backbone.query.promql.ast import (
    Duration,
    DurationCall,
    DurationExpr,
    DurationFunction,
    DurationOperation,
    DurationOperator,
    NumberLiteral,
    Span,
)
from backbone.query.promql.errors import PromQLSyntaxError, syntax_error
from backbone.query.promql.lexer import DURATION_WORDS, Token, Tokens
from backbone.query.promql.literals import MAX_SECONDS, duration_ms, milliseconds, number

_MAX_DEPTH: Final = 100
_PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2, "%": 2, "^": 3}
_SIGN_PRECEDENCE = 2
_WANTED = "number, duration, step(), or range()"


def parse_number(tokens: Tokens) -> NumberLiteral:
    """Take a number or a duration; what it means is in seconds."""
    token = tokens.take()
    try:
        value = duration_ms(token.text) / 1e3 if token.kind == "duration" else number(token.text)
    except ValueError as error:
        raise syntax_error(tokens.text, token.start, str(error)) from error
    return NumberLiteral(Span(token.start, token.end), value, is_duration=token.kind == "duration")


def parse_range(tokens: Tokens) -> Duration:
    """Take what stands in ``[…]`` before a colon or the bracket; it must be greater than 0."""
    return _positive(tokens, _expression(tokens, 0, 0, ("subquery or range selector", _WANTED)))


def parse_step(tokens: Tokens) -> Duration | None:
    """Take what stands after the colon of a subquery, if anything."""
    if tokens.peek().kind == "]":
        return None
    context = ("subquery selector", 'number, duration, step(), range(), or "]"')
    return _positive(tokens, _expression(tokens, 0, 0, context))


def parse_offset(tokens: Tokens) -> Duration:
    """Take one number, call or expression in parentheses, with or without signs."""
    context = ("offset", _WANTED)
    sign = tokens.take() if tokens.peek().text in {"+", "-"} else None
    operand = _operand(tokens, 1, context)
    if sign and isinstance(operand, NumberLiteral):
        operand = _signed(sign, operand)
    elif sign:
        operand = DurationOperation(Span(sign.start, operand.span.end), _operator(sign), None, operand)
    if not isinstance(operand, NumberLiteral):
        return operand
    if not abs(operand.value) <= MAX_SECONDS:
        raise syntax_error(tokens.text, operand.span.start, "duration out of range")
    return milliseconds(operand.value)


def _positive(tokens: Tokens, found: DurationExpr) -> Duration:
    if not isinstance(found, NumberLiteral):
        return found
    if not found.value > 0:
        raise syntax_error(tokens.text, found.span.start, "duration must be greater than 0")
    if found.value > MAX_SECONDS:
        raise syntax_error(tokens.text, found.span.start, "duration out of range")
    return max(1, milliseconds(found.value))


def _expression(tokens: Tokens, least: int, depth: int, context: tuple[str, str]) -> DurationExpr:
    if depth > _MAX_DEPTH:
        raise _too_deep(tokens)
    token = tokens.peek()
    if token.text in {"+", "-"}:
        tokens.take()
        left = _negated(token, _expression(tokens, _SIGN_PRECEDENCE + 1, depth + 1, context))
    else:
        left = _operand(tokens, depth, context)
    length = 0
    while (token := tokens.peek()).kind == "operator" and _PRECEDENCE.get(token.text, -1) >= max(least, 1):
        tokens.take()
        length += 1
        if depth + length > _MAX_DEPTH:
            raise _too_deep(tokens)
        right = _expression(tokens, _PRECEDENCE[token.text] + (token.text != "^"), depth + 1, ("", ""))
        left = DurationOperation(Span(left.span.start, right.span.end), _operator(token), left, right)
    return left


def _operand(tokens: Tokens, depth: int, context: tuple[str, str]) -> DurationExpr:
    token = tokens.peek()
    if token.kind in {"number", "duration"}:
        return parse_number(tokens)
    if token.kind == "(":
        tokens.take()
        inner = _expression(tokens, 0, depth + 1, ("", ""))
        tokens.expect(")")
        return inner
    if token.word in DURATION_WORDS and token.kind in {"identifier", "aggregator", "preprocessor"}:
        return _call(tokens, depth)
    raise tokens.unexpected(*context)


def _call(tokens: Tokens, depth: int) -> DurationCall:
    token = tokens.take()
    tokens.expect("(")
    arguments: tuple[DurationExpr, ...] = ()
    if token.word not in {"step", "range"}:
        first = _expression(tokens, 0, depth + 1, ("", ""))
        tokens.expect(",")
        arguments = (first, _expression(tokens, 0, depth + 1, ("", "")))
    close = tokens.expect(")")
    function = cast("DurationFunction", token.word.removesuffix("_of"))
    return DurationCall(Span(token.start, close.end), function, arguments)


def _negated(sign: Token, operand: DurationExpr) -> DurationExpr:
    if isinstance(operand, NumberLiteral):
        return _signed(sign, operand)
    return DurationOperation(Span(sign.start, operand.span.end), _operator(sign), None, operand)


def _signed(sign: Token, literal: NumberLiteral) -> NumberLiteral:
    value = -literal.value if sign.text == "-" else literal.value
    return NumberLiteral(Span(sign.start, literal.span.end), value, literal.is_duration)


def _operator(token: Token) -> DurationOperator:
    return cast("DurationOperator", token.text)


def _too_deep(tokens: Tokens) -> PromQLSyntaxError:
    return syntax_error(tokens.text, tokens.peek().start, f"duration expression has more than {_MAX_DEPTH} levels")
