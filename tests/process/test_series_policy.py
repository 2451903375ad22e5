"""Policy on the labels of series, through the doors: once, and for all of their samples."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import cramjam
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality

from backbone.model.time import now_ns
from tests.conftest import Server
from tests.process.conftest import StartGoverned
from tests.process.test_limits import NOW_MS, calls, found, left_out, write
from tests.receive.test_doors import PROTOBUF
from tests.receive.test_remote_write import double, label, message, whole

EMAIL = "ada.lovelace@example.org"
HASHED = re.compile(r"<email:[a-z]+>")


async def series(server: Server) -> list[dict[str, str]]:
    answer = await server.http.get("/api/v1/series", params={"match[]": '{__name__=~".+"}'})
    found: list[dict[str, str]] = answer.json()["data"]
    return found


async def test_a_persons_label_is_hashed_and_its_samples_follow(governed: StartGoverned) -> None:
    async with governed("{}") as server:
        for step in range(3):
            await write(server, calls(range(2), user=EMAIL), NOW_MS + step * 1000)
        labels = await series(server)
        counts = await found(server, "count_over_time(calls[1m])", NOW_MS + 10_000)
        findings = await server.rows("SELECT rule, sum(items) AS items FROM findings GROUP BY rule")

    assert len(labels) == 2
    assert all(HASHED.fullmatch(one["user"]) for one in labels)
    assert labels[0]["user"] == labels[1]["user"]
    assert set(counts.values()) == {3.0}
    assert [finding["rule"] for finding in findings] == ["email"]
    assert findings[0]["items"] >= 2


async def test_masked_labels_make_one_series_that_adds_up(governed: StartGoverned) -> None:
    async with governed("redact: {labels: mask}") as server:
        both = [({"__name__": "calls", "user": user}, 2.0) for user in (EMAIL, "grace@example.org")]
        for step in range(2):
            await write(server, both, NOW_MS + step * 1000)

        assert await found(server, "calls", NOW_MS + 1000) == {(("user", "<email>"),): 4.0}


async def test_what_comes_beside_samples_follows_its_series(governed: StartGoverned) -> None:
    labels = label("__name__", "wait") + label("user", EMAIL)
    histogram = message(4, whole(1, 4) + double(3, 2.0) + whole(14, 2) + whole(15, NOW_MS))
    exemplar = message(3, label("who", EMAIL) + double(2, 1.5) + whole(3, NOW_MS))
    help_text = message(3, whole(1, 1) + message(2, b"wait") + message(4, f"ask {EMAIL}".encode()))
    body = bytes(cramjam.snappy.compress_raw(message(1, labels + histogram + exemplar) + help_text))
    async with governed("{}") as server:
        for _ in range(2):
            assert (await server.http.post("/api/v1/write", content=body)).status_code == 204
        [one] = await server.rows("SELECT any(labels) AS labels FROM series GROUP BY fp")
        stored = await server.rows("SELECT count FROM histograms FINAL WHERE fp IN (SELECT fp FROM series)")
        [kept] = await server.rows("SELECT labels FROM exemplars FINAL WHERE fp IN (SELECT fp FROM series)")
        [metadata] = await server.rows("SELECT DISTINCT help FROM metadata")

    assert HASHED.fullmatch(one["labels"]["user"])
    assert stored == [{"count": 4}]
    assert HASHED.fullmatch(kept["labels"]["who"])
    assert HASHED.fullmatch(metadata["help"].removeprefix("ask "))


def points(value: float, user: str) -> bytes:
    request = ExportMetricsServiceRequest()
    resource = request.resource_metrics.add()
    resource.resource.attributes.add(key="service.name").value.string_value = "shop"
    metric = resource.scope_metrics.add().metrics.add(name="orders", unit="1")
    metric.sum.is_monotonic = True
    metric.sum.aggregation_temporality = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
    point = metric.sum.data_points.add(as_double=value, time_unix_nano=now_ns())
    point.attributes.add(key="old.name").value.string_value = "x"
    point.attributes.add(key="user").value.string_value = user
    return request.SerializeToString()


async def test_otlp_points_pass_policy_as_remote_write_does(governed: StartGoverned) -> None:
    async with governed("tagging: {renames: {old.name: new.name}}") as server:
        for value in (1.0, 2.0, 3.0):
            answer = await server.http.post("/v1/metrics", content=points(value, EMAIL), headers=PROTOBUF)
            assert answer.status_code == 200
            await asyncio.sleep(0.01)
        labels = [one for one in await series(server) if one["__name__"].startswith("orders")]
        counts = await found(server, "count_over_time(orders_total[1m])", now_ns() // 1_000_000)

    [one] = labels
    assert one["new_name"] == "x"
    assert "old_name" not in one
    assert HASHED.fullmatch(one["user"])
    assert set(counts.values()) == {3.0}


async def test_series_that_tagging_refuses_are_left_out_and_counted(governed: StartGoverned) -> None:
    policy = """
tagging:
  attributes:
    - {name: shard, attribute: shard, where: item, signals: [metrics], requirement: required, on_breach: refuse}
"""
    async with governed(policy) as server:
        for step in range(2):
            await write(server, [*calls(range(2)), *calls([7], shard="a")], NOW_MS + step * 1000)
        kept = await found(server, "calls", NOW_MS + 1000)
        counted = await left_out(server)

    assert list(kept) == [(("n", "7"), ("shard", "a"))]
    assert sum(counted.values()) == 4


async def test_every_sample_is_treated_by_one_policy_while_they_change(
    governed: StartGoverned, policy_file: Path
) -> None:
    policies = ["tagging: {renames: {old_name: new_name}}", "{}"]
    async with governed(policies[1]) as server:
        sent = 0

        async def send() -> None:
            nonlocal sent
            for number in range(60):
                await write(server, [({"__name__": "calls", "old_name": "a", "lane": "1"}, 1.0)], NOW_MS + number)
                sent += 1

        async def change() -> None:
            for number in range(6):
                policy_file.write_text(policies[number % 2])
                answer: Any = await server.http.post("/-/reload")
                assert answer.status_code == 200, answer.text

        await asyncio.gather(send(), change())
        counts = await found(server, "count_over_time(calls[1m])", NOW_MS + 1000)

    assert sent == 60
    assert sum(counts.values()) == 60
    assert {dict(labels).keys() - {"lane"} == {name} for labels in counts for name in ("old_name", "new_name")} == {
        True,
        False,
    }
