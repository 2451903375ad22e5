"""Prometheus itself, scraping and sending by remote write; what arrives is compared with what it scraped."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from backbone.serve.server import HttpServer, ServerOptions, bind
from tests.conftest import Server
from tests.debian import needs_prometheus, open_prometheus

EXPOSITION = """\
# HELP jobs_total Jobs "done" \\\\ so far.
# TYPE jobs_total counter
jobs_total{queue="a\\\\b\\"c",shard="1"} 42
jobs_total{queue="ü",shard="2"} 1e+300
# TYPE depth gauge
depth -0.5
not_a_number NaN
infinite +Inf
# TYPE wait_seconds histogram
wait_seconds_bucket{le="0.1"} 1
wait_seconds_bucket{le="+Inf"} 3
wait_seconds_sum 5.5
wait_seconds_count 3
"""

pytestmark = needs_prometheus

CONFIG = """
global: {{scrape_interval: 1s, external_labels: {{replica: one}}}}
scrape_configs:
  - job_name: shop
    static_configs: [{{targets: ["127.0.0.1:{target}"]}}]
remote_write:
  - url: http://127.0.0.1:{server}/api/v1/write
    queue_config: {{batch_send_deadline: 200ms}}
    metadata_config: {{send_interval: 500ms}}
"""
STORED = """
SELECT metric, any(labels) AS labels, toString(any(value)) AS value FROM samples JOIN series USING (tenant, fp)
WHERE metric IN ('jobs_total', 'depth', 'not_a_number', 'infinite') OR startsWith(metric, 'wait_seconds')
GROUP BY metric, fp ORDER BY metric, labels['le'], labels['shard']
"""
METADATA = "SELECT metric, type, help FROM metadata FINAL WHERE metric IN ('jobs_total', 'depth')"


@asynccontextmanager
async def target() -> AsyncIterator[int]:
    """Serve the exposition and give its port."""

    async def metrics(_: Request) -> PlainTextResponse:
        return PlainTextResponse(EXPOSITION, media_type="text/plain; version=0.0.4")

    with bind("127.0.0.1", 0, "target", "--target") as listener:
        server = HttpServer(Starlette(routes=[Route("/metrics", metrics)]), listener, ServerOptions())
        running = asyncio.create_task(server.run())
        yield server.address[1]
        server.stop()
        await running


async def test_what_prometheus_scrapes_arrives(server: Server, tmp_path: Path) -> None:
    async with target() as port:
        with open_prometheus(tmp_path / "prometheus", CONFIG.format(target=port, server=server.http_port)):
            for _ in range(300):
                rows = await server.rows(STORED)
                metadata = await server.rows(METADATA)
                if len(rows) == 9 and len(metadata) == 2:
                    break
                await asyncio.sleep(0.1)

    common = {"job": "shop", "instance": f"127.0.0.1:{port}", "replica": "one"}
    assert [(row["metric"], row["labels"], row["value"]) for row in rows] == [
        ("depth", common, "-0.5"),
        ("infinite", common, "inf"),
        ("jobs_total", common | {"queue": 'a\\b"c', "shard": "1"}, "42"),
        ("jobs_total", common | {"queue": "ü", "shard": "2"}, "1e300"),
        ("not_a_number", common, "nan"),
        ("wait_seconds_bucket", common | {"le": "+Inf"}, "3"),
        ("wait_seconds_bucket", common | {"le": "0.1"}, "1"),
        ("wait_seconds_count", common, "3"),
        ("wait_seconds_sum", common, "5.5"),
    ]
    assert sorted(tuple(row.values()) for row in metadata) == [
        ("depth", "gauge", ""),
        ("jobs_total", "counter", 'Jobs "done" \\ so far.'),
    ]
