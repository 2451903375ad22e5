"""Our own ways to look into logs."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from backbone.model.time import now_ns
from backbone.query.times import print_time
from tests.stored import Stored, record, text

_SECOND = 10**9
_NOW = now_ns() // (60 * _SECOND) * 60 * _SECOND


async def _seed(stored: Stored) -> str:
    tenant = stored.tenant()
    for number in range(30):
        failed = number % 3 == 0
        attributes = [text("shard", "s7" if failed else f"s{number % 5}"), text("region", "eu")]
        line = f"peer p{number} lost after {number * 7} ms" if failed else f"request {number} served"
        at = _NOW - (60 - number) * 10 * _SECOND
        await stored.logs(tenant, "relay", record(line, at_ns=at, severity=17 if failed else 9, attributes=attributes))
    for number in range(6):
        before = record(f"request {number} served", at_ns=_NOW - 7200 * _SECOND + number)
        await stored.logs(tenant, "relay", before)
    return tenant


@pytest.fixture(scope="module")
def tenant(stored: Stored) -> str:
    return asyncio.run(_seed(stored))


async def _get(client: httpx.AsyncClient, tenant: str, path: str, **given: Any) -> Any:
    answer = await client.get(
        f"/api/backbone/v1/logs/{path}",
        params={"since": print_time(_NOW - 3600 * _SECOND), "until": print_time(_NOW)} | given,
        headers={"X-Scope-OrgID": tenant},
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_histogram_counts_by_time_and_severity(client: httpx.AsyncClient, tenant: str) -> None:
    found = await _get(client, tenant, "histogram", step="5m")
    of_errors = await _get(client, tenant, "histogram", step="5m", text="peer lost")

    assert found["step_ns"] == 300 * _SECOND
    assert sum(bar["lines"] for bar in found["bars"] if bar["level"] == "info") == 20
    assert {bar["level"] for bar in of_errors["bars"]} == {"error"}
    assert sum(bar["lines"] for bar in of_errors["bars"]) == 10


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"field": "shard", "limit": 1}, [("s7", 10)]),
        ({"field": "detected_level"}, [("info", 20), ("error", 10)]),
        ({"field": "w", "text": '{service_name="relay"} | pattern "<w> <_>"'}, [("request", 20), ("peer", 10)]),
        ({"field": "nothing"}, []),
    ],
)
async def test_top_values_are_counted(
    client: httpx.AsyncClient, tenant: str, given: dict[str, Any], expected: list[tuple[str, int]]
) -> None:
    found = await _get(client, tenant, "top", **given)

    assert [(one["value"], one["lines"]) for one in found["values"]] == expected


async def test_patterns_are_compared_with_a_time_before(client: httpx.AsyncClient, tenant: str) -> None:
    found = await _get(client, tenant, "patterns", baseline="2h", step="10m")

    shown = {one["pattern"]: (one["lines"], one["baseline"], one["change"]) for one in found["patterns"]}
    assert shown["peer <_> lost after <_> ms"] == (10, 0, None)
    lines, baseline, change = shown["request <_> served"]
    assert (lines, baseline) == (20, 6)
    assert change == pytest.approx(20 / 6 * 2, rel=1e-6)


async def test_differences_name_what_stands_out(client: httpx.AsyncClient, tenant: str) -> None:
    found = await _get(client, tenant, "differences", text="severity>=error", rest="severity<error")

    first = {(one["label"], one["value"]) for one in found["differences"][:5]}
    assert ("shard", "s7") in first
    assert ("detected_level", "error") in first
    assert all(one["label"] != "region" or one["selected"] == one["rest"] for one in found["differences"])


async def test_fields_tell_their_types(client: httpx.AsyncClient, tenant: str) -> None:
    found = {one["label"]: one for one in (await _get(client, tenant, "fields"))["fields"]}

    assert (found["shard"]["type"], found["shard"]["cardinality"], found["shard"]["lines"]) == ("string", 6, 30)
    assert found["severity_number"]["type"] == "int"


async def test_the_lines_around_a_line_are_those_of_its_stream(client: httpx.AsyncClient, tenant: str) -> None:
    at = print_time(_NOW - 50 * 10 * _SECOND)

    found = await _get(client, tenant, "context", time=at, stream='{service_name="relay"}', before=2, after=2)

    assert [one["line"] for one in found["before"]] == ["request 8 served", "peer p9 lost after 63 ms"]
    assert [one["line"] for one in found["after"]] == ["request 10 served", "request 11 served"]
