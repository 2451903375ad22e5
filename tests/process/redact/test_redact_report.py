"""What the API says of redaction, and what it does not."""

from __future__ import annotations

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, TracesData

from tests.conftest import Server
from tests.stored import ago_ns, of


async def test_the_report_counts_by_rule_and_service(server: Server) -> None:
    spans = [
        Span(
            trace_id=bytes([1] * 16),
            span_id=bytes([number] * 8),
            name=f"mail to user{number}@example.com",
            start_time_unix_nano=ago_ns(1),
            end_time_unix_nano=ago_ns(1),
        )
        for number in range(1, 4)
    ]

    data = TracesData(resource_spans=[ResourceSpans(resource=of("shop"), scope_spans=[ScopeSpans(spans=spans)])])
    answer = await server.http.post(
        "/v1/traces", content=data.SerializeToString(), headers={"content-type": "application/x-protobuf"}
    )
    assert answer.status_code == 200
    found = (await server.http.get("/api/backbone/v1/policy/findings", params={"policy": "redact"})).json()["findings"]
    assert [(one["rule"], one["service"], one["signal"], one["outcome"], one["items"]) for one in found] == [
        ("email", "shop", "traces", "kept", 3)
    ]
    assert found[0]["example"] == "01" * 16
    other = await server.http.get("/api/backbone/v1/policy/findings", headers={"X-Scope-OrgID": "other"})
    assert other.json() == {"findings": []}


@pytest.mark.parametrize("sql", ["SELECT joinGet('redact_key', 'k0', 0)", "SELECT * FROM redact_key"])
async def test_users_sql_does_not_reach_the_key(server: Server, sql: str) -> None:
    answer = await server.http.post("/api/backbone/v1/sql", json={"sql": sql})
    assert answer.status_code == 400
    assert "is not accepted" in answer.json()["error"] or "is not there to read" in answer.json()["error"]
