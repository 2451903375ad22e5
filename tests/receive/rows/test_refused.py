"""Requests that may not be written are named, each with its reason, and never one that is sound."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, LogsData
from opentelemetry.proto.trace.v1.trace_pb2 import Span, TracesData

from backbone.receive.form import Request, Unfit
from backbone.receive.rows import items, shredded
from backbone.receive.rows.group import GroupRows
from backbone.store.embedded import EmbeddedEngine
from backbone.store.wire import WireName
from backbone.store.wire.columns import LATEST_NS
from backbone.store.wire.shape import NO_SHAPE
from tests.receive.rows.messages import (
    DAY_NS,
    RECENT_NS,
    SPAN,
    TRACE,
    logs,
    pair,
    request,
    span,
    strings,
    traces,
)
from tests.receive.rows.reading import count, stored
from tests.receive.rows.reference import Sent, rows_of
from tests.receive.rows.refusals import SOUND, beside_sound_ones, refused

LATE = "expected nanoseconds up to the year 2100"
BEYOND_DAYS = "times: expected at most 100 different days in one request"


def on_days(days: int, apart: int = 1) -> TracesData:
    return traces(*(span(start_time_unix_nano=RECENT_NS + day * apart * DAY_NS) for day in range(days)))


def records_on_days(days: int) -> LogsData:
    return logs(*(LogRecord(time_unix_nano=RECENT_NS + day * DAY_NS) for day in range(days)))


def of_record(**fields: Any) -> LogsData:
    return logs(LogRecord(), LogRecord(**fields))


def of_link(**fields: Any) -> TracesData:
    return traces(span(), span(links=[Span.Link(**{"trace_id": TRACE, "span_id": SPAN} | fields)]))


def of_event(time_ns: int) -> TracesData:
    return traces(span(events=[Span.Event(), Span.Event(time_unix_nano=time_ns)]))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(traces(span(trace_id=b"")), "span.trace_id: expected 16 bytes", id="no trace"),
        pytest.param(traces(span(trace_id=bytes(15))), "span.trace_id: expected 16 bytes", id="a short trace"),
        pytest.param(traces(span(), span(trace_id=bytes(17))), "span.trace_id: expected 16 bytes", id="a long one"),
        pytest.param(traces(span(span_id=b"")), "span.span_id: expected 8 bytes", id="no span"),
        pytest.param(traces(span(span_id=bytes(16))), "span.span_id: expected 8 bytes", id="a long span"),
        pytest.param(traces(span(parent_span_id=b"x")), "span.parent_span_id: expected 8 bytes", id="a short parent"),
        pytest.param(of_link(trace_id=b""), "link.trace_id: expected 16 bytes", id="a link to no trace"),
        pytest.param(of_link(span_id=bytes(7)), "link.span_id: expected 8 bytes", id="a link to a short span"),
        pytest.param(traces(span(start_time_unix_nano=LATEST_NS + 1)), f"span.start_time_unix_nano: {LATE}", id="late"),
        pytest.param(traces(span(start_time_unix_nano=2**63)), f"span.start_time_unix_nano: {LATE}", id="past a sign"),
        pytest.param(of_event(LATEST_NS + 1), f"event.time_unix_nano: {LATE}", id="a late event"),
        pytest.param(of_event(2**64 - 1), f"event.time_unix_nano: {LATE}", id="the latest event"),
        pytest.param(on_days(101), BEYOND_DAYS, id="spans on too many days"),
        pytest.param(of_record(trace_id=b"x"), "log_record.trace_id: expected 16 bytes", id="a record's trace"),
        pytest.param(of_record(span_id=bytes(9)), "log_record.span_id: expected 8 bytes", id="a record's span"),
        pytest.param(of_record(time_unix_nano=LATEST_NS + 1), f"log_record.time_unix_nano: {LATE}", id="a late record"),
        pytest.param(
            of_record(observed_time_unix_nano=2**64 - 1), f"log_record.observed_time_unix_nano: {LATE}", id="seen late"
        ),
        pytest.param(records_on_days(101), BEYOND_DAYS, id="records on too many days"),
    ],
)  # fmt: skip
def test_faults_have_their_reasons(data: TracesData | LogsData, reason: str) -> None:
    name: WireName = "traces" if isinstance(data, TracesData) else "logs"
    assert beside_sound_ones(data, name) == {1: reason, 4: reason}


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(traces(span(trace_id=bytes(16), span_id=bytes(8))), id="ids of zeros"),
        pytest.param(traces(span(start_time_unix_nano=LATEST_NS, end_time_unix_nano=2**64 - 1)), id="the last time"),
        pytest.param(of_event(LATEST_NS), id="an event at the last time"),
        pytest.param(on_days(100), id="as many days as may be"),
        pytest.param(on_days(3, apart=4000), id="few days far apart"),
        pytest.param(records_on_days(100), id="records on as many days"),
        pytest.param(of_record(observed_time_unix_nano=LATEST_NS), id="seen at the last time"),
    ],
)  # fmt: skip
def test_what_is_just_within_is_taken(engine: EmbeddedEngine, data: TracesData | LogsData) -> None:
    name: WireName = "traces" if isinstance(data, TracesData) else "logs"
    assert beside_sound_ones(data, name) == {}
    assert stored(engine, name, [request(data)]) == rows_of([Sent(data, "t", RECENT_NS)])


def test_each_is_told_its_own_fault_and_the_first() -> None:
    both = traces(span(trace_id=b"", start_time_unix_nano=2**63), span(span_id=b""))
    group = [on_days(101), both, SOUND["traces"].data, traces(span(span_id=b"")), of_event(2**63)]

    assert refused("traces", [request(data) for data in group]) == {
        0: BEYOND_DAYS,
        1: "span.trace_id: expected 16 bytes",
        3: "span.span_id: expected 8 bytes",
        4: f"event.time_unix_nano: {LATE}",
    }


def test_what_cannot_be_read_is_named_before_what_may_not_be() -> None:
    late, sound = traces(span(start_time_unix_nano=2**63)), traces(*[span(name="x")] * 3000)
    cut = sound.SerializeToString()[:-1]
    group = [request(late), Request(cut, "t", 1), request(sound), Request(cut, "t", 1)]

    assert refused("traces", group) == {1: NO_SHAPE, 3: NO_SHAPE}
    assert refused("traces", [group[0], group[2]]) == {0: f"span.start_time_unix_nano: {LATE}"}
    assert refused("traces", [group[2]]) == {}


def test_days_are_those_of_a_request_and_not_of_a_group(engine: EmbeddedEngine) -> None:
    group = [request(traces(span(start_time_unix_nano=RECENT_NS + day * DAY_NS))) for day in range(150)]
    assert len(stored(engine, "traces", group)) == 150


MANY = 129
WIDE = "x" * (1 << 20)


def wide(count: int, text: str = WIDE) -> TracesData:
    return traces(*[span()] * count, attributes=[pair("a", strings(text))])


def wide_scope(count: int) -> TracesData:
    data = traces(*[span()] * count)
    scope = InstrumentationScope(attributes=[pair("a", strings(WIDE))])
    data.resource_spans[0].scope_spans[0].scope.CopyFrom(scope)
    return data


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(wide(MANY), id="a resource"),
        pytest.param(wide_scope(MANY), id="a scope"),
        pytest.param(
            logs(*[LogRecord()] * MANY, attributes=[pair("a", strings(WIDE))]), id="a resource of records"
        ),
        pytest.param(wide(1 << 13, "y" * (1 << 14)), id="less of more"),
    ],
)  # fmt: skip
def test_what_would_be_too_much_if_each_item_had_it(data: TracesData | LogsData) -> None:
    name: WireName = "traces" if isinstance(data, TracesData) else "logs"
    reason = (
        "resource.attributes: expected at most 134217728 bytes in all, those of each item's resource and scope "
        "counted with each item"
    )
    assert items.MOST_SPREAD_BYTES == 134217728
    assert beside_sound_ones(data, name) == {1: reason, 4: reason}


def test_sound_requests_that_are_too_much_together(monkeypatch: pytest.MonkeyPatch, engine: EmbeddedEngine) -> None:
    monkeypatch.setattr(items, "MOST_SPREAD_BYTES", 100_000)
    half = wide(60, "x" * 1000)
    form = GroupRows("traces")

    with pytest.raises(Unfit) as unfit:
        form.payload([request(half), request(half)])

    assert unfit.value.refused == {}
    assert count(engine, "traces", form.payload([request(half)])) == 60


def test_who_alone_is_too_much_is_named_even_if_all_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(items, "MOST_SPREAD_BYTES", 100_000)
    half, more = request(wide(60, "x" * 1000)), request(wide(120, "x" * 1000))
    assert set(refused("traces", [half, more, half])) == {1}


def many(count: int) -> TracesData:
    return traces(span(attributes=[KeyValue()] * count))


def test_a_request_of_more_rows_than_may_be_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shredded, "MOST_ROOM_BYTES", 1 << 20)
    [(place, reason)] = refused("traces", [request(many(20_000)), request(many(1))]).items()
    assert (place, reason.partition(",")[0]) == (
        0,
        "body: expected at most 512 MiB of attributes",
    )


def test_sound_requests_of_more_rows_than_may_be_together(
    monkeypatch: pytest.MonkeyPatch, engine: EmbeddedEngine
) -> None:
    monkeypatch.setattr(shredded, "MOST_ROOM_BYTES", 1 << 20)
    form, half = GroupRows("traces"), request(many(6_000))

    with pytest.raises(Unfit) as unfit:
        form.payload([half, half])

    assert unfit.value.refused == {}
    assert count(engine, "traces", form.payload([half])) == 1
