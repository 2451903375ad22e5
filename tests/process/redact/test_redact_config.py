"""What the section ``redact`` of a policy takes, and what it refuses and where."""

from __future__ import annotations

from pathlib import Path

import pytest

from backbone.config.load import load_policy
from backbone.model.errors import ConfigError
from backbone.process import compile_policy


def load(tmp_path: Path, text: str) -> object:
    file = tmp_path / "policy.yaml"
    file.write_text(text)
    return load_policy(file)


PATTERN = "redact:\n  patterns:\n    - {{name: order, pattern: '{}'}}\n"


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        pytest.param(PATTERN.format("a{1000}"), "3:30", "repeats of at most 50", id="a repeat that explodes"),
        pytest.param(
            PATTERN.format("((a{50}){50}){50}"), "3:30", "invalid repetition size", id="repeats that explode together"
        ),
        pytest.param(PATTERN.format("(a"), "3:30", "missing", id="no regular expression"),
        pytest.param(PATTERN.format("a*"), "3:30", "empty text", id="matches nothing at all"),
        pytest.param(PATTERN.format("(?=a)"), "3:30", "not taken", id="looks ahead"),
        pytest.param(PATTERN.format("a\\1"), "3:30", "not taken", id="refers back"),
        pytest.param(PATTERN.format("a" * 1001), "3:30", "1 to 1000 characters", id="too long"),
        pytest.param("redact:\n  rules: {emial: hash}\n", "2:11", "did you mean 'email'", id="an unknown rule"),
        pytest.param("redact:\n  rules: {email: hsah}\n", "2:18", "did you mean 'hash'", id="an unknown action"),
        pytest.param(PATTERN.format("a").replace("order", "email"), "3:5", "is there already", id="a name of ours"),
        pytest.param(PATTERN.format("a").replace("order", "A b"), "3:14", "small letters", id="no name"),
        pytest.param("redact: {keep_first: 99}\n", "1:22", "1 to 16", id="keeps too much"),
        pytest.param(
            "redact:\n  attributes:\n" + "".join(f"    - {{name: a{at}}}\n" for at in range(60)),
            "3:5",
            "more than the 64 rules",
            id="more rules than bits",
        ),
    ],
)
def test_what_cannot_be_is_refused_at_its_place(tmp_path: Path, text: str, place: str, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load(tmp_path, text)
    [problem] = refused.value.problems
    assert said in problem
    assert problem.startswith(f"{tmp_path / 'policy.yaml'}:{place.split(':', maxsplit=1)[0]}:")


def test_the_key_is_in_nothing_that_is_shown(tmp_path: Path) -> None:
    policy = load(tmp_path, "redact: {key: 'correct horse battery', rules: {email: hash}}\n")
    compiled = compile_policy(policy)  # type: ignore[arg-type]
    [table] = compiled.redaction.recalls
    done = compiled.redaction
    steps = (*compiled.spans, *compiled.logs, *compiled.series, *done.spans, *done.logs, *done.series)
    shown = repr(policy) + repr(steps) + repr((done.requests, done.metrics))
    assert "correct horse" not in shown
    numbers = [number.strip() for number in table.fill.removeprefix("SELECT 0,").split(",")]
    assert len(numbers) == 2
    assert all(number not in shown for number in numbers)
    assert compile_policy(policy).redaction.recalls == compiled.redaction.recalls  # type: ignore[arg-type]
