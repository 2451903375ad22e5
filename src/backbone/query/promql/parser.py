"""
PromQL's text → its syntax tree, with types checked and errors worded as Prometheus words them.

Operators wait on a stack until one that binds less follows them (Dijkstra's shunting yard), and an opened parenthesis,
call or aggregation waits on another: a query's nesting takes no recursion, however deep the text is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple, cast

from backbone.query.promql.ast import (
    Aggregation,
    AggregationOperator,
    Binary,
    BinaryOperator,
    Call,
    Expr,
    Matching,
    MatrixSelector,
    NumberLiteral,
    Paren,
    Span,
    StringLiteral,
    Subquery,
    Unary,
    UnaryOperator,
    ValueType,
    VectorSelector,
)
from backbone.query.promql.checks import (
    PARAMETER_TYPES,
    SET_OPERATORS,
    Problem,
    aggregation_problems,
    binary_problems,
    binary_type,
    call_problems,
    count_problems,
    selector_problems,
    subquery_problems,
    unary_problems,
)
from backbone.query.promql.errors import PromQLSyntaxError, syntax_error
from backbone.query.promql.functions import FUNCTIONS
from backbone.query.promql.lexer import Token, Tokens
from backbone.query.promql.parse_durations import parse_number
from backbone.query.promql.parse_modifiers import parse_binary_modifiers, parse_grouping
from backbone.query.promql.parse_selectors import (
    begins_operand,
    begins_suffix,
    names_metric,
    parse_suffix,
    parse_vector_selector,
)
from backbone.query.promql.quoting import quote
from backbone.query.selectors import Matcher

MAX_DEPTH: Final = 300
"""Levels that a syntax tree may have, so that whoever walks it may recurse."""

_PRECEDENCE: Final = {
    "or": 1, "and": 2, "unless": 2,
    "==": 3, "!=": 3, "<": 3, "<=": 3, ">": 3, ">=": 3, "</": 3, ">/": 3,
    "+": 4, "-": 4, "*": 5, "/": 5, "%": 5, "atan2": 5, "^": 6,
}  # fmt: skip
_SIGN_PRECEDENCE = 5


def parse(text: str) -> Expr:
    """
    Return the syntax tree of a query, of at most `MAX_DEPTH` levels.

    Raises:
        PromQLSyntaxError: it is none, or its types do not fit.
    """
    return _Parser(text).expression()


def parse_selector(text: str) -> tuple[Matcher, ...]:
    """
    Return the matchers of a selector, the metric's name among them as the label ``__name__``.

    Raises:
        PromQLSyntaxError: it is no selector, or it would select everything.
    """
    tokens = Tokens(text)
    if tokens.peek().kind != "{" and not names_metric(tokens.peek()):
        raise tokens.unexpected()
    selector = parse_vector_selector(tokens)
    tokens.expect("end")
    _raise_first(text, selector_problems(selector))
    return selector.matchers


def _raise_first(text: str, problems: Iterable[Problem]) -> None:
    for problem in problems:
        if problem.position is None:
            raise PromQLSyntaxError(problem.what)
        raise syntax_error(text, problem.position, problem.what)


class _Operand(NamedTuple):
    node: Expr
    type: ValueType
    depth: int = 1


class _Waiting(NamedTuple):
    """An operator whose right side is not complete; a sign has no ``matching``."""

    token: Token
    precedence: int
    matching: Matching | None = None
    returns_bool: bool = False


class _Grouping(NamedTuple):
    labels: tuple[str, ...]
    without: bool


@dataclass(slots=True)
class _Open:
    """What was opened, by which token (none for the query itself), and the expression in it as far as it was read."""

    token: Token | None
    problems: int = 0
    """How many problems there were before it."""
    operands: list[_Operand] = field(default_factory=list)
    operators: list[_Waiting] = field(default_factory=list)
    arguments: list[_Operand] = field(default_factory=list)
    grouping: _Grouping | None = None


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = Tokens(text)
        self._open = [_Open(None)]
        self._problems: list[Problem] = []

    def expression(self) -> Expr:
        if self._tokens.peek().kind == "end":
            raise syntax_error(self._text, 0, "no expression found in input")
        self._operand()
        while self._goes_on():
            self._operand()
        _raise_first(self._text, self._problems)
        return self._open[0].operands[0].node

    def _operand(self) -> None:
        """Take signs and opening brackets up to and including a first operand."""
        while True:
            token = self._tokens.peek()
            if token.kind == "operator" and token.text in {"+", "-"}:
                self._open[-1].operators.append(_Waiting(self._tokens.take(), _SIGN_PRECEDENCE))
            elif token.kind == "(":
                self._opened(self._tokens.take())
            elif self._begins_call(token):
                self._opened_call(self._tokens.take())
                if self._tokens.peek().kind == ")":
                    self._close()
                    return
            else:
                self._open[-1].operands.append(self._leaf(token))
                return

    def _begins_call(self, token: Token) -> bool:
        if token.kind in {"identifier", "preprocessor"}:
            return self._tokens.peek(1).kind == "("
        if token.kind != "aggregator":
            return False
        following = self._tokens.peek(1)
        return following.kind == "(" or (following.kind == "keyword" and following.word in {"by", "without"})

    def _opened(self, token: Token) -> None:
        if len(self._open) > MAX_DEPTH:
            raise self._too_deep(token.start)
        self._open.append(_Open(token, len(self._problems)))

    def _opened_call(self, token: Token) -> None:
        self._opened(token)
        if token.kind == "aggregator":
            self._open[-1].grouping = self._grouping()
        self._tokens.expect("(", "aggregation" if token.kind == "aggregator" else "")

    def _grouping(self) -> _Grouping | None:
        token = self._tokens.peek()
        if token.kind != "keyword" or token.word not in {"by", "without"}:
            return None
        self._tokens.take()
        return _Grouping(parse_grouping(self._tokens), token.word == "without")

    def _leaf(self, token: Token) -> _Operand:
        if token.kind in {"number", "duration"}:
            return _Operand(parse_number(self._tokens), ValueType.SCALAR)
        if token.kind == "string":
            self._tokens.take()
            return _Operand(StringLiteral(Span(token.start, token.end), token.word), ValueType.STRING)
        if token.kind != "{" and not names_metric(token):
            raise self._unexpected()
        return _Operand(parse_vector_selector(self._tokens), ValueType.VECTOR)

    def _goes_on(self) -> bool:
        """Take what follows an operand; whether another operand has to follow."""
        while True:
            token, current = self._tokens.peek(), self._open[-1]
            if begins_suffix(token):
                current.operands.append(self._with_suffix(current.operands.pop()))
                continue
            self._check_selector(current.operands[-1].node)
            if token.kind == "operator":
                self._binary(current, self._tokens.take())
                return True
            if token.kind == "," and current.token and current.token.kind != "(":
                self._argument(current, self._tokens.take())
                return True
            if token.kind == ")" and current.token:
                self._close()
            elif token.kind == "end" and not current.token:
                self._reduce(current, 0)
                return False
            else:
                raise self._unexpected()

    def _unexpected(self) -> PromQLSyntaxError:
        inside = any(current.token and current.token.kind == "aggregator" for current in self._open)
        return self._tokens.unexpected("aggregation" if inside else "")

    def _with_suffix(self, operand: _Operand) -> _Operand:
        node = parse_suffix(self._tokens, operand.node)
        if isinstance(node, Subquery) and node.inner is operand.node:
            self._check_selector(operand.node)
            self._problems += subquery_problems(node, operand.type)
            return self._made(node, ValueType.MATRIX, operand.depth)
        matrix = isinstance(node, MatrixSelector | Subquery)
        return _Operand(node, ValueType.MATRIX if matrix else operand.type, operand.depth)

    def _check_selector(self, node: Expr) -> None:
        """Check a selector once nothing can follow it any more."""
        if isinstance(node, MatrixSelector):
            node = node.vector
        if isinstance(node, VectorSelector):
            self._problems += selector_problems(node)

    def _binary(self, current: _Open, token: Token) -> None:
        precedence = _PRECEDENCE.get(token.word)
        if precedence is None:
            raise syntax_error(self._text, token.start, f"unexpected {token}")
        self._reduce(current, precedence + (token.word == "^"))
        returns_bool, matching = parse_binary_modifiers(self._tokens)
        current.operators.append(_Waiting(token, precedence, matching, returns_bool))

    def _reduce(self, current: _Open, precedence: int) -> None:
        """Complete the operators that bind at least as much as ``precedence``."""
        while current.operators and current.operators[-1].precedence >= precedence:
            waiting, right = current.operators.pop(), current.operands.pop()
            if waiting.matching is None:
                current.operands.append(self._signed(waiting.token, right))
            else:
                left = current.operands.pop()
                current.operands.append(self._combined(left, waiting, waiting.matching, right))

    def _signed(self, sign: Token, operand: _Operand) -> _Operand:
        span = Span(sign.start, operand.node.span.end)
        if isinstance(operand.node, NumberLiteral):
            value = -operand.node.value if sign.text == "-" else operand.node.value
            return operand._replace(node=NumberLiteral(span, value, operand.node.is_duration))
        node = Unary(span, cast("UnaryOperator", sign.text), operand.node)
        self._problems += unary_problems(node, operand.type)
        return self._made(node, operand.type, operand.depth)

    def _combined(self, left: _Operand, waiting: _Waiting, matching: Matching, right: _Operand) -> _Operand:
        operator = cast("BinaryOperator", waiting.token.word)
        if operator in SET_OPERATORS and matching.cardinality == "one-to-one":
            matching = replace(matching, cardinality="many-to-many")
        vectors = left.type == right.type == ValueType.VECTOR
        span = Span(left.node.span.start, right.node.span.end)
        node = Binary(span, operator, left.node, right.node, waiting.returns_bool, matching if vectors else None)
        self._problems += binary_problems(node, waiting.token.start, left.type, right.type, matching)
        return self._made(node, binary_type(left.type, right.type), max(left.depth, right.depth))

    def _argument(self, current: _Open, comma: Token) -> None:
        self._reduce(current, 0)
        current.arguments.append(current.operands.pop())
        if not begins_operand(self._tokens.peek()):
            what = "trailing commas not allowed in function call args"
            raise syntax_error(self._text, comma.start, what)

    def _close(self) -> None:
        """Take the closing parenthesis; what it closes is an operand of what is around."""
        closed = self._open.pop()
        self._reduce(closed, 0)
        end = self._tokens.take().end
        opener = cast("Token", closed.token)
        arguments = [*closed.arguments, *closed.operands]
        if opener.kind == "(":
            [inner] = arguments
            made = self._made(Paren(Span(opener.start, end), inner.node), inner.type, inner.depth)
        elif opener.kind == "aggregator":
            made = self._aggregation(opener, closed.grouping, arguments)
        else:
            made = self._call(opener, end, arguments, closed.problems)
        self._open[-1].operands.append(made)

    def _aggregation(self, opener: Token, grouping: _Grouping | None, arguments: list[_Operand]) -> _Operand:
        grouping = grouping or self._grouping() or _Grouping((), without=False)
        operator = cast("AggregationOperator", opener.word)
        wanted = 2 if operator in PARAMETER_TYPES else 1
        if not arguments:
            raise syntax_error(self._text, opener.start, "no arguments for aggregate expression provided")
        if len(arguments) != wanted:
            what = "wrong number of arguments for aggregate expression provided"
            raise syntax_error(self._text, opener.start, f"{what}, expected {wanted}, got {len(arguments)}")
        node = Aggregation(
            Span(opener.start, self._tokens.last_closing),
            operator,
            arguments[-1].node,
            arguments[0].node if wanted == 2 else None,
            grouping.labels,
            grouping.without,
        )
        self._problems += aggregation_problems(node, tuple(argument.type for argument in arguments))
        return self._made(node, ValueType.VECTOR, max(argument.depth for argument in arguments))

    def _call(self, opener: Token, end: int, arguments: list[_Operand], before: int) -> _Operand:
        name = opener.text if opener.kind == "identifier" else opener.word
        if name not in FUNCTIONS:
            raise syntax_error(self._text, opener.start, f"unknown function with name {quote(name)}")
        node = Call(Span(opener.start, end), name, tuple(argument.node for argument in arguments))
        if name == "info" and len(arguments) > 1:
            # What info adds may be narrowed by matchers that take everything.
            inside = self._problems[before:]
            self._problems[before:] = [problem for problem in inside if problem.node is not node.arguments[1]]
        self._problems[before:before] = count_problems(node)
        self._problems += call_problems(node, tuple(argument.type for argument in arguments))
        return self._made(node, FUNCTIONS[name].returns, max((argument.depth for argument in arguments), default=0))

    def _made(self, node: Expr, of: ValueType, depth: int) -> _Operand:
        if depth >= MAX_DEPTH:
            raise self._too_deep(node.span.start)
        return _Operand(node, of, depth + 1)

    def _too_deep(self, position: int) -> PromQLSyntaxError:
        return syntax_error(self._text, position, f"expression has more than {MAX_DEPTH} levels")
