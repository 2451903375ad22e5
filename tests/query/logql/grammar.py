"""Random trees of LogQL, each of which has a text."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from backbone.query.logql import ast
from backbone.query.logql.build_metrics import LEAF_LABEL
from backbone.query.logql.texts import pattern_expression
from backbone.query.promql import ast as promql
from backbone.query.selectors import Matcher

_AT = promql.Span(0, 0)
NAMES = st.sampled_from(["app", "queue_name", "x1", "_y", "status", "by_", "jsonish", "rated"])
TEXTS = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=8)
_PATTERNS = st.sampled_from(["a.*", "b|c", "^x$", "[0-9]+", "(?i)z"])
_MATCHERS = st.one_of(
    st.builds(Matcher, NAMES, st.sampled_from(["=", "!="]), TEXTS),
    st.builds(Matcher, NAMES, st.sampled_from(["=~", "!~"]), _PATTERNS),
)
_SELECTORS = st.tuples(st.builds(Matcher, NAMES, st.just("="), st.just("b")), _MATCHERS) | st.tuples(
    st.builds(Matcher, NAMES, st.just("=~"), st.just("b.+"))
)
_NEEDLES = st.builds(ast.Needle, TEXTS)
_NUMBERS = st.integers(0, 10**6).map(lambda number: number / 4)
_PREDICATES: Any = st.deferred(
    lambda: st.one_of(
        st.builds(ast.TextFilter, st.just(_AT), NAMES, st.sampled_from(["=", "!="]), TEXTS),
        st.builds(ast.TextFilter, st.just(_AT), NAMES, st.sampled_from(["=~", "!~"]), _PATTERNS),
        st.builds(
            ast.NumberFilter,
            st.just(_AT),
            NAMES,
            st.sampled_from(["==", "!=", ">", ">=", "<", "<="]),
            _NUMBERS,
            st.sampled_from(["number", "duration", "bytes"]),
        ),
        st.builds(ast.IpFilter, st.just(_AT), NAMES, st.sampled_from(["=", "!="]), st.just("10.0.0.0/8")),
        st.builds(ast.Logical, st.just(_AT), st.sampled_from(["and", "or"]), _PREDICATES, _PREDICATES),
    )
)
_FIELDS = st.lists(st.tuples(NAMES, TEXTS), max_size=2).map(tuple)
LABEL_FILTERS = st.builds(ast.LabelFilter, st.just(_AT), _PREDICATES)
STAGES = st.one_of(
    st.builds(
        ast.LineFilter,
        st.just(_AT),
        st.sampled_from(["|=", "!="]),
        st.lists(_NEEDLES | st.just(ast.Needle("10.0.0.1", is_ip=True)), min_size=1, max_size=3).map(tuple),
    ),
    st.builds(
        ast.LineFilter,
        st.just(_AT),
        st.sampled_from(["|~", "!~"]),
        _PATTERNS.map(lambda text: (ast.Needle(text),)),
    ),
    st.builds(ast.LineFilter, st.just(_AT), st.sampled_from(["|>", "!>"]), st.just((ast.Needle("<_> x <_>"),))),
    st.builds(ast.Json, st.just(_AT), _FIELDS),
    st.builds(ast.Logfmt, st.just(_AT), _FIELDS, st.booleans(), st.booleans()),
    st.builds(ast.Unpack, st.just(_AT)),
    st.just(ast.Capture(_AT, "regexp", "(?P<a>.)", "(?P<a>.)")),
    st.just(ast.Capture(_AT, "pattern", "<a> <_>", pattern_expression("<a> <_>"))),
    LABEL_FILTERS,
    st.builds(ast.LineFormat, st.just(_AT), TEXTS),
    st.builds(ast.LabelFormat, st.just(_AT), st.tuples(st.tuples(NAMES, TEXTS, st.just(True)))),
    st.builds(ast.LabelFormat, st.just(_AT), st.tuples(st.tuples(NAMES, NAMES, st.just(False)))),
    st.builds(
        ast.Keep,
        st.just(_AT),
        st.sampled_from(["keep", "drop"]),
        st.lists(NAMES | _MATCHERS, min_size=1, max_size=3).map(tuple),
    ),
    st.builds(ast.Decolorize, st.just(_AT)),
    st.builds(ast.Distinct, st.just(_AT), st.lists(NAMES, min_size=1, max_size=2).map(tuple)),
)


def _has_a_text(stages: list[Any]) -> bool:
    """``| drop a != "b"`` is one stage, not two."""
    return not any(
        isinstance(stage, ast.Keep) and isinstance(after, ast.LineFilter) and after.operator in {"!=", "!~"}
        for stage, after in pairwise(stages)
    )


LOG_QUERIES = st.builds(
    ast.LogQuery, st.just(_AT), _SELECTORS, st.lists(STAGES, max_size=5).filter(_has_a_text).map(tuple)
)

_UNWRAPS = st.builds(
    ast.Unwrap,
    st.just(_AT),
    NAMES,
    st.sampled_from(["number", "duration", "bytes"]),
    st.lists(LABEL_FILTERS, max_size=1).map(tuple),
)
_COUNTED = st.builds(
    ast.RangeAggregation,
    st.just(_AT),
    st.sampled_from(["rate", "count_over_time", "bytes_rate", "bytes_over_time", "absent_over_time"]),
    LOG_QUERIES,
    st.integers(1, 10**7),
    st.integers(-(10**6), 10**6),
)
_GROUPINGS = st.none() | st.lists(NAMES, max_size=2).map(tuple)
_MEASURED = st.builds(
    ast.RangeAggregation,
    st.just(_AT),
    st.sampled_from(["avg_over_time", "max_over_time", "first_over_time", "stddev_over_time"]),
    LOG_QUERIES,
    st.integers(1, 10**7),
    st.just(0),
    _UNWRAPS,
    st.none(),
    _GROUPINGS,
)


@st.composite
def _metric_queries(draw: Any) -> ast.MetricQuery:
    leaves: list[tuple[Matcher, ast.RangeAggregation]] = []

    def leaf() -> promql.Expr:
        matcher = Matcher(LEAF_LABEL, "=", str(len(leaves)))
        leaves.append((matcher, draw(_COUNTED | _MEASURED)))
        return promql.VectorSelector(_AT, "", (matcher,))

    def tree(depth: int) -> promql.Expr:
        kind = draw(st.sampled_from(["leaf", "sum", "topk", "binary", "scalar"])) if depth else "leaf"
        if kind == "leaf":
            return leaf()
        if kind == "sum":
            labels = tuple(draw(st.lists(NAMES, max_size=2, unique=True)))
            operator = draw(st.sampled_from(["sum", "avg", "max", "min", "count"]))
            return promql.Aggregation(_AT, operator, tree(depth - 1), None, labels, draw(st.booleans()))
        if kind == "topk":
            return promql.Aggregation(_AT, "topk", tree(depth - 1), promql.NumberLiteral(_AT, 3.0))
        left = promql.Paren(_AT, tree(depth - 1))
        if kind == "scalar":
            number = promql.NumberLiteral(_AT, draw(_NUMBERS))
            return promql.Binary(_AT, draw(st.sampled_from(["+", "/", ">"])), left, number)
        matching = promql.Matching("one-to-one", ("app",), draw(st.booleans()))
        return promql.Binary(_AT, "*", left, promql.Paren(_AT, tree(depth - 1)), matching=matching)

    return ast.MetricQuery(tree(draw(st.integers(0, 3))), tuple(leaves))


QUERIES = LOG_QUERIES | _metric_queries()
