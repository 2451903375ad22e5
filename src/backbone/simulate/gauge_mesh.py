"""What the mesh says of its members, leaders and leases, and OmniRelay of its peers and policies."""

from __future__ import annotations

from backbone.model import semconv
from backbone.model.time import MILLISECONDS_PER_SECOND
from backbone.simulate.attributes import Attributes
from backbone.simulate.fleet import Fleet, Step
from backbone.simulate.meters import Meters
from backbone.simulate.topology import Instance

_FANOUT = 3
_TYPE: Attributes = {semconv.LEASE_RESOURCE_TYPE: "shard"}


class MeshGauges:
    """Writes the control plane's second into the meters of the nodes that see it."""

    def __init__(self, fleet: Fleet, meters: dict[str, Meters]) -> None:
        self._fleet = fleet
        self._meters = meters
        for relay in fleet.topology.relay_instances:
            self._policy(relay)
        for scope, kind in fleet.topology.scopes:
            labels: Attributes = {semconv.MESH_SCOPE: scope, semconv.MESH_SCOPE_KIND: kind}
            leader = fleet.members.leaders[scope]
            meters[leader.name].number("mesh_leadership_split_brain_total", labels)

    def record(self, step: Step) -> None:
        """Write one second."""
        present = [node for node in self._fleet.topology.mesh_instances if not self._fleet.is_lost(node)]
        for node in present:
            self._members(node)
            self._gossip(node)
        self._leadership(step)
        for relay in self._fleet.topology.relay_instances:
            self._peers(relay, step)
            self._leases(relay, step)

    def _members(self, node: Instance) -> None:
        fleet, meters = self._fleet, self._meters[node.name]
        everyone = fleet.topology.mesh_instances
        left = sum(fleet.members.is_left(other) for other in everyone)
        suspect = sum(fleet.is_lost(other) for other in everyone) - left
        alive = len(everyone) - left - suspect
        for status, number in (("alive", alive), ("suspect", suspect), ("left", left)):
            meters.number("mesh_gossip_members", {semconv.MESH_STATUS: status}).level(number)
        active = min(alive - 1, 5)
        for view, number in (("active", active), ("passive", alive - 1 - active)):
            meters.number("mesh_gossip_view_size", {semconv.MESH_VIEW: view}).level(number)

    def _gossip(self, node: Instance) -> None:
        fleet, meters = self._fleet, self._meters[node.name]
        others = [other for other in fleet.topology.mesh_instances if other is not node]
        for other in others:
            failed = fleet.is_lost(other)
            rtt = meters.distribution("mesh_gossip_rtt_ms", {semconv.MESH_PEER: other.name})
            if not failed:
                rtt.record(fleet.latency(1.6))
            for direction in ("outbound",) if failed else ("outbound", "inbound"):
                labels: Attributes = {
                    semconv.MESH_DIRECTION: direction,
                    semconv.MESH_OUTCOME: "failure" if failed else "success",
                }
                meters.number("mesh_gossip_messages_total", labels).add()
        fanout: Attributes = {
            semconv.MESH_FANOUT_COMPUTED: _FANOUT,
            semconv.MESH_FANOUT_ATTEMPTED: min(_FANOUT, len(others)),
        }
        meters.distribution("mesh_gossip_fanout", fanout).record(_FANOUT)
        duplicates = meters.number("mesh_gossip_duplicate_targets", {})
        duplicates.add(int(fleet.random.random() < 1 / len(others)))

    def _leadership(self, step: Step) -> None:
        for election in step.changes.elections:
            meters = self._meters[election.leader.name]
            scope: Attributes = {
                semconv.MESH_SCOPE: election.scope,
                semconv.MESH_SCOPE_KIND: election.scope_kind,
            }
            for transition, leader in (("expired", election.before), ("elected", election.leader)):
                labels = {**scope, semconv.MESH_LEADER: leader.name, semconv.MESH_TRANSITION: transition}
                meters.number("mesh_leadership_transitions_total", labels).add()
            meters.distribution("mesh_leadership_election_duration_ms", scope).record(election.duration_ms)

    def _peers(self, relay: Instance, step: Step) -> None:
        fleet, meters = self._fleet, self._meters[relay.name]
        nodes = fleet.topology.mesh_instances
        unhealthy = sum(fleet.is_lost(node) for node in nodes)
        waiting = unhealthy - sum(fleet.members.is_left(node) for node in nodes)
        meters.number("omnirelay.peer.lease.healthy", {}).set(len(nodes) - unhealthy)
        meters.number("omnirelay.peer.lease.unhealthy", {}).set(unhealthy)
        shards_each = fleet.topology.queues // len(nodes)
        meters.number("omnirelay.peer.lease.pending_reassignments", {}).set(waiting * shards_each)
        for node in nodes:
            peer: Attributes = {semconv.RPC_PEER: node.peer}
            if not fleet.is_lost(node):
                meters.number("omnirelay.peer.lease_heartbeats", peer).add()
        for node in step.changes.suspected:
            labels: Attributes = {semconv.RPC_PEER: node.peer, semconv.LEASE_DISCONNECT_REASON: "timeout"}
            meters.number("omnirelay.peer.lease_disconnects", labels).add()

    def _leases(self, relay: Instance, step: Step) -> None:
        fleet, meters = self._fleet, self._meters[relay.name]
        meters.distribution("omnirelay.resourcelease.pending", _TYPE).record(
            sum(queue.pending for queue in fleet.queues) // len(fleet.queues)
        )
        meters.distribution("omnirelay.resourcelease.active", _TYPE).record(
            sum(queue.active for queue in fleet.queues) // len(fleet.queues)
        )
        for index, moved in enumerate(step.moved):
            if moved.backpressure_changed:
                state = {**_TYPE, "state": "active" if fleet.queues[index].backpressure else "inactive"}
                meters.number("omnirelay.resourcelease.backpressure.transitions", state).add()
        lag = meters.distribution("omnirelay.resourcelease.replication.lag", _TYPE)
        lag.record(max(fleet.members.lag_seconds(i) for i in range(3)) * MILLISECONDS_PER_SECOND)
        for call in step.calls:
            if call.relay is relay and call.reached_mesh:
                peer: Attributes = {semconv.RPC_PEER: call.node.peer}
                meters.number("omnirelay.peer.lease_assignments", {**peer, **_TYPE}).add()
                event = {**peer, semconv.LEASE_EVENT_TYPE: "completed" if call.ok else "expired"}
                meters.number("omnirelay.resourcelease.replication.events", event).add()

    def _policy(self, relay: Instance) -> None:
        meters = self._meters[relay.name]
        for endpoint, category, transport in (
            ("gossip", "control-plane", "http3"),
            ("dispatcher", "data-plane", "http3"),
            ("metrics", "diagnostics", "http2"),
        ):
            labels: Attributes = {
                semconv.POLICY_ENDPOINT: endpoint,
                semconv.POLICY_CATEGORY: category,
                semconv.POLICY_TRANSPORT: transport,
            }
            meters.number("omnirelay.transport.policy.endpoints", labels).add()
            meters.number("omnirelay.transport.policy.violations", labels)
            meters.number("omnirelay.transport.policy.exceptions", labels).add(int(transport == "http2"))
