"""Rows of the table ``spans`` as the OTLP messages they came from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status, TracesData

from backbone.query.values import key_values

Row = dict[str, Any]

SPAN_COLUMNS = """
    hex(trace_id) AS trace, hex(span_id) AS span, hex(parent_span_id) AS parent,
    toUnixTimestamp64Nano(time) AS start_ns, start_ns + toInt64(duration_ns) AS end_ns,
    trace_state, flags, name, toInt8(kind) AS kind_number, toInt8(status) AS status_number, status_message,
    attributes, attribute_kinds, dropped_attributes,
    resource, resource_kinds, resource_dropped_attributes, resource_schema_url,
    scope, scope_version, scope_attributes, scope_kinds, scope_dropped_attributes, scope_schema_url,
    arrayMap(t -> toUnixTimestamp64Nano(t), events.time) AS event_times, events.name AS event_names,
    events.attributes AS event_attributes, events.attribute_kinds AS event_kinds,
    events.dropped_attributes AS event_dropped, dropped_events,
    arrayMap(i -> hex(i), links.trace_id) AS link_traces, arrayMap(i -> hex(i), links.span_id) AS link_spans,
    links.trace_state AS link_states, links.attributes AS link_attributes, links.attribute_kinds AS link_kinds,
    links.dropped_attributes AS link_dropped, links.flags AS link_flags, dropped_links
"""
"""What `traces_data` reads of a span."""

_RESOURCE = ("resource", "resource_kinds", "resource_dropped_attributes", "resource_schema_url")
_SCOPE = ("scope", "scope_version", "scope_attributes", "scope_kinds", "scope_dropped_attributes", "scope_schema_url")


def traces_data(rows: Iterable[Row]) -> TracesData:
    """Return the spans of *rows*, in their order, under the resources and scopes they share."""
    data = TracesData()
    resources: dict[str, ResourceSpans] = {}
    scopes: dict[str, ScopeSpans] = {}
    for row in rows:
        resource = repr([row[name] for name in _RESOURCE])
        if resource not in resources:
            resources[resource] = data.resource_spans.add()
            resources[resource].MergeFrom(_resource(row))
        scope = resource + repr([row[name] for name in _SCOPE])
        if scope not in scopes:
            scopes[scope] = resources[resource].scope_spans.add()
            scopes[scope].MergeFrom(_scope(row))
        scopes[scope].spans.append(_span(row))
    return data


def _resource(row: Row) -> ResourceSpans:
    return ResourceSpans(
        resource=Resource(
            attributes=key_values(row["resource"], row["resource_kinds"]),
            dropped_attributes_count=row["resource_dropped_attributes"],
        ),
        schema_url=row["resource_schema_url"],
    )


def _scope(row: Row) -> ScopeSpans:
    return ScopeSpans(
        scope=InstrumentationScope(
            name=row["scope"],
            version=row["scope_version"],
            attributes=key_values(row["scope_attributes"], row["scope_kinds"]),
            dropped_attributes_count=row["scope_dropped_attributes"],
        ),
        schema_url=row["scope_schema_url"],
    )


def _span(row: Row) -> Span:
    return Span(
        trace_id=bytes.fromhex(row["trace"]),
        span_id=bytes.fromhex(row["span"]),
        parent_span_id=_optional(row["parent"]),
        trace_state=row["trace_state"],
        flags=row["flags"],
        name=row["name"],
        kind=row["kind_number"],
        start_time_unix_nano=row["start_ns"],
        end_time_unix_nano=row["end_ns"],
        attributes=key_values(row["attributes"], row["attribute_kinds"]),
        dropped_attributes_count=row["dropped_attributes"],
        events=_events(row),
        dropped_events_count=row["dropped_events"],
        links=_links(row),
        dropped_links_count=row["dropped_links"],
        status=_status(row),
    )


def _status(row: Row) -> Status | None:
    code, message = row["status_number"], row["status_message"]
    return Status(code=code, message=message) if code or message else None


def _events(row: Row) -> list[Span.Event]:
    columns = ("event_times", "event_names", "event_attributes", "event_kinds", "event_dropped")
    return [
        Span.Event(
            time_unix_nano=time,
            name=name,
            attributes=key_values(attributes, kinds),
            dropped_attributes_count=dropped,
        )
        for time, name, attributes, kinds, dropped in zip(*(row[column] for column in columns), strict=True)
    ]


def _links(row: Row) -> list[Span.Link]:
    columns = (
        "link_traces", "link_spans", "link_states", "link_attributes", "link_kinds", "link_dropped", "link_flags"
    )  # fmt: skip
    return [
        Span.Link(
            trace_id=bytes.fromhex(trace),
            span_id=bytes.fromhex(span),
            trace_state=state,
            attributes=key_values(attributes, kinds),
            dropped_attributes_count=dropped,
            flags=flags,
        )
        for trace, span, state, attributes, kinds, dropped, flags in zip(*(row[c] for c in columns), strict=True)
    ]


def _optional(identifier: str) -> bytes:
    """Return the id, empty where storage holds the zeros that stand for none."""
    found = bytes.fromhex(identifier)
    return found if any(found) else b""
