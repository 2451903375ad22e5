"""Fixtures every test may use: a real server in this process, on free ports and a directory of its own."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import httpx
import pytest

from backbone.app import Backbone
from backbone.config.load import load_config
from backbone.store.engine import Statement
from tests.prepared import first_start, prepare

_LONGEST = (
    "query/promql/test_reuse.py",
    "query/promql/test_conformance.py",
    "robustness/test_mutations.py",
    "query/logql/test_reference.py",
    "robustness/test_overload.py",
    "serve/test_serve_prometheus.py",
    "robustness/test_hostile.py",
    "process/sample/test_restarts.py",
    "process/sample/test_tail.py",
    "serve/test_serve_loki.py",
    "robustness/test_start_stop.py",
    "robustness/test_sampled_kills.py",
    "robustness/test_kills.py",
    "receive/test_opentelemetry_sdk.py",
    "process/test_limits.py",
)
"""Files that take longest: they begin first, so that no process is left with one at the end."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {Path(__file__).parent / file: place for place, file in enumerate(_LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


def free_port() -> int:
    """Return a port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True, slots=True)
class Server:
    """A running server and a client of its main port."""

    backbone: Backbone
    http: httpx.AsyncClient
    http_port: int
    otlp_grpc_port: int
    otlp_http_port: int

    async def rows(self, sql: str, **parameters: Any) -> list[dict[str, Any]]:
        """Ask the engine itself, whatever the API shows."""
        return await self.backbone.engine.rows(Statement(sql, parameters))


class StartServer(Protocol):
    def __call__(self, config: Path | None = None, **options: str) -> AbstractAsyncContextManager[Server]: ...


@pytest.fixture
def start_server(tmp_path: Path) -> StartServer:
    """Start servers one after the other on one data directory; options by dotted path, with ``__`` for the dots."""

    data_dir = tmp_path / "data"

    @asynccontextmanager
    async def start(config: Path | None = None, **options: str) -> AsyncIterator[Server]:
        if not data_dir.exists():
            prepare(data_dir, first_start)
        http, grpc, otlp = free_port(), free_port(), free_port()
        overrides = {
            "store.data_dir": str(data_dir),
            "http.listen": f"127.0.0.1:{http}",
            "receivers.otlp_grpc.listen": f"127.0.0.1:{grpc}",
            "receivers.otlp_http.listen": f"127.0.0.1:{otlp}",
            "commit.linger": "0s",
        } | {name.replace("__", "."): value for name, value in options.items()}
        async with (
            Backbone.start(load_config(config, overrides)) as backbone,
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{http}", timeout=60) as client,
        ):
            yield Server(backbone, client, http, grpc, otlp)

    return start


@pytest.fixture
async def server(start_server: StartServer) -> AsyncIterator[Server]:
    async with start_server() as running:
        yield running
