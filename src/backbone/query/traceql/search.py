"""
A search for traces.

The engine says which spans pass which filter, for traces that may match, the newest first and some at a time; what
needs the spans of a trace together is worked out over arrays of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from backbone.model.errors import LimitExceeded
from backbone.query.slices import Finder, slices
from backbone.query.traceql.ast import Combined, FieldExpr, Filter, Pipeline, Query, Spanset, Stage
from backbone.query.traceql.fields import is_looked_up, needs_children, needs_trace
from backbone.query.traceql.found import FoundTrace, describe
from backbone.query.traceql.source import Spans, Window
from backbone.query.traceql.spansets import Matched, TraceSpans, evaluate
from backbone.query.traceql.walk import ANCESTRY, aggregated, filters, grouped, nodes, told
from backbone.store.engine import Engine, QueryLimits

_MOST_CANDIDATES = 200_000
_MOST_SPANS = 5_000_000
_FIRST_BATCH = 200
_GROWTH = 5
_MOST_FILTERS = 60
_MOST_BY_PARTS = 1_000
"""Who wants more traces than this is told of all there are."""


@dataclass(frozen=True, slots=True)
class SearchLimits:
    """How many traces, and spans of each spanset, are told."""

    traces: int = 20
    spans: int = 3


@dataclass(frozen=True, slots=True)
class SpanKey:
    """A span that matched: its trace's and its own id in hexadecimal, and its spanset's number within the trace."""

    trace: str
    span: str
    group: int


class TraceSearch:
    """Searches a tenant's spans of a time."""

    def __init__(self, engine: Engine, tenant: str, window: Window, limits: QueryLimits) -> None:
        self._engine = engine
        self._tenant = tenant
        self._window = window
        self._limits = limits

    async def find(self, query: Query, wanted: SearchLimits) -> list[FoundTrace]:
        """
        Return traces of which spans match, those with the newest spans first.

        Where there are more than are wanted, those whose spans lie close together may come before newer ones.

        Raises:
            LimitExceeded: the query has too many filters, or needs more than it may.
        """
        pipeline = query.pipeline
        matched = await self._matched(pipeline, wanted.traces)
        return await describe(
            self._engine, self._tenant, self._window, self._limits, matched, told(pipeline), wanted.spans
        )

    async def ids(self, query: Query, most: int) -> list[str]:
        """Return the ids of the traces of which spans match, as `find` does."""
        return list(await self._matched(query.pipeline, most))

    async def spans(self, pipeline: Pipeline, most: int) -> list[tuple[str, str]]:
        """
        Return all spans that match, as ids of trace and span in hexadecimal.

        Raises:
            LimitExceeded: there are more than *most*.
        """
        found = await self._matched(pipeline, _MOST_CANDIDATES)
        keys = [(key.trace, key.span) for keys in found.values() for key in keys]
        if len(keys) > most:
            raise LimitExceeded(f"more than {most} spans match; ask for a shorter time", limit="traceql.spans")
        return keys

    async def _matched(self, pipeline: Pipeline, most: int) -> dict[str, list[SpanKey]]:
        """Return the spans that match by trace, the newest trace first."""
        if len(filters(pipeline)) > _MOST_FILTERS:
            raise LimitExceeded(f"a query has at most {_MOST_FILTERS} filters", limit="traceql.filters")
        conditions = _conditions(filters(pipeline))
        found: dict[str, list[SpanKey]] = {}
        if most <= _MOST_BY_PARTS and not needs_trace(conditions) and not needs_children(conditions):
            alone = len(pipeline.stages) == 1 and isinstance(pipeline.stages[0], Filter)
            if alone and any(is_looked_up(one) for one in conditions):
                few = await self._among_few(pipeline, most)
                if few is not None:
                    return await self._evaluated(pipeline, few)
            parts = [Window(start, end) for start, end in slices(self._window.start_ns, self._window.end_ns)]
            # Spans that only match together may lie in two parts: the whole time is looked at in the end.
            for part in parts if alone else parts[:-1]:
                size = most if alone else most + _FIRST_BATCH
                candidates = await self._candidates(pipeline, part, size, self._limits)
                found |= await self._evaluated(pipeline, [trace for trace in candidates if trace not in found])
                if len(found) >= most:
                    return dict(list(found.items())[:most])
            if alone:
                return found
        return await self._among_all(pipeline, most)

    async def _among_all(self, pipeline: Pipeline, most: int) -> dict[str, list[SpanKey]]:
        candidates = await self._candidates(pipeline, self._window, _MOST_CANDIDATES, self._limits)
        found: dict[str, list[SpanKey]] = {}
        at, size = 0, max(_FIRST_BATCH, most)
        while at < len(candidates) and len(found) < most:
            found |= await self._evaluated(pipeline, candidates[at : at + size])
            at, size = at + size, size * _GROWTH
        return dict(list(found.items())[:most])

    async def _among_few(self, pipeline: Pipeline, most: int) -> list[str] | None:
        """Return the candidates of the whole time, where an index says that few spans have to be looked at."""

        async def find(start: int, end: int, limit: int, limits: QueryLimits) -> list[str]:
            return await self._candidates(pipeline, Window(start, end), limit, limits)

        return await Finder(find, self._limits).among_few((self._window.start_ns, self._window.end_ns), most)

    async def _candidates(self, pipeline: Pipeline, window: Window, limit: int, limits: QueryLimits) -> list[str]:
        """Return the ids of the traces that have spans for all filters that they must have spans for."""
        needed = filters(pipeline.stages[0])
        spans = Spans(self._tenant, window, _conditions(needed))
        bits = {one: f"b{number}" for number, one in enumerate(needed)}
        columns = ", ".join(f"{spans.sql.condition(one.condition)} AS {name}" for one, name in bits.items())
        sql = (
            f"SELECT lower(hex(trace_id)) AS id FROM (SELECT trace_id, time, {columns} {spans.source}) "
            f"WHERE {' OR '.join(bits.values())} GROUP BY trace_id HAVING {_necessary(pipeline.stages[0], bits)} "
            f"ORDER BY max(time) DESC, id LIMIT {spans.conditions.bind('UInt32', limit)}"
        )
        return [row["id"] for row in await self._engine.rows(spans.conditions.statement(sql), limits)]

    async def _evaluated(self, pipeline: Pipeline, traces: Sequence[str]) -> dict[str, list[SpanKey]]:
        """Return the spans that match, of the traces that have any, in the order given."""
        if not traces:
            return {}
        table = await self._table(pipeline, traces)
        keys = await asyncio.to_thread(_keys, table, pipeline)
        return {trace: keys[trace] for trace in traces if trace in keys}

    async def _table(self, pipeline: Pipeline, traces: Sequence[str]) -> pa.Table:
        known, numbers, groups = filters(pipeline), aggregated(pipeline), grouped(pipeline)
        spans = Spans(self._tenant, self._window, [*_conditions(known), *numbers, *groups])
        spans.conditions.of_traces(traces)
        sql = spans.sql
        columns = [
            *(f"{sql.condition(one.condition)} AS b{number}" for number, one in enumerate(known)),
            *(f"toFloat64(ifNull({sql.number(one)}, nan)) AS n{number}" for number, one in enumerate(numbers)),
            *(f"concat({sql.shown(one)}.1, ' ', {sql.shown(one)}.2) AS g{number}" for number, one in enumerate(groups)),
        ]
        # The spans between two spans matter to some operators only.
        any_of = " OR ".join(f"b{number}" for number in range(len(known)))
        where = "1" if _looks_between(pipeline) else any_of
        text = (
            f"SELECT trace, span, parent, {', '.join(_names(pipeline))} FROM ("
            f"SELECT lower(hex(trace_id)) AS trace, reinterpretAsUInt64(reverse(span_id)) AS span, "
            f"reinterpretAsUInt64(reverse(parent_span_id)) AS parent, {', '.join(columns)} {spans.source}) "
            f"WHERE {where} ORDER BY trace, span LIMIT 1 BY trace, span LIMIT {_MOST_SPANS + 1}"
        )
        stream = await self._engine.arrow(spans.conditions.statement(text), self._limits)
        table: pa.Table = pa.ipc.open_stream(stream.data).read_all()
        if table.num_rows > _MOST_SPANS:
            raise LimitExceeded(f"more than {_MOST_SPANS} spans would have to be looked at", limit="traceql.spans")
        return table


def _conditions(known: Sequence[Filter]) -> list[FieldExpr]:
    return [one.condition for one in known if one.condition is not None]


def _names(pipeline: Pipeline) -> list[str]:
    return [
        *(f"b{number}" for number in range(len(filters(pipeline)))),
        *(f"n{number}" for number in range(len(aggregated(pipeline)))),
        *(f"g{number}" for number in range(len(grouped(pipeline)))),
    ]


def _looks_between(pipeline: Pipeline) -> bool:
    return any(isinstance(node, Combined) and node.operator in ANCESTRY for node in nodes(pipeline))


def _necessary(node: Stage | Spanset, bits: dict[Filter, str]) -> str:
    """Return the SQL of what a trace must have so that an expression may find spans in it."""
    match node:
        case Filter():
            return f"max({bits[node]})"
        case Combined(operator="||"):
            return f"({_necessary(node.left, bits)} OR {_necessary(node.right, bits)})"
        case Combined(operator=operator) if operator.startswith("!"):
            return _necessary(node.right, bits)
        case Combined():
            return f"({_necessary(node.left, bits)} AND {_necessary(node.right, bits)})"
        case Pipeline():
            return _necessary(node.stages[0], bits)
        case _:
            return "1"


def _keys(table: pa.Table, pipeline: Pipeline) -> dict[str, list[SpanKey]]:
    ids = table.column("trace").combine_chunks().dictionary_encode() if table.num_rows else None
    if ids is None:
        return {}
    if isinstance(ids, pa.ChunkedArray):
        ids = ids.combine_chunks()
    traces = ids.indices.to_numpy().astype(np.int64)
    starts = np.flatnonzero(np.diff(traces, prepend=-1))
    spans = TraceSpans(
        traces,
        np.append(starts, len(traces)).astype(np.int64),
        _numpy(table, "span").astype(np.uint64),
        _numpy(table, "parent").astype(np.uint64),
        {one: _numpy(table, f"b{number}").astype(np.bool_) for number, one in enumerate(filters(pipeline))},
        {one: _numpy(table, f"n{number}") for number, one in enumerate(aggregated(pipeline))},
        {one: _codes(table, f"g{number}") for number, one in enumerate(grouped(pipeline))},
    )
    return _by_trace(spans, evaluate(spans, pipeline), ids.dictionary.to_pylist())


def _by_trace(spans: TraceSpans, matched: Matched, ids: list[str]) -> dict[str, list[SpanKey]]:
    rows = np.flatnonzero(matched.mask)
    found: dict[str, list[SpanKey]] = {}
    columns = (spans.traces[rows].tolist(), spans.spans[rows].tolist(), matched.groups[rows].tolist())
    for trace, span, group in zip(*columns, strict=True):
        found.setdefault(ids[trace], []).append(SpanKey(ids[trace], f"{span:016x}", group))
    return found


def _numpy(table: pa.Table, name: str) -> Any:
    return table.column(name).to_numpy()


def _codes(table: pa.Table, name: str) -> Any:
    _, codes = np.unique(table.column(name).to_numpy().astype(str), return_inverse=True)
    return codes.astype(np.int64)
