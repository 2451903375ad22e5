"""Names, kinds, units and labels of the fleet's instruments, and what their points promise."""

from __future__ import annotations

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from backbone.simulate.instruments import CATALOGUE
from backbone.simulate.meters import Meters
from tests.simulate.virtual import START_NS, Run, kind_of, points

_QUEUE = {"taskqueue.name", "shard.id"}
_RPC = {
    "rpc.service",
    "rpc.procedure",
    "rpc.type",
    "rpc.transport",
    "rpc.encoding",
    "rpc.caller",
    "rpc.direction",
}
_HTTP = {
    "rpc.service",
    "rpc.procedure",
    "http.request.method",
    "rpc.protocol",
    "network.protocol.name",
    "network.protocol.version",
    "network.transport",
}
_PEER = {"rpc.peer", "rpc.service", "rpc.transport"}
_PROCEDURE = {"rpc.service", "rpc.procedure"}
_POLICY = {"omnirelay.transport.endpoint", "omnirelay.transport.category", "omnirelay.transport"}
_WORKFLOW = {"workflow.namespace", "workflow.task_queue"}
_ENDED = {*_WORKFLOW, "workflow.status"}


@pytest.fixture(scope="module")
def calm() -> Run:
    """A fleet that ran two minutes and a half without a fault."""
    run = Run()
    run.skip(150)
    return run


@pytest.mark.parametrize(
    ("meter", "names", "kind", "unit", "labels"),
    [
        ("Hugo.Go", "waitgroup.additions waitgroup.completions", "counter", "operations", set[str]()),
        ("Hugo.Go", "waitgroup.outstanding", "up-down", "tasks", set[str]()),
        ("Hugo.Go", "result.successes result.failures", "counter", "events", set[str]()),
        ("Hugo.Go", "channel.select.attempts channel.select.completions", "counter", "operations", set[str]()),
        ("Hugo.Go", "channel.select.latency", "exponential", "ms", set[str]()),
        ("Hugo.Go", "channel.depth", "histogram", "items", set[str]()),
        ("Hugo.Go", "taskqueue.enqueued taskqueue.requeued taskqueue.deadlettered", "counter", "items", _QUEUE),
        ("Hugo.Go", "taskqueue.leased taskqueue.completed taskqueue.failed", "counter", "leases", _QUEUE),
        ("Hugo.Go", "taskqueue.expired taskqueue.heartbeats", "counter", "leases", _QUEUE),
        ("Hugo.Go", "taskqueue.pending", "up-down", "items", _QUEUE),
        ("Hugo.Go", "taskqueue.active", "up-down", "leases", _QUEUE),
        ("Hugo.Go", "taskqueue.pending.depth", "histogram", "items", _QUEUE),
        ("Hugo.Go", "taskqueue.active.depth", "histogram", "leases", _QUEUE),
        ("Hugo.Go", "taskqueue.lease.duration taskqueue.heartbeat.extension", "histogram", "ms", _QUEUE),
        ("Hugo.Go", "taskqueue.replication.events", "counter", "events", _QUEUE),
        ("Hugo.Go", "taskqueue.replication.sequence_lag", "histogram", "events", _QUEUE),
        ("Hugo.Go", "taskqueue.replication.wall_clock_lag", "histogram", "ms", _QUEUE),
        ("Hugo.Go", "workflow.started", "counter", "workflows", _WORKFLOW),
        ("Hugo.Go", "workflow.active", "up-down", "workflows", _WORKFLOW),
        ("Hugo.Go", "workflow.completed workflow.failed", "counter", "workflows", _ENDED),
        ("Hugo.Go", "workflow.duration", "exponential", "ms", _ENDED),
        ("Hugo.Go", "workflow.replay.count", "histogram", "replays", _ENDED),
        ("Hugo.Go", "workflow.logical.clock", "histogram", "ticks", _ENDED),
        ("Hugo.Go", "hugo.taskqueue.backpressure.active", "up-down", "queues", _QUEUE),
        ("OmniRelay.Rpc", "omnirelay.rpc.requests omnirelay.rpc.success", "counter", "requests", _RPC),
        ("OmniRelay.Rpc", "omnirelay.rpc.failure", "counter", "requests", {*_RPC, "rpc.status"}),
        ("OmniRelay.Rpc", "omnirelay.rpc.duration", "histogram", "ms", _RPC),
        ("OmniRelay.Transport.Http", "omnirelay.http.requests.started", "counter", "", _HTTP),
        ("OmniRelay.Transport.Http", "omnirelay.http.requests.completed", "counter", "", {*_HTTP, "rpc.status"}),
        ("OmniRelay.Transport.Http", "omnirelay.http.request.duration", "histogram", "ms", _HTTP),
        ("OmniRelay.Transport.Http", "omnirelay.http.client.fallbacks", "counter", "", _HTTP),
        ("OmniRelay.Transport.Http", "omnirelay.http.server_stream.response_messages", "counter", "", _HTTP),
        ("OmniRelay.Transport.Http", "omnirelay.http.duplex.request_messages", "counter", "", _HTTP),
        ("OmniRelay.Transport.Http", "omnirelay.http.duplex.response_messages", "counter", "", _HTTP),
        ("OmniRelay.Transport.Grpc", "omnirelay.grpc.client.unary.duration", "histogram", "ms", _PROCEDURE),
        ("OmniRelay.Transport.Grpc", "omnirelay.grpc.server.unary.duration", "histogram", "ms", _PROCEDURE),
        ("OmniRelay.Transport.Grpc", "omnirelay.grpc.server.server_stream.duration", "histogram", "ms", _PROCEDURE),
        ("OmniRelay.Transport.Grpc", "omnirelay.grpc.client.client_stream.requests", "histogram", "", _PROCEDURE),
        ("OmniRelay.Transport.Grpc", "omnirelay.grpc.client.duplex.response_messages", "counter", "", _PROCEDURE),
        ("OmniRelay.Core.Peers", "omnirelay.peer.inflight", "up-down", "requests", _PEER),
        ("OmniRelay.Core.Peers", "omnirelay.peer.successes omnirelay.peer.failures", "counter", "requests", _PEER),
        ("OmniRelay.Core.Peers", "omnirelay.peer.lease.duration", "histogram", "ms", _PEER),
        (
            "OmniRelay.Core.Peers",
            "omnirelay.retry.scheduled",
            "counter",
            "attempts",
            {*_PROCEDURE, "error.status", "retry.attempt"},
        ),
        ("OmniRelay.Core.Peers", "omnirelay.retry.succeeded", "counter", "requests", _PROCEDURE),
        (
            "OmniRelay.Diagnostics.PeerHealth",
            "omnirelay.peer.lease_assignments",
            "counter",
            "leases",
            {"rpc.peer", "lease.resource_type"},
        ),
        ("OmniRelay.Diagnostics.PeerHealth", "omnirelay.peer.lease_heartbeats", "counter", "signals", {"rpc.peer"}),
        (
            "OmniRelay.Diagnostics.PeerHealth",
            "omnirelay.peer.lease.healthy omnirelay.peer.lease.unhealthy omnirelay.peer.lease.pending_reassignments",
            "gauge",
            "",
            set[str](),
        ),
        (
            "OmniRelay.Dispatcher.ResourceLease",
            "omnirelay.resourcelease.pending",
            "histogram",
            "items",
            {"lease.resource_type"},
        ),
        (
            "OmniRelay.Dispatcher.ResourceLease",
            "omnirelay.resourcelease.replication.events",
            "counter",
            "events",
            {"rpc.peer", "lease.event_type"},
        ),
        ("OmniRelay.Transport.Policy", "omnirelay.transport.policy.endpoints", "counter", "", _POLICY),
        ("OmniRelay.Transport.Policy", "omnirelay.transport.policy.violations", "counter", "", _POLICY),
        ("OmniRelay.Core.Gossip", "mesh_gossip_members", "up-down", "peers", {"mesh.status"}),
        ("OmniRelay.Core.Gossip", "mesh_gossip_rtt_ms", "histogram", "ms", {"mesh.peer"}),
        (
            "OmniRelay.Core.Gossip",
            "mesh_gossip_messages_total",
            "counter",
            "messages",
            {"mesh.direction", "mesh.outcome"},
        ),
        (
            "OmniRelay.Core.Gossip",
            "mesh_gossip_fanout",
            "histogram",
            "peers",
            {"mesh.fanout.computed", "mesh.fanout.attempted"},
        ),
        (
            "OmniRelay.Core.Leadership",
            "mesh_leadership_split_brain_total",
            "counter",
            "events",
            {"mesh.scope", "mesh.scope_kind"},
        ),
        ("MeshKit.Replication", "mesh_replication_lag_seconds", "gauge", "s", {*_QUEUE, "mesh.role"}),
        ("Shop.Business", "shop.orders.completed", "counter", "orders", set[str]()),
    ],
)
def test_instruments_are_as_the_projects_have_them(
    calm: Run, meter: str, names: str, kind: str, unit: str, labels: set[str]
) -> None:
    for name in names.split():
        found = [(scope, metric) for scope, metric in calm.metrics() if metric.name == name]

        assert {(scope, kind_of(metric), metric.unit) for scope, metric in found} == {(meter, kind, unit)}, name
        assert {frozenset(pair.key for pair in p.attributes) for _, m in found for p in points(m)} == {
            frozenset(labels)
        }


def test_every_instrument_of_the_catalogue_is_heard_of_in_trouble() -> None:
    run = Run()
    for kind in ("queue-jam", "error-burst"):
        run.fleet.faults.inject(kind, None, None)
    run.skip(60)
    run.fleet.faults.inject("peer-loss", "meshkit-1", None)
    run.skip(240)

    assert {metric.name for _, metric in run.metrics()} == CATALOGUE.keys()


def test_no_label_is_unbounded(calm: Run) -> None:
    keys = {pair.key for _, metric in calm.metrics() for point in points(metric) for pair in point.attributes}

    assert not keys & {"workflow.id", "workflow.run_id", "rpc.request_id", "lease.resource_id"}


def test_counters_and_histograms_only_grow(calm: Run) -> None:
    before = _monotonic(calm)
    calm.skip(20)
    after = _monotonic(calm)

    assert before.keys() <= after.keys()
    assert all(after[key] >= value for key, value in before.items())
    assert sum(after.values()) > sum(before.values())


def _monotonic(run: Run) -> dict[tuple[object, ...], float]:
    """Return every counter and histogram count by instance, name and attributes."""
    return {
        (instance, metric.name, *(pair.SerializeToString() for pair in point.attributes)): (
            point.as_int if metric.WhichOneof("data") == "sum" else point.count
        )
        for instance, metric in run.by_instance()
        if metric.WhichOneof("data") != "gauge" and (not metric.HasField("sum") or metric.sum.is_monotonic)
        for point in points(metric)
    }


def test_histograms_add_up(calm: Run) -> None:
    for _, metric in calm.metrics():
        for point in metric.histogram.data_points:
            assert sum(point.bucket_counts) == point.count
            assert len(point.bucket_counts) == len(point.explicit_bounds) + 1
        for exponential in metric.exponential_histogram.data_points:
            assert sum(exponential.positive.bucket_counts) + exponential.zero_count == exponential.count


@pytest.mark.parametrize("value", [0.01, 1.0, 8.0, 9.99, 4096.0])
def test_an_exponential_bucket_holds_its_value(value: float) -> None:
    meters = Meters({}, START_NS)
    meters.distribution("workflow.duration", {}).record(value)

    metric = ExportMetricsServiceRequest.FromString(meters.export(START_NS)).resource_metrics[0].scope_metrics[0]
    (point,) = metric.metrics[0].exponential_histogram.data_points
    index = point.positive.offset + list(point.positive.bucket_counts).index(1)
    base = 2 ** (2**-point.scale)
    assert base**index * (1 - 1e-9) < value <= base ** (index + 1) * (1 + 1e-9)
