"""The OpenTelemetry SDK as it is, over gRPC and HTTP; what arrives is compared with what was sent."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogs
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcMetrics
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpans
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpLogs
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpMetrics
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpans
from opentelemetry.proto.common.v1.common_pb2 import ArrayValue
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from tests.conftest import Server

RESOURCE = Resource(
    {"service.name": "checkout", "service.instance.id": "c-1", "host.cpus": 8, "process.command_args": ["run", "-v"]}
)
NOW = time.time_ns() - 60 * 10**9
ODD: dict[str, Any] = {
    "text": "naïve ☃ 'quoted' \\ \n\t",
    "empty": "",
    "int": 2**63 - 1,
    "negative": -1,
    "float": 1.0,
    "tiny": 5e-324,
    "bool": False,
    "strings": ["a", ""],
    "ints": [1, 2],
    "floats": [1.0, 2.5],
    "bools": [True, False],
    "none": [],
    "huge": "x" * 100_000,
}


def exporters(server: Server, transport: str) -> tuple[Any, Any, Callable[..., Any]]:
    if transport == "grpc":
        endpoint = f"http://127.0.0.1:{server.otlp_grpc_port}"
        options: dict[str, Any] = {"endpoint": endpoint, "insecure": True}
        return GrpcSpans(**options), GrpcLogs(**options), lambda **more: GrpcMetrics(**options, **more)
    base = f"http://127.0.0.1:{server.otlp_http_port}/v1"
    gzip = Compression.Gzip
    return (
        HttpSpans(f"{base}/traces", compression=gzip),
        HttpLogs(f"{base}/logs", compression=gzip),
        lambda **more: HttpMetrics(f"{base}/metrics", compression=gzip, **more),
    )


def stored(values: dict[str, Any]) -> dict[str, str]:
    """Return attributes as they are kept: text, arrays as JSON."""

    def text(value: Any) -> str:
        match value:
            case bool():
                return "true" if value else "false"
            case float():
                return f"{value:.0f}" if value == int(value) else str(value)
            case list() | tuple():
                return orjson.dumps(value).decode()
            case _:
                return str(value)

    return {key: text(value) for key, value in values.items()}


KINDS = {
    "int": "int_value",
    "negative": "int_value",
    "float": "double_value",
    "tiny": "double_value",
    "bool": "bool_value",
    "strings": "array_value",
    "ints": "array_value",
    "floats": "array_value",
    "bools": "array_value",
    "none": "array_value",
}


async def send_span(server: Server, transport: str) -> Span:
    spans, _, _ = exporters(server, transport)
    provider = TracerProvider(resource=RESOURCE, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(spans))
    tracer = provider.get_tracer("shop", "1.2", attributes={"scope.key": "v"})
    linked = SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(1))
    root = tracer.start_span(
        "pay", kind=SpanKind.SERVER, attributes=ODD, links=[Link(linked, {"why": "retry"})], start_time=NOW
    )
    root.add_event("charged", {"amount": 12.5}, timestamp=NOW + 5)
    root.set_status(Status(StatusCode.ERROR, "declined"))
    root.end(NOW + 1_000_000)
    await asyncio.to_thread(provider.shutdown)
    return root


@pytest.mark.parametrize("transport", ["grpc", "http"])
async def test_span_arrives_as_it_was_sent(server: Server, transport: str) -> None:
    root = await send_span(server, transport)

    (row,) = await server.rows(
        "SELECT service, name, toString(kind) AS kind, toString(status) AS status, status_message, duration_ns, "
        "toUnixTimestamp64Nano(time) AS time_ns, lower(hex(trace_id)) AS trace, lower(hex(span_id)) AS span, "
        "attributes, attribute_kinds, resource, resource_kinds, scope, scope_version, scope_attributes, "
        "events.name AS event_names, events.attributes AS event_attributes, "
        "arrayMap(t -> toUnixTimestamp64Nano(t), events.time) AS event_times, "
        "arrayMap(i -> lower(hex(i)), links.trace_id) AS link_traces, links.attributes AS link_attributes FROM spans"
    )

    context = root.get_span_context()
    assert orjson.loads(row.pop("attribute_kinds")) == KINDS
    assert orjson.loads(row.pop("resource_kinds")) == {"host.cpus": "int_value", "process.command_args": "array_value"}
    resource = row.pop("resource")
    assert {k: resource[k] for k in RESOURCE.attributes} == stored(dict(RESOURCE.attributes))
    attributes = row.pop("attributes")
    assert float(attributes.pop("tiny")) == ODD["tiny"]
    assert attributes.pop("floats") == "[1.0,2.5]"
    assert attributes == stored({k: v for k, v in ODD.items() if k not in {"tiny", "floats"}})
    assert row == {
        "service": "checkout",
        "name": "pay",
        "kind": "server",
        "status": "error",
        "status_message": "declined",
        "duration_ns": 1_000_000,
        "time_ns": NOW,
        "trace": f"{context.trace_id:032x}",
        "span": f"{context.span_id:016x}",
        "scope": "shop",
        "scope_version": "1.2",
        "scope_attributes": {"scope.key": "v"},
        "event_names": ["charged"],
        "event_attributes": [{"amount": "12.5"}],
        "event_times": [NOW + 5],
        "link_traces": [f"{1:032x}"],
        "link_attributes": [{"why": "retry"}],
    }


def deep_array() -> str:
    """Return what of the nested body lies deeper than the wire's shape, in base64."""
    array = ArrayValue()
    array.values.add().int_value = 1
    array.values.add().string_value = "x"
    pair = array.values.add().kvlist_value.values.add(key="c")
    pair.value.double_value = 2.0
    return base64.b64encode(array.SerializeToString()).decode()


@pytest.mark.parametrize("transport", ["grpc", "http"])
@pytest.mark.parametrize(
    ("body", "text", "kind"),
    [
        pytest.param("lease expired", "lease expired", "string_value", id="text"),
        pytest.param({"a": {"b": [1, "x", {"c": 2.0}]}}, None, "kvlist_value", id="nested"),
        pytest.param(["x", 1], '["x",1]', "array_value", id="array"),
        pytest.param(b"\x00\xff", "AP8=", "bytes_value", id="bytes"),
        pytest.param(True, "true", "bool_value", id="bool"),
    ],
)
async def test_log_record_arrives_as_it_was_sent(
    server: Server, transport: str, body: Any, text: str | None, kind: str
) -> None:
    _, logs, _ = exporters(server, transport)
    provider = LoggerProvider(resource=RESOURCE, shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(logs))
    record = LogRecord(
        timestamp=NOW,
        observed_timestamp=NOW + 1,
        severity_number=SeverityNumber.WARN,
        severity_text="WARN",
        body=body,
        attributes={"rpc.peer": "p-1", "attempt": 3},
        event_name="lease.expired",
    )
    await asyncio.to_thread(provider.get_logger("hugo").emit, record)
    await asyncio.to_thread(provider.shutdown)

    (row,) = await server.rows(
        "SELECT body, body_kind, severity, severity_text, event_name, service, scope, attributes, attribute_kinds, "
        "toUnixTimestamp64Nano(time) AS time_ns, toUnixTimestamp64Nano(observed) AS observed_ns FROM logs"
    )

    assert row.pop("body") == (text or f'{{"a":{{"b":{{"arrayProto":"{deep_array()}"}}}}}}')
    assert row == {
        "body_kind": kind,
        "severity": 13,
        "severity_text": "WARN",
        "event_name": "lease.expired",
        "service": "checkout",
        "scope": "hugo",
        "attributes": {"rpc.peer": "p-1", "attempt": "3"},
        "attribute_kinds": '{"attempt":"int_value"}',
        "time_ns": NOW,
        "observed_ns": NOW + 1,
    }


async def send_metrics(server: Server, transport: str, temporality: AggregationTemporality) -> None:
    _, _, metrics = exporters(server, transport)
    exporter = metrics(preferred_temporality={Counter: temporality, Histogram: temporality})
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=float("inf"))
    exponential = View(instrument_name="wait", aggregation=ExponentialBucketHistogramAggregation(max_scale=3))
    provider = MeterProvider([reader], RESOURCE, shutdown_on_exit=False, views=[exponential])
    meter = provider.get_meter("shop", "1.2")
    counter = meter.create_counter("orders.placed", unit="{order}", description="Orders placed.")
    updown = meter.create_up_down_counter("cart.items")
    gauge = meter.create_gauge("temperature", unit="Cel")
    histogram = meter.create_histogram("pay.duration", unit="ms", explicit_bucket_boundaries_advisory=[1.5, 10])
    wait = meter.create_histogram("wait", unit="s")
    for _ in range(2):
        counter.add(5, {"http.method": "GET"})
        updown.add(-2)
        gauge.set(21.5)
        for value in (1, 5, 100):
            histogram.record(value)
        wait.record(3)
        await asyncio.to_thread(provider.force_flush)
    await asyncio.to_thread(reader.shutdown)


@pytest.mark.parametrize("transport", ["grpc", "http"])
@pytest.mark.parametrize("temporality", [AggregationTemporality.CUMULATIVE, AggregationTemporality.DELTA])
async def test_every_instrument_becomes_its_series(
    server: Server, transport: str, temporality: AggregationTemporality
) -> None:
    await send_metrics(server, transport, temporality)

    rows = await server.rows(
        "SELECT metric, mapFilter((k, v) -> k IN ('http_method', 'le'), any(labels)) AS labels, any(type) AS type, "
        "argMax(value, time) AS value FROM samples JOIN series USING (tenant, fp) "
        "WHERE metric != 'target_info' GROUP BY metric, fp ORDER BY metric, labels['le']"
    )

    assert [tuple(row.values()) for row in rows] == [
        ("cart_items", {}, "gauge", -4),
        ("orders_placed_total", {"http_method": "GET"}, "counter", 10),
        ("pay_duration_milliseconds_bucket", {"le": "+Inf"}, "histogram", 6),
        ("pay_duration_milliseconds_bucket", {"le": "1.5"}, "histogram", 2),
        ("pay_duration_milliseconds_bucket", {"le": "10"}, "histogram", 4),
        ("pay_duration_milliseconds_count", {}, "histogram", 6),
        ("pay_duration_milliseconds_sum", {}, "histogram", 212),
        ("temperature_celsius", {}, "gauge", 21.5),
    ]
    natives = await server.rows(
        "SELECT metric, count, sum, schema, positive_counts, toString(reset) AS reset FROM histograms JOIN series "
        "USING (tenant, fp) ORDER BY time"
    )
    delta = temporality is AggregationTemporality.DELTA
    assert [(row["metric"], row["count"], row["sum"], row["schema"]) for row in natives] == [
        ("wait_seconds", 1, 3, 3),
        ("wait_seconds", *((1, 3) if delta else (2, 6)), 3),
    ]
    assert {row["reset"] for row in natives} == {"yes" if delta else "unknown"}
    (target,) = await server.rows("SELECT labels FROM series WHERE metric = 'target_info'")
    assert target["labels"] | {"job": "checkout", "instance": "c-1", "host_cpus": "8"} == target["labels"]
