"""The commands about policies that need no server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from backbone.cli import cli
from backbone.cli.policy_explain import masked
from backbone.config.load import load_policy
from backbone.config.secret import Secret
from backbone.config.section import Section
from backbone.model.time import now_ns
from backbone.process.literals import literal
from backbone.simulate.recording import Recorded, Recorder

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "policy.yaml"
SPAN = {
    "resourceSpans": [
        {
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
            "scopeSpans": [
                {
                    "spans": [
                        {
                            "traceId": "5b8efff798038103d269b633813fc60c",
                            "spanId": "eee19b7ec3c1b174",
                            "name": "checkout",
                            "startTimeUnixNano": "1544712660000000000",
                            "endTimeUnixNano": "1544712661000000000",
                            "attributes": [
                                {"key": "http.method", "value": {"stringValue": "GET"}},
                                {"key": "http.status_code", "value": {"intValue": "200"}},
                                {"key": "user.id", "value": {"stringValue": "me"}},
                            ],
                        }
                    ]
                }
            ],
        }
    ]
}
LOG = {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"stringValue": "full"}, "timeUnixNano": "1"}]}]}]}
GAUGE = {
    "resourceMetrics": [
        {
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
            "scopeMetrics": [
                {
                    "metrics": [
                        {
                            "name": "depth",
                            "gauge": {
                                "dataPoints": [
                                    {
                                        "asInt": "1",
                                        "timeUnixNano": "1544712660000000000",
                                        "attributes": [{"key": "http.method", "value": {"stringValue": "GET"}}],
                                    }
                                ]
                            },
                        }
                    ]
                }
            ],
        }
    ]
}
POLICY = r"""
tagging:
  conventions: true
  attributes:
    - {attribute: region, on_breach: refuse}
    - {attribute: tier, requirement: recommended}
  deny:
    - {name: no-people, names: ['user\..*'], on_breach: remove}
"""


def run(*arguments: str | Path) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(cli, ["policy", *map(str, arguments)])


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY)
    return path


def _written(path: Path, content: object) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_the_example_is_checked_and_uses_every_option_of_tagging() -> None:
    assert run("check", EXAMPLE).stdout == f"{EXAMPLE}: ok\n"
    assert load_policy(EXAMPLE).tagging.model_fields_set == set(type(load_policy(EXAMPLE).tagging).model_fields)


@pytest.mark.parametrize("command", ["check", "explain", "standard"])
def test_what_is_wrong_is_told_by_every_command(tmp_path: Path, command: str) -> None:
    bad = _written(tmp_path / "bad.yaml", "tagging: {deny: [{name: a, names: ['(']}]}")

    result = run(command, bad)

    assert (result.exit_code, result.stdout) == (1, "")
    place = f"{bad}:1:36: tagging.deny[0].names[0]"
    assert result.stderr == f"{place}: expected a pattern in RE2's syntax (missing ): (), got '('\n"


def test_explain_tells_in_words_and_in_sql(policy: Path) -> None:
    everything = run("explain", policy).stdout
    logs = run("explain", policy, "--signal", "logs").stdout

    assert "== traces: each span ==" in everything
    assert "   - region: the resource has region; else the item is refused, and its sender told\n" in logs
    assert "   - tier: the resource should have tier\n" in logs
    assert "   - no-people: the item has no attributes like user\\..*; else what is wrong is taken away\n" in logs
    assert "transform(k, ['http.method'" in logs
    assert "concat('policy:'" in logs
    assert logs in everything


class _Keyed(Section):
    key: Secret


class _Nested(Section):
    keyed: dict[str, tuple[_Keyed, ...]]


def test_secrets_are_masked_also_as_literals_of_sql() -> None:
    config = _Nested.model_construct(keyed={"a": (_Keyed(key=Secret("it's")), _Keyed(key=Secret("plain")))})

    quoted = literal("it's")
    text = masked(f"hash({quoted}, {literal('plain')}, 'other')", config)

    assert text == "hash('********', '********', 'other')"


def test_the_standard_is_a_page_of_the_policy(policy: Path) -> None:
    page = run("standard", policy).stdout

    assert page.startswith("# Tagging standard\n")
    assert "| `region` | required | any | all | all | counted, and the item is refused |  |" in page
    assert "| `http.method` | `http.request.method` |" in page


def test_samples_are_shown_before_and_after(policy: Path, tmp_path: Path) -> None:
    span, log = _written(tmp_path / "span.json", SPAN), _written(tmp_path / "log.json", LOG)

    table = run("test", policy, span, log)
    lines = [json.loads(line) for line in run("test", policy, span, log, "--json").stdout.splitlines()]

    assert table.exit_code == 0
    assert "attributes: http.method → http.request.method" in table.stdout
    assert "attributes.user.id: me → -" in table.stdout
    assert "refused: policy:region" in table.stdout
    traced, logged = lines
    assert (traced["signal"], traced["title"], traced["refused"]) == ("traces", "checkout", "policy:region")
    assert traced["before"]["attributes"] == {"http.method": "GET", "http.status_code": "200", "user.id": "me"}
    assert traced["after"]["attributes"] == {"http.request.method": "GET", "http.response.status_code": "200"}
    assert traced["breaches"] == ["region", "tier", "no-people"]
    assert (logged["signal"], logged["title"], logged["breaches"]) == ("logs", "full", ["region", "tier"])


def test_recordings_are_samples(policy: Path, tmp_path: Path) -> None:
    recording = tmp_path / "recording"
    with Recorder.create(recording) as recorder:
        for path, body in (("/v1/traces", SPAN), ("/v1/metrics", GAUGE)):
            recorder.write(Recorded(now_ns(), path, "application/json", "", "", json.dumps(body).encode()))

    lines = [json.loads(line) for line in run("test", policy, recording, "--json").stdout.splitlines()]

    assert [(line["signal"], line["title"]) for line in lines] == [("traces", "checkout"), ("metrics", "depth")]
    assert lines[1]["before"]["labels"] == {"job": "shop", "http_method": "GET"}
    assert lines[1]["after"]["labels"] == {"job": "shop", "http_request_method": "GET"}


_TESTS = """
tests:
  - name: a shop has to say where it is
    input_file: span.json
    expect:
      - of: checkout
        service: shop
        kept: false
        refused: policy:region
        breaches: [tier, region, no-people]
        attributes: {http.request.method: GET, http.response.status_code: 200, http.method: null}
"""


def test_expectations_that_hold_pass(policy: Path, tmp_path: Path) -> None:
    _written(tmp_path / "span.json", SPAN)
    tests = _written(tmp_path / "tests.yaml", _TESTS)

    result = run("test", policy, tests)

    assert result.exit_code == 0
    assert result.stdout == f"passed {tests}: a shop has to say where it is\n1 of 1 tests passed\n"


@pytest.mark.parametrize(
    ("policy", "sample", "expected"),
    [
        pytest.param(
            "sample: {traces: {tail: {policies: [{kind: error}]}}}",
            SPAN,
            "sampled_out: tail",
            id="a trace that is well",
        ),
        pytest.param(
            "sample: {traces: {tail: {policies: [{kind: latency, over: 1s}]}}}", SPAN, "kept: true", id="a slow trace"
        ),
        pytest.param(
            "sample: {logs: {rules: [{name: chatter, drop: true}]}}", LOG, "sampled_out: chatter", id="a record"
        ),
        pytest.param(
            "limits: {labels: {per_series: 1}}", GAUGE, "over_limit: labels_per_series", id="a series with many labels"
        ),
    ],
)
def test_sampling_and_limits_are_tried(tmp_path: Path, policy: str, sample: dict[str, Any], expected: str) -> None:
    _written(tmp_path / "sample.json", sample)
    cases = f"tests: [{{name: t, input_file: sample.json, expect: [{{{expected}}}]}}]"

    policy = f"redact: {{enabled: false}}\n{policy}"
    result = run("test", _written(tmp_path / "policy.yaml", policy), _written(tmp_path / "tests.yaml", cases))

    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    ("expected", "told"),
    [
        pytest.param("kept: true", "checkout: kept: expected true, got false", id="outcome"),
        pytest.param("service: bank", 'checkout: service: expected "bank", got "shop"', id="service"),
        pytest.param(
            "breaches: [tier]",
            'checkout: breaches: expected ["tier"], got ["no-people", "region", "tier"]',
            id="breaches",
        ),
        pytest.param("attributes: {a: 1}", 'checkout: attributes.a: expected "1", got none', id="an attribute"),
        pytest.param("of: pay", "expected 'pay', got 'checkout'", id="no such item"),
    ],
)
def test_expectations_that_do_not_hold_fail_with_one(policy: Path, tmp_path: Path, expected: str, told: str) -> None:
    _written(tmp_path / "span.json", SPAN)
    tests = f"tests: [{{name: t, input_file: span.json, expect: [{{{expected}}}]}}]"

    result = run("test", policy, _written(tmp_path / "tests.yaml", tests))

    assert result.exit_code == 1
    assert result.stdout.splitlines()[1:] == [f"  {told}", "0 of 1 tests passed"]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        pytest.param("a.json", "{", "no JSON: ", id="no JSON"),
        pytest.param("a.json", {"x": 1}, "expected OTLP/JSON with one of resourceSpans", id="another JSON"),
        pytest.param(
            "a.json", {"resourceSpans": [1]}, "resourceSpans[0]: expected an object, got a number", id="not OTLP"
        ),
        pytest.param("a.yaml", "tests: [", "a.yaml:2:1: not YAML: ", id="no YAML"),
        pytest.param(
            "a.yaml",
            "tests: [{name: x, expects: []}]",
            "a.yaml:1:19: tests[0].expects: unknown option; did you mean 'expect'?",
            id="a slip",
        ),
        pytest.param(
            "a.yaml", "tests: [{name: x, expect: [{kept: true}]}]", "expected 'input' or 'input_file'", id="no input"
        ),
        pytest.param("a.json", {"resourceSpans": [{"scopeSpans": [{"spans": [{}]}]}]}, "expected 16 bytes", id="no id"),
        pytest.param("a.rec", "hello", "offset 0: expected a recording", id="no recording"),
    ],
)
def test_samples_that_cannot_be_read_are_told(
    policy: Path, tmp_path: Path, name: str, content: object, told: str
) -> None:
    result = run("test", policy, _written(tmp_path / name, content))

    assert (result.exit_code, result.stdout) == (1, "")
    assert told in result.stderr
    assert str(tmp_path / name) in result.stderr
