"""Log records as they were sent, found by a search text or LogQL and by what is known of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from backbone.model.errors import UserInputError
from backbone.query.attribute_filters import AttributeFilter, attribute_condition
from backbone.query.conditions import Conditions
from backbone.query.logql.ast import LogQuery
from backbone.query.logql.base_labels import by_index, has_value
from backbone.query.logql.columns import label_columns
from backbone.query.logql.parser import parse_log_query
from backbone.query.logql.pipeline import Pipeline
from backbone.query.logql.search_box import parse_search
from backbone.query.logql.streams import EVERYTHING
from backbone.query.slices import Finder, found_in_slices
from backbone.query.values import any_value, json_ready, plain, readable
from backbone.store.engine import Engine, QueryLimits

SEVERITIES = {"trace": 1, "debug": 5, "info": 9, "warn": 13, "error": 17, "fatal": 21}
"""The lowest number of each; the ranges are four wide. Source: OpenTelemetry logs data model, SeverityNumber."""


@dataclass(frozen=True, slots=True)
class LogSearch:
    """What to look for; texts that are empty ask for nothing."""

    start_ns: int
    end_ns: int
    query: LogQuery = EVERYTHING
    service: str = ""
    severity: str = ""
    trace_id: bytes = b""
    attributes: tuple[AttributeFilter, ...] = ()
    limit: int = 100


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One record; ``body``, ``attributes`` and ``resource`` hold what JSON can say, ids are hexadecimal or empty."""

    time_ns: int
    service: str
    severity: str
    severity_number: int
    severity_text: str
    body: Any
    trace_id: str
    span_id: str
    event_name: str
    scope: str
    attributes: dict[str, Any]
    resource: dict[str, Any]


def parse_text(text: str) -> LogQuery:
    """
    Return the query that a search text means, or, where it begins with ``{``, LogQL.

    Raises:
        LogQLSyntaxError: it is neither; with line and column.
    """
    return parse_log_query(text) if text.lstrip().startswith("{") else parse_search(text)


def parse_severity(text: str) -> int:
    """
    Return the lowest severity number of a severity by name.

    Raises:
        UserInputError: there is none of this name.
    """
    number = SEVERITIES.get(text.lower())
    if number is None:
        near = get_close_matches(text.lower(), SEVERITIES, n=1)
        hint = f"; did you mean '{near[0]}'?" if near else ""
        raise UserInputError(f"'severity': unknown {text[:40]!r}, accepted are {', '.join(SEVERITIES)}{hint}")
    return number


def severity_name(number: int) -> str:
    """Return the name of a severity number's range, empty where the sender gave none."""
    return next((name for name, lowest in reversed(SEVERITIES.items()) if number >= lowest), "")


async def search_logs(engine: Engine, tenant: str, search: LogSearch, limits: QueryLimits) -> list[LogRecord]:
    """Return the records found, newest first; lines are changed by no stage, which only choose."""

    async def find(start: int, end: int, limit: int, within: QueryLimits) -> list[LogRecord]:
        return await _search(engine, tenant, replace(search, start_ns=start, end_ns=end - 1, limit=limit), within)

    window = search.start_ns, search.end_ns + 1
    rare = (
        bool(search.trace_id)
        or any(wanted.operator == "=" and wanted.value for wanted in search.attributes)
        or Pipeline(tenant, search.query, window, label_columns(engine)).by_index
    )
    return await found_in_slices(window, search.limit, Finder(find, limits, rare))


async def _search(engine: Engine, tenant: str, search: LogSearch, limits: QueryLimits) -> list[LogRecord]:
    pipeline = Pipeline(tenant, search.query, (search.start_ns, search.end_ns + 1), label_columns(engine))
    conditions = pipeline.conditions
    for test in _tests(conditions, search):
        pipeline.test(test)
    sql = f"""
SELECT toUnixTimestamp64Nano(time) AS time_ns, service, severity, severity_text, body, body_kind,
    event_name, lower(hex(trace_id)) AS trace, lower(hex(span_id)) AS span, scope,
    attributes, attribute_kinds, resource, resource_kinds
{pipeline.source} ORDER BY time DESC LIMIT {conditions.bind("UInt32", search.limit)}
"""
    return [_record(row) for row in await engine.rows(conditions.statement(sql), limits)]


def _tests(conditions: Conditions, search: LogSearch) -> Iterator[str]:
    if search.service:
        yield f"service = {conditions.bind('String', search.service)}"
    if search.severity:
        yield f"severity >= {conditions.bind('UInt8', parse_severity(search.severity))}"
    if search.trace_id:
        yield f"trace_id = toFixedString(unhex({conditions.bind('String', search.trace_id.hex())}), 16)"
    for wanted in search.attributes:
        if wanted.operator == "=" and wanted.value:
            yield by_index(has_value(conditions, wanted.value))
        yield attribute_condition(conditions, wanted)


def _record(row: dict[str, Any]) -> LogRecord:
    return LogRecord(
        time_ns=row["time_ns"],
        service=row["service"],
        severity=severity_name(row["severity"]),
        severity_number=row["severity"],
        severity_text=row["severity_text"],
        body=json_ready(plain(any_value(row["body"], row["body_kind"]))),
        trace_id=_optional(row["trace"]),
        span_id=_optional(row["span"]),
        event_name=row["event_name"],
        scope=row["scope"],
        attributes=readable(row["attributes"], row["attribute_kinds"]),
        resource=readable(row["resource"], row["resource_kinds"]),
    )


def _optional(identifier: str) -> str:
    return identifier if identifier.strip("0") else ""
