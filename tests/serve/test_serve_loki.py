"""Loki's API, as Grafana's data source, its Logs Drilldown and logcli call it."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backbone.model.time import now_ns
from tests.stored import Stored, record, text

_NOW = now_ns() // 10**9 * 10**9
_SECOND = 10**9
_WINDOW = {"start": str(_NOW - 600 * _SECOND), "end": str(_NOW)}
_LINES = [
    ('{"status":200,"took":"12ms","route":"/a"}', 9),
    ('{"status":500,"took":"1.5s","route":"/b"}', 17),
    ("peer 10.0.0.7 lost after 3 tries", 13),
    ("peer 10.0.0.9 lost after 8 tries", 13),
]


async def _seed(stored: Stored) -> str:
    tenant = stored.tenant()
    for number, (line, severity) in enumerate(_LINES):
        at = _NOW - (len(_LINES) - number) * 60 * _SECOND
        attributes = [text("queue.name", f"q{number % 2}")]
        trace = bytes.fromhex("0af7651916cd43dd8448eb211c80319c") if number == 1 else b""
        one = record(line, at_ns=at, severity=severity, attributes=attributes, trace_id=trace)
        await stored.logs(tenant, "relay" if number < 3 else "mesh", one)
    return tenant


@pytest.fixture(scope="module")
def tenant(stored: Stored) -> str:
    return asyncio.run(_seed(stored))


async def _get(client: httpx.AsyncClient, tenant: str, path: str, **given: str) -> Any:
    answer = await client.get(f"/loki/api/v1/{path}", params=_WINDOW | given, headers={"X-Scope-OrgID": tenant})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_lines_come_by_stream_the_newest_first(client: httpx.AsyncClient, tenant: str) -> None:
    body = await _get(client, tenant, "query_range", query='{service_name="relay"}', limit="10")

    assert (body["status"], body["data"]["resultType"]) == ("success", "streams")
    lines = [value for stream in body["data"]["result"] for value in stream["values"]]
    assert sorted(lines, reverse=True) == [
        [str(_NOW - 120 * _SECOND), _LINES[2][0]],
        [str(_NOW - 180 * _SECOND), _LINES[1][0]],
        [str(_NOW - 240 * _SECOND), _LINES[0][0]],
    ]
    assert body["data"]["result"][0]["stream"] == {
        "detected_level": "warn",
        "queue_name": "q0",
        "service_name": "relay",
        "severity_number": "13",
    }
    assert body["data"]["stats"]["summary"]["totalEntriesReturned"] == 3


@pytest.mark.parametrize(
    ("direction", "limit", "expected"), [("backward", "1", [2]), ("forward", "2", [0, 1]), ("FORWARD", "9", [0, 1, 2])]
)
async def test_direction_says_which_lines_are_first(
    client: httpx.AsyncClient, tenant: str, direction: str, limit: str, expected: list[int]
) -> None:
    query = '{service_name="relay"} | keep service_name'
    body = await _get(client, tenant, "query_range", query=query, limit=limit, direction=direction)

    [stream] = body["data"]["result"]
    assert [line for _, line in stream["values"]] == [_LINES[number][0] for number in expected]


async def test_grafana_gets_labels_by_category(client: httpx.AsyncClient, tenant: str) -> None:
    answer = await client.get(
        "/loki/api/v1/query_range",
        params=_WINDOW | {"query": '{service_name="relay"} | json | route="/b"'},
        headers={"X-Scope-OrgID": tenant, "X-Loki-Response-Encoding-Flags": "categorize-labels"},
    )

    data = answer.json()["data"]
    assert data["encodingFlags"] == ["categorize-labels"]
    [stream] = data["result"]
    assert stream["stream"] == {"service_name": "relay"}
    [[at, line, categories]] = stream["values"]
    assert (at, line) == (str(_NOW - 180 * _SECOND), _LINES[1][0])
    assert categories["structuredMetadata"]["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
    assert categories["parsed"] == {"route": "/b", "status": "500", "took": "1.5s"}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ('sum by (detected_level) (count_over_time({service_name=~".+"}[10m]))',
         {"info": "1", "error": "1", "warn": "2"}),
        ('sum by (queue_name) (bytes_over_time({service_name="mesh"}[10m]))', {"q1": "32"}),
        ('max_over_time({service_name="relay"} | json | __error__="" | unwrap duration(took) [10m]) by (route)',
         {"/a": "0.012", "/b": "1.5"}),
        ('topk(1, sum by (detected_level) (rate({service_name=~"relay|mesh"} [10m])))',
         {"warn": "0.0033333333333333335"}),
    ],
)  # fmt: skip
async def test_numbers_are_a_vector_or_a_matrix(
    client: httpx.AsyncClient, tenant: str, query: str, expected: dict[str, str]
) -> None:
    at = await _get(client, tenant, "query", query=query, time=str(_NOW))
    over = await _get(client, tenant, "query_range", query=query, step="60")

    assert at["data"]["resultType"] == "vector"
    assert {next(iter(one["metric"].values())): one["value"][1] for one in at["data"]["result"]} == expected
    assert over["data"]["resultType"] == "matrix"
    last = {next(iter(one["metric"].values())): one["values"][-1] for one in over["data"]["result"]}
    assert {name: value for name, (time, value) in last.items() if time == _NOW // _SECOND} == expected


_LISTS: list[tuple[str, dict[str, str], Any]] = [
    ("labels", {}, ["service_name"]),
    ("label", {"query": '{service_name="mesh"}'}, ["service_name"]),
    ("label/service_name/values", {}, ["mesh", "relay"]),
    ("label/queue_name/values", {"query": '{service_name="mesh"}'}, ["q1"]),
    ("label/detected_level/values", {}, ["error", "info", "warn"]),
    ("series", {"match[]": '{service_name=~"m.*"}'}, [{"service_name": "mesh"}]),
    ("series", {}, [{"service_name": "mesh"}, {"service_name": "relay"}]),
]


@pytest.mark.parametrize(("path", "given", "expected"), _LISTS)
async def test_lists_are_those_of_streams(
    client: httpx.AsyncClient, tenant: str, path: str, given: dict[str, str], expected: Any
) -> None:
    assert (await _get(client, tenant, path, **given))["data"] == expected


async def test_how_much_there_is_is_told(client: httpx.AsyncClient, tenant: str) -> None:
    size = sum(len(line) for line, _ in _LINES[:3])

    stats = await _get(client, tenant, "index/stats", query='{service_name="relay"}')
    volume = await _get(client, tenant, "index/volume", query='{service_name=~".+"}', targetLabels="service_name")
    over = await _get(client, tenant, "index/volume_range", query='{service_name="relay"}', step="300")
    labels = await _get(client, tenant, "detected_labels")

    assert (stats["streams"], stats["entries"], stats["bytes"]) == (1, 3, size)
    assert [(one["metric"], one["value"][1]) for one in volume["data"]["result"]] == [
        ({"service_name": "relay"}, str(size)),
        ({"service_name": "mesh"}, str(len(_LINES[3][0]))),
    ]
    [series] = over["data"]["result"]
    assert sum(float(value) for _, value in series["values"]) == size
    assert labels == {"detectedLabels": [{"label": "service_name", "cardinality": 2}]}


async def test_patterns_and_fields_are_found(client: httpx.AsyncClient, tenant: str) -> None:
    patterns = (await _get(client, tenant, "patterns", query='{service_name=~"relay|mesh"} |= "peer"'))["data"]
    fields = (await _get(client, tenant, "detected_fields", query='{service_name="relay"} | __error__=""'))["fields"]
    values = await _get(client, tenant, "detected_field/status/values", query='{service_name="relay"} | json')

    assert [(one["pattern"], sum(count for _, count in one["samples"])) for one in patterns] == [
        ("peer <_> lost after <_> tries", 2)
    ]
    found = {field["label"]: (field["type"], field["cardinality"], field["parsers"]) for field in fields}
    assert found["status"] == ("int", 2, ["json"])
    assert found["took"] == ("duration", 2, ["json"])
    assert found["queue_name"] == ("string", 2, None)
    assert sorted(values["values"]) == ["200", "500"]


async def test_what_clients_ask_of_the_server_is_told(client: httpx.AsyncClient, tenant: str) -> None:
    assert (await _get(client, tenant, "status/buildinfo"))["version"]
    assert (await _get(client, tenant, "drilldown-limits"))["limits"]["volume_enabled"]
    formatted = await _get(client, tenant, "format_query", query='{a="b"}|json|c>5')
    assert formatted["data"] == '{a="b"} | json | c > 5'


@pytest.mark.parametrize(
    ("path", "given", "status", "said"),
    [
        ("query_range", {}, 400, "parse error at line 1, col 1: syntax error: unexpected end of query"),
        ("query_range", {"query": '{a="b"} |~ "("'}, 400, "error parsing regexp"),
        ("query_range", {"query": '{a="b"}', "limit": "0"}, 400, "'limit': '0' is no positive number"),
        ("query_range", {"query": '{a="b"}', "limit": "5001"}, 400, "max entries limit per query exceeded"),
        ("query_range", {"query": '{a="b"}', "direction": "up"}, 400, "'direction': expected 'forward' or 'backward'"),
        ("query_range", {"query": '{a="b"}', "start": "noon"}, 400, "'start': 'noon' is no time"),
        ("query_range", {"query": '{a="b"}', "end": "5"}, 400, "end timestamp must not be before"),
        ("query_range", {"query": '{a="b"}', "start": "-5"}, 400, "'start': '-5' is out of range"),
        ("query_range", {"query": '{a="b"}', "start": "1e400"}, 400, "out of range"),
        ("query_range", {"query": 'rate({a="b"}[1m])', "step": "0"}, 400, "zero or negative query resolution"),
        ("query_range", {"query": 'rate({a="b"}[1m])', "step": "1ms"}, 400, "exceeded maximum resolution of 11,000"),
        ("query_range", {"query": 'rate({a="b"}[1m])', "step": "x"}, 400, "'step': 'x' is no duration"),
        ("query", {"query": '{a="b"}'}, 400, "log queries are not supported as an instant query type"),
        ("query", {"query": 'sum by (took) (rate({service_name="relay"} | json [1h]))'}, 400,
         "pipeline error: 'JSONParserErr'"),
        ("query_range", {"query": '{a="b"} | line_format "{{.x"'}, 400, "unclosed action"),
        ("query_range", {"query": '{a="b"} | line_format "{{ nope .x }}"'}, 400, 'function "nope" not defined'),
        ("query_range", {"query": '{a="b"} |= ip("300.1.1.1")'}, 400, "ip: invalid pattern"),
        ("query_range", {"query": '{a="b"} | json x="["'}, 400, "json: cannot read the path"),
        ("index/stats", {}, 400, "'query': a stream selector is required"),
        ("labels", {"since": "x"}, 400, "'since': 'x' is no duration"),
        ("series", {"match[]": "{"}, 400, "parse error"),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_said_as_text(
    client: httpx.AsyncClient, tenant: str, path: str, given: dict[str, str], status: int, said: str
) -> None:
    answer = await client.get(
        f"/loki/api/v1/{path}", params={"start": _WINDOW["start"]} | given, headers={"X-Scope-OrgID": tenant}
    )

    assert answer.status_code == status, answer.text
    assert said in answer.text


_STAGES = """
| json
| logfmt
| unpack
|= "peer"
!~ "x"
| regexp "(?P<a>.)"
| pattern "<b> <_>"
| decolorize
| status > 1
| took != "x"
| took > 1ms
| line_format "{{.status | ToUpper}}"
| line_format "{{ if .a }}{{ .b }}{{ end }}"
| label_format a=b
| label_format c="{{ add .status 1 }}"
| drop a
| keep status, took
| distinct status
| ip = ip("::1")
| size < 1KB
| json x="a.b[0]"
| logfmt --strict
|> "<_> lost <_>"
""".strip().splitlines()
_RANGES = """
count_over_time({} [5m])
rate({} [1m] offset 1m)
sum by (status) (bytes_rate({} [5m]))
absent_over_time({} [1m])
sum_over_time({} | unwrap status [5m])
quantile_over_time(0.9, {} | unwrap duration(took) [5m]) by (queue_name)
topk(1, rate({} [1m])) / 2
avg_over_time({} | unwrap bytes(size) [5m])
rate_counter({} | unwrap status [5m])
""".strip().splitlines()


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(stages=st.lists(st.sampled_from(_STAGES), max_size=5), range_=st.none() | st.sampled_from(_RANGES))
async def test_any_sequence_of_stages_is_answered(
    client: httpx.AsyncClient, tenant: str, stages: list[str], range_: str | None
) -> None:
    lines = " ".join(['{service_name=~".+"}', *stages])
    query = lines if range_ is None else range_.replace("{}", lines)

    answer = await client.get(
        "/loki/api/v1/query_range", params=_WINDOW | {"query": query, "step": "60"}, headers={"X-Scope-OrgID": tenant}
    )

    assert answer.status_code == 200 or "pipeline error" in answer.text, f"{query}: {answer.text}"


_WORDS = '{{ }} .a if else end | ( ) "x" ToUpper printf 5 eq - and ` substr'.split()  # noqa: SIM905 - quotes


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(template=st.text(max_size=30) | st.lists(st.sampled_from([*_WORDS, " "])).map("".join))
async def test_any_template_is_done_or_refused(client: httpx.AsyncClient, tenant: str, template: str) -> None:
    quoted = '"' + "".join(f"\\u{ord(c):04x}" if ord(c) < 0x10000 else "" for c in template) + '"'
    given_ = _WINDOW | {"query": f'{{service_name="relay"}} | line_format {quoted}'}

    answer = await client.get("/loki/api/v1/query_range", params=given_, headers={"X-Scope-OrgID": tenant})

    assert answer.status_code in {200, 400}, answer.text
