"""Jaeger's API, as its UI and Grafana's data source call it, and our own ways to look into traces."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, InstrumentationScope, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status, TracesData

from backbone.model.time import now_ns
from tests.stored import Stored, number, of, span, text

_SECOND = 10**9
_NOW = now_ns() // _SECOND * _SECOND - 60 * _SECOND
_WINDOW = {"start": str(_NOW // 1_000 - 600_000_000), "end": str(_NOW // 1_000 + 60_000_000)}
_PARENT = (7).to_bytes(8, "big")


def _rich() -> Span:
    one = span("abc", "checkout", at_ns=_NOW - 60 * _SECOND, ms=12.5, identity=2, kind=Span.SPAN_KIND_CLIENT)
    one.parent_span_id = _PARENT
    one.trace_state = "a=b"
    one.status.code = Status.STATUS_CODE_ERROR
    one.status.message = "card declined"
    values = {
        "text": AnyValue(string_value="x"),
        "int": AnyValue(int_value=-5),
        "double": AnyValue(double_value=1.5),
        "bool": AnyValue(bool_value=True),
        "bytes": AnyValue(bytes_value=b"hi"),
        "list": AnyValue(array_value=ArrayValue(values=[AnyValue(int_value=1), AnyValue(string_value="b")])),
    }
    one.attributes.extend(KeyValue(key=key, value=value) for key, value in values.items())
    one.events.add(time_unix_nano=_NOW - 59 * _SECOND, name="retry", attributes=[number("attempt", 2)])
    one.links.add(trace_id=bytes.fromhex("12".rjust(32, "0")), span_id=_PARENT)
    return one


async def _seed(stored: Stored) -> str:
    tenant = stored.tenant()
    scope = ScopeSpans(scope=InstrumentationScope(name="lib", version="2"), spans=[_rich()])
    resource = of("shop")
    resource.attributes.append(text("host.name", "h1"))
    data = TracesData(resource_spans=[ResourceSpans(resource=resource, scope_spans=[scope])])
    await stored.send("traces", tenant, data.SerializeToString())
    for at in range(40):
        start, slow = _NOW - (300 - at) * _SECOND, at % 4 == 0
        client = span(
            f"c{at}", "call", at_ns=start, ms=400 if slow else 20, identity=at * 10 + 1, kind=Span.SPAN_KIND_CLIENT
        )
        server = span(
            f"c{at}", "serve", at_ns=start + 1, ms=390 if slow else 10, identity=at * 10 + 2, kind=Span.SPAN_KIND_SERVER
        )
        server.parent_span_id = client.span_id
        server.attributes.extend([text("shard", "s9" if slow else f"s{at % 3}"), text("zone", "a")])
        if at % 10 == 0:
            server.status.code = Status.STATUS_CODE_ERROR
        await stored.spans(tenant, "relay", client)
        await stored.spans(tenant, "mesh", server)
    return tenant


@pytest.fixture(scope="module")
def tenant(stored: Stored) -> str:
    return asyncio.run(_seed(stored))


async def _get(client: httpx.AsyncClient, tenant: str, path: str, given: Any = None) -> Any:
    answer = await client.get(path, params=given, headers={"X-Scope-OrgID": tenant})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_trace_is_told_in_jaegers_model(client: httpx.AsyncClient, tenant: str) -> None:
    [trace] = (await _get(client, tenant, "/jaeger/api/traces/abc"))["data"]

    trace_id = "abc".rjust(32, "0")
    start = (_NOW - 60 * _SECOND) // 1_000
    assert trace["traceID"] == trace_id
    assert trace["processes"] == {
        "p1": {"serviceName": "shop", "tags": [{"key": "host.name", "type": "string", "value": "h1"}]}
    }
    [shown] = trace["spans"]
    assert {
        name: shown[name] for name in ("traceID", "spanID", "operationName", "processID", "startTime", "duration")
    } == {
        "traceID": trace_id,
        "spanID": (2).to_bytes(8, "big").hex(),
        "operationName": "checkout",
        "processID": "p1",
        "startTime": start,
        "duration": 12_500,
    }
    assert shown["references"] == [
        {"refType": "CHILD_OF", "traceID": trace_id, "spanID": _PARENT.hex()},
        {"refType": "FOLLOWS_FROM", "traceID": "12".rjust(32, "0"), "spanID": _PARENT.hex()},
    ]
    assert {tag["key"]: (tag["type"], tag["value"]) for tag in shown["tags"]} == {
        "text": ("string", "x"),
        "int": ("int64", -5),
        "double": ("float64", 1.5),
        "bool": ("bool", True),
        "bytes": ("binary", "aGk="),
        "list": ("string", '[1,"b"]'),
        "otel.scope.name": ("string", "lib"),
        "otel.scope.version": ("string", "2"),
        "span.kind": ("string", "client"),
        "otel.status_code": ("string", "ERROR"),
        "error": ("bool", True),
        "otel.status_description": ("string", "card declined"),
        "w3c.tracestate": ("string", "a=b"),
    }
    assert shown["logs"] == [
        {
            "timestamp": (_NOW - 59 * _SECOND) // 1_000,
            "fields": [
                {"key": "event", "type": "string", "value": "retry"},
                {"key": "attempt", "type": "int64", "value": 2},
            ],
        }
    ]


async def test_lists_are_those_of_the_rollup(client: httpx.AsyncClient, tenant: str) -> None:
    services = await _get(client, tenant, "/jaeger/api/services")
    names = await _get(client, tenant, "/jaeger/api/services/mesh/operations")
    kinds = await _get(client, tenant, "/jaeger/api/operations", {"service": "relay", "spanKind": "client"})
    calls = await _get(
        client, tenant, "/jaeger/api/dependencies", {"endTs": str(_NOW // 10**6 + 60_000), "lookback": "3600000"}
    )

    assert services["data"] == ["mesh", "relay", "shop"]
    assert names["data"] == ["serve"]
    assert kinds["data"] == [{"name": "call", "spanKind": "client"}]
    # Older minutes are summed up while a server runs; here only those that are not yet are seen.
    assert all(one["parent"] == "relay" and one["child"] == "mesh" for one in calls["data"])


@pytest.mark.parametrize(
    ("given", "count"),
    [
        ({"service": "mesh"}, 20),
        ({"service": "mesh", "limit": "100"}, 40),
        ({"service": "mesh", "operation": "serve", "minDuration": "300ms", "limit": "100"}, 10),
        ({"service": "mesh", "maxDuration": "100ms", "limit": "100"}, 30),
        ({"service": "mesh", "tags": '{"shard":"s9"}'}, 10),
        ({"service": "mesh", "tags": '{"error":"true"}'}, 4),
        ({"service": "mesh", "tag": ["shard:s9", "zone:a"]}, 10),
        ({"service": "nobody"}, 0),
        ({"traceID": ["abc", "c1", "ffff"]}, 2),
    ],
)
async def test_searches_find_traces(client: httpx.AsyncClient, tenant: str, given: dict[str, Any], count: int) -> None:
    found = await _get(client, tenant, "/jaeger/api/traces", _WINDOW | given)

    assert len(found["data"]) == count
    assert found["errors"] is None


@pytest.mark.parametrize(
    ("path", "given", "status", "said"),
    [
        ("traces", {}, 400, "parameter 'service' is required"),
        ("traces", {"service": "a", "start": "x"}, 400, "'start': unable to parse 'x'"),
        ("traces", {"service": "a", "tags": "{"}, 400, "'tags': malformed '{'"),
        ("traces", {"service": "a", "tags": "[1]"}, 400, "expected a JSON object of texts"),
        ("traces", {"service": "a", "tag": "x"}, 400, "expected key:value"),
        ("traces", {"service": "a", "minDuration": "5"}, 400, "'minDuration': '5' is no duration"),
        ("traces", {"service": "a", "start": "9", "end": "8"}, 400, "'end': is before 'start'"),
        ("traces", {"traceID": "xyz"}, 400, "expected 1 to 32 hexadecimal digits"),
        ("traces/ffff", {}, 404, "trace not found"),
        ("operations", {}, 400, "parameter 'service' is required"),
        ("dependencies", {"endTs": "-1"}, 400, "'endTs'"),
    ],
)
async def test_errors_are_in_jaegers_shape(
    client: httpx.AsyncClient, path: str, given: dict[str, str], status: int, said: str
) -> None:
    answer = await client.get(f"/jaeger/api/{path}", params=given)

    assert answer.status_code == status
    body = answer.json()
    assert (body["data"], body["errors"][0]["code"]) == (None, status)
    assert said in body["errors"][0]["msg"]


_API = "/api/backbone/v1"


async def test_the_graph_shows_fresh_calls(stored: Stored, client: httpx.AsyncClient) -> None:
    tenant, start = stored.tenant(), now_ns() - 5 * _SECOND
    for at, (caller, callee, ms, failed) in enumerate(
        [
            ("client", "relay", 100, False),
            ("relay", "mesh", 50, False),
            ("relay", "mesh", 200, True),
            ("mesh", "disk", 1, False),
        ]
    ):
        own = span(f"{at + 1}", "call", at_ns=start, ms=ms, identity=at * 10 + 1, kind=Span.SPAN_KIND_CLIENT)
        other = span(f"{at + 1}", "serve", at_ns=start, ms=ms, identity=at * 10 + 2, kind=Span.SPAN_KIND_SERVER)
        other.parent_span_id = own.span_id
        other.status.code = Status.STATUS_CODE_ERROR if failed else Status.STATUS_CODE_UNSET
        await stored.spans(tenant, caller, own)
        await stored.spans(tenant, callee, other)

    whole = await _get(client, tenant, f"{_API}/graph", {"since": "5m"})
    near = await _get(client, tenant, f"{_API}/graph", {"since": "5m", "service": "client"})

    found = {(one["client"], one["server"]): one for one in whole["edges"]}
    assert found.keys() == {("client", "relay"), ("relay", "mesh"), ("mesh", "disk")}
    assert whole["services"] == ["client", "disk", "mesh", "relay"]
    edge = found["relay", "mesh"]
    assert (edge["calls"], edge["error_ratio"], edge["mean_ns"]) == (2, 0.5, 125_000_000)
    assert edge["quantiles_ns"]["0.99"] == pytest.approx(200e6, rel=0.1)
    assert [(one["client"], one["server"]) for one in near["edges"]] == [("client", "relay")]


async def test_operations_have_rates_and_example_traces(client: httpx.AsyncClient, tenant: str) -> None:
    [found] = (await _get(client, tenant, f"{_API}/operations", {"service": "mesh", "since": "1h"}))["operations"]

    assert (found["name"], found["kind"], found["spans"], found["error_ratio"]) == ("serve", "server", 40, 0.1)
    assert found["quantiles_ns"]["0.5"] == pytest.approx(10e6, rel=0.1)
    assert found["quantiles_ns"]["0.99"] == pytest.approx(390e6, rel=0.1)
    assert found["slow_trace"] in {f"c{at}".rjust(32, "0") for at in range(0, 40, 4)}
    assert found["failed_trace"] == "c30".rjust(32, "0")


async def test_what_explains_slow_spans_comes_first(client: httpx.AsyncClient, tenant: str) -> None:
    given = {"service": "mesh", "operation": "serve", "slower_than": "100ms", "since": "1h"}

    found = await _get(client, tenant, f"{_API}/spans/explain", given)
    refused = await client.get(f"{_API}/spans/explain", params={"service": "mesh"})

    assert (found["selected"], found["rest"]) == (10, 30)
    first = found["causes"][0]
    assert (first["scope"], first["name"], first["value"]) == ("span", "shard", "s9")
    assert (first["selected"], first["rest"], first["score"]) == (1.0, 0.0, pytest.approx(1.0))
    assert not any(one["name"] == "zone" for one in found["causes"])
    assert refused.status_code == 400


async def test_the_path_and_the_comparison_of_traces(client: httpx.AsyncClient, tenant: str) -> None:
    path = await _get(client, tenant, f"{_API}/traces/c0/critical-path")
    compared = await _get(client, tenant, f"{_API}/traces/compare", {"left": "c1", "right": "c0"})

    assert [(one["service"], one["duration_ns"]) for one in path["segments"]] == [
        ("relay", 1),
        ("mesh", 390_000_000),
        ("relay", 9_999_999),
    ]
    assert [(json.dumps(one["path"][-1]["service"]), one["difference_ns"]) for one in compared["spans"]] == [
        ('"relay"', 380_000_000),
        ('"mesh"', 380_000_000),
    ]
