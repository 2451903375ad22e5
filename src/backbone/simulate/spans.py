"""The spans of calls: client, OmniRelay in and out, MeshKit, Hugo's queue; one trace across all."""

from __future__ import annotations

from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from backbone.model import semconv
from backbone.model.time import NANOSECONDS_PER_MILLISECOND
from backbone.simulate.attributes import MAX_ITEMS, Attributes, key_values
from backbone.simulate.call import Attempt, Call
from backbone.simulate.topology import PEER_PORT, Instance, Topology

_RPC, _HUGO = "OmniRelay.Rpc", "Hugo.Go"
_ENQUEUE_MS = 0.02
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
        self._done: list[tuple[bytes, int]] = []
        self._open = 0
        self._scopes: dict[tuple[str, str], Any] = {}

    def add(
        self,
        call: Call,
        instance: Instance,
        scope: str,
        *,
        name: str,
        kind: Span.SpanKind.ValueType,
        span_id: bytes,
        parent: bytes,
        start_ns: int,
        duration_ms: float,
        attributes: Attributes,
        status: str = "ok",
    ) -> Span:
        """Add a span of the call; a *status* other than ok makes it an error."""
        self._count()
        span: Span = self._spans(instance, scope).add(
            trace_id=call.trace_id,
            span_id=span_id,
            parent_span_id=parent,
            name=name,
            kind=kind,
            start_time_unix_nano=start_ns,
            end_time_unix_nano=start_ns + _ns(duration_ms),
            attributes=key_values(attributes),
        )
        if status != "ok":
            span.status.code, span.status.message = Status.STATUS_CODE_ERROR, status
            reason = {
                semconv.RPC_ERROR_CODE: status,
                semconv.RPC_ERROR_MESSAGE: f"call ended with {status}",
            }
            span.attributes.extend(key_values(reason))
        return span

    def requests(self) -> list[tuple[bytes, int]]:
        """Return the requests of all that was added, and how many spans each has."""
        rest = [(self._request.SerializeToString(), self._open)] if self._open else []
        return [*self._done, *rest]

    def _count(self) -> None:
        """Count what is added, and begin another request where this one is full."""
        if self._open == MAX_ITEMS:
            self._done.append((self._request.SerializeToString(), self._open))
            self._request, self._open = ExportTraceServiceRequest(), 0
            self._scopes.clear()
        self._open += 1

    def _spans(self, instance: Instance, scope: str) -> Any:
        key = (instance.name, scope)
        found = self._scopes.get(key)
        if found is None:
            resource = self._request.resource_spans.add()
            resource.resource.attributes.extend(key_values(instance.resource))
            spans = resource.scope_spans.add()
            spans.scope.name = scope
            found = self._scopes[key] = spans.spans
        return found


def trace(call: Call, topology: Topology, batch: SpanBatch) -> None:
    """Add all spans of a call."""
    start = call.start_ns
    _rpc_span(call, call.client, "client", call.spans.client, b"", start, call.client_ms, batch)
    relay_start = start + _ns((call.client_ms - call.relay_ms) / 2)
    _rpc_span(call, call.relay, "server", call.spans.relay, call.spans.client, relay_start, call.relay_ms, batch)
    own_ms = call.relay_ms - sum(attempt.delay_ms + attempt.duration_ms for attempt in call.attempts)
    at = relay_start + _ns(own_ms / 2)
    for attempt in call.attempts:
        at += _ns(attempt.delay_ms)
        _attempt_span(call, attempt, at, batch)
        last_start = at
        at += _ns(attempt.duration_ms)
    if call.reached_mesh:
        last = call.attempts[-1]
        mesh_start = last_start + _ns((last.duration_ms - call.mesh_ms) / 2)
        mesh = _rpc_span(call, call.node, "server", call.spans.mesh, last.span_id, mesh_start, call.mesh_ms, batch)
        shard = topology.shards[call.queue]
        mesh.attributes.extend(key_values({semconv.RPC_SHARD_KEY: shard, semconv.RPC_ROUTING_KEY: shard}))
        _queue_spans(call, topology, mesh_start, batch)


def _rpc_attributes(call: Call, status: str, *, over_grpc: bool) -> dict[str, str | bool | int | float]:
    version = "2" if over_grpc else call.http_version
    return {
        semconv.RPC_SYSTEM: "omnirelay",
        semconv.RPC_SERVICE: call.service,
        semconv.RPC_METHOD: call.procedure.partition("::")[2],
        semconv.RPC_TRANSPORT: "grpc" if over_grpc else "http",
        semconv.RPC_ENCODING: "protobuf",
        semconv.RPC_RESPONSE_ENCODING: "protobuf",
        semconv.RPC_KIND: call.type,
        semconv.RPC_CALLER: call.client.service,
        semconv.RPC_PROTOCOL: f"HTTP/{version}",
        semconv.NETWORK_PROTOCOL_NAME: "http",
        semconv.NETWORK_PROTOCOL_VERSION: version,
        semconv.NETWORK_TRANSPORT: "quic" if version == "3" else "tcp",
        semconv.RPC_GRPC_STATUS_CODE: _GRPC_CODES[status],
    }


def _rpc_span(
    call: Call,
    instance: Instance,
    side: str,
    span_id: bytes,
    parent: bytes,
    start_ns: int,
    duration_ms: float,
    batch: SpanBatch,
) -> Span:
    over_grpc = not call.http_version or instance is call.node
    return batch.add(
        call,
        instance,
        _RPC,
        name=call.procedure,
        kind=Span.SPAN_KIND_CLIENT if side == "client" else Span.SPAN_KIND_SERVER,
        span_id=span_id,
        parent=parent,
        start_ns=start_ns,
        duration_ms=duration_ms,
        attributes=_rpc_attributes(call, call.status, over_grpc=over_grpc),
        status=call.status,
    )


def _attempt_span(call: Call, attempt: Attempt, start_ns: int, batch: SpanBatch) -> None:
    peer: Attributes = {
        semconv.NET_PEER_NAME: attempt.peer.host,
        semconv.NET_PEER_PORT: PEER_PORT,
        semconv.RPC_PEER: attempt.peer.peer,
        semconv.PEER_SUPPORTS_H3: True,
        semconv.DISCOVERY_SELECTION: "shard-owner",
    }
    batch.add(
        call,
        call.relay,
        _RPC,
        name=f"grpc.client.{call.type}",
        kind=Span.SPAN_KIND_CLIENT,
        span_id=attempt.span_id,
        parent=call.spans.relay,
        start_ns=start_ns,
        duration_ms=attempt.duration_ms,
        attributes={**_rpc_attributes(call, attempt.status, over_grpc=True), **peer},
        status=attempt.status,
    )


def _queue_spans(call: Call, topology: Topology, mesh_start: int, batch: SpanBatch) -> None:
    """Add what happens inside MeshKit: the item is enqueued, waited for by a select, and processed."""
    room_ms = call.mesh_ms * 0.98
    wait_ms = min(call.wait_ms, room_ms * 0.9)
    work_ms = min(call.work_ms, room_ms - wait_ms)
    start = mesh_start + _ns(call.mesh_ms * 0.005)
    leased = start + _ns(wait_ms)
    queue, shard = topology.queue_names[call.queue], topology.shards[call.queue]
    hugo: dict[str, Any] = {"call": call, "instance": call.node, "scope": _HUGO, "parent": call.spans.mesh}
    batch.add(
        name="TaskQueue.enqueue",
        kind=Span.SPAN_KIND_PRODUCER,
        span_id=call.spans.enqueue,
        start_ns=start,
        duration_ms=min(_ENQUEUE_MS, room_ms),
        attributes={semconv.TASKQUEUE_NAME: queue, semconv.TASKQUEUE_OPERATION: "enqueue"},
        **hugo,
    )
    batch.add(
        name="Go.Select",
        kind=Span.SPAN_KIND_INTERNAL,
        span_id=call.spans.select,
        start_ns=start,
        duration_ms=wait_ms,
        attributes=_select_attributes(call, wait_ms),
        **hugo,
    )
    process = batch.add(
        name="TaskQueue.process",
        kind=Span.SPAN_KIND_CONSUMER,
        span_id=call.spans.process,
        start_ns=leased,
        duration_ms=work_ms,
        attributes=_process_attributes(call, queue, shard),
        status=call.status,
        **hugo,
    )
    process.events.add(name="lease.acquired", time_unix_nano=leased)
    process.links.add(trace_id=call.trace_id, span_id=call.spans.enqueue)
    if call.workflow:
        _workflow_spans(call, leased, work_ms, batch)


def _select_attributes(call: Call, wait_ms: float) -> Attributes:
    return {
        semconv.SELECT_CASE_COUNT: 2,
        semconv.SELECT_OUTCOME: "timeout" if call.status == "deadline-exceeded" else "completed",
        semconv.SELECT_DURATION_MS: round(wait_ms, 3),
    }


def _process_attributes(call: Call, queue: str, shard: str) -> Attributes:
    error: Attributes = {} if call.ok else {semconv.TASKQUEUE_ERROR_CODE: call.status}
    return {
        semconv.TASKQUEUE_NAME: queue,
        semconv.TASKQUEUE_OPERATION: "process",
        semconv.TASKQUEUE_ATTEMPT: 1,
        semconv.TASKQUEUE_SEQUENCE_ID: int.from_bytes(call.spans.process[:4], "big"),
        semconv.SHARD_ID: shard,
        **error,
    }


def _workflow_spans(call: Call, start: int, work_ms: float, batch: SpanBatch) -> None:
    attributes: Attributes = {
        semconv.WORKFLOW_NAMESPACE: call.workflow,
        semconv.WORKFLOW_TASK_QUEUE: call.workflow,
        semconv.WORKFLOW_ID: call.workflow_id,
        semconv.WORKFLOW_RUN_ID: call.trace_id.hex(),
        semconv.WORKFLOW_STATUS: "completed" if call.ok else "failed",
    }
    own: dict[str, Any] = {"call": call, "instance": call.node, "scope": _HUGO, "kind": Span.SPAN_KIND_INTERNAL}
    batch.add(
        name="Hugo.Workflow",
        span_id=call.spans.workflow,
        parent=call.spans.process,
        start_ns=start,
        duration_ms=work_ms * 0.95,
        attributes=attributes,
        status=call.status,
        **own,
    )
    batch.add(
        name="Deterministic.commit",
        span_id=call.spans.commit,
        parent=call.spans.workflow,
        start_ns=start + _ns(work_ms * 0.3),
        duration_ms=work_ms * 0.5,
        attributes={semconv.DETERMINISTIC_STAGE: "commit", semconv.DETERMINISTIC_VERSION: 1},
        **own,
    )


def _ns(milliseconds: float) -> int:
    return int(milliseconds * NANOSECONDS_PER_MILLISECOND)
