"""What ``policy.yaml`` says of sampling: refused with its place, or taken."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from backbone.config.load import parse_file
from backbone.config.policy import PolicyConfig
from backbone.model.errors import ConfigError

HOW_TO = Path(__file__).parents[2] / "docs/how-to/sample.md"
BAD = """\
sample:
  traces:
    head: {ratio: 0, services: {a: 2}} # error: 19: sample.traces.head.ratio: expected a number over 0, up to 1, got 0.0 # error: 36: sample.traces.head.services.a: expected a number over 0, up to 1, got 2.0
    tail:
      wait: 0s # error: 13: sample.traces.tail.wait: expected 1s to 10m, got '0s'
      max_spans: 0 # error: 18: sample.traces.tail.max_spans: expected 1000 to 1000000000, got 0
      policies:
        - {kind: latncy, over: 1s} # error: 18: sample.traces.tail.policies[0].kind: expected 'error', 'latency', 'attribute', 'status', 'service', 'service_rate', 'probabilistic', 'always', 'and', 'or' or 'not', got 'latncy'; did you mean 'latency'?
        - {name: errors} # error: 11: sample.traces.tail.policies[1].kind: is required
        - {kind: latency, over: 0s, ovr: 1s} # error: 33: sample.traces.tail.policies[2].over: expected 1ms to 1d, got '0s' # error: 37: sample.traces.tail.policies[2].ovr: unknown option; did you mean 'over'?
        - kind: and
          policies:
            - {kind: service_rate, per_second: 0} # error: 48: sample.traces.tail.policies[3].policies[0].per_second: expected 1 to 1000000, got 0
            - {kind: attribute, key: a, pattern: '('} # error: 50: sample.traces.tail.policies[3].policies[1].pattern: expected a regular expression of RE2 (missing ): (), got '('
            - {kind: or, policies: []} # error: 15: sample.traces.tail.policies[3].policies[2]: expected at least one of 'policies', got 'none'
        - {kind: not, policy: {kind: probabilistic, ratio: 0.5}} # error: 11: sample.traces.tail.policies[4]: expected no shares and rates in 'not', got 'probabilistic'
  logs:
    rules:
      - {name: a, per_second: 0} # error: 31: sample.logs.rules[0].per_second: expected 1 to 10000000, got 0
      - {name: b, ratio: 0.1, drop: true} # error: 9: sample.logs.rules[1]: expected one of 'ratio', 'per_second' and 'drop', got 'ratio, drop'
      - {name: c, match: {severity_below: inf}, drop: true} # error: 43: sample.logs.rules[2].match.severity_below: expected 'debug', 'info', 'warn', 'error' or 'fatal', got 'inf'; did you mean 'info'?
"""  # noqa: E501


def _problems(source: str) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        parse_file(PolicyConfig, source.encode(), "p.yaml", {})
    return list(raised.value.problems)


def test_each_problem_is_told_at_its_place() -> None:
    assert _problems(BAD) == [
        f"p.yaml:{line}:{error}"
        for line, content in enumerate(BAD.splitlines(), 1)
        for error in re.findall(r"# error: (\d+: .*?)(?= # error:|$)", content)
    ]


@pytest.mark.parametrize(
    ("tail", "problem"),
    [
        pytest.param("{wait: 5m}", "'keep_decisions' of at least three times 'wait', got '10m'", id="short memory"),
        pytest.param("{policies: [{kind: error}, {kind: error}]}", "a 'name' for each", id="two of a name"),
    ],
)
def test_options_that_do_not_fit_together_are_told(tail: str, problem: str) -> None:
    [found] = _problems(f"sample: {{traces: {{tail: {tail}}}}}")

    assert found.startswith("p.yaml:1:25: sample.traces.tail: ")
    assert problem in found


@pytest.mark.parametrize("text", re.findall(r"```yaml\n(.*?)```", HOW_TO.read_text(), re.DOTALL))
def test_policies_of_the_guide_are_taken(text: str) -> None:
    assert parse_file(PolicyConfig, text.encode(), "p.yaml", {}).sample != PolicyConfig().sample
