"""The fleet's model in virtual time: no clock, no network."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from backbone.model.errors import UserInputError
from backbone.simulate.fleet import Fleet
from backbone.simulate.gauging import Gauging
from backbone.simulate.logs import write_logs
from backbone.simulate.spans import SpanBatch, trace
from backbone.simulate.topology import SIZES, Topology

START_NS = 1_790_000_000 * 10**9


class Run:
    """A fleet stepped through virtual seconds, and all it said."""

    def __init__(self, topology: Topology = Topology(), seed: int = 1) -> None:  # noqa: B008 - frozen
        self.fleet = Fleet(topology, 40, seed)
        self.gauging = Gauging(self.fleet, START_NS)
        self.now_ns = START_NS
        self.spans: list[tuple[str, Span]] = []
        self.logs: list[tuple[str, LogRecord]] = []

    def forward(self, seconds: int) -> None:
        """Step, and keep only what these seconds said."""
        self.spans, self.logs = [], []
        for _ in range(seconds):
            self.now_ns += 10**9
            step = self.fleet.step(self.now_ns)
            batch = SpanBatch()
            for call in step.calls:
                trace(call, self.fleet.topology, batch)
            for resource in ExportTraceServiceRequest.FromString(batch.serialize()).resource_spans:
                service = resource.resource.attributes[0].value.string_value
                self.spans += [(service, span) for scope in resource.scope_spans for span in scope.spans]
            for records in ExportLogsServiceRequest.FromString(write_logs(self.fleet, step).serialize()).resource_logs:
                service = records.resource.attributes[0].value.string_value
                self.logs += [(service, record) for scope in records.scope_logs for record in scope.log_records]
            self.gauging.record(step)

    def metrics(self) -> list[tuple[str, Metric]]:
        """Return each metric with the meter it comes from."""
        requests = [ExportMetricsServiceRequest.FromString(body) for body, _ in self.gauging.export(self.now_ns)]
        scopes = (s for request in requests for resource in request.resource_metrics for s in resource.scope_metrics)
        return [(scope.scope.name, metric) for scope in scopes for metric in scope.metrics]

    def total(self, name: str, **labels: str) -> float:
        """Return the sum of a metric's points that have these labels."""
        wanted = {key.replace("_", ".", 1): value for key, value in labels.items()}
        total = 0.0
        for _, metric in self.metrics():
            if metric.name == name:
                for point in (*metric.sum.data_points, *metric.gauge.data_points):
                    has = {pair.key: pair.value.string_value for pair in point.attributes}
                    if wanted.items() <= has.items():
                        total += point.as_int + point.as_double
        return total

    def count_logs(self, part: str) -> int:
        return sum(part in record.body.string_value for _, record in self.logs)


@pytest.mark.parametrize(
    ("meter", "name", "unit", "labels"),
    [
        ("Hugo.Go", "taskqueue.pending", "{item}", {"taskqueue.name", "shard.id"}),
        ("Hugo.Go", "taskqueue.completed", "{lease}", {"taskqueue.name", "shard.id"}),
        ("Hugo.Go", "taskqueue.lease.duration", "ms", {"taskqueue.name", "shard.id"}),
        ("Hugo.Go", "hugo.taskqueue.backpressure.active", "{queue}", {"taskqueue.name", "shard.id"}),
        ("Hugo.Go", "workflow.started", "{workflow}", {"workflow.namespace"}),
        (
            "OmniRelay.Rpc",
            "omnirelay.rpc.duration",
            "ms",
            {"rpc.service", "rpc.procedure", "rpc.type", "rpc.transport", "rpc.encoding", "rpc.direction"},
        ),
        (
            "OmniRelay.Transport.Http",
            "omnirelay.http.request.duration",
            "ms",
            {"rpc.service", "http.request.method", "network.protocol.version"},
        ),
        ("OmniRelay.Core.Peers", "omnirelay.peer.successes", "{call}", {"rpc.peer", "rpc.service", "rpc.transport"}),
        ("OmniRelay.Core.Gossip", "mesh_gossip_members", "", {"mesh.status"}),
        ("OmniRelay.Core.Gossip", "mesh_gossip_rtt_ms", "", {"mesh.peer"}),
    ],
)
def test_instruments_have_the_projects_names(meter: str, name: str, unit: str, labels: set[str]) -> None:
    run = Run()
    run.forward(5)

    found = [(scope, metric) for scope, metric in run.metrics() if metric.name == name]

    assert {(scope, metric.unit) for scope, metric in found} == {(meter, unit)}
    points: list[Any] = [
        point
        for _, metric in found
        for point in (*metric.sum.data_points, *metric.gauge.data_points, *metric.histogram.data_points)
    ]
    assert {frozenset(pair.key for pair in point.attributes) for point in points} == {frozenset(labels)}


def test_a_trace_crosses_the_whole_fleet() -> None:
    run = Run()
    run.forward(3)
    by_trace: dict[bytes, list[tuple[str, Span]]] = {}
    for service, span in run.spans:
        by_trace.setdefault(span.trace_id, []).append((service, span))

    whole = [spans for spans in by_trace.values() if any(span.name == "TaskQueue.process" for _, span in spans)]

    assert len(whole) > 50
    for spans in whole:
        by_id = {span.span_id: span for _, span in spans}
        roots = [span for _, span in spans if not span.parent_span_id]
        assert len(roots) == 1
        assert len({service for service, _ in spans}) == 3
        for _, span in spans:
            if span.parent_span_id:
                parent = by_id[span.parent_span_id]
                assert parent.start_time_unix_nano <= span.start_time_unix_nano, (parent.name, span.name)
                assert span.end_time_unix_nano <= parent.end_time_unix_nano + 1_000, (parent.name, span.name)


def test_logs_and_exemplars_speak_of_traces_that_were_sent() -> None:
    run = Run()
    run.forward(5)
    sent = {span.trace_id for _, span in run.spans}

    exemplars = {
        exemplar.trace_id
        for _, metric in run.metrics()
        for point in metric.histogram.data_points
        for exemplar in point.exemplars
    }

    assert exemplars
    assert exemplars <= sent
    assert {record.trace_id for _, record in run.logs if record.trace_id} <= sent


def test_a_jammed_queue_shows_in_all_signals_and_drains_when_lifted() -> None:
    run = Run()
    queue = run.fleet.topology.queue_names[0]
    run.forward(10)
    run.fleet.faults.inject("queue-jam", queue, None)
    run.forward(20)
    before = run.total("taskqueue.completed", taskqueue_name=queue)
    run.forward(30)

    assert run.total("taskqueue.completed", taskqueue_name=queue) == before
    assert run.total("taskqueue.pending", taskqueue_name=queue) > 200
    assert run.total("hugo.taskqueue.backpressure.active", taskqueue_name=queue) == 1
    assert run.total("taskqueue.deadlettered", taskqueue_name=queue) > 0
    assert run.count_logs("leases expired") > 0
    late = [s for _, s in run.spans if s.name == "TaskQueue.process" and s.status.message == "deadline-exceeded"]
    assert late
    run.fleet.faults.lift("queue-jam")
    run.forward(120)
    assert run.total("taskqueue.pending", taskqueue_name=queue) < 50
    assert run.total("hugo.taskqueue.backpressure.active", taskqueue_name=queue) == 0
    assert run.count_logs("Lease backpressure cleared") == 1


def test_a_lost_peer_is_suspected_then_left_then_recovers() -> None:
    run = Run()
    lost = run.fleet.topology.mesh_instances[1]
    run.forward(5)
    run.fleet.faults.inject("peer-loss", lost.name, None)
    run.forward(4)

    assert run.count_logs("suspect") == 3
    assert run.total("mesh_gossip_members", mesh_status="suspect") == 3
    assert any(span.status.message == "unavailable" for _, span in run.spans)
    assert run.total("omnirelay.retry.scheduled") > 0
    run.forward(10)
    assert run.count_logs("left: its shards are moved") == 3
    run.forward(5)
    assert sum(span.status.message == "unavailable" for _, span in run.spans) < 0.1 * len(run.spans)
    run.fleet.faults.lift("all")
    run.forward(2)
    assert run.count_logs("recovered") == 4


def test_a_slow_shard_is_slow_by_itself() -> None:
    run = Run()
    shard = run.fleet.topology.shards[2]
    run.fleet.faults.inject("slow-shard", shard, None)
    run.forward(10)

    durations: dict[bool, list[int]] = {True: [], False: []}
    for _, span in run.spans:
        if span.name == "TaskQueue.process":
            slow = any(pair.value.string_value == shard for pair in span.attributes if pair.key == "shard.id")
            durations[slow].append(span.end_time_unix_nano - span.start_time_unix_nano)

    assert (
        sorted(durations[True])[len(durations[True]) // 2] > 10 * sorted(durations[False])[len(durations[False]) // 2]
    )


def test_an_error_burst_fails_one_procedure() -> None:
    run = Run()
    run.fleet.faults.inject("error-burst", "Catalog::get", None)
    run.forward(20)

    failed = [span.name for service, span in run.spans if service == "omnirelay" and span.status.message == "internal"]
    assert len(failed) > 20
    assert failed.count("Catalog::get") > 0.8 * len(failed)
    assert run.total("omnirelay.rpc.failure", rpc_status="internal") > 20


def test_a_log_flood_and_a_cardinality_bomb_hit_their_service() -> None:
    run = Run()
    run.forward(5)
    calm_logs, calm_series = len(run.logs), run.gauging.series_count
    run.fleet.faults.inject("log-flood", "omnirelay", None)
    run.fleet.faults.inject("cardinality-bomb", "storefront", None)
    run.forward(5)

    assert len(run.logs) > 20 * calm_logs
    assert {service for service, record in run.logs if "checkpoint" in record.body.string_value} == {"omnirelay"}
    assert run.gauging.series_count > calm_series + 20


def test_a_fault_ends_by_itself() -> None:
    run = Run()
    run.fleet.faults.inject("slow-shard", None, run.now_ns + 3 * 10**9)
    run.forward(2)
    assert [fault.kind for fault in run.fleet.faults.active] == ["slow-shard"]
    run.forward(1)
    assert run.fleet.faults.active == ()


@pytest.mark.parametrize(
    ("kind", "target", "message"),
    [
        pytest.param("queue-jm", None, "did you mean 'queue-jam'?", id="kind"),
        pytest.param("peer-loss", "meshkit-9", "did you mean 'meshkit-", id="target"),
    ],
)
def test_unknown_fault_is_refused_with_the_nearest(kind: str, target: str | None, message: str) -> None:
    with pytest.raises(UserInputError, match="expected one of") as refusal:
        Run().fleet.faults.inject(kind, target, None)
    assert message in str(refusal.value)


def test_the_same_seed_makes_the_same_fleet() -> None:
    one, two, other = Run(seed=5), Run(seed=5), Run(seed=6)
    for run in (one, two, other):
        run.forward(3)

    assert one.spans == two.spans
    assert one.spans != other.spans


@pytest.mark.parametrize("size", ["demo", "small", "medium"])
def test_a_size_makes_its_number_of_series(size: str) -> None:
    run = Run(Topology.of_series(SIZES[size]))
    run.forward(60)

    assert run.gauging.series_count == pytest.approx(SIZES[size], rel=0.1)
