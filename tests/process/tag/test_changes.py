"""Rows that a policy changes and rows that it leaves as they are, of one group, on their way to the tables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from backbone.app.forms import form_of
from backbone.config.policy import PolicyConfig
from backbone.model.time import now_ns
from backbone.process import compile_policy, pipeline
from backbone.receive.form import Request
from backbone.store.engine import Statement
from backbone.store.flow import install
from backbone.store.wire import WireName, wire
from tests.stored import Stored, of, open_stored, record, span, text

_TAGGING = {
    "deny": [{"name": "people", "names": ["user\\..*"], "on_breach": "remove"}],
    "attributes": [{"attribute": "shard", "where": "item", "requirement": "optional", "pattern": "[0-9]+"}],
}
_SAMPLING = {"traces": {"tail": {"policies": [{"kind": "always"}]}}}


@pytest.fixture
def stored(tmp_path: Path) -> Iterator[Stored]:
    with open_stored(tmp_path) as stored:
        yield stored


def _request(signal: WireName, denied: list[bool]) -> Request:
    said = [[text("n", str(n)), *([text("user.name", "ann")] if one else [])] for n, one in enumerate(denied)]
    data: TracesData | LogsData
    if signal == "traces":
        data = TracesData()
        spans = [span("a", "x", at_ns=now_ns(), identity=n + 1, attributes=one) for n, one in enumerate(said)]
        data.resource_spans.add(resource=of("shop")).scope_spans.add(spans=spans)
    else:
        data = LogsData()
        records = [record("hello", attributes=one) for one in said]
        data.resource_logs.add(resource=of("shop")).scope_logs.add(log_records=records)
    return Request(data.SerializeToString(), "t", now_ns())


@pytest.mark.parametrize("denied", [[False] * 3, [False, True, False], [True] * 3], ids=["none", "some", "all"])
@pytest.mark.parametrize(
    ("signal", "table", "sample"),
    [
        pytest.param("traces", "spans", {}, id="spans"),
        pytest.param("traces", "spans_waiting", _SAMPLING, id="spans that wait"),
        pytest.param("logs", "logs", {}, id="log records"),
    ],
)
async def test_each_is_stored_once_in_one_part_however_often_the_group_is_written(
    stored: Stored, signal: WireName, table: str, sample: dict[str, object], denied: list[bool]
) -> None:
    config = PolicyConfig.model_validate({"redact": {"enabled": False}, "tagging": _TAGGING, "sample": sample})
    policy = compile_policy(config)
    await install(stored.engine, pipeline(policy))
    payload = form_of(signal, stored.engine).payload([_request(signal, denied)])

    for _ in range(2):
        await stored.engine.insert(wire(signal).table, None, payload, token="the group")

    rows = await stored.engine.rows(Statement(f"SELECT toString(attributes) AS said FROM {table} ORDER BY said"))
    assert [row["said"] for row in rows] == [f"{{'n':'{n}'}}" for n in range(3)]
    parts = await stored.engine.rows(Statement(f"SELECT uniqExact(_part) AS parts FROM {table}"))
    assert parts == [{"parts": 1}]
    found = await stored.engine.rows(Statement("SELECT rule, sum(f.items) AS n FROM findings AS f GROUP BY rule"))
    assert found == ([{"rule": "people", "n": sum(denied)}] if any(denied) else [])
    [counted] = await stored.engine.rows(Statement("SELECT sum(items) AS n FROM ingested"))
    assert counted["n"] == 3
