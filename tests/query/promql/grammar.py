"""Random queries for hypothesis: mostly right, some not, as types are not looked at."""

from __future__ import annotations

from hypothesis import strategies as st

NAMES = st.sampled_from(["a", "up", "job:rate5m", "sum", "by", "offset", "and", "start", "group", "unless"])
LABELS = st.sampled_from(["a", "job", "le", "on", "sum", "bool", "group_left", "offset"])
NUMBERS = st.sampled_from(["1", "0.5", ".5", "1e3", "0x1F", "Inf", "nan", "-1", "2"])
LENGTHS = st.sampled_from(["5m", "1h30m", "1d", "10s", "1w", "500ms", "1y"])
STRINGS = st.sampled_from(['"x"', "'y'", "`z`", '"a\\nb"', '""', '".*"', '"a|b"', '"\\u00e9"'])
FUNCTIONS = st.sampled_from(
    [
        "rate",
        "increase",
        "floor",
        "time",
        "absent",
        "label_join",
        "round",
        "clamp",
        "vector",
        "scalar",
        "pi",
        "hour",
        "sort",
    ]
)
OPERATORS = st.sampled_from(
    ["+", "-", "*", "/", "%", "^", "atan2", "==", "!=", "<", "<=", ">", ">=", "and", "or", "unless"]
)
AGGREGATIONS = st.sampled_from(
    ["sum", "avg", "count", "group", "stddev", "topk", "bottomk", "quantile", "count_values"]
)


def _listed(items: st.SearchStrategy[str], most: int = 3) -> st.SearchStrategy[str]:
    return st.lists(items, max_size=most).map(", ".join)


_MATCHERS = st.builds("{}{}{}".format, LABELS, st.sampled_from(["=", "!=", "=~", "!~"]), STRINGS)
_SELECTORS = st.one_of(
    NAMES,
    st.builds("{}{{{}}}".format, NAMES, _listed(_MATCHERS)),
    st.builds("{{{}}}".format, _listed(_MATCHERS)),
)
_SUFFIXES = st.one_of(
    st.just(""),
    st.builds("[{}]".format, LENGTHS),
    st.builds("[{}:{}]".format, LENGTHS, LENGTHS | st.just("")),
    st.builds(" offset {}{}".format, st.sampled_from(["", "-"]), LENGTHS),
    st.builds(" @ {}".format, st.sampled_from(["1", "-1.5", "start()", "end()"])),
)
_GROUPINGS = st.builds("{}({})".format, st.sampled_from([" by ", " without "]), _listed(LABELS))
_MATCHINGS = st.one_of(
    st.just(""),
    st.just("bool"),
    st.builds("{}({})".format, st.sampled_from(["on", "ignoring", "bool on"]), _listed(LABELS)),
    st.builds("on({}) {}({})".format, _listed(LABELS), st.sampled_from(["group_left", "group_right"]), _listed(LABELS)),
)


def _nested(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("({})".format, inner),
        st.builds("{}{}".format, st.sampled_from(["-", "+"]), inner),
        st.builds("{} {} {} {}".format, inner, OPERATORS, _MATCHINGS, inner),
        st.builds("{}({})".format, FUNCTIONS, _listed(inner)),
        st.builds("{}{}({})".format, AGGREGATIONS, _GROUPINGS | st.just(""), _listed(inner, 2)),
        st.builds("{}({}){}".format, AGGREGATIONS, _listed(inner, 2), _GROUPINGS),
        st.builds("({}){}".format, inner, _SUFFIXES),
    )


QUERIES = st.recursive(
    st.one_of(st.builds("{}{}".format, _SELECTORS, _SUFFIXES), NUMBERS, STRINGS), _nested, max_leaves=8
)

_PIECES = st.sampled_from(
    [
        *"(){}[],:@=+-*/^# \n",
        "by",
        "on",
        "bool",
        "offset",
        "a",
        "1",
        "5m",
        '"x"',
        "sum",
        "=~",
        "!",
        "and",
        "step()",
        "</",
    ]
)


@st.composite
def broken(draw: st.DrawFn) -> str:
    """A query with a piece put in, or taken out, somewhere."""
    text = draw(QUERIES)
    for _ in range(draw(st.integers(1, 2))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 3)))
        text = text[:start] + draw(_PIECES | st.just("")) + text[end:]
    return text
