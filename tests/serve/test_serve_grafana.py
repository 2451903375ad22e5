"""
Every endpoint that Grafana's Prometheus data source calls, with the parameters it sends.

Source: Grafana 11, public/app/plugins/datasource/prometheus and pkg/promlib: health check, queries, language provider,
metric explorer, exemplars, rules, variables, features.
"""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AggregationTemporality,
    Exemplar,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)

from backbone.model.time import now_ns
from tests.stored import Stored, of

_NOW_MS = now_ns() // 1_000_000 // 15_000 * 15_000
_TRACE = "0af7651916cd43dd8448eb211c80319c"
_WINDOW = {"start": f"{_NOW_MS / 1000 - 900}", "end": f"{_NOW_MS / 1000}"}
_FROM = {"Content-Type": "application/x-www-form-urlencoded", "X-Datasource-Uid": "prom", "X-Grafana-Org-Id": "1"}


def _counter() -> MetricsData:
    exemplar = Exemplar(time_unix_nano=(_NOW_MS - 60_000) * 1_000_000, as_double=2.0, trace_id=bytes.fromhex(_TRACE))
    points = [
        NumberDataPoint(
            start_time_unix_nano=(_NOW_MS - 900_000) * 1_000_000,
            time_unix_nano=(_NOW_MS - 15_000 * ago) * 1_000_000,
            as_double=100.0 - ago,
            exemplars=[exemplar] if ago == 0 else [],
        )
        for ago in range(40, -1, -1)
    ]
    total = Sum(
        data_points=points,
        is_monotonic=True,
        aggregation_temporality=AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE,
    )
    metric = Metric(name="relay.requests", description="Requests seen.", sum=total)
    return MetricsData(
        resource_metrics=[ResourceMetrics(resource=of("relay"), scope_metrics=[ScopeMetrics(metrics=[metric])])]
    )


@pytest.fixture
async def tenant(stored: Stored) -> str:
    tenant = stored.tenant()
    await stored.send("metrics", tenant, _counter().SerializeToString())
    return tenant


_CALLS: list[tuple[str, str, dict[str, str], Any]] = [
    # The health check of "Save & test", and what the server is.
    ("POST", "query", {"query": "1+1", "time": "4"}, {"resultType": "scalar", "result": [4, "2"]}),
    ("GET", "status/buildinfo", {}, "version"),
    ("GET", "status/flags", {}, "http.listen"),
    ("GET", "features", {}, "api"),
    # Panels, and tables of Explore.
    ("POST", "query_range", _WINDOW | {"query": "rate(relay_requests_total[1m])", "step": "15"}, "result"),
    ("GET", "query_range", _WINDOW | {"query": "relay_requests_total", "step": "15"}, "result"),
    ("POST", "query", {"query": "relay_requests_total", "time": _WINDOW["end"]}, "result"),
    ("POST", "query_exemplars", _WINDOW | {"query": "relay_requests_total"}, [{"labels": {"trace_id": _TRACE}}]),
    # The query builder, completion and the metrics explorer.
    ("GET", "metadata", {"limit": "40000"}, "relay_requests_total"),
    ("GET", "metadata", {"metric": "relay_requests_total"}, "relay_requests_total"),
    ("GET", "labels", _WINDOW | {"limit": "40000"}, ["__name__", "job"]),
    ("POST", "labels", _WINDOW | {"match[]": '{__name__="relay_requests_total"}'}, ["__name__", "job"]),
    ("GET", "label/__name__/values", _WINDOW | {"match[]": '{job="relay"}', "limit": "4000"}, ["relay_requests_total"]),
    ("GET", "label/job/values", _WINDOW, ["relay"]),
    ("POST", "series", _WINDOW | {"match[]": "relay_requests_total"}, [{"job": "relay"}]),
    ("GET", "series", _WINDOW | {"match[]": '{job="relay"}', "limit": "1"}, [{"__name__": "relay_requests_total"}]),
    ("POST", "format_query", {"query": "sum(  up )"}, "sum(up)"),
    ("GET", "parse_query", {"query": "up"}, "type"),
    # Alerting's lists, of a data source that has no rules.
    ("GET", "rules", {}, {"groups": []}),
    ("GET", "alerts", {}, {"alerts": []}),
    ("GET", "targets", {"state": "active"}, "activeTargets"),
    ("GET", "alertmanagers", {}, "activeAlertmanagers"),
    ("GET", "status/tsdb", {}, "headStats"),
    ("GET", "status/config", {}, {"yaml": "http: {}\n"}),
    ("GET", "status/runtimeinfo", {}, "storageRetention"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path", "given", "expected"), _CALLS, ids=lambda one: one if isinstance(one, str) else ""
)
async def test_every_call_of_grafana_is_answered(
    client: httpx.AsyncClient, tenant: str, method: str, path: str, given: dict[str, str], expected: Any
) -> None:
    headers = {"X-Scope-OrgID": tenant}
    if method == "POST":
        answer = await client.post(f"/api/v1/{path}", data=given, headers=_FROM | headers)
    else:
        answer = await client.get(f"/api/v1/{path}", params=given, headers=headers)

    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["status"] == "success"
    data = body["data"]
    if path == "query_exemplars":
        assert data[0]["exemplars"][0]["labels"] == {"trace_id": _TRACE}
    elif isinstance(expected, str) and isinstance(data, dict):
        assert expected in data
    elif path == "series":
        assert expected[0].items() <= data[0].items()
    else:
        assert data == expected
