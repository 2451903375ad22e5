"""The HTTP faces, asked in this process."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData
from schemathesis import checks
from starlette.applications import Starlette
from starlette.types import Message

from backbone.store.engine import Statement
from tests.stored import Stored, ago_ns, record, span

_API = "/api/backbone/v1"
_ENDLESS = "SELECT count() FROM numbers(1e15) WHERE sipHash64(number) = 1"


def _as(tenant: str) -> dict[str, str]:
    return {"X-Scope-OrgID": tenant}


async def test_a_trace_is_found_and_shown(stored: Stored, client: httpx.AsyncClient) -> None:
    tenant = stored.tenant()
    await stored.spans(tenant, "shop", span("abc", "checkout", at_ns=ago_ns(5), ms=300))

    found = await client.get(f"{_API}/traces?min_duration=250ms&attribute=service.name=shop", headers=_as(tenant))
    [summary] = found.json()["traces"]
    shown = await client.get(f"{_API}/traces/{summary['trace_id']}", headers=_as(tenant))

    assert (summary["service"], summary["name"], summary["duration_ns"]) == ("shop", "checkout", 300_000_000)
    assert shown.json()["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["name"] == "checkout"


async def test_tempo_answers_json_or_protobuf_by_accept(stored: Stored, client: httpx.AsyncClient) -> None:
    tenant = stored.tenant()
    await stored.spans(tenant, "shop", span("abd", "checkout", at_ns=ago_ns(5)))

    as_json = await client.get("/api/traces/abd", headers=_as(tenant))
    as_protobuf = await client.get("/api/traces/abd", headers=_as(tenant) | {"Accept": "application/protobuf"})

    sent = as_json.json()["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    got = TracesData.FromString(as_protobuf.content).resource_spans[0].scope_spans[0].spans[0]
    assert as_protobuf.headers["content-type"] == "application/protobuf"
    assert (sent["traceId"], sent["name"]) == (got.trace_id.hex(), got.name) == ("abd".rjust(32, "0"), "checkout")


async def test_logs_metrics_sql_and_rates_answer(stored: Stored, client: httpx.AsyncClient) -> None:
    tenant, now_ms = stored.tenant(), ago_ns(5) // 1_000_000
    await stored.logs(tenant, "shop", record("disk is full", severity=17))
    await stored.samples(tenant, {"__name__": "up", "job": "api"}, [(now_ms, 1.0), (now_ms + 1, float("nan"))])

    logs = await client.get(f"{_API}/logs", params={"text": "full disk", "severity": "error"}, headers=_as(tenant))
    metrics = await client.get(f"{_API}/metrics", params={"selector": 'up{job="api"}'}, headers=_as(tenant))
    sql = await client.post(f"{_API}/sql", json={"sql": "SELECT service, body FROM logs"}, headers=_as(tenant))
    rates = await client.get(f"{_API}/rates", headers=_as(tenant))

    assert [found["body"] for found in logs.json()["records"]] == ["disk is full"]
    assert metrics.json()["series"] == [
        {"labels": {"__name__": "up", "job": "api"}, "samples": [[now_ms, "1"], [now_ms + 1, "NaN"]]}
    ]
    assert sql.json()["rows"] == [["shop", "disk is full"]]
    assert [(r["signal"], r["service"]) for r in rates.json()["rates"]] == [("logs", "shop")]


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        pytest.param("/traces?servce=x", 400, "unknown parameter 'servce'; did you mean 'service'", id="a misspelling"),
        pytest.param("/traces?limit=0", 400, "'limit': input should be greater than or equal to 1", id="a bound"),
        pytest.param("/traces?query=%7B", 400, "parse error at line 1, col 2", id="bad TraceQL"),
        pytest.param("/traces?query=%7B%7D&service=a", 400, "'query': stands alone", id="TraceQL and more"),
        pytest.param("/traces?service=a&service=b", 400, "'service': given twice", id="one given twice"),
        pytest.param("/traces?min_duration=5", 400, "'min_duration': '5' is no duration", id="a bare number"),
        pytest.param("/traces?since=1h&until=2h", 400, "'until': '2h' is before 'since'", id="the wrong way round"),
        pytest.param("/traces/xyz", 400, "'trace_id'", id="no trace id"),
        pytest.param("/traces/1234", 404, f"trace {'1234'.rjust(32, '0')} is not there", id="no such trace"),
        pytest.param("/metrics", 400, "'selector': required", id="one missing"),
        pytest.param(
            "/metrics?selector=up{", 400, "1:4: parse error: unexpected end of input inside braces", id="a bad selector"
        ),
        pytest.param("/rates?x=1", 400, "unknown parameter 'x'; none is accepted", id="one where none is"),
    ],
)
async def test_our_api_says_what_is_wrong(client: httpx.AsyncClient, path: str, status: int, text: str) -> None:
    answer = await client.get(_API + path)

    assert (answer.status_code, answer.json()["status"]) == (status, "error")
    assert text in answer.json()["error"]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        pytest.param(b"{", "body: no JSON", id="no JSON"),
        pytest.param(b"[]", "body: expected a JSON object", id="no object"),
        pytest.param(b'{"sql": "DROP TABLE spans"}', "only SELECT", id="no SELECT"),
        pytest.param(b" " * (2 << 20), "body: more than", id="too long"),
    ],
)
async def test_a_bad_body_is_refused(client: httpx.AsyncClient, body: bytes, text: str) -> None:
    answer = await client.post(f"{_API}/sql", content=body)

    assert (answer.status_code, answer.json()["errorType"]) == (400, "bad_data")
    assert text in answer.json()["error"]


async def test_a_bad_tenant_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/v1/labels", headers=_as("a/b"))

    assert (answer.status_code, answer.json()["errorType"]) == (400, "bad_data")


async def _seeded(stored: Stored) -> str:
    tenant = stored.tenant()
    await stored.samples(tenant, {"__name__": "up", "job": "api"}, [(ago_ns(5) // 1_000_000, 1.0)])
    await stored.samples(tenant, {"__name__": "down", "job": "db"}, [(ago_ns(5) // 1_000_000, 1.0)])
    await stored.engine.command(
        Statement("INSERT INTO metadata SELECT {t:String}, 'up', 'gauge', '', 'Is it?', now64(3)", {"t": tenant})
    )
    return tenant


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("/series?match[]=up", [{"__name__": "up", "job": "api"}], id="series"),
        pytest.param("/series?match[]=up&match[]=down&start=0&limit=0", ["down", "up"], id="series of two selectors"),
        pytest.param("/labels", ["__name__", "job"], id="labels"),
        pytest.param("/label/job/values", ["api", "db"], id="label values"),
        pytest.param("/label/__name__/values?match[]=%7Bjob=%22db%22%7D", ["down"], id="metrics of a selector"),
        pytest.param("/labels?end=1970-01-02T00:00:00Z", [], id="before anything was"),
        pytest.param("/metadata", {"up": [{"type": "gauge", "help": "Is it?", "unit": ""}]}, id="metadata"),
        pytest.param("/metadata?metric=down", {}, id="metadata nobody sent"),
    ],
)
async def test_prometheus_metadata_is_answered(
    stored: Stored, client: httpx.AsyncClient, path: str, expected: Any
) -> None:
    answer = await client.get(f"/api/v1{path}", headers=_as(await _seeded(stored)))

    assert answer.json()["status"] == "success"
    data = answer.json()["data"]
    assert ([one["__name__"] for one in data] if expected == ["down", "up"] else data) == expected


async def test_prometheus_takes_forms_and_tells_of_a_cut(stored: Stored, client: httpx.AsyncClient) -> None:
    form = {"match[]": '{job=~".+"}', "limit": "1"}

    answer = await client.post("/api/v1/series", data=form, headers=_as(await _seeded(stored)))

    assert [one["__name__"] for one in answer.json()["data"]] == ["down"]
    assert answer.json()["warnings"] == ["results truncated due to limit"]


@pytest.mark.parametrize(
    "path", ["/series", "/series?match[]=up{", "/labels?start=x", "/labels?limit=-1", "/labels?start=5&end=4"]
)
async def test_prometheus_refuses_in_its_shape(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(f"/api/v1{path}")

    assert (answer.status_code, answer.json()["status"], answer.json()["errorType"]) == (400, "error", "bad_data")


async def _running(stored: Stored, count: int) -> None:
    """Wait until as many endless statements run in the engine."""
    listed = Statement("SELECT count() AS n FROM system.processes WHERE query LIKE '%sipHash64(number)%' "
                       "AND query NOT LIKE '%system.processes%' AND NOT is_cancelled")  # fmt: skip
    async with asyncio.timeout(15):
        while (await stored.engine.rows(listed))[0]["n"] != count:  # noqa: ASYNC110 - the engine tells nobody
            await asyncio.sleep(0.02)


async def test_a_query_ends_when_its_client_goes_away_and_a_tenants_share_is_bounded(
    stored: Stored, app: Starlette, client: httpx.AsyncClient
) -> None:
    tenant, gone = stored.tenant(), asyncio.Event()
    body = [b'{"sql": "%s"}' % _ENDLESS.encode()]

    async def ask() -> None:
        pieces = iter(body)

        async def receive() -> Message:
            piece = next(pieces, None)
            if piece is not None:
                return {"type": "http.request", "body": piece}
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(_message: Message) -> None: ...

        headers = [(b"x-scope-orgid", tenant.encode())]
        scope = {"type": "http", "method": "POST", "path": f"{_API}/sql", "headers": headers, "query_string": b""}
        await app(scope, receive, send)

    asking = [asyncio.create_task(ask()) for _ in range(2)]
    await _running(stored, 2)
    refused = await client.get(f"{_API}/traces", headers=_as(tenant))
    of_another = await client.get("/api/v1/label/x/values?limit=1", headers=_as(tenant + "x"))
    gone.set()
    await asyncio.gather(*asking)
    await _running(stored, 0)

    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert of_another.status_code == 200
    assert (await client.get(f"{_API}/traces", headers=_as(tenant))).status_code == 200


_OPERATIONS = [
    *("/traces", "/about", "/about/trace/{trace_id}"),
    *("/graph", "/operations", "/traces/compare", "/traces/{trace_id}/critical-path", "/spans/explain"),
    *("/traces/{trace_id}", "/logs", "/logs/histogram", "/logs/top", "/logs/fields", "/logs/patterns"),
    *("/policy", "/policy/score", "/policy/diff", "/policy/findings", "/cardinality"),
    *("/searches", "/searches/{search_id}", "/logs/differences", "/logs/context", "/metrics", "/sql", "/rates"),
]


@pytest.mark.parametrize("path", _OPERATIONS)
def test_the_api_is_as_its_document_says(app: Starlette, path: str) -> None:
    schema = schemathesis.openapi.from_asgi(f"{_API}/openapi.json", app)
    operation = schema[_API + path]["POST" if path in {"/sql", "/searches", "/policy/diff"} else "GET"]

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(case=operation.as_strategy())
    def answers_as_declared(case: schemathesis.Case[Any]) -> None:
        case.call_and_validate(
            checks=[
                checks.not_a_server_error,
                checks.status_code_conformance,
                checks.content_type_conformance,
                checks.response_schema_conformance,
            ]
        )

    answers_as_declared()


def test_every_path_of_the_document_is_tried(app: Starlette) -> None:
    schema = schemathesis.openapi.from_asgi(f"{_API}/openapi.json", app)

    assert sorted(path.removeprefix(_API) for path in schema) == sorted(_OPERATIONS)
