"""Patterns as text: groups that capture no longer, and what stands in all that a pattern finds."""

from __future__ import annotations

import pytest

from backbone.model.scrubbing import Word
from backbone.process.redact.fixed import fixed_words
from backbone.process.redact.patterns import uncaptured


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("a(b)c", "a(?:b)c"),
        ("(?:a)(?i)b(?i:c)", "(?:a)(?i)b(?i:c)"),
        ("(?P<n>a)(?<m>b)", "(?:a)(?:b)"),
        (r"\(a[(]b\Q(c\E", r"\(a[(]b\Q(c\E"),
        ("((a)|(?-i:b))", "(?:(?:a)|(?-i:b))"),
    ],
)
def test_groups_capture_no_longer(pattern: str, expected: str) -> None:
    assert uncaptured(pattern) == expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        pytest.param("order-[0-9]{8}", ["order-"], id="before a class"),
        pytest.param("[A-Z]{2}abc?", None, id="what may be missing does not count, and two characters are too few"),
        pytest.param("abcd?e", ["abc"], id="up to what may be missing"),
        pytest.param("abcd{2,3}xyz", ["abcd"], id="what is repeated is there once"),
        pytest.param("abc{0,1}def", ["def"], id="none of it counts"),
        pytest.param("(foo|bar)baz", ["baz"], id="groups say nothing"),
        pytest.param("(?i)acct(?:x)", ["acct"], id="flags are no group"),
        pytest.param("foo|ba.bar", ["foo", "bar"], id="each alternative has its own"),
        pytest.param("foo|b.", None, id="or none has"),
        pytest.param(r"a\.b\.c", ["a.b.c"], id="escaped signs stand for themselves"),
        pytest.param(r"\bab\d", None, id="escaped letters do not"),
        pytest.param("", None, id="nothing"),
    ],
)
def test_what_is_in_all_that_a_pattern_finds(pattern: str, expected: list[str] | None) -> None:
    assert fixed_words(uncaptured(pattern)) == (None if expected is None else tuple(map(Word, expected)))
