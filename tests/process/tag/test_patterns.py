"""Patterns and literals: what SQL makes of them is what Python does."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backbone.config.load import parse_file
from backbone.config.policy import PolicyConfig
from backbone.config.policy.patterns import matches
from backbone.config.policy.tagging import MAX_RULES
from backbone.model.errors import ConfigError
from backbone.process import compile_policy
from backbone.process.literals import literal
from backbone.process.step import NAMES, NAMES_OF_STORED, govern
from backbone.process.tag.subjects import label_of, labels_of
from backbone.store.engine import Statement
from tests.stored import Stored

_ENGINE = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), database=None)
_NAMES = st.lists(st.text("ab.\n", min_size=1, max_size=4), min_size=1, max_size=4, unique=True)
_PIECES = st.sampled_from(
    ["a", "b", r"\.", ".", "[^a]", "[ab]", "(a|b.)", "a*", ".*", "[^.]*", "^", "$", r"\A", r"\z", "b?"]
)
_PATTERNS = st.lists(_PIECES, min_size=1, max_size=4).map("".join)


@_ENGINE
@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), max_size=10))
async def test_a_literal_is_its_text(stored: Stored, texts: list[str]) -> None:
    listed = ", ".join(literal(text) for text in ["", *texts])

    [row] = await stored.engine.rows(Statement(f"SELECT [{listed}] AS texts"))

    assert row["texts"] == ["", *texts]


@_ENGINE
@given(names=_NAMES, patterns=st.lists(_PATTERNS, min_size=1, max_size=2))
@pytest.mark.parametrize("kind", ["deny", "allow"])
async def test_lists_of_names_find_what_python_finds(
    stored: Stored, kind: str, names: list[str], patterns: list[str]
) -> None:
    rules = {kind: [{"name": "n", "names": patterns}]}
    source = json.dumps({"redact": {"enabled": False}, "tagging": rules}).replace("$", "$$")
    compiled = compile_policy(parse_file(PolicyConfig, source.encode(), "p", {}))
    keys = ", ".join(literal(name) for name in names)
    row = (
        f"SELECT mapFromArrays(CAST([{keys}], 'Array(LowCardinality(String))'), [{keys}]) AS attributes, "
        f"{NAMES_OF_STORED} AS {NAMES}, toUInt64(0) AS breaches"
    )

    [found] = await stored.engine.rows(Statement(govern(row, ["attributes", "breaches"], compiled.spans)))

    # In the engine a dot is any character, the end of a line among them.
    listed = [any(matches(f"(?s:{pattern})", name) for pattern in patterns) for name in names]
    assert bool(found["breaches"]) == (any(listed) if kind == "deny" else not all(listed))


@given(name=st.from_regex(r"\A[a-zA-Z0-9_.]{1,20}\Z"))
def test_a_pattern_of_an_attribute_is_one_of_its_label(name: str) -> None:
    assert matches(labels_of(re.escape(name)), label_of(f"x{name}")[1:])


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        pytest.param(r"user\..*", r"user[._].*", id="a dot"),
        pytest.param(r"user..*", r"user..*", id="any character"),
        pytest.param(r"a[\.x]b", r"a[._x]b", id="in a class"),
        pytest.param(r"a[]\.]b[^]\.]", r"a[]._]b[^]._]", id="in a class that has a bracket"),
        pytest.param(r"a\\.b", r"a\\.b", id="a backslash before any character"),
        pytest.param(r"a\d\.", r"a\d[._]", id="other escapes"),
    ],
)
def test_dots_of_patterns_are_underscores_of_labels_too(pattern: str, expected: str) -> None:
    assert labels_of(pattern) == expected


def test_there_are_as_many_rules_as_bits() -> None:
    rules = [f"    - attribute: a{number}" for number in range(MAX_RULES + 1)]

    with pytest.raises(ConfigError) as raised:
        parse_file(PolicyConfig, "\n".join(["tagging:", "  attributes:", *rules]).encode(), "p.yaml", {})

    assert raised.value.problems == ("p.yaml:67:7: tagging.attributes[64]: expected at most 64 rules in all, got more",)
