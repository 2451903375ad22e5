"""The log records of the fleet: templates, fields and scope as the .NET loggers of the projects give them."""

from __future__ import annotations

from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, SeverityNumber

from backbone.model import semconv
from backbone.model.time import NANOSECONDS_PER_MILLISECOND
from backbone.simulate.attributes import MAX_ITEMS, Attributes, any_value, key_values
from backbone.simulate.call import Call
from backbone.simulate.control_plane import HAPPENINGS
from backbone.simulate.fleet import Fleet, Step
from backbone.simulate.queue import HIGH_WATERMARK
from backbone.simulate.topology import CLUSTER, PEER_PORT, REGION, Instance

_FLOOD = 50
_SECONDS_PER_HOUR = 3600
_ELECTION_WINDOW_MS = 250
_BOMB_WARNING_EVERY = 10
_SEVERITIES: dict[str, SeverityNumber.ValueType] = {
    "INFO": SeverityNumber.SEVERITY_NUMBER_INFO,
    "WARN": SeverityNumber.SEVERITY_NUMBER_WARN,
    "ERROR": SeverityNumber.SEVERITY_NUMBER_ERROR,
}


class LogBatch:
    """Collects records by the instance that would send them."""

    def __init__(self, now_ns: int) -> None:
        self._request = ExportLogsServiceRequest()
        self._done: list[tuple[bytes, int]] = []
        self._open = 0
        self._records: dict[tuple[str, str], Any] = {}
        self._now_ns = now_ns

    def add(
        self,
        instance: Instance,
        severity: str,
        event: tuple[int, str],
        body: str,
        fields: Attributes,
        call: Call | None = None,
    ) -> None:
        """Add a record; *event* is its id and category, *call* gives it its trace and the span of its writer."""
        number, category = event
        record = LogRecord(
            time_unix_nano=call.start_ns + _ns(call.client_ms) if call else self._now_ns,
            observed_time_unix_nano=self._now_ns,
            severity_number=_SEVERITIES[severity],
            severity_text=severity,
            body=any_value(body),
            attributes=key_values({semconv.EVENT_ID: number, semconv.LOG_CATEGORY: category, **fields}),
        )
        if call:
            record.trace_id, record.span_id, record.flags = call.trace_id, _span_of(instance, call), 1
        self._count()
        key = (instance.name, category)
        if key not in self._records:
            resource = self._request.resource_logs.add()
            resource.resource.attributes.extend(key_values(instance.resource))
            scope = resource.scope_logs.add()
            scope.scope.name = category
            self._records[key] = scope.log_records
        self._records[key].append(record)

    def requests(self) -> list[tuple[bytes, int]]:
        """Return the requests of all that was added, and how many records each has."""
        rest = [(self._request.SerializeToString(), self._open)] if self._open else []
        return [*self._done, *rest]

    def _count(self) -> None:
        """Count what is added, and begin another request where this one is full."""
        if self._open == MAX_ITEMS:
            self._done.append((self._request.SerializeToString(), self._open))
            self._request, self._open = ExportLogsServiceRequest(), 0
            self._records.clear()
        self._open += 1


def write_logs(fleet: Fleet, step: Step) -> LogBatch:
    """Return what the fleet logs about one second."""
    batch = LogBatch(step.now_ns)
    for call in step.calls:
        _log_call(fleet, call, batch)
    _log_queues(fleet, step, batch)
    _log_members(fleet, step, batch)
    _log_elections(step, batch)
    _log_control_plane(fleet, batch)
    return batch


def _span_of(instance: Instance, call: Call) -> bytes:
    """Return the span in which an instance that took part writes."""
    if instance is call.client:
        return call.spans.client
    return call.spans.mesh if instance is call.node and call.reached_mesh else call.spans.relay


def _scope(instance: Instance, call: Call) -> Attributes:
    """Return the fields that a request's scope puts on each record."""
    return {
        semconv.RPC_SERVICE: call.service,
        semconv.RPC_PROCEDURE: call.procedure,
        semconv.RPC_REQUEST_ID: call.spans.relay.hex(),
        semconv.RPC_PROTOCOL: f"HTTP/{call.http_version or '2'}",
        semconv.RPC_PEER: call.node.host,
        semconv.RPC_PEER_PORT: PEER_PORT,
        semconv.RPC_REQUEST_ENCODING: "protobuf",
        semconv.ACTIVITY_TRACE_ID: call.trace_id.hex(),
        semconv.ACTIVITY_SPAN_ID: _span_of(instance, call).hex(),
    }


def _log_call(fleet: Fleet, call: Call, batch: LogBatch) -> None:
    fields: Attributes = {**_scope(call.relay, call), "elapsed_ms": round(call.relay_ms, 3)}
    if call.ok:
        body = f"Request {call.procedure} completed in {call.relay_ms:.1f} ms"
        batch.add(call.relay, "INFO", (1001, "OmniRelay.Core.Dispatcher"), body, fields, call)
    else:
        _log_failure(call, fields, batch)
    for attempt in call.attempts[:-1]:
        body = f"Attempt at {attempt.peer.peer} was {attempt.status}, trying again"
        batch.add(call.relay, "WARN", (2010, "OmniRelay.Core.Retry"), body, fields, call)
    for instance in (call.client, call.relay, call.node):
        if fleet.faults.hits("log-flood", instance.service) and (instance is not call.node or call.reached_mesh):
            scope = _scope(instance, call)
            for number in range(_FLOOD):
                body = f"Trace checkpoint {number} of request {call.spans.relay.hex()} in {call.procedure}"
                batch.add(instance, "INFO", (9000, "Diagnostics.Verbose"), body, scope, call)


def _log_failure(call: Call, fields: Attributes, batch: LogBatch) -> None:
    """Tell of a failed call where each of those who took part sees it."""
    severity = "WARN" if call.status in {"invalid-argument", "not-found"} else "ERROR"
    body = f"Outbound gRPC call {call.procedure} to {call.node.peer} failed: {call.status}"
    failed = {**fields, semconv.RPC_STATUS: call.status}
    batch.add(call.relay, severity, (2003, "OmniRelay.Transport.Grpc"), body, failed, call)
    client = f"{call.procedure} gave {call.status} after {call.client_ms:.0f} ms"
    batch.add(call.client, "WARN", (310, "Shop.Client"), client, _scope(call.client, call), call)
    if call.status == "internal":
        body = f"Unhandled exception in the pipeline of {call.procedure}: InvalidOperationException"
        batch.add(call.node, "ERROR", (2001, "OmniRelay.Core.Pipeline"), body, _scope(call.node, call), call)


def _log_queues(fleet: Fleet, step: Step, batch: LogBatch) -> None:
    category = "Hugo.TaskQueues"
    for index, moved in enumerate(step.moved):
        if not (moved.backpressure_changed or moved.expired or moved.deadlettered):
            continue
        queue, name = fleet.queues[index], fleet.topology.queue_names[index]
        node = fleet.owner(index)
        fields: Attributes = {
            semconv.TASKQUEUE_NAME: name,
            semconv.SHARD_ID: fleet.topology.shards[index],
            "pending": queue.pending,
            "active": queue.active,
        }
        if moved.backpressure_changed:
            word, severity = ("activated", "WARN") if queue.backpressure else ("cleared", "INFO")
            body = f"Lease backpressure {word} for queue {name}: {queue.pending} pending"
            batch.add(node, severity, (4001, category), body, {**fields, "high_watermark": HIGH_WATERMARK})
        if moved.expired:
            body = f"{moved.expired} leases expired on queue {name}"
            batch.add(node, "WARN", (4005, category), body, {**fields, "expired": moved.expired})
        if moved.deadlettered:
            body = f"{moved.deadlettered} items of queue {name} moved to the dead letter queue"
            batch.add(node, "ERROR", (4007, category), body, {**fields, "deadlettered": moved.deadlettered})


def _log_members(fleet: Fleet, step: Step, batch: LogBatch) -> None:
    witnesses = [node for node in fleet.topology.mesh_instances if not fleet.is_lost(node)]
    changes, gossip = step.changes, "OmniRelay.Core.Gossip"
    told = (
        (changes.suspected, "WARN", 5002, "suspect: no answer to three probes"),
        (changes.left, "ERROR", 5003, "left: its shards are moved"),
        (changes.joined, "INFO", 5001, "recovered"),
    )
    for nodes, severity, number, what in told:
        for node in nodes:
            for witness in witnesses:
                body = f"Peer {node.peer} {what}"
                batch.add(witness, severity, (number, gossip), body, _member(node))
    for node in fleet.topology.mesh_instances:
        if fleet.is_lost(node) and not fleet.members.is_left(node):
            witness = fleet.random.choice(witnesses)
            body = f"Gossip round with {node.peer} failed: no answer"
            batch.add(witness, "WARN", (5004, gossip), body, _member(node))


def _member(node: Instance) -> Attributes:
    return {
        semconv.MESH_PEER: node.name,
        semconv.MESH_CLUSTER: CLUSTER,
        semconv.MESH_ROLE: "worker",
        semconv.MESH_REGION: REGION,
        semconv.MESH_VERSION: "2.4.1",
        semconv.MESH_HTTP3: True,
    }


def _log_elections(step: Step, batch: LogBatch) -> None:
    category = "OmniRelay.Core.Leadership"
    for election in step.changes.elections:
        fields: Attributes = {
            semconv.MESH_SCOPE: election.scope,
            semconv.MESH_SCOPE_KIND: election.scope_kind,
            semconv.MESH_LEADER: election.leader.name,
        }
        body = f"Leader of {election.scope} is {election.leader.name}, after {election.before.name} expired"
        batch.add(election.leader, "INFO", (5100, category), body, fields)
        if election.duration_ms > _ELECTION_WINDOW_MS:
            late = f"Election for {election.scope} took {election.duration_ms:.0f} ms, over {_ELECTION_WINDOW_MS} ms"
            batch.add(election.leader, "WARN", (5102, category), late, fields)


def _log_control_plane(fleet: Fleet, batch: LogBatch) -> None:
    for happening in HAPPENINGS:
        if fleet.random.random() < happening.per_hour / _SECONDS_PER_HOUR:
            body = happening.text.format(n=fleet.random.randrange(1000))
            relay = fleet.random.choice(fleet.topology.relay_instances)
            batch.add(relay, happening.severity, happening.event, body, {semconv.MESH_CLUSTER: CLUSTER})
    bombed = fleet.faults.target("cardinality-bomb")
    if bombed and fleet.random.randrange(_BOMB_WARNING_EVERY) == 0:
        node = next(node for node in fleet.topology.mesh_instances if not fleet.is_lost(node))
        body = f"Instrument workflow.started of {bombed} has a new set of labels with each measurement"
        batch.add(node, "WARN", (8001, "Hugo.Diagnostics"), body, {semconv.WORKFLOW_NAMESPACE: bombed})


def _ns(milliseconds: float) -> int:
    return int(milliseconds * NANOSECONDS_PER_MILLISECOND)
