"""What Prometheus 2.42 does not send: native histograms and exemplars over remote write, encoded by hand."""

from __future__ import annotations

import struct

import cramjam
import pytest

from backbone.model.time import now_ns
from backbone.receive.envelope import varint
from tests.conftest import Server

NOW_MS = now_ns() // 1_000_000


def message(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def whole(number: int, value: int) -> bytes:
    return varint(number << 3) + varint(value)


def double(number: int, value: float) -> bytes:
    return varint(number << 3 | 1) + struct.pack("<d", value)


def zigzag(value: int) -> int:
    return value << 1 if value >= 0 else (-value << 1) - 1


def label(name: str, value: str) -> bytes:
    return message(1, message(1, name.encode()) + message(2, value.encode()))


def request(*parts: bytes, labels: tuple[tuple[str, str], ...] = (("__name__", "wait"), ("job", "shop"))) -> bytes:
    series = b"".join(label(*pair) for pair in labels) + b"".join(parts)
    return bytes(cramjam.snappy.compress_raw(message(1, series)))


def sample(value: float) -> bytes:
    return message(2, double(1, value) + whole(2, NOW_MS))


async def write(server: Server, body: bytes) -> int:
    answer = await server.http.post("/api/v1/write", content=body, headers={"content-type": "application/x-protobuf"})
    return answer.status_code


async def test_native_histogram_arrives_with_absolute_counts(server: Server) -> None:
    spans = message(11, whole(1, zigzag(-2)) + whole(2, 3))
    deltas = message(12, b"".join(varint(zigzag(delta)) for delta in (4, -1, 2)))
    histogram = (
        whole(1, 14) + double(3, 2.5) + whole(4, zigzag(3)) + double(5, 1e-9) + whole(6, 2) + spans + deltas
        + whole(14, 2) + whole(15, NOW_MS)
    )  # fmt: skip

    assert await write(server, request(message(4, histogram))) == 204

    (row,) = await server.rows(
        "SELECT metric, toString(type) AS type, count, sum, schema, zero_threshold, zero_count, positive_offsets, "
        "positive_lengths, positive_counts, toString(reset) AS reset, toUnixTimestamp64Milli(time) AS time_ms "
        "FROM histograms JOIN series USING (tenant, fp)"
    )
    assert row == {
        "metric": "wait",
        "type": "histogram",
        "count": 14,
        "sum": 2.5,
        "schema": 3,
        "zero_threshold": 1e-9,
        "zero_count": 2,
        "positive_offsets": [-2],
        "positive_lengths": [3],
        "positive_counts": [4, 3, 5],
        "reset": "no",
        "time_ms": NOW_MS,
    }


async def test_exemplar_arrives_with_its_trace(server: Server) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    exemplar = message(3, label("trace_id", trace) + double(2, 0.7) + whole(3, NOW_MS))

    assert await write(server, request(sample(1), exemplar)) == 204

    (row,) = await server.rows(
        "SELECT lower(hex(trace_id)) AS trace, value, metric FROM exemplars JOIN series USING fp"
    )
    assert row == {"trace": trace, "value": 0.7, "metric": "wait"}


@pytest.mark.parametrize(
    ("first", "second", "series"),
    [
        pytest.param((("__name__", "m"), ("a", "1")), (("a", "1"), ("__name__", "m")), 1, id="in any order"),
        pytest.param((("__name__", "m"), ("a", "")), (("__name__", "m"),), 1, id="an empty label is none"),
        pytest.param((("__name__", "m"), ("a", "1")), (("__name__", "m"), ("a", "2")), 2, id="other values"),
        pytest.param((("__name__", "m"), ("a", "b")), (("__name__", "m"), ("b", "a")), 2, id="name and value swapped"),
    ],
)
async def test_series_is_the_set_of_its_labels(
    server: Server, first: tuple[tuple[str, str], ...], second: tuple[tuple[str, str], ...], series: int
) -> None:
    for labels in (first, second):
        assert await write(server, request(sample(1), labels=labels)) == 204

    assert await server.rows("SELECT uniqExact(fp) AS series FROM samples") == [{"series": series}]


async def test_sample_sent_twice_is_there_once(server: Server) -> None:
    for _ in range(2):
        assert await write(server, request(sample(1))) == 204

    assert await server.rows("SELECT count() AS samples FROM samples FINAL") == [{"samples": 1}]
