"""Any group of requests becomes the rows that a slow reading of their messages gives, column by column."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, LogsData, ResourceLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, TracesData

from backbone.receive.form import Request
from backbone.receive.rows.group import GroupRows
from backbone.store.embedded import EmbeddedEngine
from backbone.store.engine import Statement
from backbone.store.wire import WireName, wire
from backbone.store.wire.columns import declared
from tests.receive.rows.messages import (
    FULL_LOGS,
    FULL_TRACES,
    LOGS,
    RECENT_NS,
    SETTINGS,
    TRACES,
    groups,
    logs,
    pair,
    request,
    requests_of,
    span,
    strings,
    traces,
)
from tests.receive.rows.reading import FORMS, Row, count, stored
from tests.receive.rows.reference import Sent, rows_of


def same(found: list[Row], expected: list[Row]) -> None:
    """Compare row by row and column by column, so that a difference is told by its place."""
    assert len(found) == len(expected)
    for number, (one, other) in enumerate(zip(found, expected, strict=True)):
        assert set(one) == set(other)
        for name, value in other.items():
            assert one[name] == value, f"row {number}, {name}"


def seen(engine: EmbeddedEngine, name: WireName, group: list[Sent]) -> None:
    same(stored(engine, name, requests_of(group)), rows_of(group))


@SETTINGS
@given(groups(TRACES))
def test_spans(engine: EmbeddedEngine, group: list[Sent]) -> None:
    seen(engine, "traces", group)


@SETTINGS
@given(groups(LOGS))
def test_log_records(engine: EmbeddedEngine, group: list[Sent]) -> None:
    seen(engine, "logs", group)


@pytest.mark.parametrize(
    ("name", "data"),
    [pytest.param("traces", FULL_TRACES, id="spans"), pytest.param("logs", FULL_LOGS, id="log records")],
)
def test_everything_at_once(engine: EmbeddedEngine, name: WireName, data: TracesData | LogsData) -> None:
    seen(engine, name, [Sent(data, "t", 1), Sent(data, "u", 2)])


def plain(value: str | int) -> AnyValue:
    return strings(value) if isinstance(value, str) else AnyValue(int_value=value)


def one(engine: EmbeddedEngine, data: TracesData | LogsData) -> Row:
    [row] = stored(engine, "traces" if isinstance(data, TracesData) else "logs", [request(data)])
    return row


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({"kind": 3}, {"kind": "client"}, id="a kind"),
        pytest.param({"kind": 6}, {"kind": "unspecified"}, id="a kind past the last"),
        pytest.param({"kind": -1}, {"kind": "unspecified"}, id="a kind below"),
        pytest.param({"kind": 257}, {"kind": "unspecified"}, id="a kind whose last byte is one"),
        pytest.param({"status": {"code": 2}}, {"status": "error"}, id="a status"),
        pytest.param({"status": {"code": 3}}, {"status": "unset"}, id="a status past the last"),
        pytest.param({"end_time_unix_nano": RECENT_NS + 7}, {"duration_ns": 7}, id="a duration"),
        pytest.param({"end_time_unix_nano": RECENT_NS - 7}, {"duration_ns": 0}, id="an end before the start"),
        pytest.param({"end_time_unix_nano": 0}, {"duration_ns": 0}, id="no end"),
        pytest.param({"start_time_unix_nano": 0}, {"time": 0}, id="no start"),
        pytest.param({"end_time_unix_nano": 2**64 - 1}, {"duration_ns": 2**64 - 1 - RECENT_NS}, id="the last end"),
        pytest.param({"flags": 2**32 - 1}, {"flags": 2**32 - 1}, id="all flags"),
        pytest.param({"parent_span_id": b""}, {"parent_span_id": "00" * 8}, id="no parent"),
    ],
)  # fmt: skip
def test_numbers_of_spans(engine: EmbeddedEngine, fields: Row, expected: Row) -> None:
    row = one(engine, traces(span(**fields)))
    assert {name: row[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({"time_unix_nano": 5, "observed_time_unix_nano": 6}, {"time": 5, "observed": 6}, id="both times"),
        pytest.param({"observed_time_unix_nano": 6}, {"time": 6, "observed": 6}, id="when it was observed"),
        pytest.param({}, {"time": RECENT_NS, "observed": 0}, id="when it came"),
        pytest.param({"severity_number": 24}, {"severity": 24}, id="the highest severity"),
        pytest.param({"severity_number": 25}, {"severity": 0}, id="a severity past it"),
        pytest.param({"severity_number": -1}, {"severity": 0}, id="a severity below"),
        pytest.param({"severity_number": 256 + 9}, {"severity": 0}, id="a severity whose last byte is one"),
        pytest.param({}, {"body": "", "body_kind": ""}, id="no body"),
        pytest.param({"body": strings("")}, {"body": "", "body_kind": "string_value"}, id="an empty body"),
        pytest.param({}, {"trace_id": "00" * 16, "span_id": "00" * 8}, id="of no trace"),
    ],
)
def test_numbers_of_log_records(engine: EmbeddedEngine, fields: Row, expected: Row) -> None:
    row = one(engine, logs(LogRecord(**fields)))
    assert {name: row[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        pytest.param([], "", id="none"),
        pytest.param([("service.name", "shop")], "shop", id="a service"),
        pytest.param([("host.name", "h"), ("service.name", "shop")], "shop", id="after others"),
        pytest.param([("service.name", "a"), ("service.name", "b")], "a", id="the first of two"),
        pytest.param([("service.name", 5)], "", id="no text"),
        pytest.param([("service.name", 5), ("service.name", "b")], "", id="no text, whatever follows"),
        pytest.param([("service.names", "a"), ("service.nam", "b")], "", id="almost its name"),
    ],
)
def test_services(engine: EmbeddedEngine, attributes: list[tuple[str, Any]], expected: str) -> None:
    said = [pair(key, plain(value)) for key, value in attributes]
    assert one(engine, traces(span(), attributes=said))["service"] == expected
    assert one(engine, logs(LogRecord(), attributes=said))["service"] == expected


def test_what_is_split_in_two_is_put_together_as_protobuf_says(engine: EmbeddedEngine) -> None:
    first = Resource(attributes=[pair("a", strings("1"))], dropped_attributes_count=1)
    second = Resource(attributes=[pair("service.name", strings("shop"))], dropped_attributes_count=2)
    halves = [
        ResourceSpans(resource=first, scope_spans=[ScopeSpans(spans=[span()])], schema_url="before"),
        ResourceSpans(resource=second, schema_url="after"),
    ]
    content = b"".join(half.SerializeToString() for half in halves)
    whole = TracesData(resource_spans=[ResourceSpans.FromString(content)])
    body = b"\x0a" + bytes([len(content)]) + content

    found = stored(engine, "traces", [Request(body, "t", 1)])

    same(found, rows_of([Sent(whole, "t", 1)]))
    assert found[0]["service"] == "shop"


NO_SPANS = TracesData(resource_spans=[ResourceSpans(resource=Resource(attributes=[pair("a", strings("b"))]))] * 3)
NO_SCOPES = TracesData(resource_spans=[ResourceSpans(scope_spans=[ScopeSpans(), ScopeSpans()])])
NO_RECORDS = LogsData(resource_logs=[ResourceLogs(resource=Resource(attributes=[pair("service.name", strings("b"))]))])


@pytest.mark.parametrize(
    ("name", "group"),
    [
        pytest.param("traces", [], id="no request"),
        pytest.param("traces", [TracesData()], id="an empty request"),
        pytest.param("logs", [LogsData(), LogsData()], id="empty requests"),
        pytest.param("traces", [NO_SPANS, NO_SPANS], id="resources without spans"),
        pytest.param("traces", [NO_SCOPES], id="scopes without spans"),
        pytest.param("logs", [NO_RECORDS], id="resources without records"),
        pytest.param("traces", [NO_SPANS, traces(span()), NO_SCOPES, traces(span(), span())], id="among others"),
        pytest.param("logs", [NO_RECORDS, logs(LogRecord())], id="among other records"),
    ],
)
def test_groups_are_inserted_however_little_they_hold(
    engine: EmbeddedEngine, name: WireName, group: list[TracesData | LogsData]
) -> None:
    columns = ", ".join(f"`{column}` {kind}" for column, kind in declared(wire(name).columns).items())
    requests = [request(data) for data in group]

    async def inserted() -> int:
        await engine.command(Statement(f"CREATE TABLE kept ({columns}) ENGINE = MergeTree ORDER BY ()"))
        await engine.insert("kept", None, FORMS[name].payload(requests), token="once")
        [row] = await engine.rows(Statement("SELECT count() AS rows FROM kept"))
        await engine.command(Statement("DROP TABLE kept SYNC"))
        return int(row["rows"])

    assert asyncio.run(inserted()) == len(rows_of([Sent(data, "t", RECENT_NS) for data in group]))


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(255, id="below a byte"),
        pytest.param(256, id="a byte"),
        pytest.param(257, id="past a byte"),
        pytest.param(1024, id="as many as there is room for at first"),
        pytest.param(1025, id="past it"),
        pytest.param(1 << 16, id="two bytes"),
        pytest.param((1 << 16) + 1, id="past two bytes"),
    ],
)
def test_however_many_names_there_are(engine: EmbeddedEngine, names: int) -> None:
    # Each span and each attribute has a name that no other has.
    group = [
        request(traces(*(span(name=f"n{one}", attributes=[pair(f"k{one}", strings(f"v{one}"))]) for one in part)))
        for part in (range(names // 2), range(names // 2, names))
    ]
    payload = GroupRows("traces").payload(group)
    sql = (
        "SELECT count() AS rows, uniqExact(name) AS names, countIf(name != concat('n', toString(number)) "
        "OR mapKeys(attributes) != [concat('k', toString(number))] "
        "OR mapValues(attributes) != [concat('v', toString(number))]) AS wrong "
        "FROM (SELECT name, attributes, rowNumberInAllBlocks() AS number FROM requests)"
    )

    [found] = asyncio.run(engine.inspect(sql, None, wire("traces").columns, payload))

    assert found == {"rows": names, "names": names, "wrong": 0}


def test_a_span_may_have_thousands_of_names(engine: EmbeddedEngine) -> None:
    attributes = [pair(f"key {number}", strings("x" * (number % 300))) for number in range(5000)]
    events = [Span.Event(name=f"event {number}", attributes=attributes[number : number + 2]) for number in range(3000)]
    group = [Sent(traces(span(attributes=attributes, events=events), span(), attributes=attributes[:700]), "t", 1)]
    seen(engine, "traces", group * 2)


def test_kinds_may_be_as_many_as_names(engine: EmbeddedEngine) -> None:
    records = [
        LogRecord(attributes=[pair(f"k{number}", plain(number if number % 3 else "none"))]) for number in range(3000)
    ]
    seen(engine, "logs", [Sent(logs(*records), "t", 1)])


def test_groups_leave_nothing_behind(engine: EmbeddedEngine) -> None:
    form = GroupRows("logs")
    many = [request(logs(*[LogRecord(body=strings("x"), severity_text="WARN")] * 3000))]
    few = Sent(logs(LogRecord(), LogRecord(event_name="y")), "u", 2)

    assert count(engine, "logs", form.payload(many)) == 3000
    same(stored(engine, "logs", requests_of([few])), rows_of([few]))
    assert count(engine, "logs", form.payload(requests_of([few]))) == 2
