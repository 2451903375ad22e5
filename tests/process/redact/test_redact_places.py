"""Secrets in every place of a span and a log record."""

from __future__ import annotations

import json
from typing import Any

import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, LogsData, ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status, TracesData

from backbone.query.values import key_values, plain_attributes
from backbone.store.engine import Statement
from tests.stored import Stored, ago_ns, number, text

MAIL = "jane.roe@example.com"
TRACE = bytes(range(16))


def deep(levels: int) -> AnyValue:
    value = AnyValue(string_value=f"reach {MAIL}")
    for _ in range(levels):
        value = AnyValue(kvlist_value=KeyValueList(values=[KeyValue(key="in", value=value)]))
    return value


VALUES = {
    "text": AnyValue(string_value=f"reach {MAIL}"),
    "array": AnyValue(array_value=ArrayValue(values=[AnyValue(string_value=MAIL), AnyValue(int_value=1)])),
    "list": deep(1),
    "deeper than the wire": deep(6),
    "bytes": AnyValue(bytes_value=f"to {MAIL};".encode()),
    "bytes in an array": AnyValue(array_value=ArrayValue(values=[AnyValue(bytes_value=f"to {MAIL};".encode())])),
    "password in depth": AnyValue(
        kvlist_value=KeyValueList(values=[KeyValue(key="password", value=AnyValue(string_value="h0rse battery"))])
    ),
}


def attributes() -> list[KeyValue]:
    return [
        *(KeyValue(key=key, value=value) for key, value in VALUES.items()),
        text(f"of {MAIL}", "a name"),
        number(f"number of {MAIL}", 4),
        text("user.password", "tr0ub4dor"),
        number("api_token", 77123456),
        text("plain", "left as it is"),
    ]


def everywhere() -> TracesData:
    span = Span(
        trace_id=TRACE,
        span_id=b"12345678",
        name=f"GET /users/{MAIL}",
        start_time_unix_nano=ago_ns(1),
        end_time_unix_nano=ago_ns(1),
        trace_state=f"v={MAIL}",
        status=Status(message=f"no {MAIL}"),
        attributes=attributes(),
        events=[
            Span.Event(time_unix_nano=ago_ns(1), name=f"sent {MAIL}", attributes=attributes()),
            Span.Event(time_unix_nano=ago_ns(1), name="other", attributes=[text("plain", "x")]),
            Span.Event(time_unix_nano=ago_ns(1), name="third", attributes=attributes()),
        ],
        links=[
            Span.Link(trace_id=TRACE, span_id=b"12345678", trace_state=f"l={MAIL}", attributes=attributes()),
            Span.Link(trace_id=TRACE, span_id=b"12345678", attributes=[text("plain", "y")]),
        ],
    )
    scope = InstrumentationScope(name=f"lib {MAIL}", version=f"1 {MAIL}", attributes=attributes())
    return TracesData(
        resource_spans=[
            ResourceSpans(
                resource=Resource(attributes=[text("service.name", f"svc {MAIL}"), *attributes()]),
                schema_url=f"https://user:tr0ub4dor@host/{MAIL}",
                scope_spans=[ScopeSpans(scope=scope, spans=[span], schema_url=f"https://h/{MAIL}")],
            )
        ]
    )


SECRETS = (MAIL, "jane.roe", "example.com", "tr0ub4dor", "h0rse", "77123456", "amFuZS5yb2U")


async def rows(stored: Stored, table: str, tenant: str) -> list[dict[str, Any]]:
    return await stored.engine.rows(Statement(f"SELECT * FROM {table} WHERE tenant = {{t:String}}", {"t": tenant}))


def assert_clean(found: Any) -> None:
    told = json.dumps(found, ensure_ascii=False)
    assert [secret for secret in SECRETS if secret in told] == []


async def test_no_place_of_a_span_keeps_a_secret(stored: Stored) -> None:
    tenant = stored.tenant()
    await stored.send("traces", tenant, everywhere().SerializeToString())
    [row] = await rows(stored, "spans", tenant)
    assert_clean(row)
    assert row["name"] == "GET /users/<email>"
    assert row["service"] == "svc <email>"
    assert row["attributes"]["text"] == "reach <email>"
    assert row["attributes"]["of <email>"] == "a name"
    assert row["attributes"]["plain"] == "left as it is"
    assert row["attributes"]["user.password"] == row["attributes"]["api_token"] == "<attribute>"
    assert row["attributes"]["bytes"] == "<binary>"
    assert [one.get("plain") for one in row["events.attributes"]] == ["left as it is", "x", "left as it is"]
    assert [one.get("plain") for one in row["links.attributes"]] == ["left as it is", "y"]
    assert row["resource_schema_url"] == "https://user:<url_password>@host/<email>"


async def test_no_place_of_a_record_keeps_a_secret(stored: Stored) -> None:
    tenant = stored.tenant()
    record = LogRecord(
        time_unix_nano=ago_ns(1),
        severity_text=f"INFO {MAIL}",
        event_name=f"event {MAIL}",
        body=VALUES["list"],
        attributes=attributes(),
    )
    spans = everywhere().resource_spans[0]
    data = LogsData(
        resource_logs=[
            ResourceLogs(
                resource=spans.resource,
                schema_url=spans.schema_url,
                scope_logs=[ScopeLogs(scope=spans.scope_spans[0].scope, log_records=[record])],
            )
        ]
    )
    await stored.send("logs", tenant, data.SerializeToString())
    [row] = await rows(stored, "logs", tenant)
    assert_clean(row)
    assert row["body"] == '{"in":"reach <email>"}'


@pytest.mark.parametrize("table", ["operations", "findings", "ingested"])
async def test_what_is_derived_from_rows_keeps_no_secret(stored: Stored, table: str) -> None:
    tenant = stored.tenant()
    await stored.send("traces", tenant, everywhere().SerializeToString())
    found = await rows(stored, table, tenant)
    assert found
    assert_clean(found)


async def test_values_that_are_no_longer_of_their_kind_are_read_as_text(stored: Stored) -> None:
    tenant = stored.tenant()
    await stored.send("traces", tenant, everywhere().SerializeToString())
    [row] = await rows(stored, "spans", tenant)
    read = plain_attributes(key_values(row["attributes"], row["attribute_kinds"]))
    assert read["api_token"] == "<attribute>"
    assert read["number of <email>"] == 4
    assert read["bytes"] == "<binary>"
    assert read["array"] == ["<email>", 1]
    assert read["bytes in an array"] == ["<binary>"]
    assert read["deeper than the wire"] == {"in": {"in": {"in": {"in": {"in": {"in": "reach <email>"}}}}}}


async def test_findings_say_which_rules_replaced_something(stored: Stored) -> None:
    tenant = stored.tenant()
    await stored.send("traces", tenant, everywhere().SerializeToString())
    found = {row["rule"]: row for row in await rows(stored, "findings", tenant)}
    assert {"email", "attribute", "binary", "url_password"} == set(found)
    assert all(row["example"] == TRACE.hex() for row in found.values())
