"""The instruments of Hugo, OmniRelay and MeshKit as data: meter, name, kind, unit and buckets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

LATENCY_MS = (5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 1000.0, 2500.0)
DEPTH = (0.0, 5.0, 20.0, 60.0, 200.0, 1000.0)
_EXTENSION_MS = (1000.0, 5000.0, 10_000.0, 30_000.0)
_MESSAGES = (1.0, 5.0, 10.0, 50.0, 100.0)
_TICKS = (1.0, 10.0, 100.0, 1000.0)


class Kind(Enum):
    COUNTER = auto()
    UP_DOWN = auto()
    GAUGE = auto()
    HISTOGRAM = auto()
    EXPONENTIAL = auto()


@dataclass(frozen=True, slots=True)
class Instrument:
    """``bounds`` are the upper ends of a histogram's buckets, in its unit."""

    meter: str
    name: str
    kind: Kind
    unit: str
    bounds: tuple[float, ...] = ()


def _of(meter: str, kind: Kind, unit: str, *names: str, bounds: tuple[float, ...] = ()) -> Iterator[Instrument]:
    return (Instrument(meter, name, kind, unit, bounds) for name in names)


def _hugo() -> Iterator[Instrument]:
    meter, queue = "Hugo.Go", "taskqueue."
    yield from _of(meter, Kind.COUNTER, "operations", "waitgroup.additions", "waitgroup.completions")
    yield from _of(meter, Kind.UP_DOWN, "tasks", "waitgroup.outstanding")
    yield from _of(meter, Kind.COUNTER, "events", "result.successes", "result.failures")
    selects = ("attempts", "completions", "timeouts", "cancellations")
    yield from _of(meter, Kind.COUNTER, "operations", *(f"channel.select.{what}" for what in selects))
    yield from _of(meter, Kind.EXPONENTIAL, "ms", "channel.select.latency")
    yield from _of(meter, Kind.HISTOGRAM, "items", "channel.depth", bounds=DEPTH)
    yield from _of(meter, Kind.COUNTER, "items", *(f"{queue}{w}" for w in ("enqueued", "requeued", "deadlettered")))
    leases = ("leased", "completed", "failed", "expired", "heartbeats")
    yield from _of(meter, Kind.COUNTER, "leases", *(queue + what for what in leases))
    yield from _of(meter, Kind.UP_DOWN, "items", "taskqueue.pending")
    yield from _of(meter, Kind.UP_DOWN, "leases", "taskqueue.active")
    yield from _of(meter, Kind.HISTOGRAM, "items", "taskqueue.pending.depth", bounds=DEPTH)
    yield from _of(meter, Kind.HISTOGRAM, "leases", "taskqueue.active.depth", bounds=DEPTH)
    yield from _of(meter, Kind.HISTOGRAM, "ms", "taskqueue.lease.duration", bounds=LATENCY_MS)
    yield from _of(meter, Kind.HISTOGRAM, "ms", "taskqueue.heartbeat.extension", bounds=_EXTENSION_MS)
    yield from _of(meter, Kind.COUNTER, "events", "taskqueue.replication.events")
    yield from _of(meter, Kind.HISTOGRAM, "events", "taskqueue.replication.sequence_lag", bounds=DEPTH)
    yield from _of(meter, Kind.HISTOGRAM, "ms", "taskqueue.replication.wall_clock_lag", bounds=LATENCY_MS)
    endings = ("started", "completed", "failed", "canceled", "terminated")
    yield from _of(meter, Kind.COUNTER, "workflows", *(f"workflow.{ending}" for ending in endings))
    yield from _of(meter, Kind.UP_DOWN, "workflows", "workflow.active")
    yield from _of(meter, Kind.EXPONENTIAL, "ms", "workflow.duration")
    yield from _of(meter, Kind.HISTOGRAM, "replays", "workflow.replay.count", bounds=_TICKS)
    yield from _of(meter, Kind.HISTOGRAM, "ticks", "workflow.logical.clock", bounds=_TICKS)
    pressure = "hugo.taskqueue.backpressure."
    yield from _of(meter, Kind.UP_DOWN, "queues", f"{pressure}active")
    yield from _of(meter, Kind.COUNTER, "transitions", f"{pressure}transitions")
    yield from _of(meter, Kind.HISTOGRAM, "items", f"{pressure}pending", bounds=DEPTH)
    yield from _of(meter, Kind.HISTOGRAM, "ms", f"{pressure}duration", bounds=_EXTENSION_MS)


def _transports() -> Iterator[Instrument]:
    rpc, http, grpc = "OmniRelay.Rpc", "OmniRelay.Transport.Http", "OmniRelay.Transport.Grpc"
    yield from _of(rpc, Kind.COUNTER, "requests", *(f"omnirelay.rpc.{w}" for w in ("requests", "success", "failure")))
    yield from _of(rpc, Kind.HISTOGRAM, "ms", "omnirelay.rpc.duration", bounds=LATENCY_MS)
    started = ("requests.started", "requests.completed", "client.fallbacks")
    messages = ("server_stream.response_messages", "duplex.request_messages", "duplex.response_messages")
    yield from _of(http, Kind.COUNTER, "", *(f"omnirelay.http.{what}" for what in (*started, *messages)))
    yield from _of(http, Kind.HISTOGRAM, "ms", "omnirelay.http.request.duration", bounds=LATENCY_MS)
    yield from _of(grpc, Kind.COUNTER, "", "omnirelay.grpc.client.fallbacks")
    for side in ("client", "server"):
        for kind, ways in GRPC_MESSAGES.items():
            base = f"omnirelay.grpc.{side}.{kind}"
            yield from _of(grpc, Kind.HISTOGRAM, "ms", f"{base}.duration", bounds=LATENCY_MS)
            yield from _of(grpc, Kind.HISTOGRAM, "", *(f"{base}.{way}s" for way in ways), bounds=_MESSAGES)
            yield from _of(grpc, Kind.COUNTER, "", *(f"{base}.{way}_messages" for way in ways))
    policy = ("endpoints", "violations", "exceptions")
    names = (f"omnirelay.transport.policy.{what}" for what in policy)
    yield from _of("OmniRelay.Transport.Policy", Kind.COUNTER, "", *names)


GRPC_MESSAGES: dict[str, tuple[str, ...]] = {
    "unary": (),
    "server_stream": ("response",),
    "client_stream": ("request",),
    "duplex": ("request", "response"),
}
"""Kinds of calls and the messages that are counted on them."""


def _peers() -> Iterator[Instrument]:
    peers, health = "OmniRelay.Core.Peers", "OmniRelay.Diagnostics.PeerHealth"
    yield from _of(peers, Kind.UP_DOWN, "requests", "omnirelay.peer.inflight")
    outcomes = ("successes", "failures", "lease_rejected", "pool_exhausted")
    yield from _of(peers, Kind.COUNTER, "requests", *(f"omnirelay.peer.{what}" for what in outcomes))
    yield from _of(peers, Kind.HISTOGRAM, "ms", "omnirelay.peer.lease.duration", bounds=LATENCY_MS)
    yield from _of(peers, Kind.COUNTER, "attempts", "omnirelay.retry.scheduled")
    yield from _of(peers, Kind.COUNTER, "requests", "omnirelay.retry.exhausted", "omnirelay.retry.succeeded")
    yield from _of(health, Kind.COUNTER, "leases", "omnirelay.peer.lease_assignments")
    signals = ("omnirelay.peer.lease_heartbeats", "omnirelay.peer.lease_disconnects")
    yield from _of(health, Kind.COUNTER, "signals", *signals)
    states = ("healthy", "unhealthy", "pending_reassignments")
    yield from _of(health, Kind.GAUGE, "", *(f"omnirelay.peer.lease.{state}" for state in states))
    meter, lease = "OmniRelay.Dispatcher.ResourceLease", "omnirelay.resourcelease."
    yield from _of(meter, Kind.HISTOGRAM, "items", f"{lease}pending", bounds=DEPTH)
    yield from _of(meter, Kind.HISTOGRAM, "leases", f"{lease}active", bounds=DEPTH)
    yield from _of(meter, Kind.COUNTER, "events", f"{lease}backpressure.transitions", f"{lease}replication.events")
    yield from _of(meter, Kind.HISTOGRAM, "ms", f"{lease}replication.lag", bounds=LATENCY_MS)


def _mesh() -> Iterator[Instrument]:
    gossip, leadership = "OmniRelay.Core.Gossip", "OmniRelay.Core.Leadership"
    yield from _of(gossip, Kind.UP_DOWN, "peers", "mesh_gossip_members", "mesh_gossip_view_size")
    yield from _of(gossip, Kind.HISTOGRAM, "ms", "mesh_gossip_rtt_ms", bounds=LATENCY_MS)
    yield from _of(gossip, Kind.COUNTER, "messages", "mesh_gossip_messages_total")
    yield from _of(gossip, Kind.HISTOGRAM, "peers", "mesh_gossip_fanout", bounds=_MESSAGES)
    yield from _of(gossip, Kind.COUNTER, "peers", "mesh_gossip_duplicate_targets")
    totals = ("mesh_leadership_transitions_total", "mesh_leadership_split_brain_total")
    yield from _of(leadership, Kind.COUNTER, "events", *totals)
    yield from _of(leadership, Kind.HISTOGRAM, "ms", "mesh_leadership_election_duration_ms", bounds=LATENCY_MS)
    yield from _of("MeshKit.Replication", Kind.GAUGE, "s", "mesh_replication_lag_seconds")


def _business() -> Iterator[Instrument]:
    meter = "Shop.Business"
    yield from _of(meter, Kind.COUNTER, "orders", "shop.orders.completed")
    yield from _of(meter, Kind.COUNTER, "EUR", "shop.orders.value")
    yield from _of(meter, Kind.COUNTER, "accounts", "shop.sign_ups")
    yield from _of(meter, Kind.GAUGE, "tenants", "shop.tenants.active")
    yield from _of(meter, Kind.GAUGE, "EUR", "shop.cost_per_thousand_calls")


CATALOGUE = {
    instrument.name: instrument for family in (_hugo, _transports, _peers, _mesh, _business) for instrument in family()
}
"""Every instrument of the fleet by its name."""
