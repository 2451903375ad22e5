"""Requests of every door, each with items that can be told from all others and counted afterwards."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Literal

import cramjam
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import AGGREGATION_TEMPORALITY_DELTA
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from backbone.model.time import NANOSECONDS_PER_MILLISECOND, now_ns
from backbone.receive.envelope import varint

Kind = Literal["traces", "logs", "gauges", "deltas", "remote_write"]
KINDS: tuple[Kind, ...] = ("traces", "logs", "gauges", "deltas", "remote_write")
PATHS: dict[Kind, str] = {
    "traces": "/v1/traces",
    "logs": "/v1/logs",
    "gauges": "/v1/metrics",
    "deltas": "/v1/metrics",
    "remote_write": "/api/v1/write",
}

_STARTED_NS = now_ns()


@dataclass(frozen=True, slots=True)
class Items:
    """What one request brings: *count* items of sender *sender*, numbered from *first*."""

    kind: Kind
    sender: int
    first: int
    count: int
    padding_bytes: int = 0
    """How much the request weighs besides."""

    @property
    def ids(self) -> list[str]:
        return [f"{self.sender}-{number}" for number in range(self.first, self.first + self.count)]


def body(items: Items) -> bytes:
    """Return the request's protobuf; as it goes over the wire for remote write, which is always packed."""
    return _BODIES[items.kind](items)


def _text(key: str, value: str) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(string_value=value))


def _resource(items: Items) -> Resource:
    attributes = [_text("service.name", f"sender-{items.sender}")]
    if items.padding_bytes:
        attributes.append(_text("padding", "x" * items.padding_bytes))
    return Resource(attributes=attributes)


def _traces(items: Items) -> bytes:
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add(resource=_resource(items))
    scope = resource.scope_spans.add()
    at = now_ns()
    for number, name in enumerate(items.ids, items.first):
        span = scope.spans.add(name="load", start_time_unix_nano=at, end_time_unix_nano=at + 1000, kind=2)
        span.trace_id = items.sender.to_bytes(8) + number.to_bytes(8)
        span.span_id = span.trace_id[4:12]
        span.attributes.append(_text("item", name))
    return request.SerializeToString()


def _logs(items: Items) -> bytes:
    request = ExportLogsServiceRequest()
    scope = request.resource_logs.add(resource=_resource(items)).scope_logs.add()
    for name in items.ids:
        record = scope.log_records.add(time_unix_nano=now_ns(), severity_number=9)
        record.body.string_value = name
    return request.SerializeToString()


def _gauges(items: Items) -> bytes:
    request = ExportMetricsServiceRequest()
    scope = request.resource_metrics.add(resource=_resource(items)).scope_metrics.add()
    gauge = scope.metrics.add(name="robust.gauge").gauge
    at = now_ns()
    for number, name in enumerate(items.ids, items.first):
        point = gauge.data_points.add(time_unix_nano=at, as_double=float(number))
        point.attributes.append(_text("item", name))
    return request.SerializeToString()


def _deltas(items: Items) -> bytes:
    """Return one series per sender to which each item adds one."""
    request = ExportMetricsServiceRequest()
    scope = request.resource_metrics.add(resource=_resource(items)).scope_metrics.add()
    total = scope.metrics.add(name="robust.deltas").sum
    total.aggregation_temporality, total.is_monotonic = AGGREGATION_TEMPORALITY_DELTA, True
    for number in range(items.first, items.first + items.count):
        total.data_points.add(time_unix_nano=_STARTED_NS + number * NANOSECONDS_PER_MILLISECOND, as_int=1)
    return request.SerializeToString()


def _remote_write(items: Items) -> bytes:
    at_ms = now_ns() // NANOSECONDS_PER_MILLISECOND
    series = [
        write_series({"__name__": "robust_written", "item": name, "job": f"sender-{items.sender}"}, at_ms, number)
        for number, name in enumerate(items.ids, items.first)
    ]
    if items.padding_bytes:
        labels = {"__name__": "robust_padding", "padding": "x" * items.padding_bytes}
        series.append(write_series(labels, at_ms, 0))
    return snappy(b"".join(series))


def write_series(labels: dict[str, str], at_ms: int, value: float) -> bytes:
    """Return one series with one sample as the field of a ``WriteRequest``."""
    pairs = b"".join(
        _field(1, _field(1, name.encode()) + _field(2, text.encode())) for name, text in sorted(labels.items())
    )
    sample = b"\x09" + struct.pack("<d", value) + b"\x10" + varint(at_ms & (2**64 - 1))
    return _field(1, pairs + _field(2, sample))


def snappy(message: bytes) -> bytes:
    return bytes(cramjam.snappy.compress_raw(message))


def _field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


_BODIES = {
    "traces": _traces,
    "logs": _logs,
    "gauges": _gauges,
    "deltas": _deltas,
    "remote_write": _remote_write,
}
