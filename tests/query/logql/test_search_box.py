"""The search box: what people type, as LogQL."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backbone.query.logql.errors import LogQLSyntaxError
from backbone.query.logql.parser import parse
from backbone.query.logql.printer import print_query
from backbone.query.logql.search_box import parse_search

_ALL = '{service_name=~".+"}'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", _ALL),
        ("error", rf'{_ALL} |~ "(?i)\\berror\\b"'),
        ('"peer lost"', rf'{_ALL} |~ "(?i)peer\\ lost"'),
        ("-timeout", rf'{_ALL} !~ "(?i)\\btimeout\\b"'),
        ("a OR b", rf'{_ALL} |~ "(?i)\\ba\\b|\\bb\\b"'),
        ("a OR", rf'{_ALL} |~ "(?i)\\ba\\b"'),
        ("service:omnirelay", '{service_name="omnirelay"}'),
        ("-service:omnirelay", f'{_ALL} | service_name!="omnirelay"'),
        ('http.route:"/a b"', f'{_ALL} | http_route="/a b"'),
        ("http.route:/a/*", f'{_ALL} | http_route=~"/a/.*"'),
        ("queue:*", f'{_ALL} | queue=~".+"'),
        ("level:WARNING", f'{_ALL} | detected_level="warn"'),
        ("severity>=warn", f"{_ALL} | severity_number >= 13"),
        ("severity>warn", f"{_ALL} | severity_number > 16"),
        ("duration_ms>250", f"{_ALL} | duration_ms > 250"),
        ("took>=1.5s size:<2MB", f"{_ALL} | took >= 1.5s | size < 2000000B"),
        ("-took>1s", f"{_ALL} | took <= 1s"),
        ("status!=200", f'{_ALL} | status!="200"'),
        ("trace:0af7", f'{_ALL} | trace_id="0af7"'),
        ("Error: no route", rf'{_ALL} |~ "(?i)\\bError\\b" |~ "(?i)\\bno\\b" |~ "(?i)\\broute\\b"'),
    ],
)
def test_a_search_means_a_query(text: str, expected: str) -> None:
    assert print_query(parse_search(text)) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('a "b', "line 1, col 3: this quote is not closed"),
        ("n>abc", "line 1, col 1: '>' compares numbers, durations or sizes, got 'abc'"),
        ("x severity>=wran", "line 1, col 3: unknown severity 'wran', .* did you mean 'warn'"),
        ("x" * 70_000, "at most 65536 are read"),
    ],
)
def test_what_cannot_be_meant_is_said_with_its_place(text: str, said: str) -> None:
    with pytest.raises(LogQLSyntaxError, match=said):
        parse_search(text)


_PIECES = [
    "a",
    "OR",
    "-",
    '"',
    "b:",
    "c:d",
    ">",
    "e>5",
    "f>=1h",
    ":",
    "*",
    "=",
    "!=",
    "\\",
    " ",
    "é",
    "\n",
    "severity>warn",
]


@settings(max_examples=500, deadline=None)
@given(st.text(max_size=40) | st.lists(st.sampled_from(_PIECES), max_size=15).map("".join))
def test_any_text_is_a_search_or_refused_and_is_logql(text: str) -> None:
    with contextlib.suppress(LogQLSyntaxError):
        parse(print_query(parse_search(text)))
