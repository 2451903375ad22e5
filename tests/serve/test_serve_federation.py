"""A server with peers, asked over HTTP."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from backbone.model.time import now_ns
from tests.conftest import StartServer, free_port
from tests.debian import Prometheus, needs_prometheus, open_prometheus

pytestmark = needs_prometheus

_MS = now_ns() // 1_000_000 - 60_000

_CONFIG = """
federation:
  external_labels: {{region: us}}
  peers:
    - {{name: eu, url: "{eu}", external_labels: {{region: eu}}}}
    - {{name: mars, url: "{mars}", external_labels: {{region: mars}}}}
"""


async def _seed(http: httpx.AsyncClient, eu: Prometheus) -> None:
    here = Prometheus(str(http.base_url).rstrip("/"))
    await here.write([({"__name__": "calls_total", "shard": "s0", "queue": "q"}, [(_MS, 1.0)])])
    await eu.write([({"__name__": "calls_total", "shard": "s1", "peer": "p"}, [(_MS, 2.0)])])


@pytest.mark.parametrize(
    ("path", "given", "expected"),
    [
        ("labels", {}, ["__name__", "peer", "queue", "region", "shard"]),
        ("labels", {"match[]": 'calls_total{region="eu"}'}, ["__name__", "peer", "region", "shard"]),
        ("label/shard/values", {}, ["s0", "s1"]),
        ("label/region/values", {}, ["eu", "us"]),
        ("label/region/values", {"match[]": '{shard="s1"}'}, ["eu"]),
        ("label/shard/values", {"match[]": '{region!="eu",shard!=""}'}, ["s0"]),
        (
            "series",
            {"match[]": "calls_total"},
            [
                {"__name__": "calls_total", "peer": "p", "region": "eu", "shard": "s1"},
                {"__name__": "calls_total", "queue": "q", "region": "us", "shard": "s0"},
            ],
        ),
        ("series", {"match[]": 'calls_total{region="nowhere"}'}, []),
    ],
)
async def test_lists_are_those_of_all_servers(
    start_server: StartServer, tmp_path: Path, path: str, given: dict[str, str], expected: list[object]
) -> None:
    with open_prometheus(tmp_path / "eu") as eu:
        config = tmp_path / "backbone.yaml"
        config.write_text(_CONFIG.format(eu=eu.url, mars=f"http://127.0.0.1:{free_port()}"))
        async with start_server(config) as server:
            await _seed(server.http, eu)
            answer = (await server.http.get(f"/api/v1/{path}", params=given)).json()

    assert answer["data"] == expected
    asked = "region" not in str(given) or "!=" in str(given)
    assert any("peer mars" in warning for warning in answer.get("warnings", [])) == asked


async def test_queries_ask_peers_and_say_who_is_missing(start_server: StartServer, tmp_path: Path) -> None:
    with open_prometheus(tmp_path / "eu") as eu:
        config = tmp_path / "backbone.yaml"
        config.write_text(_CONFIG.format(eu=eu.url, mars=f"http://127.0.0.1:{free_port()}"))
        async with start_server(config) as server:
            await _seed(server.http, eu)
            given = {"query": "sum by (region) (calls_total)", "time": f"{_MS / 1000 + 5}"}
            answer = (await server.http.get("/api/v1/query", params=given)).json()
            seen_before = await server.http.get(
                "/api/v1/query", params=given, headers={"X-Backbone-Hops": ",".join("abcdefgh")}
            )

    found = {one["metric"]["region"]: one["value"][1] for one in answer["data"]["result"]}
    assert found == {"eu": "2", "us": "1"}
    assert any("peer mars cannot be reached" in warning for warning in answer["warnings"])
    assert seen_before.json()["data"]["result"] == []
