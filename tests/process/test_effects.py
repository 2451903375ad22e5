"""What sampling and limits would do to what is stored is told before they are in force."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from backbone.config.load import parse_file
from backbone.config.policy import PolicyConfig
from backbone.model.time import now_ns
from backbone.process import compile_policy
from backbone.process.effects import Effect, effects
from backbone.store.engine import QueryLimits
from tests.stored import Stored, open_stored, record, span

NOW = now_ns()
FAILED, LOW, HIGH = "02", "01", "ff" * 8
"""Traces, of which only the last is kept at any share."""
ERROR = Status(code=Status.STATUS_CODE_ERROR)


TENANT = "t"


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stored]:
    with open_stored(tmp_path_factory.mktemp("effects"), governed=False) as stored:
        asyncio.run(_fill(stored))
        yield stored


async def _fill(stored: Stored) -> None:
    """Three traces, one of them with a failed span of another service; five records, one of that trace; five series."""
    spans = [span(trace, "op", at_ns=NOW, ms=5 if trace == HIGH else 1) for trace in (LOW, HIGH, FAILED)]
    await stored.spans(TENANT, "shop", *spans, received_ns=NOW)
    paid = span(FAILED, "pay", at_ns=NOW, identity=2, status=ERROR, parent_span_id=(1).to_bytes(8, "big"))
    await stored.spans(TENANT, "bank", paid, received_ns=NOW)
    of_failed = record("of a trace", at_ns=NOW, trace_id=bytes.fromhex(FAILED.rjust(32, "0")))
    plain = [record(f"line {n}", at_ns=NOW) for n in range(3)]
    bad = record("bad", at_ns=NOW, severity=13)
    await stored.logs(TENANT, "shop", *plain, of_failed, bad, received_ns=NOW)
    for n in range(5):
        labels = {"__name__": "calls", "job": "shop", "n": str(n), "long": "x" * 10 * n}
        await stored.samples(TENANT, labels, [(NOW // 1_000_000, 1)])


async def _told(stored: Stored, policy: str) -> list[Effect]:
    compiled = compile_policy(parse_file(PolicyConfig, f"redact: {{enabled: false}}\n{policy}".encode(), "policy", {}))
    window = NOW - 60 * 10**9, NOW + 60 * 10**9
    return await effects(stored.engine, TENANT, compiled, window, QueryLimits())


@pytest.mark.parametrize(
    ("policy", "spans_of_shop", "spans_of_bank"),
    [
        pytest.param("", {}, {}, id="nothing"),
        pytest.param("{head: {ratio: 0.5}}", {"head": 2}, {"head": 1}, id="by id"),
        pytest.param("{head: {ratio: 1, services: {bank: 0.5}}}", {}, {"head": 1}, id="by id, of one service"),
        pytest.param("{tail: {policies: [{kind: error}]}}", {"tail": 2}, {}, id="failed traces are kept whole"),
        pytest.param(
            "{tail: {policies: [{kind: error}, {kind: latency, over: 5ms}]}}", {"tail": 1}, {}, id="so are slow ones"
        ),
        pytest.param(
            "{tail: {policies: [{kind: service_rate, per_second: 1}]}}", {"tail": 2}, {"tail": 1}, id="one in a second"
        ),
        pytest.param(
            "{tail: {policies: [{kind: error}, {kind: service_rate, per_second: 1}]}}",
            {"tail": 1},
            {},
            id="a rate is not spent on what is kept for certain",
        ),
        pytest.param(
            "{head: {ratio: 0.5}, tail: {policies: [{kind: error}]}}",
            {"head": 2, "tail": 1},
            {"head": 1},
            id="what is left out by id is not decided on",
        ),
    ],
)
async def test_spans_that_sampling_would_leave_out_are_counted(
    stored: Stored, policy: str, spans_of_shop: dict[str, int], spans_of_bank: dict[str, int]
) -> None:
    told = await _told(stored, f"sample: {{traces: {policy or '{}'}}}")

    found = {one.service: one.sampled_out for one in told if one.signal == "traces"}
    assert found == {"bank": spans_of_bank, "shop": spans_of_shop}


@pytest.mark.parametrize(
    ("policy", "records"),
    [
        pytest.param("logs: {rules: [{name: none, drop: true}]}", {"none": 4}, id="all but those of kept traces"),
        pytest.param(
            "logs: {rules: [{name: calm, match: {severity_below: warn}, drop: true}]}", {"calm": 3}, id="by severity"
        ),
        pytest.param("logs: {rules: [{name: few, per_second: 1}]}", {"few": 3}, id="by rate"),
        pytest.param(
            "logs: {rules: [{name: lines, match: {pattern: 'line [01]'}, drop: true}, {name: rest, drop: true}]}",
            {"lines": 2, "rest": 2},
            id="by the first rule",
        ),
        pytest.param(
            "traces: {tail: {policies: [{kind: latency, over: 5ms}]}}\n  logs: {rules: [{name: none, drop: true}]}",
            {"none": 5},
            id="its trace is not kept either",
        ),
        pytest.param(
            "traces: {tail: {policies: [{kind: error}]}}\n  logs: {rules: [{name: none, drop: true}]}",
            {"none": 4},
            id="its trace waits and is kept",
        ),
        pytest.param(
            "traces: {head: {ratio: 0.5}}\n  logs: {rules: [{name: none, drop: true}]}",
            {"none": 5},
            id="its trace is left out by id",
        ),
    ],
)
async def test_records_that_sampling_would_leave_out_are_counted(
    stored: Stored, policy: str, records: dict[str, int]
) -> None:
    told = await _told(stored, f"sample:\n  {policy}")

    assert [one.sampled_out for one in told if one.signal == "logs"] == [records]


@pytest.mark.parametrize(
    ("limits", "series"),
    [
        pytest.param("{}", {}, id="in all of them"),
        pytest.param("{active_series_per_metric: 3}", {"active_series_per_metric": 2}, id="of a metric"),
        pytest.param("{active_series: 1}", {"active_series": 4}, id="of the tenant"),
        pytest.param("{new_series_per_minute: 2}", {"new_series_per_minute": 3}, id="new in a minute"),
        pytest.param("{values_per_label: 4}", {"values_per_label": 1}, id="values of a label"),
        pytest.param("{labels: {value_bytes: 25}}", {"label_value_bytes": 2}, id="a long value"),
        pytest.param("{labels: {per_series: 2}}", {"labels_per_series": 4}, id="many labels"),
    ],
)
async def test_series_over_a_limit_are_counted(stored: Stored, limits: str, series: dict[str, int]) -> None:
    told = await _told(stored, f"limits: {limits}")

    assert [one.over_limit for one in told if one.signal == "metrics"] == [series]


async def test_what_tagging_leaves_out_counts_neither_for_sampling_nor_for_limits(stored: Stored) -> None:
    told = await _told(
        stored,
        "tagging: {attributes: [{attribute: region, signals: [traces, logs], on_breach: drop}]}\n"
        "limits: {active_series: 5}\n"
        "sample: {traces: {head: {ratio: 0.5}}, logs: {rules: [{name: none, drop: true}]}}",
    )

    assert {(one.signal, one.service): (one.dropped, one.sampled_out, one.over_limit) for one in told} == {
        ("traces", "bank"): (1, {}, {}),
        ("traces", "shop"): (3, {}, {}),
        ("logs", "shop"): (5, {}, {}),
        ("metrics", "shop"): (0, {}, {}),
    }
