"""Tempo's API, as Grafana's data source and Traces Drilldown call it."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status, TracesData

from backbone.model.time import now_ns
from tests.stored import Stored, number, span, text

_SECOND = 10**9
_NOW = now_ns() // (60 * _SECOND) * 60 * _SECOND
_WINDOW = {"start": str(_NOW // _SECOND - 900), "end": str(_NOW // _SECOND)}


async def _seed(stored: Stored) -> str:
    tenant = stored.tenant()
    for at in range(10):
        start, failed = _NOW - (600 - at * 30) * _SECOND, at % 4 == 0
        root = span(f"a{at}", "GET /orders", at_ns=start, ms=100 + at, identity=at * 10 + 1, kind=Span.SPAN_KIND_SERVER)
        root.attributes.extend([number("http.status_code", 500 if failed else 200), text("http.route", "/orders")])
        if failed:
            root.status.code = Status.STATUS_CODE_ERROR
        child = span(f"a{at}", "forward", at_ns=start + 1_000_000, ms=50, identity=at * 10 + 2)
        child.parent_span_id = root.span_id
        child.attributes.append(text("peer", f"p{at % 2}"))
        await stored.spans(tenant, "shop", root)
        await stored.spans(tenant, "relay", child)
    return tenant


@pytest.fixture(scope="module")
def tenant(stored: Stored) -> str:
    return asyncio.run(_seed(stored))


async def _get(client: httpx.AsyncClient, tenant: str, path: str, **given: str) -> Any:
    answer = await client.get(f"/api/{path}", params=_WINDOW | given, headers={"X-Scope-OrgID": tenant})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_search_tells_traces_in_tempos_shape(client: httpx.AsyncClient, tenant: str) -> None:
    query = '{ resource.service.name = "shop" && span.http.status_code >= 500 } | select(span.http.route)'

    found = (await _get(client, tenant, "search", q=query, limit="2", spss="1"))["traces"]

    assert [one["traceID"] for one in found] == [f"a{at}".rjust(32, "0") for at in (8, 4)]
    [first, _] = found
    start = _NOW - 360 * _SECOND
    assert first["rootServiceName"] == "shop"
    assert first["rootTraceName"] == "GET /orders"
    assert first["startTimeUnixNano"] == str(start)
    assert first["durationMs"] == 108
    assert first["serviceStats"] == {"relay": {"spanCount": 1}, "shop": {"spanCount": 1, "errorCount": 1}}
    [spanset] = first["spanSets"]
    assert spanset == first["spanSet"]
    assert spanset["matched"] == 1
    [shown] = spanset["spans"]
    assert shown["spanID"] == f"{81:016x}"
    assert (shown["startTimeUnixNano"], shown["durationNanos"]) == (str(start), "108000000")
    assert {one["key"]: one["value"] for one in shown["attributes"]} == {
        "service.name": {"stringValue": "shop"},
        "http.status_code": {"intValue": "500"},
        "http.route": {"stringValue": "/orders"},
    }


@pytest.mark.parametrize(
    ("given_", "count"),
    [
        ({"q": "{}"}, 10),
        ({"q": ""}, 10),
        ({"tags": "http.status_code=500"}, 0),
        ({"tags": 'http.route="/orders" name=forward'}, 0),
        ({"tags": "http.route=/orders"}, 10),
        ({"tags": "service.name=relay peer=p1"}, 5),
        ({"minDuration": "108ms"}, 2),
        ({"maxDuration": "100ms"}, 1),
        ({"q": "{ status = error } >> { span.peer = `p0` }"}, 3),
        ({"q": "{ } | count() > 1 | by(resource.service.name)"}, 10),
        ({"q": "{ nestedSetParent < 0 } && { span.peer != nil }"}, 10),
    ],
)
async def test_searches_find_traces(client: httpx.AsyncClient, tenant: str, given_: dict[str, str], count: int) -> None:
    assert len((await _get(client, tenant, "search", **given_))["traces"]) == count


async def test_a_trace_comes_in_both_versions(client: httpx.AsyncClient, tenant: str) -> None:
    headers = {"X-Scope-OrgID": tenant, "Accept": "application/protobuf"}
    first = await client.get("/api/traces/a4", headers=headers)
    second = await client.get("/api/v2/traces/a4", headers=headers)
    as_json = await _get(client, tenant, "v2/traces/a4")

    data = TracesData.FromString(first.content)
    assert second.content.endswith(first.content)
    assert second.content[:1] == b"\x0a"
    assert {one.resource.attributes[0].value.string_value for one in data.resource_spans} == {"shop", "relay"}
    assert len(as_json["trace"]["resourceSpans"]) == 2
    assert (await client.get("/api/v2/traces/ffff", headers=headers)).status_code == 404


async def test_tags_and_their_values_complete_queries(client: httpx.AsyncClient, tenant: str) -> None:
    flat = await _get(client, tenant, "search/tags")
    scoped = await _get(client, tenant, "v2/search/tags")
    resource = await _get(client, tenant, "v2/search/tags", scope="resource")
    values = await _get(client, tenant, "search/tag/peer/values")
    typed = await _get(client, tenant, "v2/search/tag/span.http.status_code/values")
    filtered = await _get(client, tenant, "v2/search/tag/name/values", q='{ resource.service.name = "relay" }')
    status = await _get(client, tenant, "v2/search/tag/status/values")

    assert {"http.route", "http.status_code", "peer", "service.name", "duration"} <= set(flat["tagNames"])
    assert {one["name"]: one["tags"] for one in scoped["scopes"]}["span"] == ["http.route", "http.status_code", "peer"]
    assert resource["scopes"] == [{"name": "resource", "tags": ["service.name"]}]
    assert sorted(values["tagValues"]) == ["p0", "p1"]
    assert typed["tagValues"] == [{"type": "int", "value": "200"}, {"type": "int", "value": "500"}]
    assert filtered["tagValues"] == [{"type": "string", "value": "forward"}]
    assert status["tagValues"] == [{"type": "keyword", "value": "unset"}, {"type": "keyword", "value": "error"}]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("{ } | count_over_time()", {'{__name__="count_over_time"}': 20}),
        ("{ status = error } | rate()", {'{__name__="rate"}': 3 / 300}),
        ("{ } | count_over_time() by (resource.service.name)",
         {'{resource.service.name="relay"}': 10, '{resource.service.name="shop"}': 10}),
        ("{ name = `forward` } | max_over_time(duration)", {'{__name__="max_over_time"}': 0.05 * 1}),
        ("{ kind = server } | quantile_over_time(duration, 0, 1)", {'{p="0"}': None, '{p="1"}': None}),
        ("{ name = `forward` } | histogram_over_time(duration)", {'{__bucket="0.0625"}': 10}),
        ("{ status = error } > { } | count_over_time() by (span.peer)", {'{span.peer="p0"}': 3}),
        ("{ } | count_over_time() by (span.peer) | topk(1)", {'{span.peer="nil"}': 10}),
    ],
)  # fmt: skip
async def test_metrics_are_series(
    client: httpx.AsyncClient, tenant: str, query: str, expected: dict[str, float | None]
) -> None:
    over = await _get(client, tenant, "metrics/query_range", q=query, step="300s")
    at_once = await _get(client, tenant, "metrics/query", q=query)

    assert {one["promLabels"] for one in over["series"]} == expected.keys()
    assert {one["promLabels"] for one in at_once["series"]} == expected.keys()
    for series in over["series"]:
        wanted = expected[series["promLabels"]]
        values = [sample["value"] for sample in series["samples"]]
        if wanted is not None and "max" not in query:
            assert sum(values) == pytest.approx(wanted)
        assert all(int(sample["timestampMs"]) % 300_000 == 0 for sample in series["samples"])
        assert series["exemplars"][0]["labels"][0]["key"] == "trace:id"


async def test_compare_counts_what_is_selected_and_the_rest(client: httpx.AsyncClient, tenant: str) -> None:
    query = '{ name = "GET /orders" } | compare({ status = error }, 5)'

    found = (await _get(client, tenant, "metrics/query_range", q=query, step="900s"))["series"]

    totals = {one["promLabels"]: sum(sample["value"] for sample in one["samples"]) for one in found}
    assert totals['{__meta_type="selection", span.http.status_code="500"}'] == 3
    assert totals['{__meta_type="baseline", span.http.status_code="200"}'] == 7
    assert totals['{__meta_type="selection_total", span.http.status_code="nil"}'] == 3


async def test_what_clients_ask_of_the_server_is_told(client: httpx.AsyncClient, tenant: str) -> None:
    assert (await client.get("/api/echo")).text == "echo"
    assert (await _get(client, tenant, "status/buildinfo"))["version"]


@pytest.mark.parametrize(
    ("path", "given_", "said"),
    [
        ("search", {"q": "{"}, "parse error at line 1, col 2: syntax error: unexpected end of query"),
        ("search", {"q": "{ name = 5 }"}, "binary operations must operate on the same type: string = number"),
        ("search", {"q": "{} | rate()"}, "a query with a metric is for /api/metrics/query_range"),
        ("search", {"limit": "many"}, "'limit': invalid limit"),
        ("search", {"start": "9", "end": "8"}, "start must be before end"),
        ("search", {"tags": "x"}, "'tags': expected key=value pairs, got 'x'"),
        ("search", {"minDuration": "5"}, "'minDuration': '5' is no duration"),
        ("search", {"tags": "status=x"}, "parse error"),
        ("metrics/query_range", {"q": "{}"}, "not a metrics query"),
        ("metrics/query_range", {"q": "{} | rate()", "step": "0"}, "'step'"),
        ("metrics/query_range", {"q": "{} | rate()", "step": "1ms"}, "makes more than 11,000 steps"),
        ("v2/search/tags", {"scope": "moon"}, "invalid scope 'moon'"),
        ("v2/search/tag/x y/values", {}, "expected an intrinsic or a scoped attribute"),
        ("traces/xyz", {}, "expected 1 to 32 hexadecimal digits"),
    ],
)
async def test_what_is_wrong_is_said(client: httpx.AsyncClient, path: str, given_: dict[str, str], said: str) -> None:
    answer = await client.get(f"/api/{path}", params=_WINDOW | given_)

    assert answer.status_code == 400
    assert said in answer.text


_WORDS = [
    "{", "}", "(", ")", "&&", "||", "=", "!=", ">", ">>", "<", "<<", "~", "!>", "&>", "|", "count()",
    "avg(duration)", "by(name)", "select(.a)", "rate()", "duration", "name", "status", "error", ".a", "span.b",
    "resource.c", "event.d", '"x"', "5", "1s", "nil", "true", "kind", "server", "coalesce()", "topk(1)",
    "compare({.a})", "=~", "+", "-", "!", "^", "/", "%", "nestedSetParent", "traceDuration", "span:childCount",
    "quantile_over_time(duration,.5)", "histogram_over_time(.a)", "with(a=1)", "`y`",
]  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(query=st.text(max_size=40) | st.lists(st.sampled_from(_WORDS), max_size=15).map(" ".join))
async def test_any_text_is_answered_or_refused(client: httpx.AsyncClient, tenant: str, query: str) -> None:
    for path in ("search", "metrics/query_range"):
        answer = await client.get(f"/api/{path}", params=_WINDOW | {"q": query}, headers={"X-Scope-OrgID": tenant})
        assert answer.status_code in {200, 400, 422}, answer.text
