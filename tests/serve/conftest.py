from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime

import httpx
import pytest
from starlette.applications import Starlette

from backbone.model.tenant import Tenants
from backbone.query.catalog import TableCatalog
from backbone.query.promql.engine import PromQL, PromQLOptions
from backbone.query.promql.fetch import TableSource
from backbone.query.promql.table_reader import TableOptions
from backbone.serve.asked import Asked, ServerFacts
from backbone.serve.asking import asking_routes
from backbone.store.engine import QueryLimits
from tests.stored import Stored, open_stored


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stored]:
    # One process has one data directory open at a time, so no wider than a module.
    with open_stored(tmp_path_factory.mktemp("stored")) as stored:
        yield stored


@pytest.fixture(scope="module")
def app(stored: Stored) -> Starlette:
    limits = QueryLimits(timeout_seconds=20)
    source = TableSource(stored.engine, TableOptions(limits, max_series=100_000, max_samples=10_000_000))
    promql = PromQL(source, PromQLOptions())
    facts = ServerFacts("", {}, datetime.now(UTC), "30d")
    asked = Asked(stored.engine, limits, source, TableCatalog(stored.engine, limits), promql, facts)
    return Starlette(routes=asking_routes(asked, concurrency=2, tenants=Tenants()))


@pytest.fixture
async def client(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://backbone") as client:
        yield client
