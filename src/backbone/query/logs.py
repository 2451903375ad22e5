"""Logs by the words in them and what is known of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from backbone.model.errors import UserInputError
from backbone.query.attribute_filters import AttributeFilter, add_attribute_filter
from backbone.query.conditions import Conditions
from backbone.query.values import any_value, json_ready, plain, readable
from backbone.store.engine import Engine, QueryLimits

SEVERITIES = {"trace": 1, "debug": 5, "info": 9, "warn": 13, "error": 17, "fatal": 21}
"""The lowest number of each; the ranges are four wide. Source: OpenTelemetry logs data model, SeverityNumber."""

_PHRASE = re.compile(r'"((?:[^"\\]|\\.)*)"')
# The index' tokenizer takes every byte that is no ASCII letter or digit as a border, other bytes as parts of a word.
_TOKEN = re.compile(r"[a-z0-9\u0080-\U0010ffff]+")


@dataclass(frozen=True, slots=True)
class Words:
    """What a body must hold: each of ``tokens`` as a word, each of ``phrases`` as it is; letters' case is ignored."""

    tokens: tuple[str, ...]
    phrases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LogSearch:
    """What to look for; texts that are empty ask for nothing."""

    start_ns: int
    end_ns: int
    text: str = ""
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


def parse_words(text: str) -> Words:
    """Return what a search text asks for: words, and phrases in double quotes, where a backslash keeps a quote."""
    phrases = tuple(re.sub(r"\\(.)", r"\1", found) for found in _PHRASE.findall(text))
    rest = _ascii_lower(_PHRASE.sub(" ", text))
    return Words(tuple(dict.fromkeys(_TOKEN.findall(rest))), tuple(_ascii_lower(p) for p in phrases if p))


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
    """Return the records found, newest first."""
    conditions = _conditions(tenant, search)
    limit = conditions.bind("UInt32", search.limit)
    sql = f"""
SELECT toUnixTimestamp64Nano(time) AS time_ns, service, severity, severity_text, body, body_kind, event_name,
    lower(hex(trace_id)) AS trace, lower(hex(span_id)) AS span, scope,
    attributes, attribute_kinds, resource, resource_kinds
FROM logs WHERE {conditions.where} ORDER BY time DESC LIMIT {limit}
"""
    return [_record(row) for row in await engine.rows(conditions.statement(sql), limits)]


def _conditions(tenant: str, search: LogSearch) -> Conditions:
    conditions = Conditions(tenant)
    conditions.between("time", search.start_ns, search.end_ns)
    words = parse_words(search.text)
    if words.tokens:
        conditions.add("hasAllTokens(lower(body), {tokens})", tokens=("Array(String)", words.tokens))
    for phrase in words.phrases:
        conditions.add("position(lower(body), {phrase}) > 0", phrase=("String", phrase))
    if search.service:
        conditions.add("service = {service}", service=("String", search.service))
    if search.severity:
        conditions.add("severity >= {least}", least=("UInt8", parse_severity(search.severity)))
    if search.trace_id:
        conditions.add("trace_id = toFixedString(unhex({id}), 16)", id=("String", search.trace_id.hex()))
    for wanted in search.attributes:
        add_attribute_filter(conditions, wanted)
    return conditions


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


def _ascii_lower(text: str) -> str:
    """Return the text in lower case as the engine's ``lower`` does it, which knows ASCII letters only."""
    return re.sub(r"[A-Z]+", lambda found: found[0].lower(), text)
