"""Metrics through the doors: what is stored of labels, exemplars and help texts, and what is counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cramjam
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1 import metrics_pb2 as pb
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from backbone.model.time import NANOSECONDS_PER_MILLISECOND, now_ns
from backbone.query.remote_read import write_request
from tests.conftest import Server, StartServer

MAIL = "jane@example.com"
MERGED = """
SELECT metric, labels['user'] AS who, uniqExact(fp) AS series, count() AS times, sum(value) AS total
FROM (SELECT DISTINCT tenant, metric, labels, fp FROM series) AS written JOIN samples USING (tenant, fp)
WHERE metric IN ('logins', 'points') GROUP BY ALL ORDER BY metric
"""
PROTOBUF = {"content-type": "application/x-protobuf"}


async def send(server: Server, path: str, body: bytes) -> None:
    answer = await server.http.post(path, content=body, headers=PROTOBUF)
    assert answer.is_success, answer.text


def point(user: str, at_ms: int, value: int, **others: Any) -> pb.NumberDataPoint:
    attributes = [KeyValue(key="user", value=AnyValue(string_value=user))] if user else []
    time = at_ms * NANOSECONDS_PER_MILLISECOND
    return pb.NumberDataPoint(time_unix_nano=time, as_int=value, attributes=attributes, **others)


def exported(*metrics: pb.Metric) -> bytes:
    name = KeyValue(key="service.name", value=AnyValue(string_value="shop"))
    scopes = [pb.ScopeMetrics(metrics=metrics)]
    request = ExportMetricsServiceRequest(
        resource_metrics=[pb.ResourceMetrics(resource=Resource(attributes=[name]), scope_metrics=scopes)]
    )
    return request.SerializeToString()


async def found(server: Server) -> dict[str, int]:
    rows = await server.rows(
        "SELECT rule, sum(items) AS items FROM findings WHERE signal = 'metrics' AND policy = 'redact' GROUP BY rule"
    )
    return {row["rule"]: row["items"] for row in rows}


async def test_a_series_with_a_secret_is_scrubbed_and_counted_once_and_known_from_then_on(server: Server) -> None:
    labels = {"__name__": "logins", "job": "shop", "user": MAIL}
    now = now_ns() // NANOSECONDS_PER_MILLISECOND
    for at in range(3):
        body = bytes(cramjam.snappy.compress_raw(write_request([(labels, [(now + at, 1.0)])])))
        await send(server, "/api/v1/write", body)

    [row] = await server.rows(
        "SELECT any(labels) AS labels, count() AS samples, uniqExact(fp) AS series, "
        "(SELECT count() FROM series) AS written FROM samples JOIN series USING (tenant, fp)"
    )
    assert row["labels"]["job"] == "shop"
    assert row["labels"]["user"].startswith("<email:")
    assert (row["samples"], row["series"], row["written"]) == (3, 1, 1)
    assert await found(server) == {"email": 1}


async def test_points_are_scrubbed_with_their_exemplars_and_descriptions(server: Server) -> None:
    now = now_ns() // NANOSECONDS_PER_MILLISECOND
    exemplar = pb.Exemplar(as_double=1, time_unix_nano=now_ns(), filtered_attributes=point(MAIL, now, 1).attributes)
    points = [point(MAIL, now, 1, exemplars=[exemplar]), point("", now, 1)]
    await send(
        server,
        "/v1/metrics",
        exported(pb.Metric(name="logins", description=f"ask {MAIL}", gauge=pb.Gauge(data_points=points))),
    )

    [label] = await server.rows("SELECT labels['user'] AS who FROM series WHERE who != ''")
    [told] = await server.rows("SELECT labels['user'] AS who FROM exemplars")
    [help_] = await server.rows("SELECT help FROM metadata WHERE metric = 'logins'")
    assert label["who"].startswith("<email:")
    assert told == label
    assert help_["help"] == f"ask {label['who']}"
    assert await found(server) == {"email": 1}


async def test_series_that_masks_make_one_are_added_up(start_server: StartServer, tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text("redact: {labels: mask}\n")
    now = now_ns() // NANOSECONDS_PER_MILLISECOND
    users = ["jane@example.com", "john@example.com"]
    for begin in (0, 2):
        async with start_server(policy__file=str(file)) as server:
            for at in (begin, begin + 1):
                samples = [({"__name__": "logins", "user": user}, [(now + at, 1.0 + at)]) for user in users]
                await send(server, "/api/v1/write", bytes(cramjam.snappy.compress_raw(write_request(samples))))
                points = [point(user, now + at, 1 + at) for user in users]
                await send(
                    server, "/v1/metrics", exported(pb.Metric(name="points", gauge=pb.Gauge(data_points=points)))
                )
            rows = await server.rows(MERGED)
            total = sum(2 * (1 + at) for at in range(begin + 2))
            assert [tuple(row.values()) for row in rows] == [
                (metric, "<email>", 1, begin + 2, total) for metric in ("logins", "points")
            ]
