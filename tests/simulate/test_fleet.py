"""The fleet's model and what it tells, in virtual time."""

from __future__ import annotations

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from backbone.simulate.fleet import Fleet
from backbone.simulate.logs import write_logs
from backbone.simulate.sizes import SIZES, topology_of
from backbone.simulate.spans import SpanBatch, trace
from backbone.simulate.topology import Topology
from tests.simulate.virtual import START_NS, Run


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


def test_the_same_seed_makes_the_same_telemetry() -> None:
    one, two, other = Run(seed=5), Run(seed=5), Run(seed=6)
    for run in (one, two, other):
        run.fleet.faults.inject("queue-jam", None, None)
        run.forward(5)

    assert one.spans == two.spans
    assert one.logs == two.logs
    assert one.gauging.export(one.now_ns) == two.gauging.export(two.now_ns)
    assert one.spans != other.spans


def test_requests_stay_below_what_servers_take() -> None:
    fleet = Fleet(Topology(), 1000, 1)
    fleet.faults.inject("log-flood", "omnirelay", None)
    step = fleet.step(START_NS)
    spans = SpanBatch()
    for call in step.calls:
        trace(call, fleet.topology, spans)
    logs = write_logs(fleet, step)

    for requests in (spans.requests(), logs.requests()):
        assert len(requests) > 1
        assert max(len(body) for body, _ in requests) < 4 << 20
    parsed = [ExportLogsServiceRequest.FromString(body) for body, _ in logs.requests()]
    in_body = [sum(len(s.log_records) for r in p.resource_logs for s in r.scope_logs) for p in parsed]
    assert in_body == [count for _, count in logs.requests()]
    assert sum(in_body) > 50 * len(step.calls)


def test_load_follows_the_hour_of_the_day() -> None:
    def calls_at(hour: int) -> int:
        fleet = Fleet(Topology(), 40, 1)
        midnight_ns = START_NS - START_NS % (86_400 * 10**9)
        return sum(len(fleet.step(midnight_ns + (hour * 3600 + s) * 10**9).calls) for s in range(20))

    assert calls_at(15) > 2 * calls_at(3)


def test_latency_has_a_heavy_tail() -> None:
    fleet = Fleet(Topology(), 1, 1)
    drawn = sorted(fleet.latency(10) for _ in range(20_000))

    assert drawn[10_000] == pytest.approx(10, rel=0.05)
    assert drawn[19_980] > 5 * drawn[10_000]


@pytest.mark.parametrize("size", ["demo", "small", "medium", "large"])
def test_a_size_makes_its_number_of_series(size: str) -> None:
    run = Run(topology_of(SIZES[size]))
    run.skip(60)

    assert run.gauging.series_count == pytest.approx(SIZES[size], rel=0.06)
