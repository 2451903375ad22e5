"""What the fleet's instruments say of each second: names, units and labels as the projects have them."""

from __future__ import annotations

from backbone.model import semconv
from backbone.simulate.attributes import Attributes
from backbone.simulate.call import Call
from backbone.simulate.fleet import Fleet, Step
from backbone.simulate.meters import DEPTH, Meters
from backbone.simulate.queue import Moved
from backbone.simulate.topology import Instance

_HUGO, _HTTP, _GRPC = "Hugo.Go", "OmniRelay.Transport.Http", "OmniRelay.Transport.Grpc"
_RPC, _PEERS, _GOSSIP = "OmniRelay.Rpc", "OmniRelay.Core.Peers", "OmniRelay.Core.Gossip"
_LEADERSHIP, _REPLICATION = "OmniRelay.ControlPlane.Leadership", "MeshKit.Replication"
_SIGN_UP = "Accounts::sign_up"
_ORDER = "Checkout::place"


class Gauging:
    """Holds the meters of all instances and writes each step into them."""

    def __init__(self, fleet: Fleet, start_ns: int) -> None:
        self._fleet = fleet
        topology = fleet.topology
        instances = (*topology.clients, *topology.relay_instances, *topology.mesh_instances)
        self._meters = {instance.name: Meters(instance.resource, start_ns) for instance in instances}
        for index in range(topology.queues):
            self._record_queue(index, Moved(), home=True)

    @property
    def series_count(self) -> int:
        return sum(meters.series_count for meters in self._meters.values())

    def record(self, step: Step) -> None:
        """Write one second into the instruments."""
        for call in step.calls:
            self._record_rpc(call)
            self._record_peers(call)
            self._record_transport(call)
            self._record_business(call)
        for index, moved in step.moved.items():
            self._record_queue(index, moved, home=False)
        for node in self._fleet.topology.mesh_instances:
            self._record_mesh(node, step)

    def export(self, now_ns: int) -> list[tuple[bytes, int]]:
        """Return a request and its number of points for each instance that is there to send it."""
        lost = {node.name for node in self._fleet.topology.mesh_instances if self._fleet.is_lost(node)}
        present = {name: meters for name, meters in self._meters.items() if name not in lost}
        return [(meters.export(now_ns), meters.point_count) for meters in present.values()]

    def _record_rpc(self, call: Call) -> None:
        sides = [(call.client, "outbound", call.client_ms), (call.relay, "inbound", call.relay_ms)]
        for instance, direction, duration_ms in sides:
            meters = self._meters[instance.name]
            labels: Attributes = {
                semconv.RPC_SERVICE: call.service,
                semconv.RPC_PROCEDURE: call.procedure,
                semconv.RPC_TYPE: "unary",
                semconv.RPC_TRANSPORT: call.transport,
                semconv.RPC_ENCODING: "protobuf",
                semconv.RPC_DIRECTION: direction,
            }
            meters.counter(_RPC, "omnirelay.rpc.requests", "{request}", labels).add()
            if call.ok:
                meters.counter(_RPC, "omnirelay.rpc.success", "{request}", labels).add()
            else:
                failed = {**labels, semconv.RPC_STATUS: call.status}
                meters.counter(_RPC, "omnirelay.rpc.failure", "{request}", failed).add()
            meters.histogram(_RPC, "omnirelay.rpc.duration", "ms", labels).record(
                duration_ms, call.trace_id, call.relay_span, call.start_ns
            )

    def _record_peers(self, call: Call) -> None:
        meters = self._meters[call.relay.name]
        for number, attempt in enumerate(call.attempts):
            labels: Attributes = {
                semconv.RPC_PEER: self._fleet.topology.peer(attempt.peer),
                semconv.RPC_SERVICE: call.service,
                semconv.RPC_TRANSPORT: call.transport,
            }
            outcome = "successes" if attempt.status == "ok" else "failures"
            meters.counter(_PEERS, f"omnirelay.peer.{outcome}", "{call}", labels).add()
            if number:
                meters.counter(_PEERS, "omnirelay.retry.scheduled", "{retry}", labels).add()
        if len(call.attempts) > 1:
            ending = "succeeded" if call.ok else "exhausted"
            meters.counter(_PEERS, f"omnirelay.retry.{ending}", "{retry}", {semconv.RPC_SERVICE: call.service}).add()

    def _record_transport(self, call: Call) -> None:
        meters = self._meters[call.relay.name]
        if call.transport == "grpc":
            labels: Attributes = {semconv.RPC_SERVICE: call.service, semconv.RPC_STATUS: call.status}
            meters.histogram(_GRPC, "omnirelay.grpc.server.unary.duration", "ms", labels).record(call.relay_ms)
            return
        labels = {
            semconv.RPC_SERVICE: call.service,
            semconv.HTTP_REQUEST_METHOD: "POST",
            semconv.NETWORK_PROTOCOL_VERSION: "3" if call.transport == "http3" else "2",
        }
        meters.counter(_HTTP, "omnirelay.http.requests.started", "{request}", labels).add()
        meters.counter(_HTTP, "omnirelay.http.requests.completed", "{request}", labels).add()
        meters.histogram(_HTTP, "omnirelay.http.request.duration", "ms", labels).record(
            call.relay_ms, call.trace_id, call.relay_span, call.start_ns
        )
        if call.transport == "http2" and self._fleet.random.random() < 0.3:
            meters.counter(_HTTP, "omnirelay.http.client.fallbacks", "{fallback}", {}).add()

    def _record_business(self, call: Call) -> None:
        meters = self._meters[call.client.name]
        scope = "Shop.Business"
        if call.ok and call.procedure == _ORDER:
            meters.counter(scope, "shop.orders.completed", "{order}", {}).add()
            value = int(self._fleet.random.lognormvariate(3.5, 0.8)) + 1
            meters.counter(scope, "shop.orders.value", "EUR", {}).add(value)
        if call.ok and call.procedure == _SIGN_UP:
            meters.counter(scope, "shop.sign_ups", "{sign_up}", {}).add()
        meters.gauge(scope, "shop.tenants.active", "{tenant}", {}).set(180 + self._fleet.random.randrange(40))
        meters.gauge(scope, "shop.cost_per_thousand_calls", "EUR", {}).set(0.31 + 0.02 * len(call.attempts))
        labels: Attributes = {"workflow.namespace": "shop"}
        if self._fleet.faults.hits("cardinality-bomb", call.client.service):
            labels = {**labels, semconv.WORKFLOW_ID: call.trace_id.hex()}
        meters.counter(_HUGO, "workflow.started", "{workflow}", labels).add()

    def _record_queue(self, index: int, moved: Moved, *, home: bool) -> None:
        fleet = self._fleet
        queue = fleet.queues[index]
        nodes = fleet.topology.mesh_instances
        node = nodes[index % len(nodes)] if home else fleet.owner(index)
        meters = self._meters[node.name]
        labels: Attributes = {
            semconv.TASKQUEUE_NAME: fleet.topology.queue_names[index],
            semconv.SHARD_ID: fleet.topology.shards[index],
        }
        for name, amount, unit in (
            ("enqueued", moved.enqueued, "{item}"),
            ("requeued", moved.requeued, "{item}"),
            ("deadlettered", moved.deadlettered, "{item}"),
            ("leased", moved.leased, "{lease}"),
            ("completed", moved.completed, "{lease}"),
            ("failed", moved.failed, "{lease}"),
            ("expired", moved.expired, "{lease}"),
            ("heartbeats", queue.active, "{lease}"),
        ):
            meters.counter(_HUGO, f"taskqueue.{name}", unit, labels).add(amount)
        meters.updown(_HUGO, "taskqueue.pending", "{item}", labels).level(queue.pending)
        meters.updown(_HUGO, "taskqueue.active", "{lease}", labels).level(queue.active)
        backpressure = meters.updown(_HUGO, "hugo.taskqueue.backpressure.active", "{queue}", labels)
        backpressure.level(int(queue.backpressure))
        if moved.backpressure_changed:
            meters.counter(_HUGO, "hugo.taskqueue.backpressure.transitions", "{transition}", labels).add()
        depth = meters.histogram(_HUGO, "taskqueue.pending.depth", "{item}", labels, DEPTH)
        leases = meters.histogram(_HUGO, "taskqueue.lease.duration", "ms", labels)
        if moved.leased or queue.pending:
            depth.record(queue.pending)
            leases.record(queue.wait_ms + self._fleet.random.lognormvariate(2, 0.5))
        lag_ms = self._fleet.random.lognormvariate(1, 0.5) + queue.wait_ms / 10
        meters.gauge(_REPLICATION, "mesh_replication_lag_seconds", "s", {**labels, semconv.MESH_ROLE: "follower"}).set(
            lag_ms / 1000
        )

    def _record_mesh(self, node: Instance, step: Step) -> None:
        fleet = self._fleet
        if fleet.is_lost(node):
            return
        meters = self._meters[node.name]
        others = [other for other in fleet.topology.mesh_instances if other is not node]
        gone = sum(fleet.is_noticed(other) for other in others)
        suspect = sum(fleet.is_lost(other) for other in others) - gone
        members = {"alive": 1 + len(others) - gone - suspect, "suspect": suspect, "left": gone}
        for status, number in members.items():
            gauge = meters.gauge(_GOSSIP, "mesh_gossip_members", "", {semconv.MESH_STATUS: status})
            gauge.set(number)
        for other in others:
            peer: Attributes = {semconv.MESH_PEER: other.name}
            outcome = "failure" if fleet.is_lost(other) else "success"
            if outcome == "success":
                rtt = meters.histogram(_GOSSIP, "mesh_gossip_rtt_ms", "", peer)
                rtt.record(fleet.random.lognormvariate(0.5, 0.4))
            sent: Attributes = {semconv.MESH_DIRECTION: "outbound", semconv.MESH_OUTCOME: outcome}
            meters.counter(_GOSSIP, "mesh_gossip_messages", "", sent).add()
        scope: Attributes = {semconv.MESH_SCOPE: "global", semconv.MESH_SCOPE_KIND: "global-control"}
        transitions = meters.counter(_LEADERSHIP, "mesh_leadership_transitions", "", scope)
        elections = meters.histogram(_LEADERSHIP, "mesh_leadership_election_duration_ms", "", scope)
        for _ in step.left:
            transitions.add()
            elections.record(fleet.random.lognormvariate(5, 0.5))
