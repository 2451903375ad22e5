"""Durations that depend on the query become milliseconds."""

from __future__ import annotations

import pytest

from backbone.query.promql.ast import MatrixSelector, Subquery, VectorSelector
from backbone.query.promql.durations import resolve
from backbone.query.promql.errors import PromQLSyntaxError
from backbone.query.promql.parser import parse
from backbone.query.promql.printer import print_expr


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("26m + 4m", 1_800_000, id="a sum"),
        pytest.param("-5m + 35m", 1_800_000, id="a sign"),
        pytest.param("30m1s - 30m1s % 1m", 1_800_000, id="a rest"),
        pytest.param("(9m30s + 30s) * 3", 1_800_000, id="parentheses"),
        pytest.param("-2 ^ 2 + 5", 1_000, id="powers before signs"),
        pytest.param("2 ^ 3 ^ 0", 2_000, id="powers from the right"),
        pytest.param("step() + range()", 70_000, id="the query's"),
        pytest.param("max_of(min_of(step() + 1, 1h), 1ms)", 11_000, id="the least and the most"),
        pytest.param("MIN(step(), 3)", 3_000, id="upper case, the short name"),
        pytest.param("10 / 3", 3_333, id="cut to milliseconds"),
    ],
)
def test_an_expression_has_a_length(text: str, expected: int) -> None:
    found = resolve(parse(f"a[{text}]"), 10_000, 60_000)

    assert isinstance(found, MatrixSelector)
    assert found.range == expected


def test_every_place_is_resolved() -> None:
    text = "-sum(max_over_time((a offset (step()*2))[step()*6:step()/2] offset -step())) + topk(1, rate(b[step()*3]))"

    found = resolve(parse(text), 10_000, 0)

    expected = "-sum(max_over_time((a offset 20s)[1m:5s] offset -10s)) + topk(1, rate(b[30s]))"
    assert print_expr(found) == expected


def test_an_offset_may_be_nothing_or_negative() -> None:
    found = resolve(parse("(a offset (step() - 10))[1m:] offset -(step() ^ 2)"), 10_000, 0)

    assert isinstance(found, Subquery)
    assert found.offset == -100_000
    assert print_expr(found.inner) == "(a)"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("a[step() - 10]", "1:3: parse error: duration must be greater than 0", id="no range"),
        pytest.param("a[1:-step()]", "1:5: parse error: duration must be greater than 0", id="a step back"),
        pytest.param("a[1 / (step() - 10)]", "1:3: parse error: division by zero", id="division"),
        pytest.param("a offset (1 % 0)", "1:11: parse error: modulo by zero", id="rest"),
        pytest.param("a[step() ^ 99999]", "1:3: parse error: duration is out of range", id="too long"),
        pytest.param("a[(-1) ^ 0.5]", "1:4: parse error: duration is out of range", id="no number"),
    ],
)
def test_what_comes_out_wrong_is_refused(text: str, message: str) -> None:
    with pytest.raises(PromQLSyntaxError) as error:
        resolve(parse(text), 10_000, 0, text)

    assert str(error.value) == message


def test_plain_durations_stay_as_they_are() -> None:
    found = parse("a[5m] offset 1h")

    assert isinstance(found, MatrixSelector)
    assert isinstance(found.vector, VectorSelector)
    assert resolve(found, 1, 1) == found
