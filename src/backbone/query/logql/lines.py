"""Lines that a query finds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from backbone.query.logql.ast import Distinct, LogQuery
from backbone.query.logql.base_labels import stream_map
from backbone.query.logql.columns import label_columns
from backbone.query.logql.pipeline import Pipeline
from backbone.query.slices import Finder, found_in_slices
from backbone.store.engine import Engine, QueryLimits

_NEWS_NS = 600_000_000_000
_DAY_NS = 86_400_000_000_000


@dataclass(frozen=True, slots=True)
class Line:
    """
    One line; ``labels`` are those after all stages, ``stream`` and ``metadata`` those of the record before them.

    Labels that are empty are left out.
    """

    time_ns: int
    text: str
    labels: dict[str, str]
    stream: dict[str, str]
    metadata: dict[str, str]


@dataclass(frozen=True, slots=True)
class Window:
    """From ``start_ns`` on and before ``end_ns``; the first or the last ``limit`` lines."""

    start_ns: int
    end_ns: int
    limit: int
    forward: bool = False


async def find_lines(engine: Engine, tenant: str, query: LogQuery, window: Window, limits: QueryLimits) -> list[Line]:
    """
    Return lines in order of time, the newest first or, *forward*, the oldest.

    Raises:
        UserInputError: a stage cannot be done as it is written.
        LimitExceeded: the statement needs more than it may.
    """
    # Which line is the first of its kind is known only of all of them.
    if any(isinstance(stage, Distinct) for stage in query.stages):
        return await _find(engine, tenant, query, window, limits)

    async def find(start: int, end: int, limit: int, within: QueryLimits) -> list[Line]:
        return await _find(engine, tenant, query, Window(start, end, limit, window.forward), within)

    whole = window.start_ns, window.end_ns
    by_index = Pipeline(tenant, query, whole, label_columns(engine)).by_index
    return await found_in_slices(whole, window.limit, Finder(find, limits, by_index), forward=window.forward)


async def _find(engine: Engine, tenant: str, query: LogQuery, window: Window, limits: QueryLimits) -> list[Line]:
    pipeline = Pipeline(tenant, query, (window.start_ns, window.end_ns), label_columns(engine), forward=window.forward)
    order = "ASC" if window.forward else "DESC"
    limit = pipeline.conditions.bind("UInt32", window.limit)
    sql = f"{_selected(pipeline)} ORDER BY time {order} LIMIT {limit}"
    return [_line(row) for row in await engine.rows(pipeline.conditions.statement(sql), limits)]


@dataclass(frozen=True, slots=True)
class Arrived:
    """A line, and the number of the request that it came with."""

    line: Line
    request: int


async def arrived_lines(
    engine: Engine, tenant: str, query: LogQuery, since_ns: int, seen: Sequence[int], limit: int, limits: QueryLimits
) -> list[Arrived]:
    """
    Return lines that came in since, oldest first, without those of requests *seen*; raises as `find_lines`.

    A request's lines show all at once, but not in the order in which requests came in. Lines that are older than ten
    minutes, or tell of a time more than a day ahead, are no news.
    """
    pipeline = Pipeline(tenant, query, (since_ns - _NEWS_NS, since_ns + _DAY_NS), label_columns(engine))
    conditions = pipeline.conditions
    since, known = conditions.bind("Int64", since_ns), conditions.bind("Array(Int64)", list(seen))
    pipeline.test(f"received >= fromUnixTimestamp64Nano({since}, 'UTC')")
    pipeline.test(f"NOT has({known}, toUnixTimestamp64Nano(received))")
    sql = (
        f"{_selected(pipeline, ', toUnixTimestamp64Nano(received) AS request')} "
        f"ORDER BY time LIMIT {conditions.bind('UInt32', limit)}"
    )
    rows = await engine.rows(conditions.statement(sql), limits)
    return [Arrived(_line(row), row["request"]) for row in rows]


def _selected(pipeline: Pipeline, more: str = "") -> str:
    return (
        f"SELECT toUnixTimestamp64Nano(time) AS time_ns, {pipeline.line} AS text, "
        f"{pipeline.labels.everything()} AS labels, {stream_map(pipeline.conditions)} AS stream, "
        f"{pipeline.record.everything()} AS record{more} {pipeline.source}"
    )


def _line(row: dict[str, Any]) -> Line:
    stream = _told(row["stream"])
    metadata = {name: value for name, value in _told(row["record"]).items() if name not in stream}
    return Line(row["time_ns"], row["text"], _told(row["labels"]), stream, metadata)


def _told(labels: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in sorted(labels.items()) if value}
