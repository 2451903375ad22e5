"""The bodies are what the report says of them; decoded by others' code, as a server would."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from bench.bodies.logs import LogBodies
from bench.bodies.points import PointBodies
from bench.bodies.samples import SampleBodies
from bench.bodies.spans import SpanBodies
from bench.measure import Figures, percentile
from bench.parts import PARTS
from bench.policy.bomb import AT_ONCE, NewSeries
from bench.server import Disk
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from rich.console import Console
from tests.bench.wire import samples_in

from bench import markers, report

START_NS = 1_790_000_000_000_000_000
LANES = 4


@pytest.fixture(scope="module")
def spans() -> list[Span]:
    """Two requests, one after the other, of the same template."""
    bodies = SpanBodies(seed=1)
    requests = [ExportTraceServiceRequest.FromString(bodies.body(number)) for number in (0, 16)]
    return [s for request in requests for r in request.resource_spans for scope in r.scope_spans for s in scope.spans]


@pytest.fixture(scope="module")
def records() -> list[LogRecord]:
    bodies = LogBodies(seed=1)
    requests = [ExportLogsServiceRequest.FromString(bodies.body(number)) for number in (0, 8)]
    return [
        r for request in requests for of in request.resource_logs for scope in of.scope_logs for r in scope.log_records
    ]


def test_a_span_request_has_as_many_spans_as_claimed_with_15_attributes(spans: list[Span]) -> None:
    assert len(spans) == 2 * PARTS["spans"].items_per_request
    assert {len({a.key for a in span.attributes}) for span in spans} == {15}


def test_no_two_spans_of_any_request_share_an_id(spans: list[Span]) -> None:
    assert len({span.span_id for span in spans}) == len(spans)
    assert {len(span.trace_id) for span in spans} == {16}
    assert len({span.trace_id for span in spans}) == len(spans) // 10


def test_a_span_stands_under_a_span_of_its_own_trace(spans: list[Span]) -> None:
    trace_of = {span.span_id: span.trace_id for span in spans}
    children = [span for span in spans if span.parent_span_id]

    assert len(children) == len(spans) * 9 // 10
    assert all(trace_of[span.parent_span_id] == span.trace_id for span in children)


def test_a_span_ends_after_it_began_and_says_how_long_it_took(spans: list[Span]) -> None:
    for span in spans:
        measured = next(a.value.double_value for a in span.attributes if a.key == "hugo.select.duration_ms")

        assert span.end_time_unix_nano - span.start_time_unix_nano == pytest.approx(measured * 1e6, abs=501)


def test_a_log_request_has_as_many_records_as_claimed_of_250_bytes_and_12_attributes(records: list[LogRecord]) -> None:
    assert len(records) == 2 * PARTS["logs"].items_per_request
    assert {len(record.body.string_value.encode()) for record in records} == {250}
    assert {len({a.key for a in record.attributes}) for record in records} == {12}


def test_no_two_log_records_of_any_request_share_a_body_or_a_span(records: list[LogRecord]) -> None:
    assert len({record.body.string_value for record in records}) == len(records)
    assert len({record.span_id for record in records}) == len(records)
    assert len({record.trace_id for record in records}) == len(records) // 5
    assert all(record.time_unix_nano <= record.observed_time_unix_nano for record in records)


def _points(body: bytes) -> dict[str, list[tuple[tuple[str, ...], float]]]:
    """Return (attributes, value) by kind of point; a histogram's value is its count, checked against its buckets."""
    found: dict[str, list[tuple[tuple[str, ...], float]]] = {"sum": [], "gauge": [], "histogram": []}
    scope = ExportMetricsServiceRequest.FromString(body).resource_metrics[0].scope_metrics[0]
    for metric in scope.metrics:
        for point in metric.sum.data_points:
            found["sum"].append(((metric.name, str(point.attributes)), point.as_int))
        for gauge in metric.gauge.data_points:
            found["gauge"].append(((metric.name, str(gauge.attributes)), gauge.as_double))
        for histogram in metric.histogram.data_points:
            assert sum(histogram.bucket_counts) == histogram.count
            assert len(histogram.bucket_counts) == len(histogram.explicit_bounds) + 1
            found["histogram"].append(((metric.name, str(histogram.attributes)), histogram.count))
    return found


def test_metric_requests_have_as_many_points_as_claimed_and_counters_rise() -> None:
    bodies = PointBodies(seed=1, lanes=LANES, start_ns=START_NS, first_step=0)
    first, *_, later = [_points(bodies.body(number)) for number in range(LANES + 1)]

    assert sum(map(len, first.values())) == PARTS["points"].items_per_request
    assert {kind: len(points) for kind, points in first.items()} == {"sum": 900, "gauge": 900, "histogram": 200}
    for kind in ("sum", "histogram"):
        before, after = dict(first[kind]), dict(later[kind])
        assert len(before) == len(first[kind])
        assert before.keys() == after.keys()
        assert all(before[series] <= after[series] for series in before)


def test_remote_write_requests_hold_10_000_series_of_7_labels_in_order_15_s_apart() -> None:
    bodies = SampleBodies(seed=1, lanes=LANES, requests=2 * LANES, start_ms=START_NS // 1_000_000, first_step=0)
    last: dict[tuple[str, ...], tuple[float, int]] = {}
    for number in range(2 * LANES):
        samples = list(samples_in(bodies.body(number)))

        assert len(samples) == PARTS["samples"].items_per_request
        for labels, value, time_ms in samples:
            key = tuple(labels.values())
            assert list(labels) == sorted(labels)
            assert len(labels) == 7
            before = last.get(key)
            if before is not None:
                assert 0 <= value - before[0] <= 20
                assert time_ms - before[1] == 15_000
            last[key] = (value, time_ms)
    assert len(last) == 10_000


def test_a_bomb_has_a_new_series_in_each_sample() -> None:
    bomb = NewSeries(seed=1)
    samples = [sample for _ in range(2) for sample in samples_in(bomb.next())]
    assert len(samples) == 2 * AT_ONCE
    assert len({labels["id"] for labels, _, _ in samples}) == len(samples)
    assert {(labels["__name__"], value) for labels, value, _ in samples} == {("bomb_total", 1.0)}


def test_the_next_load_goes_on_where_the_last_one_ended() -> None:
    first = SampleBodies(seed=1, lanes=LANES, requests=2 * LANES, start_ms=0x1A0_0000_0000, first_step=0)
    then = SampleBodies(seed=1, lanes=LANES, requests=LANES, start_ms=0x1A0_0000_0000, first_step=2 * LANES)
    last = max(time_ms for number in range(2 * LANES) for _, _, time_ms in samples_in(first.body(number)))
    earliest = min(time_ms for number in range(LANES) for _, _, time_ms in samples_in(then.body(number)))

    assert earliest - last == 15_000


def test_markers_are_found_in_any_answer_that_has_them() -> None:
    assert b"marker-17" in markers.body("logs", 17, START_NS)
    assert markers.TEXT.findall(b'[{"name":"marker-17"},["marker-2"]]') == [b"17", b"2"]
    assert markers.VALUE.findall(b'"values":[[1790000000.5,"17"],[1.79e+09, "2"]]') == [b"17", b"2"]
    assert [(s[1], s[2]) for s in samples_in(markers.body("samples", 17, START_NS))] == [(17.0, START_NS // 1_000_000)]


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        pytest.param([], 0.99, None, id="of nothing there is none"),
        pytest.param([3.0], 0.5, 3.0, id="of one value it is this"),
        pytest.param([4.0, 1.0, 3.0, 2.0], 0.5, 2.0, id="half of four values are at most the second"),
        pytest.param([4.0, 1.0, 3.0, 2.0], 0.51, 3.0, id="a little more than half needs the third"),
        pytest.param([float(n) for n in range(1, 101)], 0.99, 99.0, id="the last but one of a hundred is p99"),
        pytest.param([float(n) for n in range(1, 100)], 0.99, 99.0, id="of 99 values p99 is the greatest"),
    ],
)
def test_percentile_is_the_smallest_value_that_covers_the_share(
    values: Sequence[float], share: float, expected: float | None
) -> None:
    assert percentile(values, share) == expected


def _figures(server: str, *, cpu: float, lag: float | None = 0.4) -> Figures:
    return Figures(
        server=server,
        version="1",
        part="samples",
        items=6_000_000,
        seconds=6.0,
        cpu_sending=cpu - 1,
        cpu_settled=cpu,
        settled=True,
        rss_peak_bytes=900 << 20,
        disk=Disk(6_600_000, {"samples": 1.05}),
        ack_p50_seconds=0.012,
        ack_p99_seconds=0.3,
        lag_p50_seconds=0.2,
        lag_p99_seconds=lag,
    )


def _verdicts(*figures: Figures) -> dict[str, str]:
    return {check.what: check.verdict for check in report.checks(figures)}


@pytest.mark.parametrize(
    ("cpu", "expected"),
    [
        pytest.param(5.0, "goal", id="1.2 M a CPU-second reach the goal"),
        pytest.param(10.0, "floor", id="600,000 hold the floor"),
        pytest.param(13.0, "missed", id="461,000 miss it"),
    ],
)
def test_a_rate_is_judged_with_its_merges(cpu: float, expected: str) -> None:
    assert _verdicts(_figures("backbone", cpu=cpu))["samples / CPU-s, settled"] == expected


def test_other_promises_are_judged_beside_their_bound() -> None:
    verdicts = _verdicts(_figures("backbone", cpu=8.0, lag=2.1), _figures("a", cpu=9.0), _figures("b", cpu=7.0))

    assert verdicts["samples: bytes / item"] == "goal"
    assert verdicts["samples: RSS MiB at full speed"] == "goal"
    assert verdicts["samples: lag p99 ms at half load"] == "missed"
    assert verdicts["samples / CPU-s beside a"] == "goal"
    assert verdicts["samples / CPU-s beside b"] == "missed"


def test_what_was_not_measured_is_not_called_kept() -> None:
    assert _verdicts(_figures("backbone", cpu=8.0, lag=None))["samples: lag p99 ms at half load"] == "unknown"


def test_the_report_renders_on_a_terminal_and_as_markdown() -> None:
    figures = [_figures("backbone", cpu=8.0), _figures("prometheus", cpu=20.0)]
    console = Console(record=True, width=160, force_terminal=True, file=io.StringIO())
    for table in report.tables(figures):
        console.print(table)
    text = report.markdown(figures, report.Machine.this(), ["a note"], datetime(2026, 11, 24, tzinfo=UTC))
    rows = [line for line in text.splitlines() if line.startswith("|")]

    assert "750,000" in console.export_text()
    assert "| samples | prometheus | 300,000 | 315,789 | 1.10 | 900 | 1,000,000 |" in rows
    assert "| samples / CPU-s, settled | 750,000 | goal 1,000,000, floor 500,000 | floor held, goal missed |" in rows
    assert text.endswith("- a note\n")
