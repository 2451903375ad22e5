"""TraceQL's grammar: what is read, what is refused and where, and that any text is one or the other."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backbone.query.traceql.errors import TraceQLSyntaxError
from backbone.query.traceql.parser import parse
from backbone.query.traceql.printer import print_query

_GOOD = [
    "",
    "{ }",
    '{ span.http.status_code >= 200 && resource.service.name = "shop" }',
    "{ .a = nil || !.b } // a comment",
    '{ name =~ "x.*" } >> { status = error && kind = server }',
    "{ .a } && { .b } || { .c } ~ { .d }",
    "({ .a } | count() > 1) && ({ .b })",
    "{ .a } !>> { .b } &~ { .c } !~ { .d } &<< { .e }",
    "{ duration > 1m30s } | count() > 2",
    "{ } | by(resource.service.name) | avg(duration) > 100ms | select(span.a, name)",
    "{ } | max(duration) / min(duration) > 2 | coalesce()",
    "{ status = error } | rate() by (resource.service.name, name)",
    "{ } | quantile_over_time(duration, .5, 0.99) by (span.x) | topk(5)",
    "{ } | compare({ status = error }, 10, 1700000000000000000, 1700000060000000000)",
    "{ } | histogram_over_time(duration) with (exemplars=true, sample=0.1)",
    '{ span."a b".c = "x\\"y" && .foo-bar/x > 1 }',
    "{ -span.x * 2 + 1 > 3 ^ 2 % 5 }",
    "{ event:name = `x` && link:traceID = `abc` && event.y = 1 && instrumentation:version != `1` }",
    "{ span:duration > trace:duration / 2 && span:childCount > 3 && nestedSetParent < 0 }",
    "{ true } | sum(span.x) + 1 = 5",
]


@pytest.mark.parametrize("text", _GOOD)
def test_what_is_read_prints_to_what_is_read_as_the_same(text: str) -> None:
    tree = parse(text)

    assert parse(print_query(tree)) == tree


_BAD = [
    ("{", "line 1, col 2: syntax error: unexpected end of query"),
    ("{ .a", "line 1, col 5: syntax error: unexpected end of query, expecting != or !~"),
    ("{ .a = }", 'line 1, col 8: syntax error: unexpected "}"'),
    ("{ a = 1 }", 'line 1, col 3: syntax error: unexpected "a"'),
    ("{ .a }\n > ", "line 2, col 4: syntax error: unexpected end of query, expecting ( or {"),
    ("{ } {", 'line 1, col 5: syntax error: unexpected "{"'),
    ("{ name = 5 }", "binary operations must operate on the same type: string = number"),
    ("{ duration }", "span filter field expressions must resolve to a boolean, got a number"),
    ("{ status > error }", "illegal operation for the given types: status > status"),
    ('{ "a" + 1 = 2 }', "+ takes a number, got a string"),
    ("{ .a > nil }", "> with nil"),
    ("{ duration =~ `x` }", "number =~ string"),
    ("count() > 2", "a query begins with spans, such as { }"),
    ("{ } | count(duration) > 1", "line 1, col 7: count() takes nothing"),
    ("{ } | avg() > 1", "avg() takes what it is to be of"),
    ("{ } | 1 > 2", "a comparison of numbers alone says nothing of spans"),
    ("{ } | rate(duration)", "rate() takes nothing"),
    ("{ } | quantile_over_time(duration)", "quantile_over_time needs quantiles"),
    ("{ } | quantile_over_time(duration, 2)", "quantiles are numbers from 0 to 1"),
    ("{ } | rate() | count() > 1", "a metric such as rate() stands at the end of a query only"),
    ("({ } | rate()) && { }", "a metric such as rate() stands at the end of a query only"),
    ("{ } | topk(5)", "topk takes the series of a metric"),
    ("{ } | rate() | topk(0)", "topk takes a whole number from 1 on"),
    ('{ .a =~ "(" }', "line 1, col 6: invalid regex"),
    ("{ .a =~ 5 }", "=~ takes a regular expression in quotes"),
    ("{ parent.x = 1 }", "attributes of the parent span are not searched"),
    ("{ } | compare({ .a } >> { .b })", "syntax error"),
    ('{ .a = "\\q" }', "unknown escape sequence"),
    ("{" * 70, "more than 60 levels of parentheses"),
    ("{" + "-" * 90 + "1 = 1 }", "more than 60 levels of parentheses or signs"),
    ("{ ." + "a" * 70_000 + " }", "at most 65536 are read"),
]


@pytest.mark.parametrize(("text", "said"), _BAD)
def test_what_is_no_query_is_refused_with_its_place(text: str, said: str) -> None:
    with pytest.raises(TraceQLSyntaxError) as refused:
        parse(text)

    assert said in str(refused.value)


_PIECES = [
    "{", "}", "(", ")", "&&", "||", "=", "!=", ">", ">>", "<", "~", "!>", "&>", "|", "count()", "avg(", "by(",
    "select(", "rate()", "duration", ".a", "span.b", '"x"', "5", "1s", "nil", "true", "kind", "+", "-", "!", "^",
    ",", "//",
]  # fmt: skip


@settings(max_examples=500, deadline=None)
@given(st.text(max_size=80) | st.lists(st.sampled_from(_PIECES), max_size=25).map(" ".join))
def test_any_text_is_read_and_prints_or_is_refused(text: str) -> None:
    with contextlib.suppress(TraceQLSyntaxError):
        tree = parse(text)
        assert parse(print_query(tree)) == tree
