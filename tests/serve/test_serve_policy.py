"""A policy over a real server: what senders are told, what is counted, and how services score."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData
from typer.testing import CliRunner, Result

from backbone.cli import cli
from tests.conftest import Server, StartServer
from tests.serve.test_serve_health import samples
from tests.stored import ago_ns, span, text

_API = "/api/backbone/v1"
_POLICY = """
tagging:
  teams: {shops: {services: ["shop.*"]}}
  conventions: true
  attributes:
    - {attribute: region}
    - {attribute: tier, requirement: recommended, teams: [shops]}
    - {attribute: tenancy, values: [one, many], requirement: optional, on_breach: refuse}
  deny:
    - {name: no-people, names: ["user\\\\..*"], on_breach: remove}
"""


@pytest.fixture
async def governed(start_server: StartServer, tmp_path: Path) -> AsyncIterator[Server]:
    (tmp_path / "policy.yaml").write_text(_POLICY)
    config = tmp_path / "backbone.yaml"
    config.write_text("policy: {file: policy.yaml}\n")
    async with start_server(config) as running:
        yield running


async def _send(server: Server, resource: dict[str, str], spans: list[dict[str, str]], *, ago: float = 5) -> Any:
    data = TracesData()
    resource_spans = data.resource_spans.add(resource=Resource(attributes=[text(k, v) for k, v in resource.items()]))
    resource_spans.scope_spans.add(
        spans=[
            span("abc", "op", at_ns=ago_ns(ago), identity=n + 1, attributes=[text(k, v) for k, v in one.items()])
            for n, one in enumerate(spans)
        ]
    )
    answer = await server.http.post(
        "/v1/traces", content=data.SerializeToString(), headers={"Content-Type": "application/x-protobuf"}
    )
    assert answer.status_code == 200, answer.text
    return ExportTraceServiceResponse.FromString(answer.content).partial_success


async def _get(server: Server, path: str, **given: Any) -> Any:
    answer = await server.http.get(f"{_API}{path}", params=given)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def _run(server: Server, *arguments: str) -> Result:
    at = ("--http", f"127.0.0.1:{server.http_port}")
    return await asyncio.to_thread(CliRunner(env={"COLUMNS": "200"}).invoke, cli, [*arguments, *at])


async def test_refused_items_are_told_and_the_rest_is_stored(governed: Server) -> None:
    told = await _send(governed, {"service.name": "shop", "tenancy": "none"}, [{}, {}])
    untold = await _send(governed, {"service.name": "shop"}, [{"http.method": "GET", "user.id": "me"}])

    assert (told.rejected_spans, untold.rejected_spans) == (2, 0)
    assert "policy:tenancy" in told.error_message
    assert await governed.rows("SELECT service, attributes FROM spans") == [
        {"service": "shop", "attributes": {"http.request.method": "GET"}}
    ]


async def test_breaches_are_counted_with_examples_of_what_is_stored(governed: Server) -> None:
    await _send(governed, {"service.name": "bank", "region": "eu", "tenancy": "x"}, [{}])
    await _send(governed, {"service.name": "shop", "region": "eu", "tier": "1"}, [{"user.id": "me"}, {}])

    found = await governed.rows(
        "SELECT service, rule, outcome, sum(items) AS items, any(example) AS example FROM findings "
        "WHERE policy = 'tagging' GROUP BY ALL ORDER BY ALL"
    )

    assert found == [
        {"service": "bank", "rule": "tenancy", "outcome": "left out", "items": 1, "example": "tenancy=x"},
        {"service": "shop", "rule": "no-people", "outcome": "kept", "items": 1, "example": "abc".rjust(32, "0")},
    ]


async def test_metrics_of_our_own_count_what_is_found_since_the_start(governed: Server) -> None:
    async def told() -> dict[str, float]:
        name = "backbone_policy_items_total "
        return {key.removeprefix(name): n for key, n in (await samples(governed)).items() if key.startswith(name)}

    await _send(governed, {"service.name": "shop", "region": "eu", "tier": "1"}, [{"user.id": "me"}, {}])
    once = await told()
    again = await told()
    await _send(governed, {"service.name": "bank", "region": "eu", "tenancy": "x"}, [{}, {}])
    await _send(governed, {"service.name": "shop", "region": "eu", "tier": "1"}, [{"user.id": "me"}])
    twice = await told()

    assert once == again == {"outcome=kept policy=tagging rule=no-people signal=traces": 1}
    assert twice == {
        "outcome=kept policy=tagging rule=no-people signal=traces": 2,
        "outcome=left out policy=tagging rule=tenancy signal=traces": 2,
    }


async def test_services_score_by_what_they_break(governed: Server) -> None:
    await _send(governed, {"service.name": "bank", "region": "eu"}, [{}])
    await _send(governed, {"service.name": "shop"}, [{"user.id": "me"}, {}, {}, {}])

    scores = (await _get(governed, "/policy/score"))["services"]
    one = (await _get(governed, "/policy/score", service="bank"))["services"]

    shop, bank = scores
    assert one == [bank]
    assert (bank["service"], bank["score"], bank["grade"], bank["rules"]) == ("bank", 100.0, "A", [])
    assert (shop["service"], shop["team"], shop["items"], shop["before"]) == ("shop", "shops", {"traces": 4}, None)
    # region: 3 of 3 + tier: 1 of 1 + no-people: a quarter of 3, of 3 + 1 + 1 + 3 in all.
    assert shop["score"] == pytest.approx(100 * (1 - 4.75 / 8), abs=0.01)
    assert shop["grade"] == "F"
    assert [(rule["rule"], rule["breached"], rule["share"]) for rule in shop["rules"]] == [
        ("region", 4, 1.0),
        ("tier", 4, 1.0),
        ("no-people", 1, 0.25),
    ]
    table = await _run(governed, "policy", "score")
    lines = await _run(governed, "policy", "score", "--json", "--service", "shop")
    assert "shop" in table.stdout
    assert "region 100 %" in table.stdout
    assert [json.loads(line)["service"] for line in lines.stdout.splitlines()] == ["shop"]


async def test_a_tenant_sees_what_is_his_own(governed: Server) -> None:
    await _send(governed, {"service.name": "shop"}, [{"user.id": "me"}])
    other = {"X-Scope-OrgID": "other"}

    scores = await governed.http.get(f"{_API}/policy/score", headers=other)
    diff = await governed.http.post(f"{_API}/policy/diff", json={"policy": ""}, headers=other)

    assert scores.json() == {"services": []}
    assert diff.json() == {"old": [], "new": []}


async def test_the_policy_in_force_is_shown(governed: Server) -> None:
    shown = await _get(governed, "/policy")

    assert shown["policy"]["tagging"]["attributes"][0]["attribute"] == "region"
    assert "conventions: true" in shown["yaml"]


async def test_a_diff_tells_what_another_policy_would_have_done(governed: Server, tmp_path: Path) -> None:
    await _send(governed, {"service.name": "shop", "region": "eu"}, [{"dc": "x"}, {}, {}])
    await _send(governed, {"service.name": "bank"}, [{}])
    new = tmp_path / "new.yaml"
    new.write_text(
        "tagging:\n  renames: {dc: zone}\n  attributes:\n"
        "    - {attribute: region, on_breach: drop}\n    - {attribute: dc2, where: item, on_breach: refuse}\n"
    )

    answer = await governed.http.post(f"{_API}/policy/diff", json={"policy": new.read_text()})
    table = await _run(governed, "policy", "diff", str(new))
    empty = await _run(governed, "policy", "diff", str(new), str(new))

    assert answer.status_code == 200, answer.text
    effects = {(one["signal"], one["service"]): one for one in answer.json()["new"]}
    shop = effects["traces", "shop"]
    assert (shop["items"], shop["changed"], shop["dropped"], shop["refused"]) == (3, 1, 0, 3)
    assert (effects["traces", "bank"]["dropped"], effects["traces", "bank"]["breaches"]) == (1, {"region": 1, "dc2": 1})
    old = {one["service"]: one for one in answer.json()["old"]}
    assert (old["shop"]["changed"], old["shop"]["breaches"]) == (0, {"tier": 3})
    assert table.exit_code == 0
    assert "dc2" in table.stdout
    assert "nothing would be different" in empty.stdout
    # Nothing was written.
    assert [row["n"] for row in await governed.rows("SELECT count() AS n FROM spans")] == [4]


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        pytest.param(
            "tagging: {attributes: [{}]}", "policy:1:24: tagging.attributes[0].attribute: is required", id="bad"
        ),
        pytest.param("tagging: {team_attribute: '${file:/etc/passwd}'}", "without references", id="files stay unread"),
        pytest.param("tagging: {team_attribute: '$$${env:HOME}'}", "without references", id="so does the environment"),
    ],
)
async def test_a_policy_that_is_asked_about_is_checked(governed: Server, policy: str, said: str) -> None:
    answer = await governed.http.post(f"{_API}/policy/diff", json={"policy": policy})

    assert answer.status_code == 400
    assert said in answer.json()["error"]
