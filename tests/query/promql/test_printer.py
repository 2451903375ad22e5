"""Queries are printed as Prometheus prints them."""

from __future__ import annotations

import pytest

from backbone.query.promql.literals import show_duration, show_number
from backbone.query.promql.parser import parse
from backbone.query.promql.printer import pretty, print_expr


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param('up{b="x",a=~"y",}', 'up{a=~"y",b="x"}', id="matchers in order"),
        pytest.param("up{ }", "up", id="no matchers"),
        pytest.param('{"a b","c d"="x"}', '{"c d"="x",__name__="a b"}', id="names in quotes"),
        pytest.param("up offset -90m @ 1.5", "up @ 1.500 offset -1h30m", id="modifiers in order"),
        pytest.param("up[5m] smoothed @ end()", "up[5m] smoothed @ end()", id="smoothed"),
        pytest.param("sum(up)[1h : 60]offset 1d", "sum(up)[1h:1m] offset 1d", id="a subquery"),
        pytest.param("a[(5m+1)*-step():MAX_OF(1,2)]", "a[(5m + 1) * (-step()):max_of(1, 2)]", id="durations"),
        pytest.param("a[2^(1^2)^3 - (4 - 1)]", "a[2 ^ (1 ^ 2) ^ 3 - (4 - 1)]", id="parentheses where needed"),
        pytest.param("a offset - (1 + step())", "a offset -(1 + step())", id="an offset's expression"),
        pytest.param("SUM(a)BY(b,`c d`)", 'sum by (b, "c d") (a)', id="a grouping"),
        pytest.param("sum without()(a)", "sum without () (a)", id="without nothing"),
        pytest.param("topk(5,a)", "topk(5, a)", id="a parameter"),
        pytest.param("a==bool on()b", "a == bool on () b", id="bool"),
        pytest.param("a*ignoring(b)group_right c", "a * ignoring (b) group_right () c", id="a matching"),
        pytest.param("a*ignoring()group_left(b) c", "a * ignoring () group_left (b) c", id="a matching by all labels"),
        pytest.param("a+fill(0)b", "a + fill (0) b", id="fill"),
        pytest.param("a+fill_right(-Inf)b", "a + fill_right (-Inf) b", id="fill one side"),
        pytest.param("- - a", "--a", id="signs"),
        pytest.param("inf ^ a + inf", "Inf ^ a + +Inf", id="infinity"),
        pytest.param("'\"\\u200b\\x00\\xff'", '"\\"\\u200b\\x00\\xff"', id="a string"),
        pytest.param("90m + 1e6", "1h30m + 1e+06", id="numbers"),
    ],
)
def test_a_query_on_one_line(text: str, expected: str) -> None:
    assert print_expr(parse(text)) == expected


@pytest.mark.parametrize(
    ("number", "expected"),
    [(1e6, "1e+06"), (999999.0, "999999"), (0.0001, "0.0001"), (0.00001, "1e-05"), (-0.0, "-0"), (5e-324, "5e-324")],
)
def test_numbers_are_shown_as_go_shows_them(number: float, expected: str) -> None:
    assert show_number(number) == expected


@pytest.mark.parametrize(
    ("ms", "expected"),
    [
        (0, "0s"),
        (1001, "1s1ms"),
        (604_800_000, "1w"),
        (691_200_000, "8d"),
        (31_536_000_000, "1y"),
        (-5_400_000, "-1h30m"),
    ],
)
def test_durations_are_shown_in_their_units(ms: int, expected: str) -> None:
    assert show_duration(ms) == expected


_LONG = """\
sum by (job) (\
rate(http_requests_total{job="api"}[5m]) + on (job) group_left (x) rate(http_errors_total{job="api"}[5m] offset 1h)\
)"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("sum( up )", "sum(up)", id="a short one"),
        pytest.param(
            f"-({_LONG}) > bool 5",
            """\
  -(
    sum by (job) (
        rate(http_requests_total{job="api"}[5m])
      + on (job) group_left (x)
        rate(http_errors_total{job="api"}[5m] offset 1h)
    )
  )
> bool
  5""",
            id="operations",
        ),
        pytest.param(
            f'label_replace(topk(5, {_LONG}), "a", "b", "c", "d")',
            """\
label_replace(
  topk(
    5,
    sum by (job) (
        rate(http_requests_total{job="api"}[5m])
      + on (job) group_left (x)
        rate(http_errors_total{job="api"}[5m] offset 1h)
    )
  ),
  "a",
  "b",
  "c",
  "d"
)""",
            id="calls",
        ),
        pytest.param(
            f"{_LONG}[5m:] offset 1h",
            """\
sum by (job) (
    rate(http_requests_total{job="api"}[5m])
  + on (job) group_left (x)
    rate(http_errors_total{job="api"}[5m] offset 1h)
)[5m:] offset 1h""",
            id="a subquery",
        ),
    ],
)
def test_a_long_query_is_split(text: str, expected: str) -> None:
    assert pretty(parse(text)) == expected
