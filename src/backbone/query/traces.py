"""Traces: one by its id, as it was sent, and a search for those that have a span of some kind."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from backbone.model.errors import LimitExceeded, UserInputError
from backbone.query.attribute_filters import AttributeFilter, attribute_condition
from backbone.query.conditions import Conditions
from backbone.query.trace_rows import SPAN_COLUMNS, Row, traces_data
from backbone.store.engine import Engine, QueryLimits

MAX_SPANS = 50_000
"""Of one trace; a longer one is refused rather than cut, since a cut one misleads."""

_TRACE_ID = re.compile(r"[0-9a-fA-F]{1,32}")


def parse_trace_id(text: str) -> bytes:
    """
    Return the 16 bytes of a trace id in hexadecimal; a short one, as Jaeger prints them, is padded on the left.

    Raises:
        UserInputError: it is none, or all zeros.
    """
    if not _TRACE_ID.fullmatch(text):
        raise UserInputError(f"trace id {text[:100]!r}: expected 1 to 32 hexadecimal digits")
    found = bytes.fromhex(text.rjust(32, "0"))
    if not any(found):
        raise UserInputError(f"trace id {text!r}: all zeros is no trace's id")
    return found


@dataclass(frozen=True, slots=True)
class TraceSearch:
    """
    What to look for: a trace is found when one of its spans is all that is asked for.

    Texts that are empty and numbers that are None ask for nothing. The durations are those of the span.
    """

    start_ns: int
    end_ns: int
    service: str = ""
    operation: str = ""
    min_duration_ns: int | None = None
    max_duration_ns: int | None = None
    errors_only: bool = False
    attributes: tuple[AttributeFilter, ...] = ()
    limit: int = 20

    def test(self, conditions: Conditions) -> None:
        """Add what is asked of a span."""
        conditions.between("time", self.start_ns, self.end_ns)
        if self.service:
            conditions.add("service = {service}", service=("String", self.service))
        if self.operation:
            conditions.add("name = {name}", name=("String", self.operation))
        if self.min_duration_ns is not None:
            conditions.add("duration_ns >= {least}", least=("UInt64", self.min_duration_ns))
        if self.max_duration_ns is not None:
            conditions.add("duration_ns <= {most}", most=("UInt64", self.max_duration_ns))
        if self.errors_only:
            conditions.add("status = 'error'")
        for wanted in self.attributes:
            conditions.add(attribute_condition(conditions, wanted))


@dataclass(frozen=True, slots=True)
class TraceSummary:
    """One trace in a line; its root is the span without a parent, or the first of all where that one is missing."""

    trace_id: str
    service: str
    name: str
    start_ns: int
    duration_ns: int
    spans: int
    errors: int
    services: Sequence[str]


async def find_trace(engine: Engine, tenant: str, trace_id: bytes, limits: QueryLimits) -> TracesData | None:
    """
    Return a trace's spans under their resources and scopes, in order of time, or None where there is none.

    A span that was sent twice is there once.

    Raises:
        LimitExceeded: it has more than `MAX_SPANS` spans.
    """
    return (await find_traces(engine, tenant, [trace_id], limits)).get(trace_id)


async def find_traces(
    engine: Engine, tenant: str, trace_ids: Sequence[bytes], limits: QueryLimits
) -> dict[bytes, TracesData]:
    """
    Return the traces that are there, each as `find_trace` does; together they may have as many spans as one.

    Spans that wait for the decision on their trace are there, too, for as long as they wait.
    """
    conditions = Conditions(tenant)
    conditions.of_traces([trace_id.hex() for trace_id in trace_ids])
    # Looking both up in one statement costs more than asking first whether any wait, which is rare. Those that are let
    # go of in between are stored by then.
    waiting = await _waiting(engine, conditions, limits)
    stored = await engine.rows(conditions.statement(_spans("spans", conditions)), limits)
    rows = _once([*stored, *waiting]) if waiting else stored
    if len(rows) > MAX_SPANS:
        which = f"trace {trace_ids[0].hex()} has" if len(trace_ids) == 1 else f"{len(trace_ids)} traces have"
        raise LimitExceeded(f"{which} more than {MAX_SPANS} spans; ask by SQL", limit="spans")
    by_trace: dict[str, list[Row]] = {}
    for row in rows:
        by_trace.setdefault(row["trace"], []).append(row)
    return {bytes.fromhex(trace): traces_data(own) for trace, own in by_trace.items()}


async def _waiting(engine: Engine, conditions: Conditions, limits: QueryLimits) -> list[Row]:
    """Return the spans that wait for a decision on their trace."""
    any_of_them = f"SELECT count() AS spans FROM spans_waiting WHERE {conditions.where}"
    [row] = await engine.rows(conditions.statement(any_of_them), limits)
    if not row["spans"]:
        return []
    return await engine.rows(conditions.statement(_spans("spans_waiting", conditions)), limits)


def _spans(table: str, conditions: Conditions) -> str:
    """Return the SQL of a table's spans in order of time, each once, and one more than may be told."""
    return (
        f"SELECT {SPAN_COLUMNS} FROM {table} WHERE {conditions.where} "
        f"ORDER BY time, duration_ns DESC, span_id LIMIT 1 BY trace_id, span_id, kind LIMIT {MAX_SPANS + 1}"
    )


def _once(rows: list[Row]) -> list[Row]:
    """Return rows in order of time, each span once."""
    in_order = sorted(rows, key=lambda row: (row["start_ns"], row["start_ns"] - row["end_ns"], row["span"]))
    spans: dict[tuple[str, str, int], Row] = {}
    for row in in_order:
        spans.setdefault((row["trace"], row["span"], row["kind_number"]), row)
    return list(spans.values())


async def search_traces(engine: Engine, tenant: str, search: TraceSearch, limits: QueryLimits) -> list[TraceSummary]:
    """Return the traces found, those that started last first."""
    conditions = Conditions(tenant)
    search.test(conditions)
    limit = conditions.bind("UInt32", search.limit)
    found = (
        f"SELECT trace_id FROM spans WHERE {conditions.where} GROUP BY trace_id ORDER BY max(time) DESC LIMIT {limit}"
    )
    chosen = f"tenant = {{tenant:String}} AND trace_id IN ({found})"
    return await _summaries(engine, conditions, chosen, limits)


async def summarize_traces(
    engine: Engine, tenant: str, trace_ids: Sequence[bytes], limits: QueryLimits
) -> list[TraceSummary]:
    """Return those of the traces that are there, those that started last first."""
    conditions = Conditions(tenant)
    conditions.of_traces([trace_id.hex() for trace_id in trace_ids])
    return await _summaries(engine, conditions, conditions.where, limits)


async def _summaries(engine: Engine, conditions: Conditions, where: str, limits: QueryLimits) -> list[TraceSummary]:
    sql = f"""
SELECT
    lower(hex(trace_id)) AS id,
    argMin((service, name), (parent_span_id != toFixedString('', 8), time)) AS root,
    toUnixTimestamp64Nano(min(time)) AS start_ns,
    max(toUnixTimestamp64Nano(time) + toInt64(duration_ns)) - start_ns AS duration_ns,
    uniqExact(span_id, kind) AS spans,
    uniqExactIf((span_id, kind), status = 'error') AS errors,
    arraySort(groupUniqArray(toString(service))) AS services
FROM spans
WHERE {where}
GROUP BY trace_id
ORDER BY start_ns DESC, id
"""
    return [_summary(row) for row in await engine.rows(conditions.statement(sql), limits)]


def _summary(row: dict[str, Any]) -> TraceSummary:
    service, name = row["root"]
    return TraceSummary(
        trace_id=row["id"],
        service=service,
        name=name,
        start_ns=row["start_ns"],
        duration_ns=row["duration_ns"],
        spans=row["spans"],
        errors=row["errors"],
        services=tuple(row["services"]),
    )
