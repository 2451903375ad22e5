"""Requests made to hurt: sound protobuf with values nobody should send, and bodies that grow when unpacked."""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Iterator
from functools import cache

import zstandard
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from backbone.model.time import now_ns
from backbone.receive.envelope import varint

TIMES_NS = (0, 1, 10**9, 2**31 * 10**9, 2**32 * 10**9, 2**62, 2**63 - 1, 2**63, 2**64 - 1)
TIMES_MS = (-(2**63), -1, 0, 1, 2**31, 2**42, 10**13, 2**53, 2**62, 2**63 - 1)
DOUBLES = (float("nan"), float("inf"), float("-inf"), 1.8e308, -0.0, 5e-324)


def traces() -> Iterator[tuple[str, bytes]]:
    """Name and give each hostile request of traces."""
    for at in TIMES_NS:
        yield f"span at {at}", _span(start_time_unix_nano=at, end_time_unix_nano=0).SerializeToString()
        yield f"span until {at}", _span(start_time_unix_nano=5, end_time_unix_nano=at).SerializeToString()
        request = _span()
        _only_span(request).events.add(time_unix_nano=at, name="event")
        yield f"event at {at}", request.SerializeToString()
    for size in (0, 1, 7, 9, 15, 17, 4096):
        yield f"trace id of {size}", _span(trace_id=b"x" * size).SerializeToString()
        yield f"span id of {size}", _span(span_id=b"x" * size).SerializeToString()
        yield f"parent id of {size}", _span(parent_span_id=b"x" * size).SerializeToString()
    many = _span(start_time_unix_nano=10**9)
    for day in range(300):
        span = many.resource_spans[0].scope_spans[0].spans.add()
        span.CopyFrom(
            _span(start_time_unix_nano=(20_000 + day) * 86_400 * 10**9).resource_spans[0].scope_spans[0].spans[0]
        )
    yield "a span on each of 300 days", many.SerializeToString()
    request = _span(kind=99)
    _only_span(request).status.code = 77  # type: ignore[assignment] # enums of protobuf are open
    yield "unknown enums", request.SerializeToString()
    for name, value in _values():
        request = _span()
        _only_span(request).attributes.add(key="hostile").value.CopyFrom(value)
        yield f"span with {name}", request.SerializeToString()
    twice = _span()
    for _ in range(3):
        _only_span(twice).attributes.add(key="same").value.string_value = "x"
    yield "an attribute thrice", twice.SerializeToString()
    good = _span(name="PLACE").SerializeToString()
    yield "name that is not UTF-8", good.replace(b"PLACE", b"\xff\xfe\x00\xc3\x28")


def logs() -> Iterator[tuple[str, bytes]]:
    """Name and give each hostile request of logs."""
    for at in TIMES_NS:
        yield f"record at {at}", _record(time_unix_nano=at).SerializeToString()
        yield f"record observed at {at}", _record(time_unix_nano=0, observed_time_unix_nano=at).SerializeToString()
    for size in (1, 15, 17):
        yield f"trace id of {size}", _record(trace_id=b"x" * size).SerializeToString()
    for name, value in _values():
        request = _record()
        request.resource_logs[0].scope_logs[0].log_records[0].body.CopyFrom(value)
        yield f"body of {name}", request.SerializeToString()
    yield "severity out of range", _record(severity_number=2**31 - 1).SerializeToString()
    good = _record(severity_text="PLACE").SerializeToString()
    yield "text that is not UTF-8", good.replace(b"PLACE", b"\xff\xfe\x00\xc3\x28")


def metrics() -> Iterator[tuple[str, bytes]]:
    """Name and give each hostile request of metrics."""
    for at in TIMES_NS:
        request, metric = _metric()
        metric.gauge.data_points.add(time_unix_nano=at, as_double=1)
        yield f"gauge at {at}", request.SerializeToString()
        request, metric = _metric()
        metric.sum.aggregation_temporality = 1  # type: ignore[assignment] # enums of protobuf are open
        metric.sum.data_points.add(time_unix_nano=at, as_double=1)
        yield f"delta at {at}", request.SerializeToString()
        request, metric = _metric()
        metric.gauge.data_points.add(time_unix_nano=now_ns(), as_double=1).exemplars.add(time_unix_nano=at)
        yield f"exemplar at {at}", request.SerializeToString()
    for value in DOUBLES:
        request, metric = _metric()
        metric.gauge.data_points.add(time_unix_nano=now_ns(), as_double=value)
        yield f"gauge of {value}", request.SerializeToString()
    for counts, bounds in (([1], [1.0]), ([1, 2, 3], []), ([], [1.0, 2.0]), ([2**64 - 1] * 2, [float("nan")])):
        request, metric = _metric()
        metric.histogram.data_points.add(time_unix_nano=now_ns(), bucket_counts=counts, explicit_bounds=bounds)
        yield f"{len(counts)} buckets of {len(bounds)} bounds", request.SerializeToString()
    for scale, offset in ((-5, 0), (21, 0), (2**31 - 1, 0), (-(2**31), 0), (0, 2**31 - 1), (20, -(2**31))):
        request, metric = _metric()
        point = metric.exponential_histogram.data_points.add(time_unix_nano=now_ns(), scale=scale, count=3)
        point.positive.offset = offset
        point.positive.bucket_counts.extend([1, 1, 1])
        yield f"exponential of scale {scale} from {offset}", request.SerializeToString()
    for size in (1, 15, 17, 100):
        request, metric = _metric()
        metric.gauge.data_points.add(time_unix_nano=now_ns()).exemplars.add(
            trace_id=b"x" * size, time_unix_nano=now_ns()
        )
        yield f"exemplar with trace id of {size}", request.SerializeToString()
    request, metric = _metric("")
    metric.gauge.data_points.add(time_unix_nano=now_ns())
    yield "no name", request.SerializeToString()
    good, metric = _metric("PLACE")
    metric.gauge.data_points.add(time_unix_nano=now_ns())
    yield "name that is not UTF-8", good.SerializeToString().replace(b"PLACE", b"\xff\xfe\x00\xc3\x28")


def remote_write() -> Iterator[tuple[str, bytes]]:
    """Name and give each hostile ``WriteRequest``, not yet packed."""
    now_ms = now_ns() // 10**6
    for at_ms in TIMES_MS:
        yield f"sample at {at_ms}", series([(b"__name__", b"hostile")], at_ms)
    for value in DOUBLES:
        yield f"sample of {value}", series([(b"__name__", b"hostile")], now_ms, value)
    yield "no name", series([(b"job", b"x")], now_ms)
    yield "no labels", series([], now_ms)
    yield "an empty name", series([(b"__name__", b"")], now_ms)
    yield "a label twice", series([(b"__name__", b"hostile"), (b"a", b"1"), (b"a", b"2")], now_ms)
    yield "a name twice", series([(b"__name__", b"hostile"), (b"__name__", b"other")], now_ms)
    yield "labels out of order", series([(b"z", b"1"), (b"__name__", b"hostile"), (b"a", b"2")], now_ms)
    yield "a label without a name", series([(b"__name__", b"hostile"), (b"", b"1")], now_ms)
    yield "a name that is not UTF-8", series([(b"__name__", b"\xff\xfe")], now_ms)
    yield "a label that is not UTF-8", series([(b"__name__", b"hostile"), (b"a", b"\xc3\x28")], now_ms)
    yield (
        "a series on each of 300 days",
        b"".join(series([(b"__name__", b"hostile")], (20_000 + day) * 86_400_000) for day in range(300)),
    )
    yield "100,000 empty series", b"\x0a\x00" * 100_000
    yield "10,000 labels", series([(b"__name__", b"hostile"), *((b"l%d" % n, b"x") for n in range(10_000))], now_ms)


def series(labels: list[tuple[bytes, bytes]], at_ms: int, value: float = 1.0) -> bytes:
    """Return one series with one sample, whatever the labels."""
    pairs = b"".join(_field(1, _field(1, name) + _field(2, text)) for name, text in labels)
    sample = b"\x09" + struct.pack("<d", value) + b"\x10" + varint(at_ms & (2**64 - 1))
    return _field(1, pairs + _field(2, sample))


def any_signal() -> Iterator[tuple[str, bytes]]:
    """Name and give what is hostile to each of OTLP's signals."""
    yield "tenant smuggled", _field(1000, b"other")
    yield "time smuggled", varint(1001 << 3 | 1) + b"\0" * 8
    yield "envelope swallowed", varint(1 << 3 | 2) + varint(200)
    yield "swallowed by an unknown field", varint(99 << 3 | 2) + varint(30)
    yield "a group never ended", varint(5 << 3 | 3)
    yield "a length of 2^63", varint(1 << 3 | 2) + varint(2**63)
    yield "100,000 empty resources", b"\x0a\x00" * 100_000
    yield "10,000 levels", _nested(10_000)
    yield "nothing but zeros", b"\0" * 1000


@cache
def bombs() -> tuple[tuple[str, str, bytes], ...]:
    """Return the name, encoding and bytes of bodies that unpack to 200 MiB, or say they do."""
    size = 200 << 20
    zeros = b"\0" * size
    return (
        ("gzip bomb", "gzip", gzip.compress(zeros, 9)),
        ("gzip of 300 members", "gzip", gzip.compress(b"\0" * (1 << 20)) * 300),
        ("deflate bomb", "deflate", zlib.compress(zeros, 9)),
        ("zstd bomb", "zstd", zstandard.compress(zeros)),
        ("zstd of a window of 2 GiB", "zstd", b"\x28\xb5\x2f\xfd\x00\xa8" + b"\x01\x00\x00"),
        ("snappy that says 4 GiB", "snappy", b"\xff\xff\xff\xff\x0f" + b"\0" * 20),
        ("snappy that says too little", "snappy", b"\x05" + b"\xfc" + (1000).to_bytes(4, "little") + b"x" * 1000),
    )


def _values() -> Iterator[tuple[str, AnyValue]]:
    yield "no value", AnyValue()
    for number in DOUBLES:
        yield f"a double of {number}", AnyValue(double_value=number)
    yield "an integer of -2^63", AnyValue(int_value=-(2**63))
    yield "a text of 1 MiB", AnyValue(string_value="x" * (1 << 20))
    yield "zeros in text", AnyValue(string_value="\0" * 10)
    deep = AnyValue(string_value="bottom")
    for level in range(40):
        outer = AnyValue()
        if level % 2:
            outer.array_value.values.add().CopyFrom(deep)
        else:
            outer.kvlist_value.values.add(key="k").value.CopyFrom(deep)
        deep = outer
        if level in {1, 3, 39}:
            yield f"{level + 1} levels", deep
    wide = AnyValue()
    for _ in range(50_000):
        wide.array_value.values.add().int_value = 1
    yield "50,000 numbers", wide


def _span(**fields: object) -> ExportTraceServiceRequest:
    values = {
        "trace_id": b"0123456789abcdef",
        "span_id": b"12345678",
        "name": "hostile",
        "start_time_unix_nano": now_ns(),
    } | fields
    request = ExportTraceServiceRequest()
    request.resource_spans.add().scope_spans.add().spans.add(**values)
    return request


def _only_span(request: ExportTraceServiceRequest) -> Span:
    span: Span = request.resource_spans[0].scope_spans[0].spans[0]
    return span


def _record(**fields: object) -> ExportLogsServiceRequest:
    request = ExportLogsServiceRequest()
    request.resource_logs.add().scope_logs.add().log_records.add(**({"time_unix_nano": now_ns()} | fields))
    return request


def _metric(name: str = "hostile") -> tuple[ExportMetricsServiceRequest, Metric]:
    request = ExportMetricsServiceRequest()
    return request, request.resource_metrics.add().scope_metrics.add().metrics.add(name=name)


def _field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def _nested(levels: int) -> bytes:
    content = b""
    for _ in range(levels):
        content = _field(1, content)
    return content
