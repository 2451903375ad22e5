"""Each fault's signature: it comes in all signals, and goes when lifted."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from backbone.model.errors import UserInputError
from backbone.simulate.topology import Topology
from tests.simulate.virtual import Run, named, points


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
    run.forward(60)
    assert run.total("taskqueue.pending", taskqueue_name=queue) < 50
    assert run.total("hugo.taskqueue.backpressure.active", taskqueue_name=queue) == 0
    assert run.count_logs("Lease backpressure cleared") == 1


def test_a_lost_peer_is_suspected_then_left_then_recovers() -> None:
    run = Run(Topology(mesh_nodes=5))
    lost = run.fleet.topology.mesh_instances[1]
    run.forward(5)
    run.fleet.faults.inject("peer-loss", lost.name, None)
    run.forward(4)

    assert run.count_logs("suspect") == 4
    assert run.total("mesh_gossip_members", mesh_status="suspect") == 4
    assert lost.name not in {instance for instance, _ in run.by_instance()}
    assert lost.name not in {name for name, _ in run.senders}
    assert any(span.status.message == "unavailable" for _, span in run.spans)
    assert run.total("omnirelay.retry.scheduled") > 0
    assert run.total("omnirelay.peer.lease.unhealthy") == len(run.fleet.topology.relay_instances)
    assert run.total("mesh_leadership_transitions_total") == 0
    run.forward(10)
    assert run.count_logs("left: its shards are moved") == 4
    assert run.count_logs("Leader of ") > 0
    assert run.total("mesh_leadership_transitions_total") > 0
    run.forward(5)
    assert sum(span.status.message == "unavailable" for _, span in run.spans) < 0.1 * len(run.spans)
    pending = run.total("taskqueue.pending")
    run.fleet.faults.lift("all")
    run.forward(2)
    assert run.count_logs("recovered") == 5
    assert run.total("mesh_gossip_members", mesh_status="alive") == 25
    assert run.total("taskqueue.pending") <= pending + sum(queue.pending for queue in run.fleet.queues)
    assert lost.name in {instance for instance, _ in run.by_instance()}
    assert run.total("mesh_replication_lag_seconds") > 5
    run.forward(20)
    assert run.total("mesh_replication_lag_seconds") < 5


def test_a_queue_is_counted_on_one_node_after_it_moved_there_and_back() -> None:
    run = Run()
    queue = run.fleet.topology.queue_names[0]
    run.fleet.faults.inject("queue-jam", queue, None)
    run.fleet.faults.inject("peer-loss", run.fleet.topology.home(0).name, None)
    run.forward(40)
    assert run.fleet.owner(0) != run.fleet.topology.home(0)
    run.fleet.faults.lift("peer-loss")
    run.forward(2)

    assert run.fleet.queues[0].pending > 0
    assert run.total("taskqueue.pending", taskqueue_name=queue) == run.fleet.queues[0].pending


def test_a_slow_shard_is_slow_by_itself_until_it_is_lifted() -> None:
    run = Run()
    shard = run.fleet.topology.shards[2]
    run.fleet.faults.inject("slow-shard", shard, None)
    run.forward(10)

    assert _median_work_ms(run, shard, inside=True) > 10 * _median_work_ms(run, shard, inside=False)
    leases = {_shard_of(p): p for _, metric in run.metrics() if metric.name == LEASES for p in points(metric)}
    mean_ms = {name: point.sum / point.count for name, point in leases.items()}
    assert mean_ms.pop(shard) > 5 * max(mean_ms.values())
    slow = [record for _, record in run.logs if _elapsed_ms(record) > 100]
    assert len(slow) > 20
    run.fleet.faults.lift("slow-shard")
    run.forward(10)
    assert _median_work_ms(run, shard, inside=True) < 2 * _median_work_ms(run, shard, inside=False)


LEASES = "taskqueue.lease.duration"


def _shard_of(told: Any) -> str:
    return named(told.attributes, "shard.id")


def _elapsed_ms(record: Any) -> float:
    return max((pair.value.double_value for pair in record.attributes if pair.key == "elapsed_ms"), default=0.0)


def _median_work_ms(run: Run, shard: str, *, inside: bool) -> float:
    """Return the median work of items on a shard, or on all others."""
    process = [span for _, span in run.spans if span.name == "TaskQueue.process"]
    chosen = [span for span in process if (_shard_of(span) == shard) == inside]
    durations = sorted(span.end_time_unix_nano - span.start_time_unix_nano for span in chosen)
    return durations[len(durations) // 2] / 1e6


def test_an_error_burst_fails_one_procedure_until_it_is_lifted() -> None:
    run = Run()
    run.fleet.faults.inject("error-burst", "Catalog::search", None)
    run.forward(20)

    failed = _failed_procedures(run)
    assert len(failed) > 20
    assert failed.count("Catalog::search") > 0.8 * len(failed)
    burst = run.total("omnirelay.rpc.failure", rpc_status="internal")
    assert burst >= 2 * len(failed)
    assert run.count_logs("Unhandled exception in the pipeline of Catalog::search") == failed.count("Catalog::search")
    run.fleet.faults.lift("error-burst")
    run.forward(20)
    assert len(_failed_procedures(run)) < 5
    assert run.total("omnirelay.rpc.failure", rpc_status="internal") < burst + 10


def _failed_procedures(run: Run) -> list[str]:
    served = [span for service, span in run.spans if service == "omnirelay" and span.kind == Span.SPAN_KIND_SERVER]
    return [span.name for span in served if span.status.message == "internal"]


def test_a_log_flood_drowns_one_service_and_slows_it() -> None:
    run = Run()
    run.forward(10)
    calm_logs, calm_ms = len(run.logs), run.median_ms("omnirelay", Span.SPAN_KIND_SERVER)
    run.fleet.faults.inject("log-flood", "omnirelay", None)
    run.forward(10)

    assert len(run.logs) > 20 * calm_logs
    assert {service for service, record in run.logs if "checkpoint" in record.body.string_value} == {"omnirelay"}
    assert run.median_ms("omnirelay", Span.SPAN_KIND_SERVER) > calm_ms + 2
    run.fleet.faults.lift("log-flood")
    run.forward(10)
    assert run.count_logs("checkpoint") == 0


def test_a_cardinality_bomb_makes_series_until_it_is_lifted() -> None:
    run = Run()
    run.skip(120)
    calm = run.gauging.series_count
    run.fleet.faults.inject("cardinality-bomb", "checkout", None)
    run.forward(30)

    bombed = run.gauging.series_count
    ids = _workflow_ids(run)
    assert bombed > calm + 100
    assert ids <= {named(span.attributes, "workflow.id") for _, span in run.spans}
    assert {name.split("-")[0] for name in ids} == {"checkout"}
    assert run.count_logs("new set of labels") > 0
    run.fleet.faults.lift("cardinality-bomb")
    run.forward(30)
    assert not _workflow_ids(run)
    assert run.gauging.series_count < calm * 1.02
    assert run.count_logs("new set of labels") == 0


def _workflow_ids(run: Run) -> set[str]:
    found = {named(p.attributes, "workflow.id") for _, metric in run.metrics() for p in points(metric)}
    return found - {""}


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
