"""The faces over an engine in this process, within limits that a test chooses."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from starlette.applications import Starlette

from backbone.model.tenant import Tenants
from backbone.query.catalog import TableCatalog
from backbone.query.logql.engine import LogQL, LogQLOptions
from backbone.query.promql.engine import PromQL, PromQLOptions
from backbone.query.promql.fetch import TableSource
from backbone.query.promql.table_reader import TableOptions
from backbone.records.database import Records
from backbone.records.searches import Searches
from backbone.serve.asked import Asked, ServerFacts
from backbone.serve.asking import asking_routes
from backbone.store.engine import QueryLimits
from tests.stored import Stored


@contextmanager
def open_searches(directory: Path) -> Iterator[Searches]:
    """Open records in *directory*."""
    with asyncio.Runner() as runner:
        opening = Records.open(directory)
        records = runner.run(opening.__aenter__())
        try:
            yield Searches(records)
        finally:
            runner.run(opening.__aexit__(None, None, None))


def asking_app(
    stored: Stored,
    searches: Searches,
    *,
    max_series: int = 100_000,
    max_samples: int = 10_000_000,
    timeout_seconds: float = 20,
) -> Starlette:
    """Return an application with all faces that answer questions."""
    limits = QueryLimits(timeout_seconds=20)
    source = TableSource(stored.engine, TableOptions(limits, max_series=max_series, max_samples=max_samples))
    promql = PromQL(source, PromQLOptions(timeout_seconds=timeout_seconds, max_samples=max_samples))
    logql = LogQL(stored.engine, limits, LogQLOptions(max_series=max_series))
    facts = ServerFacts("http: {}\n", {"http.listen": "127.0.0.1:4444"}, datetime.now(UTC), "30d")
    asked = Asked(stored.engine, limits, source, TableCatalog(stored.engine, limits), promql, logql, searches, facts)
    return Starlette(routes=asking_routes(asked, concurrency=2, tenants=Tenants()))
