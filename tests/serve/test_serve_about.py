"""From one signal to the others, with what the synthetic fleet sends over a real server's doors."""

from __future__ import annotations

from typing import Any

import pytest

from backbone.simulate.run import Simulation, SimulationOptions
from tests.conftest import Server

_API = "/api/backbone/v1"


async def _get(server: Server, path: str, **given: Any) -> Any:
    answer = await server.http.get(path if path.startswith("/") else f"{_API}/{path}", params=given)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture
async def fleet(server: Server) -> Server:
    await Simulation(SimulationOptions(f"127.0.0.1:{server.otlp_grpc_port}", 2_500, 20, 1, duration_seconds=3)).run()
    return server


async def test_the_way_from_client_to_shard_is_one_trace_with_its_logs_and_metrics(fleet: Server) -> None:
    # TraceQL finds a call that went all the way, with an exemplar of a metric and something logged in it.
    across = (
        '{ kind = client && resource.service.name !~ "(omnirelay|meshkit).*" } '
        '>> { resource.service.name =~ "meshkit.*" }'
    )
    found = (await _get(fleet, "/api/search", q=across, limit=500))["traces"]
    assert found
    by_exemplar = {row["id"] for row in await fleet.rows("SELECT DISTINCT lower(hex(trace_id)) AS id FROM exemplars")}
    by_log = {row["id"] for row in await fleet.rows("SELECT DISTINCT lower(hex(trace_id)) AS id FROM logs")}
    trace_id = next(one["traceID"] for one in found if one["traceID"] in by_exemplar & by_log)

    about = await _get(fleet, f"about/trace/{trace_id}")

    services = about["trace"]["services"]
    assert any(name.startswith("omnirelay") for name in services)
    assert any(name.startswith("meshkit") for name in services)
    assert len(services) >= 3
    assert about["logs"]
    assert {record["trace_id"] for record in about["logs"]} == {trace_id}
    assert about["exemplars"]
    assert set(about["services"]) == set(services)
    assert all(operations for operations in about["services"].values())

    # Exemplar → trace: PromQL's exemplars name it, too.
    sample = about["exemplars"][0]
    metric = sample["labels"]["__name__"]
    exemplars = await _get(fleet, "/api/v1/query_exemplars", query=f'{{__name__="{metric}"}}')
    known = {one["labels"].get("trace_id") for series in exemplars["data"] for one in series["exemplars"]}
    assert trace_id in known

    # Trace → logs, and a log → its trace, by Loki's API as Grafana links them.
    logs = await _get(
        fleet, "/loki/api/v1/query_range", query=f'{{service_name=~".+"}} | trace_id="{trace_id}"', since="10m"
    )
    lines = [value for stream in logs["data"]["result"] for value in stream["values"]]
    assert len(lines) == len(about["logs"])
    linked = logs["data"]["result"][0]["stream"]["trace_id"]
    assert (await _get(fleet, f"/api/v2/traces/{linked}"))["trace"]["resourceSpans"]

    # Jaeger tells the same spans, and the critical path fills the whole time.
    [jaeger] = (await _get(fleet, f"/jaeger/api/traces/{trace_id}"))["data"]
    assert len(jaeger["spans"]) == about["trace"]["spans"]
    path = await _get(fleet, f"traces/{trace_id}/critical-path")
    assert 0 < sum(segment["duration_ns"] for segment in path["segments"]) <= about["trace"]["duration_ns"]


async def test_everything_about_a_service_and_a_shard(fleet: Server) -> None:
    graph = await _get(fleet, "graph", since="5m")
    callee = next(one["server"] for one in graph["edges"] if one["server"].startswith("meshkit"))
    [row] = await fleet.rows(
        "SELECT pair.1 AS name, pair.2 AS value FROM spans ARRAY JOIN "
        "CAST(attributes, 'Array(Tuple(String, String))') AS pair WHERE pair.1 LIKE '%shard%' LIMIT 1"
    )

    service = await _get(fleet, "about", service=callee, since="5m")
    shard = await _get(fleet, "about", attribute=f"{row['name']}={row['value']}", since="5m")

    assert service["operations"]
    assert any(one["server"] == callee for one in service["calls"])
    assert service["metrics"]
    assert service["slow"]
    assert shard["slow"]
    assert shard["slow"][0]["duration_ns"] >= shard["slow"][-1]["duration_ns"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "'service' or 'attribute': one of them is required"),
        ({"service": "a", "attribute": "b=c"}, "not both"),
        ({"attribute": "x"}, "'attribute': expected name=value, got 'x'"),
    ],
)
async def test_what_is_not_said_is_asked_for(server: Server, given: dict[str, str], said: str) -> None:
    answer = await server.http.get(f"{_API}/about", params=given)

    assert answer.status_code == 400
    assert said in answer.json()["error"]
