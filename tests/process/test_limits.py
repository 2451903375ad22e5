"""Limits and budgets of series, through the doors, and what becomes of what is over them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import cramjam
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)

from backbone.model.time import now_ns
from backbone.query.remote_read import write_request
from tests.conftest import Server
from tests.process.conftest import StartGoverned
from tests.receive.test_doors import PROTOBUF

NOW_MS = now_ns() // 1_000_000
OVERFLOW = (("otel_metric_overflow", "true"),)
Found = dict[tuple[tuple[str, str], ...], float]


def calls(numbers: Iterable[int], metric: str = "calls", **labels: str) -> list[tuple[dict[str, str], float]]:
    return [({"__name__": metric, "n": str(number)} | labels, float(10 + number)) for number in numbers]


async def write(
    server: Server, series: Iterable[tuple[dict[str, str], float]], at_ms: int = NOW_MS, tenant: str = "anonymous"
) -> None:
    body = write_request((labels, [(at_ms, value)]) for labels, value in series)
    answer = await server.http.post(
        "/api/v1/write", content=bytes(cramjam.snappy.compress_raw(body)), headers={"X-Scope-OrgID": tenant}
    )
    assert answer.status_code == 204, answer.text


async def found(server: Server, query: str, at_ms: int = NOW_MS, tenant: str = "anonymous") -> Found:
    """Return the series that a query finds, by their labels but the name."""
    parameters = {"query": query, "time": str(at_ms / 1000)}
    answer = await server.http.get("/api/v1/query", params=parameters, headers={"X-Scope-OrgID": tenant})
    return {
        tuple(sorted((k, v) for k, v in one["metric"].items() if k != "__name__")): float(one["value"][1])
        for one in answer.json()["data"]["result"]
    }


async def left_out(server: Server) -> Mapping[str, int]:
    rows = await server.rows("SELECT refused, sum(items) AS items FROM ingested WHERE refused != '' GROUP BY refused")
    return {row["refused"]: row["items"] for row in rows}


async def test_what_is_over_a_metrics_budget_is_added_up_in_its_overflow_series(governed: StartGoverned) -> None:
    async with governed("limits: {active_series_per_metric: 3}") as server:
        await write(server, calls(range(3)))
        await write(server, calls(range(6)))
        await write(server, calls(range(6)), NOW_MS + 15_000)
        first, second = await found(server, "calls"), await found(server, "calls", NOW_MS + 15_000)

    kept = {(("n", str(number)),): 10.0 + number for number in range(3)}
    assert first == second == kept | {OVERFLOW: 13.0 + 14.0 + 15.0}


async def test_new_series_wait_a_while_after_many_over_a_budget_and_known_ones_do_not(governed: StartGoverned) -> None:
    async with governed("limits: {active_series_per_metric: 3}") as server:
        await write(server, calls(range(3)))
        started = time.monotonic()
        await write(server, calls(range(4, 7_504)))
        new = asyncio.create_task(write(server, calls(range(1), "other")))
        await write(server, calls(range(3)), NOW_MS + 15_000)
        assert not new.done()
        await new
        assert time.monotonic() - started > 1.5
        assert len(await found(server, "other")) == 1


async def test_series_that_are_there_stay_over_a_restart_and_a_smaller_budget(governed: StartGoverned) -> None:
    async with governed("limits: {active_series_per_metric: 3, on_breach: drop}") as server:
        await write(server, calls(range(3)))
    async with governed("limits: {active_series_per_metric: 1, on_breach: drop}") as server:
        await write(server, calls(range(5)), NOW_MS + 15_000)
        now = await found(server, "calls", NOW_MS + 15_000)

    assert set(now) == {(("n", str(number)),) for number in range(3)}


async def test_dropped_series_are_counted_and_name_the_culprit(governed: StartGoverned) -> None:
    async with governed("limits: {active_series_per_metric: 2, on_breach: drop}") as server:
        for step in range(3):
            await write(server, calls(range(5), job="shop"), NOW_MS + step * 15_000)
        kept = await found(server, "calls", NOW_MS + 30_000)
        counted = await left_out(server)
        findings = await server.rows(
            "SELECT service, rule, outcome, sum(items) AS items, any(f.example) AS culprit FROM findings AS f "
            "WHERE f.example != '' GROUP BY service, rule, outcome"
        )

    assert len(kept) == 2
    assert counted == {"active_series_per_metric": 9}
    [finding] = findings
    assert (finding["service"], finding["rule"], finding["outcome"]) == ("shop", "active_series_per_metric", "left out")
    assert finding["culprit"] == "calls{n}"


async def test_what_a_metric_may_not_have_does_not_use_up_its_tenants_budget(governed: StartGoverned) -> None:
    policy = "limits: {active_series_per_metric: 2, active_series: 4, on_breach: drop}"
    async with governed(policy) as server:
        await write(server, [*calls(range(100)), *calls(range(2), "leases")])
        await write(server, calls(range(2), "peers"))
        counts = await found(server, 'count by (m) (label_replace({__name__=~".+"}, "m", "$1", "__name__", "(.+)"))')
        counted = await left_out(server)

    assert counts == {(("m", "calls"),): 2, (("m", "leases"),): 2}
    assert counted == {"active_series_per_metric": 98, "active_series": 2}


async def test_budgets_are_a_tenants_own(governed: StartGoverned) -> None:
    policy = "limits: {active_series: 2, on_breach: drop, tenants: {large: {active_series: 4}}}"
    async with governed(policy) as server:
        for tenant in ("small", "large"):
            await write(server, calls(range(5)), tenant=tenant)
        counts = [len(await found(server, "calls", tenant=tenant)) for tenant in ("small", "large")]

    assert counts == [2, 4]


async def test_a_minute_takes_so_many_new_series(governed: StartGoverned) -> None:
    async with governed("limits: {new_series_per_minute: 3, on_breach: drop}") as server:
        await write(server, calls(range(10)))

        assert len(await found(server, "calls")) == 3
        assert await left_out(server) == {"new_series_per_minute": 7}


async def test_a_label_has_so_many_values_over_all_inserts(governed: StartGoverned) -> None:
    policy = "limits: {metrics: {calls: {values_per_label: 3}}}"
    async with governed(policy) as server:
        await write(server, [*calls(range(2), shard="a"), *calls(range(2), shard="b")])
        await write(server, [*calls(range(1, 6), shard="a"), *calls(range(10), "leases")])
        values = {dict(labels).get("n") for labels in await found(server, "calls")}
        leases = await found(server, "leases")

    assert len(values - {None}) == 3
    assert {"0", "1", None} <= values
    assert len(leases) == 10


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        pytest.param({"a": "1", "b": "2", "c": "3"}, "labels_per_series", id="too many"),
        pytest.param({"a_long_name": "1"}, "label_name_bytes", id="too long a name"),
        pytest.param({"a": "a long value"}, "label_value_bytes", id="too long a value"),
    ],
)
async def test_labels_that_are_too_large_leave_their_series_out(
    governed: StartGoverned, labels: dict[str, str], reason: str
) -> None:
    async with governed("limits: {labels: {per_series: 2, name_bytes: 8, value_bytes: 8}}") as server:
        await write(server, [({"__name__": "calls"} | labels, 1.0), ({"__name__": "calls", "a": "1"}, 2.0)])

        assert await found(server, "calls") == {(("a", "1"),): 2.0}
        assert await left_out(server) == {reason: 1}


async def test_a_request_of_nothing_but_known_series_that_are_left_out_is_taken(governed: StartGoverned) -> None:
    async with governed("limits: {labels: {value_bytes: 8}}") as server:
        for step in range(3):
            await write(server, [({"__name__": "calls", "a": "a long value"}, 1.0)], NOW_MS + step)

        assert await found(server, "calls") == {}
        assert await left_out(server) == {"label_value_bytes": 3}


async def test_otlp_senders_are_told_what_is_left_out(governed: StartGoverned) -> None:
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="depth")
    for number in range(5):
        point = metric.gauge.data_points.add(as_double=number, time_unix_nano=NOW_MS * 1_000_000)
        point.attributes.add(key="n").value.string_value = str(number)
    async with governed("limits: {active_series_per_metric: 2, on_breach: drop}") as server:
        for _ in range(2):
            answer = await server.http.post("/v1/metrics", content=request.SerializeToString(), headers=PROTOBUF)
            partial = ExportMetricsServiceResponse.FromString(answer.content).partial_success

            assert partial.rejected_data_points == 3
            assert partial.error_message == "3 active_series_per_metric"
            assert len(await found(server, "depth")) == 2


async def test_a_policy_is_reloaded_and_a_wrong_one_is_not(governed: StartGoverned, policy_file: Path) -> None:
    async with governed("limits: {active_series_per_metric: 2, on_breach: drop}") as server:
        await write(server, calls(range(4)))
        policy_file.write_text("limits:\n  active_series_per_metric: 0\n")
        refused = await server.http.post("/-/reload")
        await write(server, calls(range(4)), NOW_MS + 1000)
        before = await found(server, "calls", NOW_MS + 1000)
        policy_file.write_text("limits: {active_series_per_metric: 3, on_breach: drop}")
        accepted = await server.http.post("/-/reload")
        await write(server, calls(range(4)), NOW_MS + 2000)
        after = await found(server, "calls", NOW_MS + 2000)

    assert refused.status_code == 400
    expected = "2:29: limits.active_series_per_metric: expected 1 to 10000000000, got 0"
    assert refused.text.removeprefix(f"{policy_file}:").strip() == expected
    assert accepted.status_code == 200
    assert (len(before), len(after)) == (2, 3)


async def test_a_teams_services_have_a_budget_together(governed: StartGoverned) -> None:
    policy = (
        "tagging: {teams: {mesh: {services: [mesh-.*]}}}\nlimits: {teams: {mesh: {active_series: 3}}, on_breach: drop}"
    )
    async with governed(policy) as server:
        for metric, job in (("calls", "mesh-a"), ("leases", "mesh-b"), ("depth", "shop")):
            await write(server, calls(range(2), metric, job=job))
        counts = [len(await found(server, metric)) for metric in ("calls", "leases", "depth")]

    assert counts == [2, 1, 2]
