"""What a regular expression must find is found without it."""

from __future__ import annotations

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as some

from backbone.query.logql.literals import required_texts


@pytest.mark.parametrize(
    ("pattern", "texts"),
    [
        pytest.param("token [0-9a-f]*fe00[0-9a-f]*", ("token ", "fe00"), id="what stands between classes"),
        pytest.param("abc|def", (), id="one of two is no must"),
        pytest.param("a(b|c)defg", ("defg",), id="one of two in parentheses"),
        pytest.param("abcd?efg", ("abc", "efg"), id="a character that may be missing"),
        pytest.param("abcd{0,2}efg", ("abc", "efg"), id="a character that is counted"),
        pytest.param("foot+bar", ("foot", "bar"), id="a character that is there at least once"),
        pytest.param(r"a\.bcd\d+xyz", ("a.bcd", "xyz"), id="an escaped character"),
        pytest.param("(?i)abcdef", (), id="letters of any case"),
        pytest.param("[[:alpha:]]abc", (), id="a class of another kind"),
        pytest.param("[]abc]def", ("def",), id="a class with a bracket"),
        pytest.param(r"\Qabc\Edef", (), id="a quoted text"),
        pytest.param("ab", (), id="too short to spare anything"),
    ],
)
def test_texts_that_must_be_there(pattern: str, texts: tuple[str, ...]) -> None:
    assert required_texts(pattern) == texts


_PIECES = [
    "a",
    "ab",
    "abc",
    "b",
    ".",
    "[ab]",
    "[^]a]",
    "(",
    ")",
    "(?:",
    "|",
    "?",
    "*",
    "+",
    "{2}",
    "{0,1}",
    r"\.",
    r"\d",
]
_PIECES += [r"\b", "^", "$", "(?i)", "(?P<x>", "{", "}", "c.d", "bca"]


@given(pieces=some.lists(some.sampled_from(_PIECES), max_size=8), text=some.text("abcABC.d1{}", max_size=12))
def test_a_text_that_matches_has_them(pieces: list[str], text: str) -> None:
    pattern = "".join(pieces)
    try:
        found = re2.search(pattern, text)
    except re2.error:
        return

    if found:
        assert all(one in text for one in required_texts(pattern))
