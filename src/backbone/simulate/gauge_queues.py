"""What Hugo's queues, channels and workflows say of each second."""

from __future__ import annotations

from backbone.model import semconv
from backbone.model.time import MILLISECONDS_PER_SECOND
from backbone.simulate.attributes import Attributes
from backbone.simulate.call import Call
from backbone.simulate.fleet import Fleet, Step
from backbone.simulate.meters import Exemplar, Meters
from backbone.simulate.queue import Moved

_ROLE: Attributes = {semconv.MESH_ROLE: "follower"}
_REPLICATED_EVERY = 8
_EXTENSION_MS = 30_000.0
_WORKFLOW_METRICS = tuple(
    f"workflow.{what}" for what in ("started", "completed", "failed", "canceled", "terminated", "duration")
)
"""What the cardinality bomb hits."""
_WORKFLOW_ENDINGS = {"deadline-exceeded": "canceled", "resource-exhausted": "terminated"}
_SELECT_ENDINGS = {"deadline-exceeded": "timeouts", "internal": "cancellations"}
"""How a select, and a workflow, ends when the call ends so; else it completes, and fails."""
_COUNTERS = ("enqueued", "requeued", "deadlettered", "leased", "completed", "failed", "expired")


class QueuePoints:
    """The points of one queue on one node."""

    def __init__(self, meters: Meters, labels: Attributes) -> None:
        self._meters, self._labels = meters, labels
        self._counters = {name: meters.number(f"taskqueue.{name}", labels) for name in _COUNTERS}
        self._heartbeats = meters.number("taskqueue.heartbeats", labels)
        self._pending = meters.number("taskqueue.pending", labels)
        self._active = meters.number("taskqueue.active", labels)
        self._backpressure = meters.number("hugo.taskqueue.backpressure.active", labels)
        self._pending_depth = meters.distribution("taskqueue.pending.depth", labels)
        self._active_depth = meters.distribution("taskqueue.active.depth", labels)
        self._extension = meters.distribution("taskqueue.heartbeat.extension", labels)
        self._lag = meters.number("mesh_replication_lag_seconds", {**labels, **_ROLE})
        self.lease = meters.distribution("taskqueue.lease.duration", labels)

    def count(self, moved: Moved) -> None:
        for name, point in self._counters.items():
            amount = getattr(moved, name)
            if amount:
                point.add(amount)

    def level(self, pending: int, active: int, *, backpressure: bool) -> None:
        self._pending.level(pending)
        self._active.level(active)
        self._backpressure.level(int(backpressure))

    def observe(self, pending: int, active: int) -> None:
        self._pending_depth.record(pending)
        self._active_depth.record(active)

    def beat(self, leases: int) -> None:
        self._heartbeats.add(leases)
        self._extension.record(_EXTENSION_MS)

    def lag(self, seconds: float) -> None:
        self._lag.set(seconds)

    def turn(self, pending: int, lasted_seconds: int) -> None:
        """Record that backpressure switched."""
        base = "hugo.taskqueue.backpressure."
        self._meters.number(f"{base}transitions", self._labels).add()
        self._meters.distribution(f"{base}pending", self._labels).record(pending)
        duration = self._meters.distribution(f"{base}duration", self._labels)
        duration.record(lasted_seconds * MILLISECONDS_PER_SECOND)


class QueueGauges:
    """Writes queues into the meters of the nodes that own them."""

    def __init__(self, fleet: Fleet, meters: dict[str, Meters]) -> None:
        self._fleet = fleet
        self._meters = meters
        self._points: dict[tuple[int, str], QueuePoints] = {}
        self._owners = [fleet.topology.home(index).name for index in range(fleet.topology.queues)]
        self._bombed: str | None = None
        for index, owner in enumerate(self._owners):
            self._of(index, owner)
            if index % _REPLICATED_EVERY == 0:
                self._replicate(index, owner, 0)

    def record(self, step: Step) -> None:
        """Write one second of all queues, then the calls that went through them."""
        for index, moved in enumerate(step.moved):
            self._queue(index, moved)
        bombed = self._fleet.faults.target("cardinality-bomb")
        if bombed != self._bombed and self._bombed:
            # What ends the bomb is a release without it, and so a restart.
            self._restart(step.now_ns)
        self._bombed = bombed
        for call in step.calls:
            if call.reached_mesh:
                self._call(call)

    def _queue(self, index: int, moved: Moved) -> None:
        fleet, queue = self._fleet, self._fleet.queues[index]
        owner = fleet.owner(index).name
        if owner != self._owners[index]:
            # A queue that has moved away is empty where it was.
            self._of(index, self._owners[index]).level(0, 0, backpressure=False)
            self._owners[index] = owner
        points = self._of(index, owner)
        points.count(moved)
        points.level(queue.pending, queue.active, backpressure=queue.backpressure)
        points.lag(fleet.members.lag_seconds(index))
        if moved.leased or queue.pending:
            points.observe(queue.pending, queue.active)
        if moved.completed:
            points.lease.record(fleet.latency(8) * fleet.work_factor(index))
        if queue.active > queue.workers // 2:
            points.beat(queue.active)
        if moved.backpressure_changed:
            points.turn(queue.pending, moved.previous_state_seconds)
        if index % _REPLICATED_EVERY == 0:
            self._replicate(index, owner, moved.enqueued)

    def _replicate(self, index: int, owner: str, events: int) -> None:
        meters, labels = self._meters[owner], self._labels(index)
        meters.number("taskqueue.replication.events", labels).add(events)
        behind = meters.distribution("taskqueue.replication.sequence_lag", labels)
        late = meters.distribution("taskqueue.replication.wall_clock_lag", labels)
        if events:
            seconds = self._fleet.members.lag_seconds(index)
            behind.record(float(int(seconds * events)))
            late.record(seconds * MILLISECONDS_PER_SECOND)

    def _call(self, call: Call) -> None:
        meters = self._meters[call.node.name]
        exemplar = Exemplar(call.start_ns, call.trace_id, call.spans.process)
        self._of(call.queue, call.node.name).lease.record(call.work_ms, exemplar)
        meters.number("waitgroup.additions", {}).add(2)
        meters.number("waitgroup.completions", {}).add(2 if call.ok else 1)
        meters.number("waitgroup.outstanding", {}).add(0 if call.ok else 1)
        meters.number(f"result.{'successes' if call.ok else 'failures'}", {}).add()
        meters.number("channel.select.attempts", {}).add()
        meters.number(f"channel.select.{_SELECT_ENDINGS.get(call.status, 'completions')}", {}).add()
        selected = Exemplar(call.start_ns, call.trace_id, call.spans.select)
        meters.distribution("channel.select.latency", {}).record(call.wait_ms, selected)
        meters.distribution("channel.depth", {}).record(self._fleet.queues[call.queue].pending)
        if call.workflow:
            self._workflow(call, meters)

    def _workflow(self, call: Call, meters: Meters) -> None:
        labels: Attributes = {
            semconv.WORKFLOW_NAMESPACE: call.workflow,
            semconv.WORKFLOW_TASK_QUEUE: call.workflow,
        }
        status = "completed" if call.ok else _WORKFLOW_ENDINGS.get(call.status, "failed")
        meters.number("workflow.active", labels).level(self._fleet.queues[call.queue].active)
        ended = {**labels, semconv.WORKFLOW_STATUS: status}
        meters.distribution("workflow.replay.count", ended).record(len(call.attempts) - 1)
        meters.distribution("workflow.logical.clock", ended).record(3 + len(call.attempts))
        if call.workflow == self._bombed:
            labels = {**labels, semconv.WORKFLOW_ID: call.workflow_id}
            ended = {**ended, semconv.WORKFLOW_ID: call.workflow_id}
        meters.number("workflow.started", labels).add()
        meters.number(f"workflow.{status}", ended).add()
        exemplar = Exemplar(call.start_ns, call.trace_id, call.spans.workflow)
        meters.distribution("workflow.duration", ended).record(call.work_ms, exemplar)

    def _restart(self, now_ns: int) -> None:
        for node in self._fleet.topology.mesh_instances:
            for name in _WORKFLOW_METRICS:
                self._meters[node.name].forget(name, now_ns)

    def _labels(self, index: int) -> Attributes:
        topology = self._fleet.topology
        return {semconv.TASKQUEUE_NAME: topology.queue_names[index], semconv.SHARD_ID: topology.shards[index]}

    def _of(self, index: int, node: str) -> QueuePoints:
        found = self._points.get((index, node))
        if found is None:
            found = self._points[index, node] = QueuePoints(self._meters[node], self._labels(index))
        return found
