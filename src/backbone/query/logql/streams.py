"""Streams: which there are, their labels, and how much is in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backbone.query.logql.ast import LogQuery, Span
from backbone.query.logql.base_labels import STREAM_LABELS, stream_map
from backbone.query.logql.columns import label_columns
from backbone.query.logql.pipeline import Pipeline
from backbone.store.engine import Engine, QueryLimits

MAX_STREAMS = 10_000

EVERYTHING = LogQuery(Span(0, 0), ())
"""The query that selects all lines."""


@dataclass(frozen=True, slots=True)
class Stats:
    streams: int
    entries: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Streams:
    """Reads what there is of a tenant's streams from ``start_ns`` on and before ``end_ns``."""

    engine: Engine
    limits: QueryLimits
    tenant: str
    start_ns: int
    end_ns: int

    async def labels(self, query: LogQuery | None) -> list[str]:
        """Return the names of stream labels, of the streams that a query selects."""
        found = await self._maps(query)
        return sorted({name for one in found for name in one})

    async def values(self, label: str, query: LogQuery | None) -> list[str]:
        """Return the texts of a label; of one that is no stream label, those of structured metadata."""
        if label not in STREAM_LABELS:
            return await self._texts(label, query)
        found = await self._maps(query)
        return sorted({one[label] for one in found if label in one})

    async def series(self, queries: Sequence[LogQuery]) -> list[dict[str, str]]:
        """Return the labels of the streams that any of the queries selects."""
        found = [one for query in queries for one in await self._maps(query)]
        return [dict(labels) for labels in sorted({tuple(one.items()) for one in found})]

    async def stats(self, query: LogQuery) -> Stats:
        """Return how much a query selects."""
        pipeline = self._pipeline(query)
        sql = (
            f"SELECT uniqExact(service, resource) AS streams, count() AS entries, "
            f"sum(length(body)) AS bytes {pipeline.source}"
        )
        [row] = await self.engine.rows(pipeline.conditions.statement(sql), self.limits)
        return Stats(row["streams"], row["entries"], row["bytes"])

    async def _maps(self, query: LogQuery | None) -> list[dict[str, str]]:
        pipeline = self._pipeline(query)
        conditions = pipeline.conditions
        # Records of a stream have the same resource: the labels are made of it once.
        sql = (
            f"SELECT DISTINCT {stream_map(conditions)} AS stream FROM ("
            f"SELECT service, resource {pipeline.source} GROUP BY service, resource LIMIT {MAX_STREAMS})"
        )
        rows = await self.engine.rows(conditions.statement(sql), self.limits)
        return [{name: value for name, value in sorted(row["stream"].items()) if value} for row in rows]

    async def _texts(self, label: str, query: LogQuery | None) -> list[str]:
        pipeline = self._pipeline(query)
        text = pipeline.record.text(label)
        sql = (
            f"SELECT {text} AS value {pipeline.source} AND value != '' "
            f"GROUP BY value ORDER BY count() DESC, value LIMIT {MAX_STREAMS}"
        )
        rows = await self.engine.rows(pipeline.conditions.statement(sql), self.limits)
        return sorted(row["value"] for row in rows)

    def _pipeline(self, query: LogQuery | None) -> Pipeline:
        window = self.start_ns, self.end_ns
        return Pipeline(self.tenant, query or EVERYTHING, window, label_columns(self.engine))
