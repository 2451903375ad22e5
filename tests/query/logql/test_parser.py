"""LogQL's grammar: what is read, what is refused and where, and that any text is one or the other."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backbone.query.logql.ast import LogQuery, MetricQuery
from backbone.query.logql.errors import LogQLSyntaxError
from backbone.query.logql.parser import parse, parse_log_query
from backbone.query.logql.printer import print_query
from backbone.query.promql.ast import Span
from tests.query.logql.grammar import QUERIES

_GOOD = [
    '{app="x"}',
    '{app="x", env=~"prod|dev",}',
    '{app=`x`} # a comment\n |= `a"b`',
    '({app="x"} |= "a")',
    '{app="x"} |= "a" != "b" |~ "c.*" !~ "d" |> "<_> e <_>" !> "<_> f"',
    '{app="x"} |= "a" or "b" or "c" != ip("10.0.0.0/8")',
    '{app="x"} | json | json a="b.c[0]", d | logfmt --strict --keep-empty | logfmt x="y" | unpack',
    '{app="x"} | regexp "(?P<a>.)" | pattern "<a> <_> <b>"',
    '{app="x"} | a="b" and c!="d" or (e=~"f", g!~"h") | n > 5 | d >= 1h30m | s < 1.5KiB | i=ip("::1")',
    '{app="x"} | line_format "{{.a}}" | label_format a=b, c="{{.d}}" | keep a, b="c" | drop d, e=~"f" | decolorize',
    '{app="x"} | json | distinct a, b',
    'count_over_time({app="x"} [5m])',
    'rate({app="x"} |= "a" [1m30s] offset 5m)',
    'sum by (a, b) (rate({app="x"}[1m]))',
    'sum(rate({app="x"}[1m])) by (a)',
    'avg without (a) (count_over_time({app="x"}[1m]))',
    'topk(5, sum by (a) (rate({app="x"}[1m])))',
    'sort_desc(sum by (a) (rate({app="x"}[1m])))',
    'sum_over_time({app="x"} | json | unwrap n [1m])',
    'quantile_over_time(0.99, {app="x"} | logfmt | unwrap duration(took) | took > 0 [1m]) by (a)',
    'max_over_time({app="x"} | unwrap bytes(size) [1m] offset 1h) without (b)',
    'rate_counter({app="x"} | unwrap n [1m])',
    'absent_over_time({app="x"}[5m])',
    'count_over_time({app="x"}[1m]) / on (a) group_left (b) rate({app="y"}[1m]) > bool 2',
    'count_over_time({app="x"}[1m]) and ignoring (a) rate({app="y"}[1m]) unless rate({app="z"}[1m])',
    '1 + 2 * count_over_time({app="x"}[1m]) ^ -2 % 3',
    'label_replace(rate({app="x"}[1m]), "a", "$1", "b", "(.*)")',
    "vector(1) or vector(-1.5)",
]


@pytest.mark.parametrize("text", _GOOD)
def test_what_is_read_prints_to_what_is_read_as_the_same(text: str) -> None:
    tree = parse(text)

    assert _bare(parse(print_query(tree))) == _bare(tree)


_BAD = [
    ("", "line 1, col 1: syntax error: unexpected end of query"),
    ("{", "line 1, col 2: syntax error: unexpected end of query, expecting identifier or }"),
    ("{}", "line 1, col 1: queries require at least one regexp or equality matcher"),
    ('{a=~".*"}', "queries require at least one regexp or equality matcher"),
    ("{a=b}", 'line 1, col 4: syntax error: unexpected "b", expecting string'),
    ('{a="b"', "line 1, col 7: syntax error: unexpected end of query"),
    ('{a="b"} |', "line 1, col 10: syntax error: unexpected end of query"),
    ('{a="b"}\n  |= c', 'line 2, col 6: syntax error: unexpected "c"'),
    ('{a="b"} |~ "("', "line 1, col 12: error parsing regexp: missing )"),
    ('{a=~"("}', "error parsing regexp"),
    ('{a="b"} | regexp "x"', "at least one named capture must be supplied"),
    ('{a="b"} | pattern "x"', "at least one capture is required"),
    ('{a="b"} | pattern "<a><b>"', "consecutive captures are not allowed"),
    ('{a="b"} | pattern "<a> <a>"', "duplicate capture name"),
    ('{a="b"} |> "<x>"', "a pattern that filters takes <_> only"),
    ('{a="b"} | label_format x=y, x=z', "a label can be formatted only once per stage"),
    ('{a="b"} | unwrap x', "unwrap is for range aggregations only"),
    ('rate({a="b"})', "syntax error"),
    ('rate({a="b"}[5])', "syntax error"),
    ('rate({a="b"}[0s])', "a range must be at least a millisecond"),
    ('sum_over_time({a="b"}[5m])', "invalid aggregation sum_over_time without unwrap"),
    ('count_over_time({a="b"} | unwrap x [5m])', "invalid aggregation count_over_time with unwrap"),
    ('quantile_over_time({a="b"} | unwrap x [5m])', "quantile_over_time requires a parameter"),
    ('rate({a="b"}[5m]) by (c)', "grouping not allowed for rate aggregation"),
    ('topk(rate({a="b"}[5m]))', "topk requires parameter"),
    ('sum(2, rate({a="b"}[5m]))', "sum takes no parameter"),
    ('sum by (a) (rate({a="b"}[5m])) by (b)', "grouping is given twice"),
    ('rate({a="b"}[5m]) + {a="b"}', "syntax error"),
    ('{a="\\q"}', "unknown escape sequence"),
    ("(" * 200 + '{a="b"}' + ")" * 200, "more than 100 levels of parentheses"),
    ("{" + "a" * 70_000, "at most 65536 are read"),
]


@pytest.mark.parametrize(("text", "said"), _BAD)
def test_what_is_no_query_is_refused_with_its_place(text: str, said: str) -> None:
    with pytest.raises(LogQLSyntaxError) as refused:
        parse(text)

    assert said in str(refused.value)


def test_numbers_are_no_lines() -> None:
    assert isinstance(parse('rate({a="b"}[1m])'), MetricQuery)
    with pytest.raises(LogQLSyntaxError, match="expected a query of lines, got one of numbers"):
        parse_log_query('rate({a="b"}[1m])')


@settings(max_examples=300, deadline=None)
@given(QUERIES)
def test_any_tree_is_read_back_from_its_text(tree: LogQuery | MetricQuery) -> None:
    assert _bare(parse(print_query(tree))) == _bare(tree)


_PIECES = ['{a="b"}', "{", "}", "|", "|=", "!=", "json", '"x"', "`y`", "rate", "(", ")", "[5m]", "by", "a", "=", "5",
           "1h", "unwrap", "sum", ",", "or", "and", "ip", "offset",
           "-", "\n", "#", "é", "\x00", "==", "bool", "on"]  # fmt: skip


@settings(max_examples=500, deadline=None)
@given(st.text(max_size=80) | st.lists(st.sampled_from(_PIECES), max_size=30).map(" ".join))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(LogQLSyntaxError):
        parse(text)


def _bare(node: Any) -> Any:
    """Return the tree without positions."""
    if isinstance(node, Span):
        return None
    if dataclasses.is_dataclass(node) and not isinstance(node, type):
        return type(node).__name__, *(_bare(getattr(node, field.name)) for field in dataclasses.fields(node))
    if isinstance(node, tuple):
        return tuple(_bare(item) for item in node)
    return node
