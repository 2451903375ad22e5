"""Every query that Prometheus reads is read, with the same meaning; everything else is refused in the same words."""

from __future__ import annotations

import pytest

from backbone.query.promql.ast import (
    Aggregation,
    Binary,
    Call,
    DurationCall,
    DurationOperation,
    Expr,
    Matching,
    MatrixSelector,
    NumberLiteral,
    Paren,
    Span,
    StringLiteral,
    Subquery,
    Unary,
    VectorSelector,
)
from backbone.query.promql.errors import PromQLSyntaxError
from backbone.query.promql.parser import MAX_DEPTH, parse
from backbone.query.promql.printer import print_expr
from backbone.query.selectors import Matcher


def _named(name: str) -> Matcher:
    return Matcher("__name__", "=", name)


def _metric(name: str, start: int) -> VectorSelector:
    return VectorSelector(Span(start, start + len(name)), name, (_named(name),))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("1", NumberLiteral(Span(0, 1), 1), id="a number"),
        pytest.param("- -1", NumberLiteral(Span(0, 4), 1), id="signs of a number are part of it"),
        pytest.param("0x1F", NumberLiteral(Span(0, 4), 31), id="hexadecimal"),
        pytest.param("017", NumberLiteral(Span(0, 3), 15), id="octal, as Go reads integers"),
        pytest.param("08", NumberLiteral(Span(0, 2), 8), id="not octal"),
        pytest.param("1_000.5e1", NumberLiteral(Span(0, 9), 10_005), id="underscores between digits"),
        pytest.param(".5", NumberLiteral(Span(0, 2), 0.5), id="no digit before the point"),
        pytest.param("1h30m", NumberLiteral(Span(0, 5), 5400, is_duration=True), id="a duration is seconds"),
        pytest.param("'a\\'\"'", StringLiteral(Span(0, 6), "a'\""), id="a string in single quotes"),
        pytest.param('"\\x41\\u00e9\\101\\n"', StringLiteral(Span(0, 18), "AéA\n"), id="escapes"),
        pytest.param('"a\\xc5z"', StringLiteral(Span(0, 8), "a\udcc5z"), id="a byte that is not UTF-8"),
        pytest.param("`\\n`", StringLiteral(Span(0, 4), "\\n"), id="raw text"),
        pytest.param(
            "up @ 1.5 offset -1m",
            VectorSelector(Span(0, 19), "up", (_named("up"),), at=1500, offset=-60_000),
            id="the modifiers are part of the selector",
        ),
        pytest.param(
            "up offset 1m @ end()",
            VectorSelector(Span(0, 20), "up", (_named("up"),), at="end", offset=60_000),
            id="the modifiers in the other order",
        ),
        pytest.param(
            '{"größe", "a b"=~"x",}',
            VectorSelector(Span(0, 22), "", (_named("größe"), Matcher("a b", "=~", "x"))),
            id="names in quotes",
        ),
        pytest.param(
            "up[5m] offset 1m",
            MatrixSelector(Span(0, 16), VectorSelector(Span(0, 2), "up", (_named("up"),), offset=60_000), 300_000),
            id="a range, with the offset at its selector",
        ),
        pytest.param(
            "a smoothed", VectorSelector(Span(0, 1), "a", (_named("a"),), extension="smoothed"), id="smoothed"
        ),
        pytest.param("a[5m:]", Subquery(Span(0, 6), _metric("a", 0), 300_000, None), id="a subquery"),
        pytest.param(
            "(a)[1h:10] @ start()",
            Subquery(Span(0, 20), Paren(Span(0, 3), _metric("a", 1)), 3_600_000, 10_000, at="start"),
            id="a subquery with a step in seconds",
        ),
        pytest.param(
            "rate( a[5m] )",
            Call(Span(0, 13), "rate", (MatrixSelector(Span(6, 11), _metric("a", 6), 300_000),)),
            id="a call",
        ),
        pytest.param(
            "SUM (a) By (b,)", Aggregation(Span(0, 15), "sum", _metric("a", 5), None, ("b",)), id="a grouping behind"
        ),
        pytest.param(
            'topk without ("b c", sum) (1, a)',
            Aggregation(
                Span(0, 32), "topk", _metric("a", 30), NumberLiteral(Span(27, 28), 1), ("b c", "sum"), without=True
            ),
            id="a grouping before, in quotes and named as a keyword",
        ),
        pytest.param(
            "a + on (x) group_left (y) fill_left (-1) b",
            Binary(
                Span(0, 42),
                "+",
                _metric("a", 0),
                _metric("b", 41),
                matching=Matching("many-to-one", ("x",), on=True, include=("y",), fill_left=-1),
            ),
            id="a matching",
        ),
        pytest.param(
            "a > bool 1",
            Binary(Span(0, 10), ">", _metric("a", 0), NumberLiteral(Span(9, 10), 1), returns_bool=True),
            id="bool",
        ),
        pytest.param(
            "a and b",
            Binary(Span(0, 7), "and", _metric("a", 0), _metric("b", 6), matching=Matching("many-to-many")),
            id="sets match many to many",
        ),
        pytest.param("sum", _metric("sum", 0), id="an aggregation's name is a metric's name"),
        pytest.param("offset", _metric("offset", 0), id="a keyword is a metric's name"),
    ],
)
def test_a_query_is_read(text: str, expected: Expr) -> None:
    assert parse(text) == expected


def _grouped(expr: Expr) -> str:
    """Print with every operation in brackets."""
    match expr:
        case Binary():
            return f"[{_grouped(expr.left)} {expr.operator} {_grouped(expr.right)}]"
        case Unary():
            return f"[{expr.operator}{_grouped(expr.operand)}]"
    return print_expr(expr)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a or b and c", "[a or [b and c]]", id="and before or"),
        pytest.param("a and b unless c", "[[a and b] unless c]", id="sets from the left"),
        pytest.param("a == b and c", "[[a == b] and c]", id="comparisons before sets"),
        pytest.param("a < b + c", "[a < [b + c]]", id="sums before comparisons"),
        pytest.param("a </ b + c", "[a </ [b + c]]", id="trimming is a comparison"),
        pytest.param("a - b - c", "[[a - b] - c]", id="from the left"),
        pytest.param("a + b * c atan2 d", "[a + [[b * c] atan2 d]]", id="products before sums"),
        pytest.param("a ^ b ^ c", "[a ^ [b ^ c]]", id="powers from the right"),
        pytest.param("-a ^ b", "[-[a ^ b]]", id="powers before signs"),
        pytest.param("-a * b", "[[-a] * b]", id="signs before products"),
        pytest.param("a ^ -b * c", "[[a ^ [-b]] * c]", id="a sign in a power"),
        pytest.param("-a offset 5m", "[-a offset 5m]", id="modifiers before signs"),
        pytest.param("a offset 100 + b", "[a offset 1m40s + b]", id="an offset takes one number"),
        pytest.param("a offset -2 ^ b", "[a offset -2s ^ b]", id="an offset takes one number with its sign"),
        pytest.param("a offset -step()*2", "[a offset -step() * 2]", id="an offset takes one call"),
        pytest.param("a offset (100) + b", "[a offset 1m40s + b]", id="an offset takes one parenthesis"),
        pytest.param("a @ 1 smoothed + b", "[a smoothed @ 1.000 + b]", id="smoothed before sums"),
        pytest.param("a + fill(0) b", "[a + b]", id="fill is a modifier before a parenthesis"),
        pytest.param("fill + fill_left(0) fill_right", "[fill + fill_right]", id="fill is a metric elsewhere"),
    ],
)
def test_operators_bind_as_in_prometheus(text: str, expected: str) -> None:
    assert _grouped(parse(text)) == expected


def test_durations_are_expressions() -> None:
    found = parse("a[-5m + 2 * step():min_of(1, range())] offset -(1s ^ 2)")

    assert isinstance(found, Subquery)
    assert isinstance(found.range, DurationOperation)
    assert found.step == DurationCall(
        Span(19, 37), "min", (NumberLiteral(Span(26, 27), 1), DurationCall(Span(29, 36), "range"))
    )
    assert isinstance(found.offset, DurationOperation)
    assert found.offset.left is None


def test_info_may_take_matchers_that_take_everything() -> None:
    parse('info(a, {b=~".*"})')
    with pytest.raises(PromQLSyntaxError, match="non-empty matcher"):
        parse('info({b=~".*"}, {b=~".*"})')


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("(" * 301 + "a" + ")" * 301, id="parentheses"),
        pytest.param("-" * 301 + "a", id="signs"),
        pytest.param("floor(" * 301 + "a" + ")" * 301, id="calls"),
        pytest.param("sum by (b) (" * 301 + "a" + ")" * 301, id="aggregations"),
        pytest.param("a" + "[5m:]" * 301, id="subqueries"),
        pytest.param("a" + " + a" * 301, id="sums"),
        pytest.param("a" + " ^ a" * 301, id="powers"),
        pytest.param("a[" + "(" * 301 + "1" + ")" * 301 + "]", id="durations"),
        pytest.param("a[" + "-" * 301 + "1]", id="signs of durations"),
        pytest.param("a[1" + "+ 1" * 301 + "]", id="sums of durations"),
        pytest.param("(" * 100_000, id="open parentheses"),
        pytest.param("-" * 100_000, id="only signs"),
        pytest.param("a[" + "(" * 100_000, id="open durations"),
    ],
)
def test_nesting_has_a_bound(text: str) -> None:
    with pytest.raises(PromQLSyntaxError):
        parse(text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("(" * (MAX_DEPTH - 1) + "a" + ")" * (MAX_DEPTH - 1), id="parentheses"),
        pytest.param("a" + " + a" * (MAX_DEPTH - 1), id="sums"),
    ],
)
def test_nesting_up_to_the_bound_is_read_and_printed(text: str) -> None:
    assert print_expr(parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("label_join(a" + ', "b"' * 20_000 + ")", id="arguments"),
        pytest.param("a{" + 'b="c",' * 16_000 + "}", id="matchers"),
        pytest.param("sum by (" + "b," * 50_000 + ") (a)", id="labels"),
        pytest.param("a" + " offset 0" * 10_000, id="modifiers"),
        pytest.param("1 # " + "c" * 100_000, id="a comment"),
        pytest.param('"' + "\\n" * 50_000 + '"', id="escapes"),
    ],
)
@pytest.mark.timeout(10)
def test_long_queries_take_time_by_their_length(text: str) -> None:
    parse(text)
