"""The parser against random text, another parser, and the queries of Prometheus' own tests."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

import promql_parser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backbone.query.promql.durations import resolve
from backbone.query.promql.errors import PromQLSyntaxError
from backbone.query.promql.parser import parse, parse_selector
from backbone.query.promql.printer import pretty, print_expr
from backbone.query.promql.tree_json import tree
from tests.query.promql.grammar import QUERIES, broken
from tests.query.promql.trees import shape

_SCRIPTS = sorted((Path(__file__).parents[4] / "shared" / "promqltest").glob("*.test"))
_EVAL = re.compile(r"^eval\S*\s+(?:instant(?:\s+at\s+\S+)?|range\s+from\s+\S+\s+to\s+\S+\s+step\s+\S+)\s+(.*)")
_NEWER = re.compile(
    r"""
    </ | >/ | \b(?:anchored|smoothed|fill|fill_left|fill_right|step|range|start|end)\b | [0-9]_ | \[\s*[-+(.\d]
    | [-+][\s(]*["'`] | offset\s*[-+(]*\s*[-+(.\d] | \b\d+(?:ms|[smhdwy])
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""What the other parser does not know, or reads by other rules."""


def _accepts(text: str) -> bool:
    try:
        parse(text)
    except PromQLSyntaxError:
        return False
    return True


def _accepted_elsewhere(text: str) -> bool:
    try:
        promql_parser.parse(text)
    except ValueError:
        return False
    return True


@given(QUERIES | broken())
@settings(max_examples=300, deadline=None)
def test_another_parser_agrees(text: str) -> None:
    if _NEWER.search(text):
        return
    assert _accepts(text) == _accepted_elsewhere(text)


@given(QUERIES)
@settings(max_examples=300, deadline=None)
def test_what_is_printed_is_read_the_same(text: str) -> None:
    try:
        expr = parse(text)
    except PromQLSyntaxError:
        return
    assert shape(parse(print_expr(expr))) == shape(parse(pretty(expr))) == shape(expr)
    assert shape(resolve(expr, 1000, 0)) == shape(expr)


@given(st.text(max_size=60) | broken() | st.text("(){}[]:,@+-^\"'`\\#=~!<>/ab1m_. \n", max_size=40))
@settings(max_examples=500, deadline=None)
def test_any_text_is_a_query_or_is_refused(text: str) -> None:
    for read in (parse, parse_selector):
        with suppress(PromQLSyntaxError):
            read(text)


@pytest.mark.skipif(not _SCRIPTS, reason="the scripts lie beside the project")
@pytest.mark.parametrize("script", _SCRIPTS, ids=lambda script: script.stem)
def test_prometheus_own_queries_are_read(script: Path) -> None:
    for line in script.read_text().splitlines():
        found = _EVAL.match(line)
        if not found or (
            "</" not in line and re.search("(?:deriv|resets|max_over_time|linear).*(?:smooth|anchor)", line)
        ):
            continue
        expr = parse(found[1])
        assert shape(parse(print_expr(expr))) == shape(parse(pretty(expr))) == shape(expr)
        assert tree(expr)["type"]
