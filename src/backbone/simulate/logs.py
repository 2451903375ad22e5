"""The log records of the fleet: templates, fields and scope as the .NET loggers of the projects give them."""

from __future__ import annotations

from collections.abc import Iterable

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, SeverityNumber

from backbone.model import semconv
from backbone.simulate.attributes import Attributes, any_value, key_values
from backbone.simulate.call import Call
from backbone.simulate.fleet import Fleet, Step
from backbone.simulate.topology import Instance

_FLOOD = 50
_SEVERITIES: dict[str, SeverityNumber.ValueType] = {
    "INFO": SeverityNumber.SEVERITY_NUMBER_INFO,
    "WARN": SeverityNumber.SEVERITY_NUMBER_WARN,
    "ERROR": SeverityNumber.SEVERITY_NUMBER_ERROR,
}


class LogBatch:
    """Collects records by the instance that would send them."""

    def __init__(self, now_ns: int) -> None:
        self._request = ExportLogsServiceRequest()
        self._records: dict[tuple[str, str], Iterable[LogRecord]] = {}
        self._now_ns = now_ns
        self.count = 0

    def add(
        self,
        instance: Instance,
        severity: str,
        event: tuple[int, str],
        body: str,
        fields: Attributes,
        call: Call | None = None,
    ) -> None:
        """Add a record; *event* is its id and category, *call* gives it its trace."""
        number, category = event
        record = LogRecord(
            time_unix_nano=call.start_ns if call else self._now_ns,
            observed_time_unix_nano=self._now_ns,
            severity_number=_SEVERITIES[severity],
            severity_text=severity,
            body=any_value(body),
            attributes=key_values({semconv.EVENT_ID: number, semconv.LOG_CATEGORY: category, **fields}),
        )
        if call:
            record.trace_id, record.span_id, record.flags = call.trace_id, call.relay_span, 1
        key = (instance.name, category)
        if key not in self._records:
            resource = self._request.resource_logs.add()
            resource.resource.attributes.extend(key_values(instance.resource))
            scope = resource.scope_logs.add()
            scope.scope.name = category
            self._records[key] = scope.log_records
        self._records[key].append(record)  # type: ignore[attr-defined]
        self.count += 1

    def serialize(self) -> bytes:
        return self._request.SerializeToString()


def write_logs(fleet: Fleet, step: Step) -> LogBatch:
    """Return what the fleet logs about one second."""
    batch = LogBatch(step.now_ns)
    for call in step.calls:
        _log_call(fleet, call, batch)
    _log_queues(fleet, step, batch)
    _log_members(fleet, step, batch)
    return batch


def _log_call(fleet: Fleet, call: Call, batch: LogBatch) -> None:
    fields: Attributes = {
        semconv.RPC_SERVICE: call.service,
        semconv.RPC_PROCEDURE: call.procedure,
        semconv.RPC_REQUEST_ID: call.relay_span.hex(),
        semconv.RPC_PROTOCOL: call.transport,
        semconv.RPC_PEER: fleet.topology.peer(call.attempts[-1].peer),
        "elapsed_ms": round(call.relay_ms, 3),
    }
    relay = "OmniRelay.Core.Dispatcher"
    if call.ok:
        body = f"Request {call.procedure} completed in {call.relay_ms:.1f} ms"
        batch.add(call.relay, "INFO", (1001, relay), body, fields, call)
    else:
        body = f"Outbound call {call.procedure} to {fields[semconv.RPC_PEER]} failed: {call.status}"
        severity = "WARN" if call.status in {"invalid-argument", "not-found"} else "ERROR"
        batch.add(call.relay, severity, (2003, relay), body, {**fields, semconv.RPC_STATUS: call.status}, call)
        client = f"{call.procedure} gave {call.status} after {call.client_ms:.0f} ms"
        batch.add(call.client, "WARN", (310, "Shop.Client"), client, {semconv.RPC_PROCEDURE: call.procedure}, call)
    for attempt in call.attempts[:-1]:
        body = f"Attempt at {fleet.topology.peer(attempt.peer)} was {attempt.status}, trying again"
        batch.add(call.relay, "WARN", (2010, "OmniRelay.Core.Retry"), body, fields, call)
    _log_flood(fleet, call, fields, batch)


def _log_flood(fleet: Fleet, call: Call, fields: Attributes, batch: LogBatch) -> None:
    for instance in (call.client, call.relay, call.attempts[-1].peer):
        if fleet.faults.hits("log-flood", instance.service):
            for number in range(_FLOOD):
                body = f"Trace checkpoint {number} of request {call.relay_span.hex()} in {call.procedure}"
                batch.add(instance, "INFO", (9000, "Diagnostics.Verbose"), body, fields, call)


def _log_queues(fleet: Fleet, step: Step, batch: LogBatch) -> None:
    category = "Hugo.TaskQueues"
    for index, moved in step.moved.items():
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
            batch.add(node, severity, (4001, category), body, fields)
        if moved.expired:
            body = f"{moved.expired} leases expired on queue {name}"
            batch.add(node, "WARN", (4005, category), body, {**fields, "expired": moved.expired})
        if moved.deadlettered:
            body = f"{moved.deadlettered} items of queue {name} moved to the dead letter queue"
            batch.add(node, "ERROR", (4007, category), body, {**fields, "deadlettered": moved.deadlettered})


def _log_members(fleet: Fleet, step: Step, batch: LogBatch) -> None:
    witnesses = [node for node in fleet.topology.mesh_instances if not fleet.is_lost(node)]
    told = (
        (step.suspected, "WARN", 5002, "suspect: no answer to three probes"),
        (step.left, "ERROR", 5003, "left: its shards are moved"),
        (step.joined, "INFO", 5001, "recovered"),
    )
    for nodes, severity, number, what in told:
        for node in nodes:
            for witness in witnesses:
                body = f"Peer {fleet.topology.peer(node)} {what}"
                fields: Attributes = {
                    semconv.MESH_PEER: node.name,
                    semconv.MESH_CLUSTER: "eu-west-1a",
                    semconv.MESH_ROLE: "worker",
                }
                batch.add(witness, severity, (number, "OmniRelay.Core.Gossip"), body, fields)
