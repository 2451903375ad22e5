"""Debian's Prometheus, which has no samples of its own and reads them from here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from backbone.model.time import now_ns
from tests.conftest import StartServer
from tests.debian import Data, Prometheus, needs_prometheus, open_prometheus

pytestmark = needs_prometheus

_MS = now_ns() // 1_000_000 // 60_000 * 60_000 - 600_000
_QUERIES = [
    "depth",
    "sum(rate(depth[1m]))",
    'count_over_time(depth{shard=~"s[12]"}[4m])',
    'depth{shard!="s1"} offset 1m',
    "max_over_time(depth[3m])",
]


async def test_prometheus_reads_from_here_what_it_would_have_itself(start_server: StartServer, tmp_path: Path) -> None:
    data: Data = [
        (
            {"__name__": "depth", "shard": f"s{shard}"},
            [(_MS + 217 + at * 1_003, float(at % 90 * shard)) for at in range(300)],
        )
        for shard in range(4)
    ]
    async with start_server() as server:
        await Prometheus(str(server.http.base_url).rstrip("/")).write(data)
        config = f"remote_read: [{{url: 'http://127.0.0.1:{server.http_port}/api/v1/read', read_recent: true}}]\n"
        with open_prometheus(tmp_path / "reader", config) as reader:
            async with httpx.AsyncClient(base_url=reader.url) as client:
                for query in _QUERIES:
                    given = {"query": query, "start": f"{_MS / 1000 + 120}", "end": f"{_MS / 1000 + 240}", "step": "30"}
                    theirs = (await client.get("/api/v1/query_range", params=given)).json()
                    ours = (await server.http.get("/api/v1/query_range", params=given)).json()
                    assert theirs["data"]["result"], query
                    assert _by_labels(ours) == pytest.approx(_by_labels(theirs)), query


def _by_labels(answer: Any) -> dict[str, float]:
    return {
        f"{sorted(one['metric'].items())} {time}": float(value)
        for one in answer["data"]["result"]
        for time, value in one["values"]
    }
