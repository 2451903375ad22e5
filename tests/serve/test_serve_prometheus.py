"""Prometheus' API: answers byte for byte, errors by kind, limits, and any text as a query."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backbone.model.time import now_ns
from backbone.records.searches import Searches
from tests.debian import Data, Prometheus, needs_prometheus, open_prometheus
from tests.serve.asking import asking_app
from tests.stored import STALE, Stored

_MS = now_ns() // 1_000_000 // 60_000 * 60_000 - 600_000
_VALUES = [
    *(0.0, -0.0, 1.0, -1.5, 0.1, 1 / 3, 100.0, 123456789.0, 1e20, 1e21, 1.5e21, 1e-6, 1e-7, 123e-9, 2.0**53, 1e300),
    *(5e-324, float("inf"), float("-inf"), float("nan")),
]


def _as(tenant: str) -> dict[str, str]:
    return {"X-Scope-OrgID": tenant}


def _data() -> Data:
    values = [
        ({"__name__": "value", "number": f"{number:02}"}, [(_MS, value), (_MS + 60_000, value)])
        for number, value in enumerate(_VALUES)
    ]
    odd = {"__name__": "odd", "quote": 'a"b\\c', "line": "a\nb\tc\x01", "word": "žluť 日本 \U0001f980"}
    return [*values, (odd, [(_MS, 1.0)])]


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    with open_prometheus(tmp_path_factory.mktemp("peer") / "prometheus") as running:
        yield running


@needs_prometheus[0]
@needs_prometheus[1]
async def test_answers_are_those_of_prometheus_byte_for_byte(
    stored: Stored, client: httpx.AsyncClient, prometheus: Prometheus
) -> None:
    tenant = stored.tenant()
    await prometheus.write(_data())
    for labels, samples in _data():
        await stored.samples(tenant, labels, samples)
    at = {"time": f"{_MS / 1000 + 30}"}
    over = {"start": f"{_MS / 1000}", "end": f"{_MS / 1000 + 90.5}", "step": "30"}
    asked = [
        ("query", {"query": "sort(value{number!='01'})"} | at),
        ("query", {"query": 'value{number="03"}', "time": f"{_MS / 1000 + 30.25}"}),
        ("query", {"query": "odd"} | at),
        ("query", {"query": "1 / 3"} | at),
        ("query", {"query": "1 / 0"} | at),
        ("query", {"query": '"a b\\n\\"c\\""'} | at),
        ("query", {"query": "nothing"} | at),
        ("query", {"query": 'value{number=~"0[0-4]"}[5m]'} | at),
        ("query_range", {"query": 'value{number=~"0[0-4]"}'} | over),
        ("query_range", {"query": "sum by (word) (odd) * 1e21"} | over),
        ("query_range", {"query": "time()"} | over),
        ("query_range", {"query": "nothing"} | over),
    ]

    async with httpx.AsyncClient(base_url=prometheus.url) as peer:
        for path, parameters in asked:
            ours = await client.get(f"/api/v1/{path}", params=parameters, headers=_as(tenant))
            theirs = await peer.get(f"/api/v1/{path}", params=parameters)
            assert ours.content == theirs.content, parameters


_UP = [
    ({"__name__": "up", "job": "api"}, [(_MS - 15_000, 1.0), (_MS, 1.0)]),
    ({"__name__": "up", "job": "db"}, [(_MS, 0.0)]),
]


@pytest.fixture(scope="module")
def seeded(stored: Stored) -> str:
    return asyncio.run(_up(stored))


async def _up(stored: Stored) -> str:
    tenant = stored.tenant()
    for labels, samples in _UP:
        await stored.samples(tenant, labels, samples)
    return tenant


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"query": "up == 1"}, b'"result":[{"metric":{"__name__":"up","job":"api"},"value":[%d,"1"]}]}'),
        ({"query": "up", "limit": "1"}, b'"warnings":["results truncated due to limit"]'),
        ({"query": "rate(up[5m])"}, b'"infos":["PromQL info: metric might not be a counter'),
        ({"query": "up", "stats": "true"}, b'"stats":{"timings":{'),
        ({"query": "up", "stats": "all"}, b'"parts":[{"part":"parse"'),
        ({"query": "up", "lookback_delta": "1ms"}, b'"result":[]'),
    ],
)  # fmt: skip
async def test_instant_queries_say_more_when_asked(
    stored: Stored, client: httpx.AsyncClient, given: dict[str, str], expected: bytes
) -> None:
    at = _MS // 1000 + 5

    answer = await client.post("/api/v1/query", data=given | {"time": str(at)}, headers=_as(await _up(stored)))

    assert (expected % at if b"%d" in expected else expected) in answer.content


_RANGE = {"query": "up", "start": "0", "end": "600", "step": "60"}


@pytest.mark.parametrize(
    ("path", "parameters", "status", "kind", "text"),
    [
        ("query", {}, 400, "bad_data", "no expression found in input"),
        ("query", {"query": "up{"}, 400, "bad_data", "1:4: parse error: unexpected end of input inside braces"),
        ("query", {"query": "up", "time": "noon"}, 400, "bad_data", 'cannot parse "noon" to a valid timestamp'),
        ("query", {"query": "up", "time": "1e99"}, 400, "bad_data", "to a valid timestamp"),
        ("query", {"query": "up", "limit": "-1"}, 400, "bad_data", '"limit"'),
        ("query", {"query": "up", "lookback_delta": "x"}, 400, "bad_data", '"lookback_delta"'),
        ("query", {"query": 'up{a=~"(a{1000}){1000}"}'}, 400, "bad_data", "error parsing regexp"),
        ("query", {"query": 'up{a=~"("}'}, 400, "bad_data", "missing )"),
        ("query", {"query": 'label_replace(up, "a", "$1", "job", "(")'}, 422, "execution", "invalid regular"),
        ("query", {"query": "up * on(job) up"}, 200, "", ""),
        ("query", {"query": "up + on() up"}, 422, "execution", "many-to-many matching not allowed"),
        ("query", {"query": "(" * 5000 + "up" + ")" * 5000}, 400, "bad_data", "parse error"),
        ("query", {"query": "info(up)"}, 400, "bad_data", "experimental"),
        ("query_range", {"query": "up"}, 400, "bad_data", 'invalid parameter "start"'),
        ("query_range", _RANGE | {"step": "0"}, 400, "bad_data", "zero or negative query resolution step widths"),
        ("query_range", _RANGE | {"step": "-1m"}, 400, "bad_data", "step"),
        ("query_range", _RANGE | {"end": "-5"}, 400, "bad_data", "end timestamp must not be before start time"),
        ("query_range", _RANGE | {"end": "1e9", "step": "1"}, 400, "bad_data", "exceeded maximum resolution of 11,000"),
        ("query_range", _RANGE | {"step": "1e300"}, 400, "bad_data", "valid duration"),
        ("query_range", _RANGE | {"query": "up[5m]"}, 400, "bad_data", "must be Scalar or instant Vector"),
        ("query_exemplars", {"query": "up{"}, 400, "bad_data", "parse error"),
        ("query_exemplars", {"query": "up", "start": "5", "end": "4"}, 400, "bad_data", "end timestamp"),
        ("format_query", {"query": "up +"}, 400, "bad_data", "unexpected end of input"),
        ("parse_query", {"query": "up)"}, 400, "bad_data", "unexpected right parenthesis"),
        ("status/tsdb", {"limit": "many"}, 400, "bad_data", "1 to 1000"),
        ("label/up/values", {"match[]": "{"}, 400, "bad_data", "parse error"),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_said_by_kind(
    stored: Stored, client: httpx.AsyncClient, path: str, parameters: dict[str, str], status: int, kind: str, text: str
) -> None:
    tenant = await _up(stored)
    if path == "query" and status != 400:
        parameters = parameters | {"time": f"{_MS // 1000}"}

    answer = await client.get(f"/api/v1/{path}", params=parameters, headers=_as(tenant))

    assert (answer.status_code, answer.json().get("errorType", "")) == (status, kind), answer.text
    assert text in answer.json().get("error", "")


@pytest.mark.parametrize(
    ("limits", "query", "status", "kind", "text"),
    [
        ({"max_series": 1}, "up", 422, "execution", "promql.max_series"),
        ({"max_samples": 1}, "up", 422, "execution", "promql.max_samples"),
        (
            {"timeout_seconds": 0.001},
            "sum_over_time(sin(up)[50d:1s])",
            503,
            "timeout",
            "query timed out in expression evaluation",
        ),
    ],
)
async def test_a_query_over_a_limit_is_told_which(
    stored: Stored, searches: Searches, limits: dict[str, Any], query: str, status: int, kind: str, text: str
) -> None:
    transport = httpx.ASGITransport(asking_app(stored, searches, **limits))
    async with httpx.AsyncClient(transport=transport, base_url="http://backbone") as client:
        given = {"query": query, "time": f"{_MS // 1000 + 5}"}
        answer = await client.get("/api/v1/query", params=given, headers=_as(await _up(stored)))

    assert (answer.status_code, answer.json().get("errorType")) == (status, kind), answer.text
    assert text in answer.json()["error"]


_WORDS = [
    *(
        "up",
        "sum",
        "rate",
        "by",
        "(",
        ")",
        "{",
        "}",
        "[",
        "]",
        "5m",
        "1e9",
        "offset",
        "@",
        "start()",
        "on",
        "group_left",
    ),
    *("+", "-", "*", "/", "^", "==", "!=", "=~", '"a"', "'b", "`c`", ",", "job", "le", "bool", "topk", "0x1", "Inf"),
    *("1i", "__name__", "histogram_quantile", "\\", "#", "\n", "é", "\x00", ":", "and", "unless", "smoothed", "step()"),
]
_ANY_QUERY = st.text(max_size=60) | st.lists(st.sampled_from(_WORDS), max_size=25).map(" ".join)


@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(query=_ANY_QUERY, path=st.sampled_from(["query", "query_range", "query_exemplars", "parse_query", "series"]))
async def test_any_text_is_answered_or_refused(seeded: str, client: httpx.AsyncClient, query: str, path: str) -> None:
    name = "match[]" if path == "series" else "query"
    over = {"start": f"{_MS // 1000}", "end": f"{_MS // 1000 + 60}", "step": "30"}

    answer = await client.post(f"/api/v1/{path}", data={name: query} | over, headers=_as(seeded))

    assert answer.status_code in {200, 400, 422}, answer.text
    assert answer.json()["status"] == ("success" if answer.status_code == 200 else "error")


async def test_federate_gives_the_newest_samples_as_text(stored: Stored, client: httpx.AsyncClient) -> None:
    tenant, now_ms = stored.tenant(), now_ns() // 1_000_000
    ended = {"__name__": "up", "job": "ended"}
    await stored.samples(tenant, {"__name__": "up", "job": 'a"b\\c\nd'}, [(now_ms - 9_000, 0.0), (now_ms - 5_000, 1.5)])
    await stored.samples(tenant, ended, [(now_ms - 9_000, 1.0), (now_ms - 5_000, STALE)])
    await stored.samples(tenant, {"__name__": "down"}, [(now_ms - 400_000, 1.0)])

    answer = await client.get("/federate?match[]=up&match[]=%7Bjob!=%22%22%7D&match[]=down", headers=_as(tenant))
    refused = [await client.get(f"/federate{given}") for given in ("", "?match[]=up%7B")]

    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.text == f'# TYPE up untyped\nup{{job="a\\"b\\\\c\\nd"}} 1.5 {now_ms - 5_000}\n'
    assert [one.status_code for one in refused] == [400, 400]


async def test_cardinality_is_told_by_metric_label_and_pair(stored: Stored, client: httpx.AsyncClient) -> None:
    tenant = stored.tenant()
    for shard in range(4):
        await stored.samples(tenant, {"__name__": "depth", "shard": f"s{shard}", "queue": "q"}, [(_MS, 1.0)])
    await stored.samples(tenant, {"__name__": "up", "queue": "q"}, [(_MS, 1.0)])

    found = (await client.get("/api/v1/status/tsdb?limit=2", headers=_as(tenant))).json()["data"]

    assert found["headStats"]["numSeries"] == 5
    assert found["seriesCountByMetricName"] == [{"name": "depth", "value": 4}, {"name": "up", "value": 1}]
    assert found["labelValueCountByLabelName"] == [{"name": "shard", "value": 4}, {"name": "__name__", "value": 2}]
    assert {"name": "queue=q", "value": 5} in found["seriesCountByLabelValuePair"]


async def test_a_long_answer_is_packed_for_who_takes_it(stored: Stored, client: httpx.AsyncClient) -> None:
    tenant = stored.tenant()
    for shard in range(60):
        await stored.samples(tenant, {"__name__": "depth", "shard": f"s{shard}", "queue": "long" * 20}, [(_MS, 1.0)])
    given = {"query": "depth", "time": f"{_MS // 1000}"}

    packed = await client.get("/api/v1/query", params=given, headers=_as(tenant) | {"Accept-Encoding": "gzip"})
    plain = await client.get("/api/v1/query", params=given, headers=_as(tenant) | {"Accept-Encoding": "identity"})

    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.json() == plain.json()


@pytest.mark.parametrize(
    "path", ["query?query=up%FF", "query?query=up%7Ba=%22%FF%22%7D", "label/%FF/values", "series?match[]=%FF"]
)
async def test_what_is_not_utf8_is_answered_or_refused(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(f"/api/v1/{path}")

    assert answer.status_code in {200, 400}
    assert answer.json()["status"] in {"success", "error"}
