"""
Traces in Jaeger's JSON model.

Source: OpenTelemetry specification, "OpenTelemetry to Jaeger Transformation"; Jaeger 1.x, model/json.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator
from typing import Any

import orjson
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status, TracesData

from backbone.query.values import json_ready, plain

_KINDS = {
    Span.SPAN_KIND_INTERNAL: "internal",
    Span.SPAN_KIND_SERVER: "server",
    Span.SPAN_KIND_CLIENT: "client",
    Span.SPAN_KIND_PRODUCER: "producer",
    Span.SPAN_KIND_CONSUMER: "consumer",
}
_SERVICE = "service.name"
_NO_SERVICE = "unknown_service"

Tag = dict[str, Any]


def jaeger_trace(trace_id: str, data: TracesData) -> dict[str, Any]:
    """Return a trace: its spans, and the processes that they came from."""
    processes: dict[bytes, tuple[str, dict[str, Any]]] = {}
    spans = []
    for resource_spans in data.resource_spans:
        key = resource_spans.resource.SerializeToString(deterministic=True)
        process, _ = processes.setdefault(key, (f"p{len(processes) + 1}", _process(resource_spans.resource)))
        for scope_spans in resource_spans.scope_spans:
            spans += [_span(trace_id, process, scope_spans.scope, span) for span in scope_spans.spans]
    return {
        "traceID": trace_id,
        "spans": sorted(spans, key=lambda span: (span["startTime"], span["spanID"])),
        "processes": dict(processes.values()),
        "warnings": None,
    }


def _process(resource: Resource) -> dict[str, Any]:
    service = next((one.value.string_value for one in resource.attributes if one.key == _SERVICE), "")
    tags = _tags(one for one in resource.attributes if one.key != _SERVICE)
    return {"serviceName": service or _NO_SERVICE, "tags": tags}


def _span(trace_id: str, process: str, scope: InstrumentationScope, span: Span) -> dict[str, Any]:
    return {
        "traceID": trace_id,
        "spanID": span.span_id.hex(),
        "operationName": span.name,
        "references": list(_references(trace_id, span)),
        "flags": span.flags & 0xFF,
        "startTime": span.start_time_unix_nano // 1_000,
        "duration": max(span.end_time_unix_nano - span.start_time_unix_nano, 0) // 1_000,
        "tags": [*_tags(span.attributes), *_known(scope, span)],
        "logs": [_log(event) for event in span.events],
        "processID": process,
        "warnings": None,
    }


def _references(trace_id: str, span: Span) -> Iterator[dict[str, str]]:
    if span.parent_span_id:
        yield {"refType": "CHILD_OF", "traceID": trace_id, "spanID": span.parent_span_id.hex()}
    for link in span.links:
        yield {"refType": "FOLLOWS_FROM", "traceID": link.trace_id.hex(), "spanID": link.span_id.hex()}


def _known(scope: InstrumentationScope, span: Span) -> Iterator[Tag]:
    """Yield what OpenTelemetry has fields for and Jaeger tags."""
    for key, text in (("otel.scope.name", scope.name), ("otel.scope.version", scope.version)):
        if text:
            yield _text(key, text)
    if span.kind in _KINDS:
        yield _text("span.kind", _KINDS[span.kind])
    if span.status.code == Status.STATUS_CODE_ERROR:
        yield _text("otel.status_code", "ERROR")
        yield {"key": "error", "type": "bool", "value": True}
    elif span.status.code == Status.STATUS_CODE_OK:
        yield _text("otel.status_code", "OK")
    if span.status.message:
        yield _text("otel.status_description", span.status.message)
    if span.trace_state:
        yield _text("w3c.tracestate", span.trace_state)


def _log(event: Span.Event) -> dict[str, Any]:
    named = any(one.key == "event" for one in event.attributes)
    fields = [*([] if named or not event.name else [_text("event", event.name)]), *_tags(event.attributes)]
    return {"timestamp": event.time_unix_nano // 1_000, "fields": fields}


def _tags(attributes: Iterable[KeyValue]) -> list[Tag]:
    return [_tag(one.key, one.value) for one in attributes]


def _tag(key: str, value: AnyValue) -> Tag:
    match value.WhichOneof("value"):
        case "bool_value":
            return {"key": key, "type": "bool", "value": value.bool_value}
        case "int_value":
            return {"key": key, "type": "int64", "value": value.int_value}
        case "double_value":
            return {"key": key, "type": "float64", "value": json_ready(value.double_value)}
        case "bytes_value":
            return {"key": key, "type": "binary", "value": b64encode(value.bytes_value).decode()}
        case "array_value" | "kvlist_value":
            return _text(key, orjson.dumps(json_ready(plain(value))).decode())
        case _:
            return _text(key, value.string_value)


def _text(key: str, value: str) -> Tag:
    return {"key": key, "type": "string", "value": value}
