"""The spans of calls: client, OmniRelay in and out, MeshKit, Hugo's queue; one trace across all."""

from __future__ import annotations

from collections.abc import Iterable

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from backbone.model import semconv
from backbone.model.time import NANOSECONDS_PER_MILLISECOND
from backbone.simulate.attributes import Attributes, key_values
from backbone.simulate.call import Attempt, Call
from backbone.simulate.topology import Instance, Topology

_GRPC_CODES = {
    "ok": 0,
    "invalid-argument": 3,
    "deadline-exceeded": 4,
    "not-found": 5,
    "resource-exhausted": 8,
    "internal": 13,
    "unavailable": 14,
}


class SpanBatch:
    """Collects spans by the instance that would send them."""

    def __init__(self) -> None:
        self._request = ExportTraceServiceRequest()
        self._scopes: dict[tuple[str, str], Iterable[Span]] = {}
        self.count = 0

    def add(self, instance: Instance, scope: str, span: Span) -> None:
        key = (instance.name, scope)
        if key not in self._scopes:
            resource = self._request.resource_spans.add()
            resource.resource.attributes.extend(key_values(instance.resource))
            spans = resource.scope_spans.add()
            spans.scope.name = scope
            self._scopes[key] = spans.spans
        self._scopes[key].append(span)  # type: ignore[attr-defined]
        self.count += 1

    def serialize(self) -> bytes:
        return self._request.SerializeToString()


def trace(call: Call, topology: Topology, batch: SpanBatch) -> None:
    """Add all spans of a call."""
    start = call.start_ns
    batch.add(call.client, "shop.client", _rpc_span(call, "client", call.client_span, b"", start, call.client_ms))
    relay_start = start + _ns((call.client_ms - call.relay_ms) / 2)
    relay = _rpc_span(call, "server", call.relay_span, call.client_span, relay_start, call.relay_ms)
    batch.add(call.relay, "OmniRelay.Rpc", relay)
    at = relay_start + _ns(call.relay_ms - sum(a.duration_ms for a in call.attempts)) // 2
    for attempt in call.attempts:
        batch.add(call.relay, "OmniRelay.Rpc", _attempt_span(call, attempt, at, topology))
        last_start = at
        at += _ns(attempt.duration_ms)
    if not call.reached_mesh:
        return
    last = call.attempts[-1]
    mesh_start = last_start + max(0, _ns(last.duration_ms - call.mesh_ms)) // 2
    mesh = _rpc_span(call, "server", call.mesh_span, last.span_id, mesh_start, min(call.mesh_ms, last.duration_ms))
    mesh.attributes.extend(key_values({semconv.RPC_SHARD_KEY: topology.shards[call.queue]}))
    batch.add(last.peer, "OmniRelay.Rpc", mesh)
    _queue_spans(call, topology, last.peer, mesh_start, batch)


def _rpc_span(call: Call, side: str, span_id: bytes, parent: bytes, start_ns: int, duration_ms: float) -> Span:
    attributes: dict[str, str | bool | int | float] = {
        semconv.RPC_SYSTEM: "omnirelay",
        semconv.RPC_SERVICE: call.service,
        semconv.RPC_METHOD: call.procedure.split("::")[1],
        semconv.RPC_TRANSPORT: call.transport,
        semconv.RPC_ENCODING: "protobuf",
        semconv.RPC_KIND: "unary",
        semconv.RPC_CALLER: call.client.service,
        semconv.NETWORK_PROTOCOL_NAME: "http",
        semconv.NETWORK_PROTOCOL_VERSION: "3" if call.transport == "http3" else "2",
        semconv.NETWORK_TRANSPORT: "quic" if call.transport == "http3" else "tcp",
        semconv.RPC_GRPC_STATUS_CODE: _GRPC_CODES[call.status],
    }
    kind = Span.SPAN_KIND_CLIENT if side == "client" else Span.SPAN_KIND_SERVER
    span = _span(call, call.procedure, kind, span_id, parent, start_ns, duration_ms, attributes)
    if not call.ok:
        _fail(span, call.status)
    return span


def _attempt_span(call: Call, attempt: Attempt, start_ns: int, topology: Topology) -> Span:
    attributes: Attributes = {
        semconv.RPC_SYSTEM: "omnirelay",
        semconv.RPC_SERVICE: call.service,
        semconv.RPC_METHOD: call.procedure.split("::")[1],
        semconv.RPC_TRANSPORT: call.transport,
        semconv.NET_PEER_NAME: attempt.peer.host,
        semconv.NET_PEER_PORT: 8443,
        semconv.RPC_PEER: topology.peer(attempt.peer),
        semconv.RPC_GRPC_STATUS_CODE: _GRPC_CODES[attempt.status],
    }
    kind = Span.SPAN_KIND_CLIENT
    span = _span(
        call, call.procedure, kind, attempt.span_id, call.relay_span, start_ns, attempt.duration_ms, attributes
    )
    if attempt.status != "ok":
        _fail(span, attempt.status)
    return span


def _queue_spans(call: Call, topology: Topology, node: Instance, mesh_start: int, batch: SpanBatch) -> None:
    room_ms = call.mesh_ms * 0.98
    wait_ms = min(call.wait_ms, room_ms * 0.9)
    work_ms = min(call.work_ms, room_ms - wait_ms)
    queue = topology.queue_names[call.queue]
    enqueue: Attributes = {semconv.TASKQUEUE_NAME: queue, semconv.TASKQUEUE_OPERATION: "enqueue"}
    start = mesh_start + _ns(call.mesh_ms * 0.005)
    producer = Span.SPAN_KIND_PRODUCER
    batch.add(
        node,
        "Hugo",
        _span(call, "TaskQueue.enqueue", producer, call.enqueue_span, call.mesh_span, start, 0.05, enqueue),
    )
    process: Attributes = {
        semconv.TASKQUEUE_NAME: queue,
        semconv.TASKQUEUE_OPERATION: "process",
        semconv.TASKQUEUE_ATTEMPT: 1,
        semconv.SHARD_ID: topology.shards[call.queue],
        "taskqueue.wait_ms": round(wait_ms, 3),
    }
    span = _span(
        call,
        "TaskQueue.process",
        Span.SPAN_KIND_CONSUMER,
        call.process_span,
        call.mesh_span,
        start + _ns(wait_ms),
        work_ms,
        process,
    )
    span.events.add(
        name="lease.acquired", time_unix_nano=start + _ns(wait_ms), attributes=key_values({"lease.workers": 60})
    )
    span.links.add(trace_id=call.trace_id, span_id=call.enqueue_span)
    if not call.ok:
        span.attributes.extend(key_values({semconv.TASKQUEUE_ERROR_CODE: call.status}))
        _fail(span, call.status)
    batch.add(node, "Hugo", span)


def _span(
    call: Call,
    name: str,
    kind: Span.SpanKind.ValueType,
    span_id: bytes,
    parent: bytes,
    start_ns: int,
    duration_ms: float,
    attributes: Attributes,
) -> Span:
    return Span(
        trace_id=call.trace_id,
        span_id=span_id,
        parent_span_id=parent,
        name=name,
        kind=kind,
        start_time_unix_nano=start_ns,
        end_time_unix_nano=start_ns + _ns(duration_ms),
        attributes=key_values(attributes),
    )


def _fail(span: Span, status: str) -> None:
    span.status.code = Status.STATUS_CODE_ERROR
    span.status.message = status
    span.attributes.extend(
        key_values({semconv.RPC_ERROR_CODE: status, semconv.RPC_ERROR_MESSAGE: f"call ended with {status}"})
    )


def _ns(milliseconds: float) -> int:
    return int(milliseconds * NANOSECONDS_PER_MILLISECOND)
