"""Rates, errors and durations by minute, and edges between services."""

from __future__ import annotations

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from backbone.model.time import now_ns
from backbone.store.edges import EdgeSums
from backbone.store.engine import Statement
from tests.conftest import Server
from tests.receive.test_doors import PROTOBUF

MINUTE_NS = 60 * 10**9
NOW_NS = now_ns()
SETTLED_NS = (NOW_NS - 150 * 10**9) // MINUTE_NS * MINUTE_NS
"""The minute that is summed up when it is now."""


def span(service: str, kind: Span.SpanKind.ValueType, span_id: int, parent: int, *, failed: bool = False) -> bytes:
    """Return a request with one span of 8 ms."""
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    resource.resource.attributes.add(key="service.name").value.string_value = service
    one = resource.scope_spans.add().spans.add(trace_id=bytes(15) + b"t", name="call", kind=kind)
    one.span_id = span_id.to_bytes(8)
    one.parent_span_id = parent.to_bytes(8) if parent else b""
    one.start_time_unix_nano = SETTLED_NS + 5 * 10**9
    one.end_time_unix_nano = one.start_time_unix_nano + 8_000_000
    one.status.code = Status.STATUS_CODE_ERROR if failed else Status.STATUS_CODE_UNSET
    return request.SerializeToString()


async def test_calls_between_services_are_summed_up_once_by_minute(server: Server) -> None:
    client, serving = Span.SPAN_KIND_CLIENT, Span.SPAN_KIND_SERVER
    bodies = [
        span("mesh", serving, 2, 1),
        span("relay", client, 1, 0),
        span("relay", client, 3, 0),
        span("mesh", serving, 4, 3, failed=True),
        span("mesh", serving, 5, 99),
    ]
    for body in bodies:
        assert (await server.http.post("/v1/traces", content=body, headers=PROTOBUF)).status_code == 200

    for _ in range(2):
        await EdgeSums(server.backbone.engine).sum_up(NOW_NS)

    edges = await server.rows(
        "SELECT client, server, toUnixTimestamp(minute) AS minute, sum(calls) AS calls, sum(errors) AS errors, "
        "sum(total_ns) AS total_ns FROM edges GROUP BY ALL"
    )
    assert edges == [
        {
            "client": "relay",
            "server": "mesh",
            "minute": SETTLED_NS // 10**9,
            "calls": 2,
            "errors": 1,
            "total_ns": 16_000_000,
        }
    ]


async def test_operations_hold_rates_errors_and_durations_by_minute(server: Server) -> None:
    for number, failed in enumerate([False, False, True], 1):
        body = span("mesh", Span.SPAN_KIND_SERVER, number, 0, failed=failed)
        await server.http.post("/v1/traces", content=body, headers=PROTOBUF)

    (row,) = await server.rows(
        "SELECT service, name, toString(kind) AS kind, toUnixTimestamp(minute) AS minute, sum(o.spans) AS spans, "
        "sumIf(o.spans, o.status = 'error') AS errors, sumMap(durations) AS durations FROM operations AS o GROUP BY ALL"
    )

    [[bucket], counts] = row.pop("durations")
    assert 2 ** (bucket / 8) < 8_000_000 <= 2 ** ((bucket + 1) / 8)
    assert counts == [3]
    assert row == {
        "service": "mesh",
        "name": "call",
        "kind": "server",
        "minute": SETTLED_NS // 10**9,
        "spans": 3,
        "errors": 1,
    }


async def test_minutes_that_passed_while_no_server_ran_are_caught_up_on(server: Server) -> None:
    client, serving = Span.SPAN_KIND_CLIENT, Span.SPAN_KIND_SERVER
    for body in (span("relay", client, 1, 0), span("mesh", serving, 2, 1)):
        await server.http.post("/v1/traces", content=body, headers=PROTOBUF)
    engine = server.backbone.engine
    minutes = "SELECT toUnixTimestamp(minute) AS minute, sum(calls) AS calls FROM edges GROUP BY minute ORDER BY minute"
    before = SETTLED_NS // 10**9 - 3600
    await engine.command(Statement(f"INSERT INTO edges SELECT '', toDateTime({before}, 'UTC'), 'a', 'b', 1, 1, 0, 1"))

    await EdgeSums(engine).sum_up(NOW_NS + 20 * MINUTE_NS)

    assert await server.rows(minutes) == [{"minute": before, "calls": 1}, {"minute": SETTLED_NS // 10**9, "calls": 1}]


async def test_running_sums_go_on_where_they_were(server: Server) -> None:
    sums = EdgeSums(server.backbone.engine)
    await sums.sum_up(NOW_NS - 5 * MINUTE_NS)
    client, serving = Span.SPAN_KIND_CLIENT, Span.SPAN_KIND_SERVER
    for body in (span("relay", client, 1, 0), span("mesh", serving, 2, 1)):
        await server.http.post("/v1/traces", content=body, headers=PROTOBUF)

    # The engine was not able for some minutes.
    await sums.sum_up(NOW_NS + 5 * MINUTE_NS)

    assert await server.rows("SELECT sum(calls) AS calls FROM edges") == [{"calls": 1}]
